"""Contenders that take turns, so that what else the machine does hits them alike; medians of what they took.

Ratios are made round by round, of runs that stood next to each other, and then the median is taken.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one run took.

    Attributes:
        frames: that went through.
        wall_s: from the first to the last.
        cpu_s: of all cores and processes that worked on it, user and system.
    """

    frames: int
    wall_s: float
    cpu_s: float

    @property
    def fps(self) -> float:
        """Frames a second."""
        return self.frames / self.wall_s

    @property
    def cpu_per_frame_s(self) -> float:
        """CPU time that a frame takes, on all cores together."""
        return self.cpu_s / self.frames


def interleaved(contenders: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Let all run once, then all again, so many times; every second round goes backwards."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in list(contenders)[:: -1 if number % 2 else 1]:
            run = contenders[name]()
            runs[name].append(run)
            told = f"{name}: {run.fps:.3g} frames a second, {run.cpu_per_frame_s:.3g} s of CPU a frame"
            print(f"  round {number + 1} of {rounds}, {told}", file=sys.stderr, flush=True)
    return runs


def ratio(ours: list[Run], theirs: list[Run]) -> float:
    """How many times as many frames a second are ours as theirs."""
    return median(mine.fps / other.fps for mine, other in zip(ours, theirs, strict=True))


def cpu_ratio(ours: list[Run], theirs: list[Run]) -> float:
    """How many times as much CPU time a frame takes theirs as ours: a busy machine moves it little."""
    return median(
        other.cpu_per_frame_s / mine.cpu_per_frame_s for mine, other in zip(ours, theirs, strict=True)
    )


def rows(runs: Mapping[str, list[Run]], targets: Mapping[str, float]) -> list[list[str]]:
    """Return a row for each contender, ours first: the ratios, the target, then the medians.

    Args:
        runs: of each contender, by name; the first are ours.
        targets: what ours over theirs is to be at least.
    """
    ours = next(iter(runs.values()))
    table = []
    for name, theirs in runs.items():
        fps = median(run.fps for run in theirs)
        table.append(
            [
                name,
                "" if theirs is ours else f"{ratio(ours, theirs):.2f}",
                f"{targets[name]:.2f}" if name in targets else "",
                "" if theirs is ours else f"{cpu_ratio(ours, theirs):.2f}",
                f"{fps:.3g}",
                f"{median(run.cpu_per_frame_s for run in theirs):.3g}",
            ]
        )
    return table


COLUMNS = (
    "",
    "ours over it, frames a second",
    "target",
    "ours over it, frames a CPU second",
    "frames a second",
    "CPU s a frame",
)
"""Of `rows`."""
