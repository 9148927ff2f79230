"""Scores tracks against the truth with TrackEval: MOTA, IDF1, HOTA and id switches."""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestrator.tracking.association import iou

if TYPE_CHECKING:
    from benchmarks.tracker.peers import Result
    from benchmarks.tracker.scenes import Scene


@dataclass(frozen=True, kw_only=True)
class Scores:
    """The scores of one tracker, in per cent; MOTA, IDF1 and the number of id switches at an IoU of 0.5."""

    mota: float
    idf1: float
    hota: float
    switches: int

    def __str__(self) -> str:
        return f"{self.mota:.1f} {self.idf1:.1f} {self.hota:.1f} {self.switches}"


class Scorer:
    """Collects the runs of one tracker, and scores all of them together as if they were one video."""

    def __init__(self) -> None:
        with contextlib.redirect_stdout(io.StringIO()):
            from trackeval.metrics import CLEAR, HOTA, Identity  # noqa: PLC0415  a peer, absent elsewhere

            quiet = {"THRESHOLD": 0.5, "PRINT_CONFIG": False}
            self._metrics = {"HOTA": HOTA(), "CLEAR": CLEAR(quiet), "Identity": Identity(quiet)}
        self._runs: dict[str, dict[str, Any]] = {name: {} for name in self._metrics}

    def add(self, scene: Scene, result: Result) -> None:
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

    def extend(self, other: Scorer) -> None:
        """Add the runs of another scorer."""
        for name, runs in self._runs.items():
            for run in other._runs[name].values():
                runs[str(len(runs))] = run

    def combined(self) -> Scores:
        """Return the scores of all runs together."""
        whole = {name: metric.combine_sequences(self._runs[name]) for name, metric in self._metrics.items()}
        return Scores(
            mota=100 * float(whole["CLEAR"]["MOTA"]),
            idf1=100 * float(whole["Identity"]["IDF1"]),
            hota=100 * float(np.mean(whole["HOTA"]["HOTA"])),
            switches=int(whole["CLEAR"]["IDSW"]),
        )


def _numbered(ids: list[Any]) -> list[Any]:
    """Renumber ids from 0 without gaps, as TrackEval requires."""
    known: dict[int, int] = {}
    return [np.array([known.setdefault(i, len(known)) for i in row.tolist()], np.int64) for row in ids]


def _highest(ids: list[Any]) -> int:
    return 1 + max((int(row.max()) for row in ids if len(row)), default=-1)
