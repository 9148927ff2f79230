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
    x1, y1, x2, y2 = boxes.T[:, :, None]
    u1, v1, u2, v2 = others.T
    width = np.minimum(x2, u2)
    width -= np.maximum(x1, u1)
    height = np.minimum(y2, v2)
    height -= np.maximum(y1, v1)
    common = np.maximum(width, 0, out=width)
    common *= np.maximum(height, 0, out=height)
    union = (x2 - x1) * (y2 - y1) + (u2 - u1) * (v2 - v1) - common
    overlap: NDArray[np.float64] = common / np.maximum(union, _TINY)
    return overlap


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
    of_row, of_column = possible.sum(axis=1), possible.sum(axis=0)
    rows, columns = (possible & (of_row == 1)[:, None] & (of_column == 1)).nonzero()
    of_row[rows] = of_column[columns] = 0
    open_rows, open_columns = of_row.nonzero()[0], of_column.nonzero()[0]
    if not len(open_rows):
        return rows, columns
    # Imported here because it takes a second, and commands that only check a request do not need it.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    every = open_rows[:, None], open_columns
    left, right = linear_sum_assignment(np.where(possible[every], likeness[every], 0), maximize=True)
    left, right = open_rows[left], open_columns[right]
    allowed = possible[left, right]
    rows, columns = np.append(rows, left[allowed]), np.append(columns, right[allowed])
    order = np.argsort(rows)
    return rows[order], columns[order]
