"""A crop that follows a subject: from its boxes to the keyframes of a steady camera.

The times when the subject is seen are runs, between cuts and gaps of more than HOLD_AFTER_S. The camera's
way through a run is planned at knots. From one run to the next it holds its place, as it does before the
first and after the last; after a gap it sets off from there, after a cut it begins wherever is best: it jumps
at the cuts that begin a shot with the subject, and nowhere else.

It does not know who is followed, nor what the camera's way costs.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import BadRequest
from orchestrator.framing.camera import KNOT_S, Sightings, camera_way
from orchestrator.framing.thinning import thinned

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orchestrator.framing.keyframes import CropPath

HOLD_AFTER_S = 1.0
"""Gaps in a track that are shorter do not stop the camera."""
JUMP_S = 0.001
"""A jump takes this long, and ends at the cut; pictures are further apart."""


def follow(
    times_s: NDArray[np.float64],
    boxes: NDArray[np.floating],
    *,
    size: tuple[float, float],
    width: int,
    height: int,
    cuts_s: Sequence[float] = (),
) -> CropPath:
    """Return the path of a crop of constant size that keeps a subject in its middle, and moves little.

    Args:
        times_s: float64 [N], presentation times of the frames that the subject has a box in, rising; N >= 1.
        boxes: float [N, 4], x1, y1, x2, y2 in pixels of the picture as displayed.
        size: width and height of the crop, in the same pixels; see `crop_of_aspect`.
        width, height: of the picture.
        cuts_s: times of the first picture of each shot but the first, rising.

    Raises:
        BadRequest: there is no box, a number is not finite, times do not rise, or the crop is larger than the
            picture.
        ServiceError: the solver failed.
    """
    times_s, cuts = np.asarray(times_s, np.float64), np.asarray(cuts_s, np.float64)
    _check(times_s, boxes, cuts)
    if size[0] > width or size[1] > height:
        raise BadRequest(f"a crop of {size[0]:g}x{size[1]:g} does not fit a picture of {width}x{height}")
    sides, room = np.array(size, np.float64), np.array([width, height], np.float64)
    centres = (boxes[:, :2].astype(np.float64) + boxes[:, 2:]) / 2

    knots_s: list[NDArray[np.float64]] = []
    corners: list[NDArray[np.float64]] = []
    shots = np.searchsorted(cuts, times_s, side="right")
    begins = np.flatnonzero((np.diff(times_s, prepend=-np.inf) > HOLD_AFTER_S) | np.diff(shots, prepend=-1))
    for begin, end in pairwise([*begins.tolist(), len(times_s)]):
        start = corners[-1][-1] if corners else None
        new_shot = begin > 0 and shots[begin] != shots[begin - 1]
        run_s = _knots(times_s[begin:end])
        places = _corners(
            run_s,
            times_s[begin:end],
            centres[begin:end] / sides,
            room=room / sides,
            start=None if new_shot or start is None else start / sides,
        )
        places *= sides
        if new_shot and start is not None:
            cut = float(cuts[shots[begin] - 1])
            knots_s.append(np.array([cut - JUMP_S, cut]))
            corners.append(np.stack((start, places[0])))
        knots_s.append(run_s)
        corners.append(places)
    return _path(np.concatenate(knots_s), np.concatenate(corners), sides, cuts, width=width, height=height)


def _path(
    knots_s: NDArray[np.float64],
    corners: NDArray[np.float64],
    sides: NDArray[np.float64],
    cuts: NDArray[np.float64],
    *,
    width: int,
    height: int,
) -> CropPath:
    if len(knots_s) == 1:
        knots_s, corners = np.append(knots_s, knots_s + KNOT_S), np.repeat(corners, 2, axis=0)
    # A subject that is seen in the first frame of a shot has a knot at the cut twice.
    fresh = np.diff(knots_s, prepend=-np.inf) > JUMP_S / 2
    knots_s, corners = knots_s[fresh], corners[fresh]
    jumps = np.isin(knots_s, np.concatenate((cuts - JUMP_S, cuts)))
    crops = np.hstack((corners, np.broadcast_to(sides, corners.shape)))
    return thinned(knots_s, crops, jumps, width=width, height=height)


def _knots(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return times from the first to the last of these, KNOT_S apart or a little less."""
    steps = int(np.ceil((times_s[-1] - times_s[0]) / KNOT_S))
    return np.linspace(times_s[0], times_s[-1], steps + 1)


def _corners(
    knots_s: NDArray[np.float64],
    times_s: NDArray[np.float64],
    centres: NDArray[np.float64],
    *,
    room: NDArray[np.float64],
    start: NDArray[np.float64] | None,
) -> NDArray[np.float64]:
    """Return the crop's top-left corner at each knot, float64 [K, 2]. All places are in crop sizes.

    Args:
        knots_s: float64 [K].
        times_s: float64 [N], when the subject was seen.
        centres: float64 [N, 2], and where.
        room: float64 [2], size of the picture.
        start: float64 [2], the first corner; None for wherever is best.
    """
    length = max(knots_s[-1] - knots_s[0], KNOT_S)
    near = np.rint((times_s - times_s[0]) / length * (len(knots_s) - 1)).astype(np.intp)
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
        )
        corners[:, axis] = np.clip(way - 0.5, 0, room[axis] - 1)
    return corners


def _check(times_s: NDArray[np.float64], boxes: NDArray[np.floating], cuts: NDArray[np.float64]) -> None:
    if not len(times_s):
        raise BadRequest("there is no box to follow")
    if boxes.shape != (len(times_s), 4) or not np.isfinite(boxes).all() or not np.isfinite(times_s).all():
        raise BadRequest("boxes to follow are refused: give a time and four finite numbers for each")
    for name, times in (("times of boxes", times_s), ("cuts", cuts)):
        if (np.diff(times) <= 0).any() or not np.isfinite(times).all():
            raise BadRequest(f"{name} are refused: they must rise")
