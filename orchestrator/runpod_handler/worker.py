"""Run the SDK's loop, do each job that it brings with the executor, and end in order.

It does not know how a job is done.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Literal

import runpod
from runpod.http_client import AsyncClientSession
from runpod.serverless.modules import rp_job, rp_scale
from runpod.serverless.modules.rp_job import get_stop_signals
from runpod.serverless.modules.worker_state import JobsProgress

from orchestrator.errors import (
    BadRequest,
    InferenceTimedOut,
    ShuttingDown,
    TritonUnavailable,
    WorkerError,
    disk_full_error,
)
from orchestrator.executor.executor import Executor
from orchestrator.executor.job_process import STOP_S
from orchestrator.executor.preflight import check_job, read_json
from orchestrator.executor.progress import ProgressSender
from orchestrator.executor.raw_json import RawJson
from orchestrator.machine import die_with_parent
from orchestrator.redaction import secrets_of, without_paths
from orchestrator.runpod_handler.fetch_jobs import take_jobs
from orchestrator.runpod_handler.local_api import serve_own_names
from orchestrator.runpod_handler.send_results import Answers
from orchestrator.safe_text import json_text, safe_text
from orchestrator.storage.client import StorageClient

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.executor.job_folders import JobFolders
    from orchestrator.executor.raw_json import Answer
    from orchestrator.redaction import Redactor
    from orchestrator.settings import Settings
    from orchestrator.triton.supervisor import Supervisor

Mode = Literal["loop", "api", "once"]
"""Jobs come from RunPod, or over HTTP from this machine, or there is one."""

_DAY_S = 86_400.0
"""Longest that a job may take, where nobody chose a limit."""
_URL_S = 60.0
"""For how long the URL of an output must be good, where nobody chose a limit. A day would refuse the hour
that most URLs are signed for."""

_WATCH_S = 0.5
_SENT_S = 1.5
"""Longest wait, at the end, for jobs that were stopped to be answered. With the default grace of 1 s and
STOP_S the worker is gone within 8 s of SIGTERM; RunPod kills it after about 10."""

_BEGUN_S = 0.3
"""In which the SDK begins a job that it has taken: it looks every 0.1 s."""

_READ_HERE_BYTES = 65_536
"""A job of more is looked at by its own process alone, because the event loop would stand still meanwhile."""

_READ_CHARS = 20_000
_TOLD_CHARS = 1_000
"""Of a message: how much is looked at, and how much is told. It may quote what came, which may be long."""

log = logging.getLogger(__name__)


class RunPodWorker:
    """Takes jobs until the process is told to end, or Triton is lost.

    Args:
        settings: of the process.
        mode: where jobs come from.
        triton: the server that jobs use; None where the settings name one that is not ours.
        folders: for the jobs' files.
        redact: of all that is told.
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
        self._storage = StorageClient.from_settings(settings)
        self._mode = mode
        self._triton = triton
        self._folders = folders
        self._redact = redact
        self._answers = Answers()
        self._executor: Executor | None = None
        self._failure: WorkerError | None = None
        self._leaving: asyncio.Task[None] | None = None
        self._before: dict[int, Any] = {}

    def run(self, arguments: Sequence[str]) -> None:
        """Start the SDK; return when the process was told to end.

        Args:
            arguments: of the SDK.

        Raises:
            TritonUnavailable: it died too often.
            SystemExit: the one job of the mode `once` is done: 0, or has failed: 1.
        """
        sys.argv[1:] = arguments
        pid = os.getpid()
        os.register_at_fork(after_in_child=lambda: _be_a_heartbeat(pid))
        rp_scale.get_job = self._take
        rp_scale.get_stop_signals = _stopped_jobs
        rp_job.send_result = self._answers.send
        if self._mode == "api":
            serve_own_names()
        if self._mode == "loop":
            runpod.serverless.register_fitness_check(self.triton_is_ready)
        else:
            self.triton_is_ready()
        try:
            runpod.serverless.start({"handler": self.handle, "concurrency_modifier": self._concurrency})
        except asyncio.CancelledError:
            pass  # that is how the loop is left
        except BaseException:
            if self._failure is None:
                raise
        if self._failure is not None:
            raise self._failure

    async def handle(self, job: dict[str, Any]) -> dict[str, Any] | Answer:
        """Do a job, and say how it went. Raises nothing but CancelledError, once nothing of the job is left.

        Args:
            job: `id`, `input` (RawJson, or values where the SDK parsed them), and `policy` with
                `executionTimeout` in milliseconds, where that was given.

        Returns:
            The result, as an `Answer` where it goes to RunPod; or `error`, `status` failed, `code` and
            `retryable`. With `refresh_worker` if this worker cannot do any more.
        """
        try:
            raw = job.get("input")
            if not isinstance(raw, RawJson):
                raw = _written(raw)
            task = "a large job"
            small = len(raw.data) <= _READ_HERE_BYTES
            values = read_json(raw.data) if small else None
            with self._redact.holding(secrets_of(json.dumps(values))):
                try:
                    if small:
                        task = check_job(
                            values,
                            settings=self._settings,
                            storage=self._storage,
                            needed_s=self._limit_s(job) or _URL_S,
                        ).task
                    log.info("job %s: %s", job.get("id"), task)
                    return await self._done(raw, job)
                except WorkerError as exc:
                    return self._failed(exc, job)
        except WorkerError as exc:
            return self._failed(exc, job)
        except Exception as exc:  # the SDK would send its traceback
            log.debug("failed", exc_info=True)
            unforeseen = WorkerError(f"{type(exc).__name__}; this is a fault of ours, report it")
            return self._failed(disk_full_error(exc) or unforeseen, job)

    async def _done(self, raw: RawJson, job: dict[str, Any]) -> dict[str, Any] | Answer:
        executor = self._begin()
        name, started_s = str(job.get("id")), asyncio.get_running_loop().time()
        restarts = self._triton.restarts if self._triton is not None else 0
        try:
            async with ProgressSender(lambda progress: self._send(progress, job)) as updates:
                answer = await executor.run(
                    raw,
                    name=name,
                    triton_url=self._triton_url,
                    timeout_s=self._limit_s(job) or _DAY_S,
                    needed_s=self._limit_s(job) or _URL_S,
                    on_progress=updates.report,
                )
        except (InferenceTimedOut, TritonUnavailable):
            # It may hang, which nobody else sees.
            if self._triton is not None and self._triton.restarts == restarts:
                self._triton.restart()
            raise
        log.info("job %s: done in %.1f s", name, asyncio.get_running_loop().time() - started_s)
        if self._mode == "loop":
            return answer
        values: dict[str, Any] = json.loads(answer.whole.data)
        return values

    def triton_is_ready(self) -> None:
        """Start Triton and wait until it answers. The SDK's fitness check, under this name in its log.

        Nothing here may open a gRPC channel: the SDK forks its heartbeat afterwards.

        Raises:
            TritonUnavailable: it does not start.
        """
        if self._triton is not None:
            self._triton.__enter__()

    def _concurrency(self, _current: int) -> int:
        """Say how many jobs may be taken. The SDK asks in its loop, before each time that it takes some."""
        self._begin()
        return self._settings.concurrency

    async def _take(self, session: Any, most: int) -> list[dict[str, Any]] | None:
        """Ask for jobs in the SDK's place: not once the worker is to end, when it would forget what comes."""
        if not self._ending.done():
            asked = asyncio.ensure_future(take_jobs(session, most))
            try:
                ends: set[asyncio.Future[Any]] = {asked, self._ending}
                await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
                if asked.done():
                    return asked.result()
            finally:
                asked.cancel()
        return await asyncio.Future()

    def _begin(self) -> Executor:
        """At the first call in the loop, open for jobs."""
        if self._executor is None:
            settings, loop = self._settings, asyncio.get_running_loop()
            self._ending: asyncio.Future[None] = loop.create_future()
            self._executor = Executor(
                folders=self._folders,
                concurrency=settings.concurrency,
                max_result_bytes=settings.max_result_bytes,
                memory_bytes=settings.job_memory_bytes,
            )
            # Here, because the SDK sets its own as it starts; those are called in `_leave`.
            for number in (signal.SIGTERM, signal.SIGINT):
                self._before[number] = signal.getsignal(number)
                loop.add_signal_handler(number, self._told_to_end, number)
            self._life = asyncio.ensure_future(self._live(self._executor))
        return self._executor

    async def _live(self, executor: Executor) -> None:
        """Watch Triton, until the loop ends."""
        try:
            while self._triton is None or self._triton.state != "failed":  # noqa: ASYNC110  set by a thread
                await asyncio.sleep(_WATCH_S)
            self._lose_triton(self._triton)
            await asyncio.Future()
        finally:
            await executor.close()

    def _lose_triton(self, triton: Supervisor) -> None:
        try:
            triton.check()
        except TritonUnavailable as exc:
            self._failure = exc
            log.warning("this worker can do no more jobs and asks to be replaced: %s", exc)
            self._leave_with(exc, grace_s=0)

    def _told_to_end(self, number: int) -> None:
        grace_s = self._settings.shutdown_grace_s
        name = signal.Signals(number).name
        log.info("%s: jobs in flight have %g s to end", name, grace_s)
        error = ShuttingDown("the worker was told to end before the job was done; send the job again")
        if self._leaving is not None and self._executor is not None:
            self._executor.stop(error)  # told a second time: at once
        self._leave_with(error, grace_s=grace_s)

    def _leave_with(self, error: WorkerError, *, grace_s: float) -> None:
        if self._leaving is None:
            self._leaving = asyncio.ensure_future(self._leave(error, grace_s=grace_s))

    async def _leave(self, error: WorkerError, *, grace_s: float) -> None:
        """Take no more jobs, let those in flight end, fail those that do not, and end the loop."""
        executor = self._begin()
        self._ending.set_result(None)
        before = self._before[signal.SIGTERM]
        if self._mode == "api" and callable(before):
            before(signal.SIGTERM, None)  # the HTTP server's: it takes no more
        if not await self._idle(executor, grace_s):
            executor.stop(error)
            if self._triton is not None:  # meanwhile; no job needs it any more
                self._triton_ends = asyncio.ensure_future(asyncio.to_thread(self._triton.stop))
            await self._idle(executor, STOP_S + 0.5 + _SENT_S)
        if self._mode == "loop":
            await executor.close()
            # The SDK waits up to 90 s for the end of its last request for jobs to stop.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()

    async def _idle(self, executor: Executor, timeout_s: float) -> bool:
        """Wait until all jobs are done, and their results sent; False if that takes more than `timeout_s`."""
        if self._mode != "loop":
            return await executor.idle(timeout_s)
        deadline_s = asyncio.get_running_loop().time() + timeout_s
        while JobsProgress().get_job_count():
            if asyncio.get_running_loop().time() > deadline_s:
                return False
            await asyncio.sleep(0.05)
        return True

    def _failed(self, error: WorkerError, job: dict[str, Any]) -> dict[str, Any]:
        text = safe_text(str(error)[:_READ_CHARS])
        message = " ".join(without_paths(self._redact(text)).split())[:_TOLD_CHARS]
        log.warning("job %s: %s: %s", job.get("id"), error.code, message)
        return {
            "error": f"{error.code}: {message}",
            "status": "failed",
            "code": error.code,
            "retryable": error.retryable,
            **({} if self._failure is None else {"refresh_worker": True}),
        }

    async def _send(self, progress: dict[str, Any], job: dict[str, Any]) -> None:
        """Send an update, and wait until it has arrived: `runpod.serverless.progress_update` would not."""
        if self._mode == "loop":
            async with AsyncClientSession() as session:
                await self._answers.update(session, progress, job)
        else:
            log.info("job %s: %s", job.get("id"), json_text(progress))

    @property
    def _triton_url(self) -> str:
        if self._triton is not None:
            return self._triton.server.url
        return self._settings.triton_url or ""

    def _limit_s(self, job: dict[str, Any]) -> float | None:
        """Return the longest time that the job or the operator allows it, None where neither says."""
        policy = job.get("policy")
        asked_ms = policy.get("executionTimeout") if isinstance(policy, dict) else None
        most_s = self._settings.job_timeout_s
        if isinstance(asked_ms, (int, float)) and not isinstance(asked_ms, bool) and asked_ms > 0:
            return min(asked_ms, 1000 * (most_s or _DAY_S)) / 1000  # a whole number may be too large for `/`
        return most_s


async def _stopped_jobs(session: Any) -> list[str]:
    """Ask which jobs are cancelled, and tell it a little later: the SDK forgets those it has not begun."""
    names: list[str] = await get_stop_signals(session)
    if names:
        await asyncio.sleep(_BEGUN_S)
    return names


def _written(values: Any) -> RawJson:
    """Write the values of a job as JSON again, for its process.

    Raises:
        BadRequest: they are nested too deeply for that.
    """
    try:
        return RawJson.of(values)
    except (ValueError, RecursionError) as exc:
        raise BadRequest("the job cannot be written as JSON; nest it less deeply") from exc


def _be_a_heartbeat(parent: int) -> None:
    """Make the process of the SDK's heartbeat end with the worker, and by signals as any process does."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    die_with_parent(parent)
