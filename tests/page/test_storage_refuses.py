"""Tests what the page shows while the bucket refuses, and that it goes on when the bucket is back."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.finished_jobs import finished_export, finished_upscale
from tests.page.flow_steps import choose_task
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip

SILENT = "The file storage does not answer."


@pytest.mark.parametrize("task", ["upscale", "export"])
@pytest.mark.parametrize("status", [403, 503])
def test_a_result_says_so_and_is_shown_later(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path, task: str, status: int
) -> None:
    finish = finished_upscale if task == "upscale" else finished_export
    output = make_clip(tmp_path / "out.mp4", 8)
    job = finish(cloud, user, user.upload(SAMPLE.read_bytes()), output)
    bucket = f"{cloud.door.endpoint}/**"
    page.route(bucket, lambda route: route.fulfill(status=status))
    page.goto(f"/#/jobs/{job['id']}")
    expect(page.get_by_text(SILENT)).to_be_visible()
    expect(page.get_by_role("button", name="Download the video")).to_be_enabled()
    page.unroute(bucket)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_text(SILENT)).to_have_count(0)
    page.wait_for_function(
        """() => {
          const videos = [...document.querySelectorAll("main video")];
          return videos.length === 2 && videos.every((video) => video.readyState >= 2);
        }"""
    )


def test_the_editor_comes_back_by_itself(cloud: Cloud, page: Page, user: ApiUser) -> None:
    bucket = f"{cloud.door.endpoint}/**"
    upload = user.upload(SAMPLE.read_bytes())
    page.route(bucket, lambda route: route.fulfill(status=503))
    page.goto(f"/#/uploads/{upload}")
    choose_task(page, "Export")
    expect(page.get_by_text(SILENT)).to_be_visible()
    page.unroute(bucket)
    expect(page.get_by_role("application")).to_be_visible()
    expect(page.get_by_text(SILENT)).to_have_count(0)
