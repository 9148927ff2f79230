"""A picture that shows what upscaling did: bicubic left, ours right, the same part of the same frame."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from orchestrator.pipeline.picture import write_picture

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.frames import Pixels

_WIDEST_PX = 1920
_GAP_PX = 4


def write_comparison(path: Path, *, source: Pixels, ours: Pixels, overwrite: bool) -> None:
    """Write the side-by-side picture.

    Both halves show the middle of the frame, pixel for pixel, each at most 960 pixels wide.

    Args:
        path: of the PNG.
        source: uint8 [h, w, 3] RGB, the frame as it was.
        ours: uint8 [H, W, 3] RGB, the frame as delivered.
        overwrite: replace a file that exists.

    Raises:
        DiskFull: the picture could not be written.
    """
    height, width = ours.shape[:2]
    bicubic = cv2.resize(source, (width, height), interpolation=cv2.INTER_CUBIC)
    shown = min(width, _WIDEST_PX // 2)
    left = (width - shown) // 2
    gap = np.full((height, _GAP_PX, 3), 255, np.uint8)
    both = np.hstack([bicubic[:, left : left + shown], gap, ours[:, left : left + shown]])
    write_picture(path, both, overwrite=overwrite)
