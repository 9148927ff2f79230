"""Tracks the objects in a video: detects them, links them to tracks, and writes and draws the tracks."""

from __future__ import annotations

import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from orchestrator.drawing.picture_files import check_picture_format, write_picture
from orchestrator.jobs import TrackParams
from orchestrator.media.read.reader import VideoReader
from orchestrator.media_containers import container_for
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.detect import detected_frames, load_detector
from orchestrator.pipeline.draw_tracks import draw_tracks, plan_overlay, take_thumbnails
from orchestrator.pipeline.link_detections import DetectionLinker, Tracked
from orchestrator.pipeline.preview import Moment, write_preview
from orchestrator.pipeline.probe_and_load import probe_source
from orchestrator.pipeline.progress import FrameRateMeter, Progress
from orchestrator.storage.staged import check_outputs, staged
from orchestrator.track_output.document import check_track_format, write_tracks
from orchestrator.track_output.timeline import Thumbnails, draw_timeline
from orchestrator.video_source import VideoSource


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

    def check(self, source: VideoSource) -> None:
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


def track(source: VideoSource, params: TrackParams, outputs: TrackOutputs, context: JobContext) -> Tracked:
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

    loaded = load_detector(info, params, context)
    contract = loaded.contract
    linker = DetectionLinker(info, params, model=contract.name, classes=contract.classes)
    with VideoReader(source, info, letterbox=loaded.box, tonemap=True) as reader:
        meter = FrameRateMeter(info.frames, "tracking")
        with detected_frames(reader.frames(), loaded, info, context) as detected:
            for item in detected:
                linker.add(item)
                context.on_progress(meter.tick(item.index + 1))
    tracks, times = linker.finish(), linker.times
    notes = [*info.notes, *reader.notes, *loaded.detector.notes]
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
                duration_s=linker.video.duration_sec,
            )
            write_picture(timeline, picture, overwrite=False)
        moments = [Moment(source_s=time_s) for time_s in times.evenly_s(info)]
        notes += write_preview(context.preview, source=source, info=info, moments=moments)
        wall_s = time.monotonic() - started_s
        cost = context.cost_of(wall_s)
        tracked = linker.report(tracks, loaded.stats, wall_s=wall_s, cost=cost, notes=notes)
        if outputs.tracks is not None:
            write_tracks(outputs.tracks, tracked.document(), overwrite=outputs.overwrite)
    return tracked
