"""How the camera moved between two frames, seen in a small gray picture.

BoT-SORT (Aharon et al. 2022, arXiv 2206.14651), section 3.2: corners of the last picture (Shi and Tomasi,
"Good features to track", 1994) are followed into this one by sparse optical flow (Lucas and Kanade, in
pyramids: Bouguet 2001), and the rotation, scale and shift that most of them agree on is found by RANSAC.
Corners on what is tracked are left out: it moves by itself.

It does not know how tracks are kept. A picture filled by one moving thing looks to it like a camera that
moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_PX = 320
"""Pictures are reduced to this length of their longer side."""
MOST_CORNERS = 200
CORNER_QUALITY = 0.01
"""Of the best corner's; OpenCV's `qualityLevel`."""
CORNERS_APART_PX = 7
FEWEST_AGREEING = 10
"""With fewer corners that agree the camera is taken to rest."""
LEAST_AGREEING = 0.4
"""The same for a smaller share of the corners."""


class CameraMotion:
    """Follows the camera from picture to picture.

    Args:
        width, height: of the source picture, in pixels; motions are given in its pixels.
    """

    def __init__(self, *, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._last: NDArray[np.uint8] | None = None

    def estimate(self, gray: NDArray[np.uint8], things: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return what takes a point of the last picture to this one.

        Args:
            gray: uint8 [h, w].
            things: float64 [N, 4], x1, y1, x2, y2 in source pixels: what is tracked, where it was in the last
                picture.

        Returns:
            float64 [2, 3] in source pixels; the identity for the first picture, and where too little is to be
            seen.
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
    """Return the motion in pixels of the small pictures, float64 [2, 3], or None where it cannot be told."""
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
