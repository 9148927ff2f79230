"""Collects the boxes of all tracks of a video, and selects the tracks to report at the end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Boxes, TrackBoxes
from orchestrator.track_output.report_rule import is_reported

_TYPES: dict[str, np.dtype[Any]] = {
    "ids": np.dtype(np.int32),
    "frames": np.dtype(np.int32),
    "pts": np.dtype(np.int64),
    "boxes": np.dtype(np.float32),
    "scores": np.dtype(np.float32),
    "classes": np.dtype(np.int32),
    "interpolated": np.dtype(np.bool_),
}
"""The type of each column: 41 bytes per box in total, as `boxes` has four numbers."""


@dataclass(frozen=True, kw_only=True, eq=False)
class ReportedTrack:
    """One track. The arrays are views with a row for each frame in which the track has a box.

    Attributes:
        id: counts from 1, in order of first appearance.
        class_number: class of the whole track.
        frames: int32 [n], index of the frame, increasing; n >= 1.
        pts: int64 [n], time of the frame, in units of the video's time_base.
        boxes: float32 [n, 4], x1, y1, x2, y2 in pixels as displayed.
        scores: float32 [n], 0..1.
        interpolated: bool [n], true for boxes without a detection; never all of them.
    """

    id: int
    class_number: int
    frames: NDArray[np.int32]
    pts: NDArray[np.int64]
    boxes: Boxes
    scores: NDArray[np.float32]
    interpolated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.frames)

    @property
    def best(self) -> int:
        """Row of the detection with the best score, the first of equals."""
        return int(np.argmax(np.where(self.interpolated, -1, self.scores)))

    @property
    def mean_score(self) -> float:
        """Mean score of the detections, 0..1."""
        return float(self.scores[~self.interpolated].mean(dtype=np.float64))


class ReportedTracks(Sequence[ReportedTrack]):
    """The reported tracks in order of id, and their boxes by frame.

    Args:
        columns: arrays by field of `ReportedTrack`; the rows of track 1, then those of track 2, and so on.
        class_numbers: class of each track.
        starts: int64 [tracks + 1], first row of each track, and the number of rows.
        left_out: number of tracks that are not reported; also an attribute.
    """

    def __init__(
        self,
        columns: Mapping[str, NDArray[np.generic]],
        class_numbers: Sequence[int],
        starts: NDArray[np.int64],
        *,
        left_out: int,
    ) -> None:
        self.left_out = left_out
        self._frames = columns["frames"]
        self._starts = starts
        self._tracks = [
            ReportedTrack(
                id=number + 1,
                class_number=class_numbers[number],
                **{name: column[begin:end] for name, column in columns.items()},  # type: ignore[arg-type]
            )
            for number, (begin, end) in enumerate(zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True))
        ]

    @overload
    def __getitem__(self, index: int) -> ReportedTrack: ...
    @overload
    def __getitem__(self, index: slice) -> list[ReportedTrack]: ...
    def __getitem__(self, index: int | slice) -> ReportedTrack | list[ReportedTrack]:
        return self._tracks[index]

    def __len__(self) -> int:
        return len(self._tracks)

    @property
    def boxes(self) -> int:
        """Number of boxes of all tracks."""
        return len(self._frames)

    def by_frame(self, frame: int) -> list[tuple[ReportedTrack, int]]:
        """Return the tracks that have a box in a frame, in order of id, each with the row of that box."""
        order, frames = self._index
        # With another type than that of the frames, each call would convert all of them.
        begin, end = np.searchsorted(frames, np.array([frame, frame + 1], frames.dtype)).tolist()
        rows = order[begin:end]
        numbers = np.searchsorted(self._starts, rows, side="right") - 1
        return [
            (self._tracks[number], row)
            for number, row in zip(numbers.tolist(), (rows - self._starts[numbers]).tolist(), strict=True)
        ]

    @cached_property
    def _index(self) -> tuple[NDArray[np.intp], NDArray[np.generic]]:
        """The rows in order of frame, then id, and the frames in that order."""
        order = np.argsort(self._frames, kind="stable")
        return order, self._frames[order]


class TrackBoxCollector:
    """Collects the boxes of a video's tracks. It takes 41 bytes per box, and an eighth more to grow."""

    def __init__(self) -> None:
        self._columns = {name: bytearray() for name in _TYPES}

    def __len__(self) -> int:
        """Return the number of boxes."""
        return len(self._columns["interpolated"])

    def add(self, boxes: TrackBoxes, pts: NDArray[np.int64]) -> None:
        """Add boxes, in any order of tracks and frames; a track has at most one box per frame.

        Args:
            boxes: [N], as returned by a tracker.
            pts: int64 [N], the time of the frame of each box.

        Raises:
            ValueError: the arrays have different lengths, or a box or a score is not a finite number.
        """
        arrays = {name: pts if name == "pts" else getattr(boxes, name) for name in _TYPES}
        if {len(array) for array in arrays.values()} != {len(boxes)}:
            raise ValueError("boxes and pts are not of one length")
        if not (np.isfinite(boxes.boxes).all() and np.isfinite(boxes.scores).all()):
            raise ValueError("a box or a score is not a finite number")
        for name, array in arrays.items():
            self._columns[name] += array.astype(_TYPES[name]).tobytes()

    def reported(self, *, confidence: float, classes: frozenset[int] | None) -> ReportedTracks:
        """Select the tracks to report, and number them from 1 in order of first appearance.

        Tracks that appear in the same frame keep the order of the tracker's ids. The result is a copy.

        Args:
            confidence: 0..1; a track is reported if its detections (not counting interpolated boxes) have at
                least that mean score, or a stretch of them clearly more: see `report_rule`.
            classes: numbers of the classes to report, None for all. A track's class is that of its last box.
        """
        columns = {name: np.frombuffer(self._columns[name], kind) for name, kind in _TYPES.items()}
        columns["boxes"] = columns["boxes"].reshape(-1, 4)
        order = np.lexsort((columns["frames"], columns["ids"]))
        ids = columns["ids"][order]
        begins = np.flatnonzero(np.diff(ids, prepend=0))  # ids count from 1
        ends = np.append(begins[1:], len(ids))[: len(begins)]
        class_numbers = columns["classes"][order[ends - 1]]
        selected = np.ones(len(begins), np.bool_)
        if classes is not None:
            selected = np.isin(class_numbers, sorted(classes))
        for track in np.flatnonzero(selected):
            rows = order[begins[track] : ends[track]]
            scores = columns["scores"][rows[~columns["interpolated"][rows]]]
            selected[track] = len(scores) > 0 and is_reported(scores, confidence)
        chosen = np.flatnonzero(selected)
        chosen = chosen[np.argsort(columns["frames"][order[begins[chosen]]], kind="stable")]
        rows = np.concatenate(
            [order[begin:end] for begin, end in zip(begins[chosen], ends[chosen], strict=True)] or [order[:0]]
        )
        return ReportedTracks(
            {name: columns[name][rows] for name in ("frames", "pts", "boxes", "scores", "interpolated")},
            class_numbers[chosen].tolist(),
            np.concatenate(([0], np.cumsum(ends[chosen] - begins[chosen]))),
            left_out=len(begins) - len(chosen),
        )
