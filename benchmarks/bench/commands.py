"""Runs `framewright serve` and other `framewright` commands, as a user would, and measures their time."""

from __future__ import annotations

import contextlib
import json
import os
import resource
import signal
import socket
import subprocess
import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any, Self

import psutil

from benchmarks.bench.comparison import Run
from benchmarks.bench.workloads import BUILT
from orchestrator.triton.client import TritonClient
from tools.stand_ins.processes import COMMAND, family

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

    from benchmarks.bench.workloads import Workload
    from orchestrator.triton.statistics import ModelStatistics

ENVIRONMENT = {"MODEL_REPOSITORY": str(BUILT)}


@dataclass(frozen=True, kw_only=True)
class Job:
    """The result of a finished command.

    Attributes:
        result: the JSON that it printed with --json.
        run: its time: `wall_s` is what the result says, from the request to the finished output; `cpu_s`
            covers the whole command, including its start, and the server.
    """

    result: dict[str, Any]
    run: Run


class FramewrightServer:
    """A running `framewright serve` over the models of `workloads.py`; a context manager.

    Args:
        model: the model to load at the start.
    """

    def __init__(self, model: str) -> None:
        self._model = model
        self._stack = ExitStack()

    def __enter__(self) -> Self:
        grpc, http, metrics = _free_ports()
        self.url = f"127.0.0.1:{grpc}"
        ports = ["--grpc-port", grpc, "--http-port", http, "--metrics-port", metrics]
        log = self._stack.enter_context(tempfile.TemporaryFile("w+"))
        self._process = subprocess.Popen(
            [COMMAND, "serve", "--model", self._model, *map(str, ports)],
            env=os.environ | ENVIRONMENT,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
        self._stack.callback(self._stop)
        assert self._process.stdout is not None  # it is a pipe
        if "ready" not in self._process.stdout.readline():
            log.seek(0)
            raise RuntimeError(f"framewright serve did not start: {_last_line(log)}")
        self.client = self._stack.enter_context(TritonClient(self.url))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def command(self, *arguments: object) -> Job:
        """Run `framewright ... --json` against this server."""
        before_s = _ended_children_cpu_s() + self.cpu_s()
        result = run_command(*arguments, "--json", "--url", self.url)
        spent_s = _ended_children_cpu_s() + self.cpu_s() - before_s
        stats = result["stats"]
        frames = stats["frames"] if "frames" in stats else result["video"]["frames"]
        return Job(result=result, run=Run(frames=frames, wall_s=stats["wall_sec"], cpu_s=spent_s))

    def statistics(self) -> ModelStatistics:
        """Return Triton's statistics of the model since it was loaded."""
        return self.client.statistics(self._model)

    def cpu_s(self) -> float:
        """Return the CPU time of the server's processes so far."""
        spent = 0.0
        for member in family(self._process.pid):
            with contextlib.suppress(psutil.Error):
                times = member.cpu_times()
                spent += times.user + times.system
        return spent

    def _stop(self) -> None:
        self._process.send_signal(signal.SIGTERM)
        self._process.wait()


def run_command(*arguments: object) -> dict[str, Any]:
    """Run `framewright ...`; return the JSON that it prints.

    Raises:
        RuntimeError: the command failed.
    """
    done = subprocess.run(
        [COMMAND, *map(str, arguments)],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"framewright {' '.join(map(str, arguments))}: {done.stderr.strip()}")
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def upscale_arguments(workload: Workload, video: Path, out: Path) -> list[object]:
    """Return the command-line arguments that upscale a video."""
    return ["upscale", video, out, "--model", workload.model, "--force"]


def track_arguments(workload: Workload, video: Path, out: Path) -> list[object]:
    """Return the command-line arguments that track the objects in a video."""
    return ["track", video, "--model", workload.model, "-o", out, "--force"]


def _ended_children_cpu_s() -> float:
    return sum(resource.getrusage(resource.RUSAGE_CHILDREN)[:2])


def _free_ports() -> list[int]:
    with ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(3)]
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]


def _last_line(log: IO[str]) -> str:
    return (log.read().strip().splitlines() or ["it said nothing"])[-1]
