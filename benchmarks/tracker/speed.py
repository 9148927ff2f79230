"""How long does a tracker take for a frame? Ours beside ultralytics' and roboflow's ByteTrack.

    OPENBLAS_NUM_THREADS=1 python -m benchmarks.tracker.speed
    OPENBLAS_NUM_THREADS=1 python -m benchmarks.tracker.speed --rounds 3

All get the same detections (`drift` of benchmarks/tracker/scenes.py), already in the type each of them
takes, in one process; they take turns video by video, and the median of all frames of all rounds counts.
Each is at its own defaults. One thread, because on a busy machine the many small matrices of the peers wait
for each other's threads and look ten times slower than they are.
Needs the peers; without them it says how to install them.
"""

from __future__ import annotations

import argparse
import datetime as dt
import os
import platform
from fractions import Fraction
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import TYPE_CHECKING

from benchmarks.tracker import peers, scenes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TRACKERS: dict[str, type[peers.Peer]] = {
    "ours": peers.Ours,
    "ultralytics": peers.Ultralytics,
    "roboflow": peers.Roboflow,
}
FRAMES = 300


def times(peer: type[peers.Peer], detections: list[NDArray[np.float32]]) -> list[float]:
    """Return the milliseconds that each frame of a video took."""
    tracker = peer(width=scenes.WIDTH, height=scenes.HEIGHT, rate=Fraction(30))
    prepared = [tracker.prepared(rows) for rows in detections]
    taken = []
    for frame, rows in enumerate(prepared):
        begin = perf_counter()
        tracker.update(frame, rows)
        taken.append(1000 * (perf_counter() - begin))
    return taken


def machine() -> str:
    """Return the processor, its cores and how busy they are."""
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    name = names[0] if names else platform.machine()
    return f"{name}, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="videos for each tracker (default: 5)")
    arguments = parser.parse_args()
    peers.require("ultralytics", "supervision", "trackers")
    threads = os.environ.get("OPENBLAS_NUM_THREADS", "")
    command = f"OPENBLAS_NUM_THREADS={threads} python -m benchmarks.tracker.speed --rounds {arguments.rounds}"
    print(f"{command}; {dt.date.today()}")  # noqa: DTZ011
    print(f"{machine()}; Python {platform.python_version()}, {peers.versions()}\n", flush=True)
    print("| tracks |", " | ".join(f"{name}, ms" for name in TRACKERS), "|")
    print("|---|" + "---|" * len(TRACKERS))
    for count in (5, 20, 100):
        detections = scenes.drift(count, frames=FRAMES, seed=count)
        taken: dict[str, list[float]] = {name: [] for name in TRACKERS}
        for _ in range(arguments.rounds):
            for name, peer in TRACKERS.items():
                taken[name] += times(peer, detections)
        print(f"| {count} |", " | ".join(f"{median(taken[name]):.2f}" for name in TRACKERS), "|", flush=True)


if __name__ == "__main__":
    main()
