"""Resize pictures, or any part of them, well: Lanczos with three lobes, wider where the picture gets smaller.

The kernel is Duchon's, "Lanczos filtering in one and two dimensions" (J. Appl. Meteorology 18, 1979), used as
in Turkowski, "Filters for common resampling tasks" (Graphics Gems, 1990): first down, then across. Each way
is a product with a matrix that is zero but for a band. The band is taken in dense blocks: BLAS does those in
less time than anything takes that skips their zeros. All is float32 from the first to the last step, so 8 and
16 bits are alike and nothing is rounded on the way.

Pixel i covers i to i + 1. It does not know videos.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import TYPE_CHECKING, Any, TypeVar

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

_STRIP = 4 * _BLOCK
"""So many rows are made at a time, from the first step to the last: they stay in the processor's cache."""

_THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Strips at a time: decoder and encoder want cores too."""

_ALONE = 4 * 65536
"""Up to so many multiplications OpenBLAS starts no threads (its GEMM_MULTITHREAD_THRESHOLD). They would wait
for each other at every block: where decoder and encoder want the cores too, up to ten times as long."""


def resize(pixels: NDArray[Levels], *, width: int, height: int, box: Crop | None = None) -> NDArray[Levels]:
    """Bring a picture, or a part of it, to a size.

    Where the part is whole pixels and has that size already, those are returned, as they are.

    Args:
        pixels: uint8 or uint16 [H, W, 3], of any three components, or [H, W] of one.
        width, height: of the result, in pixels.
        box: the part, within the picture; it may begin and end within pixels. None is all. The kernel reaches
            over the edge of the part to what is around it, but not over the picture's.

    Returns:
        [height, width, 3] or [height, width], of the same type.
    """
    box = box or Crop(x=0, y=0, w=pixels.shape[1], h=pixels.shape[0])
    down = _bands(pixels.shape[0], float(box.y), float(box.h), height)
    across = _bands(pixels.shape[1], float(box.x), float(box.w), width)
    part = pixels[down.part, across.part]
    if not (down.blocks.size or across.blocks.size):
        return np.ascontiguousarray(part)
    planes = np.stack(cv2.split(part))
    result = np.empty((len(planes), height, width), pixels.dtype)

    def make(first: int) -> None:
        made = slice(first, min(first + _STRIP, height))
        strip = _across(_down(planes, down, made), across)
        result[:, made] = np.clip(np.rint(strip, out=strip), 0, np.iinfo(pixels.dtype).max, out=strip)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(make, range(0, height, _STRIP)))
    return np.asarray(cv2.merge(list(result)), pixels.dtype)


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

    def within(self, made: slice) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
        """Yield blocks of some of the N places, from a multiple of _BLOCK on.

        Returns:
            Which places, counted from the first of `made`; of which pixels; and by what, [places, pixels].
        """
        for first in range(made.start, made.stop, _BLOCK):
            begin = int(self.begins[first // _BLOCK])
            block = self.blocks[first // _BLOCK, : made.stop - first]
            places = slice(first - made.start, first - made.start + len(block))
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


def _down(planes: NDArray[Any], bands: _Bands, made: slice) -> NDArray[np.float32]:
    """Return some rows of what is made of planes, [N, H, W], as float32 [N, rows, W]."""
    if not bands.blocks.size:
        return planes[:, made].astype(np.float32)
    rows = np.empty((len(planes), made.stop - made.start, planes.shape[2]), np.float32)
    for places, pixels, block in bands.within(made):
        levels = planes[:, pixels].astype(np.float32)
        for columns in _chunks(block, planes.shape[2]):
            np.matmul(block, levels[..., columns], out=rows[:, places, columns])
    return rows


def _across(levels: NDArray[np.float32], bands: _Bands) -> NDArray[np.float32]:
    """Return what is made of rows, float32 [N, H, W], as float32 [N, H, count]."""
    if not bands.blocks.size:
        return levels
    columns = np.empty((len(levels), levels.shape[1], bands.count), np.float32)
    for places, pixels, block in bands.within(slice(0, bands.count)):
        for rows in _chunks(block, levels.shape[1]):
            np.matmul(levels[:, rows, pixels], block.T, out=columns[:, rows, places])
    return columns


def _chunks(block: NDArray[np.float32], length: int) -> list[slice]:
    """Return parts of `length`; a block times so many is done without BLAS's threads."""
    size = max(_ALONE // block.size, 1)
    return [slice(begin, begin + size) for begin in range(0, length, size)]
