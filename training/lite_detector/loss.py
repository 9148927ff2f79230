"""Assigns figures to the cells of the network, and computes the loss.

A cell near the middle of a labelled figure is responsible for it: its targets are the figure's box and, as
the score of the figure's class, the quality of its box (Li et al., 2020, "Generalized Focal Loss"), here the
square root of the IoU, so that a correct box scores well over a half. The target of all other cells is 0,
also of those on the rest of a figure: where people cross, a cell between two middles must not answer with a
box around both. Cells near the middle of a figure that is mostly hidden are ignored; if hardly anything of it
is visible, their target is 0, so that a tracker does not follow a guess.
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

_REACH = 0.2  # of a figure's size: the farthest distance of responsible cells from its middle
_LEAST_REACH = 1.0  # of a cell: the nearest one is always responsible
_BOX_WEIGHT = 2.0
_GUESS = 0.15  # a figure with a smaller visible share must not be found

Targets = tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.bool_]]
"""For the cells of a picture: class or -1, int64 [h, w]; box, float32 [4, h, w]; whether it counts, bool."""


def assign(figures: Sequence[Figure], height: int, width: int) -> Targets:
    """Assign figures to cells; a cell near several gets the one with the nearest middle.

    Args:
        figures: the figures of a scene.
        height, width: the size of its picture, in pixels.
    """
    shape = (height // CELL_PX, width // CELL_PX)
    rows, columns = ((np.arange(count) + 0.5) * CELL_PX for count in shape)
    numbers = np.full(shape, -1, np.int64)
    boxes = np.zeros((4, *shape), np.float32)
    counts = np.ones(shape, np.bool_)
    nearest = np.full(shape, np.inf)
    for figure in figures:
        left, top, right, bottom = figure.box
        away_x = np.abs(columns - (left + right) / 2)[None]
        away_y = np.abs(rows - (top + bottom) / 2)[:, None]
        reach_x = max(_REACH * (right - left), _LEAST_REACH * CELL_PX)
        reach_y = max(_REACH * (bottom - top), _LEAST_REACH * CELL_PX)
        near = (away_x <= reach_x) & (away_y <= reach_y)
        if not figure.labelled:
            if figure.visible >= _GUESS:
                counts[near] = False
            continue
        distance = np.hypot(away_x, away_y)
        mine = near & (distance < nearest)
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
    """Return the loss of a batch.

    Args:
        logits, boxes: the output of the network, float [N, classes, h, w] and float [N, 4, h, w].
        numbers, wanted, counts: the stacked targets, [N, h, w], [N, 4, h, w], [N, h, w].

    Returns:
        A scalar, the sum over all cells divided by the number of responsible cells.
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
    """Return IoU and generalised IoU of pairs of boxes, float [n, 4] x1, y1, x2, y2.

    The generalised IoU is that of Rezatofighi et al., 2019, "Generalized Intersection over Union".
    """
    first, last = torch.maximum(one[:, :2], other[:, :2]), torch.minimum(one[:, 2:], other[:, 2:])
    common = (last - first).clamp(min=0).prod(dim=1)
    areas = [(box[:, 2:] - box[:, :2]).prod(dim=1) for box in (one, other)]
    union = areas[0] + areas[1] - common + 1e-6
    around = torch.maximum(one[:, 2:], other[:, 2:]) - torch.minimum(one[:, :2], other[:, :2])
    hull = around.prod(dim=1) + 1e-6
    overlap = common / union
    return overlap, overlap - (hull - union) / hull
