"""Tracks the objects of one shot with ByteTrack, from the boxes and scores of one frame after the other.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022, arXiv
2110.06864, Algorithm 1. Boxes of high score are paired with tracks first. Boxes of low score may only
continue the tracks that are left over; they never start one. All tracks are rows of one table, and each step
works on all of them at once.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from orchestrator.tracking import kalman
from orchestrator.tracking.association import assign, iou
from orchestrator.tracking.score_scale import ScoreScale
from orchestrator.tracking.settings import TrackerSettings

_NEW, _TRACKED, _LOST = 0, 1, 2
_TRACK = np.dtype(
    [
        ("id", np.int64),  # 0 until confirmed
        ("status", np.int8),
        ("frame", np.int64),  # of the last detection
        ("pts", np.int64),
        ("box", np.float64, 4),
        ("score", np.float64),
        ("class", np.int64),  # the one with the highest sum of scores
    ]
)

HIGH_IOU = 0.2
"""Least IoU of a track and a box of high score (the paper, section 4.1)."""
LOW_IOU = 0.4
"""Least IoU of a track and a box of low score (0.5 in the authors' code)."""
NEW_IOU = 0.3
"""Least IoU of an unconfirmed track and a box (the authors' code)."""
LOST_SHARE = 0.83
"""The likeness of a lost track to a box is multiplied by this: if two tracks fit a box about equally, the one
in the last frame gets it. At 1 there are a quarter more identity switches on the benchmark's scenes, and at
0.9 two people exchange their ids where one hides the other (docs/tracker.md)."""


@dataclass(frozen=True, kw_only=True)
class MatchedTracks:
    """The confirmed tracks that have a detection in one frame, one a row, in order of id.

    Attributes:
        ids: int64 [N], from 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels, smoothed by the Kalman filter.
        scores: float64 [N], scores of the detections.
        classes: int64 [N], the classes with the highest sum of scores so far.
        confirmed: bool [N], True if this frame confirmed the track: its first detection, `before`, was not
            returned by the update that found it.
        before: structured [N], the track's detection before this one: fields frame, pts, box, score.
    """

    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    confirmed: NDArray[np.bool_]
    before: NDArray[np.void]

    def __len__(self) -> int:
        return len(self.ids)


class ByteTracker:
    """Tracks the objects of one shot.

    Args:
        settings: thresholds and times.
        scale: the scores of the video so far; each update adds its own.
        time_base: unit of every pts, in seconds.
        first_id: id of the first track that is confirmed.
    """

    def __init__(
        self, settings: TrackerSettings, scale: ScoreScale, *, time_base: Fraction, first_id: int = 1
    ) -> None:
        self._low_score = settings.low_score
        self._scale = scale
        self._steps_per_pts = float(time_base * kalman.STEPS_PER_SECOND)
        self._lost_pts = settings.lost_s / float(time_base)
        self._tracks = np.empty(0, _TRACK)
        self._votes: list[dict[int, float]] = []  # of each track: class -> sum of scores
        self._state = kalman.initial(np.empty((0, 4)))
        self._pts: int | None = None
        self.next_id = first_id

    def update(
        self,
        detections: NDArray[np.float64],
        *,
        frame: int,
        pts: int,
        camera: NDArray[np.float64] | None = None,
    ) -> MatchedTracks:
        """Match the detections of one frame with the tracks, and return the tracks that have one.

        Args:
            detections: float64 [N, 6], x1, y1, x2, y2 in pixels, score, class; finite, x1 < x2, y1 < y2.
            frame: index of the frame.
            pts: its time, not before the last update's.
            camera: float64 [2, 3], maps points of the last update's picture to this picture, in pixels.
        """
        self._predict(pts, camera)
        self._scale.add(detections[:, 4])
        matched = self._associate(detections)
        rows = np.flatnonzero(matched >= 0)
        columns = matched[rows]
        tracks = self._tracks
        before = tracks[rows]
        kalman.correct(self._state, rows, detections[columns, :4])
        confirmed = before["status"] == _NEW
        self._assign_ids(rows[confirmed])
        status = tracks["status"]
        ended = (status == _NEW) & (matched < 0)
        status[status == _TRACKED] = _LOST
        status[rows] = _TRACKED
        self._save(rows, detections[columns], frame=frame, pts=pts)
        ended |= (status == _LOST) & (pts - tracks["pts"] > self._lost_pts)
        matches = self._matched(rows, confirmed=confirmed, before=before)
        unmatched = np.ones(len(detections), np.bool_)
        unmatched[columns] = False
        self._drop(ended)
        self._start_tracks(
            detections[unmatched & (detections[:, 4] >= self._scale.new_score)], frame=frame, pts=pts
        )
        return matches

    @property
    def boxes(self) -> NDArray[np.float64]:
        """Boxes of all tracks after the last update: float64 [T, 4], x1, y1, x2, y2 in pixels."""
        return kalman.boxes_of(self._state)

    def extrapolate(self, *, pts: int, camera: NDArray[np.float64] | None = None) -> MatchedTracks:
        """Return where the tracks that are not lost should be at a later time, from their motion alone.

        Args:
            pts: a time, not before the last update's.
            camera: see `update`.
        """
        self._predict(pts, camera)
        rows = np.flatnonzero(self._tracks["status"] == _TRACKED)
        self._tracks["box"][rows] = self.boxes[rows]
        return self._matched(rows, confirmed=np.zeros(len(rows), np.bool_), before=self._tracks[rows])

    def confirm(self) -> MatchedTracks:
        """Confirm and return the tracks with a single detection, for shots in which no second frame comes."""
        rows = np.flatnonzero(self._tracks["status"] == _NEW)
        self._assign_ids(rows)
        self._tracks["status"][rows] = _TRACKED
        return self._matched(rows, confirmed=np.zeros(len(rows), np.bool_), before=self._tracks[rows])

    def _assign_ids(self, rows: NDArray[np.intp]) -> None:
        self._tracks["id"][rows] = np.arange(self.next_id, self.next_id + len(rows))
        self.next_id += len(rows)

    def _matched(
        self, rows: NDArray[np.intp], *, confirmed: NDArray[np.bool_], before: NDArray[np.void]
    ) -> MatchedTracks:
        tracks = self._tracks[rows]
        return MatchedTracks(
            ids=tracks["id"],
            boxes=tracks["box"],
            scores=tracks["score"],
            classes=tracks["class"],
            confirmed=confirmed,
            before=before,
        )

    def _predict(self, pts: int, camera: NDArray[np.float64] | None) -> None:
        elapsed = 0 if self._pts is None else pts - self._pts
        self._pts = pts
        kalman.predict(self._state, elapsed * self._steps_per_pts, unseen=self._tracks["status"] == _LOST)
        if camera is not None:
            kalman.move(self._state, camera)

    def _associate(self, detections: NDArray[np.float64]) -> NDArray[np.intp]:
        """Return for each track the row of its detection, or -1: intp [T]."""
        scores = detections[:, 4]
        status = self._tracks["status"]
        overlap = iou(kalman.boxes_of(self._state), detections[:, :4])
        fused = overlap * scores
        fused[status == _LOST] *= LOST_SHARE
        matched = np.full(len(status), -1, np.intp)

        def pair(
            tracks: NDArray[np.bool_],
            boxes: NDArray[np.bool_],
            likeness: NDArray[np.float64],
            least_iou: float,
        ) -> None:
            rows, columns = tracks.nonzero()[0], boxes.nonzero()[0]
            if len(rows) and len(columns):
                every = rows[:, None], columns
                left, right = assign(likeness[every], overlap[every] >= least_iou)
                matched[rows[left]] = columns[right]

        high = scores >= self._scale.high_score
        low = ~high & (scores >= self._low_score)
        pair(status != _NEW, high, fused, HIGH_IOU)
        pair((status == _TRACKED) & (matched < 0), low, overlap, LOW_IOU)
        high[matched[matched >= 0]] = False
        pair(status == _NEW, high, fused, NEW_IOU)
        return matched

    def _save(self, rows: NDArray[np.intp], detections: NDArray[np.float64], *, frame: int, pts: int) -> None:
        """Store the tracks' detections and count their scores as votes for the class."""
        tracks = self._tracks
        tracks["frame"][rows] = frame
        tracks["pts"][rows] = pts
        tracks["box"][rows] = kalman.boxes_of(self._state[:, rows])
        tracks["score"][rows] = detections[:, 4]
        kinds = tracks["class"][rows].tolist()
        for row, kind, score, number in zip(rows.tolist(), kinds, *detections[:, 4:].T.tolist(), strict=True):
            votes, seen = self._votes[row], int(number)
            votes[seen] = votes.get(seen, 0.0) + score
            if seen != kind and votes[seen] > votes.get(kind, 0.0):
                tracks["class"][row] = seen

    def _drop(self, ended: NDArray[np.bool_]) -> None:
        if ended.any():
            self._tracks = self._tracks[~ended]
            self._votes = [votes for votes, over in zip(self._votes, ended.tolist(), strict=True) if not over]
            self._state = self._state[:, ~ended]

    def _start_tracks(self, detections: NDArray[np.float64], *, frame: int, pts: int) -> None:
        if len(detections):
            tracks = np.zeros(len(detections), _TRACK)
            tracks["class"] = detections[:, 5]
            self._votes += [{} for _ in detections]
            rows = len(self._tracks) + np.arange(len(detections))
            self._tracks = np.concatenate((self._tracks, tracks))
            self._state = np.concatenate((self._state, kalman.initial(detections[:, :4])), axis=1)
            self._save(rows, detections, frame=frame, pts=pts)
