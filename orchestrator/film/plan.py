"""Plans a film: its frames and their times, its segments, and the encoder of the pieces.

A plan follows from the source's packets, the request, the model's contract and the table of speeds. No
picture is decoded but the first few, which `probe` looks at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.cost.price_table import CPU, PriceTable
from orchestrator.film.boundaries import TAPERED_LENGTH, TAPERED_SHARE, Division, divide
from orchestrator.film.document import FilmEncoder, FilmModel, FilmPlan, FilmSource
from orchestrator.film.frame_pts import compress
from orchestrator.film.request import (
    film_container,
    film_range,
    named_params,
    requested_output,
    seconds_per_frame,
)
from orchestrator.film.segment_output import film_model
from orchestrator.film.segments import (
    bytes_of_groups_before,
    describe_segments,
    find_decoding_starts,
    need_too_much,
)
from orchestrator.film.source_frames import (
    FilmFrames,
    Unsplit,
    check_packets,
    find_keyframes,
    presentation_order,
    select_frames,
)
from orchestrator.frames import VideoInfo
from orchestrator.framing.track_file_reader import SubjectTracks
from orchestrator.jobs.film import MOST_SEGMENTS, FilmParams, TrackFilm, UpscaleFilm
from orchestrator.media.read.packet_index import PacketIndex, read_packet_index
from orchestrator.media.read.sample_tables import read_sample_tables
from orchestrator.media.read.usable_index import has_usable_index
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write.encoder_selection import choose_for_source
from orchestrator.media.write.film_encoder import for_pieces
from orchestrator.media_containers import MediaContainer
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.detect import load_detector
from orchestrator.pipeline.link_detections import class_numbers
from orchestrator.pipeline.plan import DeliveryRequest, Plan, check_request
from orchestrator.pipeline.probe_and_load import prepare, probe_source
from orchestrator.video_source import VideoSource

__all__ = ["Unsplit", "plan_film"]

USUAL_FRAMES = 1500
"""Frames of a segment where the table of speeds does not say how fast the work is: a minute of film."""

FEWEST_SEGMENTS = 2
"""A film with less work than this many segments have stays one job."""

EXTRA_SEGMENTS = 4
"""How many more segments there may be than the work asks for: those beside the hardest one."""

TAPERED_TIMES = 1 - TAPERED_SHARE + TAPERED_SHARE / TAPERED_LENGTH
"""How many times as many segments a film has as it would have if those at its end were not shorter."""


@dataclass(frozen=True, kw_only=True, eq=False)
class _Cut:
    """A film that is divided into segments.

    Attributes:
        index: the packets of the source.
        request: the output; None for tracking.
        frames: the frames of the film.
        keys: the frames at which segments may begin.
        division: where they begin.
        starts: the packet at which decoding starts for each segment.
        seconds: how long one worker needs for a frame; None if it is not known.
    """

    index: PacketIndex
    request: DeliveryRequest | None
    frames: FilmFrames
    keys: NDArray[np.int64]
    division: Division
    starts: list[int]
    seconds: float | None


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
    container, (start_s, end_s) = film_container(params), film_range(params)
    info = probe_source(source, context.limits, container=container, start_s=start_s, end_s=end_s)
    _refuse_early(info, params, container)
    speeds = None if table is None or (known := table.known_gpu(gpu)) is None else (table, known)
    cut = _cut(source, info, params, context, subjects=subjects, speeds=speeds, whole=False)
    cut = cut or _cut(source, info, params, context, subjects=subjects, speeds=speeds, whole=True)
    if cut is None:
        raise AssertionError("a file that is read whole has the kinds of all its keyframes")
    planned, model = _prepare(info, params, cut.request, context)
    file_bytes = source.stat().st_size
    tables = read_sample_tables(source, cut.index)
    return FilmPlan(
        film=named_params(params, cut.request, context),
        followed=None if cut.request is None else cut.request.followed,
        source=FilmSource(bytes=file_bytes, etag=etag, info=info),
        model=model,
        encoder=None if planned is None else _encoder(planned),
        pts=compress(cut.frames.pts),
        last_duration=cut.frames.last_duration,
        index=None if tables is None else tables.where,
        segments=describe_segments(
            cut.index,
            cut.frames,
            cut.keys,
            cut.division.begins,
            cut.starts,
            tables=tables,
            seconds=cut.seconds,
            file_bytes=file_bytes,
        ),
        hardest=cut.division.hardest,
        notes=info.notes if planned is None else planned.notes,
    )


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
        detector = load_detector(info, params.params, context).contract
        class_numbers(params.params.classes, detector.name, detector.classes)  # refuses unknown names
        return None, film_model(detector)
    planned, _ = prepare(info, request, context)
    if planned.alpha:
        raise Unsplit("the video has transparency, which is coded beside its pictures")
    return planned, None if planned.contract is None else film_model(planned.contract)


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


def _refuse_early(info: VideoInfo, params: FilmParams, container: MediaContainer | None) -> None:
    """Refuse to split a video whose header or parameters show that it cannot be split.

    Raises:
        Unsplit: see above.
    """
    if container is not None and container.is_paced:
        raise Unsplit(f"a {container.name} is short, and each of its pictures builds on the one before")
    if isinstance(params, UpscaleFilm) and params.params.stabilize:
        raise Unsplit("what stabilize holds of a picture may come from any frame before it")
    if info.interlaced:
        raise Unsplit("the video is interlaced, and its pictures are made of those before and after")
    if info.has_clock_jumps:
        raise Unsplit("the clock of the video jumps, so that it must be read from its start")


def _cut(
    source: VideoSource,
    info: VideoInfo,
    params: FilmParams,
    context: JobContext,
    *,
    subjects: SubjectTracks | None,
    speeds: tuple[PriceTable, str] | None,
    whole: bool,
) -> _Cut | None:
    """Divide a film into segments; return None if the index of the file is wrong and it must be read whole.

    Raises:
        Unsplit: the film cannot or need not be divided.
        CallerError: the request or the source is wrong.
    """
    span = TimeRange.of(info, *film_range(params))
    index = read_packet_index(source, end_s=span.end_s, whole=whole)
    check_packets(source, index)
    last_s = float(index.pts[index.kind > 0].max(initial=0) * info.time_base)
    if not has_usable_index(source, index.format, last_s=last_s):
        raise Unsplit("the file has no index, so that it must be read from its start")
    order = presentation_order(index)
    request = requested_output(info, params, context, subjects=subjects, pts=index.pts[order])
    if request is not None:
        check_request(info, request, context.limits)
    frames = select_frames(index, order, info, span)
    seconds = seconds_per_frame(info, params, request, context, speeds=speeds)
    keys = find_keyframes(index, frames)
    division = _divide(frames, index, info, keys, params=params, seconds=seconds)
    starts = find_decoding_starts(source, index, frames, division.begins)
    if starts is not None and need_too_much(index, frames, division.begins, starts):
        extra = bytes_of_groups_before(index, frames, keys)
        division = _divide(frames, index, info, keys, params=params, seconds=seconds, extra=extra)
        starts = find_decoding_starts(source, index, frames, division.begins)
    if starts is None:
        return None
    return _Cut(
        index=index,
        request=request,
        frames=frames,
        keys=keys,
        division=division,
        starts=starts,
        seconds=seconds,
    )


def _divide(
    frames: FilmFrames,
    index: PacketIndex,
    info: VideoInfo,
    keys: NDArray[np.int64],
    *,
    params: FilmParams,
    seconds: float | None,
    extra: NDArray[np.int64] | None = None,
) -> Division:
    """Choose where the segments begin; `extra` is that of `divide`.

    Raises:
        Unsplit: the film is short, or there is no second keyframe.
    """
    count = len(frames.pts)
    length = USUAL_FRAMES if seconds is None else max(params.work_sec / seconds, 1.0)
    if params.segments is not None:
        if params.segments == 1:
            raise Unsplit("one segment is asked for")
        length = count / params.segments
    if count < FEWEST_SEGMENTS * length:
        raise Unsplit("the video is too short to be worth splitting")
    tapered = params.segments is None
    most = MOST_SEGMENTS - EXTRA_SEGMENTS
    length = max(length, count / (most / TAPERED_TIMES if tapered else most))
    tick = info.time_base
    usual = round(1 / (info.average_rate * tick)) if info.average_rate else 1
    ends = np.append(frames.pts, frames.pts[-1] + max(frames.last_duration or usual, 1))
    times_s = (ends - ends[0]).astype(np.float64) * tick.numerator / tick.denominator
    sizes = index.size[frames.packets].astype(np.int64)
    division = divide(times_s=times_s, sizes=sizes, keys=keys, length=length, tapered=tapered, extra=extra)
    if len(division.begins) < FEWEST_SEGMENTS:
        raise Unsplit("the video has too few keyframes for its parts to be decoded on their own")
    return division
