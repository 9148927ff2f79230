"""Tests the IoU and the assignment of boxes to tracks."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from numpy.typing import NDArray

from orchestrator.tracking.association import assign, iou

settings.register_profile("no deadline")
settings.load_profile("no deadline")

sides = st.tuples(st.integers(0, 5), st.integers(0, 5))


def best_sum(likeness: NDArray[np.float64], possible: NDArray[np.bool_]) -> float:
    """Return the greatest sum over all possible pairings."""
    worth = np.where(possible, likeness, 0)
    if worth.shape[0] > worth.shape[1]:
        worth = worth.T
    rows, columns = worth.shape
    return max(
        float(worth[np.arange(rows), list(taken)].sum()) for taken in permutations(range(columns), rows)
    )


@given(sides, st.data())
def test_pairs_are_one_to_one_possible_and_the_best(size: tuple[int, int], data: st.DataObject) -> None:
    likeness = data.draw(arrays.arrays(np.float64, size, elements=st.floats(0, 1)))
    possible = data.draw(arrays.arrays(np.bool_, size))
    rows, columns = assign(likeness, possible)
    assert len(set(rows.tolist())) == len(set(columns.tolist())) == len(rows) == len(columns)
    assert rows.tolist() == sorted(rows.tolist())
    assert possible[rows, columns].all()
    assert likeness[rows, columns].sum() == pytest.approx(best_sum(likeness, possible))


corners = arrays.arrays(np.float64, (4,), elements=st.integers(0, 30))
some_boxes = st.lists(corners, max_size=6).map(
    lambda rows: np.array([[min(a, c), min(b, d), max(a, c), max(b, d)] for a, b, c, d in rows]).reshape(
        -1, 4
    )
)


@given(some_boxes, some_boxes)
def test_overlap_is_the_share_of_common_pixels(
    boxes: NDArray[np.float64], others: NDArray[np.float64]
) -> None:
    def pixels(box: NDArray[np.float64]) -> NDArray[np.bool_]:
        x1, y1, x2, y2 = box.astype(int)
        mask = np.zeros((30, 30), np.bool_)
        mask[y1:y2, x1:x2] = True
        return mask

    overlap = iou(boxes, others)
    assert overlap.shape == (len(boxes), len(others))
    for row, box in enumerate(boxes):
        for column, other in enumerate(others):
            one, two = pixels(box), pixels(other)
            assert overlap[row, column] == pytest.approx((one & two).sum() / max((one | two).sum(), 1))
