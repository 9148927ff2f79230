"""Tests films: long jobs that the API divides among several workers, with RunPod pretending to run them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import PARAMS, SEGMENTS, SOURCE, FilmWorkers, film_of, piece, start_film
from tests.cloud.job_steps import entries, wait_for_end, wait_until
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_faults import WebhookFault
from tools.stand_ins.runpod_job import Job

pytestmark = pytest.mark.usefixtures("queue")


@pytest.fixture
def rich(cloud: Cloud) -> ApiUser:
    """Return a user with a hundred dollars."""
    return cloud.new_user(100)


def steps_of(cloud: Cloud, film: str) -> list[Job]:
    """Return the jobs that RunPod accepted for a film."""
    return [run for run in list(cloud.runpod.jobs.values()) if f"/webhook/{film}." in str(run.webhook)]


def segments_of(cloud: Cloud, film: str, state: str) -> list[dict[str, Any]]:
    """Return the rows of a film's segments in a state."""
    query = "SELECT * FROM film_steps WHERE job_id = ? AND kind = 'segment' AND state = ? ORDER BY number"
    return cloud.sql(query, film, state)


def test_a_long_video_is_made_in_pieces_and_paid_as_quoted(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    upload = rich.upload(b"a long video")
    job = {"task": "upscale", "upload_id": upload, "params": PARAMS, "source": SOURCE}
    quote = done(rich.post("/quote", job))
    film = quote["film"]
    assert film["workers"] == 3
    assert film["segments"] > 3
    started = done(rich.debit(quote_id=quote["id"]))
    assert started["state"] in {"queued", "running"}
    assert started["hold"] == quote["hold"] == 2 * quote["expected"]
    after = wait_for_end(rich, started["id"])
    assert after["state"] == "completed", after
    assert after["charge"] == quote["expected"]
    assert after["result"]["notes"] == ["whole"]
    assert requests.get(after["links"]["output"], timeout=30).content == film_of(workers)
    assert workers.made == dict.fromkeys(range(SEGMENTS), 1)
    assert workers.planned == 1
    assert entries(rich)[1:] == [
        ("hold", -started["hold"]),
        ("release", started["hold"]),
        ("capture", -quote["expected"]),
    ]
    assert cloud.admin("GET", "/admin/ledger/check").json()["problems"] == []
    assert [requests.get(one["url"], timeout=30).content for one in after["film"]["pieces"]] == [
        piece(number) for number in range(SEGMENTS)
    ]


def test_a_short_video_stays_one_job(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    job = start_film(rich, source={**SOURCE, "frames": 240})
    assert job["quote"]["film"] is None
    after = wait_for_end(rich, job["id"])
    assert after["state"] == "completed"
    assert after["film"] is None
    assert workers.planned == 0


def test_no_more_segments_run_at_once_than_there_are_workers(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    workers.run_s = 1.5
    film = start_film(rich)
    most = 0
    looks = []

    def is_over(job: dict[str, Any]) -> bool:
        nonlocal most
        running = [run for run in steps_of(cloud, film["id"]) if not run.is_final]
        most = max(most, len(running))
        looks.append((job["progress"] or {}, job["film"]))
        return bool(job["ended_at"])

    assert wait_until(rich, film["id"], is_over)["state"] == "completed"
    assert most == 3
    percents = [progress["percent"] for progress, _ in looks if progress.get("stage") == "upscaling"]
    assert percents == sorted(percents)
    assert any(0 < percent < 100 for percent in percents)
    for _, shown in looks:
        assert [one["number"] for one in shown["pieces"]] == sorted(one["number"] for one in shown["pieces"])
        assert len(shown["pieces"]) == shown["done"] <= shown["segments"]
    assert any(0 < shown["done"] < SEGMENTS for _, shown in looks), "parts can be watched before the end"


def test_parts_can_be_watched_before_the_film_is_done(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    workers.fail = lambda job: None if job["params"].get("number") != 7 else {"error": "job_crashed: once"}
    workers.run_s = 0.3
    film = start_film(rich)
    job = wait_until(rich, film["id"], lambda job: bool(job["film"]["done"] >= 2))
    head, *lines = done(rich.get(f"/jobs/{film['id']}/playlist"))["m3u"].splitlines()
    assert head == "#EXTM3U"
    addresses = [line for line in lines if not line.startswith("#")]
    shown = [requests.get(address, timeout=30) for address in addresses]
    assert [response.content for response in shown][: len(job["film"]["pieces"])] == [
        piece(one["number"]) for one in job["film"]["pieces"]
    ]
    assert {response.headers["Content-Type"] for response in shown} == {"video/mp4"}
    for one in job["film"]["pieces"]:
        assert one["end_sec"] - one["start_sec"] == pytest.approx(workers.frames[one["number"]] / 24)
    rich.post(f"/cancel/{film['id']}")


def test_a_segment_that_crashes_is_made_again_and_charged_once(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    crashes = Counter[int]()

    def crash_once(job: dict[str, Any]) -> dict[str, Any] | None:
        number = job["params"].get("number")
        if number is None or number % 2 or crashes[number]:
            return None
        crashes[number] += 1
        return {"error": "job_crashed: it crashed", "output": {"code": "job_crashed"}}

    workers.fail = crash_once
    film = start_film(rich)
    after = wait_for_end(rich, film["id"])
    assert after["state"] == "completed"
    assert after["charge"] == film["quote"]["expected"]
    assert crashes == dict.fromkeys(range(0, SEGMENTS, 2), 1)


def test_a_film_that_we_cannot_make_costs_nothing(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    crash = {"error": "job_crashed: it crashed", "output": {"code": "job_crashed"}}
    workers.fail = lambda job: crash if job["params"].get("number") == 4 else None
    film = start_film(rich)
    after = wait_for_end(rich, film["id"])
    assert (after["state"], after["charge"]) == ("failed", 0)
    assert after["error"]["code"] == "job_crashed"
    assert len([run for run in steps_of(cloud, film["id"]) if run.input["params"].get("number") == 4]) == 3
    # The same film later finds the pieces, and pays for them.
    workers.fail = lambda _job: None
    made = Counter(workers.made)
    again = start_film(rich, film["upload_id"])
    after = wait_for_end(rich, again["id"])
    assert after["state"] == "completed"
    assert after["charge"] == again["quote"]["expected"]
    assert workers.made - made == Counter(set(range(SEGMENTS)) - set(made))
    plan_cost = film["quote"]["film"]["plan_cost"]
    assert after["charge"] == film["quote"]["expected"] - plan_cost, "the plan was used again"


def test_a_film_never_costs_more_than_its_hold(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud, frames=5 * int(SOURCE["frames"]))
    film = start_film(rich)
    after = wait_for_end(rich, film["id"])
    assert after["state"] == "completed"
    assert sum(step["charge"] for step in segments_of(cloud, film["id"], "done")) > film["hold"]
    assert after["charge"] == film["hold"]
    assert workers.made == dict.fromkeys(range(SEGMENTS), 1)


def test_a_bad_video_is_charged_for_the_segments_that_were_made(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    bad = {"error": "bad_media: frames are missing", "output": {"code": "bad_media"}}
    workers.fail = lambda job: bad if job["params"].get("number") == 4 else None
    film = start_film(rich)
    after = wait_for_end(rich, film["id"])
    assert (after["state"], after["error"]["code"]) == ("failed", "bad_media")
    done_steps = segments_of(cloud, film["id"], "done")
    assert after["charge"] == sum(step["charge"] for step in done_steps)
    assert len(done_steps) >= 3


def test_a_cancelled_film_pays_for_finished_segments_only(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    workers.run_s = 0.4
    film = start_film(rich)
    wait_until(rich, film["id"], lambda job: bool(job["film"]["done"] >= 2))
    workers.run_s = 3600
    after = done(rich.post(f"/cancel/{film['id']}"))
    assert after["state"] == "cancelled"
    finished = segments_of(cloud, film["id"], "done")
    assert 2 <= len(finished) < SEGMENTS
    frames = sum(step["frames"] for step in finished)
    share = film["quote"]["film"]["frames_cost"] * frames / SOURCE["frames"]
    assert after["charge"] == pytest.approx(share, abs=len(finished))
    cloud.runpod.wait(lambda: all(run.is_final for run in steps_of(cloud, film["id"])))
    assert cloud.admin("GET", "/admin/ledger/check").json()["problems"] == []


def test_a_video_that_is_not_split_is_one_ordinary_job(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    workers.unsplit = "the video has one keyframe only"
    film = start_film(rich)
    after = wait_for_end(rich, film["id"])
    assert (after["state"], after["result"]["notes"], after["film"]) == ("completed", ["one job"], None)
    assert requests.get(after["links"]["output"], timeout=30).content == b"unsplit"
    assert after["charge"] < 10 * after["quote"]["price_per_s"], "what ran is charged"
    assert not workers.made


def test_lost_webhooks_and_lost_answers_only_cost_time(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    cloud.runpod.faults.choose_webhook = lambda _run: WebhookFault(copies=0)
    try:
        film = start_film(rich)
        after = wait_for_end(rich, film["id"])
    finally:
        cloud.runpod.faults.clear()
    assert after["state"] == "completed"
    assert after["charge"] == film["quote"]["expected"]
    assert workers.made == dict.fromkeys(range(SEGMENTS), 1)


def test_a_slow_segment_is_started_again_and_charged_once(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud, 40)
    workers.run_s = 0.1
    workers.held = {30}
    film = start_film(rich)
    cloud.runpod.wait(lambda: 30 in numbers_at_runpod(cloud, film["id"]))
    workers.held = set()
    after = wait_for_end(rich, film["id"])
    assert after["state"] == "completed"
    assert after["charge"] == film["quote"]["expected"]
    runs = numbers_at_runpod(cloud, film["id"])
    assert runs[30] == 2
    assert sum(runs.values()) <= 42, "at most 5 % of the film is made again"
    first = next(run for run in steps_of(cloud, film["id"]) if run.input["params"].get("number") == 30)
    assert first.state == "CANCELLED", "the slow run was stopped when the other had made the piece"


def numbers_at_runpod(cloud: Cloud, film: str) -> Counter[int]:
    """Return how many runs of each segment of a film RunPod has accepted."""
    numbers = [run.input["params"].get("number") for run in steps_of(cloud, film)]
    return Counter(number for number in numbers if number is not None)


def test_a_damaged_piece_is_made_once_more_and_not_charged_again(cloud: Cloud, rich: ApiUser) -> None:
    workers = FilmWorkers(cloud)
    # The field alone counts: the message may name anything.
    answer = {"status": "failed", "code": "piece_damaged", "retryable": False, "piece": 6}
    damaged = iter([{"error": "piece_damaged: piece 3 was changed", "output": answer}])
    workers.fail = lambda job: next(damaged, None) if job["task"] == "assemble" else None
    film = start_film(rich)
    after = wait_for_end(rich, film["id"])
    assert after["state"] == "completed"
    assert after["charge"] == film["quote"]["expected"]
    assert workers.made == dict.fromkeys(range(SEGMENTS), 1) | {6: 2}


def test_a_preview_is_the_hardest_part_and_the_film_does_not_pay_for_it_again(
    cloud: Cloud, rich: ApiUser
) -> None:
    workers = FilmWorkers(cloud)
    preview = start_film(rich, preview=True)
    terms = preview["quote"]["film"]
    assert terms["is_preview"]
    after = wait_for_end(rich, preview["id"])
    assert after["state"] == "completed"
    assert workers.made == {workers.hardest: 1}
    (shown,) = after["film"]["pieces"]
    assert requests.get(shown["url"], timeout=30).content == piece(workers.hardest)
    segment = terms["frames_cost"] // SEGMENTS
    assert after["charge"] == min(preview["hold"], terms["plan_cost"] + segment)
    job = {"task": "upscale", "upload_id": preview["upload_id"], "params": PARAMS, "source": SOURCE}
    quote = done(rich.post("/quote", job))
    costs = quote["film"]
    assert costs["reused"] == costs["plan_cost"] + segment
    full = costs["plan_cost"] + costs["frames_cost"] + costs["assemble_cost"]
    assert quote["expected"] == full - costs["reused"]
    film = done(rich.debit(quote_id=quote["id"]))
    whole = wait_for_end(rich, film["id"])
    assert whole["state"] == "completed"
    assert workers.planned == 1
    assert workers.made == dict.fromkeys(range(SEGMENTS), 1)
    assert whole["charge"] == quote["expected"]
    again = start_film(rich, preview["upload_id"])
    assert again["quote"]["expected"] == costs["assemble_cost"], "all pieces are there and paid"
    assert wait_for_end(rich, again["id"])["charge"] == costs["assemble_cost"]
    preview = start_film(rich, preview["upload_id"], preview=True)
    assert preview["quote"]["expected"] == wait_for_end(rich, preview["id"])["charge"] == 0


def test_a_quote_counts_only_what_is_used_again_and_paid(cloud: Cloud, rich: ApiUser) -> None:
    """Other params have another plan, and pieces that nobody has paid for are paid by the next job."""
    workers = FilmWorkers(cloud)
    crash = {"error": "job_crashed: it crashed", "output": {"code": "job_crashed"}}
    workers.fail = lambda job: crash if job["params"].get("number") == 4 else None
    film = start_film(rich)
    expected = film["quote"]["expected"]
    assert wait_for_end(rich, film["id"])["charge"] == 0
    job = {"task": "upscale", "upload_id": film["upload_id"], "params": PARAMS, "source": SOURCE}
    quote = done(rich.post("/quote", job))
    assert quote["film"]["reused"] == quote["film"]["plan_cost"]
    assert quote["expected"] == expected - quote["film"]["plan_cost"]
    assert quote["hold"] == 2 * expected
    other = done(rich.post("/quote", job | {"params": PARAMS | {"quality": "low"}}))
    assert other["film"]["reused"] == 0
    assert other["expected"] == expected


def test_a_preview_of_tracks_is_refused(rich: ApiUser) -> None:
    upload = rich.upload(b"a long video")
    refused = rich.debit(task="track", upload_id=upload, params={}, source=SOURCE, preview=True)
    assert refused.status_code == 400
    assert refused.json()["error"]["message"].startswith("preview: ")
