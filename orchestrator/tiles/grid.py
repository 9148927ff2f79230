"""Where to cut a picture so that a convolutional net sees it whole.

A net's output pixel depends on input pixels at most `halo` away. Every tile is therefore inferred through a
*window*: its interior plus the halo on each side. Windows never leave the picture (beyond the padding up to
the size multiple), so at the picture's border the net's own zero padding acts exactly as it does untiled.
All windows of a grid have one shape: servers batch equal shapes only, and keep memory for each shape.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

_MOST_TILES_PER_AXIS = 256


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
    """Choose the grid that infers the fewest pixels.

    Args:
        height, width: of the picture, at least 1.
        tile: side of the largest square interior to use; windows have at most (tile + 2 halo) squared pixels,
            in whatever shape fits the picture best. At least 1.
        halo: pixels a window needs beyond its interior, at least 0.
        multiple: window sizes and positions are multiples of it, at least 1.

    Raises:
        ValueError: an argument is out of its range.
    """
    if min(height, width, tile, multiple) < 1 or halo < 0:
        raise ValueError(f"no grid for {height=} {width=} {tile=} {halo=} {multiple=}")
    most = (_round_up(tile, multiple) + 2 * _round_up(halo, multiple)) ** 2
    rows = _splits(height, halo, multiple)
    columns = _splits(width, halo, multiple)
    fitting = [(r, c) for r, c in product(rows, columns) if rows[r] * columns[c] <= most]
    # Nothing fits only where the picture is beyond _MOST_TILES_PER_AXIS tiles: then the smallest windows.
    n_rows, n_columns = (
        min(fitting, key=lambda rc: (rc[0] * rc[1] * rows[rc[0]] * columns[rc[1]], rc[0] * rc[1]))
        if fitting
        else (max(rows), max(columns))
    )
    tile_height, tile_width = rows[n_rows], columns[n_columns]
    spans = product(
        _spans(height, n_rows, tile_height, halo, multiple),
        _spans(width, n_columns, tile_width, halo, multiple),
    )
    return Grid(
        height=height,
        width=width,
        tile_height=tile_height,
        tile_width=tile_width,
        tiles=tuple(Tile(y, x) for y, x in spans),
    )


def _splits(length: int, halo: int, multiple: int) -> dict[int, int]:
    """Window size for each number of tiles on an axis, as long as more tiles make it smaller."""
    padded = _round_up(length, multiple)
    sizes = {1: padded}
    for count in range(2, min(length, _MOST_TILES_PER_AXIS) + 1):
        # A window starts up to multiple - 1 pixels before the halo does.
        window = _round_up(-(-length // count) + 2 * halo + multiple - 1, multiple)
        if window < sizes[max(sizes)]:
            sizes[count] = window
    return sizes


def _spans(length: int, count: int, window: int, halo: int, multiple: int) -> list[Span]:
    last_start = _round_up(length, multiple) - window
    spans = []
    for i in range(count):
        first, last = i * length // count, (i + 1) * length // count
        start = max(first - halo, 0) // multiple * multiple
        spans.append(Span(min(start, last_start), first, last))
    return spans


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
