"""Measures by how much the colours of two pictures differ."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Planes
from orchestrator.plane_format import PlaneFormat


def rgb_change(before: Planes, picture: Planes, planes: PlaneFormat) -> NDArray[np.float32]:
    """Return the change of R, G and B from one picture to another, in levels of 255.

    Args:
        before, picture: pictures of one size; chroma is repeated for the pixels that share it.
        planes: their format.

    Returns:
        float32 [H, W, 3].
    """
    height, width = picture.y.shape
    matrix, _ = planes.to_rgb()
    levels = []
    for old, new in zip(before, picture, strict=True):
        change = cv2.subtract(new, old, dtype=cv2.CV_32F)
        if change.shape != (height, width):
            across, down = (-(-a // b) for a, b in zip((width, height), change.shape[::-1], strict=True))
            change = change.repeat(down, axis=0)[:height].repeat(across, axis=1)[:, :width]
        levels.append(change)
    return np.asarray(cv2.transform(cv2.merge(levels), matrix * 255), np.float32)
