"""Measures here how tensors travel, and what the host does in a job; see `benchmarks/bench/host.py`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from benchmarks.bench import host
from benchmarks.bench.free_model import write_free_model
from benchmarks.bench.part import Plan, ReportWriter
from benchmarks.gpu import transports
from orchestrator.media.write.nvenc import nvenc_problem

if TYPE_CHECKING:
    from pathlib import Path

ENCODERS = ("h264_nvenc", "hevc_nvenc")
_REHEARSAL_MEGAPIXELS = 10.0
_ROUND_S = 2.0


def measure_host(folder: Path, *, device: str, quick: bool) -> ReportWriter:
    """Measure the transports, then CPU time by stage and peak memory, with a free model, beside FFmpeg alone.

    Args:
        folder: an empty folder for clips and models.
        device: cuda or cpu; a CPU only rehearses.
        quick: whether to measure one size of video.

    Returns:
        The tables, and notes on what they show and on encoders that this machine cannot use.
    """
    report = ReportWriter()
    plan = Plan(cores=len(os.sched_getaffinity(0)), quick=quick or device == "cpu", folder=folder)
    transports.measure_transports(
        report, folder / "transports", seconds=_ROUND_S if device == "cuda" else 0.0
    )
    if device == "cpu":
        repository = folder / "models"
        write_free_model(repository)
        host.measure_times(plan, report, repository, megapixels=_REHEARSAL_MEGAPIXELS)
    else:
        host.measure(plan, report, on_gpu=True)
    for encoder in ENCODERS:
        if problem := nvenc_problem(encoder):
            report.note(f"{encoder} is not measured: {problem}.")
    return report


def as_json(report: ReportWriter) -> dict[str, Any]:
    """Return the tables and notes of a report as JSON."""
    return {"tables": report.tables, "words": report.words}
