"""Kills processes of a real worker at random times during jobs, and checks the results of the jobs.

The worker runs as on RunPod, with the real SDK, Triton and an S3 server that checks signatures. A try fails
if the job gets no result; if it is completed but the stored video is not byte for byte the right one; if it
failed but a part of a video is stored, or something is left behind, or its error is not retryable; or if the
next job fails. If the worker itself is killed, none of its processes may survive.
"""

from __future__ import annotations

import logging
import random
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil

from tests.hostile.tally import Tally
from tools.fixtures import clips, upscalers
from tools.stand_ins import s3_door
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.processes import family, segments_of
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, wait

VICTIMS = ("job", "job", "tritonserver", "triton_python_b", "reaper", "waiting job", "worker")
MOST_DELAY_S = 2.5
"""About the time of a job, from its submission to its result."""


def attack(count: int, seed: int) -> Tally:
    """Kill a process `count` times."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)  # the S3 server's, which names every request
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        bucket = stack.enter_context(s3_door.serving())
        runpod = stack.enter_context(RunPodServer().running())
        return _Attack(Path(folder), bucket, runpod, random.Random(seed)).run(count)


class _Attack:
    def __init__(self, folder: Path, bucket: Bucket, runpod: RunPodServer, rng: random.Random) -> None:
        self._bucket = bucket
        self._runpod = runpod
        self._rng = rng
        self._tally = Tally("kills")
        self._jobs = folder / "jobs"
        self._jobs.mkdir()
        repository = folder / "models"
        repository.mkdir()
        upscalers.write_slow(repository, rounds=12, max_batch=1)
        clip = clips.make_clip(folder / "clip.mp4", 25, audio=[{"seconds": 1.0}])
        self._input_url = bucket.put("clip.mp4", clip)
        self._settings = {
            "MODEL_REPOSITORY": repository,
            "FRAMEWRIGHT_UPSCALE_MODEL": "slow",
            "FRAMEWRIGHT_TRITON_RESTARTS": 1000,
            **runpod.environment,
        }

    def run(self, count: int) -> Tally:
        worker = self._start()
        try:
            right = self._do("right")
            assert right is not None
            for number in range(count):
                victim = self._rng.choice(VICTIMS)
                outcome, failure = self._kill(worker, victim, f"{number}", right)
                if victim == "worker":
                    worker = self._start()
                if failure is None and self._do(f"after-{number}") != right:
                    failure = "the next job did not give the right video"
                self._tally.add(f"{victim}: {outcome}", failure and f"{number}, {victim}: {failure}")
        finally:
            worker.stop()
        return self._tally

    def _start(self) -> WorkerProcess:
        return WorkerProcess(self._jobs, **self._settings)

    def _job(self, key: str) -> dict[str, Any]:
        return {
            "task": "upscale",
            "input_url": self._input_url,
            "output_url": self._bucket.put_url(f"{key}.mp4"),
        }

    def _do(self, key: str) -> bytes | None:
        """Run a job without a kill; return the stored video."""
        result = self._runpod.result(self._runpod.submit(self._job(key)))
        return None if "error" in result else self._bucket.get(f"{key}.mp4")

    def _kill(self, worker: WorkerProcess, victim: str, key: str, right: bytes) -> tuple[str, str | None]:
        """Kill a process during a job; return the outcome, and what is wrong with it or None."""
        job = self._runpod.submit(self._job(key))
        time.sleep(self._rng.uniform(0, MOST_DELAY_S))
        members = family(worker.pid)
        found = [process for process in members if _is(process, victim, worker)]
        if not found:
            self._runpod.result(job)
            return "was not there", None
        self._rng.choice(found).kill()
        if victim == "worker":
            return self._after_the_worker(members, key, right)
        result = self._runpod.result(job)
        stored = self._bucket.get(f"{key}.mp4")
        try:
            worker.idle()
        except AssertionError:
            return "left something", f"it left {worker.leftovers()}"
        if "error" not in result:
            return "completed", None if stored == right else "the stored video is not the right one"
        code = result["output"]["code"]
        if stored not in {None, right}:  # a process may be killed between its upload and its answer
            return code, "it failed and stored a part of a video, or another one"
        return code, None if result["output"]["retryable"] else f"{code} is not retryable"

    def _after_the_worker(
        self, members: list[psutil.Process], key: str, right: bytes
    ) -> tuple[str, str | None]:
        try:
            wait(lambda: not any(_lives(process) for process in members), 20)
        except AssertionError:
            return "left a process", f"{[process.name() for process in members if _lives(process)]} live on"
        if segments := segments_of(members):
            return "left memory", f"it left {segments}"
        stored = self._bucket.get(f"{key}.mp4")
        return "killed", None if stored in {None, right} else "a part of a video is stored"


def _is(process: psutil.Process, victim: str, worker: WorkerProcess) -> bool:
    if victim == "worker":
        return process.pid == worker.pid
    jobs = worker.jobs
    if victim == "job":
        return process in jobs[:1]
    if victim == "waiting job":
        return process in jobs[1:]
    try:
        command = " ".join(process.cmdline())
        return victim in (process.name() if victim.startswith("triton") else command)
    except psutil.Error:
        return False


def _lives(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
