"""The way of a camera that keeps a subject in view and moves as little as it can.

One coordinate at a time; the whole way of the subject is known. The camera's way is the one with the least of

    speed + acceleration + jerk                       (each the integral of its amount: L1)
    + distance of the subject from the middle          (L1; hardly anything)
    + how far it is outside the dead zone
    + how far it is outside the zone that it must not leave   (dear)

within the room that the camera has, and within limits of speed and acceleration. A linear program, after
Grundmann, Kwatra and Essa, "Auto-directed video stabilization with robust L1 optimal camera paths" (CVPR
2011): a sum of amounts, not of their squares, is least when most of them are 0, so the camera stands quite
still, or moves evenly, or changes its speed evenly, as one does who holds it.

Everything is in units of the crop's size along the coordinate, and in seconds. The program is solved in
windows that overlap: its memory does not depend on the length of the video, its time is in proportion to it.

It does not know boxes, pictures or keyframes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from orchestrator.errors import ServiceError

DEAD_ZONE = 0.08
"""The camera does not follow while the subject's centre is this near to its middle."""
MIDDLE = 0.22
"""It should never be further away: a little inside the middle half, which ends at 0.25."""
TOP_SPEED = 1.5
"""In crop sizes a second; a runner near the camera has as much."""
TOP_ACCELERATION = 3.0
"""In crop sizes a second, a second: from rest to top speed in half a second."""

KNOT_S = 0.15
"""Time between knots; the camera goes 0.03 crop sizes in it, from rest at its top acceleration."""

_SPEED, _ACCELERATION, _JERK = 1.0, 0.3, 0.1
"""What a unit of each costs for a second. Grundmann et al. take 10, 1 and 100, with frames for seconds."""
_OFF_CENTRE = 0.01
"""For all of a window it costs less than to move: the camera is centred where it moves anyhow, or stands."""
_OUT_OF_DEAD_ZONE = 1.0
_OUT_OF_MIDDLE = 30.0
_OVER_LIMIT = 1e4
"""Limits are passed only where there is no other way, which keeps every program solvable."""

_WINDOW, _STEP, _SHARED = 360, 300, 3
"""Knots of a window, those of it that count, and those that the next window takes over: place, speed and
acceleration. The rest of a window is what the camera sees coming: 9 s."""
_STILL = 1e-6
"""Crop sizes; the solver is exact to 1e-7."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sightings:
    """Where the subject's centre is, at K knots in time; in crop sizes.

    Attributes:
        spans_s: float64 [K - 1], time between knots, over 0; K >= 1.
        seen: bool [K], whether the subject is seen near the knot, else the next three say nothing; at one
            knot at least it is.
        low, high: float64 [K], its least and its greatest coordinate near the knot.
        mean: float64 [K], its mean one.
    """

    spans_s: NDArray[np.float64]
    seen: NDArray[np.bool_]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    mean: NDArray[np.float64]

    def __len__(self) -> int:
        """How many knots there are."""
        return len(self.seen)

    def part(self, begin: int, end: int) -> Sightings:
        """Return knots `begin` to before `end`."""
        knots = slice(begin, end)
        return Sightings(
            spans_s=self.spans_s[begin : end - 1],
            seen=self.seen[knots],
            low=self.low[knots],
            high=self.high[knots],
            mean=self.mean[knots],
        )

    def padded(self) -> Sightings:
        """Return them with one more knot at either end, where nothing is seen."""
        return Sightings(
            spans_s=np.pad(self.spans_s, 1, constant_values=KNOT_S),
            seen=np.pad(self.seen, 1),
            low=np.pad(self.low, 1),
            high=np.pad(self.high, 1),
            mean=np.pad(self.mean, 1),
        )


def camera_way(
    sightings: Sightings, *, first: float, last: float, start: float | None, rests: tuple[bool, bool]
) -> NDArray[np.float64]:
    """Return where the middle of the crop is at the knots.

    Args:
        sightings: of the subject.
        first, last: between which the middle of the crop must stay, in crop sizes.
        start: where it is at the first knot; None for wherever is best.
        rests: whether it sets off from rest, and whether it comes to rest.

    Returns:
        float64 [K], in crop sizes.

    Raises:
        ServiceError: the solver failed.
    """
    if last - first < _STILL:
        return np.full(len(sightings), (first + last) / 2)
    rest = float(np.median(sightings.mean[sightings.seen]) if start is None else start)
    rest = min(max(rest, first), last)
    least = np.minimum(sightings.high - DEAD_ZONE, last)[sightings.seen]
    most = np.maximum(sightings.low + DEAD_ZONE, first)[sightings.seen]
    if (least <= rest).all() and (rest <= most).all():
        return np.full(len(sightings), rest)  # all that the program below could save by moving is _OFF_CENTRE
    padded = sightings.padded()
    way = np.empty(len(padded))
    known = np.array([] if start is None else [rest], np.float64)
    begin = 0
    while True:
        end = min(begin + _WINDOW, len(way))
        still = np.zeros(end - begin - 1, np.bool_)
        still[0], still[-1] = begin == 0 and rests[0], end == len(way) and rests[1]
        solved = _solved(padded.part(begin, end), still, known, first, last)
        way[begin:end] = np.clip(solved, first, last)
        if end == len(way):
            break
        known = way[begin + _STEP - _SHARED : begin + _STEP]
        begin += _STEP - _SHARED
    # What the solver holds for still is made exactly so.
    moves = np.abs(np.diff(way, prepend=np.inf)) > _STILL
    return way[np.maximum.accumulate(np.where(moves, np.arange(len(way)), 0))][1:-1]


def _solved(
    sightings: Sightings,
    still: NDArray[np.bool_],
    known: NDArray[np.float64],
    first: float,
    last: float,
) -> NDArray[np.float64]:
    """Return the way in one window, float64 [K], K >= 3.

    Args:
        sightings: in the window.
        still: bool [K - 1], between which knots the camera does not move.
        known: float64 [S], the way's first places.
        first, last: between which it stays.
    """
    k, spans, seen = len(sightings), sightings.spans_s, sightings.seen
    rates, durations = [sparse.diags_array(1 / spans) @ _steps(k)], [spans]
    for _ in range(2):
        durations.append((durations[-1][1:] + durations[-1][:-1]) / 2)
        rates.append(sparse.diags_array(1 / durations[-1]) @ _steps(len(durations[-2])) @ rates[-1])
    free = np.where(still, 0.0, np.inf)

    program = _Program(k)
    speed = np.minimum(TOP_SPEED, free)
    program.add(rates[0], durations[0], 0.0, ((_SPEED, speed, speed), (_OVER_LIMIT, free, free)))
    limited = (_ACCELERATION, TOP_ACCELERATION, TOP_ACCELERATION)
    program.add(rates[1], durations[1], 0.0, (limited, (_OVER_LIMIT, np.inf, np.inf)))
    program.add(rates[2], durations[2], 0.0, ((_JERK, np.inf, np.inf),))
    mean = sightings.mean[seen]
    # The dead zone is where all that was seen near the knot is in it.
    up = np.maximum(sightings.low[seen] + DEAD_ZONE - mean, 0)
    down = np.maximum(mean + DEAD_ZONE - sightings.high[seen], 0)
    zones = (
        (_OFF_CENTRE, up, down),
        (_OUT_OF_DEAD_ZONE, MIDDLE - DEAD_ZONE, MIDDLE - DEAD_ZONE),
        (_OUT_OF_MIDDLE, np.inf, np.inf),
    )
    program.add(sparse.eye_array(k, format="csr")[seen], np.append(spans, KNOT_S)[seen], mean, zones)
    return program.solved(known, first, last)


_Values = NDArray[np.float64] | float


class _Program:
    """A linear program in k places, and in amounts that cost more the further they are from their middles.

    Each amount has a row: it is its middle, plus parts up, less parts down. As a part costs more than the one
    before it, the one before is used up first.
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
        """Add M amounts.

        Args:
            amounts: [M, k], what makes them of the places.
            durations_s: [M], how long each lasts.
            middles: [M], where they cost nothing.
            parts: what a unit costs for a second, rising; and how many units up and down have that cost, [M].
        """
        m = len(durations_s)
        self._rows.append(amounts)
        self._parts.append(sparse.hstack([sparse.eye_array(m) * sign for _ in parts for sign in (-1, 1)]))
        self._middles.append(np.broadcast_to(middles, m))
        for cost, up, down in parts:
            self._costs += [cost * durations_s] * 2
            self._most += [np.broadcast_to(up, m), np.broadcast_to(down, m)]

    def solved(self, known: NDArray[np.float64], first: float, last: float) -> NDArray[np.float64]:
        """Return the places, float64 [k], between `first` and `last`; those that are known are kept.

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
            raise ServiceError(f"no way was found for the crop that follows: {found.message}; report this")
        return np.asarray(found.x[: self._places], np.float64)


def _steps(k: int) -> sparse.sparray:
    """Return what makes k values the k - 1 steps from each to the next."""
    return sparse.diags_array([-np.ones(k - 1), np.ones(k - 1)], offsets=[0, 1], shape=(k - 1, k))
