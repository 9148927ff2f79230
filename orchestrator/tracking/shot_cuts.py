"""Cuts between shots, seen in a small gray picture.

The picture is laid out in blocks. Where a shot goes on, blocks of the last picture are found again in this
one: at their place or, when the camera pans, all moved by the same way. After a cut hardly any are. This is
block matching as in Shahraray, "Scene change detection and content-based sampling of video sequences" (SPIE
2419, 1995). How alike two blocks are is told by their correlation coefficient, which knows nothing of
brightness and contrast, so flashes and fades are no cuts. Pictures that are flat (black, white, overexposed)
are passed over: what comes after them is compared with what was before.

A dissolve from one shot to the next is no cut: nothing in it happens at once. Captions that stay over a cut
hide it where they make up a third of what there is to see.

It does not know tracks.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

WIDTH, HEIGHT = 96, 54
"""To which pictures are reduced, in pixels."""
BLOCK_WIDTH, BLOCK_HEIGHT = 12, 9
SAME_CORRELATION = 0.7
"""Blocks that correlate by more are the same."""
SAME_SHARE = 0.35
"""The shot goes on where at least this share of the blocks is found again."""
FLAT_LEVELS = 3.0
"""A block shows nothing where the standard deviation of its levels (0..255) is lower."""
FEWEST_BLOCKS = 5
"""With fewer blocks that show something a picture is passed over."""
BAR_LEVELS = 12
"""Rows and columns at the edge whose levels differ by less, in both pictures, are bars."""
AROUND = tuple((x, y) for x in (-1, 0, 1) for y in (-1, 0, 1))


class CutDetector:
    """Watches picture after picture for cuts."""

    def __init__(self) -> None:
        self._last: NDArray[np.float32] | None = None

    def is_cut(self, gray: NDArray[np.uint8]) -> bool:
        """Say whether this picture begins another shot than the last one was of.

        Args:
            gray: uint8 [h, w], of any size.

        Returns:
            False for the first picture.
        """
        picture = _reduced(gray)
        goes_on = True if self._last is None else _goes_on(*_without_bars(self._last, picture))
        if goes_on is None:
            return False
        self._last = picture
        return not goes_on


def _goes_on(last: NDArray[np.float32], this: NDArray[np.float32]) -> bool | None:
    """Say whether two pictures, float32 [HEIGHT, WIDTH], are of one shot; None where they show too little."""
    blocks, spread = _blocks(last)
    textured = spread > FLAT_LEVELS
    if (textured & (_blocks(this)[1] > FLAT_LEVELS)).sum() < FEWEST_BLOCKS:
        return None

    def found(ways: Iterable[tuple[int, int]]) -> bool:
        same, seen = np.zeros_like(textured), np.zeros_like(textured)
        for x, y in ways:
            there, there_spread = _blocks(_moved_back(this, x, y))
            compared = textured & (there_spread > FLAT_LEVELS)
            seen |= compared
            same |= compared & ((blocks * there).mean(axis=1) > SAME_CORRELATION * spread * there_spread)
        # What is flat now tells nothing; but where that is most of it, the rest tells little.
        return bool(same.sum() >= SAME_SHARE * max(seen.sum(), textured.sum() / 2))

    if found([(0, 0)]) or found(AROUND):
        return True
    x, y = _displacement(last, this)
    return found([(x + dx, y + dy) for dx, dy in AROUND])


def _without_bars(
    last: NDArray[np.float32], this: NDArray[np.float32]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Cut black bars off two pictures, which would be found again in every shot."""
    sides = []
    for axis, length in ((1, HEIGHT), (0, WIDTH)):
        lively = np.maximum(np.ptp(last, axis=axis), np.ptp(this, axis=axis)) > BAR_LEVELS
        first, end = int(lively.argmax()), length - int(lively[::-1].argmax())
        # One more row: the bar's edge may run through it.
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
    """Return the blocks less their means, float32 [48, 108], and their standard deviations, float32 [48]."""
    rows, columns = HEIGHT // BLOCK_HEIGHT, WIDTH // BLOCK_WIDTH
    blocks = (
        picture.reshape(rows, BLOCK_HEIGHT, columns, BLOCK_WIDTH).swapaxes(1, 2).reshape(rows * columns, -1)
    )
    blocks = blocks - blocks.mean(axis=1, keepdims=True)
    return blocks, np.sqrt((blocks * blocks).mean(axis=1))


def _moved_back(picture: NDArray[np.float32], x: int, y: int) -> NDArray[np.float32]:
    """Return the picture with what is at (x, y) at (0, 0), and nothing where it has nothing."""
    if not (x or y):
        return picture
    moved = np.zeros_like(picture)
    moved[max(0, -y) : HEIGHT - max(0, y), max(0, -x) : WIDTH - max(0, x)] = picture[
        max(0, y) : HEIGHT - max(0, -y), max(0, x) : WIDTH - max(0, -x)
    ]
    return moved


def _displacement(last: NDArray[np.float32], this: NDArray[np.float32]) -> tuple[int, int]:
    """Return how far, in pixels, the part of the last picture that is found best has moved to be in this one.

    The parts are the middle and the four corners, each half as wide and high as the picture; so it finds pans
    of up to half the picture. Found by the normalised correlation of Lewis, "Fast normalized
    cross-correlation" (1995).
    """
    height, width = HEIGHT // 2, WIDTH // 2
    best = (-1.0, 0, 0)
    for top, left in ((height // 2, width // 2), (0, 0), (0, width), (height, 0), (height, width)):
        part = last[top : top + height, left : left + width]
        _, likeness, _, (x, y) = cv2.minMaxLoc(cv2.matchTemplate(this, part, cv2.TM_CCOEFF_NORMED))
        best = max(best, (likeness, x - left, y - top))
    return best[1:]
