"""Exports a video in this process, without a model unless a client is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NoReturn

from orchestrator.jobs import ExportParams, parse
from orchestrator.jobs.export import ExportResult
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.triton.client import TritonClient
from orchestrator.video_source import VideoSource


def export_video(
    source: VideoSource,
    output: Path,
    *,
    client: TritonClient | None = None,
    more: dict[str, Any] | None = None,
    **params: Any,
) -> ExportResult:
    """Export with the parameters of a job; `more` is passed to `export` itself."""
    context = JobContext(connect=(lambda: client) if client else _no_triton, default_model="nearest-x4")
    return export(source, output, parse(ExportParams, params), context, **(more or {}))


def _no_triton() -> NoReturn:
    raise AssertionError("a plain export needs no Triton")
