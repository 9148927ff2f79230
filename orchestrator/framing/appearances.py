"""Divides tracks into appearances, and weighs how much somebody who watches would look at each.

An appearance is a time in one shot in which a track is in view without a longer pause. What counts is in
`Appearance.weight`: the class first; then motion and nearness to the middle of the picture; size only up to
that of a figure that is easily seen, so a large thing counts no more than a person.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.camera_drift import CameraDrift
from orchestrator.framing.class_order import ClassGroup, group_of
from orchestrator.framing.track_file_reader import SubjectTrack, SubjectTracks

LEFT_AFTER_S = 1.0
"""A subject that has no box for longer than this has left."""

_CLASS_WEIGHTS = {
    ClassGroup.PERSON: 1.0,
    ClassGroup.ANIMAL: 0.6,
    ClassGroup.MOVER: 0.4,
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


@dataclass(frozen=True, kw_only=True, eq=False)
class Appearance:
    """A time in one shot in which a track is in view.

    Attributes:
        track: the id of the track.
        class_name: its class.
        group: the group of the class.
        shot: number of the shot, from 0.
        frames: int64 [N], indices of the frames with a box, rising; N >= 1.
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels of the picture as displayed.
        motion: 0 if it stands still, 1 if it moves fast for its size, without the motion of the camera.
        has_moved: whether it covered at least half its own size.
        centrality: 1 in the middle of the picture, 0 in a corner; the mean over its boxes.
        weight: how much somebody who watches would look at it, 0..1.
    """

    track: int
    class_name: str
    group: ClassGroup
    shot: int
    frames: NDArray[np.int64]
    boxes: NDArray[np.float64]
    motion: float
    has_moved: bool
    centrality: float
    weight: float

    @property
    def is_somebody(self) -> bool:
        """Whether it is a person, an animal, or something that moved and may move by itself."""
        return self.group >= ClassGroup.ANIMAL or (self.group == ClassGroup.MOVER and self.has_moved)


def find_appearances(
    subjects: SubjectTracks, *, times_s: NDArray[np.float64], width: int, height: int
) -> list[Appearance]:
    """Return the appearances of all tracks, in order of id and then of time.

    Args:
        subjects: the tracks of a video.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        width, height: size of the picture as displayed, in pixels.
    """
    drift = CameraDrift(subjects, times_s=times_s, width=width, height=height)
    room = np.array([width, height], np.float64)
    found = []
    for subject in sorted(subjects.by_id.values(), key=lambda subject: subject.id):
        shots = np.searchsorted(subjects.cuts, subject.frames, side="right")
        seen_s = times_s[subject.frames]
        away = (np.diff(subject.frames) > 1) & (np.diff(seen_s) > LEFT_AFTER_S)
        begins = np.flatnonzero(np.append(True, away | (np.diff(shots) > 0)))
        ends = np.append(begins[1:], len(seen_s))
        for begin, end in zip(begins.tolist(), ends.tolist(), strict=True):
            rows = slice(begin, end)
            weighed = _weigh(subject, rows, seen_s[rows], drift=drift, room=room)
            found.append(replace(weighed, shot=int(shots[begin])))
    return found


def _weigh(
    subject: SubjectTrack,
    rows: slice,
    seen_s: NDArray[np.float64],
    *,
    drift: CameraDrift,
    room: NDArray[np.float64],
) -> Appearance:
    """Return an appearance in the first shot: some rows of a track, in a picture of size `room`, [2]."""
    boxes = subject.boxes[rows]
    near, far = boxes[:, :2], boxes[:, 2:]
    sides, middles = far - near, (near + far) / 2
    distance = np.linalg.norm(middles - room / 2, axis=1) / (np.linalg.norm(room) / 2)
    centrality = float(1 - np.clip(distance, 0, 1).mean())
    size_px = max(_LEAST_PX, float(np.sqrt(np.prod(sides, axis=1)).mean()))
    motion, has_moved = _motion((middles - drift.at(seen_s)) / size_px, seen_s)
    size = min(1.0, float((sides / room).max(axis=1).mean()) / _EASILY_SEEN)
    group = group_of(subject.class_name)
    share = THERE + MOVING * motion + CENTRAL * centrality
    return Appearance(
        track=subject.id,
        class_name=subject.class_name,
        group=group,
        shot=0,
        frames=subject.frames[rows],
        boxes=boxes,
        motion=motion,
        has_moved=has_moved,
        centrality=centrality,
        weight=_CLASS_WEIGHTS[group] * size * min(1.0, subject.confidence / _SURE) * share,
    )


def _motion(middles: NDArray[np.float64], seen_s: NDArray[np.float64]) -> tuple[float, bool]:
    """Return how fast a box moves, 0..1, and whether it moved at all; middles are in sizes of the box."""
    steps = np.floor((seen_s - seen_s[0]) / _STEP_S)
    begins = np.flatnonzero(np.diff(steps, prepend=-1))
    counts = np.diff(begins, append=len(seen_s))
    if len(begins) < 2:
        return 0.0, False
    means = np.add.reduceat(middles, begins) / counts[:, None]
    means_s = np.add.reduceat(seen_s, begins) / counts
    covered = np.linalg.norm(np.diff(means, axis=0), axis=1).sum()
    speed = float(covered / (means_s[-1] - means_s[0]))
    reach = float(np.linalg.norm(means.max(axis=0) - means.min(axis=0)))
    return min(1.0, max(0.0, (speed - _SLOW) / (_FAST - _SLOW))), reach >= _MOVED
