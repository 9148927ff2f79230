"""Tests how a worker ends, with and without time for its jobs, or killed, and that it leaves nothing."""

from __future__ import annotations

import signal
import time
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.results import assert_failed
from tools.stand_ins.processes import family, segments_of
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, wait, working


@pytest.mark.parametrize("grace_s", [60, pytest.param(0, marks=pytest.mark.slow)])
def test_sigterm_gives_jobs_their_grace(
    grace_s: int,
    runpod: RunPodServer,
    upscale_job: dict[str, Any],
    long_job: dict[str, Any],
    worker_models: dict[str, Any],
    tmp_path: Path,
) -> None:
    slow_job = upscale_job | {"params": {"model": "slow"}} if grace_s else long_job
    extra = {"FRAMEWRIGHT_SHUTDOWN_GRACE_S": grace_s, "FRAMEWRIGHT_CONCURRENCY": 2}
    with working(tmp_path, **extra, **worker_models, **runpod.environment) as worker:
        job = runpod.submit(slow_job)
        runpod.stage(job, "fetching" if grace_s else "upscaling")  # a stage that is over soon may be left out
        members = family(worker.pid)
        worker.signal(signal.SIGTERM)
        worker.says("SIGTERM: ")
        later = runpod.submit(upscale_job)
        result = runpod.result(job)
        assert worker.ended() == 0
    if grace_s:
        assert result["output"]["status"] == "completed"
    else:
        assert_failed(result, "shutting_down", "send the job again", retryable=True)
    assert later not in runpod.taken
    wait(lambda: not any(process.is_running() for process in members))
    assert not segments_of(members)
    assert "Traceback" not in worker.log


@pytest.mark.slow
def test_a_second_signal_ends_the_grace(
    runpod: RunPodServer, long_job: dict[str, Any], worker_models: dict[str, Any], tmp_path: Path
) -> None:
    with working(tmp_path, FRAMEWRIGHT_SHUTDOWN_GRACE_S=600, **worker_models, **runpod.environment) as worker:
        job = runpod.submit(long_job)
        runpod.stage(job, "upscaling")
        worker.signal(signal.SIGINT)
        worker.says("SIGINT: ")
        worker.signal(signal.SIGINT)
        assert_failed(runpod.result(job), "shutting_down", retryable=True)
        assert worker.ended() == 0


@pytest.mark.slow
def test_a_killed_worker_takes_its_jobs_along_and_the_next_removes_their_files(
    runpod: RunPodServer,
    upscale_job: dict[str, Any],
    long_job: dict[str, Any],
    worker_models: dict[str, Any],
    tmp_path: Path,
) -> None:
    killed = WorkerProcess(tmp_path, **worker_models, **runpod.environment)
    runpod.stage(runpod.submit(long_job), "upscaling")
    members = family(killed.pid)
    killed.signal(signal.SIGKILL)
    wait(lambda: not _alive(members))  # the SDK's heartbeat too
    time.sleep(0.5)  # a last ping may still be read
    pings = len(runpod.pings)
    time.sleep(1.5)  # it pings every second
    assert len(runpod.pings) == pings
    assert killed.leftovers()
    with working(tmp_path, **worker_models, **runpod.environment) as worker:
        assert runpod.result(runpod.submit(upscale_job))["output"]["status"] == "completed"
        assert len(list(tmp_path.iterdir())) == 1
        worker.idle()
    assert not segments_of(members)


def _alive(members: list[psutil.Process]) -> list[psutil.Process]:
    return [one for one in members if one.is_running() and one.status() != psutil.STATUS_ZOMBIE]
