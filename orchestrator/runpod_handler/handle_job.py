"""Runs one job that the SDK brings, and returns its result or an error that is safe to show."""

from __future__ import annotations

import json
import logging
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

from runpod.http_client import AsyncClientSession

from orchestrator.errors import InferenceTimedOut, TritonUnavailable, WorkerError, disk_full_error
from orchestrator.executor.job_process_pool import JobProcessPool
from orchestrator.executor.progress import ProgressSender
from orchestrator.executor.raw_json import EncodedResult, RawJson
from orchestrator.executor.validate_job import check_job, read_json
from orchestrator.redaction import Redactor, secrets_of, without_paths
from orchestrator.runpod_handler.send_results import ResultSender
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.triton.supervisor import Supervisor
from orchestrator.utf8_json import json_text, safe_text

Mode = Literal["loop", "api", "once"]
"""Where jobs come from: RunPod, HTTP requests of this machine, or the command line (one job)."""

_DAY_S = 86_400.0
"""Time limit of a job where neither the job nor the operator sets one."""
_URL_S = 60.0
"""How long the output's URL must stay valid where no time limit is set. A day would refuse the one hour that
most URLs are signed for."""

_PARSED_HERE_BYTES = 65_536
"""A larger job is parsed by its own process alone: the event loop would stand still meanwhile."""

_READ_CHARS = 20_000
_SHOWN_CHARS = 1_000
"""How much of an error message is processed, and how much is sent. It may quote a long value of the job."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class JobHandler:
    """Runs jobs in an executor, and turns every failure into an answer.

    Attributes:
        settings: settings of the process.
        storage: checks the addresses of jobs.
        mode: where jobs come from.
        triton: the server that jobs use; None if the settings name one that somebody else runs.
        redact: hides secrets in messages.
        sender: sends progress to RunPod.
    """

    settings: Settings
    storage: StorageClient
    mode: Mode
    triton: Supervisor | None
    redact: Redactor
    sender: ResultSender

    async def handle(self, job: dict[str, Any], executor: JobProcessPool) -> dict[str, Any] | EncodedResult:
        """Run a job. Raises nothing but CancelledError, and then nothing of the job is left.

        Args:
            job: `id`; `input`, as RawJson or as the values that the SDK parsed; and possibly `policy`, with
                `executionTimeout` in milliseconds.
            executor: runs the job in a process of its own.

        Returns:
            The result, as an `EncodedResult` where it is sent to RunPod; or `error`, `status` "failed",
            `code`, `retryable`, and the details of the error.
        """
        limit_s = time_limit_s(job, self.settings.job_timeout_s)
        with ExitStack() as secrets:
            try:
                raw = job.get("input")
                if not isinstance(raw, RawJson):
                    raw = RawJson.of(raw)
                task = "a large job"
                if len(raw.data) <= _PARSED_HERE_BYTES:
                    values = read_json(raw.data)
                    secrets.enter_context(self.redact.holding(secrets_of(json.dumps(values))))
                    task = check_job(
                        values,
                        settings=self.settings,
                        storage=self.storage,
                        needed_s=limit_s or _URL_S,
                    ).task
                log.info("job %s: %s", job.get("id"), task)
                return await self._run(raw, job, executor, limit_s)
            except WorkerError as exc:
                return self._failure(exc, job)
            except Exception as exc:  # the SDK would send its traceback
                log.debug("failed", exc_info=True)
                unforeseen = WorkerError(f"{type(exc).__name__}; this is a fault of ours, report it")
                return self._failure(disk_full_error(exc) or unforeseen, job)

    async def _run(
        self, raw: RawJson, job: dict[str, Any], executor: JobProcessPool, limit_s: float | None
    ) -> dict[str, Any] | EncodedResult:
        started_s = time.monotonic()
        triton = self.triton
        restarts = 0 if triton is None else triton.restarts
        try:
            async with ProgressSender(lambda progress: self._send_progress(progress, job)) as progress:
                result = await executor.run(
                    raw,
                    name=str(job.get("id")),
                    triton_url=(self.settings.triton_url or "") if triton is None else triton.server.url,
                    timeout_s=limit_s or _DAY_S,
                    needed_s=limit_s or _URL_S,
                    on_progress=progress.report,
                )
        except (InferenceTimedOut, TritonUnavailable):
            # Triton may hang; the supervisor sees only a server that has ended.
            if triton is not None and triton.restarts == restarts:
                triton.restart()
            raise
        log.info("job %s: done in %.1f s", job.get("id"), time.monotonic() - started_s)
        if self.mode == "loop":
            return result
        values: dict[str, Any] = json.loads(result.whole.data)
        return values

    def _failure(self, error: WorkerError, job: dict[str, Any]) -> dict[str, Any]:
        text = safe_text(str(error)[:_READ_CHARS])
        message = " ".join(without_paths(self.redact(text)).split())[:_SHOWN_CHARS]
        log.warning("job %s: %s: %s", job.get("id"), error.code, message)
        return {
            "error": f"{error.code}: {message}",
            "status": "failed",
            "code": error.code,
            "retryable": error.retryable,
            **error.details,
        }

    async def _send_progress(self, progress: dict[str, Any], job: dict[str, Any]) -> None:
        """Send progress and wait until it has arrived: `runpod.serverless.progress_update` would not wait."""
        if self.mode == "loop":
            async with AsyncClientSession() as session:
                await self.sender.send_progress(session, progress, job)
        else:
            log.info("job %s: %s", job.get("id"), json_text(progress))


def time_limit_s(job: dict[str, Any], most_s: float | None) -> float | None:
    """Return the time limit of a job: its `executionTimeout`, but at most the operator's; None for no limit.

    Args:
        job: see `JobHandler.handle`.
        most_s: the operator's limit, if any.
    """
    policy = job.get("policy")
    asked_ms = policy.get("executionTimeout") if isinstance(policy, dict) else None
    if isinstance(asked_ms, (int, float)) and not isinstance(asked_ms, bool) and asked_ms > 0:
        return min(asked_ms, 1000 * (most_s or _DAY_S)) / 1000  # an int may be too large for `/`
    return most_s
