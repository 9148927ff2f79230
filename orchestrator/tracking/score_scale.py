"""Learns how high a detector scores what it is sure of, and raises the tracker's thresholds to match.

Detectors differ in their scales. One scores a clear object 0.8, and what scores 0.5 is often right. Another
scores almost everything that is right above 0.99, and what scores 0.7 is mostly wrong. Thresholds that fit
the first make the second start a false track every few frames.

The sure score is the 60th percentile of the scores so far, where each box counts with its score. Thresholds
rise on the scale of log-odds, ln(p / (1 - p)), by four times as much as the sure score exceeds 0.91 there, so
detectors with lower scores keep those of the settings. docs/tracker.md says how the constants were chosen.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from orchestrator.tracking.settings import TrackerSettings

SURE_SHARE = 0.6
"""Share of the sum of all scores that belongs to boxes below the sure score."""
LOW_LOG_ODDS, HIGH_LOG_ODDS, STEP_LOG_ODDS = -3.0, 6.0, 0.1
"""The first and the last bin of the histogram, and the width of a bin."""
PRIOR_LOG_ODDS, PRIOR_WEIGHT = 2.0, 5.0
"""The sure score that is assumed before the first boxes, and the sum of scores that it counts as."""
RISE_FROM_LOG_ODDS, RISE = 2.3, 4.0
"""Where the thresholds begin to rise, and how much they rise for a unit of the sure score."""
_BINS = round((HIGH_LOG_ODDS - LOW_LOG_ODDS) / STEP_LOG_ODDS) + 1
_EDGES = 1 / (1 + np.exp(-(LOW_LOG_ODDS + STEP_LOG_ODDS * (np.arange(_BINS - 1) + 0.5))))
"""The scores between each two bins; what is beyond the first or the last bin belongs to it."""


class ScoreScale:
    """The scores of one video so far, in a histogram of fixed size, and the thresholds that follow from them.

    Attributes:
        high_score: boxes of at least this score are paired first; from `high_score` of the settings to
            `raised_high_score`.
        new_score: boxes of at least this score start tracks; from `new_score` to `raised_new_score`.
    """

    def __init__(self, settings: TrackerSettings) -> None:
        self._settings = settings
        self._weights = np.zeros(_BINS)
        self._weights[round((PRIOR_LOG_ODDS - LOW_LOG_ODDS) / STEP_LOG_ODDS)] = PRIOR_WEIGHT
        self.high_score = settings.high_score
        self.new_score = settings.new_score

    def add(self, scores: NDArray[np.float64]) -> None:
        """Count the scores of one frame's boxes, float64 [N], 0..1, and update the thresholds."""
        if not len(scores):
            return
        self._weights += np.bincount(_EDGES.searchsorted(scores), scores, _BINS)
        below = self._weights.cumsum()
        sure = LOW_LOG_ODDS + STEP_LOG_ODDS * int(below.searchsorted(SURE_SHARE * below[-1]))
        settings = self._settings
        rise = RISE * max(0.0, sure - RISE_FROM_LOG_ODDS)
        self.high_score = _raised(settings.high_score, rise, most=settings.raised_high_score)
        self.new_score = _raised(settings.new_score, rise, most=settings.raised_new_score)


def _raised(score: float, rise: float, *, most: float) -> float:
    if not (0 < score < most and rise):
        return score
    return min(most, 1 / (1 + math.exp(-rise) * (1 - score) / score))
