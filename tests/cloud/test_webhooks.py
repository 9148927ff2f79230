"""Tests webhooks that are forged, replayed, early, late or lost."""

from __future__ import annotations

import json

import pytest

from tests.cloud.conftest import Cloud
from tests.cloud.money import (
    FIVE_DOLLARS,
    HOLD,
    LOST_WEBHOOK,
    TRACKS,
    assert_settled,
    assert_settled_by_webhook,
    at_once,
    debit,
    pretend,
    price_of,
    row_of,
    run_of,
    start,
    sweep,
    wait_until_ended,
    wallet,
)
from tools.cloud.client import ApiUser
from tools.stand_ins import runpod_faults as faults
from tools.stand_ins.runpod_faults import WebhookFault
from tools.stand_ins.runpod_webhooks import post

pytestmark = pytest.mark.usefixtures("sound_money")


def test_a_forged_webhook_changes_nothing_and_asks_nobody(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, run_s=1000)
    job, other = start(user, upload), start(user, upload)
    run = run_of(cloud, job)
    base, _, mac = str(run.webhook).rpartition("/")
    forged = [
        str(run_of(cloud, other).webhook).rpartition("/")[2],
        *("0" * 64, mac.upper(), mac[:-1], mac + "0", mac[:-1] + "g", "x", "%00" * 64, mac + "%20"),
    ]
    body = json.dumps({"id": run.id, "status": "COMPLETED", "executionTime": 1, **TRACKS}).encode()
    before = (cloud.runpod.requests["status"], row_of(cloud, job))
    assert {post(f"{base}/{text}", body) for text in forged} == {404}
    assert post(f"{cloud.url}/webhook/job_none/{mac}", body) == 404
    assert (cloud.runpod.requests["status"], row_of(cloud, job)) == before


@pytest.mark.parametrize("executed_ms", [0, 1, 10**12])
def test_the_body_of_a_webhook_is_not_believed(
    cloud: Cloud, user: ApiUser, upload: str, executed_ms: int
) -> None:
    done = start(user, upload)
    assert_settled_by_webhook(cloud, done)
    pretend(cloud, run_s=1000)
    job, other = start(user, upload), start(user, upload)
    run = run_of(cloud, job)
    runs = [run.id, run_of(cloud, other).id, run_of(cloud, done).id]
    identities: list[object] = [*runs, "other", None, 7, {}]
    for identity in identities:
        body = {"id": identity, "status": "COMPLETED", "executionTime": executed_ms, **TRACKS}
        assert post(str(run.webhook), json.dumps(body).encode()) == 503
    for raw in (b"", b"[]", b"null", b"{", b"\xff\xfe", b"<html>", b'"x"'):
        assert post(str(run.webhook), raw) == 503
    assert row_of(cloud, job)["ended_at"] is None
    charge = row_of(cloud, done)["charge"]
    assert wallet(cloud, user) == (FIVE_DOLLARS - charge - 2 * HOLD, 2 * HOLD)


def test_a_webhook_that_names_the_run_of_another_job_does_not_settle_by_it(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    done = start(user, upload)
    wait_until_ended(cloud, done)
    pretend(cloud, run_s=1000)
    cloud.runpod.faults.add("run", faults.lost_answer())
    job = start(user, upload)
    body = json.dumps({"id": run_of(cloud, done).id}).encode()
    assert post(str(run_of(cloud, job).webhook), body) != 200
    assert row_of(cloud, job)["ended_at"] is None


def test_replayed_webhooks_change_nothing(cloud: Cloud, user: ApiUser, upload: str) -> None:
    job = start(user, upload)
    assert_settled_by_webhook(cloud, job)
    before, run = (row_of(cloud, job), wallet(cloud, user)), run_of(cloud, job)
    body = json.dumps(run.notice()).encode()
    assert set(at_once(50, lambda: post(str(run.webhook), body))) == {200}
    assert (row_of(cloud, job), wallet(cloud, user)) == before


def test_a_webhook_may_come_before_run_has_answered(cloud: Cloud, user: ApiUser, upload: str) -> None:
    cloud.runpod.faults.add("run", faults.answer_after_webhook())
    response = debit(user, upload)
    assert response.status_code == 201
    assert response.json()["state"] == "completed"
    job = response.json()["id"]
    assert_settled_by_webhook(cloud, job)
    assert row_of(cloud, job)["runpod_id"] == run_of(cloud, job).id


def test_an_early_webhook_races_the_answer_of_run(cloud: Cloud, user: ApiUser, upload: str) -> None:
    jobs = [response.json()["id"] for response in at_once(40, lambda: debit(user, upload))]
    for job in jobs:
        assert_settled_by_webhook(cloud, job)
    assert wallet(cloud, user)[1] == 0


def test_a_late_webhook_finds_the_job_settled(cloud: Cloud, user: ApiUser, upload: str) -> None:
    cloud.runpod.faults.add_webhook(WebhookFault(delay_s=300))
    job = start(user, upload)
    wait_until_ended(cloud, job)
    sweep(cloud)
    before = row_of(cloud, job)
    assert before["state"] == "completed"
    cloud.runpod.clock.advance(301)
    cloud.runpod.wait(lambda: run_of(cloud, job).deliveries)
    assert run_of(cloud, job).deliveries[0].status == 200
    assert row_of(cloud, job) == before


@pytest.mark.parametrize("by", ["cron", "status"])
def test_a_job_whose_webhook_is_lost_is_settled(cloud: Cloud, user: ApiUser, upload: str, by: str) -> None:
    cloud.runpod.faults.add_webhook(LOST_WEBHOOK)
    job = start(user, upload)
    wait_until_ended(cloud, job)
    if by == "cron":
        sweep(cloud)
    else:
        assert user.get(f"/status/{job}").json()["state"] == "completed"
    assert_settled(
        cloud, job, "completed", price_of(run_of(cloud, job).execution_ms or 0, row_of(cloud, job))
    )


def test_a_webhook_that_is_not_answered_is_sent_again(cloud: Cloud, user: ApiUser, upload: str) -> None:
    cloud.runpod.faults.add("status", faults.refusal(500))
    job = start(user, upload)
    assert_settled_by_webhook(cloud, job)
    assert [delivery.status for delivery in run_of(cloud, job).deliveries] == [503, 200]
