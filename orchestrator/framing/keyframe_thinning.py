"""Few keyframes for a path of many: those that can be left out without moving the crop are left out.

As Douglas and Peucker, "Algorithms for the reduction of the number of points required to represent a
digitized line or its caricature" (Cartographica 10, 1973), but the line between the points that stay is the
smooth one of `keyframes`, whose every part depends on the points around it; so all of it is compared again in
each round.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orchestrator.framing.keyframes import CropPath

if TYPE_CHECKING:
    from numpy.typing import NDArray

TOLERANCE_PX = 0.25
"""Thinned and full path are never further apart, in x and in y."""


def thinned(
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
        kept: bool [K], points that stay whatever they are; the first and the last stay too.
        width, height: of the picture, in pixels.

    Raises:
        BadRequest: see `CropPath`.
    """
    stays = kept.copy()
    stays[[0, -1]] = True
    stays |= _corners(crops)
    # Points and the middles between them: halfway a curve is furthest from its neighbours.
    seen_s = np.empty(2 * len(times_s) - 1)
    seen_s[::2], seen_s[1::2] = times_s, (times_s[1:] + times_s[:-1]) / 2
    wanted = CropPath(times_s, crops, width=width, height=height).rows(seen_s)
    while True:
        path = CropPath.rounded(times_s[stays], crops[stays], width=width, height=height)
        off = np.abs(path.rows(seen_s) - wanted).max(axis=1)
        # What a middle is off counts for the point before it and the point after it.
        worst = off[::2].copy()
        np.maximum(worst[1:], off[1::2], out=worst[1:])
        np.maximum(worst[:-1], off[1::2], out=worst[:-1])
        worst[stays] = 0
        added = _worst_of_parts(worst, stays)
        if not added.size:
            return path
        stays[added] = True


def _worst_of_parts(worst: NDArray[np.float64], stays: NDArray[np.bool_]) -> NDArray[np.intp]:
    """Return the point that is furthest off in each part between points that stay, if it is too far off."""
    begins = np.flatnonzero(stays)
    parts = np.cumsum(stays) - 1
    most = np.maximum.reduceat(worst, begins)
    candidates = np.flatnonzero((worst == most[parts]) & (worst > TOLERANCE_PX))
    return candidates[np.unique(parts[candidates], return_index=True)[1]]


def _corners(crops: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say of each point whether the crop comes to rest there or sets off, bool [K]."""
    moves = (np.diff(crops, axis=0) != 0).any(axis=1)
    corners = np.zeros(len(crops), np.bool_)
    corners[1:-1] = moves[1:] != moves[:-1]
    return corners
