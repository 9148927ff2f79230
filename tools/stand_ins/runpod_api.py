"""Runs a local RunPod: the HTTP API for clients (/run, /status, /cancel, /retry, /health), with webhooks.

Real workers get the jobs from `runpod_server`, or the jobs are only pretended to run. docs/cloud-stand-ins.md
describes what it does and what it does not. As a process of its own:

    python -m tools.stand_ins.runpod_api --port 8085 --webhook-retry-s 1

It prints one line of JSON: the base URL, the endpoint, the API key, and the environment that a worker needs.
"""

from __future__ import annotations

import argparse
import contextlib
import hmac
import json
import signal
import sys
import threading
from collections import defaultdict, deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, get_args
from urllib.parse import unquote, urlsplit

from tools.stand_ins.runpod_faults import Fault, Route
from tools.stand_ins.runpod_job import Job, Refused
from tools.stand_ins.runpod_queue import RETENTION_S, WEBHOOK_RETRY_S, Pretence, RunPodQueue
from tools.stand_ins.runpod_server import API_KEY

ENDPOINT = "endpoint"
MAX_BODY_BYTES = 10_000_000
RATES: Mapping[Route, int] = {"run": 1000, "status": 2000, "cancel": 100}
"""How many requests of a route RunPod accepts in 10 s."""

RATE_WINDOW_S = 10.0


class RunPodApi(RunPodQueue):
    """RunPod as its clients see it.

    Attributes:
        requests: how many requests of each route came with a right key, including those that were refused.

    Args:
        webhook_retry_s: the time between two tries to send a webhook.
        retention_s: how long results are kept.
        rates: how many requests of a route are accepted in 10 s; a route that is absent has no limit.
    """

    def __init__(
        self,
        *,
        webhook_retry_s: float = WEBHOOK_RETRY_S,
        retention_s: float = RETENTION_S,
        rates: Mapping[Route, int] = RATES,
    ) -> None:
        super().__init__(webhook_retry_s=webhook_retry_s, retention_s=retention_s)
        self.requests: defaultdict[str, int] = defaultdict(int)
        self._rates = rates
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._http: _Server | None = None

    @property
    def url(self) -> str:
        """The base URL, to which /ENDPOINT/run is added: RUNPOD_ENDPOINT_BASE_URL of RunPod's SDK."""
        assert self._http is not None
        return f"http://127.0.0.1:{self._http.server_address[1]}/v2"

    @property
    def settings(self) -> dict[str, Any]:
        """What a client and a worker need to know."""
        return {
            "url": self.url,
            "endpoint": ENDPOINT,
            "api_key": API_KEY,
            "worker_environment": self.worker.environment,
        }

    @contextmanager
    def running(self, port: int = 0, worker_port: int = 0) -> Iterator[RunPodApi]:
        """Serve clients and workers on two ports of 127.0.0.1; 0 selects a free one."""

        class Handler(_Handler):
            api = self

        with self.worker.running(worker_port), self.keeping_time():
            self._http = _Server(("127.0.0.1", port), Handler)
            thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)
            thread.start()
            try:
                yield self
            finally:
                self._http.shutdown()
                self._http.server_close()
                thread.join()

    def admit(self, route: Route) -> None:
        """Count a request.

        Raises:
            Refused: there were too many in the last 10 s.
        """
        with self.changed:
            self.requests[route] += 1
            now_s, recent = self.clock.now_s(), self._recent[route]
            while recent and recent[0] <= now_s - RATE_WINDOW_S:
                recent.popleft()
            if route in self._rates and len(recent) >= self._rates[route]:
                raise Refused(429, "too many requests")
            recent.append(now_s)
            self.changed.notify_all()

    def do(self, route: Route, job_id: str, body: bytes) -> tuple[dict[str, Any], Job | None]:
        """Do what a request asks for; return the body of the answer, and the job.

        Raises:
            Refused: it cannot be done.
        """
        with self.changed:
            match route:
                case "run":
                    job = self.accept(_parsed(body))
                    return {"id": job.id, "status": "IN_QUEUE"}, job
                case "status":
                    job = self.find(job_id)
                    return job.status(), job
                case "cancel":
                    job = self.cancel(job_id)
                    return {"id": job.id, "status": job.state}, job
                case "retry":
                    job = self.retry(job_id)
                    return {"id": job.id, "status": job.state}, job
                case "health":
                    return self.health(), None


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, *_: Any) -> None:
        """Stay silent: a client that goes away is no error."""


class _Handler(BaseHTTPRequestHandler):
    api: RunPodApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve({"status", "health"})

    def do_POST(self) -> None:
        self._serve({"run", "cancel", "retry", "status"})

    def _serve(self, routes: set[str]) -> None:
        try:
            route, job_id, body = self._read(routes)
            self.api.admit(route)
        except Refused as refused:
            self._refuse(refused)
            return
        fault = self.api.faults.of_request(route, job_id)
        job: Job | None = None
        status, answer = 200, dict[str, Any]()
        if fault.takes_effect:
            try:
                answer, job = self.api.do(route, job_id, body)
            except Refused as refused:
                status, answer = refused.status, {"error": str(refused)}
        if fault.after_webhook and job is not None:
            self.api.wait(lambda: job.deliveries)
        if fault.hold_s:
            threading.Event().wait(fault.hold_s)
        if fault.until is not None:
            fault.until.wait(60)
        self._answer_with(fault, status, answer)

    def _read(self, routes: set[str]) -> tuple[Route, str, bytes]:
        """Return the route, the job's id (or "") and the body of the request.

        Raises:
            Refused: the address, the key or the size is wrong.
        """
        length = int(self.headers.get("Content-Length", "0"))
        body = self.rfile.read(min(length, MAX_BODY_BYTES + 1))
        if length > MAX_BODY_BYTES:
            self.close_connection = True
            raise Refused(413, "the body exceeds 10 MB")
        if not hmac.compare_digest(
            self.headers.get("Authorization", "").encode(), f"Bearer {API_KEY}".encode()
        ):
            raise Refused(401, "the API key is wrong")
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/")[1:]]
        known = [route for route in get_args(Route) if parts[2:3] == [route] and route in routes]
        needs_id = bool(known) and known[0] not in {"run", "health"}
        if parts[:2] != ["v2", ENDPOINT] or not known or len(parts) != 3 + needs_id:
            raise Refused(404, "there is no such endpoint or operation")
        return known[0], parts[3] if needs_id else "", body

    def _answer_with(self, fault: Fault, status: int, answer: dict[str, Any]) -> None:
        if fault.answer is None:
            self.close_connection = True
        elif fault.answer is ...:
            self._answer(status, json.dumps(answer).encode(), fault.content_type)
        else:
            fault_status, content = fault.answer
            self._answer(fault_status, content, fault.content_type)

    def _refuse(self, refused: Refused) -> None:
        self._answer(refused.status, json.dumps({"error": str(refused)}).encode())

    def _answer(self, status: int, body: bytes, content_type: str = "application/json") -> None:
        with contextlib.suppress(ConnectionError):  # the client has gone meanwhile
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        pass


def _parsed(body: bytes) -> object:
    try:
        return json.loads(body)
    except ValueError as exc:
        raise Refused(400, "the body is not JSON") from exc


def main() -> None:
    """Serve until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--port", type=int, default=0, help="the port for clients; 0 selects a free one")
    parser.add_argument(
        "--worker-port", type=int, default=0, help="the port for workers; 0 selects a free one"
    )
    parser.add_argument("--webhook-retry-s", type=float, default=WEBHOOK_RETRY_S, help="default: %(default)s")
    parser.add_argument("--retention-s", type=float, default=RETENTION_S, help="default: %(default)s")
    parser.add_argument("--pretend-s", type=float, help="let no worker run: each job completes after so long")
    options = parser.parse_args()
    api = RunPodApi(webhook_retry_s=options.webhook_retry_s, retention_s=options.retention_s)
    if options.pretend_s is not None:
        pretence = Pretence(run_s=options.pretend_s)
        api.pretend = lambda _job: pretence
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    with api.running(options.port, options.worker_port):
        sys.stdout.write(json.dumps(api.settings) + "\n")
        sys.stdout.flush()
        ended.wait()


if __name__ == "__main__":
    main()
