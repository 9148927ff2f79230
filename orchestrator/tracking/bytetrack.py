"""Tracks the objects of one shot with ByteTrack, from the boxes and scores of one frame after the other.

Zhang et al., "ByteTrack: Multi-Object Tracking by Associating Every Detection Box", ECCV 2022, arXiv
2110.06864, Algorithm 1. Boxes of high score are paired with tracks first. Boxes of low score may only
continue the tracks that are left over; they never start one. All tracks are rows of one table, and each step
works on all of them at once.

A track is a candidate until it is confirmed: by the detection after a sure one, or by being detected in every
frame for `DOUBTFUL_S`, however doubtful its detections are.
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from orchestrator.tracking import kalman
from orchestrator.tracking.association import assign
from orchestrator.tracking.class_votes import ClassVotes
from orchestrator.tracking.duplicate_boxes import MergedBoxes, are_apart, merge_boxes
from orchestrator.tracking.likeness import HIGH_IOU, compare
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
        ("first_pts", np.int64),  # of the first detection
        ("sure", np.bool_),  # whether the last detection could start a track
    ]
)
_NO_TRACKS = np.empty(0, _TRACK)

LOW_IOU = 0.4
"""Least IoU of a track and a box of low score (0.5 in the authors' code)."""
NEW_IOU = 0.3
"""Least IoU of an unconfirmed track and a box (the authors' code)."""
DOUBTFUL_S = 1.5
"""How long a candidate whose scores are low for this detector must be detected in every frame before it is
confirmed, in seconds (docs/tracker.md)."""


@dataclass(frozen=True, kw_only=True)
class MatchedTracks:
    """The confirmed tracks that have a detection in one frame, one a row, in order of id.

    Attributes:
        ids: int64 [N], from 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels, smoothed by the Kalman filter.
        scores: float64 [N], scores of the detections.
        classes: int64 [N], the classes with the highest sum of scores so far.
        before: structured [N], the track's detection before this one: fields frame, pts, box, score.
        earlier: structured [M], detections that no update has returned, because the track was confirmed by
            this frame: the same fields, in order of time for each track.
        earlier_rows: intp [M], the row of each one's track in the arrays above.
    """

    ids: NDArray[np.int64]
    boxes: NDArray[np.float64]
    scores: NDArray[np.float64]
    classes: NDArray[np.int64]
    before: NDArray[np.void]
    earlier: NDArray[np.void]
    earlier_rows: NDArray[np.intp]

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
        self._settings = settings
        self._scale = scale
        self._steps_per_pts = float(time_base * kalman.STEPS_PER_SECOND)
        self._lost_pts = settings.lost_s / float(time_base)
        self._doubtful_pts = DOUBTFUL_S / float(time_base)
        self._tracks = np.empty(0, _TRACK)
        self._votes = ClassVotes()
        self._unreturned: list[list[np.void]] = []  # of each track: the detections while it is a candidate
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
        merged = merge_boxes(detections)
        detections = merged.detections
        self._predict(pts, camera)
        self._scale.add(detections[:, 4])
        matched = self._associate(detections)
        rows = (matched >= 0).nonzero()[0]
        columns = matched[rows]
        found = detections[columns]
        tracks = self._tracks
        before = tracks[rows]
        kalman.correct(self._state, rows, found[:, :4])
        settled = before["status"] != _NEW
        candidates = np.count_nonzero(settled) < len(settled)
        if candidates:
            confirmed = ~settled & self._is_confirmed(before, found[:, 4], pts)
            self._assign_ids(rows[confirmed])
            settled |= confirmed
        status = tracks["status"]
        ended = (status == _NEW) & (matched < 0)
        status[status == _TRACKED] = _LOST
        status[rows[settled]] = _TRACKED
        self._save(rows, found, frame=frame, pts=pts)
        if len(merged.rows):
            self._vote(matched, merged)
        ended |= (status == _LOST) & (pts - tracks["pts"] > self._lost_pts)
        if candidates:
            for row in rows[~settled]:
                self._unreturned[row].append(tracks[row].copy())
            rows, before, found = rows[settled], before[settled], found[settled]
        matches = self._matched(rows, before=before)
        self._drop(ended)
        starts = detections[:, 4] >= self._settings.new_score
        starts[columns] = False
        if np.count_nonzero(starts):
            starting = detections[starts]
            self._start_tracks(starting[are_apart(starting, found)], frame=frame, pts=pts)
        return matches

    def _is_confirmed(
        self, before: NDArray[np.void], scores: NDArray[np.float64], pts: int
    ) -> NDArray[np.bool_]:
        """Return whether detections of these scores confirm candidates, given the rows before."""
        by_sure_box = before["sure"] & (scores >= self._scale.high_score)
        return by_sure_box | (pts - before["first_pts"] >= self._doubtful_pts)

    @property
    def first_unreturned_frame(self) -> int | None:
        """The first frame with a detection that a later update may return; None if there is none."""
        return min((int(found[0]["frame"]) for found in self._unreturned if found), default=None)

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
        return self._matched(rows, before=self._tracks[rows])

    def confirm(self) -> MatchedTracks:
        """Confirm and return the tracks with a single detection, for shots in which no second frame comes."""
        rows = np.flatnonzero((self._tracks["status"] == _NEW) & self._tracks["sure"])
        self._assign_ids(rows)
        self._tracks["status"][rows] = _TRACKED
        for row in rows:
            self._unreturned[row].clear()
        return self._matched(rows, before=self._tracks[rows])

    def _assign_ids(self, rows: NDArray[np.intp]) -> None:
        self._tracks["id"][rows] = np.arange(self.next_id, self.next_id + len(rows))
        self.next_id += len(rows)

    def _matched(self, rows: NDArray[np.intp], *, before: NDArray[np.void]) -> MatchedTracks:
        tracks = self._tracks[rows]
        earlier: list[np.void] = []
        earlier_rows: list[int] = []
        for number in (before["status"] == _NEW).nonzero()[0].tolist():
            found, self._unreturned[rows[number]] = self._unreturned[rows[number]], []
            earlier += found
            earlier_rows += [number] * len(found)
        return MatchedTracks(
            ids=tracks["id"],
            boxes=tracks["box"],
            scores=tracks["score"],
            classes=self._votes.classes[rows],
            before=before,
            earlier=np.array(earlier, _TRACK) if earlier else _NO_TRACKS,
            earlier_rows=np.array(earlier_rows, np.intp),
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
        overlap, likeness, possible = compare(
            kalman.boxes_of(self._state), detections, lost=status == _LOST, votes=self._votes
        )
        matched = np.full(len(status), -1, np.intp)

        def pair(
            tracks: NDArray[np.bool_],
            chosen: NDArray[np.bool_],
            weights: NDArray[np.float64],
            least_iou: float,
        ) -> None:
            rows, columns = tracks.nonzero()[0], chosen.nonzero()[0]
            if not (len(rows) and len(columns)):
                return
            # `possible` implies HIGH_IOU already.
            allowed = possible if least_iou == HIGH_IOU else possible & (overlap >= least_iou)
            if allowed.shape != (len(rows), len(columns)):
                every = rows[:, None], columns
                weights, allowed = weights[every], allowed[every]
            left, right = assign(weights, allowed)
            matched[rows[left]] = columns[right]

        high = scores >= self._scale.high_score
        low = ~high & (scores >= self._settings.low_score)
        new = status == _NEW
        pair(~new, high, likeness, HIGH_IOU)
        if np.count_nonzero(low):
            pair((status == _TRACKED) & (matched < 0), low, overlap, LOW_IOU)
        if not np.count_nonzero(new):
            return matched
        sure = self._tracks["sure"]
        free = np.ones(len(scores), np.bool_)
        free[matched[matched >= 0]] = False
        pair(new & sure, free & high, likeness, NEW_IOU)
        free[matched[matched >= 0]] = False
        pair(new & (matched < 0), free & (scores >= self._settings.high_score), likeness, NEW_IOU)
        return matched

    def _save(self, rows: NDArray[np.intp], detections: NDArray[np.float64], *, frame: int, pts: int) -> None:
        """Store the tracks' detections and count their scores as votes for the class."""
        tracks = self._tracks
        tracks["frame"][rows] = frame
        tracks["pts"][rows] = pts
        tracks["box"][rows] = self.boxes[rows]
        tracks["score"][rows] = detections[:, 4]
        tracks["sure"][rows] = detections[:, 4] >= self._scale.new_score
        self._votes.add(rows, detections[:, 5].astype(np.int64), detections[:, 4])

    def _vote(self, matched: NDArray[np.intp], merged: MergedBoxes) -> None:
        """Count the boxes that were left out as votes of the tracks that got the better ones."""
        for row, kind, score in zip(merged.rows, merged.classes, merged.scores, strict=True):
            track = np.flatnonzero(matched == row)
            self._votes.add(track, np.full(len(track), kind), np.full(len(track), score))

    def _drop(self, ended: NDArray[np.bool_]) -> None:
        if np.count_nonzero(ended):
            self._tracks = self._tracks[~ended]
            self._votes.keep(~ended)
            self._unreturned = [self._unreturned[row] for row in np.flatnonzero(~ended).tolist()]
            self._state = self._state[:, ~ended]

    def _start_tracks(self, detections: NDArray[np.float64], *, frame: int, pts: int) -> None:
        if len(detections):
            tracks = np.zeros(len(detections), _TRACK)
            tracks["first_pts"] = pts
            self._votes.append(detections[:, 5].astype(np.int64))
            rows = len(self._tracks) + np.arange(len(detections))
            self._tracks = np.concatenate((self._tracks, tracks))
            self._state = np.concatenate((self._state, kalman.initial(detections[:, :4])), axis=1)
            self._save(rows, detections, frame=frame, pts=pts)
            self._unreturned += [[row.copy()] for row in self._tracks[rows]]
