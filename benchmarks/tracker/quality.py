"""Scores how well trackers keep identities: ours and its peers, on real detections and on made scenes.

    python -m benchmarks.tracker.quality
    python -m benchmarks.tracker.quality --real ../shared/real/mot --real more --seeds 3
    python -m benchmarks.tracker.quality --only ours --groups mot15,kitti-car

All trackers get the same detections, and each has its defaults everywhere; ours is what a track job reports.
`--real` names a folder of sequences in the format of MOT Challenge or KITTI (benchmarks/tracker/real.py);
without it ../shared/real/mot is used if it exists. benchmarks/tracker/scenes.py makes the other scenes and
the faults of their detections, one run for each seed. TrackEval (the `trackeval` package) scores the
sequences of a data set one by one and together: MOTA, IDF1 and id switches at an IoU of 0.5, and HOTA. Peers
that are not installed are named and left out.
"""

from __future__ import annotations

import argparse
import datetime as dt
import platform
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.tracker import peers, real, scenes
from benchmarks.tracker.score import Scorer, Scores

if TYPE_CHECKING:
    from collections.abc import Iterator

METRICS = ("mota", "idf1", "hota")
Groups = dict[str, dict[str, list[real.RealSequence]]]
"""Data set -> sequence -> its runs."""


def made_scenes(seeds: int) -> Groups:
    """Return TUD and the drawn scenes, with a run for each seed."""
    groups: Groups = {"TUD": {}}
    for name in ("TUD-Campus", "TUD-Stadtmitte"):
        groups["TUD"][name] = [_made("TUD", scenes.tud(name), seed) for seed in range(seeds)]
    for scene in (scenes.crossings, scenes.occlusions, scenes.crowd, scenes.turns):
        name = scene.__name__
        groups[name] = {
            f"{name}, {rate} fps": [_made(name, scene(rate=rate, seed=seed), seed) for seed in range(seeds)]
            for rate in (10, 30, 60)
        }
    return groups


def _made(data_set: str, scene: scenes.Scene, seed: int) -> real.RealSequence:
    nothing = [np.empty((0, 4))] * len(scene.boxes)
    return real.RealSequence(
        data_set=data_set,
        scene=scene,
        detections=scenes.detect(scene, seed=1000 + seed),
        uncounted=nothing,
        regions=nothing,
    )


def score(
    trackers: dict[str, peers.PeerFactory], group: dict[str, list[real.RealSequence]]
) -> Iterator[tuple[str, Scores, dict[str, Scores]]]:
    """Yield for each tracker its name, its scores over a data set, and those of each sequence."""
    for name, make in trackers.items():
        together, each = Scorer(), {}
        for sequence, runs in group.items():
            scorer = Scorer()
            for run in runs:
                found = peers.track(make, run.detections, run.scene)
                scorer.add(run.scene, run.counted(found))
            each[sequence] = scorer.combined()
            together.extend(scorer)
        yield name, together.combined(), each


def ahead(ours: Scores, others: dict[str, Scores]) -> str:
    """Say which tracker leads ours by how much in which metric; empty if none does."""
    leads = []
    for metric in METRICS:
        name = max(others, key=lambda other: getattr(others[other], metric))
        lead = getattr(others[name], metric) - getattr(ours, metric)
        if lead >= 0.05:
            leads.append(f"{metric.upper()} {name} by {lead:.1f}")
    return ", ".join(leads)


def report(data_set: str, results: list[tuple[str, Scores, dict[str, Scores]]]) -> None:
    """Print the tables of one data set, and where anyone is ahead of ours."""
    sequences = list(results[0][2])
    print(f"\n### {data_set}\n")
    print("| tracker | together |", " | ".join(sequences), "|")
    print("|---|" + "---|" * (1 + len(sequences)))
    for name, together, each in results:
        print(f"| {name} | {together} |", " | ".join(str(each[one]) for one in sequences), "|")
    print(flush=True)
    if results[0][0] != "ours" or len(results) == 1:
        return
    others = results[1:]
    where = {"together": ahead(results[0][1], {name: together for name, together, _ in others})}
    for one in sequences:
        where[one] = ahead(results[0][2][one], {name: each[one] for name, _, each in others})
    for one, leads in where.items():
        if leads:
            print(f"- ahead of ours, {data_set}, {one}: {leads}")


def main() -> None:
    """Print the tables, data set by data set."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    real.add_arguments(parser)
    parser.add_argument("--seeds", type=int, default=10, help="runs of each made scene; 0 for none")
    parser.add_argument("--only", metavar="NAMES", help="trackers, separated by commas (default: all)")
    arguments = parser.parse_args()
    of_data_set = real.chosen(parser, arguments, optional=True)
    peers.require("trackeval", *(["motmetrics"] if arguments.seeds else []))
    trackers = peers.available()
    if arguments.only:
        trackers = {name: trackers[name] for name in arguments.only.split(",")}
    print(f"python -m benchmarks.tracker.quality --seeds {arguments.seeds}; {dt.date.today()}")  # noqa: DTZ011
    print(f"Python {platform.python_version()}, {peers.versions()}")
    if not arguments.real and not real.DEFAULT.is_dir():
        print(f"{real.DEFAULT} is missing, so there are no real sequences here; name a folder with --real")
    groups: Groups = {
        data_set: {one.scene.name: [one] for one in sequences} for data_set, sequences in of_data_set.items()
    }
    groups |= made_scenes(arguments.seeds) if arguments.seeds else {}
    print("Each cell: MOTA, IDF1, HOTA, id switches.")
    for data_set, group in groups.items():
        if not arguments.groups or data_set in arguments.groups.split(","):
            report(data_set, list(score(trackers, group)))


if __name__ == "__main__":
    main()
