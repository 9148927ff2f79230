"""What each tile was last inferred from, to tell which tiles of the next picture need not be inferred.

It knows nothing of what was made of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from orchestrator.frames import Pixels
    from orchestrator.tiles.grid import Grid, Tile

_SAMPLED_ROWS = 16
"""One row in so many tells of most windows that they have changed, in no time."""


class Reference:
    """The windows of a grid as they were when each tile was last inferred: as much memory as one picture.

    Args:
        grid: of the pictures that will come.
    """

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._windows = dict.fromkeys(grid.tiles, np.empty((0, 0, 3), np.uint8))

    def holds(self, tile: Tile, picture: Pixels) -> bool:
        """Whether a tile's window, halo included, is what the tile was last inferred from."""
        seen, window = self._windows[tile], self._window(tile, picture)
        return seen.shape == window.shape and all(
            cv2.norm(window[::rows], seen[::rows], cv2.NORM_INF) == 0 for rows in (_SAMPLED_ROWS, 1)
        )

    def update(self, tile: Tile, picture: Pixels) -> None:
        """Take over a tile's window from a picture of which it is inferred."""
        seen, window = self._windows[tile], self._window(tile, picture)
        if seen.shape == window.shape:
            np.copyto(seen, window)
        else:
            self._windows[tile] = window.copy()

    def _window(self, tile: Tile, picture: Pixels) -> Pixels:
        y, x = tile.y.start, tile.x.start
        return picture[y : y + self._grid.tile_height, x : x + self._grid.tile_width]
