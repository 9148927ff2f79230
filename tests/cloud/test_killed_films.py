"""Tests that films go on after the API was killed, without a segment that is paid for twice."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import FilmWorkers, film_of, start_film
from tests.cloud.money import make_older, write
from tests.cloud.test_films import steps_of
from tests.support.kills import KILLS
from tools.cloud.client import ApiUser
from tools.stand_ins.runpod_faults import Fault, lost_answer, refusal, silence

pytestmark = pytest.mark.usefixtures("queue")

SEGMENTS = 40


@contextmanager
def sweeping(cloud: Cloud) -> Iterator[None]:
    """Let the cron event happen all the time, though the API may be dead."""
    ended = threading.Event()

    def sweep() -> None:
        while not ended.wait(0.5):
            with contextlib.suppress(requests.RequestException):
                requests.get(f"{cloud.url}/cdn-cgi/handler/scheduled", timeout=10)

    thread = threading.Thread(target=sweep)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def wait_for_end(cloud: Cloud, film: str, timeout_s: float = 240) -> dict[str, Any]:
    """Wait until a film has ended, by its row: the API may be dead; return the row."""
    deadline = time.monotonic() + timeout_s
    while True:
        (row,) = cloud.sql("SELECT * FROM jobs WHERE id = ?", film)
        if row["ended_at"] is not None:
            return row
        assert time.monotonic() < deadline, cloud.sql("SELECT * FROM film_steps WHERE job_id = ?", film)
        time.sleep(0.1)


def check(cloud: Cloud, user: ApiUser, film: dict[str, Any], workers: FilmWorkers, kills: int) -> None:
    """Check that a film is whole, that each segment was charged once, and that few were made twice."""
    row = wait_for_end(cloud, film["id"])
    assert row["state"] == "completed", row["error"]
    assert row["charge"] == film["quote"]["expected"]
    job = user.get(f"/status/{film['id']}").json()
    assert requests.get(job["links"]["output"], timeout=30).content == film_of(workers)
    segments = cloud.sql("SELECT * FROM film_steps WHERE job_id = ? AND kind = 'segment'", film["id"])
    cost = film["quote"]["film"]["frames_cost"]
    assert sum(segment["charge"] for segment in segments) == cost
    again = sum((workers.made - Counter(range(SEGMENTS))).values())
    assert set(workers.made) == set(range(SEGMENTS))
    assert again <= kills
    assert cloud.admin("GET", "/admin/ledger/check").json()["problems"] == []


def kill_at_random(cloud: Cloud, film: str, kills: int, seed: int) -> int:
    """Kill the API at random moments until the film has ended, at most so often; return how often."""
    chance = random.Random(seed)
    for number in range(kills):
        time.sleep(chance.uniform(0, 1.5))
        if cloud.sql("SELECT ended_at FROM jobs WHERE id = ?", film)[0]["ended_at"] is not None:
            return number
        cloud.kill()
    return kills


def test_a_film_goes_on_after_the_api_was_killed(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    workers.held = {20, 21, 22}
    film = start_film(user)
    cloud.runpod.wait(lambda: sum(workers.made.values()) >= 20)
    cloud.runpod.wait(lambda: held_runs(cloud, film["id"]) == 3)
    cloud.kill()
    workers.held = set()
    for run in list(cloud.runpod.jobs.values()):
        if run.input["params"].get("number") in {20, 21, 22} and not run.is_final:
            cloud.runpod.cancel(run.id)  # as if their workers had died: each is made once more
    with sweeping(cloud):
        check(cloud, user, film, workers, 0)


def test_a_film_goes_on_after_the_api_was_stopped_and_started_again(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    workers.run_s = 0.2
    film = start_film(user)
    cloud.runpod.wait(lambda: sum(workers.made.values()) >= 10)
    cloud.restart()
    with sweeping(cloud):
        check(cloud, user, film, workers, 1)


@pytest.mark.slow
def test_a_film_goes_on_after_a_pause_of_more_than_a_day(cloud: Cloud) -> None:
    """The API is down, RunPod forgets the runs, and their addresses expire; the pieces are used."""
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    workers.held = {20, 21, 22}
    film = start_film(user)
    cloud.runpod.wait(lambda: sum(workers.made.values()) >= 20)
    cloud.runpod.wait(lambda: held_runs(cloud, film["id"]) == 3)
    before = dict(cloud.runpod.jobs)
    held = [run for run in before.values() if run.input["params"].get("number") in workers.held]
    assert max(lifetime_s(run.input["output_url"]) for run in held) < 86_400
    cloud.runpod.faults.choose = lambda _route, _run: refusal(500)
    try:
        pause_s = film["quote"]["execution_timeout_s"] + 30 * 3600
        make_older(cloud, [film["id"]], pause_s)
        columns = ("submitted_at", "started_at", "polled_at", "done_at")
        change = ", ".join(f"{name} = {name} - {round(1000 * pause_s)}" for name in columns)
        write(cloud, f"UPDATE film_steps SET {change} WHERE job_id = ?", film["id"])  # noqa: S608
        for run in held:
            cloud.runpod.cancel(run.id)
            del cloud.runpod.jobs[run.id]
        cloud.restart()
    finally:
        cloud.runpod.faults.clear()
    workers.held = set()
    with sweeping(cloud):
        check(cloud, user, film, workers, 0)
    after = [run.input for run in steps_of(cloud, film["id"]) if run.id not in before]
    numbers = [one["params"]["number"] for one in after if one["task"] == "segment"]
    assert sorted(numbers) == sorted({*numbers, 20, 21, 22}), (
        "the three are made again, and no other is made twice"
    )
    old = {run.input["output_url"] for run in held}
    assert not old & {one.get("output_url") for one in after}, "addresses are signed anew"


def lifetime_s(url: str) -> int:
    """Return how long a presigned URL is valid, in seconds."""
    return int(parse_qs(urlsplit(url).query)["X-Amz-Expires"][0])


def held_runs(cloud: Cloud, film: str) -> int:
    """Return how many segments of a film run at RunPod, by the rows of the API."""
    query = "SELECT COUNT(*) AS count FROM film_steps WHERE job_id = ? AND state = 'running' AND number >= 20"
    return int(cloud.sql(query, film)[0]["count"])


@pytest.mark.slow
def test_kills_at_random_moments_make_few_segments_twice(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    workers.run_s = 0.1
    with sweeping(cloud):
        film = start_film(user)
        kills = kill_at_random(cloud, film["id"], 3, seed=1)
        assert kills > 0
        check(cloud, user, film, workers, kills)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_no_segment_is_paid_for_twice_after_many_kills(cloud: Cloud) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"seed {seed}")  # noqa: T201  shown if the test fails
    kills, films = 0, 0
    with sweeping(cloud):
        while kills < KILLS:
            user = cloud.new_user(100)
            workers = FilmWorkers(cloud, SEGMENTS)
            workers.run_s = 1
            film = start_film(user)
            count = kill_at_random(cloud, film["id"], KILLS - kills, seed + films)
            check(cloud, user, film, workers, count)
            kills, films = kills + count, films + 1
    assert kills == KILLS


def test_a_lost_answer_makes_at_most_one_segment_twice(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    chance = random.Random(5)
    losses = 0

    def fault(route: str, _run: str) -> Fault | None:
        nonlocal losses
        if chance.random() < 0.9:
            return None
        if route == "run":
            losses += 1
            return lost_answer()
        return refusal(500)

    cloud.runpod.faults.choose = fault
    try:
        with sweeping(cloud):
            film = start_film(user)
            check(cloud, user, film, workers, 0)
    finally:
        cloud.runpod.faults.clear()
    assert losses > 0


def test_a_step_whose_run_gets_no_answer_is_submitted_more_than_three_times(cloud: Cloud) -> None:
    """As if the API had been killed each time it was about to submit the step."""
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    cloud.runpod.faults.choose = lambda route, _run: silence() if route == "run" else None
    try:
        film = start_film(user)
        with sweeping(cloud):
            for run in range(1, 5):
                wait_for_run_of_plan(cloud, film["id"], run)
                pass_30_s(cloud, film["id"])
    finally:
        cloud.runpod.faults.clear()
    pass_30_s(cloud, film["id"])
    with sweeping(cloud):
        check(cloud, user, film, workers, 0)


def wait_for_run_of_plan(cloud: Cloud, film: str, run: int) -> None:
    query = "SELECT 1 FROM film_steps WHERE job_id = ? AND kind = 'plan' AND runs = ?"
    cloud.runpod.wait(lambda: cloud.sql(query, film, run))


def pass_30_s(cloud: Cloud, film: str) -> None:
    """Let the steps of a film have been submitted so much earlier."""
    write(
        cloud,
        "UPDATE film_steps SET submitted_at = submitted_at - 31000, polled_at = 0 WHERE job_id = ?",
        film,
    )


def test_an_instance_that_is_gone_is_replaced(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    cloud.runpod.faults.choose = lambda route, _run: refusal(429) if route == "run" else None
    try:
        film = start_film(user)
        time.sleep(1)
    finally:
        cloud.runpod.faults.clear()
    write(cloud, "UPDATE films SET instances = 7 WHERE job_id = ?", film["id"])
    with sweeping(cloud):
        check(cloud, user, film, workers, 0)
    (row,) = cloud.sql("SELECT instances FROM films WHERE job_id = ?", film["id"])
    assert row["instances"] > 7


def test_a_film_that_takes_three_days_too_long_is_given_up_for_nothing(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud, SEGMENTS)
    workers.run_s = 3600
    film = start_film(user)
    (row,) = cloud.sql("SELECT ttl_ms FROM jobs WHERE id = ?", film["id"])
    assert row["ttl_ms"] == film["quote"]["execution_timeout_s"] * 1000 + 3 * 86_400_000
    make_older(cloud, [film["id"]], row["ttl_ms"] / 1000 + 120)
    with sweeping(cloud):
        row = wait_for_end(cloud, film["id"])
    assert (row["state"], row["charge"]) == ("failed", 0)
    assert '"timed_out"' in row["error"]
