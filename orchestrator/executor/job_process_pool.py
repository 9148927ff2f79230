"""Runs jobs side by side, each in a process of its own, and cleans up after each, however it ends.

Some processes are always started in advance, so that a job does not wait for libraries to load.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Coroutine
from typing import Any

from orchestrator.errors import JobCrashed, JobKilled, TimedOut, WorkerError
from orchestrator.executor.job_folders import JobFolders
from orchestrator.executor.job_process import JobProcess
from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.machine import cores
from orchestrator.triton import posix_shared_memory as shared_memory

log = logging.getLogger(__name__)


class JobProcessPool:
    """Runs jobs. It belongs to the event loop in which it is created.

    Args:
        folders: makes a folder for each job.
        concurrency: how many jobs run at once; further ones wait for their turn.
        max_result_bytes: longest result of a job.
        memory_bytes: memory that a job may use beyond its loaded libraries; None sets no limit.
    """

    def __init__(
        self, *, folders: JobFolders, concurrency: int, max_result_bytes: int, memory_bytes: int | None
    ) -> None:
        self._folders = folders
        self._spare_count = min(concurrency, cores())  # so that jobs that come together do not wait
        self._turns = asyncio.Semaphore(concurrency)
        self._max_result_bytes = max_result_bytes
        self._memory_bytes = memory_bytes
        self._spares: deque[asyncio.Task[JobProcess]] = deque()
        self._stopped: asyncio.Future[WorkerError] = asyncio.get_running_loop().create_future()
        self._jobs = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._start_spares()

    async def close(self) -> None:
        """End the spare processes. May be called again; no job may run any more."""
        while self._spares:
            with contextlib.suppress(JobKilled):  # it could not be started
                process = await self._spares.popleft()
                process.kill()
                await process.end()

    def stop(self, error: WorkerError) -> None:
        """End all jobs with this error, and refuse new ones with it."""
        if not self._stopped.done():
            self._stopped.set_result(error)

    async def idle(self, timeout_s: float) -> bool:
        """Wait until no job runs or waits; return False after `timeout_s`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), timeout_s)
        return not self._jobs

    async def run(
        self,
        job: RawJson,
        *,
        name: str,
        triton_url: str,
        timeout_s: float,
        needed_s: float,
        on_progress: Callable[[dict[str, Any]], None],
    ) -> EncodedResult:
        """Run a job. When this returns, raises or is cancelled, no process, file or memory of it is left.

        Args:
            job: the job.
            name: name of the job in the log.
            triton_url: host:port of a running Triton.
            timeout_s: time limit of the job, counted from its start.
            needed_s: see `check_job`.
            on_progress: see `JobProcess.run`.

        Raises:
            WorkerError: the job failed or took too long, or `stop` was called.
        """
        self._jobs += 1
        self._idle.clear()
        try:
            async with self._turns:
                if self._stopped.done():
                    raise self._stopped.result()
                with self._folders.make_one() as folder:
                    instructions = {
                        "folder": str(folder),
                        "triton_url": triton_url,
                        "needed_s": needed_s,
                        "memory_bytes": self._memory_bytes,
                        "log_level": logging.getLogger("orchestrator").level,
                    }

                    def run_in(process: JobProcess) -> Coroutine[Any, Any, EncodedResult]:
                        running = process.run(job, instructions, name=name, on_progress=on_progress)
                        return self._watch(process, running, timeout_s=timeout_s)

                    spare = await self._take_spare()
                    try:
                        return await run_in(spare)
                    except (JobCrashed, JobKilled):
                        if spare.has_reported:
                            raise
                    # It was killed while it waited for a job, so nothing of this one has been done.
                    return await run_in(await self._start())
        finally:
            self._jobs -= 1
            if not self._jobs:
                self._idle.set()

    async def _watch(
        self, process: JobProcess, running: Coroutine[Any, Any, EncodedResult], *, timeout_s: float
    ) -> EncodedResult:
        """Wait for the result, a stop or the time limit; then end the process."""
        work = asyncio.ensure_future(running)
        try:
            ends: set[asyncio.Future[Any]] = {work, self._stopped}
            await asyncio.wait(ends, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if self._stopped.done():
                raise self._stopped.result()
            raise TimedOut(
                f"the job was not done within {timeout_s:g} s; allow it more time, or ask for less at once"
            )
        finally:
            work.cancel()
            try:
                await process.end()
                await asyncio.wait({work})
            finally:
                process.kill()
                shared_memory.remove_leftovers()

    async def _take_spare(self) -> JobProcess:
        spare = self._spares.popleft()
        self._start_spares()
        return await spare

    def _start_spares(self) -> None:
        while len(self._spares) < self._spare_count:
            self._spares.append(asyncio.ensure_future(self._start()))

    async def _start(self) -> JobProcess:
        return await JobProcess.start(max_result_bytes=self._max_result_bytes)
