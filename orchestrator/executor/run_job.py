"""Runs one job: fetches its video, does its task, publishes output and preview. Runs in the job's process."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from orchestrator.executor.job_runner import JobRunner, fetch_subjects
from orchestrator.executor.progress import ProgressReporter
from orchestrator.executor.raw_json import EncodedResult
from orchestrator.executor.run_film import run_assemble, run_plan, run_segment
from orchestrator.executor.validate_job import check_job
from orchestrator.jobs import ExportJob, FileJob, TrackJob
from orchestrator.pipeline.export import export
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient


def run(
    values: dict[str, Any],
    *,
    folder: Path,
    triton_url: str,
    needed_s: float,
    stop: threading.Event,
    on_progress: Callable[[dict[str, Any]], None],
) -> EncodedResult:
    """Run a job.

    Args:
        values: the parsed JSON of the job.
        folder: folder for its files; the caller removes it.
        triton_url: host:port of a running Triton.
        needed_s: see `check_job`.
        stop: ends transfers.
        on_progress: see `ProgressReporter`.

    Returns:
        The result; its JSON is one line.

    Raises:
        CallerError: the job, its source or its addresses are wrong.
        ServiceError: Triton, the encoder, the network or the disk failed.
    """
    settings = replace(Settings.from_env(), triton_url=triton_url)
    storage = StorageClient.from_settings(settings)
    job = check_job(values, settings=settings, storage=storage, needed_s=needed_s)
    runner = JobRunner(
        folder=folder,
        settings=settings,
        storage=storage,
        stop=stop,
        progress=ProgressReporter(on_progress, settings.limits),
    )
    return RUNNERS.get(job.task, _run_pipeline)(runner, job)


def _run_pipeline(runner: JobRunner, job: FileJob) -> EncodedResult:
    module = importlib.import_module(f"orchestrator.pipeline.{job.task}")
    return runner.make_file(job, getattr(module, job.task))


def _export(runner: JobRunner, job: ExportJob) -> EncodedResult:
    subjects = fetch_subjects(runner, job.params)
    suffix = job.params.format and f".{job.params.format}"
    return runner.make_file(job, partial(export, subjects=subjects), suffix=suffix)


def _track(runner: JobRunner, job: TrackJob) -> EncodedResult:
    source = runner.fetch(job.input_url)
    with runner.context(job) as context:
        tracked = track(source, job.params, TrackOutputs(), context)
    return runner.publish_tracks(tracked, job)


RUNNERS: dict[str, Callable[[JobRunner, Any], EncodedResult]] = {
    "track": _track,
    "export": _export,
    "plan": run_plan,
    "segment": run_segment,
    "assemble": run_assemble,
}
"""Functions that run the jobs of these tasks. Any other task of `jobs.task_table.TASKS` has a function of its
name in `orchestrator.pipeline` that makes the file, such as `pipeline.upscale.upscale`."""
