"""Tests that jobs whose worker dies, or loses its Triton, end and cost nothing."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.cloud.conftest import Cloud
from tests.support.flow import MODELS, SAMPLE, start
from tools.stand_ins.processes import family
from tools.stand_ins.worker_process import WorkerProcess

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

NewWorker = Callable[..., AbstractContextManager[WorkerProcess]]


@pytest.fixture
def new_worker(cloud: Cloud, tmp_path: Path) -> NewWorker:
    """Start a worker, which the test may kill."""

    @contextmanager
    def new(**settings: str) -> Iterator[WorkerProcess]:
        worker = WorkerProcess(tmp_path, **MODELS, **cloud.runpod.worker.environment, **settings)
        try:
            yield worker
        finally:
            worker.stop()

    return new


def test_a_job_whose_worker_is_killed_times_out_and_costs_nothing(
    cloud: Cloud, new_worker: NewWorker
) -> None:
    flow = start(cloud.runpod, cloud.new_user(), "upscale", SAMPLE.read_bytes())
    with new_worker() as worker:
        flow.at_work()
        worker.signal(signal.SIGKILL)
        worker.ended()
    assert flow.look()["ended_at"] is None
    cloud.runpod.clock.advance(flow.quote["execution_timeout_s"])
    job = flow.ended()
    assert (job["state"], job["error"]["code"], job["error"]["fault"]) == ("failed", "timed_out", "worker")
    flow.is_charged(0)
    after = start(cloud.runpod, cloud.new_user(), "track", SAMPLE.read_bytes())
    with new_worker():
        assert after.ended()["state"] == "completed"
        after.is_charged(after.costs)


def test_a_job_without_triton_costs_nothing(cloud: Cloud, new_worker: NewWorker) -> None:
    """Triton dies, and the worker may not start it again."""
    flow = start(cloud.runpod, cloud.new_user(), "upscale", SAMPLE.read_bytes())
    with new_worker(FRAMEWRIGHT_TRITON_RESTARTS="0") as worker:
        flow.at_work()
        (triton,) = (process for process in family(worker.pid) if process.name() == "tritonserver")
        triton.kill()
        job = flow.ended()
        assert (job["state"], job["error"]["code"]) == ("failed", "triton_unavailable")
        assert (job["error"]["fault"], job["error"]["retryable"]) == ("worker", True)
        flow.is_charged(0)
        assert worker.ended() == 1
