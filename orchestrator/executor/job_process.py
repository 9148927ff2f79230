"""The parent's end of the process of one job (`child.py`): start it, give it an order, hear it, end it.

It does not know what jobs are.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from typing import TYPE_CHECKING, Any

from orchestrator.child_environment import child_environment
from orchestrator.errors import (
    BadMedia,
    EncodeFailed,
    InferenceFailed,
    JobCrashed,
    JobKilled,
    OutputRejected,
    UnsupportedMedia,
    WorkerError,
)
from orchestrator.executor.memory_limit import MemoryWatch, out_of_memory, says_so
from orchestrator.executor.raw_json import Answer, RawJson

if TYPE_CHECKING:
    from collections.abc import Callable

STOP_S = 3.5
"""From SIGTERM to SIGKILL. Aborting an upload in parts takes 3 s of it; a cancelled job is gone in 5 s."""

_LAST_WORDS_S = 0.5
"""Longest wait for the log of a process that has ended: what it started may hold the pipe open."""

_KILLED = {-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM}
"""How it ends when the kernel, or a daemon such as earlyoom, takes its memory back."""

_OF_MEMORY_TOO = {
    kind.code
    for kind in (
        *(BadMedia, UnsupportedMedia, EncodeFailed, OutputRejected),
        *(InferenceFailed, JobCrashed, WorkerError),
    )
}
"""What a job may fail with where a library got no memory and did not say so."""

_RESULT = b'{"result":'
_LINE_BYTES = 64 * 1024
_LOGGED_CHARS = 2000
log = logging.getLogger(__name__)


class JobProcess:
    """A process that waits for one order, its libraries loaded; in a session of its own.

    Attributes:
        begun: whether it has said anything of its job.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._name = "no job yet"
        self.begun = False
        self._said_memory = False
        self._logger = asyncio.ensure_future(self._log_lines())

    @classmethod
    async def start(cls, *, max_result_bytes: int) -> JobProcess:
        """Start one; it takes a second or two until it can work, but nobody has to wait for that.

        Args:
            max_result_bytes: longest result that it may give.

        Raises:
            JobKilled: there is no memory for it, or no room among the processes.
        """
        try:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-m", "orchestrator.executor.job_main", str(os.getpid())),
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                start_new_session=True,
                env=child_environment(storage=True),
                limit=max_result_bytes + _LINE_BYTES,
            )
        except OSError as exc:
            raise JobKilled(
                f"no process can be started for the job: {exc.strerror}; try again, or on a larger machine"
            ) from exc
        return cls(process)

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.returncode is None

    @property
    def pid(self) -> int:
        """Its number, also that of its group and its session."""
        return self._process.pid

    async def run(
        self, job: RawJson, order: dict[str, Any], *, name: str, on_progress: Callable[[dict[str, Any]], None]
    ) -> Answer:
        """Let it do a job.

        Args:
            job: as it arrived.
            order: `folder` of the job, `triton_url`, `log_level`, `memory_bytes` (most that it may take on,
                None is no limit).
            name: of the job, for the log.
            on_progress: is told how far the job is: `stage`, `frames`, `total`, `fps`, `eta_s`, `percent`.

        Returns:
            The result.

        Raises:
            WorkerError: it told an error, or ended without a word.
        """
        self._name = name
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101  for mypy: they are pipes
        assert stdout is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):  # it died: that is told below
            stdin.write(json.dumps(order | {"bytes": len(job.data)}).encode() + b"\n")
            stdin.write(job.data)
            await stdin.drain()
            stdin.close()
        memory = MemoryWatch(self.pid, order["memory_bytes"])
        watch = asyncio.ensure_future(memory.run())
        try:
            return await self._answer(stdout, on_progress)
        except WorkerError as exc:
            if exc.code in _OF_MEMORY_TOO and (memory.was_close or self._said_memory):
                raise out_of_memory(order["memory_bytes"]) from exc
            raise
        finally:
            watch.cancel()

    async def _answer(
        self, stdout: asyncio.StreamReader, on_progress: Callable[[dict[str, Any]], None]
    ) -> Answer:
        short = None
        while line := await stdout.readline():
            self.begun = True
            if line.startswith(_RESULT) and line.endswith(b"}\n"):
                return Answer(whole=RawJson(line[len(_RESULT) : -2]), short=short)
            message = json.loads(line)
            if "progress" in message:
                on_progress(message["progress"])
            elif "short" in message:
                short = RawJson.of(message["short"])
            else:
                raise _error(**message["error"])
        code = await self._process.wait()
        await asyncio.wait({self._logger}, timeout=_LAST_WORDS_S)  # it may have said why
        raise self._death(code)

    async def end(self) -> None:
        """End it and all that it started: kindly first, within STOP_S seconds in any case."""
        if self.alive:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_S)
        self.kill()
        await self._process.wait()
        await asyncio.wait({self._logger}, timeout=_LAST_WORDS_S)

    def kill(self) -> None:
        """Kill it and all that it started; returns at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)

    def _death(self, code: int) -> WorkerError:
        log.error("job %s: its process ended with status %d", self._name, code)
        if code in _KILLED:
            return JobKilled(
                "the process of the job was killed, most likely for lack of memory; try again, or on a "
                "larger machine"
            )
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with status {code}"
        return JobCrashed(
            f"the process of the job ended {how}; most likely its video is damaged, encode it again"
        )

    async def _log_lines(self) -> None:
        stderr = self._process.stderr
        assert stderr is not None  # noqa: S101  for mypy: it is a pipe
        with contextlib.suppress(ValueError):  # a line without an end
            while data := await stderr.readline():
                line = data.decode(errors="replace").rstrip()[:_LOGGED_CHARS]
                self._said_memory |= says_so(line)
                log.info("job %s: %s", self._name, line)


def _error(*, code: str, message: str) -> WorkerError:
    """Make an error again of what the child told of it."""
    kinds = [WorkerError]
    for kind in kinds:
        if kind.code == code:
            return kind(message)
        kinds += kind.__subclasses__()
    return WorkerError(message)
