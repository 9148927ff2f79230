"""Removes the keyframes of a path that can be left out without visibly moving the crop.

The algorithm is that of Douglas and Peucker, "Algorithms for the reduction of the number of points required
to represent a digitized line or its caricature" (Cartographica 10, 1973). But the line between the remaining
points is the smooth curve of `keyframes`, each part of which depends on the points around it; so the whole
curve is compared again in each round.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.keyframes import CropPath

TOLERANCE_PX = 0.25
"""Largest distance between the thinned and the full path, in x and in y."""


def thin_keyframes(
    times_s: NDArray[np.float64],
    crops: NDArray[np.float64],
    kept: NDArray[np.bool_],
    *,
    width: int,
    height: int,
) -> CropPath:
    """Return the path through as few of the points as the tolerance allows.

    Args:
        times_s: float64 [K], rising, K >= 2.
        crops: float64 [K, 4], x, y, w, h.
        kept: bool [K], points that are never removed, nor are the first and the last.
        width, height: size of the picture, in pixels.

    Raises:
        BadRequest: see `CropPath`.
    """
    stays = kept.copy()
    stays[[0, -1]] = True
    stays |= _corners(crops)
    # Compare at the points and halfway between them, where a curve is furthest from its neighbours.
    seen_s = np.empty(2 * len(times_s) - 1)
    seen_s[::2], seen_s[1::2] = times_s, (times_s[1:] + times_s[:-1]) / 2
    wanted = CropPath(times_s, crops, width=width, height=height).rows(seen_s)
    while True:
        path = CropPath.rounded(times_s[stays], crops[stays], width=width, height=height)
        off = np.abs(path.rows(seen_s) - wanted).max(axis=1)
        # A deviation halfway counts for the point before it and the point after it.
        worst = off[::2].copy()
        np.maximum(worst[1:], off[1::2], out=worst[1:])
        np.maximum(worst[:-1], off[1::2], out=worst[:-1])
        worst[stays] = 0
        added = _worst_of_parts(worst, stays)
        if not added.size:
            return path
        stays[added] = True


def _worst_of_parts(worst: NDArray[np.float64], stays: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the worst point between each two kept points, if its deviation exceeds the tolerance."""
    begins = np.flatnonzero(stays)
    parts = np.cumsum(stays) - 1
    most = np.maximum.reduceat(worst, begins)
    candidates = np.flatnonzero((worst == most[parts]) & (worst > TOLERANCE_PX))
    return candidates[np.unique(parts[candidates], return_index=True)[1]]


def _corners(crops: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Return for each point whether the crop starts or stops moving there, bool [K]."""
    moves = (np.diff(crops, axis=0) != 0).any(axis=1)
    corners = np.zeros(len(crops), np.bool_)
    corners[1:-1] = moves[1:] != moves[:-1]
    return corners
