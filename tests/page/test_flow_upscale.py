"""Tests an upscale from signing in to the downloaded file, with all real parts behind the page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.flow_steps import (
    by_command,
    choose_video,
    downloaded,
    drop_video,
    job_of,
    params_at_runpod,
    start,
    stored_output,
)
from tools.cloud.client import ApiUser, done
from tools.fixtures import clips
from tools.stand_ins.worker_process import WorkerProcess


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """50 numbered pictures, and sound, with a name that is markup."""
    path = tmp_path_factory.mktemp("clip") / "a <b>bold clip & more.mp4"
    return clips.make_clip(path, 50, audio=[{"seconds": 2.0}])


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("worker")
def test_a_video_is_upscaled(cloud: Cloud, page: Page, user: ApiUser, clip: Path, tmp_path: Path) -> None:
    drop_video(page, clip)
    expect(page.get_by_text("96 × 64, 2 s, 25 frames per second, H.264")).to_be_visible()
    page.get_by_role("radio", name="2×").check()
    page.get_by_label("Quality").select_option("Lossless: a very large file")
    price = page.get_by_role("region", name="Price")
    expect(price).to_contain_text(
        re.compile(r"about 0\.0\d* \$.*At most.*0\.\d+ \$.*Ready in.*about .*min.*Figures ")
    )
    job_id = start(page)
    name, content = downloaded(page, "Download the video")

    job = job_of(user, job_id)
    assert params_at_runpod(cloud, job_id) == {"scale": 2, "quality": "lossless"}
    assert (job["quote"]["frames"], job["quote"]["width"], job["quote"]["height"]) == (50, 96, 64)
    assert name.endswith("-upscale.mp4")
    assert content == stored_output(cloud, job_id)
    assert content == by_command(tmp_path, "upscale", clip, "--scale", "2", "--quality", "lossless")

    # What it has cost is what the API says, in the words of the page.
    charge = job["charge"]
    assert 0 < charge <= job["hold"]
    bill = page.get_by_role("region", name="Price")
    expect(bill).to_contain_text(f"{charge / 1e6:.6f}".rstrip("0"))
    assert done(user.get("/wallet"))["balance"] == 5_000_000 - charge
    # The presigned link has left no trace in the address or the history.
    assert page.url.endswith(f"#/jobs/{job_id}")
    assert page.evaluate("history.length") <= 4


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_progress_is_shown_while_a_reload_happens(
    cloud: Cloud, page: Page, user: ApiUser, worker: WorkerProcess, tmp_path: Path
) -> None:
    clip = clips.make_clip(tmp_path / "long.mp4", 2000)
    choose_video(page, clip)
    job_id = start(page)
    bar = page.get_by_role("progressbar", name="Upscaling")
    expect(bar).to_be_visible(timeout=120_000)
    expect(page.get_by_text(re.compile(r"\d+ of 2000 frames, .*frames per second, .* left"))).to_be_visible()
    before = int(bar.get_attribute("aria-valuenow") or -1)
    page.reload()
    expect(bar).to_be_visible()
    expect(page).to_have_title(re.compile(r"^\d+ % Upscaling – Upscale long\.mp4"))
    assert int(bar.get_attribute("aria-valuenow") or -1) >= before
    _, content = downloaded(page, "Download the video")
    assert content == stored_output(cloud, job_id)
    assert job_of(user, job_id)["state"] == "completed"
    worker.idle()


@pytest.mark.timeout(600)
def test_a_running_job_is_cancelled(
    cloud: Cloud, page: Page, user: ApiUser, worker: WorkerProcess, tmp_path: Path
) -> None:
    choose_video(page, clips.make_clip(tmp_path / "long.mp4", 3000))
    job_id = start(page)
    expect(page.get_by_text(re.compile(r"\d+ of 3000 frames"))).to_be_visible(timeout=120_000)
    page.get_by_role("button", name="Cancel the job").click()
    page.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text("The job was cancelled.")).to_be_visible()
    job = job_of(user, job_id)
    assert job["state"] == "cancelled"
    assert job["charge"] == -(-job["execution_ms"] * job["quote"]["price_per_s"] // 1000)
    assert job["charge"] > 0
    bill = page.get_by_role("region", name="Price")
    expect(bill).to_contain_text(f"Charged{job['charge'] / 1e6:.6f}".rstrip("0"))
    worker.idle()
    assert job_id not in "".join(cloud.door.names()), "nothing was uploaded"
