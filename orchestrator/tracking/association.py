"""Computes the IoU of boxes and assigns boxes to tracks so that the total similarity is greatest."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_TINY = np.finfo(np.float64).tiny


def iou(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the intersection over union of every box of one set with every box of another.

    Args:
        boxes: float64 [N, 4], x1, y1, x2, y2.
        others: float64 [M, 4].

    Returns:
        float64 [N, M], 0..1; 0 where both boxes have no area.
    """
    return iou_and_areas(boxes, others)[0]


def iou_and_areas(
    boxes: NDArray[np.float64], others: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return what `iou` returns, [N, M], and the areas of the boxes, [N], and of the others, [M]."""
    one, other = boxes.T[:, :, None], others.T[:, None, :]
    width = np.minimum(one[2], other[2])
    width -= np.maximum(one[0], other[0])
    height = np.minimum(one[3], other[3])
    height -= np.maximum(one[1], other[1])
    common = np.maximum(width, 0, out=width)
    common *= np.maximum(height, 0, out=height)
    size, other_size = one[2:] - one[:2], other[2:] - other[:2]
    area, other_area = size[0] * size[1], other_size[0] * other_size[1]
    union = area + other_area
    union -= common
    np.maximum(union, _TINY, out=union)
    return common / union, area[:, 0], other_area[0]


def assign(
    likeness: NDArray[np.float64], possible: NDArray[np.bool_]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Pair rows with columns, one to one, so that the sum of their likeness is greatest.

    Args:
        likeness: float64 [N, M], 0 or more.
        possible: bool [N, M], the pairs that are allowed.

    Returns:
        The paired rows, rising, and their columns: intp [K] each.
    """
    # Most pairs are the only possible one for both their row and their column, and need no search.
    rows, columns = possible.nonzero()
    of_row, of_column = np.bincount(rows), np.bincount(columns)
    only = (of_row[rows] == 1) & (of_column[columns] == 1)
    if np.count_nonzero(only) == len(only):
        return rows, columns
    rows, columns = rows[only], columns[only]
    of_row[rows] = of_column[columns] = 0
    open_rows, open_columns = of_row.nonzero()[0], of_column.nonzero()[0]
    # Imported here because it takes a second, and commands that only check a request do not need it.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    every = open_rows[:, None], open_columns
    left, right = linear_sum_assignment(np.where(possible[every], likeness[every], 0), maximize=True)
    left, right = open_rows[left], open_columns[right]
    allowed = possible[left, right]
    rows, columns = np.append(rows, left[allowed]), np.append(columns, right[allowed])
    order = np.argsort(rows)
    return rows[order], columns[order]
