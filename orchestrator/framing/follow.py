"""Plans a crop that follows a subject smoothly: turns the subject's boxes into keyframes.

Cuts, and gaps of more than HOLD_AFTER_S, divide the frames with the subject into runs. The camera's path
through a run is planned at knots, by steady_camera.py. Between runs, before the first and after the last, the
camera rests. So it starts a run from rest and ends it at rest, unless the run starts or ends with its shot.
After a gap it starts where it is; after a cut it starts at the best place. It jumps only at cuts that begin a
shot with the subject.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.crop_geometry import crop_of_aspect
from orchestrator.framing.keyframe_thinning import thin_keyframes
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.steady_camera import KNOT_S, AxisPositions, plan_camera_path
from orchestrator.framing.subject_choice import choose_subject
from orchestrator.framing.track_file_reader import SubjectTrack, SubjectTracks

HOLD_AFTER_S = 0.5
"""Shorter gaps in a track are failures of the detector and do not stop the camera."""
JUMP_S = 0.001
"""Duration of a jump, which ends at the cut; less than the time between two pictures."""
ROOM_TO_MOVE = 2.0
"""Default zoom of a crop that has the picture's shape: at a zoom of 1 it could not move."""
_EDGE_S = 0.01
"""A path of keyframes starts and ends at rest. A camera that moves at the edge of a shot gets one more
keyframe at this distance from the edge, less than the duration of a picture."""
_KNOTS_A_BOX = 10
"""Most knots for each box; this bounds the number of knots for stills that last for hours."""


def follow_subject(
    subjects: SubjectTracks,
    *,
    track: int | Literal["main"],
    class_name: str | None = None,
    aspect: Fraction | None,
    zoom: float | None,
    times_s: NDArray[np.float64],
    width: int,
    height: int,
) -> CropPath:
    """Return the path of a crop that follows one subject of a video.

    Args:
        subjects: the tracks of the video.
        track: the id of a track, or `main`; see `choose_subject`.
        class_name: the class of the track; None allows all classes.
        aspect: width : height of the crop; None is that of the picture.
        zoom: 1 for the largest crop of that aspect, 2 for one of half its width and height. None is 1, or
            ROOM_TO_MOVE if the largest crop is the whole picture.
        times_s: float64 [F], presentation time of each frame of the video, in seconds from the start of the
            file, rising. The keyframes' times are on the same clock.
        width, height: size of the picture as displayed, in pixels.

    Raises:
        BadRequest: there is no such track or none of that class, the tracks are of another video, or there is
            no such crop; see `SubjectTracks` and `crop_of_aspect`.
        ServiceError: the solver found no path.
    """
    subjects.check_video(width=width, height=height, frames=len(times_s))
    subject = choose_subject(subjects, track, class_name=class_name, width=width, height=height)
    shape = aspect or Fraction(width, height)
    if zoom is None:
        w, h = crop_of_aspect(shape, width=width, height=height)
        zoom = ROOM_TO_MOVE if w >= width - 1 and h >= height - 1 else 1.0
    size = crop_of_aspect(shape, width=width, height=height, zoom=zoom)
    return plan_crop_path(subject, cuts=subjects.cuts, times_s=times_s, size=size, width=width, height=height)


def plan_crop_path(
    subject: SubjectTrack,
    *,
    cuts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    size: tuple[float, float],
    width: int,
    height: int,
) -> CropPath:
    """Return the path of a crop of constant size that keeps a subject near its middle and moves little.

    Args:
        subject: the track to follow.
        cuts: int64 [C], the first frame of each shot but the first, rising.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
        size: width and height of the crop, in pixels of the picture as displayed; not larger than it.
        width, height: size of the picture.

    Raises:
        BadRequest: the path has more than MOST_KEYFRAMES.
        ServiceError: the solver found no path.
    """
    sides, room = np.array(size, np.float64), np.array([width, height], np.float64)
    frames, seen_s = subject.frames, times_s[subject.frames]
    centres = (subject.boxes[:, :2] + subject.boxes[:, 2:]) / 2 / sides
    shots = np.searchsorted(cuts, frames, side="right")
    gaps = (np.diff(frames) > 1) & (np.diff(seen_s) > HOLD_AFTER_S)
    begins = np.flatnonzero(np.append(True, gaps | (np.diff(shots) > 0)))

    builder = _CropPathBuilder()
    for begin, end in pairwise([*begins.tolist(), len(frames)]):
        shot, new_shot = shots[begin], begin == 0 or shots[begin] != shots[begin - 1]
        shot_s = times_s[cuts[shot - 1] if shot else 0]
        shot_end_s = times_s[cuts[shot]] - JUMP_S if shot < len(cuts) else times_s[-1]
        with_shot = new_shot and seen_s[begin] - shot_s <= HOLD_AFTER_S
        to_shot_end = shot_end_s - seen_s[end - 1] <= HOLD_AFTER_S
        run_s = _knots(
            shot_s if with_shot else seen_s[begin],
            max(shot_end_s, seen_s[end - 1]) if to_shot_end else seen_s[end - 1],
            boxes=end - begin,
        )
        places = _corners(
            run_s,
            seen_s[begin:end],
            centres[begin:end],
            room=room / sides,
            start=None if new_shot else builder.last / sides,
            rests=(not with_shot, not to_shot_end),
        )
        places *= sides
        if new_shot and begin:
            builder.add(shot_s - JUMP_S, builder.last)
            builder.add(shot_s, places[0])
        builder.add_run(run_s, places, edges=(with_shot, to_shot_end))
    return builder.path(sides, width=width, height=height)


class _CropPathBuilder:
    """Collects the crop's corners at rising times; a corner too soon after the last is left out."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._corners: list[NDArray[np.float64]] = []
        self._kept: list[bool] = []

    @property
    def last(self) -> NDArray[np.float64]:
        """The last corner, float64 [2]."""
        return self._corners[-1]

    def add(self, time_s: float, corner: NDArray[np.float64], *, kept: bool = True) -> None:
        """Add a corner, float64 [2], at a time. Thinning never removes it if `kept`."""
        if not self._times_s or time_s - self._times_s[-1] > JUMP_S / 2:
            self._times_s.append(float(time_s))
            self._corners.append(corner)
            self._kept.append(kept)

    def add_run(
        self, times_s: NDArray[np.float64], corners: NDArray[np.float64], *, edges: tuple[bool, bool]
    ) -> None:
        """Add corners, float64 [N, 2], at times [N].

        `edges` says whether the crop is moving, not resting, at the first and the last corner.
        """
        for number, (time_s, corner) in enumerate(zip(times_s, corners, strict=True)):
            last = number + 1 == len(times_s)
            if last and edges[1] and number:
                self._add_between(times_s[-2:], corners[-2:], time_s - _EDGE_S)
            self.add(time_s, corner, kept=last or not number)
            if not number and edges[0] and not last:
                self._add_between(times_s[:2], corners[:2], time_s + _EDGE_S)

    def _add_between(self, times_s: NDArray[np.float64], corners: NDArray[np.float64], time_s: float) -> None:
        share = (time_s - times_s[0]) / (times_s[1] - times_s[0])
        if 0 < share < 1 and (corners[0] != corners[1]).any():
            self.add(time_s, corners[0] + share * (corners[1] - corners[0]))

    def path(self, sides: NDArray[np.float64], *, width: int, height: int) -> CropPath:
        """Return the path of a crop whose width and height are `sides`."""
        if len(self._times_s) == 1:
            self.add(self._times_s[0] + KNOT_S, self.last)
        crops = np.array([(*corner, *sides) for corner in self._corners])
        return thin_keyframes(
            np.array(self._times_s), crops, np.array(self._kept), width=width, height=height
        )


def _knots(begin_s: float, end_s: float, *, boxes: int) -> NDArray[np.float64]:
    """Return evenly spaced times from one to the other, at most KNOT_S apart."""
    steps = min(int(np.ceil((end_s - begin_s) / KNOT_S)), _KNOTS_A_BOX * boxes)
    return np.linspace(begin_s, end_s, steps + 1)


def _corners(
    knots_s: NDArray[np.float64],
    times_s: NDArray[np.float64],
    centres: NDArray[np.float64],
    *,
    room: NDArray[np.float64],
    start: NDArray[np.float64] | None,
    rests: tuple[bool, bool],
) -> NDArray[np.float64]:
    """Return the crop's top-left corner at each knot, float64 [K, 2]. All positions are in crop sizes.

    Args:
        knots_s: float64 [K].
        times_s: float64 [N], times of the subject's boxes.
        centres: float64 [N, 2], centres of the subject's boxes.
        room: float64 [2], size of the picture.
        start: float64 [2], the first corner; None for the best one.
        rests: whether the crop starts from rest, and whether it ends at rest.
    """
    length = max(knots_s[-1] - knots_s[0], KNOT_S)
    near = np.rint((times_s - knots_s[0]) / length * (len(knots_s) - 1)).astype(np.intp)
    rows = np.flatnonzero(np.diff(near, prepend=-1))  # the first box near each knot
    seen = np.zeros(len(knots_s), np.bool_)
    seen[near[rows]] = True
    corners = np.empty((len(knots_s), 2))
    for axis in range(2):
        places = centres[:, axis]
        low, high, mean = (np.zeros(len(seen)) for _ in range(3))
        low[seen] = np.minimum.reduceat(places, rows)
        high[seen] = np.maximum.reduceat(places, rows)
        mean[seen] = np.add.reduceat(places, rows) / np.diff(rows, append=len(near))
        path = plan_camera_path(
            AxisPositions(spans_s=np.diff(knots_s), seen=seen, low=low, high=high, mean=mean),
            first=0.5,
            last=float(room[axis]) - 0.5,
            start=None if start is None else float(start[axis]) + 0.5,
            rests=rests,
        )
        corners[:, axis] = np.clip(path - 0.5, 0, room[axis] - 1)
    return corners
