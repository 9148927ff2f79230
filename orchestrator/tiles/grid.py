"""Where to cut a picture so that a convolutional net sees it whole.

A net's output pixel depends on input pixels at most `halo` away. Every tile is therefore inferred through a
*window*: its interior plus the halo on each side. Windows never leave the picture (beyond the padding up to
the size multiple), so at the picture's border the net's own zero padding acts exactly as it does untiled.
All windows of a grid have one shape: servers batch equal shapes only, and keep memory for each shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product


@dataclass(frozen=True, slots=True)
class Span:
    """One axis of a tile, in input pixels: the window [start, start + window) and its interior [first, last).

    Attributes:
        start: first pixel of the window, a multiple of the size multiple.
        first, last: the interior, which is this tile's part of the result.
    """

    start: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: the window that is inferred and the interior that is kept."""

    y: Span
    x: Span

    @property
    def area(self) -> int:
        """Pixels of the interior."""
        return (self.y.last - self.y.first) * (self.x.last - self.x.first)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All tiles of one picture size.

    Attributes:
        height, width: of the picture, in pixels.
        tile_height, tile_width: of every window, in pixels; multiples of the size multiple. Larger than the
            picture only by the padding up to that multiple.
        tiles: row by row. Interiors cover each pixel of the picture exactly once.
    """

    height: int
    width: int
    tile_height: int
    tile_width: int
    tiles: tuple[Tile, ...]


def plan(*, height: int, width: int, tile: int, halo: int, multiple: int) -> Grid:
    """Choose the grid with the fewest tiles, all of about the same size.

    Args:
        height, width: of the picture, at least 1.
        tile: longest side of an interior, at least 1.
        halo: pixels a window needs beyond its interior, at least 0.
        multiple: window sizes and positions are multiples of it, at least 1.

    Returns:
        A grid whose windows are at most tile + 2 halo on each side, the tile rounded down and the halo up to
        the multiple.

    Raises:
        ValueError: an argument is out of its range.
    """
    if min(height, width, tile, multiple) < 1 or halo < 0:
        raise ValueError(f"no grid for {height=} {width=} {tile=} {halo=} {multiple=}")
    tile_height, rows = _cut_axis(height, tile, halo, multiple)
    tile_width, columns = _cut_axis(width, tile, halo, multiple)
    return Grid(
        height=height,
        width=width,
        tile_height=tile_height,
        tile_width=tile_width,
        tiles=tuple(Tile(y, x) for y, x in product(rows, columns)),
    )


def _cut_axis(length: int, tile: int, halo: int, multiple: int) -> tuple[int, list[Span]]:
    """Return the size of the windows on one axis, and the spans: everything but `last` in whole multiples."""
    blocks = -(-length // multiple)
    blocks_of_halo = -(-halo // multiple)
    blocks_of_tile = max(tile // multiple, 1)
    if blocks <= blocks_of_tile + 2 * blocks_of_halo:
        return blocks * multiple, [Span(0, 0, length)]
    count = -(-blocks // blocks_of_tile)
    window = min(-(-blocks // count) + 2 * blocks_of_halo, blocks)
    spans = []
    for i in range(count):
        first, last = i * blocks // count, (i + 1) * blocks // count
        start = min(max(first - blocks_of_halo, 0), blocks - window)
        spans.append(Span(start * multiple, first * multiple, min(last * multiple, length)))
    return window * multiple, spans
