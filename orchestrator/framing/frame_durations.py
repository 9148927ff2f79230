"""Says how long each frame of a video is shown."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_ONLY_FRAME_S = 0.04
"""How long the only frame of a video is shown."""


def frame_ends_s(times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return when each frame ends, float64 [F], from when each begins, both in seconds and rising; F >= 1.

    The last frame is shown for as long as the one before it.
    """
    last_s = float(times_s[-1] - times_s[-2]) if len(times_s) > 1 else _ONLY_FRAME_S
    return np.append(times_s[1:], times_s[-1] + last_s)
