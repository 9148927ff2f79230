"""Tests the Triton that jobs share: it batches their tiles, and its death does not fail them."""

from __future__ import annotations

import contextlib
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from orchestrator.triton.supervisor import Supervisor
from tests.support.results import assert_failed
from tests.support.server_processes import successor
from tests.support.slow_store import SlowStore
from tools.fixtures import clips, upscalers
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.processes import family
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, wait, working

pytestmark = pytest.mark.slow

TILE = 512
IN_FLIGHT = 8
"""Most images of that size that one job has under way: two megapixels of them."""


@pytest.fixture(scope="module")
def runpod() -> Iterator[RunPodServer]:
    with RunPodServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, worker_models: dict[str, Any], runpod: RunPodServer
) -> Iterator[WorkerProcess]:
    folder = tmp_path_factory.mktemp("jobs")
    extra = {"FRAMEWRIGHT_TRITON_RESTARTS": 20, **worker_models, **runpod.environment}
    with working(folder, FRAMEWRIGHT_CONCURRENCY=2, **extra) as running:
        yield running


@pytest.fixture(scope="module")
def undisturbed(worker: WorkerProcess, runpod: RunPodServer, bucket: Bucket, small_clip: Path) -> bytes:
    """The output of the job during which other tests of this module kill processes."""
    job = _slow_job(bucket, small_clip, "undisturbed.mp4")
    assert runpod.result(runpod.submit(job))["output"]["notes"] == []
    worker.idle()
    return bucket.get("undisturbed.mp4") or b""


@pytest.mark.parametrize("victim", ["tritonserver", "triton_python_b"])
def test_the_server_dies_in_mid_job_and_the_output_is_the_same(
    worker: WorkerProcess,
    runpod: RunPodServer,
    bucket: Bucket,
    small_clip: Path,
    undisturbed: bytes,
    victim: str,
) -> None:
    job = runpod.submit(_slow_job(bucket, small_clip, f"{victim}.mp4"))
    runpod.stage(job, "upscaling")
    assert _kill(worker, victim)
    result = runpod.result(job)
    assert result["output"]["notes"] == ["the inference server was restarted once: no frame was lost"]
    assert bucket.get(f"{victim}.mp4") == undisturbed
    worker.idle()


@pytest.mark.parametrize("stage", ["fetch", "publish"])
def test_the_server_dies_while_a_job_does_not_need_it(
    worker: WorkerProcess,
    runpod: RunPodServer,
    upscale_job: dict[str, Any],
    slow_store: SlowStore,
    stage: str,
) -> None:
    if stage == "fetch":
        upscale_job["input_url"] = f"{slow_store.url}/in.mp4"
    else:
        upscale_job["output_url"] = f"{slow_store.url}/out.mp4"
    job = runpod.submit(upscale_job)
    assert slow_store.reached.wait(60)
    assert _kill(worker, "tritonserver")
    slow_store.go_on.set()
    assert runpod.result(job)["output"]["status"] == "completed"
    worker.idle()


def test_a_job_that_begins_while_the_server_is_away_waits_for_the_next(
    upscale_job: dict[str, Any], worker_models: dict[str, Any], tmp_path: Path
) -> None:
    """The next server has another key, and appears after the 5 s that a command other than a job waits."""
    repository = Path(worker_models["MODEL_REPOSITORY"])
    with TritonServer(repository) as first, RunPodServer().running() as own:
        extra = worker_models | own.environment | {"TRITON_URL": first.url}
        with working(tmp_path, **extra):
            assert own.result(own.submit(upscale_job))["output"]["status"] == "completed"
            first.stop()
            with successor(first, repository, after_s=6) as later:
                later.start()
                result = own.result(own.submit(upscale_job))
    assert result["output"]["status"] == "completed", result
    assert result["output"]["notes"] == []


def test_a_server_that_hangs_is_restarted_after_the_job_that_it_failed(
    upscale_job: dict[str, Any],
    long_job: dict[str, Any],
    worker_models: dict[str, Any],
    tmp_path: Path,
) -> None:
    short = {"FRAMEWRIGHT_INFER_TIMEOUT_S": 3, "FRAMEWRIGHT_RECONNECT_TIMEOUT_S": 5}
    with (
        RunPodServer().running() as own,
        working(tmp_path, **short, **worker_models, **own.environment) as worker,
    ):
        job = own.submit(long_job)
        own.stage(job, "upscaling")
        hanging = _find(worker, "tritonserver")
        for process in hanging:
            process.send_signal(signal.SIGSTOP)
        result = own.result(job)
        assert result["output"]["retryable"], result
        assert own.result(own.submit(upscale_job))["output"]["status"] == "completed"
        wait(lambda: not any(process.is_running() for process in hanging))


def test_a_server_that_dies_again_and_again_is_the_end_of_the_worker(
    long_job: dict[str, Any], worker_models: dict[str, Any], tmp_path: Path
) -> None:
    with RunPodServer().running() as runpod:
        worker = WorkerProcess(tmp_path, FRAMEWRIGHT_TRITON_RESTARTS=1, **worker_models, **runpod.environment)
        job = runpod.submit(long_job)
        runpod.stage(job, "upscaling")
        members = family(worker.pid)
        while all(message.is_update for message in runpod.of(job)):
            _kill(worker, "tritonserver")
            time.sleep(0.02)
        result = runpod.result(job)
        assert result.pop("stopPod", None) is True, result
        assert_failed(result, "triton_unavailable", "not started again", retryable=True)
        assert worker.ended() == 1
    assert "asks to be replaced" in worker.log
    assert "Traceback" not in worker.log
    wait(lambda: not any(process.is_running() for process in members))
    assert not list(tmp_path.iterdir())


def test_tiles_of_jobs_that_run_at_once_share_batches(bucket: Bucket, tmp_path: Path) -> None:
    upscalers.write_slow(
        tmp_path / "models", "merging", rounds=upscalers.rounds_in(0.2), tile=TILE, max_batch=4 * IN_FLIGHT
    )
    clip = clips.make_clip(tmp_path / "large.mp4", [clips.numbered(n, TILE, TILE) for n in range(24)])
    source = bucket.put("large.mp4", clip)

    def batches(jobs: int) -> dict[int, int]:
        with TritonClient(triton.server.url) as client:
            client.load("merging")
            before = client.statistics("merging")
            sent = [runpod.submit(_job(source, bucket.put_url(f"{n}.mp4"), "merging")) for n in range(jobs)]
            for job in sent:
                assert runpod.result(job)["output"]["status"] == "completed"
            return client.statistics("merging").since(before).batches

    (tmp_path / "jobs").mkdir()
    three = {"FRAMEWRIGHT_CONCURRENCY": 3}
    with (
        # Supervised: tritonserver takes a model's process that stood still for a second, as all does on a
        # machine that is overloaded, for dead, and dies of that itself.
        Supervisor(TritonServer(tmp_path / "models", start_timeout_s=60)) as triton,
        RunPodServer().running() as runpod,
        working(tmp_path / "jobs", TRITON_URL=triton.server.url, **three, **runpod.environment),
    ):
        alone, together = batches(1), batches(3)
    assert max(alone) <= IN_FLIGHT < max(together)


def _job(source: str, output: str, model: str) -> dict[str, Any]:
    return {"task": "upscale", "input_url": source, "output_url": output, "params": {"model": model}}


def _slow_job(bucket: Bucket, clip: Path, key: str) -> dict[str, Any]:
    return _job(bucket.put("clip.mp4", clip), bucket.put_url(key), "slow")


def _find(worker: WorkerProcess, name: str) -> list[psutil.Process]:
    found = []
    for process in family(worker.pid):
        with contextlib.suppress(psutil.NoSuchProcess):  # it ended meanwhile
            if process.name().startswith(name):
                found.append(process)
    return found


def _kill(worker: WorkerProcess, name: str) -> bool:
    """Kill these processes of a worker; return whether there were any."""
    found = _find(worker, name)
    for process in found:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    return bool(found)
