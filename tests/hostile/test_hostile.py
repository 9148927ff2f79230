"""Runs the attacks of `tests.hostile` briefly, and checks that they detect failures."""

from __future__ import annotations

import pytest

from orchestrator.storage.address_guard import AddressGuard
from tests.hostile import addresses, jobs, kills, media


def test_no_address_that_is_not_public_is_reached() -> None:
    tally = addresses.attack(60, seed=2)
    assert not tally.failures
    assert tally.tried == 4 * 60


def test_a_guard_that_lets_everything_pass_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(AddressGuard, "_check_ip", lambda *_: None)
    tally = addresses.attack(60, seed=2)
    assert len(tally.failures) > 30
    assert all("reached out" in failure or "transfer was made" in failure for failure in tally.failures)


def test_damaged_media_files_fail_in_form() -> None:
    tally = media.attack(40, seed=3)
    assert not tally.failures
    assert tally.tried == 40
    assert tally.outcomes["done"] < 40
    assert tally.outcomes["bad_media"] > 5


@pytest.mark.parametrize(
    ("answer", "left", "fault"),
    [
        ({"outcome": "bad_media", "peak_bytes": 1}, [], None),
        ({"outcome": "bad_media", "peak_bytes": 1}, ["out.mp4"], "it left ['out.mp4']"),
        ({"outcome": "bad_media", "peak_bytes": 700 * 2**20}, [], "it took 700 MiB"),
        ({"outcome": "done", "peak_bytes": 1, "frames": 3, "seen": 2}, ["out.mp4"], "2 of 3 pictures"),
        ({"outcome": "done", "peak_bytes": 1, "frames": 3, "seen": 3}, ["out.mp4"], None),
        ({"outcome": "not ours: KeyError", "detail": "KeyError()", "peak_bytes": 1}, [], "KeyError()"),
        ({"outcome": "took too long", "peak_bytes": 0}, [], "it took more than 30 s"),
    ],
)
def test_what_a_media_file_may_not_do(answer: dict[str, object], left: list[str], fault: str | None) -> None:
    assert media.fault_of(answer, left) == fault


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_job_is_answered_in_form() -> None:
    tally = jobs.attack(100, seed=5)
    assert not tally.failures
    assert tally.outcomes["completed"] == 100 // jobs.GOOD_EVERY
    assert tally.outcomes["bad_request"] > 50


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_processes_that_are_killed_lose_no_job() -> None:
    tally = kills.attack(3, seed=4)
    assert not tally.failures
    assert tally.tried == 3
