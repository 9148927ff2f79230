"""Decides by the scores of a track's detections whether it is reported.

A detector is often unsure of an object that is far away, partly hidden or cut by the edge of the picture, and
sure of it for a while. The mean score of the whole track then says little, so a stretch of which the detector
is clearly sure counts, too. The stretch must be long and its scores clearly higher than the confidence,
because false tracks have stretches in which they score a little more than on average. docs/tracker.md
compares this rule with others.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

SHORTEST = 8
"""The fewest consecutive detections of a stretch."""
MARGIN = 0.05
"""How much more than the confidence a stretch must score on average."""
_ROUNDING = 5e-5
"""Half a unit of the fourth decimal, to which means are rounded."""


def is_reported(scores: NDArray[np.floating], confidence: float) -> bool:
    """Tell whether a track has the confidence on average, or a stretch of it MARGIN more.

    What is reported at one confidence is reported at every lower one.

    Args:
        scores: float [N], 0..1, of the track's detections in order of time, N >= 1.
        confidence: the least mean score of the whole track, 0..1, to four decimals.
    """
    above = scores.astype(np.float64) - (confidence - _ROUNDING)
    if above.sum() >= 0:
        return True
    # The sum of a stretch is the difference of two of these; it is not below 0 if its mean is high enough.
    sums = np.concatenate(([0.0], np.cumsum(above - MARGIN)))
    ends = sums[SHORTEST:]
    return bool((ends >= np.minimum.accumulate(sums)[: len(ends)]).any())
