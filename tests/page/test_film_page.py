"""Tests what the page shows of a film: its price, its parts while others are being made, and its preview."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import PARAMS, SEGMENTS, FilmWorkers, start_film
from tests.page.flow_steps import choose_video, job_of, start_button
from tests.page.page_checks import axe_findings, hidden_at_the_side
from tests.page.videos_on_screen import expect_numbers
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip, numbered

FRAMES = 720
PART = 120
FIRST = 360
"""The first frame of the hardest of the six parts of the video."""


@pytest.fixture
def workers(cloud: Cloud, tmp_path: Path) -> FilmWorkers:
    """Workers whose pieces are videos of half a second."""
    make_clip(tmp_path / "piece.mp4", pictures=12)
    workers = FilmWorkers(cloud)
    workers.content = lambda _number: (tmp_path / "piece.mp4").read_bytes()
    return workers


@pytest.fixture
def video(cloud: Cloud, tmp_path: Path) -> Path:
    """A video of 30 s, and workers that make its part from FIRST on, twice as large."""
    pictures = [numbered(number, 640, 360) for number in range(FIRST, FIRST + PART)]
    piece = make_clip(tmp_path / "piece.mp4", pictures, rate=24).read_bytes()
    FilmWorkers(cloud, segments=6, frames=FRAMES).content = lambda _number: piece
    pictures = [numbered(number, 320, 180) for number in range(FRAMES)]
    return make_clip(tmp_path / "holiday.mp4", pictures, rate=24, options={"g": "24"})


def price(page: Page, name: str) -> Locator:
    return page.get_by_role("region", name=name, exact=True)


def ask_for_a_slow_upscale(page: Page, video: Path) -> str:
    """Set up an upscale of so much work that it is a film; return the upload's id."""
    upload = choose_video(page, video)
    page.get_by_text("Advanced").click()
    page.get_by_label("Model").select_option("RealESRGAN_x4plus")
    page.get_by_role("radio", name="Other", exact=True).check()
    page.get_by_label("Other scale").fill("16")
    expect(price(page, "Price").get_by_role("status")).to_contain_text("parts, by")
    return upload


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


def test_a_film_is_previewed_by_keyboard_and_then_made_for_the_rest_of_its_price(
    page: Page, user: ApiUser, video: Path
) -> None:
    upload = ask_for_a_slow_upscale(page, video)
    offer = price(page, "See ten seconds first")
    expect(offer).to_contain_text(re.compile(r"costs about \d+\.\d\d \$, at most \d+\.\d\d \$"))
    assert axe_findings(page) == []
    start_button(page).focus()
    page.keyboard.press("Tab")
    expect(offer.get_by_role("button", name="Make a preview")).to_be_focused()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"#/jobs/job_"))
    preview = page.url.rsplit("/", 1)[1]

    stage = page.get_by_role("group", name="Before and after")
    expect(stage).to_have_attribute("aria-busy", "false")
    expect(page.get_by_text("from 0:15.000 to 0:20.000, without sound")).to_be_visible()
    expect_numbers(page, FIRST, "Before", "After")
    stage.focus()
    page.keyboard.press("ArrowRight")
    expect_numbers(page, FIRST + 1, "Before", "After")
    page.get_by_role("button", name="Play").click()
    expect_numbers(page, FIRST + PART - 1, "Before", "After")  # both stop at the end of the part
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="Download the preview").click()
    assert download.value.suggested_filename == "holiday-upscale-part-4.mp4"

    charge = job_of(user, preview)["charge"]
    whole = price(page, "The whole video")
    words = whole.get_by_text("because parts that are paid for are used again")
    expect(words).to_be_visible()
    paid, before = re.findall(r"(\d+\.\d+) \$", words.inner_text())
    (rest,) = re.findall(r"about (\d+\.\d\d) \$", whole.locator(".quote-price").inner_text())
    assert float(paid) == pytest.approx(charge / 1e6, abs=0.0051)
    assert float(rest) == pytest.approx(float(before) - float(paid), abs=0.0101)
    assert axe_findings(page) == []
    assert hidden_at_the_side(page) <= 0
    whole.get_by_role("button", name="Make the whole video").focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(rf"#/jobs/job_(?!{preview.removeprefix('job_')})"))
    expect(page.get_by_role("button", name="Download the video")).to_be_visible()
    film = job_of(user, page.url.rsplit("/", 1)[1])
    assert film["upload_id"] == upload
    assert film["charge"] == film["quote"]["expected"]
    assert film["quote"]["film"]["reused"] == charge
    page.goto("/#/jobs")
    expect(page.get_by_text("Upscale preview")).to_have_count(1)


def test_the_preview_of_an_export_is_shown_beside_its_source(page: Page, user: ApiUser, video: Path) -> None:
    upload = user.upload(video.read_bytes(), name="holiday.mp4")
    preview = start_film(user, upload, task="export", params={"upscale_model": PARAMS["model"]}, preview=True)
    page.goto(f"/#/jobs/{preview['id']}")
    source = page.get_by_role("group", name="Source with the crop")
    expect(source).to_have_attribute("aria-busy", "false")
    expect(source.get_by_text(f"frame {FIRST}", exact=True)).to_be_visible()
    expect_numbers(page, FIRST, "Output")
    source.get_by_role("slider", name="Position").fill(str(FIRST + 5))
    expect_numbers(page, FIRST + 5, "Output")
    expect(page.get_by_text("The output at the same moment.")).to_be_visible()
    source.get_by_role("slider", name="Position").fill("3")
    expect(page.get_by_text("The source is at a moment that is not in the output.")).to_be_visible()
    expect(page.get_by_role("button", name="Make the whole video")).to_be_enabled()
