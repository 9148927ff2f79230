"""Resize pictures well: libswscale's Lanczos, which widens its kernel when it makes a picture smaller."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from av.video.frame import VideoFrame
from av.video.reformatter import Interpolation, VideoReformatter

if TYPE_CHECKING:
    from orchestrator.frames import Pixels


class Resizer:
    """Brings pictures of any size to one size. Not for several threads at once.

    Args:
        width, height: of the result, in pixels.
    """

    def __init__(self, *, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._reformatter = VideoReformatter()

    def __call__(self, pixels: Pixels) -> Pixels:
        """Resize uint8 [H, W, 3] to uint8 [height, width, 3]; the picture itself where that is its size."""
        if pixels.shape[:2] == (self._height, self._width):
            return pixels
        frame = VideoFrame.from_ndarray(pixels, format="rgb24")
        resized = self._reformatter.reformat(
            frame, width=self._width, height=self._height, format="rgb24", interpolation=Interpolation.LANCZOS
        )
        return np.asarray(resized.to_ndarray(), np.uint8)
