"""Simulates the making of a film on many workers of equal speed, with stragglers and deaths.

Segments wait in one queue, in the order of the film. A worker that is free takes the next one. A run is slow
now and then, and a worker dies now and then: that is noticed after a while, then its segment waits again, at
the front, and a new worker starts. When nothing waits, `segments_to_repeat` starts slow segments again, on
workers that are free; whichever run of a segment ends first makes the piece.
"""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from itertools import count, cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.film.boundaries import divide
from orchestrator.film.stragglers import Finished, Running, segments_to_repeat

LOOK_S = 1.0
"""How often a driver looks for slow segments, in seconds: `framewright film` does it every half second."""

KEYFRAMES_APART = 250
"""Most frames from one keyframe of the source to the next: x264's default (keyint)."""

SHOT_S = 5.0
"""Our assumption: the average length of a shot, in seconds."""

API_SEGMENT_S, API_MOST_SEGMENTS = 30.0, 240
API_LONGEST_SEGMENT_S = 3600.0
"""SEGMENT_SECONDS of deploy/cloudflare/wrangler.jsonc; MOST_SEGMENTS and LONGEST_SEGMENT_S of its
api/film/film_price.ts."""


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """What goes wrong. These rates are assumptions: nobody has measured a fleet.

    Attributes:
        slow_share: the share of runs that are slow.
        slow_times: how many times as long they take, at least and at most.
        deaths_per_hour: how often a worker dies, in an hour of work.
        noticed_s: after how long a driver knows that a worker died.
        start_s: how long a new worker takes to start.
    """

    slow_share: float = 0.01
    slow_times: tuple[float, float] = (2.0, 5.0)
    deaths_per_hour: float = 0.5
    noticed_s: float = 60.0
    start_s: float = 60.0


NO_TROUBLE = Trouble(slow_share=0.0, deaths_per_hour=0.0)


@dataclass(frozen=True, kw_only=True)
class Simulated:
    """How a simulated film went.

    Attributes:
        seconds: from the first start of a segment to the end of the last.
        worker_s: seconds of work of all workers, what was in vain included.
        efficiency: the work of the segments over `seconds` on all workers.
        repeated: the share of the work that the rule about stragglers started again.
        deaths: how many workers died.
    """

    seconds: float
    worker_s: float
    efficiency: float
    repeated: float
    deaths: int


def simulate(
    work_s: list[float], *, workers: int, overhead_s: float, trouble: Trouble, seed: int
) -> Simulated:
    """Simulate a film.

    Args:
        work_s: the seconds that each segment needs on an ordinary worker.
        workers: how many workers there are.
        overhead_s: how many seconds each run takes beside that.
        trouble: what goes wrong.
        seed: of the random numbers.
    """
    return _Fleet(work_s, workers=workers, overhead_s=overhead_s, trouble=trouble, seed=seed).run()


class _Fleet:
    """The workers of one film, and the driver that gives them segments."""

    def __init__(
        self, work_s: list[float], *, workers: int, overhead_s: float, trouble: Trouble, seed: int
    ) -> None:
        self._work_s, self._overhead_s, self._trouble = work_s, overhead_s, trouble
        self._workers = self._free = workers
        self._rng = np.random.default_rng(seed)
        self._now_s = self._last_s = self._worker_s = 0.0
        self._events: list[tuple[float, int, str, int]] = []
        self._numbers = count()
        self._waiting = deque(range(len(work_s)))
        self._runs: dict[int, tuple[int, float]] = {}  # the segment and the start of each run
        self._dead: set[int] = set()  # the runs whose worker has died, which nobody has noticed
        self._done: set[int] = set()
        self._repeated: set[int] = set()
        self._finished: list[Finished] = []
        self._deaths = 0

    def run(self) -> Simulated:
        """Make the film, and say how it went."""
        steps = {
            "ends": self._end,
            "dies": self._die,
            "noticed": self._notice,
            "joins": self._join,
            "look": self._look,
        }
        self._plan(LOOK_S, "look", 0)
        self._fill()
        while len(self._done) < len(self._work_s):
            self._now_s, _, what, which = heapq.heappop(self._events)
            steps[what](which)
            self._fill()
        unfinished_s = sum(
            self._now_s - begun_s for run, (_, begun_s) in self._runs.items() if run not in self._dead
        )
        total = sum(self._work_s)
        return Simulated(
            seconds=self._last_s,
            worker_s=self._worker_s + unfinished_s,
            efficiency=total / (self._workers * self._last_s),
            repeated=self._repeated_work() / total,
            deaths=self._deaths,
        )

    def _plan(self, after_s: float, what: str, which: int) -> None:
        heapq.heappush(self._events, (self._now_s + after_s, next(self._numbers), what, which))

    def _fill(self) -> None:
        while self._free and self._waiting:
            number = self._waiting.popleft()
            if number not in self._done:
                self._start(number)

    def _start(self, number: int) -> None:
        self._free -= 1
        run, trouble = next(self._numbers), self._trouble
        self._runs[run] = (number, self._now_s)
        run_s = self._work_s[number] + self._overhead_s
        if self._rng.random() < trouble.slow_share:
            run_s *= self._rng.uniform(*trouble.slow_times)
        rate = trouble.deaths_per_hour / 3600
        life_s = self._rng.exponential(1 / rate) if rate else np.inf
        self._plan(min(run_s, life_s), "dies" if life_s < run_s else "ends", run)

    def _end(self, run: int) -> None:
        number, begun_s = self._runs.pop(run)
        self._worker_s += self._now_s - begun_s
        self._free += 1
        if number not in self._done:
            self._done.add(number)
            self._last_s = self._now_s
            self._finished.append(Finished(work=self._work_s[number], seconds=self._now_s - begun_s))

    def _die(self, run: int) -> None:
        _, begun_s = self._runs[run]  # stays there: the driver believes that it still runs
        self._dead.add(run)
        self._worker_s += self._now_s - begun_s
        self._deaths += 1
        self._plan(self._trouble.noticed_s, "noticed", run)
        self._plan(self._trouble.noticed_s + self._trouble.start_s, "joins", 0)

    def _notice(self, run: int) -> None:
        number, _ = self._runs.pop(run)
        self._dead.discard(run)
        if number not in self._done and all(number != other for other, _ in self._runs.values()):
            self._waiting.appendleft(number)

    def _join(self, _: int) -> None:
        self._free += 1

    def _look(self, _: int) -> None:
        self._plan(LOOK_S, "look", 0)
        if self._waiting:
            return
        running = [
            Running(number=number, work=self._work_s[number], elapsed_s=self._now_s - begun_s)
            for number, begun_s in self._runs.values()
            if number not in self._done | self._repeated
        ]
        slow = segments_to_repeat(
            running,
            self._finished,
            waiting=0,
            total_work=sum(self._work_s),
            repeated_work=self._repeated_work(),
        )
        for number in slow[: self._free]:
            self._repeated.add(number)
            self._start(number)

    def _repeated_work(self) -> float:
        return sum(self._work_s[number] for number in self._repeated)


def film_of(
    measured: list[dict[str, Any]], *, frames: int, rate: float, work_s: float, segment_s: float, seed: int
) -> list[float]:
    """Return the work of the segments of a film, in seconds; its segments are those that a plan would have.

    The film has keyframes as x264 places them by default: where a shot begins, and KEYFRAMES_APART frames
    after the last one. The work of a frame varies from segment to segment as it did in measured segments.

    Args:
        measured: `frames` and `cpu_s` of segments.
        frames: the frames of the film.
        rate: its frames per second.
        work_s: the work of the whole film, in seconds.
        segment_s: the intended work of a segment: `work_sec` of the plan.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    division = divide(
        times_s=np.arange(frames + 1) / rate,
        sizes=rng.integers(5_000, 20_000, frames),
        keys=_keyframes(rng, frames=frames, shot=SHOT_S * rate),
        length=max(segment_s * frames / work_s, 1.0),
        tapered=True,
    )
    each_s = np.array([row["cpu_s"] / row["frames"] for row in measured])
    varied = rng.choice(each_s / each_s.mean(), len(division.begins)) * np.diff([*division.begins, frames])
    return [float(share) for share in varied / varied.sum() * work_s]


def _keyframes(rng: np.random.Generator, *, frames: int, shot: float) -> NDArray[np.int64]:
    """Return the keyframes of a film whose shots have `shot` frames on average, exponentially distributed."""
    keys, cut = [0], 0
    while True:
        cut += max(1, round(rng.exponential(shot)))
        keys += range(keys[-1] + KEYFRAMES_APART, min(cut, frames), KEYFRAMES_APART)
        if cut >= frames:
            return np.array(keys, np.int64)
        keys.append(cut)


def api_segment_s(frames_s: float) -> float:
    """Return the work that the API intends a segment to have, in seconds, as its film_price.ts chooses it.

    Args:
        frames_s: how long one worker needs for all frames, in seconds.
    """
    seconds, growth = API_SEGMENT_S, cycle((4 / 3, 3 / 2))
    while frames_s / seconds > API_MOST_SEGMENTS and seconds * 3 / 2 <= API_LONGEST_SEGMENT_S:
        seconds = float(round(seconds * next(growth)))
    return seconds
