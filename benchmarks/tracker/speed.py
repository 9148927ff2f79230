"""Measures the time of our tracker for a frame, beside its peers.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.tracker.speed
    OPENBLAS_NUM_THREADS=1 python -m benchmarks.tracker.speed --rounds 3

All trackers get the same detections (`drift` of benchmarks/tracker/scenes.py), already in the type that each
takes, in one process. They take turns video by video; the median over all frames of all rounds counts. Each
has its default settings. One thread, because on a busy machine threads that wait for each other make the many
small matrix products of the peers look ten times slower. It says how to install the peers if they are
missing.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
from fractions import Fraction
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks import machine
from benchmarks.tracker import peers, scenes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FRAMES = 300


def time_frames(peer: peers.PeerFactory, detections: list[NDArray[np.float32]]) -> list[float]:
    """Return the milliseconds that each frame of a video took."""
    tracker = peer(width=scenes.WIDTH, height=scenes.HEIGHT, rate=Fraction(30))
    frames = [tracker.prepare(rows) for rows in detections]
    times_ms = []
    for frame, rows in enumerate(frames):
        begin = perf_counter()
        tracker.update(frame, rows)
        times_ms.append(1000 * (perf_counter() - begin))
    return times_ms


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="videos for each tracker (default: 5)")
    arguments = parser.parse_args()
    trackers = peers.available()
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "")
    command = f"OPENBLAS_NUM_THREADS={threads} python -m benchmarks.tracker.speed --rounds {arguments.rounds}"
    print(f"{command}; {dt.date.today()}")  # noqa: DTZ011
    print(f"{machine.one_line()}; Python {platform.python_version()}, {peers.versions()}\n", flush=True)
    print("| tracks |", " | ".join(f"{name}, ms" for name in trackers), "|")
    print("|---|" + "---|" * len(trackers))
    for count in (5, 20, 100):
        detections = scenes.drift(count, frames=FRAMES, seed=count)
        times_ms: dict[str, list[float]] = {name: [] for name in trackers}
        for _ in range(arguments.rounds):
            for name, peer in trackers.items():
                times_ms[name] += time_frames(peer, detections)
        print(
            f"| {count} |", " | ".join(f"{median(times_ms[name]):.2f}" for name in trackers), "|", flush=True
        )


if __name__ == "__main__":
    main()
