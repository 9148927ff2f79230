"""Runs a local job server with the protocol of RunPod's SDK (1.12): take, take a batch, stop, done, ping.

This is the side of RunPod that workers see; `runpod_api` adds the one that clients see.

It responds with a job as JSON, a list of jobs, the ids of jobs to stop, or 204; workers post results as JSON
with the content type of a form.
"""

from __future__ import annotations

import contextlib
import json
import select
import socket
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

POD = "pod-1"
API_KEY = "rpa_0123456789ABCDEFGHIJ"
HOLD_S = 1.0
"""How long a request waits for a job; RunPod's own server waits longer."""


class WorkerMessage(NamedTuple):
    """A progress update or a result that a worker posted, with its time in seconds of `time.monotonic`."""

    job_id: str
    body: dict[str, Any]
    at_s: float

    @property
    def is_update(self) -> bool:
        return self.body.get("status") == "IN_PROGRESS"


class RunPodServer:
    """Offers jobs to a worker, and collects its updates and results."""

    def __init__(self) -> None:
        self.messages: list[WorkerMessage] = []
        self.pings: list[dict[str, list[str]]] = []
        self.taken: list[str] = []
        self.batches: list[int] = []
        self.answers: deque[int] = deque()
        """The HTTP statuses of the responses to the next results; later ones get 200."""
        self.retry_after = ""
        """The Retry-After header of those responses."""
        self.refused: list[dict[str, Any]] = []
        """The results that got such a response."""
        self.on_take: Callable[[str], None] = lambda _job_id: None
        """Is called with the id of each job that a worker takes, while `changed` is held."""
        self.on_message: Callable[[WorkerMessage], None] = lambda _message: None
        """Is called with each update and result that the server accepts, while `changed` is held."""
        self._waiting: deque[dict[str, Any] | bytes] = deque()
        self._to_stop: deque[str] = deque()
        self.changed = threading.Condition()
        """Guards everything here, and is notified of every change."""
        self._closing = False
        self._http: ThreadingHTTPServer | None = None

    @property
    def environment(self) -> dict[str, str]:
        """The environment that RunPod gives a worker, with settings for a machine without internet."""
        assert self._http is not None
        base = f"http://127.0.0.1:{self._http.server_address[1]}/v2/endpoint"
        return {
            "RUNPOD_WEBHOOK_GET_JOB": f"{base}/job-take/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_OUTPUT": f"{base}/job-done/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_POST_STREAM": f"{base}/job-stream/$RUNPOD_POD_ID/$ID?gpu=none",
            "RUNPOD_WEBHOOK_PING": f"{base}/ping/$RUNPOD_POD_ID",
            "RUNPOD_PING_INTERVAL": "1000",
            "RUNPOD_AI_API_KEY": API_KEY,
            "RUNPOD_POD_ID": POD,
            "RUNPOD_SKIP_AUTO_SYSTEM_CHECKS": "true",
            "RUNPOD_SKIP_GPU_CHECK": "true",
        }

    def submit(self, values: object, **more: object) -> str:
        """Offer a job; return its id."""
        job = {"id": f"job-{uuid.uuid4().hex[:12]}", "input": values, **more}
        self.offer(job)
        return str(job["id"])

    def offer(self, job: dict[str, Any]) -> None:
        """Offer a job that has an id."""
        with self.changed:
            self._waiting.append(job)
            self.changed.notify_all()

    def withdraw(self, job_id: str) -> None:
        """Stop offering a job that no worker has taken."""
        with self.changed:
            kept = [job for job in self._waiting if isinstance(job, bytes) or job["id"] != job_id]
            self._waiting = deque(kept)

    def submit_raw(self, *jobs: bytes) -> None:
        """Offer jobs as bytes, in one batch if the worker takes that many."""
        with self.changed:
            self._waiting.extend(jobs)
            self.changed.notify_all()

    def cancel(self, job_id: str) -> None:
        """Ask the worker to stop a job."""
        with self.changed:
            self._to_stop.append(job_id)
            self.changed.notify_all()

    def updates(self, job_id: str) -> list[dict[str, Any]]:
        """Return the progress updates of a job."""
        return [message.body["output"] for message in self.of(job_id) if message.is_update]

    def of(self, job_id: str) -> list[WorkerMessage]:
        with self.changed:
            return [message for message in self.messages if message.job_id == job_id]

    def result(self, job_id: str, timeout_s: float = 120) -> dict[str, Any]:
        """Wait for the result of a job."""
        self.wait(lambda: any(not message.is_update for message in self.of(job_id)), timeout_s)
        (result,) = (message.body for message in self.of(job_id) if not message.is_update)
        return result

    def stage(self, job_id: str, stage: str, timeout_s: float = 120) -> None:
        """Wait until a job is at a stage."""
        self.wait(lambda: any(update["stage"] == stage for update in self.updates(job_id)), timeout_s)

    def wait(self, true: Callable[[], bool], timeout_s: float = 120) -> None:
        with self.changed:
            assert self.changed.wait_for(true, timeout_s), f"not within {timeout_s} s"

    @contextmanager
    def running(self, port: int = 0) -> Iterator[RunPodServer]:
        """Serve on a port of 127.0.0.1; 0 selects a free one."""
        server = self

        class Handler(_Handler):
            runpod = server

        self._http = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._http.daemon_threads = True
        thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._closing = True
            with self.changed:
                self.changed.notify_all()
            self._http.shutdown()
            self._http.server_close()
            thread.join()

    def take(self, most: int, connection: socket.socket) -> list[bytes]:
        with self.changed:
            self.changed.wait_for(lambda: self._waiting or self._closing, HOLD_S)
            if _is_closed(connection):
                return []
            jobs = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
            for job in jobs:
                if isinstance(job, dict):
                    self.taken.append(str(job["id"]))
                    self.on_take(str(job["id"]))
            if most > 1:
                self.batches.append(len(jobs))
            self.changed.notify_all()
            return [job if isinstance(job, bytes) else json.dumps(job).encode() for job in jobs]

    def stops(self) -> list[str]:
        with self.changed:
            self.changed.wait_for(lambda: self._to_stop or self._closing, HOLD_S)
            ids = list(self._to_stop)
            self._to_stop.clear()
            return ids

    def hear(self, job_id: str, body: dict[str, Any]) -> int:
        with self.changed:
            status = self.answers.popleft() if self.answers and body.get("status") is None else 200
            if status != 200:
                self.refused.append(body)
            else:
                message = WorkerMessage(job_id, body, time.monotonic())
                self.messages.append(message)
                self.on_message(message)
            self.changed.notify_all()
            return status

    def hear_ping(self, values: dict[str, list[str]]) -> None:
        with self.changed:
            self.pings.append(values)
            self.changed.notify_all()


class _Handler(BaseHTTPRequestHandler):
    runpod: RunPodServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        match parts.path.split("/")[3]:
            case "job-take":
                jobs = self.runpod.take(1, self.connection)
                self._answer_bytes(jobs[0] if jobs else None)
            case "job-take-batch":
                jobs = self.runpod.take(int(query["batch_size"][0]), self.connection)
                self._answer_bytes(b"[" + b",".join(jobs) + b"]" if jobs else None)
            case "job-stop":
                ids = self.runpod.stops()
                self._answer({"jobsToStop": ids} if ids else None)
            case "ping":
                assert self.headers["Authorization"] == API_KEY
                self.runpod.hear_ping(query)
                self._answer({})
            case _:
                self.send_error(404)

    def do_POST(self) -> None:
        _, _, _, kind, pod, job_id = map(unquote, urlsplit(self.path).path.split("/"))
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert (kind, pod) == ("job-done", POD)
        assert self.headers["Content-Type"] == "application/x-www-form-urlencoded"
        status = self.runpod.hear(job_id, json.loads(body))
        self._answer({}, status)

    def _answer(self, body: object, status: int = 200) -> None:
        self._answer_bytes(None if body is None else json.dumps(body).encode(), status)

    def _answer_bytes(self, content: bytes | None, status: int = 200) -> None:
        self.send_response(204 if content is None else status)
        if status != 200 and self.runpod.retry_after:
            self.send_header("Retry-After", self.runpod.retry_after)
        if content is not None:
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
        with contextlib.suppress(ConnectionError):  # the worker has gone meanwhile
            self.end_headers()
            self.wfile.write(content or b"")

    def log_message(self, *_: Any) -> None:
        pass


def _is_closed(connection: socket.socket) -> bool:
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""
