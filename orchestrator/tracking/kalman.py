"""A constant-velocity Kalman filter over the boxes of all tracks at once.

State of a box: centre x, centre y, width, height, and the velocity of each (BoT-SORT, Aharon et al. 2022,
arXiv 2206.14651, section 3.1: ByteTrack's filter with width in place of the aspect ratio). The noise of a
coordinate depends on no other coordinate, so the filter of 8 values splits into 4 filters of 2 values, each
with the three numbers of a symmetric 2x2 covariance. All of it is elementwise arithmetic on arrays; nothing
is inverted.

Time is counted in steps of 1/30 s, the frame the noise constants were made for. The noise of a position grows
with the number of steps. That of a velocity is the same for every prediction: grown with time as well, it
made tracks at 10 frames a second follow the detector's jitter, and those at 60 late to turn.

It does not know what a track is, nor which box belongs to which.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    State = NDArray[np.float64]
    """float64 [5, N, 4]: position, velocity (pixels a step), and the variance of the position, its covariance
    with the velocity, and the variance of the velocity; last axis: centre x, centre y, width, height, in
    pixels."""

STEPS_PER_SECOND = 30
POSITION_NOISE = 1 / 20
"""Standard deviation of a position as a share of the box's size, both of measuring and of one step (BoT-SORT,
3.1)."""
VELOCITY_NOISE = 1 / 160
"""The same of a velocity, for one prediction (BoT-SORT, 3.1)."""
BIRTH_POSITION, BIRTH_VELOCITY = 2, 10
"""How many times those a new track's position and velocity are unsure (ByteTrack's own code)."""
SMALLEST_PX = 1.0
"""No side of a predicted box is shorter."""


def initial(boxes: NDArray[np.float64]) -> State:
    """Begin tracks at rest.

    Args:
        boxes: float64 [N, 4], x1, y1, x2, y2 in pixels.

    Returns:
        float64 [5, N, 4].
    """
    state = np.zeros((5, len(boxes), 4))
    state[0] = _centred(boxes)
    size = _size(state)
    state[2] = (BIRTH_POSITION * POSITION_NOISE * size) ** 2
    state[4] = (BIRTH_VELOCITY * VELOCITY_NOISE * size) ** 2
    return state


def predict(state: State, steps: float, *, unseen: NDArray[np.bool_]) -> None:
    """Move all tracks ahead in time, in place.

    Args:
        state: float64 [5, N, 4].
        steps: how far, in 1/30 s; at least 0.
        unseen: bool [N]: tracks that were not seen last time; they keep their size from now on.
    """
    position, velocity, pp, pv, vv = state
    velocity[unseen, 2:] = 0
    noise = _size(state) ** 2
    position += steps * velocity
    np.maximum(position[:, 2:], SMALLEST_PX, out=position[:, 2:])
    pp += steps * (2 * pv + steps * vv + POSITION_NOISE**2 * noise)
    pv += steps * vv
    vv += VELOCITY_NOISE**2 * noise


def correct(state: State, rows: NDArray[np.intp], boxes: NDArray[np.float64]) -> None:
    """Take in what was measured, in place.

    Args:
        state: float64 [5, N, 4].
        rows: intp [M], the tracks that were seen, each once.
        boxes: float64 [M, 4], where: x1, y1, x2, y2 in pixels.
    """
    seen = state[:, rows]
    position, velocity, pp, pv, vv = seen
    total = pp + (POSITION_NOISE * _size(seen)) ** 2
    gain_position, gain_velocity = pp / total, pv / total
    surprise = _centred(boxes) - position
    position += gain_position * surprise
    velocity += gain_velocity * surprise
    vv -= gain_velocity * pv
    pv -= gain_velocity * pp
    pp -= gain_position * pp
    np.maximum(position[:, 2:], SMALLEST_PX, out=position[:, 2:])
    state[:, rows] = seen


def move(state: State, affine: NDArray[np.float64]) -> None:
    """Follow the camera, in place: BoT-SORT, section 3.2, for all tracks at once.

    A box stays upright, so its sides only take the change of scale; of the turned covariance the part between
    x and y is left out, which this filter has no place for.

    Args:
        state: float64 [5, N, 4].
        affine: float64 [2, 3], takes a point of the last picture to this one, in pixels: rotation, scale,
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
    """Return where the tracks are: float64 [N, 4], x1, y1, x2, y2 in pixels."""
    centre, half = state[0, :, :2], state[0, :, 2:] / 2
    return np.concatenate((centre - half, centre + half), axis=1)


def _centred(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return [N, 4] centre x, centre y, width, height of [N, 4] corners."""
    first, last = boxes[:, :2], boxes[:, 2:]
    return np.concatenate(((first + last) / 2, last - first), axis=1)


def _size(state: State) -> NDArray[np.float64]:
    """Return [N, 4]: width, height, width, height; each coordinate's noise is a share of it."""
    size: NDArray[np.float64] = np.maximum(state[0][:, (2, 3, 2, 3)], SMALLEST_PX)
    return size
