"""What each part of a picture was last inferred from, to tell which of the next picture need not be inferred.

A part is held against the window it was inferred from, and not against the last that was like that one: what
is kept never drifts. It knows nothing of what was made of the parts.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import cv2
import numpy as np

from orchestrator.tiles.grid import divide

if TYPE_CHECKING:
    from orchestrator.frames import Pixels
    from orchestrator.tiles.grid import Grid, Tile

_PART_PX, _PART_HALOS = 64, 4
"""Side of the interior of a part: small, as what moves is, but not so small that most of it is halo."""

_SAMPLED_ROWS = 16
"""One row in so many tells of most windows that they have changed, in no time."""

_SEAM_LEVELS = 3
"""A part that is lighter or darker than its neighbour shows by an edge between them, where noise does not."""

_SEAM_PX = 8


@dataclass(frozen=True)
class Change:
    """What of a picture is to be inferred, and what is kept. Their interiors make up the picture.

    Attributes:
        tiles: to be inferred, whole.
        parts: to be inferred, of tiles of which less has changed.
        kept: parts that are as they were.
    """

    tiles: list[Tile] = field(default_factory=list)
    parts: list[Tile] = field(default_factory=list)
    kept: list[Tile] = field(default_factory=list)


class Reference:
    """The windows of a grid as they were when each was last inferred: the memory of one picture, or of two.

    Args:
        grid: of the pictures that will come.
        halo, multiple: that it was planned with.
        tolerance: levels of 0..255 by which R, G and B of a pixel may differ where something is kept; the
            mean of a square of 8 x 8 pixels may by 3 at most. With 0 only what is equal is kept, and whole
            tiles are the parts: in windows of another size, networks compute other last bits.

    Attributes:
        small: the parts.
    """

    def __init__(self, grid: Grid, *, halo: int, multiple: int, tolerance: int = 0) -> None:
        self._tolerance = tolerance
        self.small = grid
        self._parts: dict[Tile, tuple[Tile, ...]] = {tile: (tile,) for tile in grid.tiles}
        if tolerance:
            side = max(_PART_PX, _PART_HALOS * halo)
            self.small, self._parts = divide(grid, tile=side, halo=halo, multiple=multiple)
        self._worth = grid.window_px / self.small.window_px
        self._windows = dict.fromkeys(self.small.tiles, np.empty((0, 0, 3), np.uint8))

    def change(self, picture: Pixels) -> Change:
        """Tell what has changed in the next picture, uint8 [H, W, 3], which will be inferred as is told."""
        change = Change()
        for tile, parts in self._parts.items():
            kept: list[Tile] = []
            changed: list[Tile] = []
            for part in parts:
                (kept if self._is_like(part, picture) else changed).append(part)
            if len(changed) < self._worth:
                change.parts.extend(changed)
                change.kept.extend(kept)
            else:
                change.tiles.append(tile)
                changed = list(parts)
            for part in changed:
                self._update(part, picture)
        return change

    def _is_like(self, part: Tile, picture: Pixels) -> bool:
        """Whether a part's window, halo included, is like the one it was inferred from."""
        seen, window = self._windows[part], self._window(part, picture)
        if seen.shape != window.shape:
            return False
        for rows in (_SAMPLED_ROWS, 1):
            if cv2.norm(window[::rows], seen[::rows], cv2.NORM_INF) > self._tolerance:
                return False
        return self._tolerance <= _SEAM_LEVELS or _seam(window, seen) <= _SEAM_LEVELS

    def _update(self, part: Tile, picture: Pixels) -> None:
        seen, window = self._windows[part], self._window(part, picture)
        if seen.shape == window.shape:
            np.copyto(seen, window)
        else:
            self._windows[part] = window.copy()

    def _window(self, part: Tile, picture: Pixels) -> Pixels:
        y, x = part.y.start, part.x.start
        return picture[y : y + self.small.tile_height, x : x + self.small.tile_width]


def _seam(window: Pixels, seen: Pixels) -> float:
    """Return the largest difference between means of squares."""
    difference = cv2.subtract(window, seen, dtype=cv2.CV_32F)
    size = (max(1, window.shape[1] // _SEAM_PX), max(1, window.shape[0] // _SEAM_PX))
    return float(cv2.norm(cv2.resize(difference, size, interpolation=cv2.INTER_AREA), cv2.NORM_INF))
