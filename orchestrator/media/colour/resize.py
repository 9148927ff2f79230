"""Resizes pictures, or any part of them, with a Lanczos kernel of three lobes.

The kernel is Duchon's, "Lanczos filtering in one and two dimensions" (J. Appl. Meteorology 18, 1979), used as
in Turkowski, "Filters for common resampling tasks" (Graphics Gems, 1990): it widens as the picture shrinks,
and columns are filtered before rows. Each pass multiplies with a band matrix. The band is divided into dense
blocks, which BLAS multiplies faster than any code that skips their zeros. All arithmetic is float32, so 8 and
16 bits are treated alike and only the result is rounded.

Pixel i covers i to i + 1.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Crop

Levels = TypeVar("Levels", np.uint8, np.uint16)

LOBES = 3
"""Reach of the kernel to either side: in pixels of the result or, when enlarging, of the source."""

_BLOCK = 32
"""Blocks of 16 and of 64 take up to half as long again, when shrinking or when enlarging."""

_STRIP = 4 * _BLOCK
"""Rows that are computed together, from the first step to the last, so that they stay in the CPU's cache."""

_THREADS = max(1, min(4, (os.cpu_count() or 1) // 2))
"""Strips at a time; the decoder and the encoder need cores too."""

_SINGLE_THREADED = 4 * 65536
"""OpenBLAS starts no threads for up to this many multiplications (its GEMM_MULTITHREAD_THRESHOLD). They would
wait for each other at every block: up to ten times as long while decoder and encoder use the cores."""


def resize(pixels: NDArray[Levels], *, width: int, height: int, box: Crop | None = None) -> NDArray[Levels]:
    """Resize a picture, or a part of it.

    A part of whole pixels that has the requested size already is returned unchanged.

    Args:
        pixels: uint8 or uint16 [H, W, 3], of any three components, or [H, W] of one.
        width, height: size of the result, in pixels.
        box: the part, inside the picture, in fractional pixels; None is the whole picture. The kernel uses
            pixels around the part, too.

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

    def resize_strip(first: int) -> None:
        rows = slice(first, min(first + _STRIP, height))
        strip = _across(_down(planes, down, rows), across)
        result[:, rows] = np.clip(np.rint(strip, out=strip), 0, np.iinfo(pixels.dtype).max, out=strip)

    with ThreadPoolExecutor(_THREADS) as pool:
        list(pool.map(resize_strip, range(0, height, _STRIP)))
    return np.asarray(cv2.merge(list(result)), pixels.dtype)


@dataclass(frozen=True, kw_only=True, eq=False)
class _BandMatrix:
    """The band matrix that computes N pixels of a resized row or column from source pixels.

    Attributes:
        count: N.
        part: the source pixels that it uses.
        begins: int64 [ceil(N / _BLOCK)], the first source pixel of each block, counted in `part`.
        blocks: float32 [ceil(N / _BLOCK), _BLOCK, K], weights of K source pixels for _BLOCK pixels; empty if
            the result is the source pixels themselves.
    """

    count: int
    part: slice
    begins: NDArray[np.int64]
    blocks: NDArray[np.float32]

    def blocks_of(self, wanted: slice) -> Iterator[tuple[slice, slice, NDArray[np.float32]]]:
        """Yield the blocks that compute some of the N pixels, from a multiple of _BLOCK on.

        Yields:
            The computed pixels, counted from the first of `wanted`; their source pixels; and the weights,
            [computed, source].
        """
        for first in range(wanted.start, wanted.stop, _BLOCK):
            begin = int(self.begins[first // _BLOCK])
            block = self.blocks[first // _BLOCK, : wanted.stop - first]
            places = slice(first - wanted.start, first - wanted.start + len(block))
            yield places, slice(begin, begin + block.shape[1]), block


@lru_cache(maxsize=4)  # the crops of successive pictures often start at the same x or y
def _bands(length: int, start: float, size: float, count: int) -> _BandMatrix:
    """Return the matrix that computes `count` pixels from `start`..`start + size` of `length` pixels."""
    if size == count and start == int(start):
        whole = slice(int(start), int(start) + count)
        return _BandMatrix(
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
    return _BandMatrix(count=count, part=slice(low, high), begins=begins - low, blocks=blocks)


def _down(planes: NDArray[Any], bands: _BandMatrix, wanted: slice) -> NDArray[np.float32]:
    """Resize the columns of planes, [N, H, W]; return the wanted rows of the result, float32 [N, rows, W]."""
    if not bands.blocks.size:
        return planes[:, wanted].astype(np.float32)
    rows = np.empty((len(planes), wanted.stop - wanted.start, planes.shape[2]), np.float32)
    for places, pixels, block in bands.blocks_of(wanted):
        levels = planes[:, pixels].astype(np.float32)
        for columns in _chunks(block, planes.shape[2]):
            np.matmul(block, levels[..., columns], out=rows[:, places, columns])
    return rows


def _across(levels: NDArray[np.float32], bands: _BandMatrix) -> NDArray[np.float32]:
    """Resize the rows of planes, float32 [N, H, W], to float32 [N, H, count]."""
    if not bands.blocks.size:
        return levels
    columns = np.empty((len(levels), levels.shape[1], bands.count), np.float32)
    for places, pixels, block in bands.blocks_of(slice(0, bands.count)):
        for rows in _chunks(block, levels.shape[1]):
            np.matmul(levels[:, rows, pixels], block.T, out=columns[:, rows, places])
    return columns


def _chunks(block: NDArray[np.float32], length: int) -> list[slice]:
    """Divide `length` into parts that BLAS multiplies with a block without starting threads."""
    size = max(_SINGLE_THREADED // block.size, 1)
    return [slice(begin, begin + size) for begin in range(0, length, size)]
