"""Gives a user jobs in every state, without a worker: RunPod pretends to run them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import CLIP, SOURCE, let_jobs_complete, pretend, wait_for_end, wait_until
from tests.page.drawn_tracks import document_of, stored, track_of
from tests.page.drawn_tracks import start as start_tracking
from tests.page.finished_jobs import finished_export, finished_upscale
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser, done

MARKUP = "<img src=x onerror=alert(1)><b>bold.mp4"
"""A name that would make elements if the page took it for HTML. It has no slash: the API cuts names there."""


@dataclass(frozen=True)
class Furnished:
    """A user with jobs.

    Attributes:
        user: whose jobs they are.
        jobs: the ids of the jobs, by their states.
        upload: the id of an upload without a job.
    """

    user: ApiUser
    jobs: dict[str, str]
    upload: str


def start(user: ApiUser, name: str, task: str = "upscale", **params: Any) -> str:
    """Start a job on a new upload with a name; return the job's id."""
    body = {"task": task, "upload_id": user.upload(CLIP, name=name), "params": params, "source": SOURCE}
    return str(done(user.debit(**body))["id"])


def fail(cloud: Cloud, message: str) -> None:
    """Let the next jobs fail for the caller's fault, after a second of work."""
    answer = {"status": "failed", "error": message, "code": "bad_media", "retryable": False}
    pretend(cloud, run_s=1, answer={"output": answer, "error": message})


def run_long(cloud: Cloud, percent: float = 62.0, seconds: float = 3600) -> None:
    """Let the next jobs run for so many seconds, at a percentage, and complete then."""
    update = {"stage": "upscaling", "percent": percent, "eta_sec": 40, "frames": 30, "total": 48, "fps": 3.2}
    let_jobs_complete(cloud, run_s=seconds, progress=(update,) * int(seconds))


def furnish(cloud: Cloud, user: ApiUser) -> Furnished:
    """Give a user jobs that have completed, failed and been cancelled, and jobs that run and wait."""
    jobs: dict[str, str] = {}
    let_jobs_complete(cloud)
    jobs["completed"] = start(user, "interview.mp4")
    wait_for_end(user, jobs["completed"])
    fail(cloud, "bad_media: the file is damaged <b>here</b>")
    jobs["failed"] = start(user, MARKUP, "track")
    wait_for_end(user, jobs["failed"])
    pretend(cloud, wait_s=3600)
    jobs["cancelled"] = start(user, "beach.mov", "export")
    done(user.post(f"/cancel/{jobs['cancelled']}"))
    jobs["queued"] = start(user, "a_name_that_is_as_long_as_a_name_can_be_" * 5 + ".mkv", "export")
    run_long(cloud)
    jobs["running"] = start(user, "wedding.mp4")
    wait_until(user, jobs["running"], lambda job: job["progress"] is not None)
    cloud.runpod.pretend = lambda _job: None
    return Furnished(user, jobs, user.upload(CLIP, name="not yet.mp4"))


def furnish_with_results(cloud: Cloud, user: ApiUser) -> Furnished:
    """Give a user the jobs of `furnish`, and jobs of each task whose results can be looked at."""
    furnished = furnish(cloud, user)
    clip = SAMPLE.read_bytes()
    upload = user.upload(clip, name="sample.mp4")
    tracks = [track_of(1, list(range(50)), MARKUP), track_of(2, list(range(10, 30)), "ball")]
    results = {
        "upscaled": finished_upscale(cloud, user, upload, SAMPLE)["id"],
        "exported": finished_export(cloud, user, upload, SAMPLE, params={"end": 2})["id"],
        "tracked": start_tracking(cloud, user, clip, stored(document_of(tracks))),
    }
    cloud.runpod.pretend = lambda _job: None
    return Furnished(user, furnished.jobs | results, upload)
