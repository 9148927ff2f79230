"""Finds the tiles of a picture that have not changed since they were last inferred.

Each tile is compared with the window that it was last inferred from, not with the last picture: so small
changes cannot add up unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from orchestrator.frames import Pixels
from orchestrator.tiles.grid import Grid, Tile, subdivide

_PART_PX, _PART_HALOS = 64, 4
"""Side of a part's interior, in pixels and in halos: small, as moving objects are, but more than its halo."""

_SAMPLED_ROWS = 16
"""A first comparison of one row in 16 finds most changed windows quickly."""

_SEAM_LEVELS, _SEAM_PX = 3, 8
"""Most levels by which the means of squares of 8 x 8 pixels may differ; more would show as an edge between
parts. Noise has no such effect."""


@dataclass(frozen=True)
class TilesToInfer:
    """Which parts of a picture must be inferred. The interiors of all lists together make up the picture.

    Attributes:
        tiles: whole tiles to infer.
        parts: parts to infer, of tiles that have changed less.
        kept: parts that have not changed.
    """

    tiles: list[Tile] = field(default_factory=list)
    parts: list[Tile] = field(default_factory=list)
    kept: list[Tile] = field(default_factory=list)


class UnchangedTileFinder:
    """Remembers the window that each tile was last inferred from. It takes the memory of one or two pictures.

    Args:
        grid: the grid of all pictures.
        halo, multiple: the halo and the multiple of the grid.
        tolerance: levels of 0..255 by which R, G and B of a pixel in an unchanged part may differ; the mean
            of a square of 8 x 8 pixels may differ by at most 3. With 0 only equal tiles are unchanged, and
            tiles are not divided: in windows of another size, networks compute other last bits.

    Attributes:
        parts_grid: the parts that are compared.
    """

    def __init__(self, grid: Grid, *, halo: int, multiple: int, tolerance: int = 0) -> None:
        self._tolerance = tolerance
        self.parts_grid = grid
        self._parts: dict[Tile, tuple[Tile, ...]] = {tile: (tile,) for tile in grid.tiles}
        if tolerance:
            side = max(_PART_PX, _PART_HALOS * halo)
            self.parts_grid, self._parts = subdivide(grid, tile=side, halo=halo, multiple=multiple)
        self._parts_per_tile_cost = grid.window_px / self.parts_grid.window_px
        self._windows = dict.fromkeys(self.parts_grid.tiles, np.empty((0, 0, 3), np.uint8))

    def compare(self, picture: Pixels) -> TilesToInfer:
        """Return what has changed in the next picture, uint8 [H, W, 3]; the caller infers those parts."""
        changes = TilesToInfer()
        for tile, parts in self._parts.items():
            kept: list[Tile] = []
            changed: list[Tile] = []
            for part in parts:
                (kept if self._is_unchanged(part, picture) else changed).append(part)
            if len(changed) < self._parts_per_tile_cost:
                changes.parts.extend(changed)
                changes.kept.extend(kept)
            else:
                changes.tiles.append(tile)
                changed = list(parts)
            for part in changed:
                self._update(part, picture)
        return changes

    def _is_unchanged(self, part: Tile, picture: Pixels) -> bool:
        """Whether a part's window, halo included, matches the one that it was inferred from."""
        inferred, window = self._windows[part], self._window(part, picture)
        if inferred.shape != window.shape:
            return False
        for rows in (_SAMPLED_ROWS, 1):
            if cv2.norm(window[::rows], inferred[::rows], cv2.NORM_INF) > self._tolerance:
                return False
        return self._tolerance <= _SEAM_LEVELS or _largest_shift(window, inferred) <= _SEAM_LEVELS

    def _update(self, part: Tile, picture: Pixels) -> None:
        inferred, window = self._windows[part], self._window(part, picture)
        if inferred.shape == window.shape:
            np.copyto(inferred, window)
        else:
            self._windows[part] = window.copy()

    def _window(self, part: Tile, picture: Pixels) -> Pixels:
        y, x = part.y.start, part.x.start
        return picture[y : y + self.parts_grid.tile_height, x : x + self.parts_grid.tile_width]


def _largest_shift(window: Pixels, inferred: Pixels) -> float:
    """Return the largest difference between the means of squares of _SEAM_PX pixels, in levels."""
    difference = cv2.subtract(window, inferred, dtype=cv2.CV_32F)
    size = (max(1, window.shape[1] // _SEAM_PX), max(1, window.shape[0] // _SEAM_PX))
    return float(cv2.norm(cv2.resize(difference, size, interpolation=cv2.INTER_AREA), cv2.NORM_INF))
