"""Tests the previews of jobs, the links to sources, and what lists of jobs leave out."""

from __future__ import annotations

import json
import time
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import CLIP, SOURCE, pretend, start_job, wait_for_end
from tests.cloud.money import run_of
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

pytestmark = pytest.mark.usefixtures("queue")

PREVIEW = json.dumps(
    {"version": 1, "stills": [{"time_sec": 0.0, "source": "data:image/jpeg;base64,"}]}
).encode()
AS_JSON = {"Content-Type": "application/json"}


def let_jobs_have_previews(cloud: Cloud, run_s: float = 0.2, **more: Any) -> None:
    """Let jobs complete with an output and a preview, and with these members in their results."""

    def pretence(job: Job) -> Pretence:
        given = job.request["input"]
        video = {"Content-Type": "application/json" if given["task"] == "track" else "video/mp4"}
        for name, body, headers in (("output_url", b"output", video), ("preview_url", PREVIEW, AS_JSON)):
            put = requests.put(given[name], data=body, headers=headers, timeout=30)
            assert put.status_code == 200, put.text
        addresses = {name: given[name].split("?")[0] for name in ("output_url", "preview_url")}
        return Pretence(run_s=run_s, answer={"output": {"status": "completed", **addresses, **more}})

    cloud.runpod.pretend = pretence


def expires_s(url: str) -> int:
    return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])


@pytest.mark.parametrize("task", ["upscale", "track", "export"])
def test_the_worker_may_write_the_preview_and_nothing_else(cloud: Cloud, user: ApiUser, task: str) -> None:
    job = start_job(user, task)
    given = run_of(cloud, job["id"]).input
    url = given["preview_url"]
    assert urlsplit(url).path == f"/videos/out/{user.id}/{job['id']}.preview.json"
    assert url.split("?")[0] != given["output_url"].split("?")[0]
    assert expires_s(url) == expires_s(given["output_url"])
    for headers in ({}, {"Content-Type": "text/html"}, {"Content-Type": "video/mp4"}):
        assert requests.put(url, data=PREVIEW, headers=headers, timeout=30).status_code == 403
    assert requests.get(url, timeout=30).status_code == 403
    assert requests.delete(url, timeout=30).status_code == 403
    assert requests.put(url, data=PREVIEW, headers=AS_JSON, timeout=30).status_code == 200


@pytest.mark.parametrize("task", ["upscale", "track", "export"])
def test_the_link_to_the_preview_gives_the_document(cloud: Cloud, user: ApiUser, task: str) -> None:
    let_jobs_have_previews(cloud)
    job = start_job(user, task)
    assert job["links"]["preview"] is None
    after = wait_for_end(user, job["id"])
    link = after["links"]["preview"]
    document = requests.get(link, timeout=30)
    assert (document.content, document.headers["Content-Type"]) == (PREVIEW, "application/json")
    assert expires_s(link) == 3600
    assert after["result"]["preview_url"] == link.split("?")[0]
    (listed,) = done(user.get("/jobs"))["jobs"]
    assert listed["links"]["preview"].split("?")[0] == link.split("?")[0]


def test_the_link_leads_to_the_jobs_own_preview_whatever_the_worker_says(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_have_previews(cloud, preview_url="https://elsewhere.example/x.json")
    after = wait_for_end(user, start_job(user)["id"])
    assert requests.get(after["links"]["preview"], timeout=30).content == PREVIEW


@pytest.mark.parametrize("preview_url", [None, 5])
def test_a_result_without_a_preview_has_no_link(cloud: Cloud, user: ApiUser, preview_url: Any) -> None:
    let_jobs_have_previews(cloud, preview_url=preview_url)
    after = wait_for_end(user, start_job(user)["id"])
    assert (after["state"], after["links"]["preview"]) == ("completed", None)
    assert after["links"]["output"] is not None


def test_a_failed_job_has_no_preview(cloud: Cloud, user: ApiUser) -> None:
    pretend(cloud, answer={"error": "bad_media: it is no video", "output": {"code": "bad_media"}})
    after = wait_for_end(user, start_job(user)["id"])
    assert (after["state"], after["links"]["preview"]) == ("failed", None)


def test_a_result_that_was_shortened_keeps_its_preview(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_have_previews(cloud, notes=["n" * 300_000])
    after = wait_for_end(user, start_job(user)["id"])
    assert "stats" not in after["result"]
    assert requests.get(after["links"]["preview"], timeout=30).content == PREVIEW


def test_deleting_a_job_deletes_its_preview(cloud: Cloud, user: ApiUser) -> None:
    let_jobs_have_previews(cloud)
    job = wait_for_end(user, start_job(user)["id"])
    assert any(name.endswith(f"{job['id']}.preview.json") for name in cloud.door.names())
    assert user.delete(f"/jobs/{job['id']}").status_code == 204
    assert not any(job["id"] in name for name in cloud.door.names())
    assert requests.get(job["links"]["preview"], timeout=30).status_code == 404


@pytest.mark.parametrize(
    "body",
    [
        {"preview_url": "https://attacker.example/x"},
        {"params": {"preview_url": "https://attacker.example/x"}},
        {"params": {"preview_url": None}},
    ],
)
def test_a_user_cannot_name_the_address_of_the_preview(
    cloud: Cloud, user: ApiUser, body: dict[str, Any]
) -> None:
    upload = user.upload(CLIP)
    accepted = len(cloud.runpod.jobs)
    for task in ("upscale", "track", "export"):
        job = {"task": task, "upload_id": upload, "source": SOURCE, **body}
        for refused in (user.debit(**job), user.post("/quote", job)):
            assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")
            assert "preview_url" in refused.json()["error"]["message"]
    assert len(cloud.runpod.jobs) == accepted


LONG_PARTS: dict[str, Any] = {
    "tracks": [{"id": 1, "frames": [1.5, 2.25]}],
    "keyframes": [{"t": 0.1, "x": 1, "y": 2, "w": 3, "h": 4}],
    "fidelity": {"pictures": []},
}


def test_lists_leave_out_the_long_parts_of_results(cloud: Cloud, user: ApiUser) -> None:
    kept: dict[str, Any] = {
        "notes": ['a "note" {€}'],
        "video": {"fps": "25/1", "duration_sec": 0.1},
        "speed": 1e-07,
    }
    let_jobs_have_previews(cloud, **kept, **LONG_PARTS)
    job = start_job(user)
    assert done(user.get("/jobs"))["jobs"][0]["result"] is None
    whole = wait_for_end(user, job["id"])
    assert {name: whole["result"][name] for name in LONG_PARTS} == LONG_PARTS
    (listed,) = done(user.get("/jobs"))["jobs"]
    short = {name: value for name, value in whole["result"].items() if name not in LONG_PARTS}
    assert listed["result"] == short
    assert {name: short[name] for name in kept} == kept
    assert {**listed, "result": None, "links": None} == {**whole, "result": None, "links": None}


def test_a_complete_upload_has_a_link_to_its_file(cloud: Cloud, user: ApiUser) -> None:
    upload = user.upload(CLIP)
    before = time.time() * 1000
    shown = done(user.get(f"/uploads/{upload}"))
    link = shown["source_url"]
    assert requests.get(link, timeout=30).content == CLIP
    assert requests.get(link, headers={"Range": "bytes=4-7"}, timeout=30).content == CLIP[4:8]
    assert requests.put(link, data=b"x", timeout=30).status_code == 403
    assert expires_s(link) == 3600
    assert abs(shown["source_url_expires_at"] - before - 3_600_000) < 60_000
    (listed,) = done(user.get("/uploads"))["uploads"]
    assert listed == {name: value for name, value in shown.items() if not name.startswith("source_url")}
    stranger = cloud.new_user()
    assert stranger.get(f"/uploads/{upload}").status_code == 404


def test_an_open_upload_has_no_link_to_a_file(user: ApiUser) -> None:
    opened = done(user.post("/uploads", {"name": "a.mp4", "content_type": "video/mp4", "bytes": 5}))
    assert "source_url" not in opened
    assert "source_url" not in done(user.get(f"/uploads/{opened['id']}"))
