"""Tests what cancelled jobs cost, also where the cancel races the end of the job."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.cloud.conftest import Cloud
from tests.cloud.money import (
    LOST_WEBHOOK,
    TTL_S,
    assert_settled,
    assert_settled_by_webhook,
    debit,
    make_older,
    pretend,
    price_of,
    row_of,
    run_of,
    start,
    sweep,
    unsettled,
    wait_until_ended,
)
from tools.cloud.client import ApiUser
from tools.stand_ins import runpod_faults as faults

pytestmark = pytest.mark.usefixtures("sound_money")


def test_a_job_that_waits_is_cancelled_for_nothing(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, wait_s=1000)
    job = start(user, upload)
    assert user.post(f"/cancel/{job}").json()["state"] == "cancelled"
    assert_settled(cloud, job, "cancelled", 0)


def test_a_job_that_runs_is_cancelled_and_costs_what_ran(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, run_s=100)
    job = start(user, upload)
    cloud.runpod.wait(lambda: run_of(cloud, job).state == "IN_PROGRESS")
    cloud.runpod.clock.advance(7)
    assert user.post(f"/cancel/{job}").json()["state"] == "cancelled"
    ran_ms = run_of(cloud, job).execution_ms
    assert ran_ms is not None
    assert 7000 <= ran_ms < 60_000
    assert_settled(cloud, job, "cancelled", price_of(ran_ms, row_of(cloud, job)))


def test_a_cancel_after_the_end_finds_the_job_completed(cloud: Cloud, user: ApiUser, upload: str) -> None:
    cloud.runpod.faults.add_webhook(LOST_WEBHOOK)
    job = start(user, upload)
    wait_until_ended(cloud, job)
    assert user.post(f"/cancel/{job}").json()["state"] == "completed"
    assert_settled(
        cloud, job, "completed", price_of(run_of(cloud, job).execution_ms or 0, row_of(cloud, job))
    )
    before = row_of(cloud, job)
    assert user.post(f"/cancel/{job}").json()["state"] == "completed"
    assert row_of(cloud, job) == before


def test_cancels_race_the_ends_of_their_jobs(cloud: Cloud, user: ApiUser, upload: str) -> None:
    pretend(cloud, run_s=0.15)
    with ThreadPoolExecutor(16) as threads:

        def start_and_cancel(number: int) -> str:
            job = start(user, upload)
            time.sleep(number % 8 * 0.03)
            assert user.post(f"/cancel/{job}").ok
            return job

        jobs = list(threads.map(start_and_cancel, range(64)))
    cloud.runpod.wait(lambda: all(run_of(cloud, job).deliveries for job in jobs))
    sweep(cloud, jobs)
    assert not unsettled(cloud, user)
    states = set()
    for job in jobs:
        run = run_of(cloud, job)
        state = run.state.lower()
        states.add(state)
        assert_settled(cloud, job, state, price_of(run.execution_ms or 0, row_of(cloud, job)))
    assert states <= {"completed", "cancelled"}


@pytest.mark.parametrize(
    "fault", [faults.refusal(429), faults.refusal(500), faults.silence(), faults.lost_answer()]
)
def test_a_cancel_that_runpod_does_not_hear_is_repeated(
    cloud: Cloud, user: ApiUser, upload: str, fault: faults.Fault
) -> None:
    pretend(cloud, run_s=100)
    cloud.runpod.faults.choose_webhook = lambda _run: LOST_WEBHOOK
    job = start(user, upload)
    cloud.runpod.wait(lambda: run_of(cloud, job).state == "IN_PROGRESS")
    cloud.runpod.faults.add("cancel", fault)
    assert user.post(f"/cancel/{job}").json()["state"] in {"cancelling", "cancelled"}
    sweep(cloud, [job])
    sweep(cloud, [job])
    assert_settled(
        cloud, job, "cancelled", price_of(run_of(cloud, job).execution_ms or 0, row_of(cloud, job))
    )


def test_a_cancel_before_run_has_answered_reaches_runpod_afterwards(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    pretend(cloud, wait_s=1000)
    goes_on = threading.Event()
    cloud.runpod.faults.add("run", faults.held_answer(goes_on))
    with ThreadPoolExecutor(1) as thread:
        response = thread.submit(debit, user, upload)
        deadline = time.monotonic() + 60
        while not unsettled(cloud, user) and time.monotonic() < deadline:
            time.sleep(0.02)
        (job,) = unsettled(cloud, user)
        assert user.post(f"/cancel/{job}").json()["state"] == "cancelling"
        goes_on.set()
        assert response.result().json()["state"] in {"cancelling", "cancelled"}
    assert run_of(cloud, job).state == "CANCELLED"
    sweep(cloud, [job])
    assert_settled(cloud, job, "cancelled", 0)


def test_a_cancelled_job_whose_answer_of_run_was_lost_is_settled_as_it_ended(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    pretend(cloud, run_s=50)
    cloud.runpod.faults.add("run", faults.lost_answer(), faults.silence())
    ran, never_ran = start(user, upload), start(user, upload)
    for job in (ran, never_ran):
        assert user.post(f"/cancel/{job}").json()["state"] == "cancelling"
    cloud.runpod.clock.advance(51)
    assert_settled_by_webhook(cloud, ran)
    make_older(cloud, [never_ran], TTL_S + 120)
    sweep(cloud)
    assert_settled(cloud, never_ran, "cancelled", 0)
