"""Tests the filter over all boxes at once against the textbook's filter of one box."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.tracking import kalman

settings.register_profile("no deadline")
settings.load_profile("no deadline")


class Textbook:
    """One box: 8 values, 8x8 matrices, as in any textbook (Kalman 1960)."""

    def __init__(self, box: NDArray[np.float64]) -> None:
        self.x = np.concatenate((self._measured(box), np.zeros(4)))
        sigma = np.concatenate(
            (
                kalman.NEW_POSITION * kalman.POSITION_NOISE * self._size(),
                kalman.NEW_VELOCITY * kalman.VELOCITY_NOISE * self._size(),
            )
        )
        self.p = np.diag(sigma**2)

    @staticmethod
    def _measured(box: NDArray[np.float64]) -> NDArray[np.float64]:
        x1, y1, x2, y2 = box
        return np.array([(x1 + x2) / 2, (y1 + y2) / 2, x2 - x1, y2 - y1])

    def _size(self) -> NDArray[np.float64]:
        size: NDArray[np.float64] = np.tile(np.maximum(self.x[2:4], kalman.SMALLEST_PX), 2)
        return size

    def predict(self, steps: float, *, unseen: bool) -> None:
        if unseen:
            self.x[6:] = 0
        position = np.sqrt(steps) * kalman.POSITION_NOISE * self._size()
        noise = np.concatenate((position, kalman.VELOCITY_NOISE * self._size()))
        f = np.eye(8)
        f[:4, 4:] = steps * np.eye(4)
        self.x = f @ self.x
        self.x[2:4] = np.maximum(self.x[2:4], kalman.SMALLEST_PX)
        self.p = f @ self.p @ f.T + np.diag(noise**2)

    def correct(self, box: NDArray[np.float64]) -> None:
        h = np.eye(4, 8)
        r = np.diag((kalman.POSITION_NOISE * self._size()) ** 2)
        gain = self.p @ h.T @ np.linalg.inv(h @ self.p @ h.T + r)
        self.x = self.x + gain @ (self._measured(box) - h @ self.x)
        self.x[2:4] = np.maximum(self.x[2:4], kalman.SMALLEST_PX)
        self.p = (np.eye(8) - gain @ h) @ self.p

    def move(self, affine: NDArray[np.float64]) -> None:
        matrix = affine[:, :2]
        scale = np.sqrt(abs(np.linalg.det(matrix)))
        whole = np.kron(np.eye(4), np.eye(2))
        for first in (0, 4):
            whole[first : first + 2, first : first + 2] = matrix
            whole[first + 2 : first + 4, first + 2 : first + 4] = scale * np.eye(2)
        self.x = whole @ self.x
        self.x[:2] += affine[:, 2]
        self.p = whole @ self.p @ whole.T

    def box(self) -> NDArray[np.float64]:
        half = self.x[2:4] / 2
        return np.concatenate((self.x[:2] - half, self.x[:2] + half))


def wandering(rng: np.random.Generator, n: int) -> NDArray[np.float64]:
    first = rng.uniform(0, 500, (n, 2))
    return np.concatenate((first, first + rng.uniform(5, 200, (n, 2))), axis=1)


@given(
    st.integers(0, 2**32 - 1),
    st.lists(st.floats(0, 60), min_size=1, max_size=12),
)
def test_all_boxes_at_once_are_filtered_as_each_alone(seed: int, steps: list[float]) -> None:
    rng = np.random.default_rng(seed)
    boxes = wandering(rng, 5)
    state, alone = kalman.initial(boxes), [Textbook(box) for box in boxes]
    unseen = np.zeros(5, np.bool_)
    for elapsed in steps:
        kalman.predict(state, elapsed, unseen=unseen)
        for one, lost in zip(alone, unseen, strict=True):
            one.predict(elapsed, unseen=bool(lost))
        np.testing.assert_allclose(kalman.boxes_of(state), [one.box() for one in alone], atol=1e-6)
        seen = np.flatnonzero(rng.random(5) < 0.7)
        unseen = ~np.isin(np.arange(5), seen)
        boxes = boxes + rng.normal(0, 5, 4)
        kalman.correct(state, seen, boxes[seen])
        for row in seen:
            alone[row].correct(boxes[row])
        np.testing.assert_allclose(kalman.boxes_of(state), [one.box() for one in alone], atol=1e-6)


def test_a_camera_that_zooms_and_shifts_moves_boxes_speeds_and_doubts() -> None:
    rng = np.random.default_rng(0)
    boxes = wandering(rng, 4)
    state, alone = kalman.initial(boxes), [Textbook(box) for box in boxes]
    affine = np.array([[1.1, 0, 7], [0, 1.1, -4]])  # turned covariance has a part that the filter leaves out
    for _ in range(5):
        kalman.predict(state, 1, unseen=np.zeros(4, np.bool_))
        kalman.move(state, affine)
        boxes = boxes * 1.1 + rng.normal([7, -4, 7, -4], 2, (4, 4))
        kalman.correct(state, np.arange(4), boxes)
        for one, box in zip(alone, boxes, strict=True):
            one.predict(1, unseen=False)
            one.move(affine)
            one.correct(box)
        np.testing.assert_allclose(kalman.boxes_of(state), [one.box() for one in alone], atol=1e-6)


def test_a_turning_camera_turns_where_a_box_is_and_where_it_goes() -> None:
    state = kalman.initial(np.array([[90.0, -20, 110, 20]]))
    state[1, 0, :2] = [3, 0]
    kalman.move(state, np.array([[0.0, -1, 0], [1, 0, 0]]))
    assert state[0, 0].tolist() == pytest.approx([0, 100, 20, 40])
    assert state[1, 0].tolist() == pytest.approx([0, 3, 0, 0])


def test_a_box_in_steady_motion_is_soon_predicted() -> None:
    state = kalman.initial(np.array([[0.0, 0, 40, 80]]))
    for step in range(1, 60):
        kalman.predict(state, 1, unseen=np.zeros(1, np.bool_))
        kalman.correct(state, np.array([0]), np.array([[0.0, 0, 40, 80]]) + step * np.array([4, 1, 4, 1]))
    kalman.predict(state, 10, unseen=np.zeros(1, np.bool_))
    assert kalman.boxes_of(state)[0] == pytest.approx([69 * 4, 69, 69 * 4 + 40, 69 + 80], abs=2)
