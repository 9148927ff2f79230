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

    @property
    def window_px(self) -> int:
        """Pixels of a window."""
        return self.tile_height * self.tile_width


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
    rows, columns = (_count(length, tile, halo, multiple) for length in (height, width))
    return _grid((height, width), (rows, columns), halo, multiple)


def divide(grid: Grid, *, tile: int, halo: int, multiple: int) -> tuple[Grid, dict[Tile, tuple[Tile, ...]]]:
    """Cut the tiles of a grid into smaller ones, all of about the same size.

    Args:
        grid: planned with that halo and that multiple.
        tile: longest side of a small interior, about.
        halo, multiple: see `plan`.

    Returns:
        The grid of the small tiles, and those whose interiors make up that of each tile.
    """
    rows, columns = len({tile.y for tile in grid.tiles}), len({tile.x for tile in grid.tiles})
    down, across = (
        max(1, min(-(-length // (count * tile)), -(-length // multiple) // count))
        for length, count in ((grid.height, rows), (grid.width, columns))
    )
    small = _grid((grid.height, grid.width), (rows * down, columns * across), halo, multiple)
    parts: dict[Tile, list[Tile]] = {whole: [] for whole in grid.tiles}
    for number, part in enumerate(small.tiles):
        row, column = divmod(number, columns * across)
        parts[grid.tiles[row // down * columns + column // across]].append(part)
    return small, {whole: tuple(inside) for whole, inside in parts.items()}


def _grid(size: tuple[int, int], counts: tuple[int, int], halo: int, multiple: int) -> Grid:
    (tile_height, y), (tile_width, x) = (
        _cut_axis(length, count, halo, multiple) for length, count in zip(size, counts, strict=True)
    )
    return Grid(
        height=size[0],
        width=size[1],
        tile_height=tile_height,
        tile_width=tile_width,
        tiles=tuple(Tile(*spans) for spans in product(y, x)),
    )


def _count(length: int, tile: int, halo: int, multiple: int) -> int:
    """Return into how many spans an axis is cut."""
    blocks = -(-length // multiple)
    blocks_of_tile = max(tile // multiple, 1)
    return 1 if blocks <= blocks_of_tile + 2 * -(-halo // multiple) else -(-blocks // blocks_of_tile)


def _cut_axis(length: int, count: int, halo: int, multiple: int) -> tuple[int, list[Span]]:
    """Return the size of the windows on one axis, and the spans: everything but `last` in whole multiples."""
    blocks = -(-length // multiple)
    blocks_of_halo = -(-halo // multiple)
    window = min(-(-blocks // count) + 2 * blocks_of_halo, blocks)
    spans = []
    for i in range(count):
        first, last = i * blocks // count, (i + 1) * blocks // count
        start = min(max(first - blocks_of_halo, 0), blocks - window)
        spans.append(Span(start * multiple, first * multiple, min(last * multiple, length)))
    return window * multiple, spans
