"""Counts what trackers report wrongly at several confidences: misses and false tracks, ours and its peers'.

    python -m benchmarks.tracker.reported
    python -m benchmarks.tracker.reported --scales published --only "ours,roboflow SORT" --confidences 0.5

All trackers get the same real detections (benchmarks/tracker/real.py). Ours is what a track job with a
confidence reports. The peers have no such setting: as their own examples do, detections that score less are
left out before they see them, and all else is at its defaults. Each data set is shown with its scores as
published, and on more cautious scales (benchmarks/tracker/score_scales.py). Peers that are not installed are
named and left out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform
from functools import partial
from typing import TYPE_CHECKING

from benchmarks.tracker import peers, real
from benchmarks.tracker.faults import Faults, count
from benchmarks.tracker.score_scales import SCALES, rescaled

if TYPE_CHECKING:
    from benchmarks.tracker.real import RealSequence

CONFIDENCES = (0.3, 0.5, 0.7)


def faults_of(make: peers.PeerFactory, sequences: list[RealSequence], confidence: float) -> Faults:
    """Count the faults of a tracker in a data set, at a confidence."""
    total = Faults()
    is_ours = make is peers.Ours
    if is_ours:
        make = partial(peers.Ours, confidence=confidence)
    for sequence in sequences:
        detections = sequence.detections
        if not is_ours:
            detections = [rows[rows[:, 4] >= confidence] for rows in detections]
        total += count(sequence, peers.track(make, detections, sequence.scene))
    return total


def main() -> None:
    """Print a table for each data set and scale."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real.add_arguments(parser)
    parser.add_argument("--only", metavar="NAMES", help="trackers, separated by commas (default: all)")
    parser.add_argument("--scales", metavar="NAMES", default=",".join(SCALES), help="(default: %(default)s)")
    parser.add_argument(
        "--confidences",
        metavar="NUMBERS",
        default=",".join(map(str, CONFIDENCES)),
        help="(default: %(default)s)",
    )
    arguments = parser.parse_args()
    confidences = [float(text) for text in arguments.confidences.split(",")]
    data_sets = real.chosen(parser, arguments)
    trackers = peers.available()
    if arguments.only:
        trackers = {name: trackers[name] for name in arguments.only.split(",")}
    print(f"python -m benchmarks.tracker.reported; {dt.date.today()}")  # noqa: DTZ011
    print(f"Python {platform.python_version()}, {peers.versions()}")
    print("Each cell: misses, false boxes, missed objects, false tracks; the first two in % of the truth.")
    for data_set, sequences in data_sets.items():
        for scale in arguments.scales.split(","):
            scaled = rescaled(sequences, scale)
            print(f"\n### {data_set}, {scale} scores\n")
            print("| tracker |", " | ".join(str(one) for one in confidences), "|")
            print("|---|" + "---|" * len(confidences))
            for name, make in trackers.items():
                cells = [faults_of(make, scaled, confidence) for confidence in confidences]
                row = " | ".join(f"{cell}; {cell.wrong_boxes:.1f}" for cell in cells)
                print(f"| {name} | {row} |", flush=True)


if __name__ == "__main__":
    main()
