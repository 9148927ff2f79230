"""Runs the SDK's loop until SIGTERM or the loss of Triton, and then shuts the worker down in order."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from collections.abc import Sequence
from typing import Any

import runpod
from runpod.serverless.modules import rp_job, rp_scale
from runpod.serverless.modules.rp_job import get_stop_signals
from runpod.serverless.modules.worker_state import JobsProgress

from orchestrator.errors import ShuttingDown, TritonUnavailable, WorkerError
from orchestrator.executor.job_folders import JobFolders
from orchestrator.executor.job_process import STOP_S
from orchestrator.executor.job_process_pool import JobProcessPool
from orchestrator.executor.raw_json import EncodedResult
from orchestrator.machine import die_with_parent
from orchestrator.redaction import Redactor
from orchestrator.runpod_handler.fetch_jobs import fetch_jobs
from orchestrator.runpod_handler.handle_job import JobHandler, Mode
from orchestrator.runpod_handler.local_api_guard import refuse_other_sites
from orchestrator.runpod_handler.send_results import ResultSender
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.triton.supervisor import Supervisor

_WATCH_S = 0.5
_SEND_S = 1.5
"""Longest wait, at the end, until the answers of stopped jobs are sent. With the default grace of 1 s and
STOP_S the worker ends within 8 s of SIGTERM; RunPod kills it after about 10."""

_START_S = 0.3
"""Time in which the SDK starts a job that it has received: it looks every 0.1 s."""

log = logging.getLogger(__name__)


class RunPodWorker:
    """Receives and runs jobs until the process must end, or Triton is lost.

    Args:
        settings: settings of the process.
        mode: where jobs come from.
        triton: the server that jobs use; None if the settings name one that somebody else runs.
        folders: makes the folders of the jobs.
        redact: hides secrets in messages.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        mode: Mode,
        triton: Supervisor | None,
        folders: JobFolders,
        redact: Redactor,
    ) -> None:
        self._settings = settings
        self._mode = mode
        self._triton = triton
        self._folders = folders
        self._sender = ResultSender()
        self._handler = JobHandler(
            settings=settings,
            storage=StorageClient.from_settings(settings),
            mode=mode,
            triton=triton,
            redact=redact,
            sender=self._sender,
        )
        self._executor: JobProcessPool | None = None
        self._failure: WorkerError | None = None
        self._shutdown: asyncio.Task[None] | None = None
        self._fetching: asyncio.Future[list[dict[str, Any]] | None] | None = None

    def run(self, arguments: Sequence[str]) -> None:
        """Start the SDK; return when the process must end.

        Args:
            arguments: command-line arguments of the SDK.

        Raises:
            TritonUnavailable: it died too often.
            SystemExit: the one job of the mode `once` has succeeded (0) or failed (1).
        """
        sys.argv[1:] = arguments
        pid = os.getpid()
        os.register_at_fork(after_in_child=lambda: _set_up_heartbeat(pid))
        rp_scale.get_job = self._fetch_jobs
        rp_scale.get_stop_signals = _cancelled_jobs
        rp_job.send_result = self._sender.send
        if self._mode == "api":
            refuse_other_sites()
        if self._mode == "loop":
            runpod.serverless.register_fitness_check(self.triton_is_ready)
        else:
            self.triton_is_ready()
        try:
            runpod.serverless.start({"handler": self.handle, "concurrency_modifier": self._concurrency})
        except asyncio.CancelledError:
            pass  # the shutdown cancels the SDK's loop
        except BaseException:
            if self._failure is None:
                raise
        if self._failure is not None:
            raise self._failure

    async def handle(self, job: dict[str, Any]) -> dict[str, Any] | EncodedResult:
        """Run a job; see `JobHandler.handle`. The answer has `refresh_worker` once Triton is lost."""
        answer = await self._handler.handle(job, self._started())
        if self._failure is not None and isinstance(answer, dict) and "error" in answer:
            answer["refresh_worker"] = True
        return answer

    def triton_is_ready(self) -> None:
        """Start Triton and wait until it answers. The SDK's fitness check, under this name in its log.

        Nothing here may open a gRPC channel: the SDK forks its heartbeat afterwards.

        Raises:
            TritonUnavailable: it does not start.
        """
        if self._triton is not None:
            self._triton.__enter__()

    def _concurrency(self, _current: int) -> int:
        """Return how many jobs may run at once. The SDK asks in its loop before it fetches jobs."""
        self._started()
        return self._settings.concurrency

    async def _fetch_jobs(self, session: Any, most: int) -> list[dict[str, Any]] | None:
        """Fetch jobs, until the worker shuts down: the SDK would forget those that come later."""
        if not self._closing.done():
            fetching = self._fetching = asyncio.ensure_future(fetch_jobs(session, most))
            try:
                ends: set[asyncio.Future[Any]] = {fetching, self._closing}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if fetching.done():
                    return fetching.result()
            finally:
                fetching.cancel()
        return await asyncio.Future()

    def _started(self) -> JobProcessPool:
        """Return the executor. The first call, in the SDK's loop, makes it and sets the signal handlers."""
        if self._executor is None:
            settings, loop = self._settings, asyncio.get_running_loop()
            self._closing: asyncio.Future[None] = loop.create_future()
            self._executor = JobProcessPool(
                folders=self._folders,
                concurrency=settings.concurrency,
                max_result_bytes=settings.max_result_bytes,
                memory_bytes=settings.job_memory_bytes,
            )
            # Not earlier: the SDK sets its own as it starts. `_shut_down` calls that of the HTTP API.
            self._sdk_handler: Any = signal.getsignal(signal.SIGTERM)
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.add_signal_handler(number, self._on_signal, number)
            self._watch = asyncio.ensure_future(self._watch_triton(self._executor))
        return self._executor

    async def _watch_triton(self, executor: JobProcessPool) -> None:
        """Shut down when Triton is lost; close the executor when the loop ends."""
        try:
            while self._triton is None or self._triton.state != "failed":  # noqa: ASYNC110  set by a thread
                await asyncio.sleep(_WATCH_S)
            try:
                self._triton.check()
            except TritonUnavailable as exc:
                self._failure = exc
                log.warning("this worker cannot run jobs any more and asks to be replaced: %s", exc)
                self._start_shutdown(exc, grace_s=0, cause="Triton is lost")
            await asyncio.Future()
        finally:
            await executor.close()

    def _on_signal(self, number: int) -> None:
        error = ShuttingDown("the worker was told to end before the job was done; send the job again")
        if self._shutdown is not None:
            self._started().stop(error)  # the second signal: at once
        self._start_shutdown(
            error, grace_s=self._settings.shutdown_grace_s, cause=signal.Signals(number).name
        )

    def _start_shutdown(self, error: WorkerError, *, grace_s: float, cause: str) -> None:
        if self._shutdown is None:
            self._shutdown = asyncio.ensure_future(self._shut_down(error, grace_s=grace_s, cause=cause))

    async def _shut_down(self, error: WorkerError, *, grace_s: float, cause: str) -> None:
        """Fetch no more jobs, fail those that do not end within the grace, and end the loop."""
        executor = self._started()
        self._closing.set_result(None)
        if self._fetching is not None:
            await asyncio.wait({self._fetching})  # a job that comes until then is run as any other
        log.info("%s: jobs in flight have %g s to end", cause, grace_s)
        if self._mode == "api" and callable(self._sdk_handler):
            self._sdk_handler(signal.SIGTERM, None)  # the HTTP server takes no more requests
        if not await self._idle(executor, grace_s):
            executor.stop(error)
            if self._triton is not None:  # in the meantime: no job needs it any more
                self._triton_stop = asyncio.ensure_future(asyncio.to_thread(self._triton.stop))
            await self._idle(executor, STOP_S + 0.5 + _SEND_S)
        if self._mode == "loop":
            await executor.close()
            # The SDK would wait up to 90 s for the end of its last request for cancelled jobs.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    async def _idle(self, executor: JobProcessPool, timeout_s: float) -> bool:
        """Wait until all jobs have ended and their answers are sent; return False after `timeout_s`."""
        if self._mode != "loop":
            return await executor.idle(timeout_s)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while JobsProgress().get_job_count():  # noqa: ASYNC110  the SDK has no event for it
                    await asyncio.sleep(0.05)
        return not JobsProgress().get_job_count()


async def _cancelled_jobs(session: Any) -> list[str]:
    """Return the ids of cancelled jobs, a little later: the SDK forgets jobs that it has not started yet."""
    names: list[str] = await get_stop_signals(session)
    if names:
        await asyncio.sleep(_START_S)
    return names


def _set_up_heartbeat(parent: int) -> None:
    """Make the process of the SDK's heartbeat end with the worker, and react to signals by default."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)
