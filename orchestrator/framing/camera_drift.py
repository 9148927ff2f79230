"""Estimates how the camera turned from what the tracks' boxes have in common, as the tracks do not state it.

In a pan everything that stands still moves by the same number of pixels. So the displacement of the picture
is the median of the displacements of the boxes, where most of them agree with it; else it is 0. It is
measured between half-seconds, in which the errors of single boxes are averaged.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.class_order import moves_with_a_person
from orchestrator.framing.track_file_reader import SubjectTrack, SubjectTracks

_SLOT_S = 0.5
_FEWEST = 3
"""Fewer boxes do not tell a pan from somebody who walks."""
_AGREEING = 2 / 3
"""Share of the boxes that must have moved like the median."""
_LIKE_PX, _LIKE = 0.004, 0.15
"""Difference from the median up to which a box has moved like it: a share of the picture's diagonal, for the
errors of boxes; or a share of the median's length, for what is nearer the camera than the rest."""


class CameraDrift:
    """Where a fixed point of the scene would be seen over time, as far as the tracks tell.

    Args:
        subjects: the tracks of a video.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        width, height: size of the picture as displayed, in pixels.
    """

    def __init__(
        self, subjects: SubjectTracks, *, times_s: NDArray[np.float64], width: int, height: int
    ) -> None:
        slots = np.floor((times_s - times_s[0]) / _SLOT_S).astype(np.int64)
        shots = np.searchsorted(subjects.cuts, np.arange(len(times_s)), side="right")
        new = (np.diff(slots, prepend=-1) > 0) | (np.diff(shots, prepend=-1) > 0)
        begins = np.flatnonzero(new)
        self._slot_times_s = np.add.reduceat(times_s, begins) / np.diff(begins, append=len(times_s))
        self._places = np.zeros((len(begins), 2))
        slot_of_frame, shot_of_slot = np.cumsum(new) - 1, shots[begins]
        steps = _displacements(subjects.by_id.values(), slot_of_frame, shot_of_slot)
        near_px = _LIKE_PX * float(np.hypot(width, height))
        steps = steps[np.argsort(steps[:, 0], kind="stable")]
        later, starts = np.unique(steps[:, 0].astype(np.int64), return_index=True)
        for slot, start, end in zip(later, starts, [*starts[1:], len(steps)], strict=False):
            if end - start >= _FEWEST:
                self._places[slot] = _common(steps[start:end, 1:], near_px)
        np.cumsum(self._places, axis=0, out=self._places)

    def at(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the place at times in seconds, [N], in pixels from that at the start, float64 [N, 2]."""
        return np.column_stack(
            [np.interp(seconds, self._slot_times_s, self._places[:, axis]) for axis in range(2)]
        )


def _displacements(
    subjects: Iterable[SubjectTrack], slot_of_frame: NDArray[np.int64], shot_of_slot: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Return how far boxes moved between two successive slots of a shot: float64 [N, 3], later slot, x, y."""
    found = [np.empty((0, 3))]
    for subject in subjects:
        if moves_with_a_person(subject.class_name):
            continue
        slots = slot_of_frame[subject.frames]
        begins = np.flatnonzero(np.diff(slots, prepend=-1))
        if len(begins) < 2:
            continue
        middles = (subject.boxes[:, :2] + subject.boxes[:, 2:]) / 2
        means = np.add.reduceat(middles, begins) / np.diff(begins, append=len(slots))[:, None]
        there = slots[begins]
        next_to = (np.diff(there) == 1) & (np.diff(shot_of_slot[there]) == 0)
        found.append(np.column_stack((there[1:], np.diff(means, axis=0)))[next_to])
    return np.concatenate(found)


def _common(steps: NDArray[np.float64], near_px: float) -> NDArray[np.float64]:
    """Return the median of displacements, float64 [N, 2], if most agree with it; else 0."""
    median = np.median(steps, axis=0)
    far = np.linalg.norm(steps - median, axis=1)
    agree = far <= max(near_px, _LIKE * float(np.linalg.norm(median)))
    return median if agree.mean() >= _AGREEING and agree.sum() >= _FEWEST else np.zeros(2)
