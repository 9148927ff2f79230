"""Tests that every job is held and paid exactly once, however many requests, settles and sweeps there are."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from tests.cloud.conftest import Cloud
from tests.cloud.money import (
    FIVE_DOLLARS,
    HOLD,
    LOST_WEBHOOK,
    TIME_LIMIT_S,
    TRACKS,
    assert_settled,
    assert_settled_by_webhook,
    at_once,
    debit,
    make_older,
    pretend,
    price_of,
    row_of,
    run_of,
    runs_of,
    start,
    status_counts,
    sweep,
    unsettled,
    wait_for_webhook,
    wait_until_ended,
    wallet,
    write,
)
from tools.cloud.client import ApiUser
from tools.stand_ins import runpod_faults as faults
from tools.stand_ins.runpod_webhooks import post

pytestmark = pytest.mark.usefixtures("sound_money")


def test_two_hundred_requests_with_one_key_start_one_job(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, run_s=1000)
    key = uuid.uuid4().hex
    responses = at_once(200, lambda: debit(user, upload, key))
    assert status_counts(responses) == {201: 1, 200: 199}
    (job,) = {response.json()["id"] for response in responses}
    assert len(runs_of(cloud, job)) == 1
    assert wallet(cloud, user) == (FIVE_DOLLARS - HOLD, HOLD)


def test_two_hundred_keys_with_money_for_forty_nine_start_forty_nine_jobs(cloud: Cloud) -> None:
    user = cloud.new_user(dollars=49 * HOLD / 1e6)
    upload = user.upload(b"a video")
    pretend(cloud, run_s=1000)
    before = len(cloud.runpod.jobs)
    responses = at_once(200, lambda: debit(user, upload))
    assert status_counts(responses) == {201: 49, 402: 151}
    assert wallet(cloud, user) == (0, 49 * HOLD)
    assert len(cloud.runpod.jobs) - before == 49
    assert {response.json()["error"]["code"] for response in responses if not response.ok} == {
        "not_enough_money"
    }


def test_a_wallet_with_one_micro_dollar_too_little_starts_nothing(cloud: Cloud) -> None:
    user = cloud.new_user(dollars=(HOLD - 1) / 1e6)
    before = len(cloud.runpod.jobs)
    assert debit(user, user.upload(b"a video")).status_code == 402
    assert len(cloud.runpod.jobs) == before
    assert wallet(cloud, user) == (HOLD - 1, 0)


def test_runpod_ends_a_run_that_would_cost_more_than_the_hold(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    pretend(cloud, run_s=10 * TIME_LIMIT_S)
    job = start(user, upload)
    assert price_of(run_of(cloud, job).policy.execution_timeout_ms, row_of(cloud, job)) == HOLD
    cloud.runpod.wait(lambda: run_of(cloud, job).runs)
    cloud.runpod.clock.advance(TIME_LIMIT_S + 1)
    wait_for_webhook(cloud, job)
    assert run_of(cloud, job).state == "TIMED_OUT"
    assert_settled(cloud, job, "failed", 0)


def test_a_key_belongs_to_one_body(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, run_s=1000)
    key = uuid.uuid4().hex
    responses = at_once(
        40, lambda: debit(user, upload, key), lambda: debit(user, upload, key, confidence=0.25)
    )
    counts = status_counts(responses)
    assert counts[201] == 1
    assert counts == {201: 1, 200: 39, 422: 40}
    assert wallet(cloud, user) == (FIVE_DOLLARS - HOLD, HOLD)


def test_a_key_belongs_to_its_body_after_the_job_has_ended(cloud: Cloud, user: ApiUser, upload: str) -> None:
    key = uuid.uuid4().hex
    job = start(user, upload, key)
    assert_settled_by_webhook(cloud, job)
    before = wallet(cloud, user)
    again = debit(user, upload, key)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, job, "completed")
    assert debit(user, upload, key, stride=2).status_code == 422
    assert wallet(cloud, user) == before
    assert len(runs_of(cloud, job)) == 1


def test_two_users_may_have_the_same_key(cloud: Cloud, user: ApiUser, upload: str) -> None:
    other = cloud.new_user()
    key = uuid.uuid4().hex
    assert start(user, upload, key) != start(other, other.upload(b"another video"), key)


def test_sixty_settles_at_once_move_the_money_once(cloud: Cloud, user: ApiUser, upload: str) -> None:
    outcomes: list[tuple[dict[str, Any], str, bool]] = [
        (TRACKS, "completed", True),
        ({"error": "bad_media: this is no video", "output": {"code": "bad_media"}}, "failed", True),
        ({"error": "job_crashed: it crashed", "output": {"code": "job_crashed"}}, "failed", False),
    ]
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    jobs = []
    for answer, state, is_paid in outcomes * 2:
        pretend(cloud, run_s=0.05, answer=answer)
        jobs.append((start(user, upload), state, is_paid))
    for job, _, _ in jobs:
        wait_until_ended(cloud, job)
    actions: list[Callable[[], Any]] = []
    for job, _, _ in jobs:
        run = run_of(cloud, job)
        body = json.dumps(run.notice()).encode()
        actions += [partial(post, str(run.webhook), body)] * 5
        actions += [partial(user.get, f"/status/{job}")] * 3
        actions += [partial(user.post, f"/cancel/{job}")] * 2
    at_once(6, *actions, cloud.cron)
    balance = FIVE_DOLLARS
    for job, state, is_paid in jobs:
        ran = price_of(run_of(cloud, job).execution_ms or 0, row_of(cloud, job))
        assert_settled(cloud, job, state, ran if is_paid else 0)
        balance -= ran if is_paid else 0
    assert wallet(cloud, user) == (balance, 0)


def test_two_sweeps_at_once_settle_each_job_once_and_ask_about_each_once(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    jobs = [start(user, upload) for _ in range(30)]
    for job in jobs:
        wait_until_ended(cloud, job)
    # RunPod takes its time, so that the two are under way at once.
    cloud.runpod.faults.choose = lambda route, _run: faults.late_answer(0.2) if route == "status" else None
    before = cloud.runpod.requests["status"]
    other = len(cloud.sql("SELECT id FROM jobs WHERE ended_at IS NULL")) - len(jobs)
    assert status_counts(at_once(2, cloud.cron)) == {200: 2}
    assert not unsettled(cloud, user)
    assert cloud.runpod.requests["status"] - before <= len(jobs) + other
    assert wallet(cloud, user)[1] == 0


def test_a_clock_that_was_ahead_does_not_keep_the_sweep_away(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    cloud.runpod.faults.add_webhook(LOST_WEBHOOK)
    job = start(user, upload)
    wait_until_ended(cloud, job)
    write(cloud, "UPDATE jobs SET polled_at = polled_at + ? WHERE id = ?", 2 * round(time.time() * 1000), job)
    sweep(cloud)
    assert row_of(cloud, job)["state"] == "completed"


def test_a_job_from_the_future_is_settled(cloud: Cloud, user: ApiUser, upload: str) -> None:
    cloud.runpod.faults.add_webhook(LOST_WEBHOOK)
    job = start(user, upload)
    wait_until_ended(cloud, job)
    make_older(cloud, [job], -3600)
    sweep(cloud)
    assert row_of(cloud, job)["state"] == "completed"
