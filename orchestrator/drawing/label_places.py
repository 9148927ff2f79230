"""Finds a place for a label at a box, where it covers as little as possible of what it should not cover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Rectangle = tuple[int, int, int, int]
"""Left, top, right and bottom of a part of a picture, in whole pixels; right and bottom are outside of it."""

_STOPS = 25
"""Number of places along each side of a box that are tried where all the usual ones cover something."""


def place_label(
    size: tuple[int, int],
    box: NDArray[np.float32],
    *,
    edge_px: int,
    picture: tuple[int, int],
    avoid: Sequence[Rectangle],
) -> tuple[int, int]:
    """Return left and top of a label, in whole pixels of the picture.

    It stands on the box, or inside its upper edge if there is no room above. If it would cover something to
    avoid, it takes another usual place at a corner of the box, else one along the sides of the box, outside
    or inside of them; of all these the first that covers least.

    Args:
        size: width and height of the label, in pixels; it fits into the picture.
        box: float32 [4], x1, y1, x2, y2 in pixels of the picture.
        edge_px: how far the box's line reaches from its middle.
        picture: width and height of the picture, in pixels.
        avoid: parts of the picture that the label should not cover.
    """
    width, height = size
    most = np.array([picture[0] - width, picture[1] - height])
    x1, y1, x2, y2 = (round(float(side)) for side in box)
    above = y1 + edge_px - height if y1 + edge_px >= height else y1 - edge_px
    left, right, below = x1 - edge_px, x2 + edge_px - width, y2 - edge_px
    usual = [(x, y) for y in (above, below, y2 + edge_px - height) for x in (left, right)]
    usual += [(x2 - edge_px, y1 - edge_px), (x1 + edge_px - width, y1 - edge_px)]
    usual += [(left, above - height), (left, y2 - edge_px + height)]
    places = np.clip(np.array(usual), 0, most)
    covered = _covered(places, size, avoid)
    if covered.min() > 0:
        across = np.rint(np.linspace(x1 + edge_px - width, x2 - edge_px, _STOPS)).astype(int)
        down = np.rint(np.linspace(y1 + edge_px - height, y2 - edge_px, _STOPS)).astype(int)
        rows = (y1 + edge_px - height, below, y1 - edge_px, y2 + edge_px - height)
        columns = (x2 - edge_px, x1 + edge_px - width, left, right)
        along = [np.column_stack((across, np.full(_STOPS, y))) for y in rows]
        along += [np.column_stack((np.full(_STOPS, x), down)) for x in columns]
        places = np.concatenate((places, np.clip(np.concatenate(along), 0, most)))
        covered = _covered(places, size, avoid)
    x, y = places[covered.argmin()].tolist()
    return int(x), int(y)


def _covered(
    places: NDArray[np.int64], size: tuple[int, int], avoid: Sequence[Rectangle]
) -> NDArray[np.int64]:
    """Return how many pixels of some rectangles a label covers at each place [N, 2]: int64 [N]."""
    parts = np.array(avoid, np.int64).reshape(-1, 4)
    common = np.minimum(places[:, None] + size, parts[:, 2:]) - np.maximum(places[:, None], parts[:, :2])
    covered: NDArray[np.int64] = np.maximum(common, 0).prod(axis=2).sum(axis=1)
    return covered
