"""Starts jobs through the API and waits for them, with RunPod pretending to run them."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import requests

from tests.cloud.conftest import Cloud
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

CLIP = b"not a video, but nobody looks here"
SOURCE = {"width": 320, "height": 180, "frames": 48}


def pretend(cloud: Cloud, **how: Any) -> None:
    """Let the next jobs go as a `Pretence` with these values says."""
    cloud.runpod.pretend = lambda _job: Pretence(**how)


def let_jobs_complete(cloud: Cloud, run_s: float = 0.2, **more: Any) -> None:
    """Let upscales complete, and put their outputs into the bucket."""

    def pretence(job: Job) -> Pretence:
        url = job.request["input"]["output_url"]
        put = requests.put(url, data=b"the output", headers={"Content-Type": "video/mp4"}, timeout=30)
        assert put.status_code == 200, put.text
        result = {"status": "completed", "output_url": url.split("?")[0], "notes": ["a note"]}
        return Pretence(run_s=run_s, answer={"output": result}, **more)

    cloud.runpod.pretend = pretence


def start_job(user: ApiUser, task: str = "upscale", **params: Any) -> dict[str, Any]:
    """Start a job on a new upload; return the job object."""
    upload = user.upload(CLIP)
    response = user.debit(task=task, upload_id=upload, params=params, source=SOURCE)
    assert response.status_code == 201, response.text
    return dict(response.json())


def wait_until(user: ApiUser, job_id: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Look at a job until something is true of it; return the job object."""
    deadline = time.monotonic() + 60
    while True:
        job: dict[str, Any] = done(user.get(f"/status/{job_id}"))
        if true(job):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.1)


def wait_for_end(user: ApiUser, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended; return the job object."""
    return wait_until(user, job_id, lambda job: job["ended_at"] is not None)


def entries(user: ApiUser) -> list[tuple[str, int]]:
    """Return the kinds and amounts of the wallet's entries, the oldest first."""
    return [(entry["kind"], entry["amount"]) for entry in reversed(done(user.get("/wallet"))["entries"])]
