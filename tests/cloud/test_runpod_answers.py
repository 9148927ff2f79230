"""Tests that no answer of RunPod, or none, makes a job unpaid or paid twice."""

from __future__ import annotations

import json
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from moto.core.models import DEFAULT_ACCOUNT_ID
from moto.s3.models import s3_backends

from tests.cloud.conftest import Cloud
from tests.cloud.money import (
    FIVE_DOLLARS,
    HOLD,
    LOST_WEBHOOK,
    TIME_LIMIT_S,
    TTL_S,
    assert_settled,
    assert_settled_by_webhook,
    at_once,
    debit,
    make_older,
    pretend,
    price_of,
    row_of,
    run_of,
    start,
    status_counts,
    sweep,
    unsettled,
    wait_for_webhook,
    wait_until_ended,
    wallet,
)
from tools.cloud.client import ApiUser
from tools.stand_ins import runpod_faults as faults
from tools.stand_ins.bucket import NAME

pytestmark = pytest.mark.usefixtures("sound_money")


@pytest.mark.parametrize("code", [400, 401, 403, 404, 413, 422, 429])
def test_a_refusal_gives_the_money_and_the_key_back(
    cloud: Cloud, user: ApiUser, upload: str, code: int
) -> None:
    cloud.runpod.faults.add("run", faults.refusal(code))
    key = uuid.uuid4().hex
    refused = debit(user, upload, key)
    assert (refused.status_code, refused.json()["error"]["retryable"]) == (503, True)
    assert int(refused.headers["Retry-After"]) > 0
    assert wallet(cloud, user) == (FIVE_DOLLARS, 0)
    job = start(user, upload, key)
    assert_settled_by_webhook(cloud, job)
    assert [entry["kind"] for entry in user.get("/wallet").json()["entries"]] == [
        *("capture", "release", "hold"),
        *("capture", "release", "hold", "topup"),
    ]


def test_one_key_sent_often_while_runpod_refuses_holds_nothing(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    cloud.runpod.faults.choose = lambda route, _run: faults.refusal(429) if route == "run" else None
    key = uuid.uuid4().hex
    responses = at_once(60, lambda: debit(user, upload, key))
    assert set(status_counts(responses)) <= {200, 409, 503}
    assert not unsettled(cloud, user)
    assert wallet(cloud, user) == (FIVE_DOLLARS, 0)


UNCLEAR = {
    "500": faults.refusal(500),
    "503": faults.refusal(503),
    "408": faults.refusal(408),
    "nothing": faults.silence(0.1),
    "html": faults.other_answer(b"<html>welcome</html>", takes_effect=False),
    "no id": faults.other_answer(b'{"status": "IN_QUEUE"}', takes_effect=False),
    "odd id": faults.other_answer(b'{"id": "../../x", "status": "IN_QUEUE"}', takes_effect=False),
    "redirect": faults.other_answer(b"", 302, takes_effect=False),
    "lost": faults.lost_answer(0.1),
    "html after all": faults.other_answer(b"<html>welcome</html>"),
    "500 after all": faults.other_answer(b"{}", 500),
}


@pytest.mark.parametrize("fault", UNCLEAR.values(), ids=UNCLEAR)
def test_an_unclear_answer_keeps_the_hold_until_the_job_is_known_or_over(
    cloud: Cloud, user: ApiUser, upload: str, fault: faults.Fault
) -> None:
    pretend(cloud, run_s=30)
    before = len(cloud.runpod.jobs)
    cloud.runpod.faults.add("run", fault)
    key = uuid.uuid4().hex
    job = start(user, upload, key)
    assert row_of(cloud, job)["state"] == "submitting"
    again = debit(user, upload, key)
    assert (again.status_code, again.json()["id"]) == (200, job)
    assert len(cloud.runpod.jobs) - before == fault.takes_effect
    sweep(cloud, [job])
    assert wallet(cloud, user) == (FIVE_DOLLARS - HOLD, HOLD)
    if fault.takes_effect:
        cloud.runpod.clock.advance(31)
        assert_settled_by_webhook(cloud, job)
    else:
        make_older(cloud, [job], TTL_S + 25)
        sweep(cloud)
        assert row_of(cloud, job)["ended_at"] is None, "/run may take 20 s, and RunPod counts from its end"
        make_older(cloud, [job], 100)
        sweep(cloud)
        assert_settled(cloud, job, "failed", 0)
        assert wallet(cloud, user) == (FIVE_DOLLARS, 0)
        assert debit(user, upload, key).json()["state"] == "failed"


def test_an_id_that_runpod_gives_twice_belongs_to_the_first_job(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    first = start(user, upload)
    assert_settled_by_webhook(cloud, first)
    same = json.dumps({"id": run_of(cloud, first).id, "status": "IN_QUEUE"}).encode()
    pretend(cloud, run_s=100)
    cloud.runpod.faults.add("run", faults.other_answer(same, content_type="application/json"))
    key = uuid.uuid4().hex
    debit(user, upload, key)
    job = debit(user, upload, key).json()["id"]
    sweep(cloud, [job])
    assert row_of(cloud, job)["ended_at"] is None
    cloud.runpod.clock.advance(101)
    assert_settled_by_webhook(cloud, job)


def test_a_job_that_runs_twice_is_paid_once(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, runs=2, run_s=0.1, wait_s=0.5)
    job = start(user, upload)
    cloud.runpod.wait(lambda: len(run_of(cloud, job).deliveries) == 2)
    run = run_of(cloud, job)
    assert [delivery.status for delivery in run.deliveries] == [200, 200]
    assert_settled(cloud, job, "completed", price_of(run.runs[0].ms or 0, row_of(cloud, job)))


def test_an_answer_of_run_after_the_release_cancels_the_run(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, run_s=1000)
    goes_on = threading.Event()
    cloud.runpod.faults.add("run", faults.held_answer(goes_on))
    with ThreadPoolExecutor(1) as thread:
        response = thread.submit(debit, user, upload)
        deadline = time.monotonic() + 60
        while not unsettled(cloud, user) and time.monotonic() < deadline:
            time.sleep(0.05)
        (job,) = unsettled(cloud, user)
        make_older(cloud, [job], TTL_S + 120)
        sweep(cloud)
        assert_settled(cloud, job, "failed", 0)
        goes_on.set()
        assert response.result().status_code == 201
    cloud.runpod.wait(lambda: run_of(cloud, job).deliveries)
    assert run_of(cloud, job).state == "CANCELLED"
    assert_settled(cloud, job, "failed", 0)
    assert wallet(cloud, user) == (FIVE_DOLLARS, 0)


STATUS_FAULTS = {
    "429": faults.refusal(429),
    "500": faults.refusal(500),
    "401": faults.refusal(401),
    "html": faults.other_answer(b"<html>welcome</html>"),
    "list": faults.other_answer(b"[]"),
    "null": faults.other_answer(b"null"),
    "empty": faults.other_answer(b""),
    "other id": faults.other_answer(b'{"id": "other", "status": "COMPLETED", "executionTime": 1}'),
    "no id": faults.other_answer(b'{"status": "COMPLETED", "executionTime": 1}'),
}


@pytest.mark.parametrize("fault", STATUS_FAULTS.values(), ids=STATUS_FAULTS)
def test_a_bad_answer_to_status_settles_nothing(
    cloud: Cloud, user: ApiUser, upload: str, fault: faults.Fault
) -> None:
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    job = start(user, upload)
    wait_until_ended(cloud, job)
    cloud.runpod.faults.add("status", fault)
    assert user.get(f"/status/{job}").json()["state"] == "queued"
    assert row_of(cloud, job)["ended_at"] is None
    sweep(cloud, [job])
    assert row_of(cloud, job)["state"] == "completed"


def test_no_answer_to_status_settles_nothing(cloud: Cloud, user: ApiUser, upload: str) -> None:
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    job = start(user, upload)
    wait_until_ended(cloud, job)
    # A GET whose connection breaks is sent again by the runtime, so silence lasts here.
    cloud.runpod.faults.choose = lambda route, _run: faults.silence(0.1) if route == "status" else None
    assert user.get(f"/status/{job}").json()["state"] == "queued"
    cloud.runpod.faults.clear()
    sweep(cloud, [job])
    assert row_of(cloud, job)["state"] == "completed"


@pytest.mark.parametrize("status", ["PAUSED", "", "completed", None, 7, ["COMPLETED"]])
def test_an_unknown_status_is_not_final(cloud: Cloud, user: ApiUser, upload: str, status: object) -> None:
    pretend(cloud, replaced={"status": status})
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    job = start(user, upload)
    wait_until_ended(cloud, job)
    sweep(cloud, [job])
    assert row_of(cloud, job)["ended_at"] is None


@pytest.mark.parametrize("answer", ["PAUSED", "IN_PROGRESS", 503, 401])
def test_a_job_is_given_up_a_day_after_its_ttl_whatever_runpod_answers(
    cloud: Cloud, user: ApiUser, upload: str, answer: str | int
) -> None:
    pretend(cloud, wait_s=10**6, replaced={"status": answer} if isinstance(answer, str) else {})
    job = start(user, upload)
    if isinstance(answer, int):
        fault = faults.refusal(answer)
        cloud.runpod.faults.choose = lambda route, _run: fault if route == "status" else None
    make_older(cloud, [job], TTL_S + 86_000)
    sweep(cloud, [job])
    assert row_of(cloud, job)["ended_at"] is None
    make_older(cloud, [job], 1000)
    sweep(cloud, [job])
    assert_settled(cloud, job, "failed", 0)


def test_a_run_that_nobody_tells_of_is_settled_soon_after_its_output(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    cloud.runpod.faults.add("run", faults.lost_answer())
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    job = start(user, upload)
    (run,) = [run for run in cloud.runpod.jobs.values() if f"/webhook/{job}/" in str(run.webhook)]
    cloud.runpod.wait(lambda: run.state == "COMPLETED")
    headers = {"Content-Type": "application/json"}
    assert requests.put(run.input["output_url"], b"{}", headers=headers, timeout=30).ok
    make_older(cloud, [job], 600)
    sweep(cloud, [job])
    assert row_of(cloud, job)["state"] == "submitting", "a webhook may still come"
    stored = s3_backends[DEFAULT_ACCOUNT_ID]["aws"].buckets[NAME].keys[row_of(cloud, job)["output_key"]]
    stored.last_modified -= timedelta(seconds=125)
    sweep(cloud, [job])
    assert_settled(cloud, job, "completed", json.loads(row_of(cloud, job)["terms"])["expected"])


def test_a_status_of_not_found_soon_after_run_settles_nothing(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    pretend(cloud, run_s=20)
    job = start(user, upload)
    cloud.runpod.faults.add("status", faults.refusal(404))
    sweep(cloud, [job])
    assert row_of(cloud, job)["ended_at"] is None
    cloud.runpod.clock.advance(21)
    assert_settled_by_webhook(cloud, job)


def test_a_running_job_that_ttl_deleted_costs_nothing(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, wait_s=TTL_S - 60, run_s=TIME_LIMIT_S - 1)
    job = start(user, upload)
    cloud.runpod.clock.advance(TTL_S - 59)
    cloud.runpod.wait(lambda: run_of(cloud, job).state == "IN_PROGRESS")
    sweep(cloud, [job])
    assert row_of(cloud, job)["state"] == "running"
    cloud.runpod.clock.advance(60)
    cloud.runpod.wait(lambda: run_of(cloud, job).deleted)
    sweep(cloud, [job])
    assert row_of(cloud, job)["ended_at"] is None, "404 alone does not say that the job is over"
    make_older(cloud, [job], TTL_S + 120)
    sweep(cloud)
    assert_settled(cloud, job, "failed", 0)
    assert json.loads(row_of(cloud, job)["error"])["fault"] == "worker"


EXECUTION_TIMES: list[tuple[object, int]] = [
    (0, 0),
    (0.4, 1),
    (1, 1),
    (1.5, 1),
    (TIME_LIMIT_S * 1000 - 0.999, HOLD),
    (TIME_LIMIT_S * 1000, HOLD),
    (TIME_LIMIT_S * 1000 + 1, HOLD),
    (10**15, HOLD),
    (1e300, HOLD),
]


@pytest.mark.parametrize(("executed_ms", "charge"), EXECUTION_TIMES)
def test_a_run_is_charged_by_its_time_up_to_the_hold(
    cloud: Cloud, user: ApiUser, upload: str, executed_ms: float, charge: int
) -> None:
    pretend(cloud, replaced={"executionTime": executed_ms})
    job = start(user, upload)
    wait_for_webhook(cloud, job)
    assert_settled(cloud, job, "completed", charge)


NO_TIMES: list[object] = [..., None, -1, -1e300, "1000", "NaN", True, [1000], {"ms": 1000}]


@pytest.mark.parametrize("executed_ms", NO_TIMES, ids=repr)
def test_a_completed_run_without_a_time_is_charged_what_was_expected(
    cloud: Cloud, user: ApiUser, upload: str, executed_ms: object
) -> None:
    pretend(cloud, replaced={"executionTime": executed_ms})
    job = start(user, upload)
    wait_for_webhook(cloud, job)
    expected = json.loads(row_of(cloud, job)["terms"])["expected"]
    assert 0 < expected < HOLD
    assert_settled(cloud, job, "completed", expected)


@pytest.mark.parametrize("executed_ms", [float("nan"), float("inf")])
def test_a_status_that_is_not_json_settles_nothing_until_it_is_over(
    cloud: Cloud, user: ApiUser, upload: str, executed_ms: float
) -> None:
    pretend(cloud, replaced={"executionTime": executed_ms})
    job = start(user, upload)
    cloud.runpod.wait(lambda: len(run_of(cloud, job).deliveries) == 3)
    assert {delivery.status for delivery in run_of(cloud, job).deliveries} == {503}
    assert row_of(cloud, job)["ended_at"] is None


ODD_FIELDS: dict[str, list[object]] = {
    "delayTime": [..., None, -1, 1e300, 9e15, 0.5, "1000", True, []],
    "output": [..., None, 7, "text", [], {}, {"status": "failed"}],
    "error": [None, 7, {"code": 7}],
    "workerId": [7],
    "retries": ["many"],
}


@pytest.mark.parametrize(
    "replaced", [{name: value} for name, values in ODD_FIELDS.items() for value in values], ids=repr
)
def test_odd_fields_of_a_final_status_settle_the_job_and_show_it(
    cloud: Cloud, user: ApiUser, upload: str, replaced: dict[str, Any]
) -> None:
    pretend(cloud, replaced=replaced)
    job = start(user, upload)
    cloud.runpod.wait(lambda: run_of(cloud, job).deliveries)
    assert run_of(cloud, job).deliveries[0].status == 200
    assert row_of(cloud, job)["ended_at"] is not None
    assert user.get(f"/status/{job}").status_code == 200
    assert user.get("/jobs").status_code == 200
