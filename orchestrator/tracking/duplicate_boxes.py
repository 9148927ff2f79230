"""Finds boxes that a detector gave twice for one thing: under two classes, or around a part of the thing.

Detectors suppress overlapping boxes within a class (NMS), so a thing that they take for a bus and for a
suitcase has two boxes at nearly one place. These are merged in each frame. Two boxes of one class that
overlap less are two people, or a person and the upper half of that person: no single frame tells. There, only
boxes that would start a track are checked.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.tracking.association import iou

SAME_IOU = 0.8
"""Least IoU of boxes of different classes that are one thing. YOLOv8n's boxes of one thing under two classes
mostly overlap by 0.95 and more, a rider and a bicycle by 0.65 at most (docs/tracker.md)."""
NEW_IOU = 0.6
"""A box starts no track while it overlaps that of a track of its class at least this much."""
EQUAL_IOU = 0.7
"""Of boxes of one class that overlap at least this much, only the one with the best score starts a
track. Most detectors return no such boxes, as their NMS leaves none."""
INSIDE = 0.95
"""The same holds from NEW_IOU on if at least this share of one box is in the other, as of a man and his upper
half; of two people who overlap as much, neither is inside the other."""


@dataclass(frozen=True, kw_only=True)
class MergedBoxes:
    """The boxes of one frame, each of another thing.

    Attributes:
        detections: float64 [M, 6], x1, y1, x2, y2 in pixels, score, class; in the order that they came in.
        rows: intp [K], for each box that is left out, the row of the one that stands for it.
        classes: int64 [K], their classes.
        scores: float64 [K], their scores.
    """

    detections: NDArray[np.float64]
    rows: NDArray[np.intp]
    classes: NDArray[np.int64]
    scores: NDArray[np.float64]


_NONE = (np.empty(0, np.intp), np.empty(0, np.int64), np.empty(0))


def merge_boxes(detections: NDArray[np.float64]) -> MergedBoxes:
    """Leave out each box at the place of one of another class with a better score, the first of equals.

    Args:
        detections: float64 [N, 6], x1, y1, x2, y2 in pixels, score, class.
    """
    rows, classes, scores = _NONE
    kinds = detections[:, 5]
    if len(kinds) > 1 and np.count_nonzero(kinds != kinds[0]):
        order = np.argsort(-detections[:, 4], kind="stable")
        pairs = _same_place(detections[order])
        if len(pairs):
            kinds = kinds[order]
            kept_in = np.arange(len(order))  # for each box the one that stands for it, both by order of score
            for better, worse in pairs:
                if kept_in[better] == better and kept_in[worse] == worse:
                    kept_in[worse] = better
            left_out = np.flatnonzero(kept_in != np.arange(len(order)))
            kept = np.ones(len(order), np.bool_)
            kept[order[left_out]] = False
            rows = (np.cumsum(kept) - 1)[order[kept_in[left_out]]]
            classes, scores = kinds[left_out].astype(np.int64), detections[order[left_out], 4]
            detections = detections[kept]
    return MergedBoxes(detections=detections, rows=rows, classes=classes, scores=scores)


def _same_place(detections: NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs of rows of [N, 6] that are boxes of different classes at one place, each rising."""
    left, width = detections[:, 0], detections[:, 2] - detections[:, 0]
    # The left sides of boxes with this IoU differ by at most this share of the width; few others' do.
    close = np.abs(left[:, None] - left) <= (1 / SAME_IOU - 1) * width
    rows, columns = (close & (detections[:, 5:] != detections[:, 5])).nonzero()
    ahead = rows < columns
    rows, columns = rows[ahead], columns[ahead]
    one, other = detections[rows, :4], detections[columns, :4]
    common = np.minimum(one[:, 2:], other[:, 2:]) - np.maximum(one[:, :2], other[:, :2])
    shared = np.maximum(common, 0).prod(axis=1)
    union = (one[:, 2:] - one[:, :2]).prod(axis=1) + (other[:, 2:] - other[:, :2]).prod(axis=1) - shared
    same = shared >= SAME_IOU * union
    return list(zip(rows[same].tolist(), columns[same].tolist(), strict=True))


def are_apart(detections: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Say which detections may start a track: those apart from the boxes of tracks and from surer detections.

    Args:
        detections: float64 [N, 6], x1, y1, x2, y2 in pixels, score, class.
        others: float64 [M, 6], the detections that tracks have in this frame.

    Returns:
        bool [N].
    """
    overlap = iou(detections[:, :4], others[:, :4])
    taken = (overlap >= NEW_IOU) & (detections[:, 5:] == others[:, 5])
    apart: NDArray[np.bool_] = ~taken.any(axis=1)
    among = iou(detections[:, :4], detections[:, :4])
    equal = among >= EQUAL_IOU
    if np.count_nonzero(among >= NEW_IOU) > np.count_nonzero(equal):
        areas = (detections[:, 2:4] - detections[:, :2]).prod(axis=1)
        shared = among / (1 + among) * (areas[:, None] + areas)
        equal |= (among >= NEW_IOU) & (shared >= INSIDE * np.minimum(areas[:, None], areas))
    equal &= detections[:, 5:] == detections[:, 5]
    if np.count_nonzero(equal) > len(equal):
        for row in np.argsort(-detections[:, 4], kind="stable"):
            if apart[row]:
                apart &= ~equal[row]
                apart[row] = True
    return apart
