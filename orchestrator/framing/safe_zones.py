"""Defines the edges of a crop that captions cover, and computes where the middle of the crop may be.

The subject's box should lie in the crop, and its head outside the covered edges. Where both cannot be, the
head comes first. Lengths are in sizes of the crop.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DEAD_ZONE = 0.08
"""The camera does not follow while the subject's centre is this near to the crop's middle."""
MIDDLE = 0.22
"""Largest distance that the subject should have: a little inside the middle half, which ends at 0.25."""
_MARGIN = 0.02
"""Distance that a head should have from captions, and a box from the edge of the crop if there is room."""
_HEADROOM = 0.1
"""Where the top of a subject that is taller than the crop should be."""


@dataclass(frozen=True, kw_only=True)
class SafeZones:
    """Shares of the crop's height (top, bottom) and width (left, right) that captions cover, 0 to 0.4."""

    top: float = 0.0
    bottom: float = 0.0
    left: float = 0.0
    right: float = 0.0


NO_SAFE_ZONES = SafeZones()


@dataclass(frozen=True, kw_only=True, eq=False)
class Zones:
    """Where the middle of the crop should be for each of N boxes, all float64 [N, 2], x and y in crop sizes.

    Attributes:
        target: the best place.
        dead_low, dead_high: the places from which the camera does not move for the box; `target` is between.
        keep_low, keep_high: the places that it should not leave; may be infinite, and include the dead zone.
    """

    target: NDArray[np.float64]
    dead_low: NDArray[np.float64]
    dead_high: NDArray[np.float64]
    keep_low: NDArray[np.float64]
    keep_high: NDArray[np.float64]


def find_zones(
    boxes: NDArray[np.float64],
    heads: NDArray[np.float64],
    is_wish: NDArray[np.bool_],
    *,
    sides: NDArray[np.float64],
    safe: SafeZones,
    whole: bool,
) -> Zones:
    """Return where the middle of the crop should be.

    Args:
        boxes: float64 [N, 4], x1, y1, x2, y2 of the subject in pixels.
        heads: float64 [N, 4], the part of each box that captions must not cover.
        is_wish: bool [N], whether the crop may also be anywhere else.
        sides: float64 [2], width and height of the crop in pixels.
        safe: edges that captions cover.
        whole: whether the whole box should be in the crop; if not, it is enough that its middle is near that
            of the crop, and the camera is quieter.
    """
    before, after = np.array([safe.left, safe.top]), np.array([safe.right, safe.bottom])
    low, high = boxes[:, :2] / sides, boxes[:, 2:] / sides
    apart = [np.where(covered > 0, covered + _MARGIN, 0) for covered in (before, after)]
    head_low, head_high = heads[:, 2:] / sides + apart[1] - 0.5, heads[:, :2] / sides - apart[0] + 0.5
    # Of a head, or of what has none of its own, that is higher than the crop, the top comes first: near the
    # upper edge, or at it where captions cover the lower one.
    is_high = head_low[:, 1] > head_high[:, 1]
    headroom = 0.0 if safe.bottom else _HEADROOM
    head_low[is_high, 1] = head_high[is_high, 1] - headroom
    head_low, head_high = _ordered(head_low, head_high)
    spare = 1 - (high - low)
    margin = np.minimum(_MARGIN, np.maximum(spare, 0) / 4)
    if not whole:
        spare, margin = np.zeros_like(low), np.full_like(low, -np.inf)
    box_low, box_high = high + margin - 0.5, low - margin + 0.5
    # Of a box that is larger than the crop, show the middle and the top. One that is hardly higher is shown
    # from its top, as there is nothing to spare for headroom.
    shown, play = (low + high) / 2, np.full_like(low, DEAD_ZONE)
    if whole:
        excess = np.maximum(-spare[:, 1], 0)
        shown[:, 1] = low[:, 1] + 0.5 - np.minimum(_HEADROOM, excess)
        play[:, 1] = np.minimum(DEAD_ZONE, excess)
    box_low = np.where(spare < 0, shown - play, box_low)
    box_high = np.where(spare < 0, shown + play, box_high)
    keep_low, keep_high = (np.clip(edge, head_low, head_high) for edge in (box_low, box_high))
    target = np.where(spare < 0, shown, (low + high) / 2 + (after - before) / 2)
    keep_low, keep_high = (np.clip(target + distance, keep_low, keep_high) for distance in (-MIDDLE, MIDDLE))
    target = np.clip(target, keep_low, keep_high)
    return Zones(
        target=target,
        dead_low=np.maximum(target - DEAD_ZONE, keep_low),
        dead_high=np.minimum(target + DEAD_ZONE, keep_high),
        keep_low=np.where(is_wish[:, None], -np.inf, keep_low),
        keep_high=np.where(is_wish[:, None], np.inf, keep_high),
    )


def _ordered(
    low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the ends of intervals; of one that is empty, twice the middle between its ends."""
    middle = (low + high) / 2
    return np.where(low > high, middle, low), np.where(low > high, middle, high)
