"""Tests an export from signing in to the downloaded file, with all real parts behind the page."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.flow_steps import (
    by_command,
    choose_task,
    choose_video,
    downloaded,
    job_of,
    params_at_runpod,
    start,
    stored_output,
)
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser, done


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("worker")
def test_a_part_is_exported(cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path) -> None:
    choose_video(page, SAMPLE)
    choose_task(page, "Export")
    for label, value in [("Width", "192"), ("Height", "128"), ("Left", "64"), ("Top", "20")]:
        page.get_by_label(label, exact=True).fill(value)
        page.get_by_label(label, exact=True).press("Enter")
    page.get_by_label("Quality").select_option("lossless")
    start_handle = page.get_by_role("slider", name="Start of the part")
    start_handle.focus()
    for _ in range(36):
        start_handle.press("ArrowRight")
    expect(page.get_by_text("108 frames")).to_be_visible()
    job_id = start(page)
    name, content = downloaded(page, "Download the video")

    params = params_at_runpod(cloud, job_id)
    assert params == {"crop": {"x": 64, "y": 20, "w": 192, "h": 128}, "quality": "lossless", "start": 1.5}
    job = job_of(user, job_id)
    assert (job["quote"]["width"], job["quote"]["height"], job["quote"]["frames"]) == (192, 128, 108)
    assert (job["result"]["stats"]["crop"], job["result"]["stats"]["frames"]) == ([64, 20, 192, 128], 108)
    assert name == "sample-export.mp4"
    assert content == stored_output(cloud, job_id)
    options = ("--crop", "64,20,192,128", "--start", "1.5", "--quality", "lossless")
    assert content == by_command(tmp_path, "export", SAMPLE, *options)
    assert done(user.get("/wallet"))["balance"] == 5_000_000 - job["charge"]
