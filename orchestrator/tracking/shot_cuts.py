"""Detects cuts between shots in a sequence of small gray pictures.

The picture is divided into blocks. Within a shot, the blocks of the last picture are found again in this one:
at their place or, when the camera pans, all moved by the same distance. After a cut hardly any are. This is
block matching as in Shahraray, "Scene change detection and content-based sampling of video sequences" (SPIE
2419, 1995). Blocks are compared by their correlation coefficient, which ignores brightness and contrast, so
flashes and fades do not count as cuts. Flat pictures (black, white, overexposed) are skipped: the picture
after them is compared with the one before them.

A dissolve from one shot to the next is not detected, as it is gradual. Captions that stay through a cut hide
it if they make up a third of the textured blocks.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 96, 54
"""Size of the reduced pictures that are compared, in pixels."""
BLOCK_WIDTH, BLOCK_HEIGHT = 12, 9
SAME_CORRELATION = 0.7
"""Blocks with a higher correlation are the same."""
SAME_SHARE = 0.35
"""The shot continues if at least this share of the blocks is found again."""
FLAT_LEVELS = 3.0
"""A block whose levels (0..255) have a lower standard deviation is flat: it cannot be compared."""
FEWEST_BLOCKS = 5
"""A picture with fewer textured blocks is skipped."""
BAR_LEVELS = 12
"""Rows and columns at the edge whose levels differ by less, in both pictures, are black bars."""
NEIGHBOURS = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1))


def reduced_picture(gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return all that `CutDetector` sees of a picture: it decides the same for the result as for the picture.

    Args:
        gray: uint8 [h, w].

    Returns:
        uint8 [HEIGHT, WIDTH].
    """
    return np.asarray(cv2.resize(gray, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)


class CutDetector:
    """Compares each picture with the one before it to find cuts."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def is_cut(self, gray: NDArray[np.uint8]) -> bool:
        """Return whether this picture, uint8 [h, w] of any size, starts a new shot; False for the first."""
        picture = _reduced(gray)
        if self._last is None:
            # A video may begin with black or white pictures, which cannot be compared.
            self._last = picture if _is_textured(picture) else None
            return False
        same_shot = _is_same_shot(*_without_bars(self._last, picture))
        if same_shot is None:
            return False
        self._last = picture
        return not same_shot


def _is_textured(picture: NDArray[np.float32]) -> bool:
    """Return whether a picture, float32 [HEIGHT, WIDTH], has enough textured blocks to be compared."""
    return bool((_blocks(picture)[1] > FLAT_LEVELS).sum() >= FEWEST_BLOCKS)


def _is_same_shot(last: NDArray[np.float32], this: NDArray[np.float32]) -> bool | None:
    """Return whether two pictures, float32 [HEIGHT, WIDTH], are of one shot; None if they are too flat."""
    blocks, spread = _blocks(last)
    textured = spread > FLAT_LEVELS
    if (textured & (_blocks(this)[1] > FLAT_LEVELS)).sum() < FEWEST_BLOCKS:
        return None

    def are_found(displacements: Iterable[tuple[int, int]]) -> bool:
        same, compared = np.zeros_like(textured), np.zeros_like(textured)
        for x, y in displacements:
            there, there_spread = _blocks(_moved_back(this, x, y))
            comparable = textured & (there_spread > FLAT_LEVELS)
            compared |= comparable
            same |= comparable & ((blocks * there).mean(axis=1) > SAME_CORRELATION * spread * there_spread)
        # Blocks that are flat now do not count; but if most are flat, the few others decide little.
        return bool(same.sum() >= SAME_SHARE * max(compared.sum(), textured.sum() / 2))

    if are_found([(0, 0)]) or are_found(NEIGHBOURS):
        return True
    x, y = _displacement(last, this)
    return are_found([(x + dx, y + dy) for dx, dy in NEIGHBOURS])


def _without_bars(
    last: NDArray[np.float32], this: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut black bars off two pictures; otherwise they would match in every shot."""
    sides = []
    for axis, length in ((1, HEIGHT), (0, WIDTH)):
        lively = np.maximum(np.ptp(last, axis=axis), np.ptp(this, axis=axis)) > BAR_LEVELS
        first, end = int(lively.argmax()), length - int(lively[::-1].argmax())
        # Cut one more row, as the bar's edge may run through it.
        sides.append(slice(first + (first > 0), end - (end < length)))
    rows, columns = sides
    height, width = last[rows, columns].shape
    if (height, width) == (HEIGHT, WIDTH) or height < HEIGHT // 4 or width < WIDTH // 4:
        return last, this
    return _reduced(last[rows, columns]), _reduced(this[rows, columns])


def _reduced(picture: NDArray[Any]) -> NDArray[np.float32]:
    """Return float32 [HEIGHT, WIDTH] of uint8 or float32 [h, w]."""
    return np.asarray(cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA), np.float32)


def _blocks(picture: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the blocks minus their means, float32 [48, 108], and their standard deviations, float32 [48]."""
    rows, columns = HEIGHT // BLOCK_HEIGHT, WIDTH // BLOCK_WIDTH
    blocks = (
        picture.reshape(rows, BLOCK_HEIGHT, columns, BLOCK_WIDTH).swapaxes(1, 2).reshape(rows * columns, -1)
    )
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    return blocks, np.sqrt((blocks * blocks).mean(axis=1))


def _moved_back(picture: NDArray[np.float32], x: int, y: int) -> NDArray[np.float32]:
    """Return the picture moved so that (x, y) comes to (0, 0), with zeros where it has no pixels."""
    if not (x or y):
        return picture
    moved = np.zeros_like(picture)
    moved[max(0, -y) : HEIGHT - max(0, y), max(0, -x) : WIDTH - max(0, x)] = picture[
        max(0, y) : HEIGHT - max(0, -y), max(0, x) : WIDTH - max(0, -x)
    ]
    return moved


def _displacement(last: NDArray[np.float32], this: NDArray[np.float32]) -> tuple[int, int]:
    """Return how far, in pixels, the picture has moved: the displacement of the part that matches best.

    The parts are the middle and the four corners, each half as wide and high as the picture, so pans of up to
    half the picture are found. Parts are matched by Lewis, "Fast normalized cross-correlation" (1995).
    """
    height, width = HEIGHT // 2, WIDTH // 2
    best = (-1.0, 0, 0)
    for top, left in ((height // 2, width // 2), (0, 0), (0, width), (height, 0), (height, width)):
        part = last[top : top + height, left : left + width]
        _, likeness, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(this, part, cv2.TM_CCOEFF_NORMED))
        best = max(best, (likeness, x - left, y - top))
    return best[1:]
