"""Converts RGB to planes of Y'CbCr in 4:4:4 and back, with exact coefficients and rounding.

With 12 bits, RGB of 8 bits comes back as it was, whatever the matrix and the range.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Colour, DeepPixels, Pixels, Planes, Samples
from orchestrator.plane_format import PlaneFormat

MADE_BITS = 12
"""Bits of planes that are made from RGB."""

_ROWS = 128
"""Rows that are converted together, so that they stay in the CPU's cache."""


def made_format(colour: Colour, *, bits: int = MADE_BITS) -> PlaneFormat:
    """Return the format of planes in 4:4:4 that have the matrix and the range of a colour."""
    return PlaneFormat(
        matrix=colour.matrix, full_range=colour.full_range, bits=bits, chroma=(1, 1), siting=(0.0, 0.0)
    )


def made_planes(pixels: Pixels | DeepPixels, planes: PlaneFormat) -> Planes:
    """Convert RGB to planes in 4:4:4.

    Args:
        pixels: [H, W, 3], uint8 or uint16, full range.
        planes: the format of the planes.
    """
    matrix, offset = planes.from_rgb()
    affine = np.column_stack([matrix / np.iinfo(pixels.dtype).max, offset])
    y, u, v = (cast("Samples", np.empty(pixels.shape[:2], planes.dtype)) for _ in range(3))
    for rows, levels in _transformed(pixels, affine, planes.most):
        y[rows], u[rows], v[rows] = levels[..., 0], levels[..., 1], levels[..., 2]
    return Planes(y=y, u=u, v=v)


def rgb_pixels(made: Planes, planes: PlaneFormat) -> Pixels:
    """Convert planes in 4:4:4 to RGB, uint8 [H, W, 3], full range."""
    matrix, offset = planes.to_rgb()
    pixels = np.empty((*made.y.shape, 3), np.uint8)
    picture = cast("NDArray[np.unsignedinteger]", cv2.merge([*made]))
    for rows, levels in _transformed(picture, np.column_stack([matrix, offset]) * 255, 255):
        pixels[rows] = levels
    return pixels


def _transformed(
    picture: NDArray[np.unsignedinteger], affine: NDArray[np.float64], most: int
) -> Iterator[tuple[slice, NDArray[np.float32]]]:
    """Yield rows of a picture [H, W, 3] and their colours after a matrix [3, 4], whole levels of 0..most."""
    for first in range(0, len(picture), _ROWS):
        rows = slice(first, first + _ROWS)
        levels = cv2.transform(picture[rows].astype(np.float32), affine)
        yield rows, np.rint(levels).clip(0, most)
