"""Decides which segments of a film to start a second time, because their workers are much slower than others.

Such copies are the backup tasks of MapReduce (Dean and Ghemawat, OSDI 2004, 3.6). When no segment waits for a
worker, a segment that has run for more than SLOW_TIMES the upper quartile of the finished ones is started
again, and whichever copy finishes first makes the piece. The work of all copies together is at most BUDGET of
the film's work.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

SLOW_TIMES = 1.5
"""A segment is slow if it runs longer than this many times the upper quartile of finished ones. Simulated
films (tools/film_simulation.py) end sooner than with 2, and BUDGET bounds what is repeated."""

QUANTILE = 0.75
"""The quantile of finished segments with which a running one is compared: the upper quartile."""

BUDGET = 0.05
"""The share of the film's work that may be done a second time."""

FEWEST_FINISHED = 4
"""With fewer finished segments than this, too little is known of their usual time."""


@dataclass(frozen=True, kw_only=True)
class Running:
    """A segment that a worker computes.

    Attributes:
        number: its number.
        work: how much work it is, in any unit that is the same for all segments, such as frames.
        elapsed_s: how long its worker has computed it, in seconds, without the time in a queue.
    """

    number: int
    work: float
    elapsed_s: float


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A segment whose piece was made.

    Attributes:
        work: how much work it was, in the unit of `Running.work`.
        seconds: how long its worker needed.
    """

    work: float
    seconds: float


def segments_to_repeat(
    running: Sequence[Running],
    finished: Sequence[Finished],
    *,
    waiting: int,
    total_work: float,
    repeated_work: float,
) -> tuple[int, ...]:
    """Return the numbers of the segments to start again, the slowest first.

    Args:
        running: segments that run and were not started again.
        finished: segments that are finished.
        waiting: how many segments wait for a worker; none is started again while one does.
        total_work: the work of the whole film, in the unit of `Running.work`.
        repeated_work: the work of the segments that were started again so far.
    """
    if waiting:
        return ()
    times = [item.seconds / item.work for item in finished if item.work > 0]
    if len(times) < FEWEST_FINISHED:
        return ()
    usual_s = float(np.quantile(times, QUANTILE))
    left = BUDGET * total_work - repeated_work
    numbers = []
    for item in sorted(running, key=lambda item: (item.work * usual_s - item.elapsed_s, item.number)):
        if item.elapsed_s > SLOW_TIMES * usual_s * item.work and item.work <= left:
            left -= item.work
            numbers.append(item.number)
    return tuple(numbers)
