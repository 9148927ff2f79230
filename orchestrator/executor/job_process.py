"""Starts the process of a job (`job_main.py`), sends it the job, reads its messages and ends it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable
from typing import Any

from orchestrator.child_environment import child_environment
from orchestrator.errors import (
    BadMedia,
    EncodeFailed,
    InferenceFailed,
    JobCrashed,
    JobKilled,
    OutputCheckFailed,
    UnsupportedMedia,
    WorkerError,
)
from orchestrator.executor.memory_limit import MemoryWatch, mentions_lack_of_memory, out_of_memory
from orchestrator.executor.raw_json import EncodedResult, RawJson

STOP_S = 3.5
"""From SIGTERM to SIGKILL. Aborting a multipart upload may take 3 s; a cancelled job is gone within 5 s."""

_LOG_S = 0.5
"""Longest wait for the log of a process that has ended: its own children may hold the pipe open."""

_KILLED = {-signal.SIGKILL, -signal.SIGTERM, 128 + signal.SIGTERM}
"""Exit codes after the kernel, or a daemon such as earlyoom, killed the process to free memory."""

_MAY_BE_MEMORY = {
    kind.code
    for kind in (
        *(BadMedia, UnsupportedMedia, EncodeFailed, OutputCheckFailed),
        *(InferenceFailed, JobCrashed, WorkerError),
    )
}
"""Codes that a job may fail with when a library got no memory and did not say so."""

_RESULT = b'{"result":'
_LINE_BYTES = 64 * 1024
_LOGGED_CHARS = 2000
log = logging.getLogger(__name__)


class JobProcess:
    """A process that loads its libraries and waits for one job; it has a session of its own.

    Attributes:
        has_reported: whether it has sent a message about its job.
    """

    def __init__(self, process: Process) -> None:
        self._process = process
        self._name = "no job yet"
        self.has_reported = False
        self._log_mentions_memory = False
        self._logger = asyncio.ensure_future(self._log_lines())

    @classmethod
    async def start(cls, *, max_result_bytes: int) -> JobProcess:
        """Start a process. It takes a second or two to load libraries; this method returns earlier.

        Args:
            max_result_bytes: longest result of a job.

        Raises:
            JobKilled: there is no memory for the process, or the limit of processes is reached.
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
    def pid(self) -> int:
        """Id of the process, of its group and of its session."""
        return self._process.pid

    async def run(
        self,
        job: RawJson,
        instructions: dict[str, Any],
        *,
        name: str,
        on_progress: Callable[[dict[str, Any]], None],
    ) -> EncodedResult:
        """Run a job in the process.

        Args:
            job: the job.
            instructions: `folder` of the job, `triton_url`, `needed_s` (see `check_job`), `log_level`,
                `memory_bytes` (memory that the process may add to what it has; None sets no limit).
            name: name of the job in the log.
            on_progress: called with `stage`, `frames`, `total`, `fps`, `eta_s`, `percent`.

        Raises:
            WorkerError: the process reported it, or ended without a report.
        """
        self._name = name
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101  for mypy: they are pipes
        assert stdout is not None  # noqa: S101
        with contextlib.suppress(ConnectionError):  # it died: `_read_messages` raises
            stdin.write(json.dumps(instructions | {"bytes": len(job.data)}).encode() + b"\n")
            stdin.write(job.data)
            await stdin.drain()
            stdin.close()
        memory = MemoryWatch(self.pid, instructions["memory_bytes"])
        watch = asyncio.ensure_future(memory.run())
        try:
            return await self._read_messages(stdout, on_progress)
        except WorkerError as exc:
            if exc.code in _MAY_BE_MEMORY and (memory.was_close or self._log_mentions_memory):
                raise out_of_memory(instructions["memory_bytes"]) from exc
            raise
        finally:
            watch.cancel()

    async def _read_messages(
        self, stdout: asyncio.StreamReader, on_progress: Callable[[dict[str, Any]], None]
    ) -> EncodedResult:
        short = None
        while line := await stdout.readline():
            self.has_reported = True
            if line.startswith(_RESULT) and line.endswith(b"}\n"):
                return EncodedResult(whole=RawJson(line[len(_RESULT) : -2]), short=short)
            message = json.loads(line)
            if "progress" in message:
                on_progress(message["progress"])
            elif "short" in message:
                short = RawJson.of(message["short"])
            else:
                raise _from_code(**message["error"])
        code = await self._process.wait()
        await asyncio.wait({self._logger}, timeout=_LOG_S)  # the log may say why
        raise self._death(code)

    async def end(self) -> None:
        """End the process and its children: SIGTERM first, SIGKILL after STOP_S seconds."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._process.wait(), STOP_S)
        self.kill()
        await self._process.wait()
        await asyncio.wait({self._logger}, timeout=_LOG_S)

    def kill(self) -> None:
        """Kill the process and its children; return at once."""
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
                self._log_mentions_memory |= mentions_lack_of_memory(line)
                log.info("job %s: %s", self._name, line)


def _from_code(*, code: str, message: str, details: dict[str, int]) -> WorkerError:
    kinds = [WorkerError]
    for kind in kinds:
        if kind.code == code:
            return kind(message, **details)
        kinds += kind.__subclasses__()
    return WorkerError(message, **details)
