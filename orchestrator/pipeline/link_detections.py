"""Links the detections of all frames of a video to tracks, and reports the tracks."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from orchestrator.errors import BadRequest
from orchestrator.frames import VideoInfo
from orchestrator.inference.detector import DetectedFrame
from orchestrator.jobs import TrackedVideo, TrackParams, TrackResult, TrackStats
from orchestrator.jobs.job_cost import JobCost
from orchestrator.pipeline.detect import DetectionStats
from orchestrator.pipeline.tracked_frame_times import TrackedFrameTimes
from orchestrator.track_output.document import TrackDocument
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker


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


class DetectionLinker:
    """Links the detections of one video to tracks. Memory grows with the tracks alone.

    Args:
        info: describes the video.
        params: how to track, and what to report.
        model: the name of the detector.
        classes: the names of its classes, by number.

    Attributes:
        times: the times of the frames so far.

    Raises:
        BadRequest: the model has no class of a name in `params.classes`.
    """

    def __init__(self, info: VideoInfo, params: TrackParams, *, model: str, classes: tuple[str, ...]) -> None:
        self.times = TrackedFrameTimes()
        self._info = info
        self._params = params
        self._reported_classes = class_numbers(params.classes, model, classes)
        width, height = info.display_size
        self._tracker = Tracker(
            tracker_settings(params), width=width, height=height, time_base=info.time_base
        )
        self._found = TrackBoxCollector()

    @property
    def video(self) -> TrackedVideo:
        """Describes the video as far as its frames were added."""
        return self.times.video(self._info, cuts=self._tracker.cuts)

    def add(self, item: DetectedFrame) -> None:
        """Track the next frame. The frames are numbered from 0, without gaps."""
        self.times.add(item)
        boxes = self._tracker.update(item.detections, frame=item.index, pts=item.pts, gray=item.gray)
        self._found.add(boxes, self.times.of(boxes))
        self.times.forget(before=self._tracker.first_open_frame)

    def finish(self) -> ReportedTracks:
        """End all tracks, and return those to report."""
        boxes = self._tracker.finish()
        self._found.add(boxes, self.times.of(boxes))
        return self._found.reported(confidence=self._params.confidence, classes=self._reported_classes)

    def report(
        self,
        tracks: ReportedTracks,
        detection: DetectionStats,
        *,
        wall_s: float,
        cost: JobCost | None,
        notes: Sequence[str],
    ) -> Tracked:
        """Return the finished job.

        Args:
            tracks: what `finish` returned.
            detection: how the objects were detected.
            wall_s: how many seconds the job took.
            cost: what it cost; None if that is not known.
            notes: sentences for the user.
        """
        video = self.video
        result = TrackResult(
            video=video,
            stats=TrackStats(
                model=detection.model,
                tracks=len(tracks),
                boxes=tracks.boxes,
                unreported_tracks=tracks.left_out,
                cuts=len(video.cuts),
                detector_input=detection.input_size,
                wall_sec=round(wall_s, 3),
                fps=round(self.times.frames / wall_s, 3),
                transport=detection.transport,
                reused=round(detection.reused, 4),
                cost=cost,
            ),
            notes=tuple(notes),
        )
        return Tracked(
            result=result, tracks=tracks, classes=detection.classes, time_base=self._info.time_base
        )


def tracker_settings(params: TrackParams) -> TrackerSettings:
    """Return settings that start every track that could be reported: one of its boxes scores enough.

    The less confidence is asked for, the less the scores rise for a detector that is sure of much.
    """
    default = TrackerSettings(method=params.tracker, interpolate_s=params.fill_gaps_sec)
    new_score = max(default.low_score, min(default.new_score, params.confidence))
    high_score = min(default.high_score, new_score)
    share = min(1.0, params.confidence / TrackParams.model_fields["confidence"].default)
    return replace(
        default,
        new_score=new_score,
        high_score=high_score,
        raised_new_score=new_score + share * (default.raised_new_score - new_score),
        raised_high_score=high_score + share * (default.raised_high_score - high_score),
    )


def class_numbers(
    names: tuple[str, ...] | None, model: str, classes: tuple[str, ...]
) -> frozenset[int] | None:
    """Return the numbers of the classes with these names; None stands for all.

    Raises:
        BadRequest: the model has no class of that name.
    """
    if names is None:
        return None
    known = set(classes)
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
        listed = ", ".join(repr(one) if "," in one else one for one in classes)
        raise BadRequest(f"model {model!r} knows no class {name!r}{meant} It knows: {listed}")
    return frozenset(number for number, name in enumerate(classes) if name in wanted)
