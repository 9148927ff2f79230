"""Cut a picture into its windows and put the results together again."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from orchestrator.frames import Pixels
    from orchestrator.tiles.grid import Tile


def cut(picture: Pixels, tile: Tile, window: Pixels) -> None:
    """Copy a tile's window out of a picture.

    Args:
        picture: uint8 [H, W, 3].
        tile: of a grid planned for that H and W.
        window: uint8 [tile_height, tile_width, 3], written. Where the window leaves the picture (the padding
            up to the size multiple, right and bottom), the picture's last row and column are repeated.
    """
    height, width = window.shape[:2]
    part = picture[tile.y.start : tile.y.start + height, tile.x.start : tile.x.start + width]
    rows, columns = part.shape[:2]
    window[:rows, :columns] = part
    window[:rows, columns:] = part[:, -1:]
    window[rows:] = window[rows - 1]


def paste(result: Pixels, tile: Tile, picture: Pixels, scale: int) -> None:
    """Copy the interior of an inferred window to its place.

    Args:
        result: uint8 [tile_height * scale, tile_width * scale, 3].
        tile: the tile it was inferred from.
        picture: uint8 [H * scale, W * scale, 3], written inside the tile's interior only.
        scale: of the model.
    """
    y, x = tile.y, tile.x
    inside = result[
        (y.first - y.start) * scale : (y.last - y.start) * scale,
        (x.first - x.start) * scale : (x.last - x.start) * scale,
    ]
    picture[y.first * scale : y.last * scale, x.first * scale : x.last * scale] = inside


def keep(before: Pixels, tile: Tile, picture: Pixels, scale: int) -> None:
    """Copy the interior of a tile from one large picture to another, both uint8 [H * scale, W * scale, 3]."""
    rows = slice(tile.y.first * scale, tile.y.last * scale)
    columns = slice(tile.x.first * scale, tile.x.last * scale)
    picture[rows, columns] = before[rows, columns]
