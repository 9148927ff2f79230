"""Runs `framewright worker` as RunPod does: in a process of its own, with the real SDK and a job server."""

from __future__ import annotations

import contextlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from orchestrator.machine import cores
from tools.stand_ins.processes import COMMAND, SHM, environment, family

LOCAL = {"FRAMEWRIGHT_ALLOW_HTTP": "1", "FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS": "127.0.0.0/8"}


class WorkerProcess:
    """A running worker.

    Attributes:
        folder: the folder of its jobs' folders.
        ahead: how many processes wait for jobs.
        lines: the lines that it has printed.
    """

    def __init__(self, folder: Path, *arguments: object, **extra: object) -> None:
        self.folder = folder
        self.ahead = min(int(str(extra.get("FRAMEWRIGHT_CONCURRENCY", 1))), cores())
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [COMMAND, "worker", *map(str, arguments)],
            env=environment(**(LOCAL | {"FRAMEWRIGHT_JOB_FOLDER": folder} | extra)),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def log(self) -> str:
        return "".join(self.lines)

    @property
    def jobs(self) -> list[psutil.Process]:
        """The processes of jobs, including those that wait for one; the next job goes to the first."""
        found = [process for process in family(self.pid) if is_job(process)]
        return sorted(found, key=lambda process: process.create_time())  # pids begin again

    def says(self, text: str, timeout_s: float = 120) -> None:
        """Wait until it has printed this text."""
        wait(lambda: text in self.log or self._process.poll() is not None, timeout_s)
        assert text in self.log, self.log

    def signal(self, number: int) -> None:
        self._process.send_signal(number)

    def ended(self, timeout_s: float = 60) -> int:
        """Wait until the process has ended; return its exit code."""
        code = self._process.wait(timeout_s)
        self._reader.join(10)
        return code

    def stop(self) -> None:
        if self._process.poll() is None:
            self.signal(signal.SIGTERM)
            try:
                self._process.wait(60)
            except subprocess.TimeoutExpired:
                self._process.kill()
                raise
        self._reader.join(10)

    def idle(self) -> None:
        """Wait until nothing of any job remains, except the processes that wait for the next."""
        wait(lambda: len(self.jobs) <= self.ahead and not self.leftovers(), 60)

    def leftovers(self) -> list[str]:
        """Return the files and shared-memory segments that jobs have left."""
        files = [
            str(path) for root in self.folder.glob("*") for path in root.iterdir() if path.name != "lock"
        ]
        pids = {str(process.pid) for process in self.jobs}
        segments = [path.name for path in SHM.glob("framewright-*") if path.name.split("-")[2] in pids]
        return files + segments

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line)


@contextmanager
def working(folder: Path, *arguments: object, **extra: object) -> Iterator[WorkerProcess]:
    worker = WorkerProcess(folder, *arguments, **extra)
    try:
        yield worker
    except BaseException:
        print(worker.log)  # noqa: T201  shown if the test fails
        raise
    finally:
        worker.stop()
    assert worker.ended() == 0
    assert not list(folder.iterdir())


def is_job(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "orchestrator.executor.job_main" in process.cmdline()
    return False


def wait(true: Callable[[], Any], timeout_s: float = 120) -> None:
    deadline = time.monotonic() + timeout_s
    while not true():
        assert time.monotonic() < deadline, f"not within {timeout_s} s"
        time.sleep(0.02)
