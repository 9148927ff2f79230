"""Runs the API with a bucket and a RunPod that pretends to run jobs, and measures it under load."""

from __future__ import annotations

import json
import mimetypes
import subprocess
import sys
import time
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

import psutil
import requests

from benchmarks.cloud.generator import MIX, VIDEO
from tools.cloud import service
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.runpod_queue import Pretence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tools.stand_ins.runpod_job import Job

USERS = 20
DOLLARS = 10_000
WAIT_S, RUN_S = 1.0, 10.0
"""How long a pretended job waits in the queue and runs."""

SETTLE_S = 60.0
"""How long webhooks may take after the last job has ended."""

API, PROXY = "workerd: the API and D1", "workerd: wrangler's proxy"
FAILURES = ({"error": "bad_media: the video is broken"}, {"error": "worker_failed: the worker failed"})
"""Of ten jobs one fails by the caller's fault and one by ours."""

UNPAID = """
SELECT COUNT(*) AS n FROM jobs WHERE
  (SELECT group_concat(kind) FROM (SELECT kind FROM entries WHERE job_id = jobs.id ORDER BY id))
  IS NOT 'hold,release,capture'
"""
WRONG_BALANCES = """
SELECT COUNT(*) AS n FROM wallets
WHERE balance <> (SELECT SUM(amount) FROM entries WHERE entries.user_id = wallets.user_id) OR held <> 0
"""


class Sample(NamedTuple):
    """A request: its route, the status or the kind of error, its time, and its round trips to D1 if known."""

    route: str
    outcome: str
    ms: float
    round_trips: int | None

    @property
    def is_success(self) -> bool:
        """Whether the status is 2xx."""
        return self.outcome.startswith("2")


@dataclass(frozen=True)
class Run:
    """What one run of the generator measured.

    Attributes:
        rate: requests a second that were asked for.
        samples: every request.
        took_s: from the first request to the last answer.
        late_s: how late the generator started a request at most; much of it makes the run worthless.
        cpu_s: CPU seconds by process.
        runpod: how often RunPod was asked, by route.
    """

    rate: float
    samples: list[Sample]
    took_s: float
    late_s: float
    cpu_s: dict[str, float]
    runpod: Counter[str]

    @property
    def requests(self) -> int:
        """How many requests the API got from the generator."""
        return sum(sample.route != "PUT to the bucket" for sample in self.samples)

    @property
    def errors(self) -> Counter[str]:
        """The answers that were no success, by route and kind."""
        return Counter(f"{each.route}: {each.outcome}" for each in self.samples if not each.is_success)


class LocalCloud:
    """The running API."""

    def __init__(self, parts: service.Service, runpod: RunPodApi) -> None:
        self._parts = parts
        self._runpod = runpod
        self._users = [self._new_user(number) for number in range(USERS)]

    def run(self, rate: float, seconds: float, seed: int, mix: Mapping[str, int] = MIX) -> Run:
        """Let the generator send `rate` requests a second, which are these actions in these proportions."""
        plan = {"rate": rate, "seconds": seconds, "seed": seed, "mix": dict(mix)}
        plan |= {"url": self._parts.api.url, "users": self._users}
        before, asked = self._cpu(), Counter(self._runpod.requests)
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.cloud.generator"],
            input=json.dumps(plan),
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        cpu = {name: used - before.get(name, 0.0) for name, used in self._cpu().items()}
        seen = json.loads(done.stdout)
        return Run(
            rate=rate,
            samples=[Sample(*sample) for sample in seen["samples"]],
            took_s=seen["took_s"],
            late_s=seen["late_s"],
            cpu_s=cpu | {"the generator": seen["cpu_s"]},
            runpod=Counter(self._runpod.requests) - asked,
        )

    def settle(self) -> int:
        """Wait until webhooks have settled all jobs; return how many were left for the sweep."""
        deadline = time.monotonic() + WAIT_S + RUN_S + SETTLE_S
        while (left := self._count("SELECT COUNT(*) AS n FROM jobs WHERE ended_at IS NULL")) and (
            time.monotonic() < deadline
        ):
            time.sleep(0.5)
        if left:
            requests.get(f"{self._parts.api.url}/cdn-cgi/handler/scheduled", timeout=300)
        return left

    def ledger(self) -> dict[str, int]:
        """Compare the entries with the balances and the jobs; everything but `jobs` should be 0."""
        check = self._parts.operator.request("GET", "/admin/ledger/check").json()
        return {
            "jobs": self._count("SELECT COUNT(*) AS n FROM jobs"),
            "jobs that RunPod has and the API has not, or the other way round": abs(
                len(self._runpod.jobs)
                - self._count("SELECT COUNT(*) AS n FROM jobs WHERE runpod_id NOT NULL")
            ),
            "jobs that are not settled exactly once": self._count(UNPAID),
            "wallets whose balance is not the sum of the entries": self._count(WRONG_BALANCES),
            "problems that GET /admin/ledger/check names": 0 if check["ok"] else 1,
        }

    def _new_user(self, number: int) -> dict[str, Any]:
        user = self._parts.operator.new_user(f"user-{number}", DOLLARS)
        upload = user.upload(VIDEO)
        body = {"task": "upscale", "upload_id": upload, "params": {}}
        job = user.debit(**body).json()["id"]
        return {"key": user.key, "uploads": [upload], "jobs": [job]}

    def _count(self, query: str) -> int:
        (row,) = self._parts.api.sql(query)
        return int(row["n"])

    def _cpu(self) -> dict[str, float]:
        """Return the CPU seconds of all processes so far."""
        used = defaultdict[str, float](float)
        used["Python: the stand-ins of R2 and RunPod"] = sum(psutil.Process().cpu_times()[:2])
        for process in self._parts.api.process.descendants:
            used[self._name(process)] += sum(process.cpu_times()[:2])
        return dict(used)

    def _name(self, process: psutil.Process) -> str:
        if process.name() != "workerd":
            return "node: wrangler"
        return PROXY if self._parts.api.is_proxy(process) else API


@contextmanager
def running() -> Iterator[LocalCloud]:
    """Start the API with what it needs; stop it at the end."""
    runpod = RunPodApi(webhook_retry_s=1.0)
    with ThreadPoolExecutor(4) as uploads:

        def pretend(job: Job) -> Pretence:
            number = len(runpod.jobs) % 10
            updates = tuple({"stage": "upscaling", "percent": percent} for percent in range(0, 100, 10))
            if number < len(FAILURES):
                return Pretence(WAIT_S, RUN_S, answer=FAILURES[number], progress=updates)
            output: dict[str, Any] = {"status": "completed"}
            if job.input["task"] == "track":
                output["tracks"] = []
            else:
                output["output_url"] = job.input["output_url"].partition("?")[0]
                uploads.submit(_store, job.input["output_url"])
            return Pretence(WAIT_S, RUN_S, answer={"output": output}, progress=updates)

        runpod.pretend = pretend
        with service.running(runpod, entry="tests/counted_api.ts") as parts:
            yield LocalCloud(parts, runpod)


def _store(url: str) -> None:
    """Write an output as a worker does."""
    kind = mimetypes.guess_type(urlsplit(url).path)[0]
    requests.put(url, data=VIDEO, headers={"Content-Type": kind or ""}, timeout=60).raise_for_status()
