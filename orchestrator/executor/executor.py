"""Do jobs side by side, each in a process of its own, and leave nothing of any, however it ends.

Some processes are always started ahead, so that a job does not wait for libraries to load. It does not know
where jobs come from.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING, Any

from orchestrator.errors import JobCrashed, JobKilled, TimedOut, WorkerError
from orchestrator.executor.job_process import JobProcess
from orchestrator.machine import cores
from orchestrator.triton import shared_memory

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from orchestrator.executor.job_folders import JobFolders
    from orchestrator.executor.raw_json import Answer, RawJson

log = logging.getLogger(__name__)


class Executor:
    """Does jobs. Made, used and closed in one event loop.

    Args:
        folders: for the jobs' files.
        concurrency: jobs at once; more wait for their turn.
        max_result_bytes: longest result of a job.
        memory_bytes: memory that a job may take on; None is no limit.
    """

    def __init__(
        self, *, folders: JobFolders, concurrency: int, max_result_bytes: int, memory_bytes: int | None
    ) -> None:
        self._folders = folders
        self._ahead = min(concurrency, cores())  # jobs that come together find one each
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
        """End the processes that were started ahead. May be called again; no job may be done any more."""
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
        """Wait until no job is done or waits for its turn; False if that takes more than `timeout_s`."""
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
    ) -> Answer:
        """Do a job; nothing of it is left when this returns, raises or is cancelled.

        Args:
            job: as it arrived.
            name: for the log.
            triton_url: of a running Triton.
            timeout_s: longest that it may take once it has its turn.
            needed_s: for how long presigned URLs of its output must be good.
            on_progress: see `JobProcess.run`.

        Returns:
            The result.

        Raises:
            WorkerError: it failed, took too long, or `stop` was called.
        """
        self._jobs += 1
        self._idle.clear()
        try:
            async with self._turns:
                if self._stopped.done():
                    raise self._stopped.result()
                with self._folders.one() as folder:
                    order = {
                        "folder": str(folder),
                        "triton_url": triton_url,
                        "needed_s": needed_s,
                        "memory_bytes": self._memory_bytes,
                        "log_level": logging.getLogger("orchestrator").level,
                    }
                    spare = await self._take_spare()
                    try:
                        return await self._watched(
                            spare,
                            spare.run(job, order, name=name, on_progress=on_progress),
                            timeout_s=timeout_s,
                        )
                    except (JobCrashed, JobKilled):
                        if spare.begun:
                            raise
                    # It was killed while it waited for a job, and nothing of this one was done.
                    fresh = await self._start()
                    return await self._watched(
                        fresh, fresh.run(job, order, name=name, on_progress=on_progress), timeout_s=timeout_s
                    )
        finally:
            self._jobs -= 1
            if not self._jobs:
                self._idle.set()

    async def _watched(
        self, process: JobProcess, doing: Coroutine[Any, Any, Answer], *, timeout_s: float
    ) -> Answer:
        """Wait for the result, for a stop or for the end of the time, and end the process."""
        work = asyncio.ensure_future(doing)
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
        while len(self._spares) < self._ahead:
            self._spares.append(asyncio.ensure_future(self._start()))

    async def _start(self) -> JobProcess:
        return await JobProcess.start(max_result_bytes=self._max_result_bytes)
