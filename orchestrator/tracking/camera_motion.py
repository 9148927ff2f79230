"""How the camera moved between two frames, seen in a small gray picture.

BoT-SORT (Aharon et al. 2022, arXiv 2206.14651), section 3.2: corners of the last picture (Shi and Tomasi 1994) are
followed into this one by sparse optical flow (Lucas and Kanade, with pyramids: Bouguet 2001), and a similarity
(rotation, scale, shift) that most of them agree on is found by RANSAC.

It does not know tracks. It cannot tell a picture that is filled by one moving thing from a camera that moves.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

MOST_CORNERS = 200
FEWEST_CORNERS = 8
"""With fewer that agree the camera is taken to rest."""
MOST_SCALE = 1.25


class CameraMotion:
    """Follows the camera from picture to picture.

    Args:
        width, height: of the source picture, in pixels; motions are given in its pixels.
    """

    def __init__(self, *, width: int, height: int) -> None:
        self._width = width
        self._height = height
        self._last: NDArray[np.uint8] | None = None

    def estimate(self, gray: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Return what takes a point of the last picture to this one.

        Args:
            gray: uint8 [h, w], always of one size.

        Returns:
            float64 [2, 3] in source pixels; the identity for the first picture, and where too little is to be seen.
        """
        last, self._last = self._last, gray
        rest = np.eye(2, 3)
        if last is None or last.shape != gray.shape:
            return rest
        corners = cv2.goodFeaturesToTrack(last, MOST_CORNERS, 0.01, max(gray.shape) / 50)
        if corners is None or len(corners) < FEWEST_CORNERS:
            return rest
        moved, found, _ = cv2.calcOpticalFlowPyrLK(last, gray, corners, None)
        kept = found[:, 0] == 1
        if kept.sum() < FEWEST_CORNERS:
            return rest
        motion, agree = cv2.estimateAffinePartial2D(corners[kept], moved[kept], method=cv2.RANSAC)
        if motion is None or agree.sum() < FEWEST_CORNERS:
            return rest
        x, y = self._width / gray.shape[1], self._height / gray.shape[0]
        motion *= np.array([[1, x / y, x], [y / x, 1, y]])
        return motion
