"""Runs the real `framewright worker`, with its Triton, as a worker of the local RunPod."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from tools.cloud.owned_process import OwnedProcess
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.worker_process import LOCAL

START_S = 120.0
"""How long the worker may take until it asks for jobs; it takes 3 s on two idle cores."""

PROVIDED_MODELS = {"FRAMEWRIGHT_UPSCALE_MODEL": "lite-x4", "FRAMEWRIGHT_YOLOV8": "lite-detector"}
"""The models that come with the project; the environment may name others."""


def quoted_models() -> dict[str, str]:
    """Return the variables that tell the API which models the worker uses by default."""
    models = PROVIDED_MODELS | os.environ
    return {
        "UPSCALE_MODEL": models["FRAMEWRIGHT_UPSCALE_MODEL"],
        "YOLOV8": models["FRAMEWRIGHT_YOLOV8"],
    }


class WorkerFailed(Exception):
    """The worker ended, or did not ask for jobs in time; the message has its last lines."""


@contextmanager
def running(runpod: RunPodApi, *, log_path: Path) -> Iterator[OwnedProcess]:
    """Start a worker, wait until it asks for jobs, and stop it at the end.

    Args:
        runpod: the running RunPod, where it gets its jobs.
        log_path: the file to which its output is appended.

    Raises:
        WorkerFailed: It ended, or did not ask for jobs within START_S.
    """
    with TemporaryDirectory(prefix="framewright-worker-") as name:
        folder = Path(name)
        settings = LOCAL | {"FRAMEWRIGHT_JOB_FOLDER": str(folder)} | runpod.worker.environment
        process = OwnedProcess(
            "the worker",
            [str(Path(sys.executable).with_name("framewright")), "worker"],
            environment=PROVIDED_MODELS | os.environ | settings,
            folder=folder,
            log_path=log_path,
        )
        try:
            _wait_until_ready(process, runpod)
            yield process
        finally:
            process.stop()


def _wait_until_ready(process: OwnedProcess, runpod: RunPodApi) -> None:
    pings = len(runpod.worker.pings)
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.exit_status is None:
        if len(runpod.worker.pings) > pings:
            return
        time.sleep(0.1)
    problem = "ended" if process.exit_status is not None else f"asks for no job after {START_S:.0f} s"
    raise WorkerFailed(f"the worker {problem}:\n{process.last_lines()}")
