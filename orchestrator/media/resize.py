"""Resize pictures, or any part of them, well: Lanczos with three lobes, wider where the picture gets smaller.

The kernel is Duchon's, "Lanczos filtering in one and two dimensions" (J. Appl. Meteorology 18, 1979), used as
in Turkowski, "Filters for common resampling tasks" (Graphics Gems, 1990): first down, then across. Each way
is a product with a matrix that is zero but for a band. The band is taken in dense blocks: BLAS does those in
less time than anything takes that skips their zeros. All is float32 from the first to the last step, so 8 and
16 bits are alike and nothing is rounded on the way.

Pixel i covers i to i + 1. It does not know videos.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from itertools import product
from math import ceil
from typing import TYPE_CHECKING, TypeVar

import cv2
import numpy as np

from orchestrator.frames import Crop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Levels = TypeVar("Levels", np.uint8, np.uint16)

LOBES = 3
"""How far the kernel reaches to either side: in pixels of the result, or, enlarging, of the source."""

_BLOCK = 32
"""Blocks of 16 and of 64 take longer, by up to a half, shrinking or enlarging."""

_ALONE = 4 * 65536
"""Up to so many multiplications OpenBLAS starts no threads (its GEMM_MULTITHREAD_THRESHOLD). They would wait
for each other at every block: where decoder and encoder want the cores too, up to ten times as long."""


def resize(pixels: NDArray[Levels], *, width: int, height: int, box: Crop | None = None) -> NDArray[Levels]:
    """Bring a picture, or a part of it, to a size.

    Where the part is whole pixels and has that size already, those are returned, as they are.

    Args:
        pixels: uint8 or uint16 [H, W, 3], of any three components.
        width, height: of the result, in pixels.
        box: the part, within the picture; it may begin and end within pixels. None is all. The kernel reaches
            over the edge of the part to what is around it, but not over the picture's.

    Returns:
        [height, width, 3] of the same type.
    """
    box = box or Crop(x=0, y=0, w=pixels.shape[1], h=pixels.shape[0])
    down = _bands(pixels.shape[0], float(box.y), float(box.h), height)
    across = _bands(pixels.shape[1], float(box.x), float(box.w), width)
    part = pixels[down.part, across.part]
    if not (down.blocks.size or across.blocks.size):
        return np.ascontiguousarray(part)
    top = np.iinfo(pixels.dtype).max

    def made(plane: NDArray[Levels]) -> NDArray[Levels]:
        levels = _resized(plane, down, across)
        return np.clip(np.rint(levels, out=levels), 0, top, out=levels).astype(pixels.dtype)

    with ThreadPoolExecutor(3) as pool:
        return np.asarray(cv2.merge(list(pool.map(made, cv2.split(part)))), pixels.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Bands:
    """The matrix that makes N places of a row, or a column, of pixels.

    Attributes:
        count: N.
        part: the pixels that count.
        begins: int64 [ceil(N / _BLOCK)], the first of the K pixels of each block, counted in the part.
        blocks: float32 [ceil(N / _BLOCK), _BLOCK, K], what makes _BLOCK places of K pixels. None at all where
            the places are the part's pixels.
    """

    count: int
    part: slice
    begins: NDArray[np.int64]
    blocks: NDArray[np.float32]

    def __iter__(self) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
        """Yield which places are made, of which pixels, and by what: float32 [places, pixels]."""
        for number, begin in enumerate(self.begins.tolist()):
            places = slice(number * _BLOCK, min((number + 1) * _BLOCK, self.count))
            block = self.blocks[number, : places.stop - places.start]
            yield places, slice(begin, begin + block.shape[1]), block


@lru_cache(maxsize=4)  # the crop of a picture after the last often has the same place along one side, or both
def _bands(length: int, start: float, size: float, count: int) -> _Bands:
    """Return what makes `count` places of the part of `length` pixels that begins at `start`, `size` long."""
    if size == count and start == int(start):
        whole = slice(int(start), int(start) + count)
        return _Bands(
            count=count, part=whole, begins=np.zeros(0, np.int64), blocks=np.zeros((0, 0, 0), np.float32)
        )
    step = size / count
    wide = max(step, 1.0)
    centres = start + (np.arange(count) + 0.5) * step
    taps = ceil(2 * LOBES * wide) + 1
    first = np.ceil(centres - LOBES * wide - 0.5).astype(np.int64)
    pixels = first[:, None] + np.arange(taps)
    distance = (pixels + 0.5 - centres[:, None]) / wide
    inside = (pixels >= 0) & (pixels < length) & (np.abs(distance) < LOBES)
    weights = np.sinc(distance) * np.sinc(distance / LOBES) * inside
    weights /= weights.sum(axis=1, keepdims=True)

    low, high = max(int(first[0]), 0), min(int(first[-1]) + taps, length)
    begins = first[::_BLOCK]
    ends = np.append(first[_BLOCK - 1 :: _BLOCK], first[-1])[: len(begins)] + taps
    k = min(int((ends - begins).max()), high - low)
    begins = np.clip(begins, low, high - k)
    blocks = np.zeros((len(begins), _BLOCK, k), np.float32)
    rows = np.arange(count)
    places = (rows * k - begins[rows // _BLOCK])[:, None] + pixels
    blocks.reshape(-1)[places[inside]] = weights[inside]
    return _Bands(count=count, part=slice(low, high), begins=begins - low, blocks=blocks)


def _resized(plane: NDArray[Levels], down: _Bands, across: _Bands) -> NDArray[np.float32]:
    """Return float32 [N of down, N of across] of one component of the pixels that count."""
    levels = np.asarray(plane, np.float32)
    if down.blocks.size:
        made = np.empty((down.count, levels.shape[1]), np.float32)
        for (places, pixels, block), columns in product(down, _chunks(down.blocks, levels.shape[1])):
            np.matmul(block, levels[pixels, columns], out=made[places, columns])
        levels = made
    if across.blocks.size:
        made = np.empty((levels.shape[0], across.count), np.float32)
        for (places, pixels, block), rows in product(across, _chunks(across.blocks, levels.shape[0])):
            np.matmul(levels[rows, pixels], block.T, out=made[rows, places])
        levels = made
    return levels


def _chunks(blocks: NDArray[np.float32], length: int) -> list[slice]:
    """Return parts of `length`; a block times so many is done without threads."""
    size = max(_ALONE // blocks[0].size, 1)
    return [slice(begin, begin + size) for begin in range(0, length, size)]
