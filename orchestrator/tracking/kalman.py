"""Predicts and smooths the boxes of all tracks at once with a constant-velocity Kalman filter.

State of a box: centre x, centre y, width, height, and the velocity of each (BoT-SORT, Aharon et al. 2022,
arXiv 2206.14651, section 3.1: ByteTrack's filter with width in place of the aspect ratio). The noise of a
coordinate depends on no other coordinate, so the filter of 8 values splits into 4 filters of 2 values, each
with the three numbers of a symmetric 2x2 covariance. All of it is elementwise arithmetic on arrays; no matrix
is inverted.

Time is counted in steps of 1/30 s, the frame duration that the noise constants are for. The noise of a
position grows with the number of steps. That of a velocity is the same for every prediction: when it grew
with time as well, tracks at 10 frames a second followed the detector's jitter, and those at 60 turned late.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

State = NDArray[np.float64]
"""float64 [5, N, 4]: position, velocity (pixels a step), and the variance of the position, its covariance
with the velocity, and the variance of the velocity; last axis: centre x, centre y, width, height, in
pixels."""

STEPS_PER_SECOND = 30
POSITION_NOISE = 1 / 20
"""Standard deviation of a position as a share of the box's size, both of one measurement and of one step
(BoT-SORT, 3.1)."""
VELOCITY_NOISE = 1 / 160
"""Standard deviation of a velocity in one prediction, as a share of the box's size (BoT-SORT, 3.1)."""
NEW_POSITION, NEW_VELOCITY = 2, 10
"""Factors of these standard deviations for a new track (ByteTrack's own code)."""
SMALLEST_PX = 1.0
"""Shortest side of a predicted box."""
_TO_CENTRED = np.array([[0.5, 0, -1, 0], [0, 0.5, 0, -1], [0.5, 0, 1, 0], [0, 0.5, 0, 1]])
"""Boxes as corners, [N, 4], times this are boxes as centre and size. One product takes a third of the time of
the sums and differences of columns, and as its factors are powers of two, it is as exact."""
_TO_CORNERS = np.array([[1, 0, 1, 0], [0, 1, 0, 1], [-0.5, 0, 0.5, 0], [0, -0.5, 0, 0.5]])
"""The same the other way round."""
_SIDES = np.array([2, 3, 2, 3])
"""The columns with the side of a box that each column's noise depends on."""


def initial(boxes: NDArray[np.float64]) -> State:
    """Return the state of new tracks, which are at rest.

    Args:
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels.

    Returns:
        float64 [5, N, 4].
    """
    state = np.zeros((5, len(boxes), 4))
    state[0] = boxes @ _TO_CENTRED
    size = _size(state)
    state[2] = (NEW_POSITION * POSITION_NOISE * size) ** 2
    state[4] = (NEW_VELOCITY * VELOCITY_NOISE * size) ** 2
    return state


def predict(state: State, steps: float, *, unseen: NDArray[np.bool_]) -> None:
    """Move all tracks ahead in time, in place.

    Args:
        state: float64 [5, N, 4].
        steps: time to move ahead, in 1/30 s; at least 0.
        unseen: bool [N], tracks without a detection in the last update; they keep their size from now on.
    """
    position, velocity, pp, pv, vv = state
    if np.count_nonzero(unseen):
        velocity[unseen, 2:] = 0
    noise = _size(state) ** 2
    pp += steps * (2 * pv + steps * vv + POSITION_NOISE**2 * noise)
    state[::3] += steps * state[1::3]  # position by velocity, and pv by vv
    vv += VELOCITY_NOISE**2 * noise
    np.maximum(position[:, 2:], SMALLEST_PX, out=position[:, 2:])


def correct(state: State, rows: NDArray[np.intp], boxes: NDArray[np.float64]) -> None:
    """Correct tracks with the boxes that were detected, in place.

    Args:
        state: float64 [5, N, 4].
        rows: intp [M], the tracks with a detection, rising, each once.
        boxes: float64 [M, 4], their detected boxes: x1, y1, x2, y2 in pixels.
    """
    are_all = len(rows) == state.shape[1]
    detected = state if are_all else state[:, rows]
    position, _, pp, pv, vv = detected
    gains = detected[2:4] / (pp + (POSITION_NOISE * _size(detected)) ** 2)  # of position and of velocity
    detected[:2] += gains * (boxes @ _TO_CENTRED - position)
    vv -= gains[1] * pv
    detected[2:4] -= gains * pp
    np.maximum(position[:, 2:], SMALLEST_PX, out=position[:, 2:])
    if not are_all:
        state[:, rows] = detected


def move(state: State, affine: NDArray[np.float64]) -> None:
    """Compensate for the camera's motion, in place: BoT-SORT, section 3.2, for all tracks at once.

    A box stays upright, so its sides only change in scale. The covariance between x and y that a rotation
    causes is left out, because this filter does not store it.

    Args:
        state: float64 [5, N, 4].
        affine: float64 [2, 3], maps points of the last picture to this one, in pixels: rotation, scale,
            shift.
    """
    matrix, shift = affine[:, :2], affine[:, 2]
    scale = float(np.sqrt(abs(np.linalg.det(matrix))))
    state[:2, :, :2] = state[:2, :, :2] @ matrix.T
    state[0, :, :2] += shift
    state[2:, :, :2] = state[2:, :, :2] @ (matrix**2).T
    state[:2, :, 2:] *= scale
    state[2:, :, 2:] *= scale**2


def boxes_of(state: State) -> NDArray[np.float64]:
    """Return the boxes of the tracks: float64 [N, 4], x1, y1, x2, y2 in pixels."""
    boxes: NDArray[np.float64] = state[0] @ _TO_CORNERS
    return boxes


def _size(state: State) -> NDArray[np.float64]:
    """Return width, height, width, height of each box, [N, 4], which the noise is proportional to."""
    size: NDArray[np.float64] = np.maximum(state[0].take(_SIDES, axis=1), SMALLEST_PX)
    return size
