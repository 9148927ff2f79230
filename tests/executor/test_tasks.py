"""Tests that a row of the table is enough for a task: it is checked, run and published like the others."""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import pytest

from orchestrator.errors import AddressRefused, BadRequest, LimitExceeded
from orchestrator.executor import run_job
from orchestrator.executor.raw_json import EncodedResult
from orchestrator.jobs import FileJob, Strict
from orchestrator.jobs.task_table import TASKS, USER_TASKS, Task, job_adapter
from orchestrator.pipeline.context import JobContext
from tools import reference
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.worker_process import LOCAL


class ReverseParams(Strict):
    """How to reverse the bytes of a file."""

    width: int = 64


class ReverseJob(FileJob):
    """Reverses the bytes of a file."""

    task: Literal["reverse"]
    params: ReverseParams = ReverseParams()

    @property
    def output_px(self) -> tuple[int, int]:
        return self.params.width, 64


class ReverseResult(Strict):
    """The finished job."""

    status: Literal["completed"] = "completed"
    output_url: str


def reverse(source: Path, output: Path, _params: ReverseParams, _context: JobContext) -> ReverseResult:
    output.write_bytes(source.read_bytes()[::-1])
    return ReverseResult(output_url=output.as_uri())


@pytest.fixture
def reverse_task(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Registers the task."""
    row = Task(job=ReverseJob, results=(ReverseResult,), example={}, default_model=lambda _: "")
    monkeypatch.setitem(TASKS, "reverse", row)
    monkeypatch.setitem(sys.modules, "orchestrator.pipeline.reverse", SimpleNamespace(reverse=reverse))
    for name, value in LOCAL.items():
        monkeypatch.setenv(name, value)
    job_adapter.cache_clear()
    yield
    job_adapter.cache_clear()


def run(folder: Path, **values: Any) -> EncodedResult:
    return run_job.run(
        {"task": "reverse", **values},
        folder=folder,
        triton_url="localhost:1",
        needed_s=60,
        stop=threading.Event(),
        on_progress=lambda _: None,
    )


@pytest.mark.parametrize("task", USER_TASKS)
def test_every_task_of_users_has_a_function_in_the_pipeline(task: str) -> None:
    assert callable(getattr(import_module(f"orchestrator.pipeline.{task}"), task))
    assert run_job.RUNNERS.keys() <= TASKS.keys()


@pytest.mark.usefixtures("reverse_task")
def test_a_task_of_the_table_is_run_and_its_file_published(bucket: Bucket, tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"a video")
    url = bucket.put_url("reversed.mkv")
    result = run(tmp_path, input_url=bucket.put("source.mp4", tmp_path / "source"), output_url=url)
    assert json.loads(result.whole.data) == {"status": "completed", "output_url": url.partition("?")[0]}
    assert bucket.get("reversed.mkv") == b"a video"[::-1]


@pytest.mark.usefixtures("reverse_task")
def test_a_task_of_the_table_is_checked(bucket: Bucket, tmp_path: Path) -> None:
    urls = {"input_url": "https://8.8.8.8/in.mp4", "output_url": bucket.put_url("never.mp4")}
    for changed, error in (
        ({"output_url": None}, BadRequest),
        ({"params": {"height": 64}}, BadRequest),
        ({"input_url": "https://169.254.169.254/"}, AddressRefused),
        ({"output_url": "https://169.254.169.254/"}, AddressRefused),
        ({"params": {"width": 10**6}}, LimitExceeded),
    ):
        with pytest.raises(error):
            run(tmp_path, **(urls | changed))


@pytest.mark.usefixtures("reverse_task")
def test_a_task_of_the_table_is_in_the_reference() -> None:
    assert "**ReverseParams**" in reference.page()
    assert reference.schema()["$defs"]["ReverseJob"]["description"] == "Reverses the bytes of a file."
