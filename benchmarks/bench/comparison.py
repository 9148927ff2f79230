"""Runs contenders in turns, so that other load on the machine affects them alike, and compares medians.

A ratio is taken within each round, from runs next to each other; the median of the rounds counts.
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
    """The time of one run.

    Attributes:
        frames: how many frames it processed.
        wall_s: wall time in seconds.
        cpu_s: user and system time of all its processes, in seconds.
    """

    frames: int
    wall_s: float
    cpu_s: float

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.frames / self.wall_s

    @property
    def cpu_per_frame_s(self) -> float:
        """CPU seconds per frame, summed over all cores."""
        return self.cpu_s / self.frames


def take_turns(contenders: Mapping[str, Callable[[], Run]], rounds: int) -> dict[str, list[Run]]:
    """Run every contender once per round; every second round goes in reverse order."""
    runs: dict[str, list[Run]] = {name: [] for name in contenders}
    for number in range(rounds):
        for name in list(contenders)[:: -1 if number % 2 else 1]:
            run = contenders[name]()
            runs[name].append(run)
            speed = f"{name}: {run.fps:.3g} frames a second, {run.cpu_per_frame_s:.3g} s of CPU a frame"
            print(f"  round {number + 1} of {rounds}, {speed}", file=sys.stderr, flush=True)
    return runs


def ratio(ours: list[Run], theirs: list[Run]) -> float:
    """Return our frames per second divided by theirs."""
    return median(mine.fps / other.fps for mine, other in zip(ours, theirs, strict=True))


def cpu_ratio(ours: list[Run], theirs: list[Run]) -> float:
    """Return our frames per CPU second divided by theirs, which varies little on a busy machine."""
    return median(
        other.cpu_per_frame_s / mine.cpu_per_frame_s for mine, other in zip(ours, theirs, strict=True)
    )


def comparison_rows(runs: Mapping[str, list[Run]], targets: Mapping[str, float]) -> list[list[str]]:
    """Return a table row for each contender: name, ratio, target, CPU ratio, medians (see COLUMNS).

    Args:
        runs: the runs of each contender by name; the first contender is ours.
        targets: the lowest acceptable ratio, by contender.
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
"""The columns of `comparison_rows`."""
