"""Tests that two hundred broken jobs and fifty good ones leave nothing behind in the worker."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from tests.support.mutated_jobs import mutated, right_jobs
from tests.support.results import assert_discreet
from tools.fixtures import clips
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.processes import SHM, family
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, is_job, working

pytestmark = pytest.mark.slow

MUTATED = 200
IN_A_ROW = 50
SETTLED = 10
"""Jobs after which caches are full."""
SLACK = 8
"""Connections to servers and threads' files come and go; one of each job that stayed would be many more."""
MIB = 2**20


@dataclass(frozen=True)
class Holdings:
    """The resources that a worker and its Triton hold between jobs."""

    files: int
    threads: int
    processes: int
    segments: int
    memory_bytes: int

    @classmethod
    def of(cls, worker: WorkerProcess) -> Holdings:
        worker.idle()
        members = [process for process in family(worker.pid) if not is_job(process)]
        pids = {process.pid for process in members}
        segments = SHM.glob("framewright-*")
        return cls(
            files=sum(process.num_fds() for process in members),
            threads=psutil.Process(worker.pid).num_threads(),
            processes=len(members),
            segments=sum(_owner(path) in pids or not psutil.pid_exists(_owner(path)) for path in segments),
            memory_bytes=sum(process.memory_info().rss for process in members),
        )


@pytest.mark.timeout(900)
def test_broken_jobs_fail_in_form_and_leave_nothing(
    runpod: RunPodServer, bucket: Bucket, worker_models: dict[str, Any], tmp_path: Path
) -> None:
    base = right_jobs(bucket.get_url("nothing.mp4"), bucket.put_url("never.mp4"))
    jobs: list[Any] = []

    @settings(
        max_examples=MUTATED,
        phases=[Phase.generate],
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(job=mutated(base))
    def collect(job: Any) -> None:
        jobs.append(job)

    collect()
    assert len(jobs) >= MUTATED
    with working(tmp_path, FRAMEWRIGHT_CONCURRENCY=8, **worker_models, **runpod.environment) as worker:
        runpod.result(runpod.submit(base[0]))
        before = Holdings.of(worker)
        offered = [(runpod.submit(job), job) for job in jobs]
        reached = 0
        for job_id, job in offered:
            result = runpod.result(job_id, timeout_s=600)
            assert set(result) == {"error", "output"}, (job, result)
            output = result["output"]
            assert set(output) == {"status", "code", "retryable"}, (job, result)
            assert result["error"].startswith(f"{output['code']}: "), (job, result)
            assert output["code"] in {
                "bad_request",
                "address_refused",
                "input_not_found",
                "limit_exceeded",
            }, (
                job,
                result,
            )
            assert_discreet(result["error"])
            reached += output["code"] == "input_not_found"
        assert reached < MUTATED / 2, "most are to be wrong"
        after = Holdings.of(worker)
        assert "Traceback" not in worker.log
    assert after.files <= before.files + SLACK
    assert (after.threads, after.processes, after.segments) == (
        before.threads,
        before.processes,
        before.segments,
    )
    assert not any(
        signature in json.dumps([one.body for one in runpod.messages]) for signature in bucket.signatures
    )


@pytest.mark.timeout(900)
def test_nothing_grows_over_many_jobs_in_a_row(
    runpod: RunPodServer, bucket: Bucket, worker_models: dict[str, Any], tmp_path: Path
) -> None:
    tiny = clips.make_clip(tmp_path / "tiny.mp4", 3)
    folder = tmp_path / "jobs"
    folder.mkdir()
    job = {
        "task": "upscale",
        "input_url": bucket.put("tiny.mp4", tiny),
        "output_url": bucket.put_url("tiny-x4.mp4"),
    }
    with working(folder, FRAMEWRIGHT_CONCURRENCY=2, **worker_models, **runpod.environment) as worker:
        done = _do(runpod, job, SETTLED)
        before = Holdings.of(worker)
        done += _do(runpod, job, IN_A_ROW - SETTLED)
        after = Holdings.of(worker)
    assert done == IN_A_ROW
    assert after.files <= before.files + SLACK
    assert (after.threads, after.processes, after.segments) == (
        before.threads,
        before.processes,
        before.segments,
    )
    assert after.memory_bytes < before.memory_bytes + 10 * MIB


def _owner(segment: Path) -> int:
    return int(segment.name.split("-")[2])


def _do(runpod: RunPodServer, job: dict[str, Any], count: int) -> int:
    results = [runpod.result(job_id, timeout_s=600) for job_id in [runpod.submit(job) for _ in range(count)]]
    return sum(result.get("output", {}).get("status") == "completed" for result in results)
