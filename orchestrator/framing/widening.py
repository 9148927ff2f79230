"""Widens a crop to as much of the picture as its shape allows, where nobody is in view, and narrows it again.

The path of the crop is planned with a constant size. A widened crop is a weighted mean of that crop and of
the widest one, which is in the middle of the picture. So it stays in the picture, and is as smooth as the
path and the weight. The weight is such that the logarithm of the size follows smoothstep, 3 s^2 - 2 s^3.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from orchestrator.framing.steady_camera import KNOT_S

WIDEN_AFTER_S = 1.0
"""The crop keeps its size for this time after the subject was last seen: it may come back."""
_DOUBLING_S = 1.0
"""Time in which the crop becomes twice as wide; a smaller change takes as long."""
_WIDE_S = 1.0
"""The crop does not become wider where it could stay so for less than this time."""
_LEAST = 1.01
"""A crop that could only become wider by less keeps its size."""


@dataclass(frozen=True, kw_only=True)
class WideTime:
    """A time in which the crop is wide.

    Attributes:
        begin_s, end_s: when it begins to become wider, and when it has its size again. Infinite at the start
            and at the end of the video.
        opens, closes: whether it becomes wider, and narrower again, within that time; it does not at a cut.
    """

    begin_s: float
    end_s: float
    opens: bool
    closes: bool

    @property
    def jumps_s(self) -> list[float]:
        """The cuts at which the size changes at once."""
        edges = ((self.begin_s, self.opens), (self.end_s, self.closes))
        return [edge_s for edge_s, changes in edges if not changes and np.isfinite(edge_s)]


def widest_factor(sides: tuple[float, float], *, width: int, height: int) -> float:
    """Return how many times as wide as `sides` the widest crop is, 1 if a crop cannot become wider."""
    factor = min(width / sides[0], height / sides[1])
    return factor if factor >= _LEAST else 1.0


def is_long_enough(time: WideTime, factor: float) -> bool:
    """Return whether the crop can become wider, stay so for a while, and become narrower again."""
    changes = int(time.opens) + int(time.closes)
    return factor > 1 and time.end_s - time.begin_s >= changes * (_ease_s(factor) + _WIDE_S / 2)


def with_whole_shots(
    times: Sequence[WideTime], shots: Sequence[int], *, cuts: NDArray[np.int64], times_s: NDArray[np.float64]
) -> tuple[WideTime, ...]:
    """Return wide times that contain some shots as a whole, in order of time.

    Args:
        times: other wide times; they do not go over cuts.
        shots: numbers of the shots, from 0, rising.
        cuts: int64 [C], the first frame of each shot but the first, rising.
        times_s: float64 [F], presentation time of each frame of the video, in seconds, rising.
    """
    edges_s = np.concatenate(([-np.inf], times_s[cuts], [np.inf]))
    found = [
        WideTime(begin_s=float(edges_s[shot]), end_s=float(edges_s[shot + 1]), opens=False, closes=False)
        for shot in shots
    ]
    shots_of = np.searchsorted(edges_s, [time.begin_s for time in times], side="right") - 1
    found += [time for time, shot in zip(times, shots_of.tolist(), strict=True) if shot not in set(shots)]
    return tuple(sorted(found, key=lambda time: time.begin_s))


def widening_knots(times: Sequence[WideTime], factor: float) -> NDArray[np.float64]:
    """Return the times in seconds at which the size of a crop must be known, float64 [K], rising."""
    length_s = _ease_s(factor)
    steps = np.linspace(0, length_s, int(np.ceil(length_s / KNOT_S)) + 1)
    opened = [time.begin_s + steps for time in times if time.opens]
    closed = [time.end_s - steps for time in times if time.closes]
    return np.unique(np.concatenate([np.empty(0), *opened, *closed]))


def widened(
    crops: NDArray[np.float64],
    times_s: NDArray[np.float64],
    times: Sequence[WideTime],
    *,
    width: int,
    height: int,
) -> NDArray[np.float64]:
    """Return crops that are wide at some times.

    Args:
        crops: float64 [N, 4], x, y, w, h of crops of one size in the picture.
        times_s: float64 [N], rising.
        times: when the crop is wide; they do not overlap.
        width, height: size of the picture.

    Returns:
        float64 [N, 4], of the same aspect ratio.
    """
    sides, room = crops[0, 2:], np.array([width, height], np.float64)
    factor = widest_factor((float(sides[0]), float(sides[1])), width=width, height=height)
    if factor == 1 or not times:
        return crops
    length_s = _ease_s(factor)
    eased = np.zeros(len(times_s))
    for time in times:
        rows = slice(*np.searchsorted(times_s, (time.begin_s, time.end_s)).tolist())
        seconds = times_s[rows]
        opening = (seconds - time.begin_s) / length_s if time.opens else np.ones(len(seconds))
        closing = (time.end_s - seconds) / length_s if time.closes else np.ones(len(seconds))
        share = np.clip(np.minimum(opening, closing), 0, 1)
        eased[rows] = share * share * (3 - 2 * share)
    weight = ((factor**eased - 1) / (factor - 1))[:, None]
    widest = np.concatenate(((room - sides * factor) / 2, sides * factor))
    return np.asarray(crops + weight * (widest - crops), np.float64)


def _ease_s(factor: float) -> float:
    return _DOUBLING_S * max(1.0, float(np.log2(factor)))
