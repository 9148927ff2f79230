"""Scores how well trackers keep identities: ours, ultralytics' and roboflow's ByteTrack.

    python -m benchmarks.tracker.quality
    python -m benchmarks.tracker.quality --seeds 3

All trackers get the same detections; benchmarks/tracker/scenes.py makes the scenes and the faults of the
detections. Each scene runs once for each seed, and TrackEval (the `trackeval` package) scores all of its runs
together: MOTA, IDF1 and id switches at an IoU of 0.5, and HOTA. Each tracker has the same settings for all
scenes: once its defaults, once our score thresholds. It says how to install the peers if they are missing.
"""

from __future__ import annotations

import argparse
import contextlib
import datetime as dt
import io
import platform
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.tracker import peers, scenes
from orchestrator.tracking.association import iou
from orchestrator.tracking.settings import TrackerSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmarks.tracker.scenes import Scene

DEFAULT = TrackerSettings()
TRACKERS: dict[str, tuple[Any, dict[str, Any]]] = {
    "ours": (peers.Ours, {}),
    "ultralytics": (peers.Ultralytics, {}),
    "ultralytics, our scores": (
        peers.Ultralytics,
        {"track_high_thresh": DEFAULT.high_score, "new_track_thresh": DEFAULT.new_score},
    ),
    "roboflow": (peers.Roboflow, {}),
    "roboflow, our scores": (
        peers.Roboflow,
        {"high_conf_det_threshold": DEFAULT.high_score, "track_activation_threshold": DEFAULT.new_score},
    ),
}


def scenes_of_rows(seeds: int) -> Iterator[tuple[str, list[Scene]]]:
    """Yield the name of each row of the table, with a scene for each seed."""
    for name in ("TUD-Campus", "TUD-Stadtmitte"):
        yield name, [scenes.tud(name)] * seeds
    drawn = (scenes.crossings, scenes.occlusions, scenes.crowd, scenes.turns)
    for scene in drawn:
        for rate in (10, 30, 60):
            yield f"{scene.__name__}, {rate} fps", [scene(rate=rate, seed=seed) for seed in range(seeds)]


class Score:
    """TrackEval's metrics over several runs."""

    def __init__(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            from trackeval.metrics import CLEAR, HOTA, Identity  # noqa: PLC0415  a peer, absent elsewhere

            quiet = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
            self._metrics = {"HOTA": HOTA(), "CLEAR": CLEAR(quiet), "Identity": Identity(quiet)}
        self._runs: dict[str, dict[str, Any]] = {name: {} for name in self._metrics}

    def add(self, scene: Scene, result: peers.Result) -> None:
        """Score one run."""
        truth, found = _numbered(scene.ids), _numbered([ids for ids, _ in result])
        run = {
            "gt_ids": truth,
            "tracker_ids": found,
            "similarity_scores": [
                iou(boxes, others) for boxes, (_, others) in zip(scene.boxes, result, strict=True)
            ],
            "num_gt_dets": sum(map(len, truth)),
            "num_tracker_dets": sum(map(len, found)),
            "num_gt_ids": _highest(truth),
            "num_tracker_ids": _highest(found),
            "num_timesteps": len(truth),
        }
        for name, metric in self._metrics.items():
            with contextlib.redirect_stdout(io.StringIO()):
                self._runs[name][str(len(self._runs[name]))] = metric.eval_sequence(run)

    def combined(self) -> tuple[float, float, int, float]:
        """Return MOTA, IDF1 (per cent), id switches and HOTA (per cent) of all runs together."""
        whole = {name: metric.combine_sequences(self._runs[name]) for name, metric in self._metrics.items()}
        return (
            100 * float(whole["CLEAR"]["MOTA"]),
            100 * float(whole["Identity"]["IDF1"]),
            int(whole["CLEAR"]["IDSW"]),
            100 * float(np.mean(whole["HOTA"]["HOTA"])),
        )


def _numbered(ids: list[Any]) -> list[Any]:
    """Renumber ids from 0 without gaps, as TrackEval requires."""
    known: dict[int, int] = {}
    return [np.array([known.setdefault(i, len(known)) for i in row.tolist()], np.int64) for row in ids]


def _highest(ids: list[Any]) -> int:
    return 1 + max((int(row.max()) for row in ids if len(row)), default=-1)


def main() -> None:
    """Print the table, scene by scene."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=10, help="runs of each scene (default: 10)")
    arguments = parser.parse_args()
    peers.require("ultralytics", "supervision", "trackers", "motmetrics", "trackeval")
    print(f"python -m benchmarks.tracker.quality --seeds {arguments.seeds}; {dt.date.today()}")  # noqa: DTZ011
    print(f"Python {platform.python_version()}, {peers.versions()}")
    print("MOTA, IDF1, id switches, HOTA:\n")
    print("| scene |", " | ".join(TRACKERS), "|")
    print("|---|" + "---|" * len(TRACKERS), flush=True)
    table = []
    for name, runs in scenes_of_rows(arguments.seeds):
        found = [scenes.detect(scene, seed=1000 + seed) for seed, scene in enumerate(runs)]
        row = []
        for peer, settings in TRACKERS.values():
            score = Score()
            for scene, detections in zip(runs, found, strict=True):
                score.add(scene, peers.track(peer, detections, scene, settings=settings))
            row.append(score.combined())
        table.append(row)
        print(f"| {name} |", " | ".join(map(_cell, row)), "|", flush=True)
    whole = np.array(table)  # [scenes, trackers, 4]
    mean, total = whole.mean(axis=0), whole.sum(axis=0)
    cells = [_cell((m[0], m[1], int(t[2]), m[3])) for m, t in zip(mean, total, strict=True)]
    print("| mean, and sum of switches |", " | ".join(cells), "|")


def _cell(scores: tuple[float, float, int, float]) -> str:
    mota, idf1, switches, hota = scores
    return f"{mota:.1f} {idf1:.1f} {switches} {hota:.1f}"


if __name__ == "__main__":
    main()
