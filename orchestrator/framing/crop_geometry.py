"""A crop and the picture that it is cut from.

It does not know pixels, nor what is made of the crop.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from orchestrator.errors import BadRequest
from orchestrator.frames import Crop

if TYPE_CHECKING:
    from fractions import Fraction

ROUNDING_PX = 0.001
"""By so much a crop may leave the picture: numbers in JSON are rounded. It is moved back."""

SMALLEST_PX = 1.0
"""Least side of a crop."""


def inside(crop: Crop, *, width: int, height: int, clamp: bool = False) -> Crop:
    """Return the crop, made sure to lie in the picture.

    Args:
        crop: as the caller gave it.
        width, height: of the picture as displayed, in pixels.
        clamp: move a crop that leaves the picture back into it, and cut it down where it is larger.

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
    # Twice: x and w of a crop are each rounded, and the changes of both meet at the picture's edge.
    if change > 2 * ROUNDING_PX and not clamp:
        raise BadRequest(
            f"crop {crop} leaves the picture, which is {width}x{height} at (0, 0); "
            "give a crop within it, or clamp it"
        )
    return moved


def crop_of_aspect(aspect: Fraction, *, width: int, height: int, zoom: float = 1.0) -> tuple[int, int]:
    """Return the largest width and height of an aspect that fit a picture, in whole pixels.

    Both are the even numbers that are nearest (encoders of 4:2:0 take no others), so the aspect is met to
    within a pixel; in a picture with a side under 2 pixels, 1.

    Args:
        aspect: width : height.
        width, height: of the picture as displayed, in pixels.
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
