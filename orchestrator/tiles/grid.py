"""Plans the grid of tiles that a picture is cut into, so that a convolutional network's output has no seams.

An output pixel of the network depends on input pixels at most `halo` away. So each tile is inferred through a
*window*: its interior plus the halo on each side. Windows never leave the picture (beyond the padding up to
the size multiple), so at the picture's border the network's own zero padding acts as it does without tiles.
All windows of a grid have one shape: servers batch only equal shapes, and keep memory for each shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product


@dataclass(frozen=True, slots=True)
class AxisSpan:
    """One axis of a tile, in input pixels: the window [start, start + window) and its interior [first, last).

    Attributes:
        start: first pixel of the window, a multiple of the size multiple.
        first, last: the interior, from the first pixel to the one after the last.
    """

    start: int
    first: int
    last: int


@dataclass(frozen=True, slots=True)
class Tile:
    """One tile: the window that is inferred and the interior that goes into the result."""

    y: AxisSpan
    x: AxisSpan

    @property
    def area(self) -> int:
        """Number of pixels of the interior."""
        return (self.y.last - self.y.first) * (self.x.last - self.x.first)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """All tiles of one picture size.

    Attributes:
        height, width: size of the picture, in pixels.
        tile_height, tile_width: size of every window, in pixels; multiples of the size multiple. They are
            larger than the picture only by the padding up to that multiple.
        tiles: the tiles, row by row. Interiors cover each pixel of the picture exactly once.
    """

    height: int
    width: int
    tile_height: int
    tile_width: int
    tiles: tuple[Tile, ...]

    @property
    def window_px(self) -> int:
        """Number of pixels of a window."""
        return self.tile_height * self.tile_width


def plan_grid(*, height: int, width: int, tile: int, halo: int, multiple: int) -> Grid:
    """Choose the grid with the fewest tiles, and of those grids the one with the smallest windows.

    Args:
        height, width: size of the picture in pixels, at least 1.
        tile: longest side of an interior in pixels, at least 1. Interiors at the picture's border are longer,
            because their windows need no halo there.
        halo: pixels that a window needs beyond its interior, at least 0.
        multiple: window sizes and positions are multiples of it, at least 1.

    Returns:
        A grid whose windows are at most tile + 2 halo on each side, the tile rounded down and the halo up to
        the multiple.

    Raises:
        ValueError: an argument is out of its range.
    """
    if min(height, width, tile, multiple) < 1 or halo < 0:
        raise ValueError(f"no grid for {height=} {width=} {tile=} {halo=} {multiple=}")
    rows, columns = (_edges(length, tile, halo, multiple) for length in (height, width))
    return _grid((height, width), (rows, columns), halo, multiple)


def subdivide(
    grid: Grid, *, tile: int, halo: int, multiple: int
) -> tuple[Grid, dict[Tile, tuple[Tile, ...]]]:
    """Cut the tiles of a grid into smaller tiles, all of about the same size.

    Args:
        grid: a grid that was planned with this halo and this multiple.
        tile: approximate longest side of a small interior, in pixels.
        halo, multiple: see `plan_grid`.

    Returns:
        The grid of the small tiles; and for each tile of `grid` the small tiles that make it up.
    """
    spans = [list(dict.fromkeys(spans)) for spans in zip(*((t.y, t.x) for t in grid.tiles), strict=True)]
    edges, counts = [], []
    for length, axis in zip((grid.height, grid.width), spans, strict=True):
        whole = [*(span.first // multiple for span in axis), -(-length // multiple)]
        smallest = min(after - before for before, after in pairwise(whole))
        count = max(1, min(-(-length // (len(axis) * tile)), smallest))
        edges.append(
            [*(b + (a - b) * i // count for b, a in pairwise(whole) for i in range(count)), whole[-1]]
        )
        counts.append(count)
    small = _grid((grid.height, grid.width), (edges[0], edges[1]), halo, multiple)
    down, across = counts
    columns = len(spans[1])
    parts: dict[Tile, list[Tile]] = {whole: [] for whole in grid.tiles}
    for number, part in enumerate(small.tiles):
        row, column = divmod(number, columns * across)
        parts[grid.tiles[row // down * columns + column // across]].append(part)
    return small, {whole: tuple(inside) for whole, inside in parts.items()}


def _grid(size: tuple[int, int], edges: tuple[list[int], list[int]], halo: int, multiple: int) -> Grid:
    (tile_height, y), (tile_width, x) = (
        _cut_axis(length, axis, halo, multiple) for length, axis in zip(size, edges, strict=True)
    )
    return Grid(
        height=size[0],
        width=size[1],
        tile_height=tile_height,
        tile_width=tile_width,
        tiles=tuple(Tile(*spans) for spans in product(y, x)),
    )


def _edges(length: int, tile: int, halo: int, multiple: int) -> list[int]:
    """Return where the interiors on an axis begin and where the last one ends, in units of `multiple`.

    The first and the last interior are longer by the halo, as their windows have a halo on one side only.
    """
    blocks = -(-length // multiple)
    blocks_of_tile = max(tile // multiple, 1)
    blocks_of_halo = -(-halo // multiple)
    inner = blocks - 2 * blocks_of_halo
    if inner <= blocks_of_tile:
        return [0, blocks]
    count = -(-inner // blocks_of_tile)
    return [0, *(blocks_of_halo + i * inner // count for i in range(1, count)), blocks]


def _cut_axis(length: int, edges: list[int], halo: int, multiple: int) -> tuple[int, list[AxisSpan]]:
    """Return the window size on one axis and the spans, in pixels; all but `last` are multiples."""
    blocks = edges[-1]
    blocks_of_halo = -(-halo // multiple)
    starts = [max(first - blocks_of_halo, 0) for first in edges[:-1]]
    ends = [min(last + blocks_of_halo, blocks) for last in edges[1:]]
    window = max(end - start for start, end in zip(starts, ends, strict=True))
    return window * multiple, [
        AxisSpan(min(start, blocks - window) * multiple, first * multiple, min(last * multiple, length))
        for start, (first, last) in zip(starts, pairwise(edges), strict=True)
    ]
