"""A crop that follows a subject: from its boxes to the keyframes of a steady camera.

The frames in which the subject is seen are runs, between cuts and gaps of more than HOLD_AFTER_S. The way of
the camera through a run is planned at knots. From one run to the next it holds its place, as it does before
the first and after the last; so it sets off from rest and comes to rest, but where a run begins or ends with
a shot. After a gap it sets off from where it is, after a cut it begins wherever is best: it jumps at the cuts
that begin a shot with the subject, and nowhere else.

It does not know what the camera's way costs, nor pictures.
"""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Literal

import numpy as np

from orchestrator.framing.crop_geometry import crop_of_aspect
from orchestrator.framing.keyframe_thinning import thinned
from orchestrator.framing.steady_camera import KNOT_S, Sightings, camera_way
from orchestrator.framing.subject_choice import pick

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.framing.keyframes import CropPath
    from orchestrator.framing.subjects import Subject, Subjects

HOLD_AFTER_S = 0.5
"""Gaps in a track that are not longer are the detector's, and do not stop the camera."""
JUMP_S = 0.001
"""A jump takes this long, and ends at the cut; pictures are further apart."""
ROOM_TO_MOVE = 2.0
"""The zoom of a crop that has the shape of the picture, where none is asked for: at 1 it could not move."""
_EDGE_S = 0.01
"""A path of keyframes sets off from rest. Where it is to move with the first picture of a shot, or to the
last, there is a keyframe so far from the shot's edge: a picture is shown for longer."""
_KNOTS_A_BOX = 10
"""Most knots for each box: stills that last for hours have no more."""


def follow(
    subjects: Subjects,
    *,
    track: int | Literal["main"],
    aspect: Fraction | None,
    zoom: float | None,
    times_s: NDArray[np.float64],
    width: int,
    height: int,
) -> CropPath:
    """Return the path of a crop that follows one of the subjects of a video.

    Args:
        subjects: of the video.
        track: the id of one of them, or `main`; see `pick`.
        aspect: width : height of the crop; None is that of the picture.
        zoom: 1 for the largest crop of that shape, 2 for one of half its width and height. None is 1, or
            ROOM_TO_MOVE where the largest is the whole picture.
        times_s: float64 [F], when each frame of the video is shown, in seconds from the start of the file,
            rising. The keyframes' times are on the same clock.
        width, height: of the picture as displayed, in pixels.

    Raises:
        BadRequest: there is no such track, the tracks are of another video, or there is no such crop; see
            `Subjects` and `crop_of_aspect`.
        ServiceError: the camera's way was not found.
    """
    subjects.check_video(width=width, height=height, frames=len(times_s))
    subject = pick(subjects, track, width=width, height=height)
    shape = aspect or Fraction(width, height)
    if zoom is None:
        w, h = crop_of_aspect(shape, width=width, height=height)
        zoom = ROOM_TO_MOVE if w >= width - 1 and h >= height - 1 else 1.0
    size = crop_of_aspect(shape, width=width, height=height, zoom=zoom)
    return keep_in_view(subject, cuts=subjects.cuts, times_s=times_s, size=size, width=width, height=height)


def keep_in_view(
    subject: Subject,
    *,
    cuts: NDArray[np.int64],
    times_s: NDArray[np.float64],
    size: tuple[float, float],
    width: int,
    height: int,
) -> CropPath:
    """Return the path of a crop of constant size that keeps a subject in its middle, and moves little.

    Args:
        subject: one of the video.
        cuts: int64 [C], the first frame of each shot but the first, rising.
        times_s: float64 [F], when each frame of the video is shown, rising.
        size: width and height of the crop, in pixels of the picture as displayed; no larger than it.
        width, height: of the picture.

    Raises:
        BadRequest: there would be more than MOST_KEYFRAMES.
        ServiceError: the camera's way was not found.
    """
    sides, room = np.array(size, np.float64), np.array([width, height], np.float64)
    frames, seen_s = subject.frames, times_s[subject.frames]
    centres = (subject.boxes[:, :2] + subject.boxes[:, 2:]) / 2 / sides
    shots = np.searchsorted(cuts, frames, side="right")
    gaps = (np.diff(frames) > 1) & (np.diff(seen_s) > HOLD_AFTER_S)
    begins = np.flatnonzero(np.append(True, gaps | (np.diff(shots) > 0)))

    way = _Way()
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
            start=None if new_shot else way.last / sides,
            rests=(not with_shot, not to_shot_end),
        )
        places *= sides
        if new_shot and begin:
            way.add(shot_s - JUMP_S, way.last)
            way.add(shot_s, places[0])
        way.add_run(run_s, places, edges=(with_shot, to_shot_end))
    return way.path(sides, width=width, height=height)


class _Way:
    """Corners of the crop at rising times, as they come; what comes too soon after the last is left out."""

    def __init__(self) -> None:
        self._times_s: list[float] = []
        self._corners: list[NDArray[np.float64]] = []
        self._kept: list[bool] = []

    @property
    def last(self) -> NDArray[np.float64]:
        """The last corner, float64 [2]."""
        return self._corners[-1]

    def add(self, time_s: float, corner: NDArray[np.float64], *, kept: bool = True) -> None:
        """Take in a corner, float64 [2], at a time; thinning leaves it where it is kept."""
        if not self._times_s or time_s - self._times_s[-1] > JUMP_S / 2:
            self._times_s.append(float(time_s))
            self._corners.append(corner)
            self._kept.append(kept)

    def add_run(
        self, times_s: NDArray[np.float64], corners: NDArray[np.float64], *, edges: tuple[bool, bool]
    ) -> None:
        """Take in corners, float64 [N, 2], at times [N]; at an edge the crop moves already, or still."""
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
        """Return the path of a crop of that size."""
        if len(self._times_s) == 1:
            self.add(self._times_s[0] + KNOT_S, self.last)
        crops = np.array([(*corner, *sides) for corner in self._corners])
        return thinned(np.array(self._times_s), crops, np.array(self._kept), width=width, height=height)


def _knots(begin_s: float, end_s: float, *, boxes: int) -> NDArray[np.float64]:
    """Return times from one to the other, KNOT_S apart or a little less."""
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
    """Return the crop's top-left corner at each knot, float64 [K, 2]. All places are in crop sizes.

    Args:
        knots_s: float64 [K].
        times_s: float64 [N], when the subject was seen.
        centres: float64 [N, 2], and where.
        room: float64 [2], size of the picture.
        start: float64 [2], the first corner; None for wherever is best.
        rests: whether it sets off from rest, and whether it comes to rest.
    """
    length = max(knots_s[-1] - knots_s[0], KNOT_S)
    near = np.rint((times_s - knots_s[0]) / length * (len(knots_s) - 1)).astype(np.intp)
    rows = np.flatnonzero(np.diff(near, prepend=-1))  # the first of those near each knot
    seen = np.zeros(len(knots_s), np.bool_)
    seen[near[rows]] = True
    corners = np.empty((len(knots_s), 2))
    for axis in range(2):
        places = centres[:, axis]
        low, high, mean = (np.zeros(len(seen)) for _ in range(3))
        low[seen] = np.minimum.reduceat(places, rows)
        high[seen] = np.maximum.reduceat(places, rows)
        mean[seen] = np.add.reduceat(places, rows) / np.diff(rows, append=len(near))
        way = camera_way(
            Sightings(spans_s=np.diff(knots_s), seen=seen, low=low, high=high, mean=mean),
            first=0.5,
            last=float(room[axis]) - 0.5,
            start=None if start is None else float(start[axis]) + 0.5,
            rests=rests,
        )
        corners[:, axis] = np.clip(way - 0.5, 0, room[axis] - 1)
    return corners
