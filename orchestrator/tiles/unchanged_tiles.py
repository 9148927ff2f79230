"""Finds the tiles of a picture that have not changed since they were last inferred.

Each tile is compared with the window that it was last inferred from, not with the last picture: so small
changes cannot add up unnoticed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Planes, Samples
from orchestrator.plane_format import PlaneFormat
from orchestrator.tiles.colour_change import rgb_change
from orchestrator.tiles.grid import Grid, Tile, subdivide

_PART_PX, _PART_HALOS = 64, 4
"""Side of a part's interior, in pixels and in halos: small, as moving objects are, but more than its halo."""

_SAMPLED_ROWS = 16
"""A first comparison of one row in 16 finds most changed windows quickly."""

_SEAM_LEVELS, _SEAM_PX = 3, 8
"""Most levels by which the means of squares of 8 x 8 pixels may differ; more would show as an edge between
parts. Noise has no such effect."""

_ROUNDING = 0.5
"""Levels by which a change of RGB may be larger than it was before Y'CbCr was rounded. Means get no such
allowance: rounding averages out in them, and half a level more makes edges visible."""


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
        planes: the format of the pictures' planes.
        tolerance: levels of 0..255 by which R, G and B of a pixel in an unchanged part may differ; the mean
            of a square of 8 x 8 pixels may differ by at most 3. With 0 only equal tiles are unchanged, and
            tiles are not divided: in windows of another size, networks compute other last bits.

    Attributes:
        parts_grid: the parts that are compared.
    """

    def __init__(
        self, grid: Grid, *, halo: int, multiple: int, planes: PlaneFormat, tolerance: int = 0
    ) -> None:
        self._tolerance = tolerance + _ROUNDING if tolerance else 0
        self._planes = planes
        self._most_luma = self._tolerance / (255 * planes.to_rgb()[0][0, 0])
        self.parts_grid = grid
        self._parts: dict[Tile, tuple[Tile, ...]] = {tile: (tile,) for tile in grid.tiles}
        if tolerance:
            side = max(_PART_PX, _PART_HALOS * halo)
            self.parts_grid, self._parts = subdivide(grid, tile=side, halo=halo, multiple=multiple)
        self._parts_per_tile_cost = grid.window_px / self.parts_grid.window_px
        self._windows: dict[Tile, Planes] = {}

    def compare(self, picture: Planes) -> TilesToInfer:
        """Return what has changed in the next picture; the caller infers those parts."""
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

    def _is_unchanged(self, part: Tile, picture: Planes) -> bool:
        """Whether a part's window, halo included, matches the one that it was inferred from."""
        inferred, window = self._windows.get(part), self._window(part, picture)
        if inferred is None:
            return False
        # A change of luma is at most as large as the largest of those of R, G and B.
        for rows in (_SAMPLED_ROWS, 1):
            if _largest_change(window.y[::rows], inferred.y[::rows]) > self._most_luma:
                return False
        change_of_chroma = max(_largest_change(window.u, inferred.u), _largest_change(window.v, inferred.v))
        if not self._tolerance:
            return change_of_chroma == 0
        change = rgb_change(inferred, window, self._planes)
        if cv2.norm(change, cv2.NORM_INF) > self._tolerance:
            return False
        return _largest_shift(change) <= _SEAM_LEVELS

    def _update(self, part: Tile, picture: Planes) -> None:
        inferred, window = self._windows.get(part), self._window(part, picture)
        if inferred is None:
            y, u, v = (samples.copy() for samples in window)
            self._windows[part] = Planes(y=y, u=u, v=v)
        else:
            for old, new in zip(inferred, window, strict=True):
                np.copyto(old, new)

    def _window(self, part: Tile, picture: Planes) -> Planes:
        height = min(self.parts_grid.tile_height, len(picture.y) - part.y.start)
        width = min(self.parts_grid.tile_width, picture.y.shape[1] - part.x.start)
        return picture.crop(x=part.x.start, y=part.y.start, width=width, height=height)


def _largest_change(samples: Samples, others: Samples) -> float:
    return float(cv2.norm(samples, others, cv2.NORM_INF))


def _largest_shift(change: NDArray[np.float32]) -> float:
    """Return the largest mean change of squares of _SEAM_PX pixels, in levels."""
    size = (max(1, change.shape[1] // _SEAM_PX), max(1, change.shape[0] // _SEAM_PX))
    return float(cv2.norm(cv2.resize(change, size, interpolation=cv2.INTER_AREA), cv2.NORM_INF))
