"""Puts the scores of real detections on other scales: the same boxes in the same order of sureness.

The published detections of MOT Challenge 2015 and KITTI are of detectors that score most of what they find
close to 1, so that a confidence of 0.3, 0.5 or 0.7 hardly tells tracks apart. Many detectors are more
cautious: of a small or partly hidden person they say 0.4. These scales stand for them:

- `published`: the scores as they are.
- `calibrated`: of the boxes of a score, that share is right, as far as a logistic function of the published
  log-odds can make it so; it is fitted to the truth of the data set (Platt 1999).
- `cautious`: the log-odds of the calibrated scores, halved.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tracker.real import MATCH_IOU, RealSequence
from orchestrator.tracking.association import assign, iou

if TYPE_CHECKING:
    from numpy.typing import NDArray

SCALES = ("published", "calibrated", "cautious")


def rescaled(data_set: list[RealSequence], scale: str) -> list[RealSequence]:
    """Return the sequences of one data set with scores on one of the scales."""
    if scale == "published":
        return data_set
    slope, shift = _fitted(data_set)
    share = {"calibrated": 1.0, "cautious": 0.5}[scale]
    changed = []
    for sequence in data_set:
        detections = [rows.copy() for rows in sequence.detections]
        for rows in detections:
            rows[:, 4] = 1 / (1 + np.exp(-share * (slope * _log_odds(rows[:, 4]) + shift)))
        changed.append(replace(sequence, detections=detections))
    return changed


def _fitted(data_set: list[RealSequence]) -> tuple[float, float]:
    """Fit the chance that a box is right: the slope and the shift of its log-odds over the published ones."""
    from scipy.optimize import minimize  # noqa: PLC0415  it takes a second

    log_odds, right = (np.concatenate(parts) for parts in zip(*map(_judged, data_set), strict=True))

    def surprise(of: NDArray[np.float64]) -> float:
        odds = of[0] * log_odds + of[1]
        return float(np.mean(np.logaddexp(0, np.where(right, -odds, odds))))

    slope, shift = minimize(surprise, np.array([1.0, 0.0]), method="Nelder-Mead").x
    return float(slope), float(shift)


def _judged(sequence: RealSequence) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return log-odds [N] of the detections that count, and whether each is right."""
    log_odds, right = [], []
    numbered = [(np.arange(len(rows)), rows[:, :4].astype(np.float64)) for rows in sequence.detections]
    for frame, (counted, boxes) in enumerate(sequence.counted(numbered)):
        overlap = iou(boxes, sequence.scene.boxes[frame])
        matched = np.zeros(len(boxes), np.bool_)
        matched[assign(overlap, overlap >= MATCH_IOU)[0]] = True
        log_odds.append(_log_odds(sequence.detections[frame][counted, 4]))
        right.append(matched)
    return np.concatenate(log_odds), np.concatenate(right)


def _log_odds(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    inside = np.clip(scores.astype(np.float64), 1e-6, 1 - 1e-6)
    odds: NDArray[np.float64] = np.log(inside / (1 - inside))
    return odds
