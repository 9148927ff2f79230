"""Tests that no key, token, MAC or signature of a URL is written to a log, a file or the database."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.cloud.conftest import ORIGIN, Cloud
from tests.cloud.job_steps import wait_for_end
from tests.cloud.test_access import DECLARED, SOURCE, address
from tests.support.node_functions import run_script
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence
from tools.stand_ins.worker_process import wait


def signature(url: str) -> str:
    return parse_qs(urlsplit(url).query)["X-Amz-Signature"][0]


@pytest.fixture
def jobs_complete(cloud: Cloud) -> Iterator[None]:
    def pretence(job: Job) -> Pretence:
        url = job.request["input"]["output_url"]
        assert requests.put(url, b"out", headers={"Content-Type": "video/mp4"}, timeout=60).ok
        preview = job.request["input"]["preview_url"]
        assert requests.put(preview, b"{}", headers={"Content-Type": "application/json"}, timeout=60).ok
        addresses = {"output_url": url.split("?")[0], "preview_url": preview.split("?")[0]}
        output = {"status": "completed", **addresses, "notes": []}
        return Pretence(run_s=0.2, answer={"output": output})

    cloud.runpod.pretend = pretence
    yield
    cloud.runpod.pretend = lambda _job: None


def use_everything(cloud: Cloud, user: ApiUser) -> dict[str, str]:
    """Use every route, well and badly; return the secrets that were used, by what they are."""
    found = {"key": user.key.split("_")[3]}
    made = done(cloud.admin("POST", "/admin/keys", {"user": user.name, "label": "second"}))
    found["second key"] = made["key"].split("_")[3]
    login = requests.post(f"{cloud.url}/session", json={"key": user.key}, timeout=60)
    cookie = login.headers["Set-Cookie"].split(";")[0]
    found["session"] = cookie.partition("=")[2]
    headers = {"Cookie": cookie, "Origin": ORIGIN}
    assert requests.get(f"{cloud.url}/wallet", headers=headers, timeout=60).ok

    upload = done(user.post("/uploads", DECLARED))
    found["signature of an upload"] = signature(upload["url"])
    parts = done(user.post("/uploads", {**DECLARED, "bytes": 200_000_000}))
    found["signature of a part"] = signature(parts["parts"][0]["url"])

    request = {"task": "upscale", "upload_id": user.upload(b"a video"), "params": {}, "source": SOURCE}
    quote = done(user.post("/quote", request))
    job = done(user.debit(quote_id=quote["id"]))
    job = wait_for_end(user, job["id"])
    assert job["state"] == "completed"
    found["signature of a result"] = signature(job["links"]["output"])
    found["signature of a source"] = signature(job["links"]["input"])
    found["signature of a preview"] = signature(job["links"]["preview"])
    shown = done(user.get(f"/uploads/{job['upload_id']}"))
    found["signature of an upload's file"] = signature(shown["source_url"])
    (runpod_id,) = (row["runpod_id"] for row in cloud.sql("SELECT * FROM jobs WHERE id = ?", job["id"]))
    sent = cloud.runpod.jobs[runpod_id].request
    found["MAC of a webhook"] = sent["webhook"].rpartition("/")[2]
    found["signature that RunPod got"] = signature(sent["input"]["input_url"])
    found["signature that RunPod writes to"] = signature(sent["input"]["output_url"])
    found["signature that RunPod writes a preview to"] = signature(sent["input"]["preview_url"])
    assert requests.post(sent["webhook"], json={"id": runpod_id, "webhook": sent["webhook"]}, timeout=60).ok
    assert requests.post(sent["webhook"], data=sent["input"]["input_url"], timeout=60).ok

    leaks = {"key": user.key, "input_url": sent["input"]["input_url"], "webhook": sent["webhook"]}
    for path in (
        "/uploads",
        "/quote",
        "/debit",
        "/session",
        "/admin/topups",
        "/nothing",
        "/status/" + user.key,
    ):
        requests.post(cloud.url + path, json=leaks, headers=address(), timeout=60)
        user.post(path, leaks, {"Idempotency-Key": uuid.uuid4().hex})
        user.get(f"{path}?key={user.key}&token={found['session']}", {"Referer": sent["input"]["input_url"]})
    assert requests.delete(f"{cloud.url}/session", headers=headers, timeout=60).status_code == 204
    assert cloud.admin("DELETE", f"/admin/keys/{made['id']}").status_code == 204
    cloud.cron()
    return found


def configured_secrets(cloud: Cloud) -> dict[str, str]:
    lines = (cloud.api.folder / "settings.env").read_text().splitlines()
    settings = {name: json.loads(value) for name, _, value in (line.partition("=") for line in lines)}
    names = ("S3_SECRET_ACCESS_KEY", "RUNPOD_API_KEY", "WEBHOOK_SECRET", "ADMIN_TOKEN")
    return {name: settings[name] for name in names}


def written(cloud: Cloud) -> dict[Path, bytes]:
    """Return every file that the API and wrangler have written, but the one that hands the secrets over."""
    files = {path for path in cloud.api.folder.rglob("*") if path.is_file()} | {cloud.api.log_path}
    return {path: path.read_bytes() for path in files if path.name != "settings.env"}


@pytest.mark.usefixtures("jobs_complete")
def test_no_secret_is_written_anywhere(cloud: Cloud, user: ApiUser) -> None:
    used = use_everything(cloud, user)
    secrets = used | configured_secrets(cloud)
    assert all(len(secret) >= 12 for secret in secrets.values())
    files = written(cloud)
    assert any(user.id.encode() in content for path, content in files.items() if path.suffix == ".sqlite-wal")
    found = {
        (name, str(path.relative_to(cloud.api.folder)))
        for path, content in files.items()
        for name, secret in secrets.items()
        if secret.encode() in content
    }
    assert not found


def events_of(log: str) -> list[dict[str, Any]]:
    """Return the events in a log, but for a last line that is not whole."""
    lines = log.rpartition("\n")[0].splitlines()
    return [json.loads(line) for line in lines if line.startswith('{"event"')]


@pytest.mark.usefixtures("jobs_complete")
def test_events_name_ids_and_numbers_alone(cloud: Cloud, user: ApiUser) -> None:
    before = len(cloud.api.log)
    use_everything(cloud, user)
    expected = {
        *("request", "auth_failed", "key_made", "key_revoked", "session_opened", "session_closed"),
        *("quote_made", "job_created", "job_settled", "webhook", "sweep"),
    }
    wait(lambda: {event["event"] for event in events_of(cloud.api.log[before:])} >= expected, 30)
    events = events_of(cloud.api.log[before:])
    for event in events:
        for value in event.values():
            assert value is None or isinstance(value, bool | int | float | str)
            assert not isinstance(value, str) or len(value) < 100
    text = json.dumps(events)
    assert user.name not in text, "the name of a user is personal data"
    assert "://" not in text
    routes = {event["route"] for event in events if event["event"] == "request"}
    assert "/webhook/:id/:mac" in routes
    assert "/status/:id" in routes


UNEXPECTED = """
const { app } = await import("./api/app.ts");
const secret = process.argv[1];
const DB = {
  prepare() { throw new TypeError(`no ${secret} of mine at job_00000000000000000000000000000000`); },
};
const headers = { Authorization: `Bearer fw_live_${"0".repeat(32)}_${"0".repeat(64)}` };
const answer = await app.request("https://api.example/wallet", { headers }, { DB, ALLOWED_ORIGINS: "" });
console.log(JSON.stringify([answer.status, await answer.text(), Object.fromEntries(answer.headers)]));
"""


@pytest.mark.parametrize(
    "secret",
    [
        "http://127.0.0.1:9/framewright/u/x?X-Amz-Signature=0123456789abcdef",
        "s3://bucket/key",
        f"fw_live_{'0' * 32}_{'1' * 64}",
        "/webhook/job_x/" + "ab" * 32,
        "Bearer " + "Ab1-" * 11,
    ],
)
def test_an_unexpected_error_tells_the_client_nothing_and_the_log_no_secret(secret: str) -> None:
    try:
        done = run_script(UNEXPECTED, secret)
    except NodeMissing as missing:
        pytest.skip(str(missing))
    *events, answer = map(json.loads, done.stdout.splitlines())
    status, body, headers = answer
    assert status == 500
    assert json.loads(body) == {
        "error": {
            "code": "internal",
            "message": "an unexpected error: a bug in Framewright",
            "retryable": True,
        }
    }
    assert "max-age" in headers["strict-transport-security"]
    error, request = events
    assert (error["event"], error["type"]) == ("error", "TypeError")
    assert "job_" + "0" * 32 in error["message"], "ids stay readable"
    assert secret not in done.stdout + done.stderr
    assert secret[-12:] not in done.stdout + done.stderr
    assert (request["event"], request["route"], request["status"]) == ("request", "/wallet", 500)
