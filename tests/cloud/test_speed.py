"""Tests that many looks at a job ask RunPod once a second, and that none sees the job of somebody else."""

from __future__ import annotations

import contextlib
import copy
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.cloud.conftest import Cloud
from tools.cloud.client import ApiUser, done
from tools.cloud.ports import free_port
from tools.cloud.wrangler_dev import WranglerDev
from tools.stand_ins.runpod_faults import held_answer
from tools.stand_ins.runpod_queue import Pretence

POLLERS = 50
LINK_S = 3600
VIDEO = b"not a video, but nobody here looks into it"


@pytest.fixture
def asked(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> Counter[tuple[str, str]]:
    """How often RunPod was asked, by route and RunPod's id of the job."""
    counts: Counter[tuple[str, str]] = Counter()
    do = cloud.runpod.do

    def counting(route: Any, job_id: str, body: bytes) -> Any:
        counts[route, job_id] += 1
        return do(route, job_id, body)

    monkeypatch.setattr(cloud.runpod, "do", counting)
    return counts


def running_job(cloud: Cloud, user: ApiUser, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    """Start a job that runs for a long time; return its id and RunPod's."""
    update = {"stage": "upscaling", "percent": 12.5}
    monkeypatch.setattr(cloud.runpod, "pretend", lambda _: Pretence(run_s=10_000, progress=(update,)))
    body = {"task": "upscale", "upload_id": user.upload(VIDEO), "params": {}}
    job = done(user.debit(**body))
    (row,) = cloud.sql("SELECT runpod_id FROM jobs WHERE id = ?", job["id"])
    cloud.runpod.wait(lambda: cloud.runpod.jobs[row["runpod_id"]].progress)
    return job["id"], row["runpod_id"]


def look(session: requests.Session, user: ApiUser, job: str) -> dict[str, Any]:
    answer = session.get(f"{user.url}/status/{job}", headers=user.authorization, timeout=120)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def poll(looks: list[tuple[ApiUser, str]], threads: int = POLLERS) -> tuple[list[dict[str, Any]], float]:
    """Look at jobs from many threads; return what they saw, in order, and how long it took in seconds."""
    with ThreadPoolExecutor(threads) as pool, requests.Session() as session:
        session.mount("http://", requests.adapters.HTTPAdapter(pool_maxsize=threads))
        began = time.monotonic()
        seen = list(pool.map(lambda what: look(session, *what), looks))
        return seen, time.monotonic() - began


def check_link(job: dict[str, Any], user: ApiUser, since: datetime) -> None:
    """Check that the link to the input was made since then, for this user."""
    link = urlsplit(job["links"]["input"])
    query = parse_qs(link.query)
    signed_at = datetime.strptime(query["X-Amz-Date"][0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    assert signed_at >= since - timedelta(seconds=1)
    assert query["X-Amz-Expires"] == [str(LINK_S)]
    assert f"/in/{user.id}/" in link.path


def test_a_thousand_looks_at_a_job_ask_runpod_once_a_second(
    cloud: Cloud, user: ApiUser, asked: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, runpod_id = running_job(cloud, user, monkeypatch)
    since = datetime.now(UTC)
    seen, took_s = poll([(user, job)] * 1000)
    assert [one["id"] for one in seen] == [job] * 1000
    for one in seen:
        check_link(one, user, since)
    assert requests.get(seen[-1]["links"]["input"], timeout=60).content == VIDEO
    assert 1 <= asked["status", runpod_id] <= took_s + 1
    assert {one["state"] for one in seen[POLLERS:]} == {"running"}
    assert {one["progress"]["percent"] for one in seen[POLLERS:]} == {12.5}
    before = asked["status", runpod_id]
    time.sleep(1.1)
    poll([(user, job)] * 3, threads=1)
    assert asked["status", runpod_id] >= before + 1


def test_pollers_of_two_users_do_not_disturb_each_other(
    cloud: Cloud, user: ApiUser, asked: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = cloud.new_user()
    mine, my_runpod_id = running_job(cloud, user, monkeypatch)
    theirs, their_runpod_id = running_job(cloud, other, monkeypatch)
    since = datetime.now(UTC)
    seen, took_s = poll([(user, mine), (other, theirs)] * 100)
    for one in seen[::2]:
        assert one["id"] == mine
        check_link(one, user, since)
    for one in seen[1::2]:
        assert one["id"] == theirs
        check_link(one, other, since)
    for runpod_id in (my_runpod_id, their_runpod_id):
        assert 1 <= asked["status", runpod_id] <= took_s + 1
    assert user.get(f"/status/{theirs}").status_code == 404
    assert other.get(f"/status/{mine}").status_code == 404


def hold_the_next_look(
    cloud: Cloud, user: ApiUser, job: str, runpod_id: str, pool: ThreadPoolExecutor, until: threading.Event
) -> Any:
    """Let somebody look at a job, whom RunPod answers after an event; return the future of that look."""
    time.sleep(1.1)
    before = cloud.runpod.requests["status"]
    cloud.runpod.faults.add("status", held_answer(until))
    slow = pool.submit(user.get, f"/status/{job}")
    cloud.runpod.wait(lambda: cloud.runpod.requests["status"] > before)
    with cloud.runpod.changed:
        cloud.runpod.jobs[runpod_id].progress = {"stage": "upscaling", "percent": 50}
    return slow


def percent(user: ApiUser, job: str) -> float:
    return float(done(user.get(f"/status/{job}"))["progress"]["percent"])


def test_a_slow_answer_of_runpod_keeps_nobody_else_waiting(
    cloud: Cloud, user: ApiUser, asked: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, runpod_id = running_job(cloud, user, monkeypatch)
    assert percent(user, job) == 12.5
    goes_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        slow = hold_the_next_look(cloud, user, job, runpod_id, pool, goes_on)
        try:
            asked.clear()
            assert percent(user, job) in {12.5, 50}
            time.sleep(1.1)
            assert percent(user, job) == 50
            assert asked["status", runpod_id] >= 1
            assert not slow.done()
        finally:
            goes_on.set()
        assert done(slow.result())["state"] == "running"
        assert percent(user, job) == 50, "the late answer is older"


def test_when_the_request_that_asks_dies_another_asks_a_second_later(
    cloud: Cloud, user: ApiUser, asked: Counter[tuple[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    job, runpod_id = running_job(cloud, user, monkeypatch)
    assert percent(user, job) == 12.5
    goes_on = threading.Event()
    with ThreadPoolExecutor(1) as pool:
        slow = hold_the_next_look(cloud, user, job, runpod_id, pool, goes_on)
        try:
            cloud.kill()
            asked.clear()
            time.sleep(1.1)
            assert percent(user, job) == 50
            assert asked["status", runpod_id] >= 1
        finally:
            goes_on.set()
        with contextlib.suppress(requests.RequestException):
            slow.result()


@contextmanager
def twin(api: WranglerDev, folder: Path) -> Iterator[str]:
    """Run a second process of the API on the same database; yield its address."""
    (folder / "state" / "v3").mkdir(parents=True)
    (folder / "state" / "v3" / "d1").symlink_to(api.folder / "state" / "v3" / "d1")
    second = copy.copy(api)
    second.folder, second._port, second._process = folder, free_port(), None
    second.url = f"http://127.0.0.1:{second._port}"
    second.start()
    try:
        yield second.url
    finally:
        second.stop()


def test_two_processes_of_the_api_ask_runpod_once_a_second_between_them(
    cloud: Cloud,
    user: ApiUser,
    asked: Counter[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    job, runpod_id = running_job(cloud, user, monkeypatch)
    answered: Counter[str] = Counter()

    def until_answered(url: str) -> str:
        # Locally a process may find the file of the database locked by the other; D1 has no such answer.
        while (
            answer := requests.get(f"{url}/status/{job}", headers=user.authorization, timeout=60)
        ).status_code == 500:
            pass
        answered[url] += 1
        return str(done(answer)["id"])

    with twin(cloud.api, tmp_path) as url, ThreadPoolExecutor(10) as pool:
        began = time.monotonic()
        assert set(pool.map(until_answered, [cloud.url, url] * 100)) == {job}
        took_s = time.monotonic() - began
    assert answered == {cloud.url: 100, url: 100}
    assert 1 <= asked["status", runpod_id] <= took_s + 1
