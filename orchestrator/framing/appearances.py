"""Divides tracks into appearances, and weighs how much somebody who watches would look at each.

An appearance is a time in one shot in which a track is in view without a longer pause. What counts is in
`Appearance.weight`: the class first; then motion and nearness to the middle of the picture; size only up to
that of a figure that is easily seen, so a large thing counts no more than a person.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.camera_drift import CameraDrift
from orchestrator.framing.class_order import ClassGroup, group_of
from orchestrator.framing.track_file_reader import SubjectTrack, SubjectTracks

LEFT_AFTER_S = 1.0
"""A subject that has no box for longer than this has left."""

_CLASS_WEIGHTS = {
    ClassGroup.PERSON: 1.0,
    ClassGroup.ANIMAL: 0.4,
    ClassGroup.MOVER: 0.25,
    ClassGroup.STILL: 0.1,
}
THERE, MOVING, CENTRAL = 0.3, 0.45, 0.25
"""Shares of a weight for being there, for motion and for nearness to the middle."""
_LEAST_PX = 1.0
"""Smaller boxes count as large as this, so that their motion in sizes of the box stays finite."""
_EASILY_SEEN = 0.2
"""Share of the picture's height or width from which on size no longer counts."""
_SURE = 0.5
"""Mean confidence from which on confidence no longer counts."""
_STEP_S = 0.5
"""Motion is measured over steps of at least this duration, in which noise of the boxes is small."""
_SLOW, _FAST = 0.08, 0.4
"""Speeds in sizes of the box a second: below the first a subject stands still, from the second on speed no
longer counts. People who walk in full view move by about half their height a second."""
_MOVED = 0.5
"""A subject whose middle covers this many of its sizes has moved."""


@dataclass(frozen=True, kw_only=True, eq=False, slots=True)
class Appearance:
    """A time in one shot in which a track is in view.

    Attributes:
        track: the id of the track.
        class_name: its class.
        group: the group of the class.
        shot: number of the shot, from 0.
        frames: int64 [N], indices of the frames with a box, rising; N >= 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels of the picture as displayed.
        first, last: the first and the last of the frames.
        motion: 0 if it stands still, 1 if it moves fast for its size, without the motion of the camera.
        has_moved: whether it covered at least half its own size.
        centrality: 1 in the middle of the picture, 0 in a corner; the mean over its boxes.
        weight: how much somebody who watches would look at it, 0..1.
        height_px: the mean height of its boxes, in pixels.
    """

    track: int
    class_name: str
    group: ClassGroup
    shot: int
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    first: int
    last: int
    motion: float
    has_moved: bool
    centrality: float
    weight: float
    height_px: float

    @property
    def is_somebody(self) -> bool:
        """Whether it is a person, an animal, or something that moved and may move by itself."""
        return self.group >= ClassGroup.ANIMAL or (self.group == ClassGroup.MOVER and self.has_moved)


def find_appearances(
    subjects: SubjectTracks,
    *,
    drift: CameraDrift | None = None,
    times_s: NDArray[np.float64],
    width: int,
    height: int,
) -> list[Appearance]:
    """Return the appearances of all tracks, in order of id and then of time.

    Args:
        subjects: the tracks of a video.
        drift: how the camera turned; None estimates it from these tracks.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        width, height: size of the picture as displayed, in pixels.
    """
    drift = drift or CameraDrift(subjects, times_s=times_s, width=width, height=height)
    room = np.array([width, height], np.float64)
    found: list[Appearance] = []
    for subject in sorted(subjects.by_id.values(), key=lambda subject: subject.id):
        shots = np.searchsorted(subjects.cuts, subject.frames, side="right")
        found += _appearances_of(subject, shots, times_s[subject.frames], drift=drift, room=room)
    return found


class InView:
    """Finds those of some appearances that are in view at a time, without a look at each.

    Args:
        appearances: the appearances.
    """

    def __init__(self, appearances: Sequence[Appearance]) -> None:
        self.appearances = appearances
        self._firsts = np.array([appearance.first for appearance in appearances])
        self._lasts = np.array([appearance.last for appearance in appearances])

    def between(self, first: int, last: int) -> list[Appearance]:
        """Return those that are in view in any of the frames from `first` to `last`, in their order."""
        rows = np.flatnonzero((self._firsts <= last) & (self._lasts >= first))
        return [self.appearances[row] for row in rows.tolist()]


def _appearances_of(
    subject: SubjectTrack,
    shots: NDArray[np.intp],
    seen_s: NDArray[np.float64],
    *,
    drift: CameraDrift,
    room: NDArray[np.float64],
) -> list[Appearance]:
    """Return the appearances of a track in a picture of size `room`, [2].

    A track may have an appearance for each box, so all of them are weighed at once.
    """
    away = (np.diff(subject.frames) > 1) & (np.diff(seen_s) > LEFT_AFTER_S)
    begins = np.flatnonzero(np.append(True, away | (np.diff(shots) > 0)))
    ends = np.append(begins[1:], len(seen_s))
    near, far = subject.boxes[:, :2], subject.boxes[:, 2:]
    sides, middles = far - near, (near + far) / 2
    distance = np.linalg.norm(middles - room / 2, axis=1) / (np.linalg.norm(room) / 2)
    centrality = _means(1 - np.clip(distance, 0, 1), begins)
    size_px = np.maximum(_LEAST_PX, _means(np.sqrt(np.prod(sides, axis=1)), begins))
    motion, has_moved = _motion(middles - drift.at(seen_s), seen_s, begins, size_px)
    size = np.minimum(1.0, _means((sides / room).max(axis=1), begins) / _EASILY_SEEN)
    group = group_of(subject.class_name)
    share = THERE + MOVING * motion + CENTRAL * centrality
    weight = _CLASS_WEIGHTS[group] * size * min(1.0, subject.confidence / _SURE) * share
    values = (shots[begins], motion, has_moved, centrality, weight, _means(sides[:, 1], begins))
    return [
        Appearance(
            track=subject.id,
            class_name=subject.class_name,
            group=group,
            shot=shot,
            frames=subject.frames[begin:end],
            boxes=subject.boxes[begin:end],
            first=first,
            last=last,
            motion=motion,
            has_moved=has_moved,
            centrality=centrality,
            weight=weight,
            height_px=height_px,
        )
        for begin, end, first, last, shot, motion, has_moved, centrality, weight, height_px in zip(
            begins.tolist(),
            ends.tolist(),
            subject.frames[begins].tolist(),
            subject.frames[ends - 1].tolist(),
            *(value.tolist() for value in values),
            strict=True,
        )
    ]


def _means(values: NDArray[np.float64], begins: NDArray[np.intp]) -> NDArray[np.float64]:
    """Return the means, float64 [K] or [K, 2], of K runs of values that begin at `begins`."""
    counts = np.diff(begins, append=len(values)).astype(np.float64)
    sums = np.add.reduceat(values, begins)
    return np.asarray(sums / (counts if sums.ndim == 1 else counts[:, None]), np.float64)


def _motion(
    middles: NDArray[np.float64],
    seen_s: NDArray[np.float64],
    begins: NDArray[np.intp],
    size_px: NDArray[np.float64],
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return how fast a box moves in each of K appearances, 0..1, and whether it moved at all, both [K].

    Args:
        middles: float64 [N, 2], in pixels.
        seen_s: float64 [N], their times.
        begins: int [K], where the appearances begin.
        size_px: float64 [K], the size of the box.
    """
    owners = np.repeat(np.arange(len(begins)), np.diff(begins, append=len(seen_s)))
    steps = np.floor((seen_s - seen_s[begins][owners]) / _STEP_S)
    starts = np.flatnonzero((np.diff(steps, prepend=-1) != 0) | (np.diff(owners, prepend=-1) != 0))
    means, means_s = _means(middles, starts), _means(seen_s, starts)
    firsts = np.searchsorted(starts, begins)  # the first step of each appearance
    lasts = np.append(firsts[1:], len(starts)) - 1
    lengths = np.linalg.norm(np.diff(means, axis=0, prepend=means[:1]), axis=1)
    lengths[firsts] = 0
    covered = np.add.reduceat(lengths, firsts) / size_px
    lasted_s = means_s[lasts] - means_s[firsts]
    speed = np.divide(covered, lasted_s, out=np.zeros(len(begins)), where=lasted_s > 0)
    spread = np.maximum.reduceat(means, firsts) - np.minimum.reduceat(means, firsts)
    reach = np.linalg.norm(spread, axis=1) / size_px
    return np.clip((speed - _SLOW) / (_FAST - _SLOW), 0, 1), reach >= _MOVED
