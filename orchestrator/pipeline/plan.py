"""What is to be delivered of a video, and what follows from it: the view and the form of the pictures.

It knows what is asked for and what there is, and moves no picture.
"""

from __future__ import annotations

import math
import sys
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from orchestrator.containers import CONTAINERS, MAX_SIDE_PX, check_limits, one_of
from orchestrator.errors import BadRequest, UnsupportedMedia
from orchestrator.framing.crop_window import CropWindow
from orchestrator.limits import Limits
from orchestrator.media.colour.pixel_format import upright_chroma
from orchestrator.media.colour.planes import can_read_planes
from orchestrator.media.read.packet_length import measured

if TYPE_CHECKING:
    from fractions import Fraction
    from pathlib import Path

    from orchestrator.containers import Container
    from orchestrator.frames import Crop, Form, VideoInfo
    from orchestrator.framing.keyframes import CropPath
    from orchestrator.jobs import Quality
    from orchestrator.triton.contract import UpscaleContract

MARGIN_PX = 10
"""What a model sees around a crop, as Real-ESRGAN's scripts show it around a tile (`--tile_pad`): enough that
the edge of the crop looks as if the whole picture had been enlarged, and few pixels more to infer."""


@dataclass(frozen=True, kw_only=True)
class DeliveryRequest:
    """What is to be delivered of a source.

    Attributes:
        crop: the part of the picture, in pixels as displayed, within it; it may move.
        model: that enlarges it, or None.
        scale: delivered size over the crop's; None takes the model's, else 1.
        size: width and height that are delivered; None takes the scale's.
        quality: of the encoding.
        container: where they go.
        start_s, end_s: the part of the time, in seconds from the start of the source; None is all.
        tonemap: turn HDR into SDR.
        reuse_tolerance: see `TiledModel`.
    """

    crop: Crop | CropPath
    model: str | None = None
    scale: float | None = None
    size: tuple[int, int] | None = None
    quality: Quality = "high"
    container: Container
    start_s: Fraction | None = None
    end_s: Fraction | None = None
    tonemap: bool = False
    reuse_tolerance: int = 0


def refuse_hdr(info: VideoInfo, request: DeliveryRequest) -> None:
    """Make sure that HDR stays HDR or is tone-mapped.

    Raises:
        UnsupportedMedia: it would be washed out.
        BadRequest: there is nothing to tone-map.
    """
    if request.tonemap and not info.colour.is_hdr:
        raise BadRequest("the video is not HDR: there is nothing to tone-map, leave tonemap out")
    if not info.colour.is_hdr or request.tonemap:
        return
    kind = info.colour.hdr_name
    if request.model is not None:
        raise UnsupportedMedia(
            f"the video is HDR ({kind}) and models know SDR: ask for tonemap (--tonemap), or export it "
            "without a model, which keeps HDR"
        )
    if request.container.most_bits == 8:
        others = one_of(container.name for container in CONTAINERS if container.most_bits > 8)
        raise UnsupportedMedia(
            f"the video is HDR ({kind}), which {request.container.name} cannot hold: ask for tonemap "
            f"(--tonemap), or for {others}"
        )


def view_of(info: VideoInfo, request: DeliveryRequest, contract: UpscaleContract | None) -> CropWindow:
    """Return what is seen of each picture, and the size that is delivered.

    Raises:
        BadRequest: that is larger than anything takes.
    """
    scale = contract.scale if contract else 1
    margin_px = min(MARGIN_PX, contract.halo) if contract else 0
    view = CropWindow(request.crop, info, scale=scale, margin_px=margin_px, size=request.size)
    if request.size is None and request.scale is not None:
        width, height = (max(1, round(side * request.scale)) for side in view.crop_size)
        view = CropWindow(request.crop, info, scale=scale, margin_px=margin_px, size=(width, height))
    width, height = view.size
    if max(width, height) > MAX_SIDE_PX:
        most = MAX_SIDE_PX / max(view.crop_size)
        raise BadRequest(
            f"the output would be {width}x{height}, more than {MAX_SIDE_PX} on a side; use a scale of at "
            f"most {most:.2f}, or a smaller size"
        )
    check_limits(
        request.container,
        quality=request.quality,
        width=width,
        height=height,
        duration_s=length_s(info, request),
    )
    return view


def form_of(info: VideoInfo, request: DeliveryRequest, view: CropWindow) -> Form:
    """Choose what the pictures are on their way: as coded where nothing is done to them, else RGB."""
    if request.model is not None or request.tonemap or request.container.most_bits == 8:
        return "rgb"
    if view.is_exact and view.size == (view.width, view.height) and can_read_planes(info):
        x, y, _ = view.at(0.0)
        across, down = upright_chroma(info)
        if _fits(x, view.width, across, info.width) and _fits(y, view.height, down, info.height):
            return "planes"
    return "deep_rgb" if info.bit_depth > 8 else "rgb"


def keeps_alpha(info: VideoInfo, request: DeliveryRequest) -> bool:
    """Return whether alpha is delivered: where there is some, and the container holds it.

    VP9 holds it, of 8 bits; what stays HDR is AV1, which does not.
    """
    stays_hdr = info.colour.is_hdr and not request.tonemap
    return info.transparent and request.container.has_alpha and not stays_hdr


def _fits(start: int, length: int, step: int, whole: int) -> bool:
    """Whether a part is whole samples of chroma, or reaches the edge."""
    return start % step == 0 and (length % step == 0 or start + length == whole)


def expected_frames(info: VideoInfo, request: DeliveryRequest) -> int | None:
    """Return how many frames there will be, about, or None."""
    if request.start_s is None and request.end_s is None:
        return info.frames
    duration_s = length_s(info, request)
    if info.average_rate is None or duration_s is None:
        return None
    return max(round(duration_s * info.average_rate), 1)


def believed(source: Path, info: VideoInfo, request: DeliveryRequest, limits: Limits | None) -> VideoInfo:
    """Return `info` with the length of the packets, where its header says more than may be delivered.

    Args:
        source: the video that `info` describes.
        info: what `probe` said of it.
        request: what is wanted.
        limits: on what is asked for; None for none.

    Raises:
        BadMedia: the file cannot be read.
    """
    limits = limits or Limits(duration_s=math.inf, frames=sys.maxsize)
    if request.container.max_duration_s is not None:
        limits = replace(limits, duration_s=min(limits.duration_s, request.container.max_duration_s))
    if not limits.exceeds(duration_s=length_s(info, request), frames=expected_frames(info, request)):
        return info
    start_s = float(request.start_s or 0)
    most_frames = limits.frames + math.ceil(start_s * (info.average_rate or 0))
    return measured(source, info, most_s=limits.duration_s + start_s, most_frames=most_frames)


def length_s(info: VideoInfo, request: DeliveryRequest) -> float | None:
    """Return how long the part that is wanted is, about, or None."""
    if info.duration_s is None:
        return None
    end_s = info.duration_s if request.end_s is None else min(info.duration_s, float(request.end_s))
    return max(end_s - float(request.start_s or 0), 0.0)
