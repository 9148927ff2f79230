"""Keeps RunPod's jobs from acceptance to deletion, and hands them to real workers or pretends to run them."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tools.stand_ins.runpod_clock import Clock
from tools.stand_ins.runpod_faults import Faults
from tools.stand_ins.runpod_job import Job, Policy, Refused, Run
from tools.stand_ins.runpod_server import POD, RunPodServer, WorkerMessage
from tools.stand_ins.runpod_webhooks import Webhooks

RETENTION_S = 1800.0
"""How long RunPod keeps the result of a job."""

WEBHOOK_RETRY_S = 10.0
"""The time between two tries to send a webhook."""

PRETENDED = "pretended"
"""The workerId of jobs that no worker runs."""


@dataclass(frozen=True)
class Pretence:
    """How a job goes that no worker runs.

    Attributes:
        wait_s: how long it waits before each run.
        run_s: how long it runs.
        answer: what the worker sends at the end: `output`, or `error`, or both.
        progress: the updates that it sends while it runs, evenly spread.
        runs: how many times it runs, one after the other; each run ends with a webhook.
        replaced: values that replace those of its final status; `...` leaves a field out.
    """

    wait_s: float = 0.0
    run_s: float = 0.0
    answer: dict[str, Any] = field(default_factory=lambda: {"output": {"status": "completed"}})
    progress: tuple[Any, ...] = ()
    runs: int = 1
    replaced: dict[str, Any] = field(default_factory=dict)


class RunPodQueue:
    """The jobs of one endpoint.

    Attributes:
        jobs: all jobs that were ever accepted, by id, also those that RunPod has deleted.
        pretend: decides how a job goes without a worker; where it returns None, real workers get the job.
        worker: the side that real workers see.
        faults: what shall go wrong.
        clock: the clock of all times here; `clock.advance` lets time pass.
        changed: guards everything here, and is notified of every change.
    """

    def __init__(self, *, webhook_retry_s: float = WEBHOOK_RETRY_S, retention_s: float = RETENTION_S) -> None:
        self.jobs: dict[str, Job] = {}
        self.pretend: Callable[[Job], Pretence | None] = lambda _job: None
        self.worker = RunPodServer()
        self.worker.on_take = lambda job_id: self._start(job_id, POD)
        self.worker.on_message = self._hear
        self.changed = self.worker.changed
        self.faults = Faults()
        self.clock = Clock()
        self.webhooks = Webhooks(self.clock, webhook_retry_s, self.changed)
        self._retention_s = retention_s

    @contextmanager
    def keeping_time(self) -> Iterator[None]:
        with self.clock.running():
            try:
                yield
            finally:
                self.webhooks.close()

    def wait(self, true: Callable[[], object], timeout_s: float = 60) -> None:
        """Wait until something is true of the jobs."""
        self.worker.wait(lambda: bool(true()), timeout_s)

    def accept(self, request: object) -> Job:
        """Queue a job.

        Raises:
            Refused: the request has no `input`, or a bad `policy` or `webhook`.
        """
        if not isinstance(request, dict) or not isinstance(request.get("input"), dict):
            raise Refused(400, "input is missing, or is not an object")
        webhook = request.get("webhook")
        if webhook is not None and not (isinstance(webhook, str) and webhook.startswith("http")):
            raise Refused(400, "webhook is not an http or https URL")
        policy = Policy.of(request.get("policy"))
        with self.changed:
            job = Job(f"{uuid.uuid4()}-u1", request, policy, self.clock.now_s())
            self.jobs[job.id] = job
            self.clock.after(policy.ttl_ms / 1000, lambda: self._outlive(job))
            self._queue(job)
            return job

    def find(self, job_id: str) -> Job:
        """Return a job.

        Raises:
            Refused: there is none of this id, or none any more.
        """
        with self.changed:
            job = self.jobs.get(job_id)
            if job is None or job.deleted:
                raise Refused(404, "there is no such job")
            return job

    def cancel(self, job_id: str) -> Job:
        """Cancel a job that has not ended; one that has ended stays as it is."""
        with self.changed:
            job = self.find(job_id)
            if not job.is_final:
                self._end(job, "CANCELLED")
            return job

    def retry(self, job_id: str) -> Job:
        """Queue a job anew that has failed or timed out; its answer is lost.

        Raises:
            Refused: it has ended otherwise, or has not ended.
        """
        with self.changed:
            job = self.find(job_id)
            if job.state not in {"FAILED", "TIMED_OUT"}:
                raise Refused(400, f"a job that is {job.state} cannot be retried")
            job.reset()
            self._queue(job)
            return job

    def health(self) -> dict[str, Any]:
        with self.changed:
            states = [job.state for job in self.jobs.values() if not job.deleted]
            running = states.count("IN_PROGRESS")
            return {
                "jobs": {
                    "completed": states.count("COMPLETED"),
                    "failed": states.count("FAILED"),
                    "inProgress": running,
                    "inQueue": states.count("IN_QUEUE"),
                    "retried": sum(job.retries for job in self.jobs.values()),
                },
                "workers": {
                    "idle": int(not running and bool(self.worker.pings)),
                    "running": int(running > 0),
                },
            }

    def _queue(self, job: Job) -> None:
        pretence = self.pretend(job)
        if pretence is None:
            self.worker.offer({"id": job.id, **job.request})
        else:
            job.replaced = pretence.replaced
            self.clock.after(pretence.wait_s, lambda: self._pretend(job, pretence, pretence.runs))
        self.changed.notify_all()

    def _start(self, job_id: str, worker_id: str) -> None:
        job = self.jobs.get(job_id)
        if job is None or job.state != "IN_QUEUE" or job.deleted:
            return
        run = Run(self.clock.now_s())
        job.runs.append(run)
        job.state, job.worker_id = "IN_PROGRESS", worker_id
        self.clock.after(job.policy.execution_timeout_ms / 1000, lambda: self._time_out(job, run))

    def _hear(self, message: WorkerMessage) -> None:
        job = self.jobs.get(message.job_id)
        if job is None or job.state != "IN_PROGRESS" or job.deleted:
            return  # RunPod accepts the answer of a job that has ended, and forgets it
        if message.is_update:
            job.progress = message.body.get("output")
        else:
            self._finish(job, message.body)

    def _finish(self, job: Job, answer: dict[str, Any]) -> None:
        job.answer = answer
        self._end(job, "FAILED" if answer.get("error") else "COMPLETED")

    def _end(self, job: Job, state: str) -> None:
        self._stop(job)
        job.state = state
        self.webhooks.send(job, self.faults.of_webhook(job.id))
        runs = len(job.runs)
        self.clock.after(self._retention_s, lambda: self._forget(job, runs))
        self.changed.notify_all()

    def _stop(self, job: Job) -> None:
        if job.state == "IN_QUEUE":
            self.worker.withdraw(job.id)
        elif job.state == "IN_PROGRESS":
            job.runs[-1].end_s = self.clock.now_s()
            if not job.answer and job.worker_id == POD:
                self.worker.cancel(job.id)

    def _time_out(self, job: Job, run: Run) -> None:
        with self.changed:
            if job.state == "IN_PROGRESS" and job.runs[-1] is run and not job.deleted:
                job.answer = {}
                self._end(job, "TIMED_OUT")

    def _outlive(self, job: Job) -> None:
        with self.changed:
            if not job.is_final and not job.deleted:
                self._stop(job)
                job.deleted = True
                self.changed.notify_all()

    def _forget(self, job: Job, runs: int) -> None:
        with self.changed:
            if job.is_final and len(job.runs) == runs:
                job.deleted = True
                self.changed.notify_all()

    def _pretend(self, job: Job, pretence: Pretence, runs: int) -> None:
        with self.changed:
            self._start(job.id, PRETENDED)
            if job.state != "IN_PROGRESS":
                return
            run = job.runs[-1]
            for number, update in enumerate(pretence.progress):
                delay_s = pretence.run_s * number / len(pretence.progress)
                self.clock.after(delay_s, partial(self._pretend_update, job, run, update))
            self.clock.after(pretence.run_s, lambda: self._pretend_end(job, run, pretence, runs - 1))
            self.changed.notify_all()

    def _pretend_update(self, job: Job, run: Run, update: Any) -> None:
        with self.changed:
            if job.state == "IN_PROGRESS" and job.runs[-1] is run and not job.deleted:
                job.progress = update
                self.changed.notify_all()

    def _pretend_end(self, job: Job, run: Run, pretence: Pretence, more_runs: int) -> None:
        with self.changed:
            if job.state != "IN_PROGRESS" or job.runs[-1] is not run or job.deleted:
                return
            self._finish(job, dict(pretence.answer))
            if more_runs:
                self.clock.after(pretence.wait_s, lambda: self._pretend_again(job, pretence, more_runs))

    def _pretend_again(self, job: Job, pretence: Pretence, runs: int) -> None:
        with self.changed:
            if job.is_final and not job.deleted:
                job.reset()
                self._pretend(job, pretence, runs)
