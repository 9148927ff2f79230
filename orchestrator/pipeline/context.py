"""Bundles what a job needs besides its request: Triton, model names, prices, limits, progress reports."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.jobs import JobCost
from orchestrator.limits import Limits
from orchestrator.pipeline.progress import OnProgress
from orchestrator.triton.client import TritonClient


@dataclass(frozen=True, kw_only=True)
class JobContext:
    """What one job gets from the worker that runs it.

    Attributes:
        connect: returns the client of a running Triton. A job calls it only if it needs a model, and only
            after it has checked the request and the source.
        default_model: the upscaling model of a request that names none.
        default_detector: the detector of a request that names none; may be an alias.
        resolve: returns the model for a name, which may be an alias.
        cost_of: returns the cost of a number of seconds, or None if no cost is requested.
        limits: what a job may ask for; None sets no limits.
        on_progress: is called with the progress of the job, in the thread that runs it.
        preview: the file to write the job's `Preview` to; None writes none.
    """

    connect: Callable[[], TritonClient]
    default_model: str = ""
    default_detector: str = "yolov8"
    resolve: Callable[[str], str] = str
    cost_of: Callable[[float], JobCost | None] = lambda _: None
    limits: Limits | None = None
    on_progress: OnProgress = lambda _: None
    preview: Path | None = None
