"""Says how like each track is to each detection, and which of them may be one thing."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from orchestrator.tracking.association import iou_and_areas
from orchestrator.tracking.class_votes import ClassVotes

HIGH_IOU = 0.2
"""Least IoU of a track and a box of high score (ByteTrack, section 4.1)."""
LEAST_AREA_SHARE = 0.25
"""Least ratio of the areas of a track and a box, the smaller to the larger."""
OTHER_CLASS_IOU = 0.75
"""Least IoU of a track whose class is certain and a box of a class that it never had. The more its class is
in doubt, the less is enough. For a lost track the IoU times LOST_SHARE counts."""
LOST_SHARE = 0.83
"""The likeness of a lost track to a box is multiplied by this: if two tracks fit a box about equally, the one
in the last frame gets it. At 1 there are a quarter more identity switches on the benchmark's scenes, and at
0.9 two people exchange their ids where one hides the other (docs/tracker.md)."""
LOST_SIZE_POWER = 0.25
"""The likeness of a lost track to a box is also multiplied by this power of the ratio of their areas, the
smaller to the larger: whoever was hidden comes back in about the same size, and a box of another size is
rather somebody nearer or farther."""


def compare(
    boxes: NDArray[np.float64], detections: NDArray[np.float64], *, lost: NDArray[np.bool_], votes: ClassVotes
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.bool_]]:
    """Compare all tracks with all detections.

    Args:
        boxes: float64 [T, 4], where the tracks should be: x1, y1, x2, y2 in pixels.
        detections: float64 [N, 6], x1, y1, x2, y2 in pixels, score, class.
        lost: bool [T], tracks that had no detection in the last update.
        votes: the votes of the tracks for their classes.

    Returns:
        The IoU, float64 [T, N]; the likeness, float64 [T, N], 0..1, which is the IoU times the score of the
        detection, less for other classes and for lost tracks, the less the more their size differs; and
        whether both may be one thing, bool [T, N].
    """
    overlap, areas, other_areas = iou_and_areas(boxes, detections[:, :4])
    rows, columns = (overlap >= HIGH_IOU).nonzero()
    near, close = overlap[rows, columns], detections[columns]
    hidden = lost[rows].nonzero()[0]
    if len(hidden):
        near[hidden] *= LOST_SHARE
    fits = votes.fit(rows, close[:, 5].astype(np.int64))
    size = areas[rows] / other_areas[columns]
    share = np.minimum(size, 1 / size)
    allowed = (near >= OTHER_CLASS_IOU * (1 - fits)) & (share >= LEAST_AREA_SHARE)
    if len(hidden):
        near[hidden] *= share[hidden] ** LOST_SIZE_POWER
    possible = np.zeros(overlap.shape, np.bool_)
    possible[rows, columns] = allowed
    likeness = np.zeros(overlap.shape)
    likeness[rows, columns] = near * close[:, 4] * (1 + fits) / 2
    return overlap, likeness, possible
