"""Sends RunPod's webhooks: a POST of the job's final status, and two more tries if the answer is not 200."""

from __future__ import annotations

import http.client
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from tools.stand_ins.runpod_clock import Clock
from tools.stand_ins.runpod_faults import WebhookFault
from tools.stand_ins.runpod_job import Delivery, Job

TRIES = 3
TIMEOUT_S = 10.0


class Webhooks:
    """Sends webhooks from threads of its own.

    Args:
        clock: measures the time between two tries.
        retry_s: that time; RunPod waits 10 s.
        changed: is held while a delivery is recorded at its job, and notified.
    """

    def __init__(self, clock: Clock, retry_s: float, changed: threading.Condition) -> None:
        self._clock = clock
        self._retry_s = retry_s
        self._changed = changed
        self._threads = ThreadPoolExecutor(64)

    def send(self, job: Job, fault: WebhookFault) -> None:
        """Send the webhook of a job that has just ended, if it has one."""
        if job.webhook is None:
            return
        state, body = job.state, json.dumps(job.notice()).encode()
        job.webhooks_to_come += fault.copies
        for _ in range(fault.copies):
            self._clock.after(fault.delay_s, lambda: self._start(job, state, body, TRIES))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _start(self, job: Job, state: str, body: bytes, tries: int) -> None:
        self._threads.submit(self._try, job, state, body, tries)

    def _try(self, job: Job, state: str, body: bytes, tries: int) -> None:
        status = post(str(job.webhook), body)
        is_last = status == 200 or tries == 1
        with self._changed:
            job.deliveries.append(Delivery(state, status))
            job.webhooks_to_come -= is_last
            self._changed.notify_all()
        if not is_last:
            self._clock.after(self._retry_s, lambda: self._start(job, state, body, tries - 1))


def post(url: str, body: bytes) -> int | None:
    """POST some JSON; return the status of the answer, or None if none came. Redirects are not followed."""
    parts = urlsplit(url)
    kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = kind(parts.netloc, timeout=TIMEOUT_S)
        try:
            path = parts.path + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", path, body, {"Content-Type": "application/json"})
            return connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):
        return None
