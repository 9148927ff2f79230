"""Tests how many requests the API sends to D1, RunPod and the bucket: for POST /debit, and in a sweep."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.cloud.conftest import ORIGIN, Cloud
from tools.cloud import service
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.runpod_faults import WebhookFault
from tools.stand_ins.runpod_queue import Pretence
from tools.stand_ins.worker_process import wait

MOST_ROUND_TRIPS = 4
JOBS = 300
MOST_STATEMENTS = 1000
"""D1's limit for one run of a Worker (developers.cloudflare.com/d1/platform/limits)."""
MOST_REQUESTS = 1000
"""What one run of a Worker may ask of D1, RunPod and R2 together, on every paid plan there has been."""
VIDEO = b"not a video, but nobody here looks into it"


@pytest.fixture(scope="module")
def counted() -> Iterator[Cloud]:
    """The API, whose answers say how many round trips to D1 they took; webhooks are lost."""
    runpod = RunPodApi(rates={})
    runpod.pretend = lambda _: Pretence(answer={"output": {"status": "completed", "tracks": []}})
    runpod.faults.choose_webhook = lambda _: WebhookFault(copies=0)
    try:
        with service.running(runpod, origins=[ORIGIN], entry="tests/counted_api.ts") as parts:
            yield Cloud(parts)
    except NodeMissing as missing:
        pytest.skip(str(missing))


def round_trips(response: requests.Response) -> int:
    return int(response.headers["X-D1-Round-Trips"])


def events(cloud: Cloud, name: str) -> list[dict[str, Any]]:
    """Return the events of this name in the API's log."""
    lines = [line for line in cloud.api.log.splitlines() if line.startswith(f'{{"event":"{name}"')]
    return [json.loads(line) for line in lines]


def by_key(user: ApiUser) -> dict[str, str]:
    return user.authorization


def by_cookie(user: ApiUser) -> dict[str, str]:
    opened = requests.post(f"{user.url}/session", json={"key": user.key}, timeout=60)
    assert opened.status_code == 201, opened.text
    return {"Cookie": opened.headers["Set-Cookie"].partition(";")[0], "Origin": ORIGIN}


def with_quote(user: ApiUser, upload: str) -> dict[str, Any]:
    quote = done(user.post("/quote", {"task": "upscale", "upload_id": upload, "params": {"scale": 2}}))
    return {"quote_id": quote["id"]}


def with_upload(_user: ApiUser, upload: str) -> dict[str, Any]:
    return {"task": "track", "upload_id": upload, "params": {"classes": ["person"]}}


def with_url(user: ApiUser, upload: str) -> dict[str, Any]:
    job = done(user.debit(task="upscale", upload_id=upload, params={}))
    return {"task": "export", "input_url": job["links"]["input"], "params": {"format": "webm"}}


@pytest.mark.parametrize("credentials", [by_key, by_cookie])
@pytest.mark.parametrize("body", [with_quote, with_upload, with_url])
def test_debit_takes_four_round_trips_to_d1_and_one_to_runpod(
    counted: Cloud,
    credentials: Callable[[ApiUser], dict[str, str]],
    body: Callable[[ApiUser, str], dict[str, Any]],
) -> None:
    user = counted.new_user()
    job = body(user, user.upload(VIDEO))
    headers = credentials(user) | {"Idempotency-Key": uuid.uuid4().hex}
    asked = Counter(counted.runpod.requests)
    answer = requests.post(f"{counted.url}/debit", json=job, headers=headers, timeout=60)
    assert answer.status_code == 201, answer.text
    assert answer.json()["state"] == "queued"
    assert 2 <= round_trips(answer) <= MOST_ROUND_TRIPS
    assert Counter(counted.runpod.requests) - asked == Counter(run=1)
    again = requests.post(f"{counted.url}/debit", json=job, headers=headers, timeout=60)
    assert (again.status_code, again.json()["id"]) == (200, answer.json()["id"])
    assert round_trips(again) <= MOST_ROUND_TRIPS
    assert Counter(counted.runpod.requests) - asked == Counter(run=1)


def test_a_look_takes_three_round_trips_if_it_asks_runpod_and_two_otherwise(counted: Cloud) -> None:
    user = counted.new_user()
    job = done(user.debit(**with_upload(user, user.upload(VIDEO))))
    counted.runpod.wait(lambda: all(one.is_final for one in counted.runpod.jobs.values()))
    looks = [user.get(f"/status/{job['id']}") for _ in range(2)]
    assert [look.json()["state"] for look in looks] == ["completed"] * 2
    assert [round_trips(look) for look in looks] == [3, 2]


@pytest.mark.slow
def test_two_sweeps_at_once_settle_three_hundred_jobs_within_cloudflares_limits(
    counted: Cloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted.cron()
    answer = {"output": {"status": "completed", "output_url": "https://bucket.example/out.mp4"}}
    monkeypatch.setattr(counted.runpod, "pretend", lambda _: Pretence(answer=answer))
    user = counted.new_user(dollars=100)
    body = {"task": "upscale", "upload_id": user.upload(VIDEO), "params": {}}
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: done(user.debit(**body)), range(JOBS)))
    counted.runpod.wait(lambda: all(job.is_final for job in counted.runpod.jobs.values()))
    outputs = [
        job.input["output_url"] for job in counted.runpod.jobs.values() if user.id in job.input["output_url"]
    ]
    for url in outputs:
        assert requests.put(url, data=VIDEO, headers={"Content-Type": "video/mp4"}, timeout=60).ok
    asked, seen = Counter(counted.runpod.requests), len(counted.door.door.requests)
    sweeps = len(events(counted, "d1"))
    with ThreadPoolExecutor(2) as pool:
        assert all(answer.ok for answer in pool.map(lambda _: counted.cron(), range(2)))
    jobs = counted.sql("SELECT state, charge FROM jobs WHERE user_id = ?", user.id)
    assert Counter(job["state"] for job in jobs) == Counter(completed=JOBS)
    assert Counter(counted.runpod.requests) - asked == Counter(status=JOBS), "each job is asked about once"
    heads = len(counted.door.door.requests) - seen
    assert heads == JOBS
    wait(lambda: len(events(counted, "d1")) == sweeps + 2)
    for sweep in events(counted, "d1")[sweeps:]:
        assert sweep["statements"] <= MOST_STATEMENTS
        assert sweep["round_trips"] + 2 * JOBS <= MOST_REQUESTS
    assert sum(sweep["statements"] for sweep in events(counted, "d1")[sweeps:]) >= 3 * JOBS
