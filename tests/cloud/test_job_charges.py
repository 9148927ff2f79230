"""Tests what jobs cost by how they end, with RunPod pretending to run them."""

from __future__ import annotations

import math
import time
import uuid
from typing import Any

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import (
    CLIP,
    SOURCE,
    entries,
    let_jobs_complete,
    pretend,
    start_job,
    wait_for_end,
    wait_until,
)
from tests.cloud.money import run_of
from tools.cloud.client import ApiUser, done

pytestmark = pytest.mark.usefixtures("queue")


def test_a_job_runs_and_is_paid(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud, run_s=1.5)
    job = start_job(user, scale=2)
    assert job["state"] in {"queued", "running"}
    assert done(user.get("/wallet"))["held"] == job["hold"]
    after = wait_for_end(user, job["id"])
    assert after["state"] == "completed"
    assert after["result"]["notes"] == ["a note"]
    run = run_of(cloud, job["id"])
    assert after["execution_ms"] == run.execution_ms
    charge = math.ceil((run.execution_ms or 0) * after["quote"]["price_per_s"] / 1000)
    assert 0 < after["charge"] == charge <= after["hold"]
    assert entries(user) == [
        ("topup", 5_000_000),
        ("hold", -job["hold"]),
        ("release", job["hold"]),
        ("capture", -charge),
    ]
    wallet = done(user.get("/wallet"))
    assert (wallet["balance"], wallet["held"]) == (5_000_000 - charge, 0)
    assert requests.get(after["links"]["input"], timeout=30).content == CLIP
    output = requests.get(after["links"]["output"], timeout=30)
    assert output.content == b"the output"
    assert 'filename="clip-upscale.mp4"' in output.headers["Content-Disposition"]


FAILURES: dict[str, tuple[dict[str, Any], str, str, bool, bool]] = {
    "caller": (
        {"error": "bad_media: it is no video; send one", "output": {"code": "bad_media", "retryable": False}},
        "bad_media",
        "it is no video; send one",
        False,
        True,
    ),
    "worker": (
        {"error": "disk_full: no space is left", "output": {"code": "disk_full", "retryable": True}},
        "disk_full",
        "no space is left",
        True,
        False,
    ),
    "an address that we made": (
        {"error": "output_too_large: 6 GB", "output": {"code": "output_too_large", "retryable": False}},
        "output_too_large",
        "6 GB",
        False,
        False,
    ),
    "code in the text alone": (
        {"error": "unknown_model: there is none"},
        "unknown_model",
        "there is none",
        False,
        True,
    ),
    "no code": (
        {"error": "Traceback ..."},
        "worker_failed",
        "the worker failed; send the job again",
        True,
        False,
    ),
    "unknown code": (
        {"error": "hax: x", "output": {"code": "hax"}},
        "worker_failed",
        "the worker failed; send the job again",
        True,
        False,
    ),
    "a code that every object has": (
        {"error": "constructor: x", "output": {"code": "constructor"}},
        "worker_failed",
        "the worker failed; send the job again",
        True,
        False,
    ),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_failure_is_charged_by_whose_fault_it_is(cloud: Cloud, user: ApiUser, name: str) -> None:
    answer, code, message, retryable, is_charged = FAILURES[name]
    pretend(cloud, run_s=1.2, answer=answer)
    job = start_job(user)
    after = wait_for_end(user, job["id"])
    assert after["state"] == "failed"
    fault = "caller" if is_charged else "worker"
    assert after["error"] == {"code": code, "message": message, "retryable": retryable, "fault": fault}
    ran = math.ceil((run_of(cloud, job["id"]).execution_ms or 0) * after["quote"]["price_per_s"] / 1000)
    assert after["charge"] == (ran if is_charged else 0)
    assert ran > 0
    assert after["links"]["output"] is None
    assert done(user.get("/wallet"))["balance"] == 5_000_000 - after["charge"]


def test_a_timeout_is_free(cloud: Cloud, user: ApiUser) -> None:
    pretend(cloud, run_s=10**6)
    job = start_job(user)
    cloud.runpod.clock.advance(job["quote"]["execution_timeout_s"] + 1)
    after = wait_for_end(user, job["id"])
    assert (after["state"], after["error"]["code"], after["charge"]) == ("failed", "timed_out", 0)


@pytest.mark.parametrize(("frames", "is_charged"), [(48, False), (72, False), (73, True)])
def test_a_timeout_of_a_longer_video_is_charged(
    cloud: Cloud, user: ApiUser, frames: int, *, is_charged: bool
) -> None:
    update = {"stage": "upscaling", "frames": 1, "total": frames}
    pretend(cloud, run_s=10**6, progress=(update,) * 10**5)
    job = start_job(user)
    cloud.runpod.clock.advance(15)
    wait_until(user, job["id"], lambda seen: (seen["progress"] or {}).get("total") == frames)
    cloud.runpod.clock.advance(job["quote"]["execution_timeout_s"])
    after = wait_for_end(user, job["id"])
    assert after["error"]["code"] == "timed_out"
    assert after["error"]["fault"] == ("caller" if is_charged else "worker")
    assert after["charge"] == (after["hold"] if is_charged else 0)


@pytest.mark.parametrize("missing", ["output", "object"])
def test_an_output_that_is_not_there_is_not_paid(cloud: Cloud, user: ApiUser, missing: str) -> None:
    result = {"status": "completed", "output_url": "https://x/y.mp4"} if missing == "object" else None
    pretend(cloud, run_s=1.2, answer={"output": result})
    after = wait_for_end(user, start_job(user)["id"])
    assert (after["state"], after["error"]["code"], after["charge"]) == ("failed", "output_missing", 0)


@pytest.mark.parametrize("code", ["address_refused", "input_forbidden", "input_not_found", "download_failed"])
def test_an_address_of_tracks_is_the_callers_own(cloud: Cloud, user: ApiUser, code: str) -> None:
    def costs(message: str) -> tuple[str, bool]:
        pretend(cloud, run_s=0.2, answer={"output": {"code": code}, "error": f"{code}: {message}"})
        tracks = "https://Tracks.example/a.json?X=1"
        after = wait_for_end(user, start_job(user, "export", tracks=tracks, follow={"track": "main"})["id"])
        return after["error"]["fault"], after["charge"] > 0

    assert costs("there is no input at https://tracks.example/a.json: 404") == ("caller", True)
    assert costs("the host tracks.example is not a public one") == ("caller", True)
    assert costs("there is no input at https://bucket.example/up_1.mp4: 404") == ("worker", False)


def test_tracks_that_were_never_uploaded_are_the_callers_fault(cloud: Cloud, user: ApiUser) -> None:
    name = f"up_{uuid.uuid4().hex}.json"
    tracks = f"{cloud.door.endpoint}/videos/in/{user.id}/{name}"
    message = f"input_not_found: there is no input at {cloud.door.endpoint}/{name}: 404"
    pretend(cloud, run_s=0.2, answer={"output": {"code": "input_not_found"}, "error": message})
    after = wait_for_end(user, start_job(user, "export", tracks=tracks, follow={"track": "main"})["id"])
    assert (after["error"]["fault"], after["charge"] > 0) == ("caller", True)


def test_a_waiting_job_is_cancelled_for_nothing(cloud: Cloud, user: ApiUser) -> None:
    job = start_job(user)
    after = done(user.post(f"/cancel/{job['id']}"))
    assert (after["state"], after["charge"]) == ("cancelled", 0)
    assert run_of(cloud, job["id"]).state == "CANCELLED"
    assert entries(user)[1:] == [("hold", -job["hold"]), ("release", job["hold"]), ("capture", 0)]


@pytest.mark.parametrize("tells", [True, False], ids=["RunPod tells the time", "RunPod does not"])
def test_a_running_job_that_is_cancelled_costs_what_ran(cloud: Cloud, user: ApiUser, tells: bool) -> None:
    pretend(cloud, run_s=3600, replaced={} if tells else {"executionTime": ...})
    job = start_job(user)
    run = run_of(cloud, job["id"])
    cloud.runpod.wait(lambda: run.state == "IN_PROGRESS")
    time.sleep(1.5)
    after = done(user.post(f"/cancel/{job['id']}"))
    assert after["state"] == "cancelled"
    price = after["quote"]["price_per_s"]
    exact = math.ceil((run.execution_ms or 0) * price / 1000)
    if tells:
        assert after["charge"] == exact
    else:
        assert 0 < after["charge"] <= exact + price  # by our clock, from its start to the request
    assert exact > price


def test_a_job_that_runpod_cancels_by_itself_is_free(cloud: Cloud, user: ApiUser) -> None:
    pretend(cloud, run_s=3600)
    job = start_job(user)
    run = run_of(cloud, job["id"])
    cloud.runpod.wait(lambda: run.state == "IN_PROGRESS")
    time.sleep(1.1)
    cloud.runpod.cancel(run.id)
    after = wait_for_end(user, job["id"])
    assert (after["state"], after["charge"]) == ("cancelled", 0)


def test_a_wallet_without_money_starts_nothing(cloud: Cloud) -> None:
    poor = cloud.new_user(dollars=0)
    accepted = len(cloud.runpod.jobs)
    response = poor.debit(task="upscale", upload_id=poor.upload(CLIP), source=SOURCE)
    assert (response.status_code, response.json()["error"]["code"]) == (402, "not_enough_money")
    assert len(cloud.runpod.jobs) == accepted
    assert done(poor.get("/jobs"))["jobs"] == []
