"""Tracks the objects in a video: detects them, links them to tracks, and writes and draws the tracks."""

from __future__ import annotations

import difflib
import time
from contextlib import ExitStack
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

from orchestrator.drawing.picture_files import check_picture_format, write_picture
from orchestrator.errors import BadRequest
from orchestrator.frames import Letterbox, VideoInfo
from orchestrator.inference.detector import BatchedDetector
from orchestrator.jobs import TrackParams, TrackResult, TrackStats
from orchestrator.media.read.reader import VideoReader
from orchestrator.media_containers import container_for
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.draw_tracks import draw_tracks, plan_overlay, take_thumbnails
from orchestrator.pipeline.prefetch import ahead
from orchestrator.pipeline.preview import Moment, write_preview
from orchestrator.pipeline.probe_and_load import probe_source, within_limits
from orchestrator.pipeline.progress import FrameRateMeter, Progress
from orchestrator.pipeline.tracked_frame_times import TrackedFrameTimes
from orchestrator.storage.staged import check_outputs, staged
from orchestrator.tiles.letterbox import letterbox
from orchestrator.track_output.document import TrackDocument, check_track_format, write_tracks
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector
from orchestrator.track_output.timeline import Thumbnails, draw_timeline
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker
from orchestrator.triton.contract import DetectContract

# Bounds of the queues between stages, in frames: enough for the request that is filled and the next one.
_DECODED_AHEAD = 16
_DETECTED_AHEAD = 16


@dataclass(frozen=True, kw_only=True)
class TrackOutputs:
    """The files that a track job writes; None leaves one out.

    Attributes:
        tracks: the tracks as `.json`, `.json.gz` or `.ndjson`.
        overlay: the video with boxes, ids and trails drawn on it; its sound is kept.
        timeline: a picture that shows when each track was visible.
        overwrite: whether to replace files that exist.
    """

    tracks: Path | None = None
    overlay: Path | None = None
    timeline: Path | None = None
    overwrite: bool = False

    @property
    def paths(self) -> list[Path]:
        """The files that the job writes."""
        return [path for path in (self.tracks, self.overlay, self.timeline) if path is not None]

    def check(self, source: Path) -> None:
        """Refuse outputs that cannot be written, before any work.

        Raises:
            OutputPathRefused, BadRequest: a name has the wrong suffix, or `check_outputs` refuses it.
        """
        if self.tracks is not None:
            check_track_format(self.tracks)
        if self.overlay is not None:
            container_for(self.overlay)
        if self.timeline is not None:
            check_picture_format(self.timeline)
        check_outputs(source, self.paths, overwrite=self.overwrite)


@dataclass(frozen=True, kw_only=True)
class Tracked:
    """A finished track job.

    Attributes:
        result: what the job reports.
        tracks: the reported tracks, in order of id.
        classes: names by class number.
        time_base: unit of the tracks' pts, in seconds.
    """

    result: TrackResult
    tracks: ReportedTracks
    classes: tuple[str, ...]
    time_base: Fraction

    def document(self) -> TrackDocument:
        """Return the document that is written to files and sent to callers."""
        return TrackDocument(
            tracks=self.tracks,
            classes=self.classes,
            time_base=self.time_base,
            **self.result.model_dump(include={"video", "stats", "notes"}),
        )


def track(source: Path, params: TrackParams, outputs: TrackOutputs, context: JobContext) -> Tracked:
    """Track the objects in a video.

    Args:
        source: a local video file.
        params: what to find, and how.
        outputs: files to write; they appear only when all are complete.
        context: see `JobContext`.

    Raises:
        CallerError: the request or the source is wrong.
        ServiceError: Triton, the encoder or the disk failed.
    """
    started_s = time.monotonic()
    outputs.check(source)
    container = None if outputs.overlay is None else container_for(outputs.overlay)
    info = probe_source(source, context.limits, container=container)
    if context.limits is not None:
        context.limits.check_source(info, duration_s=info.duration_s, frames=info.frames)
    planned = None if outputs.overlay is None else plan_overlay(info, outputs.overlay)
    context.on_progress(Progress(stage="starting", total=info.frames))

    client = context.connect()
    model = context.resolve(params.model)
    client.load(model)
    contract = client.contract(model, DetectContract)
    wanted = _class_numbers(params.classes, contract)
    width, height = info.display_size
    box = letterbox(
        width=width, height=height, side=params.side or contract.side, multiple=contract.size_multiple
    )
    detector = BatchedDetector(client, contract, box, batch=params.batch, stride=params.stride)
    tracker = Tracker(_settings(params), width=width, height=height, time_base=info.time_base)
    found, times, reader_notes = _find(source, info, box, detector=detector, tracker=tracker, context=context)
    notes = [*info.notes, *reader_notes, *detector.notes]
    tracks = found.reported(confidence=params.confidence, classes=wanted)
    video = times.video(info, cuts=tracker.cuts)
    with ExitStack() as stack:
        # The video and the picture get their names last: if one file cannot be written, none is left.
        thumbnails = None if outputs.timeline is None else Thumbnails(tracks)
        if planned is not None and outputs.overlay is not None:
            drawing = draw_tracks(
                planned,
                source,
                outputs.overlay,
                tracks=tracks,
                classes=contract.classes,
                frames=times.frames,
                thumbnails=thumbnails,
                overwrite=outputs.overwrite,
                on_progress=context.on_progress,
            )
            notes += [note for note in stack.enter_context(drawing).notes if note not in notes]
        elif thumbnails is not None:
            take_thumbnails(source, info, thumbnails, frames=times.frames, on_progress=context.on_progress)
        if outputs.timeline is not None and thumbnails is not None:
            timeline = stack.enter_context(staged(outputs.timeline, overwrite=outputs.overwrite))
            picture = draw_timeline(
                tracks,
                thumbnails=thumbnails,
                classes=contract.classes,
                time_base=info.time_base,
                start_s=times.start_s(info),
                duration_s=video.duration_sec,
            )
            write_picture(timeline, picture, overwrite=False)
        moments = [Moment(source_s=time_s) for time_s in times.evenly_s(info)]
        notes += write_preview(context.preview, source=source, info=info, moments=moments)
        wall_s = time.monotonic() - started_s
        result = TrackResult(
            video=video,
            stats=TrackStats(
                model=model,
                tracks=len(tracks),
                boxes=tracks.boxes,
                unreported_tracks=tracks.left_out,
                cuts=len(tracker.cuts),
                detector_input=(box.height, box.width),
                wall_sec=round(wall_s, 3),
                fps=round(times.frames / wall_s, 3),
                transport=detector.transport,
                reused=round(detector.reused, 4),
                cost=context.cost_of(wall_s),
            ),
            notes=tuple(notes),
        )
        tracked = Tracked(result=result, tracks=tracks, classes=contract.classes, time_base=info.time_base)
        if outputs.tracks is not None:
            write_tracks(outputs.tracks, tracked.document(), overwrite=outputs.overwrite)
    return tracked


def _find(
    source: Path,
    info: VideoInfo,
    box: Letterbox,
    *,
    detector: BatchedDetector,
    tracker: Tracker,
    context: JobContext,
) -> tuple[TrackBoxCollector, TrackedFrameTimes, list[str]]:
    """Read a video once, detect and track; return the tracks, the frames' times, and the reader's notes."""
    found, times = TrackBoxCollector(), TrackedFrameTimes()
    with ExitStack() as stack:
        reader = stack.enter_context(VideoReader(source, info, letterbox=box, tonemap=True))
        read = within_limits(reader.frames(), info.time_base, context.limits)
        frames = stack.enter_context(ahead(read, items=_DECODED_AHEAD, name="decode"))
        detected = stack.enter_context(ahead(detector.run(frames), items=_DETECTED_AHEAD, name="detect"))
        stack.enter_context(detector)  # exits first: requests are cancelled before the threads are joined
        meter = FrameRateMeter(info.frames, "tracking")
        for item in detected:
            times.add(item)
            boxes = tracker.update(item.detections, frame=item.index, pts=item.pts, gray=item.gray)
            found.add(boxes, times.of(boxes))
            times.forget(before=tracker.first_open_frame)
            context.on_progress(meter.tick(item.index + 1))
    boxes = tracker.finish()
    found.add(boxes, times.of(boxes))
    return found, times, reader.notes


def _settings(params: TrackParams) -> TrackerSettings:
    """Return settings that start every track that could be reported: one of its boxes scores enough."""
    default = TrackerSettings(method=params.tracker, interpolate_s=params.fill_gaps_sec)
    new_score = max(default.low_score, min(default.new_score, params.confidence))
    return replace(default, new_score=new_score, high_score=min(default.high_score, new_score))


def _class_numbers(names: tuple[str, ...] | None, contract: DetectContract) -> frozenset[int] | None:
    """Return the numbers of the classes with these names; None stands for all.

    Raises:
        BadRequest: the model has no class of that name.
    """
    if names is None:
        return None
    known = set(contract.classes)
    wanted: list[str] = []
    for name in names:
        # A name may contain a comma. If the model has no class of that name, commas separate names.
        parts = [name] if name in known else [part.strip() for part in name.split(",")]
        wanted += [part for part in parts if part] or [name]
    for name in wanted:
        if name in known:
            continue
        nearest = difflib.get_close_matches(name, known, n=1)
        meant = f"; did you mean {nearest[0]!r}?" if nearest else "."
        listed = ", ".join(repr(one) if "," in one else one for one in contract.classes)
        raise BadRequest(f"model {contract.name!r} knows no class {name!r}{meant} It knows: {listed}")
    return frozenset(number for number, name in enumerate(contract.classes) if name in wanted)
