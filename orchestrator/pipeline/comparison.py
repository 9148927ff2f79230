"""A picture that shows what upscaling did: bicubic left, ours right, the same part of the same frame."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from orchestrator.drawing.files import write_picture
from orchestrator.frames import Planes

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.frames import Frame, Picture, Pixels

_WIDEST_PX = 1920
_GAP_PX = 4


class Comparison:
    """Keeps the frame in the middle of a video, as it was and as it is delivered.

    Args:
        frames: how many there will be, about, or None: the first is kept then.
    """

    def __init__(self, frames: int | None) -> None:
        self._middle = (frames or 1) // 2
        self._source: Pixels | None = None
        self._ours: Pixels | None = None

    def see(self, wanted: Frame[Any], delivered: Picture) -> None:
        """Look at a frame: uint8 RGB both."""
        if wanted.index <= self._middle and not isinstance(delivered, Planes):
            self._source, self._ours = wanted.pixels, np.asarray(delivered, np.uint8)

    def write(self, path: Path, *, overwrite: bool) -> None:
        """Write the side-by-side picture.

        Both halves show the middle of the frame, pixel for pixel, each at most 960 pixels wide.

        Args:
            path: of the PNG.
            overwrite: replace a file that exists.

        Raises:
            DiskFull: the picture could not be written.
        """
        if self._source is None or self._ours is None:
            return
        height, width = self._ours.shape[:2]
        bicubic = cv2.resize(self._source, (width, height), interpolation=cv2.INTER_CUBIC)
        shown = min(width, _WIDEST_PX // 2)
        left = (width - shown) // 2
        gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
        both = np.hstack([bicubic[:, left : left + shown], gap, self._ours[:, left : left + shown]])
        write_picture(path, both, overwrite=overwrite)
