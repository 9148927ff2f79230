"""Plans a film: its frames and their times, its segments, and the encoder of the pieces.

A plan follows from the source's packets, the request, the model's contract and the table of speeds. No
picture is decoded but the first few, which `probe` looks at.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from orchestrator.cost.estimate import Workload, find_speed, work_seconds
from orchestrator.cost.price_table import CPU, PriceTable
from orchestrator.film.boundaries import divide
from orchestrator.film.document import FilmEncoder, FilmModel, FilmPlan, FilmSource
from orchestrator.film.frame_pts import compress
from orchestrator.film.segments import describe_segments
from orchestrator.film.source_frames import (
    FilmFrames,
    check_packets,
    find_keyframes,
    presentation_order,
    select_frames,
)
from orchestrator.film.unsplit import Unsplit
from orchestrator.frames import Crop, VideoInfo
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.track_file_reader import SubjectTracks
from orchestrator.jobs import Keyframe
from orchestrator.jobs.film import MOST_SEGMENTS, ExportFilm, FilmParams, TrackFilm, UpscaleFilm
from orchestrator.media.read.frame_times import in_seconds
from orchestrator.media.read.packet_index import PacketIndex, read_packet_index
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write.encoder_selection import choose_for_source
from orchestrator.media.write.film_encoder import for_pieces
from orchestrator.media_containers import MediaContainer, by_suffix
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export_request, time_range
from orchestrator.pipeline.plan import DeliveryRequest, Plan, check_request
from orchestrator.pipeline.probe_and_load import prepare, probe_source
from orchestrator.pipeline.upscale import upscale_request
from orchestrator.triton.contract import DetectContract, UpscaleContract
from orchestrator.video_source import VideoSource

__all__ = ["Unsplit", "plan_film"]

USUAL_FRAMES = 1500
"""Frames of a segment where the table of speeds does not say how fast the work is: a minute of film."""

FEWEST_SEGMENTS = 2
"""A film with less work than that of so many segments stays one job."""

EXTRA_SEGMENTS = 4
"""How many more segments there may be than the work asks for: those beside the hardest one."""


def plan_film(
    source: VideoSource,
    params: FilmParams,
    context: JobContext,
    *,
    etag: str | None,
    subjects: SubjectTracks | None = None,
    table: PriceTable | None = None,
    gpu: str = CPU,
) -> FilmPlan:
    """Plan a film.

    Args:
        source: the video.
        params: what to make of it.
        context: see `JobContext`. Triton is connected to only if the film needs a model and can be split.
        etag: the strong ETag of the source; None if it has none.
        subjects: the tracks that an export's crop follows, read from its `tracks`.
        table: the table of speeds; None plans segments of USUAL_FRAMES.
        gpu: the GPU of the workers as the table names it, or `cpu`.

    Raises:
        Unsplit: the video cannot or need not be split.
        CallerError: the request or the source is wrong.
        ServiceError: Triton or the model does not start.
    """
    path = cast("Path", source)
    container, (start_s, end_s) = _container(params), _range(params)
    info = probe_source(path, context.limits, container=container, start_s=start_s, end_s=end_s)
    _refuse_early(info, container)
    span = TimeRange.of(info, start_s, end_s)
    index = read_packet_index(path, end_s=span.end_s)
    check_packets(index)
    order = presentation_order(index)
    request = _request(info, params, context, container=container, subjects=subjects, pts=index.pts[order])
    if request is not None:
        check_request(info, request, context.limits)
    film = select_frames(index, order, info, span)
    seconds = _seconds_per_frame(info, params, request, context, table=table, gpu=gpu)
    keys = find_keyframes(index, film)
    begins, hardest = _divide(film, index, info, keys, params=params, seconds=seconds)
    planned, contract = _prepare(info, params, request, context)
    return FilmPlan(
        film=_named(params, request, context),
        source=FilmSource(bytes=source.stat().st_size, etag=etag, info=info),
        model=contract,
        encoder=None if planned is None else _encoder(planned),
        pts=compress(film.pts),
        last_duration=film.last_duration,
        segments=describe_segments(
            index, film, keys, begins, seconds=seconds, file_bytes=source.stat().st_size
        ),
        hardest=hardest,
        notes=info.notes if planned is None else planned.notes,
    )


def _container(params: FilmParams) -> MediaContainer | None:
    """Return the container of the film; None for tracking."""
    if isinstance(params, TrackFilm):
        return None
    name = params.format if isinstance(params, UpscaleFilm) else params.params.format
    return by_suffix(f".{name or 'mp4'}")


def _range(params: FilmParams) -> tuple[Fraction | None, Fraction | None]:
    """Return the start and the end of the film, in seconds from the start of the source."""
    return time_range(params.params) if isinstance(params, ExportFilm) else (None, None)


def _request(
    info: VideoInfo,
    params: FilmParams,
    context: JobContext,
    *,
    container: MediaContainer | None,
    subjects: SubjectTracks | None,
    pts: NDArray[np.int64],
) -> DeliveryRequest | None:
    """Return the output that the film requests; None for tracking. `pts` are those of all frames."""
    if container is None or isinstance(params, TrackFilm):
        return None
    if isinstance(params, UpscaleFilm):
        return upscale_request(info, params.params, context, container=container)
    return export_request(
        info,
        params.params,
        context,
        container=container,
        subjects=subjects,
        times_s=lambda: in_seconds(pts, info),
    )


def _refuse_early(info: VideoInfo, container: MediaContainer | None) -> None:
    """Refuse to split what can be told by the header.

    Raises:
        Unsplit: see above.
    """
    if container is not None and container.is_paced:
        raise Unsplit(f"a {container.name} is short, and each of its pictures builds on the one before")
    if info.interlaced:
        raise Unsplit("the video is interlaced, and its pictures are made of those before and after")
    if info.has_clock_jumps:
        raise Unsplit("the clock of the video jumps, so that it must be read from its start")


def _seconds_per_frame(
    info: VideoInfo,
    params: FilmParams,
    request: DeliveryRequest | None,
    context: JobContext,
    *,
    table: PriceTable | None,
    gpu: str,
) -> float | None:
    """Return how long one worker needs for a frame, by the table of speeds; None if that does not say."""
    known = None if table is None else table.known_gpu(gpu)
    if table is None or known is None:
        return None
    if isinstance(params, TrackFilm):
        model, size = context.resolve(params.params.model), (info.width, info.height)
    else:
        model, size = _model_and_size(request)
    work = Workload(task=params.task, model=model, frames=1, width=size[0], height=size[1])
    speed, relations = find_speed(table, work, known)
    return None if speed is None else work_seconds(work, speed, relations)


def _model_and_size(request: DeliveryRequest | None) -> tuple[str, tuple[int, int]]:
    """Return the model of an output, or an empty name, and the size of its largest crop in pixels."""
    if request is None:
        raise AssertionError("only tracking requests no output")
    crop = request.crop
    width, height = (crop.w, crop.h) if isinstance(crop, Crop) else crop.size
    return request.model or "", (max(1, round(width)), max(1, round(height)))


def _divide(
    film: FilmFrames,
    index: PacketIndex,
    info: VideoInfo,
    keys: NDArray[np.int64],
    *,
    params: FilmParams,
    seconds: float | None,
) -> tuple[tuple[int, ...], int]:
    """Return the first frame of each segment, and the number of the hardest.

    Raises:
        Unsplit: the film is short, or there is no second keyframe.
    """
    frames = len(film.pts)
    length = USUAL_FRAMES if seconds is None else max(params.work_sec / seconds, 1.0)
    if params.segments is not None:
        length = frames / params.segments
    if frames < FEWEST_SEGMENTS * length:
        raise Unsplit("the video is too short to be worth splitting")
    length = max(length, frames / (MOST_SEGMENTS - EXTRA_SEGMENTS))
    tick = info.time_base
    usual = round(1 / (info.average_rate * tick)) if info.average_rate else 1
    ends = np.append(film.pts, film.pts[-1] + max(film.last_duration or usual, 1))
    times_s = (ends - ends[0]).astype(np.float64) * tick.numerator / tick.denominator
    sizes = index.size[film.packets].astype(np.int64)
    division = divide(times_s=times_s, sizes=sizes, keys=keys, length=length)
    if len(division.begins) < FEWEST_SEGMENTS:
        raise Unsplit("the video has too few keyframes, so that nothing of it can be decoded on its own")
    return division.begins, division.hardest


def _prepare(
    info: VideoInfo, params: FilmParams, request: DeliveryRequest | None, context: JobContext
) -> tuple[Plan | None, FilmModel | None]:
    """Plan the output as the ordinary job does, and load the model; a film of tracks has no output.

    Raises:
        Unsplit: the output has alpha, for which pieces are not made.
    """
    if request is None or isinstance(params, TrackFilm):
        if not isinstance(params, TrackFilm):
            raise AssertionError("only tracking requests no output")
        if context.limits is not None:
            context.limits.check_source(info, duration_s=info.duration_s, frames=info.frames)
        client, name = context.connect(), context.resolve(params.params.model)
        client.load(name)
        detector = client.contract(name, DetectContract)
        return None, _film_model(detector)
    planned, _ = prepare(info, request, context)
    if planned.alpha:
        raise Unsplit("the video has transparency, which is coded beside its pictures")
    return planned, None if planned.contract is None else _film_model(planned.contract)


def _film_model(contract: UpscaleContract | DetectContract) -> FilmModel:
    return FilmModel(name=contract.name, weights_sha256=contract.weights_sha256, precision=contract.precision)


def _encoder(planned: Plan) -> FilmEncoder:
    """Return the encoder of the pieces of a planned output."""
    width, height = planned.window.size
    stored, _ = planned.container.displayed(width, planned.window.sample_aspect_ratio)
    choice = choose_for_source(
        planned.container,
        planned.output_info,
        width=stored,
        height=height,
        form=planned.form,
        quality=planned.quality,
        alpha=False,
    )
    pieces = for_pieces(choice)
    return FilmEncoder(
        encoder=pieces.choice.encoder,
        pixel_format=pieces.choice.pixel_format,
        options=pieces.choice.options,
        tag=pieces.choice.tag,
        threads=pieces.threads,
    )


def _named(params: FilmParams, request: DeliveryRequest | None, context: JobContext) -> FilmParams:
    """Return the parameters with the names of models, and the path of a crop, that they stand for."""
    if isinstance(params, TrackFilm):
        named = params.params.model_copy(update={"model": context.resolve(params.params.model)})
        return params.model_copy(update={"params": named})
    if request is None:
        raise AssertionError("only tracking requests no output")
    if isinstance(params, UpscaleFilm):
        enlarged = params.params.model_copy(update={"model": request.model})
        return params.model_copy(update={"params": enlarged})
    changes: dict[str, object] = {"format": request.container.name}
    if request.model is not None:
        changes["upscale_model"] = request.model
    if params.params.follow is not None and isinstance(request.crop, CropPath):
        keyframes = tuple(Keyframe(**frame) for frame in request.crop.keyframes())
        changes |= {"crop": keyframes, "follow": None, "tracks": None}
    return params.model_copy(update={"params": params.params.model_copy(update=changes)})
