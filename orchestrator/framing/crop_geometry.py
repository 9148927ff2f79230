"""Checks that a crop lies in the picture, and computes the largest crop of an aspect ratio."""

from __future__ import annotations

import math
from fractions import Fraction

from orchestrator.errors import BadRequest
from orchestrator.frames import Crop

ROUNDING_PX = 0.001
"""A crop that leaves the picture by no more is moved back, because numbers in JSON are rounded."""

SMALLEST_PX = 1.0
"""Shortest side of a crop."""


def check_crop(crop: Crop, *, width: int, height: int, clamp: bool = False) -> Crop:
    """Check that a crop lies in the picture, and return it without rounding errors.

    Args:
        crop: the crop that the caller asked for.
        width, height: size of the picture as displayed, in pixels.
        clamp: move a crop that leaves the picture back into it, and cut it down if it is larger.

    Raises:
        BadRequest: a number is not finite, a side is under 1 pixel, or, without `clamp`, the crop leaves the
            picture.
    """
    if not all(math.isfinite(value) for value in (crop.x, crop.y, crop.w, crop.h)):
        raise BadRequest(f"crop {crop} is refused: give finite numbers")
    if min(crop.w, crop.h) < SMALLEST_PX:
        raise BadRequest(f"crop {crop} is refused: it must be at least 1 pixel wide and high")
    x, w = _within(crop.x, crop.w, width)
    y, h = _within(crop.y, crop.h, height)
    moved = Crop(x=x, y=y, w=w, h=h)
    change = max(abs(crop.x - x), abs(crop.y - y), abs(crop.w - w), abs(crop.h - h))
    # Twice, because x and w of a crop are both rounded, and the errors add up at the picture's edge.
    if change > 2 * ROUNDING_PX and not clamp:
        raise BadRequest(
            f"crop {crop} leaves the picture, which is {width}x{height} at (0, 0); "
            "give a crop within it, or clamp it"
        )
    return moved


def crop_of_aspect(aspect: Fraction, *, width: int, height: int, zoom: float = 1.0) -> tuple[int, int]:
    """Return the largest width and height, in whole pixels, of a crop with an aspect ratio.

    Both are rounded to even numbers (4:2:0 allows no others), so the aspect ratio is right to within a pixel.
    A side is 1 in a picture whose side is under 2 pixels.

    Args:
        aspect: width : height.
        width, height: size of the picture as displayed, in pixels.
        zoom: 1 for the largest crop, 2 for one of half its width and height, and so on.

    Raises:
        BadRequest: the zoom is not a number of at least 1, or a side would be under 1 pixel.
    """
    if not (math.isfinite(zoom) and zoom >= 1):
        raise BadRequest(f"zoom {zoom} is refused: give 1 or more")
    across = min(float(width), height * float(aspect)) / zoom
    down = min(float(height), width / float(aspect)) / zoom
    if min(across, down) < SMALLEST_PX:
        raise BadRequest(
            f"a crop of aspect {aspect} and zoom {zoom:g} of a {width}x{height} picture is under 1 pixel; "
            "choose another aspect or a lower zoom"
        )
    return _even(across, width), _even(down, height)


def _within(start: float, length: float, whole: int) -> tuple[float, float]:
    length = min(float(length), float(whole))
    return min(max(float(start), 0.0), whole - length), length


def _even(side: float, whole: int) -> int:
    return max(min(2 * round(side / 2), whole - whole % 2), min(2, whole))
