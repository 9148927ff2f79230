"""Tracks objects through a whole video: takes the detections of each frame and returns the boxes of tracks.

It combines the modules of this package: ByteTrack follows the boxes, a cut ends all tracks, the camera's
motion is compensated on request, and frames without detections are filled. Two trackers share no state.
"""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from itertools import zip_longest

import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import InferenceFailed
from orchestrator.frames import Detections, TrackBoxes
from orchestrator.tracking.bytetrack import ByteTracker, MatchedTracks
from orchestrator.tracking.camera_motion import CameraMotionEstimator
from orchestrator.tracking.gap_interpolation import interpolate_gaps
from orchestrator.tracking.score_scale import ScoreScale
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.shot_cuts import CutDetector

_NONE = TrackBoxes(
    frames=np.empty(0, np.int64),
    ids=np.empty(0, np.int64),
    boxes=np.empty((0, 4), np.float32),
    scores=np.empty(0, np.float32),
    classes=np.empty(0, np.int64),
    interpolated=np.empty(0, np.bool_),
)


class Tracker:
    """Tracks the objects of one video.

    Args:
        settings: thresholds and times.
        width, height: size of the picture as displayed, in pixels.
        time_base: unit of every pts, in seconds.

    Attributes:
        cuts: the first frame of each shot but the first.
    """

    def __init__(self, settings: TrackerSettings, *, width: int, height: int, time_base: Fraction) -> None:
        self.cuts: list[int] = []
        self._settings = settings
        self._time_base = time_base
        self._picture = np.array([width, height, width, height], np.float64)
        self._lost_pts = settings.lost_s / float(time_base)
        self._gap_pts = settings.interpolate_s / float(time_base)
        self._cut_detector = CutDetector() if settings.end_at_cuts else None
        self._camera_motion = (
            CameraMotionEstimator(width=width, height=height) if settings.method == "botsort" else None
        )
        self._scale = ScoreScale(settings)
        self._begin_shot(first_id=1)

    def _begin_shot(self, *, first_id: int) -> None:
        self._shot = ByteTracker(self._settings, self._scale, time_base=self._time_base, first_id=first_id)
        self._updates = 0
        # The frames that may still get boxes, at least those since the last with detections, and their pts.
        self._frames: list[int] = []
        self._pts: list[int] = []
        self._last_detected = -1  # the last frame with detections
        self._cameras: list[NDArray[np.float64]] = []  # the camera's motion into each frame since then

    @property
    def first_open_frame(self) -> int:
        """Frames before this one get no more boxes."""
        return self._frames[0] if self._frames else 0

    def update(
        self,
        detections: Detections | None,
        *,
        frame: int,
        pts: int,
        gray: NDArray[np.uint8] | None = None,
    ) -> TrackBoxes:
        """Track one frame, and return the boxes that it settles.

        A track is confirmed by its second detection, or after a second if its scores are low for this
        detector, and gaps are filled when they end. So the boxes may be of earlier frames, from
        `first_open_frame` on.

        Args:
            detections: float32 [N, 6], x1, y1, x2, y2 in pixels as displayed, score, class; None for a frame
                that no detector has seen, in which tracks continue.
            frame: index of the frame, larger than the last one's.
            pts: its time; a time before the last frame's counts as that one.
            gray: uint8 [h, w], the reduced picture, always of one size. With None, no cut is detected and the
                camera is assumed to rest.

        Raises:
            InferenceFailed: detections have another shape.
        """
        tables = []
        if gray is not None and self._cut_detector is not None and self._cut_detector.is_cut(gray):
            tables = self._end_shot()
            self.cuts.append(frame)
        pts = max(pts, self._pts[-1]) if self._pts else pts
        self._frames.append(frame)
        self._pts.append(pts)
        if self._camera_motion is not None:
            rest = np.eye(2, 3)
            self._cameras.append(
                rest if gray is None else self._camera_motion.estimate(gray, self._shot.boxes)
            )
        if detections is not None:
            valid, camera = self._valid_detections(detections), _composed(self._cameras)
            tables += self._boxes_of_update(self._shot.update(valid, frame=frame, pts=pts, camera=camera))
            self._updates += 1
            self._last_detected = frame
            self._cameras.clear()
            self._drop_settled_frames()
        return _concatenated(tables)

    def finish(self) -> TrackBoxes:
        """End all tracks and return their remaining boxes."""
        return _concatenated(self._end_shot())

    def _valid_detections(self, detections: Detections) -> NDArray[np.float64]:
        """Return the usable detections, float64 [M, 6], clipped to the picture; count the others."""
        if detections.ndim != 2 or detections.shape[1] != 6:
            raise InferenceFailed(
                f"detections have the shape {detections.shape}, not [N, 6]; build the model again"
            )
        finite = np.isfinite(detections)
        if np.count_nonzero(finite) < finite.size:
            detections = detections[finite.all(axis=1)]
        valid = detections.astype(np.float64)
        valid[:, :4] = np.minimum(np.maximum(valid[:, :4], 0), self._picture)
        inside = valid[:, :2] < valid[:, 2:4]
        return valid if np.count_nonzero(inside) == inside.size else valid[inside.all(axis=1)]

    def _boxes_of_update(self, matches: MatchedTracks) -> list[TrackBoxes]:
        """Return boxes of matched tracks, earlier boxes of confirmed ones, and boxes that fill their gaps."""
        earlier, of_track = matches.earlier, matches.earlier_rows
        tables = [self._boxes(matches, frames=self._frames[-1])]
        if len(earlier):
            known = np.column_stack((earlier["box"], earlier["score"]))
            tables.append(self._boxes(matches, of_track, frames=earlier["frame"], boxes=known))
        if len(self._frames) > 2:
            before = matches.before
            gaps = np.flatnonzero(
                (before["frame"] == self._last_detected) | (self._pts[-1] - before["pts"] <= self._gap_pts)
            )
            now = before[gaps]
            now["frame"], now["pts"] = self._frames[-1], self._pts[-1]
            now["box"], now["score"] = matches.boxes[gaps], matches.scores[gaps]
            pairs = np.flatnonzero(of_track[1:] == of_track[:-1])
            rows, frames, boxes = interpolate_gaps(
                np.concatenate((before[gaps], earlier[pairs])),
                np.concatenate((now, earlier[pairs + 1])),
                frames=np.array(self._frames, np.int64),
                pts=np.array(self._pts, np.int64),
            )
            tracks = np.concatenate((gaps, of_track[pairs]))[rows]
            tables.append(self._boxes(matches, tracks, frames=frames, boxes=boxes, interpolated=True))
        return tables

    def _drop_settled_frames(self) -> None:
        """Forget the frames before the last detections that neither a gap nor a candidate reaches back to."""
        first, candidates_from = 0, self._shot.first_unreturned_frame
        last = self._last_detected if candidates_from is None else min(self._last_detected, candidates_from)
        while self._frames[first] < last and self._pts[-1] - self._pts[first] > self._gap_pts:
            first += 1
        del self._frames[:first], self._pts[:first]

    def _end_shot(self) -> list[TrackBoxes]:
        """Return the boxes in the frames after the last detections, and start a new shot."""
        tables = []
        if self._updates == 1:
            tables.append(self._boxes(self._shot.confirm(), frames=self._last_detected))
        if self._updates:
            since = self._frames.index(self._last_detected)
            after = zip_longest(self._frames[since + 1 :], self._pts[since + 1 :], self._cameras)
            for frame, pts, camera in after:
                if pts - self._pts[since] <= self._lost_pts:
                    extrapolated = self._shot.extrapolate(pts=pts, camera=camera)
                    tables.append(self._boxes(extrapolated, frames=frame, interpolated=True))
        self._begin_shot(first_id=self._shot.next_id)
        return tables

    def _boxes(
        self,
        matches: MatchedTracks,
        rows: NDArray[np.intp] | slice = slice(None),
        *,
        frames: NDArray[np.int64] | int,
        boxes: NDArray[np.float64] | None = None,
        interpolated: bool = False,
    ) -> TrackBoxes:
        """Return boxes and scores [N, 5] of rows [N] of matched tracks; by default the tracks' own boxes."""
        ids = matches.ids[rows]
        where, scores = (
            (matches.boxes[rows], matches.scores[rows]) if boxes is None else (boxes[:, :4], boxes[:, 4])
        )
        corners = np.minimum(np.maximum(where, 0), self._picture).astype(np.float32)
        table = TrackBoxes(
            frames=np.full(len(ids), frames, np.int64),
            ids=ids,
            boxes=corners,
            scores=scores.astype(np.float32),
            classes=matches.classes[rows],
            interpolated=np.full(len(ids), interpolated, np.bool_),
        )
        inside = corners[:, :2] < corners[:, 2:]
        if np.count_nonzero(inside) == inside.size:
            return table
        return _select_rows(table, np.flatnonzero(inside.all(axis=1)))


def _composed(cameras: list[NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """Compose successive motions into one, float64 [2, 3]; None if there are none."""
    if not cameras:
        return None
    total = np.eye(3)
    for camera in cameras:
        total[:2] = camera @ total
    return total[:2]


def _concatenated(tables: list[TrackBoxes]) -> TrackBoxes:
    """Return all boxes in one table, in order of frame, then of id."""
    if len(tables) == 1:
        return tables[0]
    if not tables:
        return _NONE
    columns = {
        field.name: np.concatenate([getattr(boxes, field.name) for boxes in tables])
        for field in fields(TrackBoxes)
    }
    boxes = TrackBoxes(**columns)
    return _select_rows(boxes, np.lexsort((boxes.ids, boxes.frames)))


def _select_rows(boxes: TrackBoxes, rows: NDArray[np.intp]) -> TrackBoxes:
    return TrackBoxes(**{field.name: getattr(boxes, field.name)[rows] for field in fields(TrackBoxes)})
