"""Tests that a job that exceeds its memory limit fails as `limit_exceeded`, whatever a library reports."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from orchestrator.errors import BadMedia, EncodeFailed, LimitExceeded
from orchestrator.executor.job_process import JobProcess
from orchestrator.executor.memory_limit import is_lack_of_memory, mentions_lack_of_memory
from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.settings import Settings, job_memory_of_machine
from tools.fixtures import clips
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.worker_process import LOCAL

MIB = 2**20


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory, bucket: Bucket) -> str:
    pictures = np.random.default_rng(1).integers(0, 255, (3, 1080, 1920, 3), np.uint8)
    return bucket.put(
        "large.mp4", clips.make_clip(tmp_path_factory.mktemp("large") / "large.mp4", list(pictures))
    )


@pytest.fixture(autouse=True)
def local(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in LOCAL.items():
        monkeypatch.setenv(name, value)


def do(job: dict[str, Any], folder: Path, memory_bytes: int | None) -> EncodedResult:
    """Run a job in a process of its own, without a worker."""
    order = {
        "folder": str(folder),
        "triton_url": "",
        "log_level": logging.INFO,
        "memory_bytes": memory_bytes,
        "needed_s": 60,
    }

    async def done() -> EncodedResult:
        process = await JobProcess.start(max_result_bytes=MIB)
        try:
            return await process.run(RawJson.of(job), order, name="job", on_progress=lambda _: None)
        finally:
            await process.end()

    return asyncio.run(done())


@pytest.mark.parametrize(
    "mib",
    [
        pytest.param(mib, marks=[pytest.mark.slow] * (mib not in {80, 240}))
        for mib in (40, 80, 120, 160, 240, 320, 480)
    ],
)
def test_what_hits_the_limit_is_limit_exceeded(mib: int, large: str, bucket: Bucket, tmp_path: Path) -> None:
    job = {
        "task": "export",
        "input_url": large,
        "output_url": bucket.put_url("never.mp4"),
        "params": {"size": "3840x2160"},
    }
    with pytest.raises(LimitExceeded, match=r"needs more memory than the .* GiB that one may have here"):
        do(job, tmp_path, mib * MIB)


def test_what_fits_is_done(large: str, bucket: Bucket, tmp_path: Path) -> None:
    job = {"task": "export", "input_url": large, "output_url": bucket.put_url("fits.mp4")}
    answer = do(job | {"params": {"end": 0.08}}, tmp_path, 1024 * MIB)
    assert json.loads(answer.whole.data)["stats"]["frames"] == 2


def test_a_library_that_aborts_for_lack_of_memory_is_understood() -> None:
    assert mentions_lack_of_memory("terminate called after throwing an instance of 'std::bad_alloc'")
    assert mentions_lack_of_memory("memory allocation of 1048576 bytes failed")
    assert not mentions_lack_of_memory("the video is damaged")


def test_a_lack_of_memory_is_found_behind_the_error_that_is_reported() -> None:
    def raised_from(cause: BaseException) -> Exception:
        error = EncodeFailed("the video cannot be written")
        error.__cause__ = cause
        return error

    with pytest.raises(MemoryError) as from_numpy:
        np.empty(2**60, np.uint8)
    for cause in (
        from_numpy.value,
        av.error.MemoryError(errno.ENOMEM, "Cannot allocate memory"),
        OSError(errno.ENOMEM, "x"),
        RuntimeError("can't start new thread"),
        ImportError("libx.so: failed to map segment from shared object"),
    ):
        assert is_lack_of_memory(raised_from(cause)), cause
    assert not is_lack_of_memory(BadMedia("it is damaged"))
    assert not is_lack_of_memory(raised_from(OSError(errno.EIO, "x")))


def test_the_limit_follows_the_machine_and_the_jobs_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    gib = 2**30
    for whole, concurrency, most in ((64, 1, 48), (64, 4, 12), (16, 2, 6), (16, 8, 4), (4, 1, 3), (6, 2, 3)):
        monkeypatch.setattr("orchestrator.machine.memory_bytes", lambda whole=whole: whole * gib)
        assert job_memory_of_machine(concurrency) == most * gib
    monkeypatch.setenv("FRAMEWRIGHT_CONCURRENCY", "4")
    assert Settings.from_env().job_memory_bytes == job_memory_of_machine(4)
    monkeypatch.setenv("FRAMEWRIGHT_JOB_MEMORY_BYTES", "268435456")
    assert Settings.from_env().job_memory_bytes == 2**28


def test_memory_that_is_shared_does_not_count() -> None:
    """The pools of tensors are shared memory, and the limit counts private memory only."""
    code = (
        "import mmap, orchestrator.executor.memory_limit as m; m.limit_memory(2**24); "
        "shared = mmap.mmap(-1, 2**28, mmap.MAP_SHARED | mmap.MAP_ANONYMOUS); print(len(shared))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout == f"{2**28}\n", done.stderr
    assert resource.getrlimit(resource.RLIMIT_DATA)[0] == resource.RLIM_INFINITY


@pytest.mark.parametrize(("lost", "status"), [("True", 1), ("False", 0)])
def test_a_process_whose_thread_never_begins_is_ended(lost: str, status: int) -> None:
    """CPython waits for ever for a thread that gets no memory for its first frame."""
    script = f"""
import threading, time
from orchestrator.executor.memory_limit import exit_if_a_thread_cannot_start
exit_if_a_thread_cannot_start(2)
if {lost}:
    threading._start_new_thread = lambda *_: 0  # it has its stack, and is never heard of again
threading.Thread(target=print).start()
time.sleep(3)
"""
    assert subprocess.run([sys.executable, "-c", script], timeout=60, check=False).returncode == status
