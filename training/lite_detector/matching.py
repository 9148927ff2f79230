"""Matches detected boxes with labelled figures: precision, recall and average precision.

A box is a hit if its IoU with a labelled figure of its class is at least 0.5, and no better box has matched
that figure. A box that is not a hit but lies mostly on an ignored figure does not count, like boxes on crowds
in COCO. Average precision is the area under precision over recall, with each precision raised to the best at
any higher recall (all points, as in PASCAL VOC since 2010).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from training.lite_detector.scenes import Figure

SAME = 0.5
"""The least IoU of a hit, and the least share of a box on an ignored figure."""


@dataclass
class Tally:
    """The matches of one class over any number of scenes.

    Attributes:
        figures: how many labelled figures there were.
        boxes: the score of each box that counts, and whether it is a hit.
    """

    figures: int = 0
    boxes: list[tuple[float, bool]] = field(default_factory=list)

    def precision(self, confidence: float) -> float:
        """Return the share of hits among boxes of at least this score, 0..1; 1 if there are no boxes."""
        sure = [hit for score, hit in self.boxes if score >= confidence]
        return sum(sure) / len(sure) if sure else 1.0

    def recall(self, confidence: float) -> float:
        """Return the share of figures that boxes of at least this score match, 0..1; 1 without figures."""
        hits = sum(hit for score, hit in self.boxes if score >= confidence)
        return hits / self.figures if self.figures else 1.0

    def average_precision(self) -> float:
        """Return the area under precision over recall, 0..1."""
        if not self.boxes or not self.figures:
            return 0.0
        ordered = sorted(self.boxes, key=lambda box: -box[0])
        hits = np.cumsum([hit for _, hit in ordered])
        precision = hits / np.arange(1, len(hits) + 1)
        best = np.maximum.accumulate(precision[::-1])[::-1]
        steps = np.diff(hits, prepend=0) / self.figures
        return float((best * steps).sum())


def count(tallies: Sequence[Tally], found: NDArray[np.float32], figures: Sequence[Figure]) -> None:
    """Add a scene to the tallies.

    Args:
        tallies: a tally for each class, by class number.
        found: the boxes, float32 [n, 6]: x1, y1, x2, y2, score, class; highest score first.
        figures: the figures of the scene.
    """
    for number, tally in enumerate(tallies):
        rows = found[found[:, 5] == number]
        wanted = np.array([f.box for f in figures if f.number == number and f.labelled]).reshape(-1, 4)
        spared = np.array([f.box for f in figures if not f.labelled]).reshape(-1, 4)
        tally.figures += len(wanted)
        free = np.ones(len(wanted), bool)
        common, areas, own = _common(rows[:, :4], wanted)
        overlaps = common / np.maximum(areas + own - common, 1e-9)
        on_spared, _, _ = _common(rows[:, :4], spared)
        for row, overlap, elsewhere, area in zip(rows, overlaps, on_spared, own[:, 0], strict=True):
            possible = np.where(free, overlap, 0.0)
            hit = bool(len(wanted)) and possible.max() >= SAME
            if hit:
                free[possible.argmax()] = False
            elif len(spared) and elsewhere.max() >= SAME * area:
                continue
            tally.boxes.append((float(row[4]), bool(hit)))


def _common(
    boxes: NDArray[np.float32], others: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return areas in pixels: intersections [n, m], the others [1, m], the boxes [n, 1]."""
    first = np.maximum(boxes[:, None, :2], others[None, :, :2])
    last = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    common = np.clip(last - first, 0, None).prod(axis=2)
    return common, _area(others)[None], _area(boxes)[:, None]


def _area(boxes: NDArray[np.float32] | NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1), np.float64)
