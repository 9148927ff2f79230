"""Cuts tiles' windows out of a picture and stitches the results together."""

from __future__ import annotations

from orchestrator.frames import Pixels
from orchestrator.tiles.grid import Tile


def cut_window(picture: Pixels, tile: Tile, window: Pixels) -> None:
    """Copy a tile's window out of a picture.

    Args:
        picture: uint8 [H, W, 3].
        tile: a tile of a grid planned for that H and W.
        window: uint8 [tile_height, tile_width, 3], the output. Where the window leaves the picture (in the
            padding at the right and the bottom), the picture's last row and column are repeated.
    """
    height, width = window.shape[:2]
    part = picture[tile.y.start : tile.y.start + height, tile.x.start : tile.x.start + width]
    rows, columns = part.shape[:2]
    window[:rows, :columns] = part
    window[:rows, columns:] = part[:, -1:]
    window[rows:] = window[rows - 1]


def paste_interior(result: Pixels, tile: Tile, picture: Pixels, scale: int) -> None:
    """Copy the interior of an inferred window to its place in the enlarged picture.

    Args:
        result: uint8 [tile_height * scale, tile_width * scale, 3].
        tile: the tile that it was inferred from.
        picture: uint8 [H * scale, W * scale, 3], the output; only the tile's interior is written.
        scale: the model's scale.
    """
    y, x = tile.y, tile.x
    inside = result[
        (y.first - y.start) * scale : (y.last - y.start) * scale,
        (x.first - x.start) * scale : (x.last - x.start) * scale,
    ]
    picture[y.first * scale : y.last * scale, x.first * scale : x.last * scale] = inside


def copy_interior(before: Pixels, tile: Tile, picture: Pixels, scale: int) -> None:
    """Copy a tile's interior from one enlarged picture to another, both uint8 [H * scale, W * scale, 3]."""
    rows = slice(tile.y.first * scale, tile.y.last * scale)
    columns = slice(tile.x.first * scale, tile.x.last * scale)
    picture[rows, columns] = before[rows, columns]
