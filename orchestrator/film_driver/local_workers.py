"""Starts dask workers on this machine (`local_worker.py`), and starts others in place of those that end."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import time
from collections.abc import Collection
from typing import Any, Self

from orchestrator.errors import ServiceError

_STOP_S = 3.0
_MOST_RESTARTS = 200


class LocalWorkers:
    """Worker processes of this machine. A context manager: leaving ends them.

    Ctrl-C in a terminal does not reach them. If this process is killed, each finishes its segment and ends.

    Args:
        instructions: what `local_worker.py` expects on standard input.
        count: how many workers there are.
        inherited: the file descriptors that they inherit.
    """

    def __init__(self, instructions: dict[str, Any], count: int, *, inherited: Collection[int]) -> None:
        self._instructions = json.dumps(instructions) + "\n"
        self._inherited = inherited
        self._restarts = 0
        self._processes = [self._start() for _ in range(count)]

    def restart_ended(self) -> None:
        """Start a worker in place of each that has ended.

        Raises:
            ServiceError: that has happened too often.
        """
        for index, process in enumerate(self._processes):
            if process.poll() is not None:
                self._restarts += 1
                if self._restarts > _MOST_RESTARTS:
                    raise ServiceError("the workers keep dying; finished pieces are kept: try fewer workers")
                self._processes[index] = self._start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes:
            process.stdin.close()  # type: ignore[union-attr]  # it is a pipe
        deadline_s = time.monotonic() + _STOP_S
        for process in self._processes:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.0, deadline_s - time.monotonic()))
            process.kill()
            process.wait()

    def _start(self) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "orchestrator.film_driver.local_worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            text=True,
            pass_fds=self._inherited,
            start_new_session=True,
        )
        with contextlib.suppress(OSError):  # it has died already, and is started again
            print(self._instructions, end="", file=process.stdin, flush=True)
        return process
