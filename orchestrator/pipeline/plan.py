"""Plans an output before its first frame is read: crop, pixel format, colour, times, size, limits.

A plan follows from the source's metadata, the request, the model's contract and the limits alone. No file is
read here, and no frame.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

from orchestrator.errors import BadRequest, UnsupportedMedia
from orchestrator.frames import Crop, Form, VideoInfo
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.whole_pixel_window import WholePixelWindow
from orchestrator.jobs import FollowedStretch, Quality
from orchestrator.limits import Limits
from orchestrator.media.colour.coded_planes import coded_format
from orchestrator.media.colour.pixel_format import upright_chroma
from orchestrator.media.colour.plane_reader import can_read_planes
from orchestrator.media.colour.tonemap_curve import tone_mapped_info
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write.gif import paced
from orchestrator.media_containers import CONTAINERS, MAX_SIDE_PX, MediaContainer, check_limits, one_of
from orchestrator.pipeline.model_planes import enlarged_planes, planes_for_model
from orchestrator.pipeline.progress import Stage
from orchestrator.plane_format import PlaneFormat
from orchestrator.triton.contract import UpscaleContract

MARGIN_PX = 10
"""Source pixels around a crop that a model sees, as many as Real-ESRGAN's scripts give a tile (`--tile_pad`).
They make the edge of the crop look as if the whole picture had been upscaled, and cost little."""


@dataclass(frozen=True, kw_only=True)
class DeliveryRequest:
    """The output that a job requests from a source.

    Attributes:
        crop: the part of the picture, in pixels as displayed and within the picture; a path if it moves.
        followed: whom the crop follows when; None if it does not follow.
        model: name of the model that upscales it, or None.
        scale: size of the output over the size of the crop; None takes the model's scale, else 1.
        size: width and height of the output, in pixels; None takes them from `scale`.
        quality: the quality of the encoding.
        container: the container of the output.
        start_s, end_s: the time range, in seconds from the start of the source; None is its start or its end.
        tonemap: whether HDR becomes SDR.
        reuse_tolerance: see `TiledUpscaler`.
        stabilize: see `Stabilizer`; only for a crop that does not move.
        annotated: whether something is drawn on the frames, which are then 8-bit RGB without alpha.
    """

    crop: Crop | CropPath
    followed: tuple[FollowedStretch, ...] | None = None
    model: str | None = None
    scale: float | None = None
    size: tuple[int, int] | None = None
    quality: Quality = "high"
    container: MediaContainer
    start_s: Fraction | None = None
    end_s: Fraction | None = None
    tonemap: bool = False
    reuse_tolerance: int = 0
    stabilize: bool = False
    annotated: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that is decided about an output before its first frame is read; `plan` makes one.

    Attributes:
        source_info: describes the source, with its own colours. The reader needs it.
        output_info: describes the frames that are written, but for their size, which is `window.size`.
            Colours are those after tone mapping, and times those of a GIF; a part of a sphere has no sphere
            metadata.
        window: the part of each frame that is read, the crop in it, and the size of the output.
        form: type of the frames' pixels from the reader to the writer; see `Form`.
        planes: format of the planes that are read; None for RGB.
        output_planes: format of the planes that are written, which a model chooses by the encoder.
        alpha: whether frames carry their alpha into the output.
        tonemap: whether the reader maps HDR to SDR.
        start_s, end_s, reuse_tolerance, stabilize, quality, container: as in the request.
        contract: the contract of the model that upscales, or None.
        limits: on the frames that are read, whatever the header of the source says; None sets none.
        stage: the stage that the job reports.
        expected_frames: about how many frames the output will have; None if it is not known.
        notes: sentences for the user that are known by now.
    """

    source_info: VideoInfo
    output_info: VideoInfo
    window: WholePixelWindow
    form: Form
    planes: PlaneFormat | None
    output_planes: PlaneFormat | None
    alpha: bool
    tonemap: bool
    start_s: Fraction | None
    end_s: Fraction | None
    contract: UpscaleContract | None
    reuse_tolerance: int
    stabilize: bool
    quality: Quality
    container: MediaContainer
    limits: Limits | None
    stage: Stage
    expected_frames: int | None
    notes: tuple[str, ...]


def check_request(info: VideoInfo, request: DeliveryRequest, limits: Limits | None = None) -> None:
    """Refuse a request that is wrong whatever the model, before Triton is started for it.

    Raises:
        UnsupportedMedia: the source is HDR, and the output could only show it washed out.
        BadRequest: there is nothing to tone-map; or the time range is empty or starts before zero.
        LimitExceeded: the requested part is too long, or the pictures are too large.
    """
    _check_hdr(info, request)
    TimeRange.of(info, request.start_s, request.end_s)
    if limits is not None:
        limits.check_source(
            info,
            duration_s=part_length_s(info, request.start_s, request.end_s),
            frames=part_frames(info, request.start_s, request.end_s),
        )


def plan(
    info: VideoInfo,
    request: DeliveryRequest,
    contract: UpscaleContract | None = None,
    limits: Limits | None = None,
) -> Plan:
    """Plan an output.

    Args:
        info: describes the source; its length is measured if its header claims too much (`probe_source`).
        request: the requested output.
        contract: the contract of the model that the request names; None if it names none.
        limits: what a job may ask for; None sets no limits.

    Raises:
        UnsupportedMedia, BadRequest, LimitExceeded: see `check_request`; also if the output would be larger
            or longer than the container or the limits allow.
    """
    check_request(info, request, limits)
    mapped = tone_mapped_info(info) if request.tonemap else info
    planes = planes_for_model(info, mapped) if contract is not None else None
    window = _window(info, request, contract, (1, 1) if planes is None else planes.chroma)
    check_limits(
        request.container,
        quality=request.quality,
        width=window.size[0],
        height=window.size[1],
        duration_s=part_length_s(info, request.start_s, request.end_s),
    )
    if limits is not None:
        limits.check_output(*window.size)
    is_whole = window.crop_size == (info.width, info.height)
    cropped = mapped if is_whole else replace(mapped, sphere=None)
    output_info = paced(cropped) if request.container.is_paced else cropped
    form, alpha = _form(info, request, window), _keeps_alpha(info, request)
    output_planes: PlaneFormat | None
    if planes is not None:
        output_planes = enlarged_planes(
            planes, output_info, window, request.container, quality=request.quality, form=form, alpha=alpha
        )
    else:
        planes = output_planes = coded_format(info) if form == "planes" else None
    return Plan(
        source_info=info,
        output_info=output_info,
        window=window,
        form=form,
        planes=planes,
        output_planes=output_planes,
        alpha=alpha,
        tonemap=request.tonemap,
        start_s=request.start_s,
        end_s=request.end_s,
        contract=contract,
        reuse_tolerance=request.reuse_tolerance,
        stabilize=request.stabilize,
        quality=request.quality,
        container=request.container,
        limits=limits,
        stage="drawing" if request.annotated else "exporting" if contract is None else "upscaling",
        expected_frames=part_frames(output_info, request.start_s, request.end_s),
        notes=info.notes,
    )


def part_length_s(info: VideoInfo, start_s: Fraction | None, end_s: Fraction | None) -> float | None:
    """Return how long a part of a video is by its metadata, in seconds, or None if that is not known."""
    if info.duration_s is None:
        return None
    last_s = info.duration_s if end_s is None else min(info.duration_s, float(end_s))
    return max(last_s - float(start_s or 0), 0.0)


def part_frames(info: VideoInfo, start_s: Fraction | None, end_s: Fraction | None) -> int | None:
    """Return about how many frames a part of a video has by its metadata, or None if that is not known."""
    if start_s is None and end_s is None:
        return info.frames
    length_s = part_length_s(info, start_s, end_s)
    if info.average_rate is None or length_s is None:
        return None
    return max(round(length_s * info.average_rate), 1)


def _check_hdr(info: VideoInfo, request: DeliveryRequest) -> None:
    """Make sure that HDR stays HDR or is tone-mapped; see `check_request` for what it raises."""
    if request.tonemap and not info.colour.is_hdr:
        raise BadRequest("the video is not HDR: there is nothing to tone-map, leave tonemap out")
    if not info.colour.is_hdr or request.tonemap:
        return
    kind = info.colour.hdr_name
    if request.model is not None:
        raise UnsupportedMedia(
            f"the video is HDR ({kind}) and models accept only SDR: ask for tonemap (--tonemap), or export "
            "it without a model, which keeps HDR"
        )
    if request.container.most_bits == 8:
        others = one_of(container.name for container in CONTAINERS if container.most_bits > 8)
        raise UnsupportedMedia(
            f"the video is HDR ({kind}), which {request.container.name} cannot hold: ask for tonemap "
            f"(--tonemap), or for {others}"
        )


def _window(
    info: VideoInfo, request: DeliveryRequest, contract: UpscaleContract | None, step: tuple[int, int]
) -> WholePixelWindow:
    """Return the window around the crop, with the output size that the request or the model asks for.

    Args:
        info, request, contract: see `plan`.
        step: windows begin at multiples of these columns and rows.

    Raises:
        BadRequest: no decoder takes pictures of that size.
    """
    scale = contract.scale if contract else 1
    margin_px = min(MARGIN_PX, contract.halo) if contract else 0
    options: dict[str, Any] = {"scale": scale, "margin_px": margin_px, "step": step}
    window = WholePixelWindow(request.crop, info, size=request.size, **options)
    if request.size is None and request.scale is not None:
        width, height = (max(1, round(side * request.scale)) for side in window.crop_size)
        window = WholePixelWindow(request.crop, info, size=(width, height), **options)
    width, height = window.size
    if max(width, height) > MAX_SIDE_PX:
        most = MAX_SIDE_PX / max(window.crop_size)
        raise BadRequest(
            f"the output would be {width}x{height}, more than {MAX_SIDE_PX} on a side; use a scale of at "
            f"most {most:.2f}, or a smaller size"
        )
    return window


def _form(info: VideoInfo, request: DeliveryRequest, window: WholePixelWindow) -> Form:
    """Choose the type of the frames' pixels: planes for a model or if nothing changes them, else RGB."""
    if request.model is not None:
        return "planes" if can_read_planes(info) and not request.tonemap else "made_planes"
    is_changed = request.tonemap or request.annotated
    if is_changed or request.container.most_bits == 8:
        return "rgb"
    if window.is_exact and window.size == (window.width, window.height) and can_read_planes(info):
        x, y, _ = window.at(0.0)
        across, down = upright_chroma(info)
        if _fits(x, window.width, across, info.width) and _fits(y, window.height, down, info.height):
            return "planes"
    return "deep_rgb" if info.bit_depth > 8 else "rgb"


def _fits(start: int, length: int, step: int, whole: int) -> bool:
    """Return whether a range of `whole` pixels is made of whole chroma samples, or reaches the edge."""
    return start % step == 0 and (length % step == 0 or start + length == whole)


def _keeps_alpha(info: VideoInfo, request: DeliveryRequest) -> bool:
    """Return whether the output has alpha: if the source has it and the container can hold it.

    VP9 holds it, with 8 bits; HDR is written as AV1, which does not.
    """
    stays_hdr = info.colour.is_hdr and not request.tonemap
    holds_alpha = request.container.has_alpha and not stays_hdr
    return info.transparent and holds_alpha and not request.annotated
