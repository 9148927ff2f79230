"""Estimates how the camera moved between two frames from small gray pictures.

BoT-SORT (Aharon et al. 2022, arXiv 2206.14651), section 3.2: corners of the last picture (Shi and Tomasi,
"Good features to track", 1994) are followed into this one by sparse optical flow (Lucas and Kanade, in
pyramids: Bouguet 2001), and RANSAC finds the rotation, scale and shift that most of them share. Corners on
tracked objects are left out, as objects move by themselves.

A moving object that fills the picture is mistaken for a moving camera.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

LONGEST_PX = 320
"""Longer side of the pictures that are compared."""
MOST_CORNERS = 200
CORNER_QUALITY = 0.01
"""Least quality as a share of the best corner's: OpenCV's `qualityLevel`."""
CORNERS_APART_PX = 7
FEWEST_AGREEING = 10
"""If fewer corners share a motion, the camera is assumed to rest."""
LEAST_AGREEING = 0.4
"""If a smaller share of the corners does, too."""


class CameraMotionEstimator:
    """Estimates the camera's motion from picture to picture.

    Args:
        width, height: size of the source picture, in pixels; motions are in these pixels.
    """

    def __init__(self, *, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._last: NDArray[np.uint8] | None = None

    def estimate(self, gray: NDArray[np.uint8], things: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the affine matrix that maps points of the last picture to this one.

        Args:
            gray: uint8 [h, w].
            things: float64 [N, 4], x1, y1, x2, y2 in source pixels: boxes of the tracked objects in the last
                picture.

        Returns:
            float64 [2, 3] in source pixels; the identity for the first picture, and if too few corners agree.
        """
        reduce = min(1, LONGEST_PX / max(gray.shape))
        size = max(1, round(gray.shape[1] * reduce)), max(1, round(gray.shape[0] * reduce))
        this = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8)
        last, self._last = self._last, this
        if last is None or last.shape != this.shape:
            return np.eye(2, 3)
        x, y = self._width / size[0], self._height / size[1]
        motion = _motion(last, this, (things / [x, y, x, y]).round().astype(np.intp))
        return np.eye(2, 3) if motion is None else motion * [[1, x / y, x], [y / x, 1, y]]


def _motion(
    last: NDArray[np.uint8], this: NDArray[np.uint8], things: NDArray[np.intp]
) -> NDArray[np.float64] | None:
    """Return the motion in pixels of the small pictures, float64 [2, 3], or None if too few corners agree."""
    mask = np.full_like(last, 255)
    for x1, y1, x2, y2 in np.maximum(things, 0):
        mask[y1:y2, x1:x2] = 0
    corners = cv2.goodFeaturesToTrack(last, MOST_CORNERS, CORNER_QUALITY, CORNERS_APART_PX, mask=mask)
    if corners is None or len(corners) < FEWEST_AGREEING:
        return None
    there, followed, _ = cv2.calcOpticalFlowPyrLK(last, this, corners, np.empty_like(corners))
    kept = followed[:, 0] == 1
    if kept.sum() < FEWEST_AGREEING:
        return None
    motion, agreeing = cv2.estimateAffinePartial2D(corners[kept], there[kept], method=cv2.RANSAC)
    if motion is None or agreeing.sum() < max(FEWEST_AGREEING, LEAST_AGREEING * len(corners)):
        return None
    return np.asarray(motion, np.float64)
