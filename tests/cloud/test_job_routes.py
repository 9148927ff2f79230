"""Tests /debit, /status, /jobs, /cancel and what jobs cost, with RunPod pretending to run them."""

from __future__ import annotations

import math
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from tests.cloud.conftest import Cloud
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

CLIP = b"not a video, but nobody looks here"
SOURCE = {"width": 320, "height": 180, "frames": 48}


@pytest.fixture(autouse=True)
def pretending(cloud: Cloud) -> Iterator[None]:
    """Let jobs wait in the queue unless a test says what becomes of them."""
    cloud.runpod.pretend = lambda _job: Pretence(wait_s=3600)
    yield
    cloud.runpod.pretend = lambda _job: None


def pretend(cloud: Cloud, **how: Any) -> None:
    cloud.runpod.pretend = lambda _job: Pretence(**how)


def completes(cloud: Cloud, run_s: float = 0.2, **more: Any) -> None:
    """Let upscales complete, and put their outputs into the bucket."""

    def pretence(job: Job) -> Pretence:
        url = job.request["input"]["output_url"]
        put = requests.put(url, data=b"the output", headers={"Content-Type": "video/mp4"}, timeout=30)
        assert put.status_code == 200, put.text
        result = {"status": "completed", "output_url": url.split("?")[0], "notes": ["a note"]}
        return Pretence(run_s=run_s, answer={"output": result}, **more)

    cloud.runpod.pretend = pretence


def start(user: ApiUser, task: str = "upscale", **params: Any) -> dict[str, Any]:
    """Start a job on a new upload; return the job object."""
    upload = user.upload(CLIP)
    response = user.debit(task=task, upload_id=upload, params=params, source=SOURCE)
    assert response.status_code == 201, response.text
    return dict(response.json())


def shown(user: ApiUser, job_id: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
    """Look at a job until something is true of it; return the job object."""
    deadline = time.monotonic() + 60
    while True:
        job: dict[str, Any] = done(user.get(f"/status/{job_id}"))
        if true(job):
            return job
        assert time.monotonic() < deadline, job
        time.sleep(0.1)


def ended(user: ApiUser, job_id: str) -> dict[str, Any]:
    """Wait until a job has ended; return the job object."""
    return shown(user, job_id, lambda job: job["ended_at"] is not None)


def run_of(cloud: Cloud, job: dict[str, Any]) -> Job:
    """Return RunPod's own record of a job."""
    (row,) = cloud.sql("SELECT runpod_id FROM jobs WHERE id = ?", job["id"])
    return cloud.runpod.jobs[row["runpod_id"]]


def entries(user: ApiUser) -> list[tuple[str, int]]:
    return [(entry["kind"], entry["amount"]) for entry in reversed(done(user.get("/wallet"))["entries"])]


def test_a_job_runs_and_is_paid(cloud: Cloud, user: ApiUser) -> None:
    completes(cloud, run_s=1.5)
    job = start(user, scale=2)
    assert job["state"] in {"queued", "running"}
    assert done(user.get("/wallet"))["held"] == job["hold"]
    after = ended(user, job["id"])
    assert after["state"] == "completed"
    assert after["result"]["notes"] == ["a note"]
    run = run_of(cloud, job)
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


def test_a_job_object_is_the_same_everywhere(cloud: Cloud, user: ApiUser) -> None:
    completes(cloud)
    job = start(user)
    after = ended(user, job["id"])
    listed = done(user.get("/jobs"))["jobs"][0]
    cancelled = done(user.post(f"/cancel/{job['id']}"))
    again = done(user.get(f"/status/{job['id']}"))
    for other in (job, listed, cancelled, again):
        assert set(other) == set(after)
    for other in (listed, cancelled, again):
        assert {**other, "links": None} == {**after, "links": None}
        assert other["links"]["output"].split("?")[0] == after["links"]["output"].split("?")[0]


def test_progress_is_shown(cloud: Cloud, user: ApiUser) -> None:
    update = {"stage": "upscaling", "frames": 12, "total": 48, "fps": 6.5, "eta_s": 5.5, "percent": 25.0}
    pretend(cloud, run_s=20, progress=(update, update))
    job = start(user)
    cloud.runpod.clock.advance(15)
    seen = shown(user, job["id"], lambda seen: seen["progress"] is not None)
    assert (seen["state"], seen["progress"]) == ("running", update)
    assert seen["started_at"] >= job["created_at"]


@pytest.mark.parametrize(
    "update", ["text", 5, [], {"stage": 5}, {"stage": "x" * 9999, "percent": "half", "eta_s": None}]
)
def test_a_strange_progress_update_is_harmless(cloud: Cloud, user: ApiUser, update: Any) -> None:
    pretend(cloud, run_s=20, progress=(update, update))
    job = start(user)
    cloud.runpod.clock.advance(15)
    seen = shown(user, job["id"], lambda seen: seen["state"] == "running")
    assert seen["progress"] is None or len(seen["progress"]["stage"]) <= 40


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
    job = start(user)
    after = ended(user, job["id"])
    assert after["state"] == "failed"
    fault = "caller" if is_charged else "worker"
    assert after["error"] == {"code": code, "message": message, "retryable": retryable, "fault": fault}
    ran = math.ceil((run_of(cloud, job).execution_ms or 0) * after["quote"]["price_per_s"] / 1000)
    assert after["charge"] == (ran if is_charged else 0)
    assert ran > 0
    assert after["links"]["output"] is None
    assert done(user.get("/wallet"))["balance"] == 5_000_000 - after["charge"]


def test_a_timeout_is_free(cloud: Cloud, user: ApiUser) -> None:
    pretend(cloud, run_s=10**6)
    job = start(user)
    cloud.runpod.clock.advance(job["quote"]["execution_timeout_s"] + 1)
    after = ended(user, job["id"])
    assert (after["state"], after["error"]["code"], after["charge"]) == ("failed", "timed_out", 0)


@pytest.mark.parametrize(("frames", "is_charged"), [(48, False), (72, False), (73, True)])
def test_a_timeout_of_a_longer_video_is_charged(
    cloud: Cloud, user: ApiUser, frames: int, *, is_charged: bool
) -> None:
    update = {"stage": "upscaling", "frames": 1, "total": frames}
    pretend(cloud, run_s=10**6, progress=(update,) * 10**5)
    job = start(user)
    cloud.runpod.clock.advance(15)
    shown(user, job["id"], lambda seen: (seen["progress"] or {}).get("total") == frames)
    cloud.runpod.clock.advance(job["quote"]["execution_timeout_s"])
    after = ended(user, job["id"])
    assert after["error"]["code"] == "timed_out"
    assert after["error"]["fault"] == ("caller" if is_charged else "worker")
    assert after["charge"] == (after["hold"] if is_charged else 0)


@pytest.mark.parametrize("missing", ["output", "object"])
def test_an_output_that_is_not_there_is_not_paid(cloud: Cloud, user: ApiUser, missing: str) -> None:
    result = {"status": "completed", "output_url": "https://x/y.mp4"} if missing == "object" else None
    pretend(cloud, run_s=1.2, answer={"output": result})
    after = ended(user, start(user)["id"])
    assert (after["state"], after["error"]["code"], after["charge"]) == ("failed", "output_missing", 0)


def test_tracks_come_with_the_job(cloud: Cloud, user: ApiUser) -> None:
    answer = {"status": "completed", "tracks": [{"id": 1}], "video": {}, "notes": []}
    pretend(cloud, answer={"output": answer})
    after = ended(user, start(user, "track")["id"])
    assert after["state"] == "completed"
    assert after["result"] == answer
    assert after["links"]["output"] is None


def test_many_tracks_move_to_the_bucket(cloud: Cloud, user: ApiUser) -> None:
    tracks = [{"id": number, "class_name": "person", "frames": []} for number in range(10_000)]
    answer = {"status": "completed", "tracks": tracks, "video": {"frames": 3}, "notes": []}
    pretend(cloud, answer={"output": answer})
    after = ended(user, start(user, "track")["id"])
    document = requests.get(after["links"]["output"], timeout=30)
    assert document.json() == answer
    assert document.headers["Content-Type"] == "application/json"
    summary = {name: value for name, value in answer.items() if name != "tracks"}
    stored = {"output_url": after["links"]["output"].split("?")[0], "gzip_bytes": None}
    assert after["result"] == summary | stored | {"json_bytes": len(document.content)}


LONG = "n" * 300_000


def test_a_long_result_does_not_replace_the_video_that_it_describes(cloud: Cloud, user: ApiUser) -> None:
    completes(cloud)
    make_whole = cloud.runpod.pretend

    def pretence(job: Job) -> Pretence | None:
        whole = make_whole(job)
        assert whole is not None
        whole.answer["output"]["notes"] = [LONG]
        return whole

    cloud.runpod.pretend = pretence
    after = ended(user, start(user)["id"])
    link = after["links"]["output"]
    assert requests.get(link, timeout=30).content == b"the output"
    assert after["result"]["output_url"] == link.split("?")[0]
    assert LONG not in after["result"]["notes"]


def test_a_result_that_is_long_without_its_tracks_is_shortened(cloud: Cloud, user: ApiUser) -> None:
    answer = {"status": "completed", "tracks": [], "more": LONG * 10}
    pretend(cloud, answer={"output": answer})
    after = ended(user, start(user, "track")["id"])
    assert after["state"] == "completed"
    assert requests.get(after["links"]["output"], timeout=30).json() == answer
    assert after["result"].keys() == {"status", "output_url", "notes"}


def test_the_longest_job_fits_into_the_limits_of_runpod(cloud: Cloud) -> None:
    rich = cloud.new_user(500)
    source = {"width": 1920, "height": 1080, "frames": 200_000}
    params = {"model": "RealESRGAN_x4plus"}
    job = done(rich.debit(task="upscale", upload_id=rich.upload(CLIP), source=source, params=params))
    week_s = 7 * 86_400
    assert job["quote"]["execution_timeout_s"] == week_s
    assert run_of(cloud, job).request["policy"] == {"executionTimeout": week_s * 1000, "ttl": week_s * 1000}


@pytest.mark.parametrize("code", ["address_refused", "input_forbidden", "input_not_found", "download_failed"])
def test_an_address_of_tracks_is_the_callers_own(cloud: Cloud, user: ApiUser, code: str) -> None:
    def costs(message: str) -> tuple[str, bool]:
        pretend(cloud, run_s=0.2, answer={"output": {"code": code}, "error": f"{code}: {message}"})
        tracks = "https://Tracks.example/a.json?X=1"
        after = ended(user, start(user, "export", tracks=tracks, follow={"track": "main"})["id"])
        return after["error"]["fault"], after["charge"] > 0

    assert costs("there is no input at https://tracks.example/a.json: 404") == ("caller", True)
    assert costs("the host tracks.example is not a public one") == ("caller", True)
    assert costs("there is no input at https://bucket.example/up_1.mp4: 404") == ("worker", False)


def test_tracks_that_were_never_uploaded_are_the_callers_fault(cloud: Cloud, user: ApiUser) -> None:
    name = f"up_{uuid.uuid4().hex}.json"
    tracks = f"{cloud.door.endpoint}/videos/in/{user.id}/{name}"
    message = f"input_not_found: there is no input at {cloud.door.endpoint}/{name}: 404"
    pretend(cloud, run_s=0.2, answer={"output": {"code": "input_not_found"}, "error": message})
    after = ended(user, start(user, "export", tracks=tracks, follow={"track": "main"})["id"])
    assert (after["error"]["fault"], after["charge"] > 0) == ("caller", True)


def test_a_waiting_job_is_cancelled_for_nothing(cloud: Cloud, user: ApiUser) -> None:
    job = start(user)
    after = done(user.post(f"/cancel/{job['id']}"))
    assert (after["state"], after["charge"]) == ("cancelled", 0)
    assert run_of(cloud, job).state == "CANCELLED"
    assert entries(user)[1:] == [("hold", -job["hold"]), ("release", job["hold"]), ("capture", 0)]


@pytest.mark.parametrize("tells", [True, False], ids=["RunPod tells the time", "RunPod does not"])
def test_a_running_job_that_is_cancelled_costs_what_ran(cloud: Cloud, user: ApiUser, tells: bool) -> None:
    pretend(cloud, run_s=3600, replaced={} if tells else {"executionTime": ...})
    job = start(user)
    run = run_of(cloud, job)
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
    job = start(user)
    run = run_of(cloud, job)
    cloud.runpod.wait(lambda: run.state == "IN_PROGRESS")
    time.sleep(1.1)
    cloud.runpod.cancel(run.id)
    after = ended(user, job["id"])
    assert (after["state"], after["charge"]) == ("cancelled", 0)


def test_jobs_are_listed_newest_first_in_pages(cloud: Cloud) -> None:
    user = cloud.new_user(dollars=100)
    upload = user.upload(CLIP)
    body: dict[str, Any] = {"task": "upscale", "upload_id": upload, "source": SOURCE}
    made = [done(user.debit(**body))["id"] for _ in range(52)]
    seen, query = [], ""
    while True:
        page = done(user.get(f"/jobs{query}"))
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        query = f"?cursor={page['next']}"
    assert sorted(seen) == sorted(made)
    assert seen[0] == made[-1]
    assert user.get("/jobs?cursor=0").status_code == 400


def test_a_job_is_deleted_with_its_output(cloud: Cloud, user: ApiUser) -> None:
    completes(cloud, run_s=20)
    job = start(user)
    refused = user.delete(f"/jobs/{job['id']}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_not_ended")
    cloud.runpod.clock.advance(21)
    after = ended(user, job["id"])
    paid = entries(user)
    assert user.delete(f"/jobs/{job['id']}").status_code == 204
    gone = requests.get(after["links"]["output"], timeout=30)
    assert gone.status_code == 404, gone.text
    assert requests.get(after["links"]["input"], timeout=30).content == CLIP
    assert user.get(f"/status/{job['id']}").status_code == 404
    assert user.delete(f"/jobs/{job['id']}").status_code == 404
    assert done(user.get("/jobs"))["jobs"] == []
    assert entries(user) == paid


def test_debit_takes_the_url_of_an_uploaded_object(cloud: Cloud, user: ApiUser) -> None:
    job = start(user)
    url = job["links"]["input"]
    for address in (url, url.split("?")[0]):
        response = user.debit(task="upscale", input_url=address, params={"scale": 2})
        assert response.status_code == 201, response.text
        assert response.json()["upload_id"] == job["upload_id"]
    key = url.split("?")[0]
    for address in (
        "https://example.com/a.mp4",
        key.replace("/in/", "/out/"),
        f"file://{key}",
        key + "/x",
        "",
    ):
        response = user.debit(task="upscale", input_url=address)
        assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request"), address
    stranger = cloud.new_user()
    assert stranger.debit(task="upscale", input_url=url).status_code == 404


def test_the_tracks_of_an_export_are_signed_for_the_worker(cloud: Cloud, user: ApiUser) -> None:
    document = b'{"tracks": []}'
    tracks = user.upload(document, "application/json", "tracks.json")
    (key,) = (row["object_key"] for row in cloud.sql("SELECT object_key FROM uploads WHERE id = ?", tracks))
    url = f"{cloud.door.endpoint}/{key}"
    params = {"tracks": f"{cloud.door.endpoint}/videos/{key}", "follow": {"track": "main", "aspect": "9:16"}}
    job = start(user, "export", **params)
    given = run_of(cloud, job).input["params"]["tracks"]
    assert url not in given
    assert requests.get(given, timeout=30).content == document
    assert job["params"] == params
    stranger = cloud.new_user()
    response = stranger.debit(task="export", upload_id=stranger.upload(CLIP), params=params, source=SOURCE)
    assert response.status_code == 400, response.text


WRONG: dict[str, tuple[dict[str, Any], int, str]] = {
    "nothing": ({}, 400, "bad_request"),
    "no source": ({"task": "upscale"}, 400, "bad_request"),
    "two sources": ({"task": "upscale", "upload_id": "up_1", "input_url": "x"}, 400, "bad_request"),
    "a quote and a task": ({"quote_id": "quote_1", "task": "upscale"}, 400, "bad_request"),
    "no such quote": ({"quote_id": "quote_" + "0" * 32}, 404, "quote_not_found"),
    "no such upload": ({"task": "upscale", "upload_id": "up_" + "0" * 32}, 404, "upload_not_found"),
    "unknown task": ({"task": "sing", "upload_id": "up_1"}, 400, "bad_request"),
    "bad params": ({"task": "upscale", "upload_id": "up_1", "params": {"scale": 99}}, 400, "bad_request"),
    "unknown field": ({"task": "upscale", "upload_id": "up_1", "output_url": "x"}, 400, "bad_request"),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_request_is_refused(cloud: Cloud, user: ApiUser, name: str) -> None:
    body, status, code = WRONG[name]
    accepted = len(cloud.runpod.jobs)
    response = user.debit(**body)
    assert (response.status_code, response.json()["error"]["code"]) == (status, code), response.text
    assert len(cloud.runpod.jobs) == accepted
    assert entries(user) == [("topup", 5_000_000)]


@pytest.mark.parametrize("key", [None, "", "a b", "x" * 201, "ä"])
def test_an_idempotency_key_is_needed(user: ApiUser, key: str | None) -> None:
    headers = {} if key is None else {"Idempotency-Key": key.encode()}
    response = requests.post(
        f"{user.url}/debit",
        json={"task": "upscale", "upload_id": "up_1"},
        headers={**user.authorization, **headers},
        timeout=30,
    )
    assert (response.status_code, response.json()["error"]["code"]) == (400, "bad_request")


def test_an_upload_must_be_complete(user: ApiUser) -> None:
    upload = done(user.post("/uploads", {"name": "a.mp4", "content_type": "video/mp4", "bytes": 5}))["id"]
    response = user.debit(task="upscale", upload_id=upload)
    assert (response.status_code, response.json()["error"]["code"]) == (409, "upload_incomplete")


def test_a_wallet_without_money_starts_nothing(cloud: Cloud) -> None:
    poor = cloud.new_user(dollars=0)
    accepted = len(cloud.runpod.jobs)
    response = poor.debit(task="upscale", upload_id=poor.upload(CLIP), source=SOURCE)
    assert (response.status_code, response.json()["error"]["code"]) == (402, "not_enough_money")
    assert len(cloud.runpod.jobs) == accepted
    assert done(poor.get("/jobs"))["jobs"] == []


def test_the_worker_gets_what_the_job_allows_and_no_more(cloud: Cloud, user: ApiUser) -> None:
    job = start(user, scale=2)
    request = run_of(cloud, job).request
    assert set(request) == {"input", "webhook", "policy"}
    assert set(request["input"]) == {"task", "input_url", "output_url", "params"}
    assert request["input"]["params"] == {"scale": 2}
    timeout_ms = job["hold"] / job["quote"]["price_per_s"] * 1000
    assert request["policy"] == {"executionTimeout": timeout_ms, "ttl": timeout_ms + 3_600_000}
    put = requests.put(
        request["input"]["output_url"], data=b"x", headers={"Content-Type": "text/html"}, timeout=30
    )
    assert put.status_code == 403
    get = requests.get(request["input"]["output_url"], timeout=30)
    assert get.status_code == 403
