"""Plans a smooth camera path that keeps a subject in the crop and moves as little as possible.

Each coordinate is planned alone; the whole path of the subject is known. The camera's path minimises

    speed + acceleration + jerk                        (integrals of absolute values: L1)
    + distance of the subject from the middle          (L1, with a very small weight)
    + how far the subject is outside the dead zone
    + how far it is outside the zone that it must not leave   (with a large weight)

inside the picture, and within limits of speed and acceleration. This is a linear program, after Grundmann,
Kwatra and Essa, "Auto-directed video stabilization with robust L1 optimal camera paths" (CVPR 2011). A sum of
absolute values, unlike one of squares, is least when most terms are 0: so the camera stands still, moves at
constant speed or accelerates evenly, as a camera operator would.

Lengths are in units of the crop's size along the coordinate, times in seconds. The program is solved in
overlapping windows: memory does not depend on the length of the video, and time is proportional to it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from orchestrator.errors import ServiceError

TOP_SPEED = 2.25
"""In crop sizes a second."""
CROSSING_S = 1.5
"""The camera may be faster if it needs to be to glide across the picture in this time, from one who leaves at
one edge to one who enters at the other."""
TOP_ACCELERATION = 5.0
"""In crop sizes a second, a second: from rest to top speed in 0.45 s."""

KNOT_S = 0.15
"""Time between knots, in which the camera moves 0.06 crop sizes from rest at its top acceleration."""

_SPEED, _ACCELERATION, _JERK = 1.0, 0.3, 0.5
"""Cost of a unit of each for a second. Grundmann et al. take 10, 1 and 100, with frames for seconds."""
_OFF_CENTRE = 0.01
"""Costs less for a whole window than moving does: the camera centres the subject only if it moves anyway."""
_OUT_OF_DEAD_ZONE = 1.5
_OUT_OF_KEEP_ZONE = 150.0
_OVER_LIMIT = 1e4
"""Exceeding a limit is the last resort; it keeps every program solvable."""

_WINDOW, _STEP, _SHARED = 360, 300, 3
"""Knots of a window, those of it that are used, and those that the next window starts with (for position,
speed and acceleration). The camera sees the other knots of a window in advance: 9 s."""
_STILL = 1e-6
"""In crop sizes; the solver is exact to 1e-7."""


@dataclass(frozen=True, kw_only=True, eq=False)
class AxisPositions:
    """Where the crop's middle should be at K knots in time, along one coordinate, in crop sizes.

    Attributes:
        spans_s: float64 [K - 1], time between knots, over 0; K >= 1.
        seen: bool [K], whether anything should be shown near the knot, without which the other numbers are
            undefined; true for at least one knot.
        target: float64 [K], the best place.
        dead_low, dead_high: float64 [K], the places from which the camera does not move; `target` is between.
        keep_low, keep_high: float64 [K], the places that it should not leave; may be infinite, and include
            the dead zone.
    """

    spans_s: NDArray[np.float64]
    seen: NDArray[np.bool_]
    target: NDArray[np.float64]
    dead_low: NDArray[np.float64]
    dead_high: NDArray[np.float64]
    keep_low: NDArray[np.float64]
    keep_high: NDArray[np.float64]

    def __len__(self) -> int:
        """Number of knots."""
        return len(self.seen)

    def part(self, begin: int, end: int) -> AxisPositions:
        """Return knots `begin` to before `end`."""
        knots = slice(begin, end)
        return AxisPositions(
            spans_s=self.spans_s[begin : end - 1],
            seen=self.seen[knots],
            target=self.target[knots],
            dead_low=self.dead_low[knots],
            dead_high=self.dead_high[knots],
            keep_low=self.keep_low[knots],
            keep_high=self.keep_high[knots],
        )

    def padded(self) -> AxisPositions:
        """Return the positions with one more knot at each end, without a box."""
        return AxisPositions(
            spans_s=np.pad(self.spans_s, 1, constant_values=KNOT_S),
            seen=np.pad(self.seen, 1),
            target=np.pad(self.target, 1),
            dead_low=np.pad(self.dead_low, 1),
            dead_high=np.pad(self.dead_high, 1),
            keep_low=np.pad(self.keep_low, 1),
            keep_high=np.pad(self.keep_high, 1),
        )


def plan_camera_path(
    positions: AxisPositions, *, first: float, last: float, start: float | None, rests: tuple[bool, bool]
) -> NDArray[np.float64]:
    """Return the middle of the crop at each knot.

    Args:
        positions: where the crop's middle should be.
        first, last: limits of the crop's middle, in crop sizes.
        start: the crop's middle at the first knot; None for the best one.
        rests: whether the crop starts from rest, and whether it ends at rest.

    Returns:
        float64 [K], in crop sizes.

    Raises:
        ServiceError: the solver failed.
    """
    if last - first < _STILL:
        return np.full(len(positions), (first + last) / 2)
    rest = float(np.median(positions.target[positions.seen]) if start is None else start)
    rest = min(max(rest, first), last)
    least = np.minimum(positions.dead_low, last)[positions.seen]
    most = np.maximum(positions.dead_high, first)[positions.seen]
    if (least <= rest).all() and (rest <= most).all():
        return np.full(len(positions), rest)  # by moving, the program below could only save _OFF_CENTRE
    padded = positions.padded()
    path = np.empty(len(padded))
    known = np.array([] if start is None else [rest], np.float64)
    begin = 0
    while True:
        end = min(begin + _WINDOW, len(path))
        still = np.zeros(end - begin - 1, np.bool_)
        still[0], still[-1] = begin == 0 and rests[0], end == len(path) and rests[1]
        solved = _solve_window(padded.part(begin, end), still, known, first, last)
        path[begin:end] = np.clip(solved, first, last)
        if end == len(path):
            break
        known = path[begin + _STEP - _SHARED : begin + _STEP]
        begin += _STEP - _SHARED
    # Positions that are equal within the solver's accuracy become exactly equal.
    moves = np.abs(np.diff(path, prepend=np.inf)) > _STILL
    return path[np.maximum.accumulate(np.where(moves, np.arange(len(path)), 0))][1:-1]


def _solve_window(
    positions: AxisPositions,
    still: NDArray[np.bool_],
    known: NDArray[np.float64],
    first: float,
    last: float,
) -> NDArray[np.float64]:
    """Return the path in one window, float64 [K], K >= 3.

    Args:
        positions: where the crop's middle should be in the window.
        still: bool [K - 1], True between knots where the camera must not move.
        known: float64 [S], the first positions of the path.
        first, last: limits of the path.
    """
    k, spans, seen = len(positions), positions.spans_s, positions.seen
    rates, durations = [sparse.diags_array(1 / spans) @ _steps(k)], [spans]
    for _ in range(2):
        durations.append((durations[-1][1:] + durations[-1][:-1]) / 2)
        rates.append(sparse.diags_array(1 / durations[-1]) @ _steps(len(durations[-2])) @ rates[-1])
    free = np.where(still, 0.0, np.inf)
    top_speed = max(TOP_SPEED, (last - first) / CROSSING_S)

    program = _LinearProgram(k)
    speed = np.minimum(top_speed, free)
    program.add(rates[0], durations[0], 0.0, ((_SPEED, speed, speed), (_OVER_LIMIT, free, free)))
    limited = (_ACCELERATION, TOP_ACCELERATION, TOP_ACCELERATION)
    program.add(rates[1], durations[1], 0.0, (limited, (_OVER_LIMIT, np.inf, np.inf)))
    program.add(rates[2], durations[2], 0.0, ((_JERK, np.inf, np.inf),))
    target, dead_low, dead_high = (
        values[seen] for values in (positions.target, positions.dead_low, positions.dead_high)
    )
    zones = (
        (_OFF_CENTRE, dead_high - target, target - dead_low),
        (_OUT_OF_DEAD_ZONE, positions.keep_high[seen] - dead_high, dead_low - positions.keep_low[seen]),
        (_OUT_OF_KEEP_ZONE, np.inf, np.inf),
    )
    program.add(sparse.eye_array(k, format="csr")[seen], np.append(spans, KNOT_S)[seen], target, zones)
    return program.solve(known, first, last)


_Values = NDArray[np.float64] | float


class _LinearProgram:
    """Finds k positions that minimise piecewise linear costs of given linear functions of the positions.

    Each function has a row: its value is its middle, plus the parts up, minus the parts down. Each part costs
    more than the one before it, so the cheaper one is used up first.
    """

    def __init__(self, k: int) -> None:
        self._places = k
        self._rows: list[sparse.sparray] = []
        self._parts: list[sparse.sparray] = []
        self._middles: list[NDArray[np.float64]] = []
        self._costs: list[NDArray[np.float64]] = []
        self._most: list[NDArray[np.float64]] = []

    def add(
        self,
        amounts: sparse.sparray,
        durations_s: NDArray[np.float64],
        middles: _Values,
        parts: tuple[tuple[float, _Values, _Values], ...],
    ) -> None:
        """Add M linear functions with their costs.

        Args:
            amounts: [M, k], the functions' coefficients.
            durations_s: [M], how long each value lasts.
            middles: [M], values without cost.
            parts: cost of a unit for a second, rising; and how many units up and down have that cost, [M].
        """
        m = len(durations_s)
        self._rows.append(amounts)
        self._parts.append(sparse.hstack([sparse.eye_array(m) * sign for _ in parts for sign in (-1, 1)]))
        self._middles.append(np.broadcast_to(middles, m))
        for cost, up, down in parts:
            self._costs += [cost * durations_s] * 2
            self._most += [np.broadcast_to(up, m), np.broadcast_to(down, m)]

    def solve(self, known: NDArray[np.float64], first: float, last: float) -> NDArray[np.float64]:
        """Return the positions, float64 [k], between `first` and `last`; the first ones are `known`.

        Raises:
            ServiceError: the solver failed.
        """
        costs = np.concatenate((np.zeros(self._places), *self._costs))
        least = np.zeros(len(costs))
        least[: self._places] = first
        most = np.concatenate((np.full(self._places, last), *self._most))
        least[: len(known)] = most[: len(known)] = known
        found = linprog(
            costs,
            A_eq=sparse.hstack((sparse.vstack(self._rows), sparse.block_diag(self._parts)), format="csc"),
            b_eq=np.concatenate(self._middles),
            bounds=np.column_stack((least, most)),
            method="highs-ds",
        )
        if found.status != 0:
            raise ServiceError(f"no path was found for the crop that follows: {found.message}; report this")
        return np.asarray(found.x[: self._places], np.float64)


def _steps(k: int) -> sparse.sparray:
    """Return the matrix [k - 1, k] that computes the differences between successive values."""
    return sparse.diags_array([-np.ones(k - 1), np.ones(k - 1)], offsets=[0, 1], shape=(k - 1, k))
