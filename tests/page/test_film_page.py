"""Tests what the page shows of a film: its price, its parts while others are being made, and its preview."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import SEGMENTS, FilmWorkers, start_film
from tests.cloud.job_steps import wait_for_end
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip


@pytest.fixture
def workers(cloud: Cloud, tmp_path: Path) -> FilmWorkers:
    """Workers whose pieces are videos of half a second."""
    make_clip(tmp_path / "piece.mp4", pictures=12)
    workers = FilmWorkers(cloud)
    workers.content = lambda _number: (tmp_path / "piece.mp4").read_bytes()
    return workers


def test_finished_parts_play_one_after_the_other_while_others_are_made(
    page: Page, cloud: Cloud, workers: FilmWorkers, user: ApiUser
) -> None:
    cloud.admin(
        "POST", "/admin/topups", {"user": user.name, "amount": 50_000_000}, {"Idempotency-Key": user.id}
    )
    workers.held = set(range(3, SEGMENTS))
    film = start_film(user)
    page.goto(f"/#/jobs/{film['id']}")
    expect(page.get_by_text(f"3 of {SEGMENTS} parts done")).to_be_visible()
    parts = page.get_by_role("region", name="Finished parts")
    expect(parts.get_by_role("button")).to_have_count(3)
    parts.get_by_role("button", name="Part 1", exact=True).click()
    expect(parts.get_by_text("Part 3, ")).to_be_visible()
    expect(parts.get_by_text("the next part is not done yet")).to_be_visible()
    cloud.runpod.wait(lambda: len([run for run in cloud.runpod.jobs.values() if not run.is_final]) >= 3)
    workers.held = set(range(5, SEGMENTS))
    for run in list(cloud.runpod.jobs.values()):
        if run.input["params"].get("number") in {3, 4} and not run.is_final:
            cloud.runpod.cancel(run.id)
    expect(page.get_by_text(f"5 of {SEGMENTS} parts done")).to_be_visible()
    expect(parts.get_by_text("Part 5, ")).to_be_visible()
    expect(page.get_by_role("progressbar", name="Upscaling")).to_be_visible()
    page.get_by_role("button", name="Cancel the job").click()
    dialog = page.get_by_role("dialog", name="Cancel this job?")
    expect(dialog).to_contain_text("Only the parts that are done are charged.")
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text("The job was cancelled.")).to_be_visible()
    expect(page.get_by_text(re.compile(r"You were charged \d+\.\d+ \$\.")).first).to_be_visible()


def test_the_preview_of_a_film_plays(page: Page, workers: FilmWorkers, user: ApiUser) -> None:
    preview = start_film(user, preview=True)
    assert wait_for_end(user, preview["id"])["state"] == "completed"
    page.goto(f"/#/jobs/{preview['id']}")
    expect(page.get_by_role("heading", name="The hardest part")).to_be_visible()
    expect(page.get_by_label(f"Part {workers.hardest + 1}", exact=True).first).to_be_visible()
    expect(page.get_by_text("does not pay for it again")).to_be_visible()
