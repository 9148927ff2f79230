"""Cuts."""

from __future__ import annotations
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class CutDetector:
    def is_cut(self, gray: NDArray[np.uint8]) -> bool:
        return False
