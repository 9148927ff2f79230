"""Draws antialiased shapes on a transparent background, at subpixel positions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

FINE = 4
"""The oversampling of shapes for antialiasing: 16 levels of coverage in a pixel."""

_SHIFT = 4  # fractional bits of OpenCV's coordinates

Colour = tuple[int, int, int]
"""RGB, 0..255."""

Point = tuple[float, float]
"""x and y in pixels of the picture, y downwards."""


@dataclass(frozen=True, kw_only=True)
class Sprite:
    """A drawing with a position in a picture; it may reach beyond the picture.

    Attributes:
        colour: uint8 [H, W, 3], RGB, premultiplied with alpha.
        alpha: uint8 [H, W], coverage 0..255.
        left, top: the position of its first pixel in the picture.
    """

    colour: NDArray[np.uint8]
    alpha: NDArray[np.uint8]
    left: int
    top: int

    @property
    def box(self) -> tuple[int, int, int, int]:
        """Left, top, right and bottom of its covered pixels."""
        columns = np.flatnonzero(self.alpha.any(axis=0))
        rows = np.flatnonzero(self.alpha.any(axis=1))
        return (
            self.left + int(columns[0]),
            self.top + int(rows[0]),
            self.left + int(columns[-1]) + 1,
            self.top + int(rows[-1]) + 1,
        )


class Pen:
    """Draws opaque shapes over each other, in coordinates of the picture.

    Args:
        left, top, right, bottom: the bounds of the sprite in pixels of the picture; shapes are clipped to
            them.
    """

    def __init__(self, left: float, top: float, right: float, bottom: float) -> None:
        self.left, self.top = int(np.floor(left)), int(np.floor(top))
        width = max(1, int(np.ceil(right)) - self.left)
        height = max(1, int(np.ceil(bottom)) - self.top)
        self.colour = np.zeros((height * FINE, width * FINE, 3), np.uint8)
        self.alpha = np.zeros((height * FINE, width * FINE), np.uint8)
        self._light = np.ones((1, 1), np.float32)

    def polygon(self, points: Sequence[Point], colour: Colour) -> None:
        """Fill a polygon."""
        fixed = self._fixed(points)
        cv2.fillPoly(self.colour, [fixed], colour, shift=_SHIFT)
        cv2.fillPoly(self.alpha, [fixed], (255,), shift=_SHIFT)

    def limb(self, points: Sequence[Point], width: float, colour: Colour) -> None:
        """Draw a line with round ends and joints, `width` pixels wide."""
        fixed, thickness = self._fixed(points), max(1, round(width * FINE))
        cv2.polylines(self.colour, [fixed], False, colour, thickness, shift=_SHIFT)  # noqa: FBT003
        cv2.polylines(self.alpha, [fixed], False, (255,), thickness, shift=_SHIFT)  # noqa: FBT003

    def ellipse(self, centre: Point, radii: Point, colour: Colour, *, angle: float = 0.0) -> None:
        """Fill an ellipse, turned clockwise by `angle` degrees."""
        (place,) = self._fixed([centre])
        axes = (max(1, round(radii[0] * FINE * 2**_SHIFT)), max(1, round(radii[1] * FINE * 2**_SHIFT)))
        where = (int(place[0]), int(place[1]))
        cv2.ellipse(self.colour, where, axes, angle, 0, 360, colour, -1, shift=_SHIFT)
        cv2.ellipse(self.alpha, where, axes, angle, 0, 360, (255,), -1, shift=_SHIFT)

    def shade(self, light: NDArray[np.float32]) -> None:
        """Multiply the colours by float32 [h, w], which is resized to the sprite."""
        self._light = light

    def sprite(self) -> Sprite:
        """Return the drawing as a sprite."""
        height, width = (side // FINE for side in self.alpha.shape)
        colour = cv2.resize(self.colour, (width, height), interpolation=cv2.INTER_AREA)
        alpha = cv2.resize(self.alpha, (width, height), interpolation=cv2.INTER_AREA)
        light = cv2.resize(self._light, (width, height), interpolation=cv2.INTER_LINEAR)
        lit = np.minimum(colour * light[:, :, None], alpha[:, :, None])  # multiplied with alpha: no brighter
        return Sprite(
            colour=np.asarray(lit, np.uint8), alpha=np.asarray(alpha, np.uint8), left=self.left, top=self.top
        )

    def _fixed(self, points: Sequence[Point]) -> NDArray[np.int32]:
        moved = (np.asarray(points, np.float64) - (self.left, self.top)) * FINE - 0.5
        return np.asarray(np.rint(moved * 2**_SHIFT), np.int32)


def paste(picture: NDArray[np.uint8], sprite: Sprite) -> None:
    """Draw a sprite over a picture, uint8 [H, W, 3] RGB, in place."""
    rows, columns, own_rows, own_columns = overlap(picture.shape[0], picture.shape[1], sprite)
    uncovered = 255 - sprite.alpha[own_rows, own_columns, None].astype(np.uint16)
    below = picture[rows, columns]
    mixed = (below * uncovered + 127) // 255 + sprite.colour[own_rows, own_columns]
    picture[rows, columns] = np.minimum(mixed, 255)


def overlap(height: int, width: int, sprite: Sprite) -> tuple[slice, slice, slice, slice]:
    """Return the overlap of a sprite and a picture: rows and columns of the picture, then of the sprite."""
    top, left = max(sprite.top, 0), max(sprite.left, 0)
    bottom = max(top, min(sprite.top + sprite.alpha.shape[0], height))
    right = max(left, min(sprite.left + sprite.alpha.shape[1], width))
    return (
        slice(top, bottom),
        slice(left, right),
        slice(top - sprite.top, bottom - sprite.top),
        slice(left - sprite.left, right - sprite.left),
    )
