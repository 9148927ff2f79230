"""Cuts tiles' windows out of planes, straight into a request, and stitches the results into larger planes.

Requests and results hold samples as bytes: a plane of them, or of the low bytes and then of the high bytes.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Planes, Samples
from orchestrator.tiles.grid import AxisSpan, Tile

Bytes = NDArray[np.uint8]
"""uint8 [B, h, w]: B is 1, or 2 for samples of more than 8 bits."""


def cut_window(picture: Planes, tile: Tile, luma: Bytes, chroma: Bytes) -> None:
    """Copy a tile's window out of a picture.

    Args:
        picture: a picture.
        tile: a tile of a grid planned for its size.
        luma, chroma: uint8 [B, tile_height, tile_width] and [2, B, h, w], the output. Where the window leaves
            the picture (in the padding at the right and the bottom), its last row and column are repeated.
    """
    across, down = _chroma_of(luma, chroma)
    top, left = tile.y.start, tile.x.start
    _cut(picture.y, top, left, luma)
    _cut(picture.u, top // down, left // across, chroma[0])
    _cut(picture.v, top // down, left // across, chroma[1])


def paste_interior(luma: Bytes, chroma: Bytes, tile: Tile, picture: Planes, scale: int) -> None:
    """Copy the interior of an inferred window to its place in the enlarged picture.

    Args:
        luma, chroma: uint8 [B, tile_height * scale, tile_width * scale] and [2, B, h, w].
        tile: the tile that they were inferred from.
        picture: the output; only the tile's interior is written. Samples of 8 bits take the low bytes.
        scale: the model's scale.
    """
    across, down = _chroma_of(luma, chroma)
    for result, samples, columns, rows in (
        (luma, picture.y, 1, 1),
        (chroma[0], picture.u, across, down),
        (chroma[1], picture.v, across, down),
    ):
        y, x = _interior(tile.y, scale, rows), _interior(tile.x, scale, columns)
        top, left = tile.y.start * scale // rows, tile.x.start * scale // columns
        inside = result[:, y.start - top : y.stop - top, x.start - left : x.stop - left]
        _paste(inside, samples[y, x])


def copy_interior(before: Planes, tile: Tile, picture: Planes, scale: int) -> None:
    """Copy a tile's interior from one enlarged picture to another of the same size and format."""
    across, down = picture.chroma
    for old, new, columns, rows in (
        (before.y, picture.y, 1, 1),
        (before.u, picture.u, across, down),
        (before.v, picture.v, across, down),
    ):
        inside = _interior(tile.y, scale, rows), _interior(tile.x, scale, columns)
        new[inside] = old[inside]


def _chroma_of(luma: Bytes, chroma: Bytes) -> tuple[int, int]:
    """Return how many columns and rows of luma share a sample of chroma."""
    return luma.shape[2] // chroma.shape[3], luma.shape[1] // chroma.shape[2]


def _interior(span: AxisSpan, scale: int, factor: int) -> slice:
    """Return the interior of a tile in samples of an enlarged plane, of which `factor` pixels share one."""
    return slice(span.first * scale // factor, -(-span.last * scale // factor))


def _cut(samples: Samples, top: int, left: int, window: Bytes) -> None:
    count, height, width = window.shape
    part = samples[top : top + height, left : left + width]
    rows, columns = part.shape
    inside = window[:, :rows, :columns]
    if count == 1:
        inside[0] = part
    else:
        cv2.split(_pairs(part), list(inside))
    for plane in window:
        plane[:rows, columns:] = plane[:rows, columns - 1 : columns]
        plane[rows:] = plane[rows - 1]


def _paste(result: Bytes, samples: Samples) -> None:
    if samples.dtype == np.uint8:
        samples[:] = result[0]
    else:
        cv2.merge(list(result), _pairs(samples))


def _pairs(samples: Samples) -> Bytes:
    """Return the bytes of samples of 16 bits, uint8 [h, w, 2], as a view that OpenCV can write to."""
    height, width = samples.shape
    return samples.view(np.uint8).reshape(height, width, 2)
