"""What the network is told: which cells answer for which figure, and how wrong they are. It draws nothing.

A cell near the middle of a labelled figure answers for it: it is to give the figure's box, and as the score
of the figure's class how good that box is (Li et al., 2020, "Generalized Focal Loss"); the square root of the
IoU, so that a box which would count as found scores well over a half. All other cells are to score nothing,
except those on a figure of which too little can be seen: they may score what they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from training.lite_detector.net import CELL_PX

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.lite_detector.scenes import Figure

_REACH = 0.2  # of a figure's size: so far from its middle are the cells that answer for it
_LEAST_REACH = 1.0  # of a cell: the nearest one always answers
_BOX_WEIGHT = 2.0

Targets = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]
"""Of the cells of one picture: class or -1, int64 [h, w]; box, float32 [4, h, w]; whether it counts, bool."""


def assign(figures: Sequence[Figure], height: int, width: int) -> Targets:
    """Say which cell answers for which figure; of several near a cell, the one whose middle is nearest.

    Args:
        figures: of a scene.
        height, width: of its picture, in pixels.
    """
    shape = (height // CELL_PX, width // CELL_PX)
    rows, columns = ((np.arange(count) + 0.5) * CELL_PX for count in shape)
    numbers = np.full(shape, -1, np.int64)
    boxes = np.zeros((4, *shape), np.float32)
    counts = np.ones(shape, np.bool_)
    nearest = np.full(shape, np.inf)
    for figure in figures:
        left, top, right, bottom = figure.box
        if not figure.labelled:
            inside = ((rows >= top) & (rows < bottom))[:, None] & ((columns >= left) & (columns < right))[
                None
            ]
            counts[inside] = False
            continue
        away_x = np.abs(columns - (left + right) / 2)[None]
        away_y = np.abs(rows - (top + bottom) / 2)[:, None]
        reach_x = max(_REACH * (right - left), _LEAST_REACH * CELL_PX)
        reach_y = max(_REACH * (bottom - top), _LEAST_REACH * CELL_PX)
        distance = np.hypot(away_x, away_y)
        mine = (away_x <= reach_x) & (away_y <= reach_y) & (distance < nearest)
        nearest[mine] = distance[mine]
        numbers[mine] = figure.number
        boxes[:, mine] = np.array(figure.box, np.float32)[:, None]
    counts |= numbers >= 0
    return numbers, boxes, counts


def loss(
    logits: torch.Tensor,
    boxes: torch.Tensor,
    numbers: torch.Tensor,
    wanted: torch.Tensor,
    counts: torch.Tensor,
) -> torch.Tensor:
    """How wrong the network is.

    Args:
        logits, boxes: what it gave, float [N, classes, h, w] and float [N, 4, h, w].
        numbers, wanted, counts: the targets, stacked: [N, h, w], [N, 4, h, w], [N, h, w].

    Returns:
        One float, for each cell that answers for a figure.
    """
    batch, rows, columns = torch.nonzero(numbers >= 0, as_tuple=True)
    ours, theirs = boxes[batch, :, rows, columns], wanted[batch, :, rows, columns]
    overlap, generalized = overlaps(ours, theirs)
    quality = torch.zeros_like(logits)
    quality[batch, numbers[batch, rows, columns], rows, columns] = overlap.detach().clamp(min=0).sqrt()
    scores = logits.sigmoid()
    wrong = functional.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    wrong = wrong * (quality - scores).square() * counts[:, None]
    return (wrong.sum() + _BOX_WEIGHT * (1 - generalized).sum()) / max(1, len(batch))


def overlaps(one: torch.Tensor, other: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Intersection over union of boxes in pairs, float [n, 4] x1, y1, x2, y2, and its generalisation.

    The second is that of Rezatofighi et al., 2019, "Generalized Intersection over Union".
    """
    first, last = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    common = (last - first).clamp(min=0).prod(dim=1)
    areas = [(box[:, 2:] - box[:, :2]).prod(dim=1) for box in (one, other)]
    union = areas[0] + areas[1] - common + 1e-6
    around = torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])
    hull = around.prod(dim=1) + 1e-6
    overlap = common / union
    return overlap, overlap - (hull - union) / hull
