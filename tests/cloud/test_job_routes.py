"""Tests /debit, /status, /jobs and /cancel, with RunPod pretending to run the jobs."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import FilmWorkers
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
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

pytestmark = pytest.mark.usefixtures("queue")


def test_a_job_object_is_the_same_everywhere(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud)
    job = start_job(user)
    after = wait_for_end(user, job["id"])
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
    job = start_job(user)
    cloud.runpod.clock.advance(15)
    seen = wait_until(user, job["id"], lambda seen: seen["progress"] is not None)
    assert (seen["state"], seen["progress"]) == ("running", update)
    assert seen["started_at"] >= job["created_at"]


@pytest.mark.parametrize(
    "update", ["text", 5, [], {"stage": 5}, {"stage": "x" * 9999, "percent": "half", "eta_s": None}]
)
def test_a_strange_progress_update_is_harmless(cloud: Cloud, user: ApiUser, update: Any) -> None:
    pretend(cloud, run_s=20, progress=(update, update))
    job = start_job(user)
    cloud.runpod.clock.advance(15)
    seen = wait_until(user, job["id"], lambda seen: seen["state"] == "running")
    assert seen["progress"] is None or len(seen["progress"]["stage"]) <= 40


def test_tracks_come_with_the_job(cloud: Cloud, user: ApiUser) -> None:
    answer = {"status": "completed", "tracks": [{"id": 1}], "video": {}, "notes": []}
    pretend(cloud, answer={"output": answer})
    after = wait_for_end(user, start_job(user, "track")["id"])
    assert after["state"] == "completed"
    assert after["result"] == answer
    assert after["links"]["output"] is None


def test_many_tracks_move_to_the_bucket(cloud: Cloud, user: ApiUser) -> None:
    tracks = [{"id": number, "class_name": "person", "frames": []} for number in range(10_000)]
    answer = {"status": "completed", "tracks": tracks, "video": {"frames": 3}, "notes": []}
    pretend(cloud, answer={"output": answer})
    after = wait_for_end(user, start_job(user, "track")["id"])
    document = requests.get(after["links"]["output"], timeout=30)
    assert document.json() == answer
    assert document.headers["Content-Type"] == "application/json"
    summary = {name: value for name, value in answer.items() if name != "tracks"}
    stored = {"output_url": after["links"]["output"].split("?")[0], "gzip_bytes": None}
    assert after["result"] == summary | stored | {"json_bytes": len(document.content)}


LONG = "n" * 300_000


def test_a_long_result_does_not_replace_the_video_that_it_describes(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud)
    make_whole = cloud.runpod.pretend

    def pretence(job: Job) -> Pretence | None:
        whole = make_whole(job)
        assert whole is not None
        whole.answer["output"]["notes"] = [LONG]
        return whole

    cloud.runpod.pretend = pretence
    after = wait_for_end(user, start_job(user)["id"])
    link = after["links"]["output"]
    assert requests.get(link, timeout=30).content == b"the output"
    assert after["result"]["output_url"] == link.split("?")[0]
    assert LONG not in after["result"]["notes"]


def test_a_result_that_is_long_without_its_tracks_is_shortened(cloud: Cloud, user: ApiUser) -> None:
    answer = {"status": "completed", "tracks": [], "more": LONG * 10}
    pretend(cloud, answer={"output": answer})
    after = wait_for_end(user, start_job(user, "track")["id"])
    assert after["state"] == "completed"
    assert requests.get(after["links"]["output"], timeout=30).json() == answer
    assert after["result"].keys() == {"status", "output_url", "preview_url", "notes"}


def test_the_longest_job_fits_into_the_limits_of_runpod(cloud: Cloud) -> None:
    rich = cloud.new_user(500)
    source = {"width": 1920, "height": 1080, "frames": 200_000}
    params = {"model": "RealESRGAN_x4plus"}
    FilmWorkers(cloud).unsplit = "this test wants one job"
    job = done(rich.debit(task="upscale", upload_id=rich.upload(CLIP), source=source, params=params))
    week_s = 7 * 86_400
    assert job["quote"]["execution_timeout_s"] == week_s
    wait_for_end(rich, job["id"])
    (run,) = [run for run in cloud.runpod.jobs.values() if f"{job['id']}.whole" in str(run.webhook)]
    assert run.request["policy"] == {"executionTimeout": week_s * 1000, "ttl": week_s * 1000}


def test_jobs_are_listed_newest_first_in_pages(cloud: Cloud) -> None:
    user = cloud.new_user(dollars=100)
    upload = user.upload(CLIP, name="beach.mov")
    body: dict[str, Any] = {"task": "upscale", "upload_id": upload, "source": SOURCE}
    made = [done(user.debit(**body))["id"] for _ in range(52)]
    seen, query = [], ""
    while True:
        page = done(user.get(f"/jobs{query}"))
        assert {job["input_name"] for job in page["jobs"]} == {"beach.mov"}
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        query = f"?cursor={page['next']}"
    assert sorted(seen) == sorted(made)
    assert seen[0] == made[-1]
    assert user.get("/jobs?cursor=0").status_code == 400


def test_a_job_is_deleted_with_its_output(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud, run_s=20)
    job = start_job(user)
    refused = user.delete(f"/jobs/{job['id']}")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_not_ended")
    cloud.runpod.clock.advance(21)
    after = wait_for_end(user, job["id"])
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
    job = start_job(user)
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
    job = start_job(user, "export", **params)
    given = run_of(cloud, job["id"]).input["params"]["tracks"]
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


def test_the_worker_gets_what_the_job_allows_and_no_more(cloud: Cloud, user: ApiUser) -> None:
    job = start_job(user, scale=2)
    request = run_of(cloud, job["id"]).request
    assert set(request) == {"input", "webhook", "policy"}
    assert set(request["input"]) == {"task", "input_url", "output_url", "preview_url", "params"}
    assert request["input"]["params"] == {"scale": 2}
    timeout_ms = job["hold"] / job["quote"]["price_per_s"] * 1000
    assert request["policy"] == {"executionTimeout": timeout_ms, "ttl": timeout_ms + 3_600_000}
    put = requests.put(
        request["input"]["output_url"], data=b"x", headers={"Content-Type": "text/html"}, timeout=30
    )
    assert put.status_code == 403
    get = requests.get(request["input"]["output_url"], timeout=30)
    assert get.status_code == 403
