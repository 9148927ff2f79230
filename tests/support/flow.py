"""Runs a job through the API as a user does, and compares what it costs with what RunPod says."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.runpod_job import Job

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"
MODELS = {"FRAMEWRIGHT_UPSCALE_MODEL": "lite-x4", "FRAMEWRIGHT_YOLOV8": "lite-detector"}
"""Settings of a worker with the models that come with the project."""

PATIENT = {"width": 320, "height": 180, "frames": 600}
"""Says that the video is longer than it is, so that the time limit holds on a busy machine, too."""


@dataclass
class Flow:
    """A job from its quote to its end, as its user sees it and as RunPod does.

    Attributes:
        quote: the quote that it was started with.
        job: the job object as it was last seen.
        seen: all that were seen, in order.
    """

    runpod: RunPodApi
    user: ApiUser
    quote: dict[str, Any]
    job: dict[str, Any]
    seen: list[dict[str, Any]] = field(default_factory=list)

    def look(self) -> dict[str, Any]:
        """Ask for the job; return the job object."""
        self.job = done(self.user.get(f"/status/{self.job['id']}"))
        self.seen.append(self.job)
        return self.job

    def until(self, true: Callable[[dict[str, Any]], bool], timeout_s: float = 240) -> dict[str, Any]:
        """Look twice a second until the job is so."""
        deadline = time.monotonic() + timeout_s
        while not true(self.look()):
            assert self.job["ended_at"] is None, self.job
            assert time.monotonic() < deadline, f"not within {timeout_s} s: {self.job}"
            time.sleep(0.5)
        return self.job

    def ended(self) -> dict[str, Any]:
        """Wait until the job has ended."""
        return self.until(lambda job: job["ended_at"] is not None)

    def at_work(self) -> None:
        """Wait until the worker has begun with the frames."""
        self.until(lambda job: (job["progress"] or {}).get("stage") in {"upscaling", "tracking"})

    @property
    def at_runpod(self) -> Job:
        webhook = f"/webhook/{self.job['id']}/"
        (job,) = (job for job in self.runpod.jobs.values() if webhook in str(job.webhook))
        return job

    @property
    def costs(self) -> int:
        """RunPod's time at the price of the quote, rounded up, and never more than the hold."""
        execution_ms = self.at_runpod.execution_ms
        assert execution_ms is not None
        return min(int(self.quote["hold"]), -(-execution_ms * int(self.quote["price_per_s"]) // 1000))

    def is_charged(self, charge: int) -> None:
        """Check the job, the entries of the wallet and its balance."""
        assert self.job["charge"] == charge
        assert self.job["hold"] == self.quote["hold"]
        wallet = done(self.user.get("/wallet"))
        entries = [(entry["kind"], entry["amount"]) for entry in reversed(wallet["entries"])]
        hold = self.quote["hold"]
        assert entries == [("topup", 5_000_000), ("hold", -hold), ("release", hold), ("capture", -charge)]
        assert (wallet["balance"], wallet["held"]) == (5_000_000 - charge, 0)
        assert {entry["job_id"] for entry in wallet["entries"][:3]} == {self.job["id"]}


def start(
    runpod: RunPodApi,
    user: ApiUser,
    task: str,
    content: bytes,
    params: dict[str, Any] | None = None,
) -> Flow:
    """Let a user with 5 dollars upload a file, ask for a quote, and start the job."""
    order = {"upload_id": user.upload(content), "task": task, "params": params or {}}
    quote = done(user.post("/quote", order | {"source": PATIENT}))
    job = done(user.debit(quote_id=quote["id"]))
    assert job["state"] in {"queued", "running"}
    wallet = done(user.get("/wallet"))
    assert (wallet["balance"], wallet["held"]) == (5_000_000 - quote["hold"], quote["hold"])
    return Flow(runpod, user, quote, job)


def download(flow: Flow) -> bytes:
    """Return what the link to the output gives."""
    response = requests.get(flow.job["links"]["output"], timeout=60)
    assert response.ok, response.text
    return response.content
