"""A tracker: detections of frame after frame in, boxes of tracks out.

It joins the parts of this room: a cut ends all tracks, the camera's motion is followed if asked, frames
without detections are filled. All state belongs to one object; two trackers share nothing.

It does not know where detections and pictures come from, nor what is done with tracks.
"""

from __future__ import annotations

from dataclasses import fields
from itertools import zip_longest
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import InferenceFailed
from orchestrator.frames import TrackBoxes
from orchestrator.tracking.bytetrack import ByteTracker, Sightings
from orchestrator.tracking.camera_motion import CameraMotion
from orchestrator.tracking.gap_interpolation import fill
from orchestrator.tracking.shot_cuts import CutDetector

if TYPE_CHECKING:
    from fractions import Fraction

    from numpy.typing import NDArray

    from orchestrator.frames import Detections
    from orchestrator.tracking.settings import TrackerSettings

_NONE = TrackBoxes(
    frames=np.empty(0, np.int64),
    ids=np.empty(0, np.int64),
    boxes=np.empty((0, 4), np.float32),
    scores=np.empty(0, np.float32),
    classes=np.empty(0, np.int64),
    interpolated=np.empty(0, np.bool_),
)


class Tracker:
    """The tracks of one video.

    Args:
        settings: thresholds and times.
        width, height: of the picture as displayed, in pixels.
        time_base: unit of every pts, in seconds.

    Attributes:
        cuts: the frames that a shot begins with, but the first.
        not_finite: how many detections were left out because a value was NaN or infinite.
        empty: how many were left out because no part of the box lies in the picture.
    """

    def __init__(self, settings: TrackerSettings, *, width: int, height: int, time_base: Fraction) -> None:
        self.cuts: list[int] = []
        self.not_finite = 0
        self.empty = 0
        self._settings = settings
        self._time_base = time_base
        self._picture = np.array([width, height, width, height], np.float64)
        self._lost_pts = settings.lost_s / float(time_base)
        self._gap_pts = settings.interpolate_s / float(time_base)
        self._cut_detector = CutDetector() if settings.end_at_cuts else None
        self._camera_motion = (
            CameraMotion(width=width, height=height) if settings.method == "botsort" else None
        )
        self._begin_shot(first_id=1)

    def _begin_shot(self, *, first_id: int) -> None:
        self._shot = ByteTracker(self._settings, time_base=self._time_base, first_id=first_id)
        self._updates = 0
        # The frames that may still get boxes, at least those since the last with detections, and their times.
        self._frames: list[int] = []
        self._pts: list[int] = []
        self._looked = -1  # the last frame with detections
        self._cameras: list[NDArray[np.float64]] = []  # the motion into each frame since

    @property
    def settled(self) -> int:
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
        """Take in one frame.

        A track is confirmed by its second sighting and gaps are filled at their end, so boxes of earlier
        frames come with later ones; `settled` tells how far back.

        Args:
            detections: float32 [N, 6], x1, y1, x2, y2 in pixels as displayed, score, class; None for a frame
                that was not looked at, through which tracks go on.
            frame: index of the frame, larger than the last one's.
            pts: its time; one before the last frame's counts as that one's.
            gray: uint8 [h, w], the picture, small, always of one size; None where there is none: no cut is
                seen there, and the camera is taken to rest.

        Raises:
            InferenceFailed: detections are not of that shape.
        """
        told = []
        if gray is not None and self._cut_detector is not None and self._cut_detector.is_cut(gray):
            told = self._end_shot()
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
            valid, camera = self._valid(detections), _composed(self._cameras)
            told += self._told(self._shot.update(valid, frame=frame, pts=pts, camera=camera))
            self._updates += 1
            self._looked = frame
            self._cameras.clear()
            self._settle()
        return _joined(told)

    def finish(self) -> TrackBoxes:
        """End all tracks and return what is left of them."""
        return _joined(self._end_shot())

    def _valid(self, detections: Detections) -> NDArray[np.float64]:
        """Return what can be tracked, float64 [M, 6], clipped to the picture; count the rest."""
        if detections.ndim != 2 or detections.shape[1] != 6:
            raise InferenceFailed(
                f"detections have the shape {detections.shape}, not [N, 6]; build the model again"
            )
        valid = detections[np.isfinite(detections).all(axis=1)].astype(np.float64)
        self.not_finite += len(detections) - len(valid)
        valid[:, :4] = np.minimum(np.maximum(valid[:, :4], 0), self._picture)
        inside = (valid[:, 0] < valid[:, 2]) & (valid[:, 1] < valid[:, 3])
        self.empty += len(inside) - int(inside.sum())
        return valid[inside]

    def _told(self, sightings: Sightings) -> list[TrackBoxes]:
        """Return what an update tells: the sightings, those before that had to wait, and what lay between."""
        before = sightings.before
        told = [self._boxes(sightings, frames=self._frames[-1])]
        waited = np.flatnonzero(sightings.confirmed)
        if len(waited):
            first = before[waited]
            known = np.column_stack((first["box"], first["score"]))
            told.append(self._boxes(sightings, waited, frames=first["frame"], boxes=known))
        if len(self._frames) > 2:
            gaps = np.flatnonzero(
                (before["frame"] == self._looked) | (self._pts[-1] - before["pts"] <= self._gap_pts)
            )
            rows, frames, boxes = fill(
                before[gaps],
                np.column_stack((sightings.boxes, sightings.scores))[gaps],
                frames=np.array(self._frames, np.int64),
                pts=np.array(self._pts, np.int64),
            )
            told.append(self._boxes(sightings, gaps[rows], frames=frames, boxes=boxes, interpolated=True))
        return told

    def _settle(self) -> None:
        """Forget the frames that get no more boxes: before the last with detections, and before any gap."""
        first = 0
        while self._frames[first] < self._looked and self._pts[-1] - self._pts[first] > self._gap_pts:
            first += 1
        del self._frames[:first], self._pts[:first]

    def _end_shot(self) -> list[TrackBoxes]:
        """Return the boxes in the frames after the last with detections, and begin anew."""
        told = []
        if self._updates == 1:
            told.append(self._boxes(self._shot.confirm(), frames=self._looked))
        if self._updates:
            since = self._frames.index(self._looked)
            after = zip_longest(self._frames[since + 1 :], self._pts[since + 1 :], self._cameras)
            for frame, pts, camera in after:
                if pts - self._pts[since] <= self._lost_pts:
                    carried = self._shot.carry(pts=pts, camera=camera)
                    told.append(self._boxes(carried, frames=frame, interpolated=True))
        self._begin_shot(first_id=self._shot.next_id)
        return told

    def _boxes(
        self,
        sightings: Sightings,
        rows: NDArray[np.intp] | slice = slice(None),
        *,
        frames: NDArray[np.int64] | int,
        boxes: NDArray[np.float64] | None = None,
        interpolated: bool = False,
    ) -> TrackBoxes:
        """Return boxes [N, 5] (with scores) of rows [N] of sightings; without `boxes`, the sightings' own."""
        ids = sightings.ids[rows]
        where, scores = (
            (sightings.boxes[rows], sightings.scores[rows]) if boxes is None else (boxes[:, :4], boxes[:, 4])
        )
        corners = np.minimum(np.maximum(where, 0), self._picture).astype(np.float32)
        told = TrackBoxes(
            frames=np.full(len(ids), frames, np.int64),
            ids=ids,
            boxes=corners,
            scores=scores.astype(np.float32),
            classes=sightings.classes[rows],
            interpolated=np.full(len(ids), interpolated),
        )
        inside = np.flatnonzero((corners[:, :2] < corners[:, 2:]).all(axis=1))
        return told if len(inside) == len(told) else _taken(told, inside)


def _composed(cameras: list[NDArray[np.float64]]) -> NDArray[np.float64] | None:
    """Return one motion, float64 [2, 3], for several after one another; None for none."""
    total = np.eye(3)
    for camera in cameras:
        total[:2] = camera @ total
    return total[:2] if cameras else None


def _joined(told: list[TrackBoxes]) -> TrackBoxes:
    """Return all boxes in order of frame, and of id in a frame."""
    if len(told) == 1:
        return told[0]
    if not told:
        return _NONE
    columns = {
        field.name: np.concatenate([getattr(boxes, field.name) for boxes in told])
        for field in fields(TrackBoxes)
    }
    boxes = TrackBoxes(**columns)
    return _taken(boxes, np.lexsort((boxes.ids, boxes.frames)))


def _taken(boxes: TrackBoxes, rows: NDArray[np.intp]) -> TrackBoxes:
    """Return some rows."""
    return TrackBoxes(**{field.name: getattr(boxes, field.name)[rows] for field in fields(TrackBoxes)})
