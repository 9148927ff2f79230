"""Tests how the page shows the output of an export beside its source."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.finished_jobs import finished_export
from tests.page.page_checks import axe_findings, presigned_urls
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip, numbered


@pytest.fixture
def upload_id(user: ApiUser) -> str:
    return user.upload(SAMPLE.read_bytes())


def show_job(page: Page, job: dict[str, Any]) -> None:
    """Open a job, and wait until the first picture of its source is there."""
    page.goto(f"/#/jobs/{job['id']}")
    page.wait_for_function("() => document.querySelector('.stage video')?.readyState >= 2")


def still(value: int) -> str:
    """Return a grey picture as a data: URL of a JPEG."""
    _, data = cv2.imencode(".jpg", np.full((64, 96, 3), value, np.uint8))
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode()


def test_a_gif_is_shown_as_a_picture(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    output = make_clip(tmp_path / "out.gif", 5, codec="gif", pix_fmt="rgb8", rate=10)
    job = finished_export(cloud, user, upload_id, output, params={"format": "gif"})
    show_job(page, job)
    gif = page.get_by_role("img", name="The output, an animated GIF")
    expect(gif).to_have_js_property("naturalWidth", 96)
    assert gif.evaluate("(image) => [image.naturalWidth, image.naturalHeight]") == [96, 64]


def test_an_output_that_cannot_be_played_is_shown_by_pictures(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    output = make_clip(tmp_path / "out.mp4", 8, codec="libx265", options={"x265-params": "log-level=error"})
    stills = [
        {"time_sec": time_s, "source": still(40), "output": still(value), "output_time_sec": time_s}
        for time_s, value in ((0.0, 60), (2.0, 120), (4.0, 200))
    ]
    job = finished_export(cloud, user, upload_id, output, stills=stills)
    show_job(page, job)
    expect(page.get_by_text("This browser cannot play the output: these are pictures of it.")).to_be_visible()
    position = page.get_by_role("slider", name="Position")
    for frame, time_s, value in ((0, "0.00", 60), (50, "2.00", 120), (143, "4.00", 200)):
        position.fill(str(frame))
        picture = page.get_by_role("img", name=f"The output at {time_s} s of the source")
        expect(picture).to_be_visible()
        level = picture.evaluate(
            """async (image) => {
              await image.decode();
              const context = new OffscreenCanvas(96, 64).getContext("2d");
              context.drawImage(image, 0, 0);
              return context.getImageData(48, 32, 1, 1).data[0];
            }"""
        )
        assert abs(level - value) <= 2
    assert presigned_urls(page) == []


def test_the_output_plays_along_with_the_source(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    pictures = [numbered(number, 192, 108) for number in range(96)]
    output = make_clip(tmp_path / "out.mp4", pictures, rate=24)
    job = finished_export(cloud, user, upload_id, output, params={"start": 1.0, "end": 5.0})
    show_job(page, job)
    video = page.get_by_label("Output", exact=True)
    expect(video).to_be_visible()
    stage = page.get_by_role("group", name="Source with the crop")
    stage.get_by_role("slider", name="Position").fill("36")
    expect(stage.get_by_text("frame 36", exact=True)).to_be_visible()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function(
        """() => {
          const output = document.querySelector("video[aria-label=Output]");
          const source = document.querySelector(".stage video");
          const apart = source.currentTime - 1 - output.currentTime;
          return !output.paused && !source.paused && source.currentTime > 2.5 && Math.abs(apart) < 0.15;
        }"""
    )
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Play")).to_be_visible()
    page.wait_for_function(
        """() => {
          const output = document.querySelector("video[aria-label=Output]");
          const frame = Number(/frame (\\d+)/.exec(document.querySelector(".stage").innerText)[1]);
          return output.paused && !output.seeking && Math.floor(output.currentTime * 24) === frame - 24;
        }"""
    )
    assert axe_findings(page) == []


def test_a_crop_that_moved_is_drawn_with_its_path(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    crop = [{"t": 0, "x": 10, "y": 20, "w": 96, "h": 64}, {"t": 4, "x": 200, "y": 100, "w": 96, "h": 64}]
    job = finished_export(cloud, user, upload_id, make_clip(tmp_path / "out.mp4"), params={"crop": crop})
    show_job(page, job)
    expect(page.locator("[data-keyframe]")).to_have_count(2)
    page.get_by_role("slider", name="Position").fill("48")
    edge = page.locator(".crop-edge")
    expect(edge).to_have_attribute("x", "105")  # halfway between the two
    expect(edge).to_have_attribute("y", "60")
    points = page.locator(".path-curve").last.get_attribute("points")
    assert points is not None
    ends = [tuple(map(float, point.split(","))) for point in points.split()]
    assert (ends[0], ends[-1]) == ((58, 52), (248, 132))


def test_the_result_says_whom_the_crop_followed_and_shows_the_moment(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    markup = "<img src=x onerror=alert(1)>"
    who: dict[str, Any] = {"class_name": "person", "beside": []}
    followed: list[dict[str, Any]] = [
        {**who, "start": 0, "end": 1.5, "track": 2, "beside": [3, 5], "reason": "nobody else is in view"},
        {**who, "start": 1.5, "end": 4, "track": None, "class_name": None, "reason": "nobody is in view"},
        {**who, "start": 4, "end": 6, "track": 9, "class_name": markup, "reason": f"it moves {markup}"},
    ]
    output = make_clip(tmp_path / "out.mp4", [numbered(number, 192, 108) for number in range(96)], rate=24)
    params = {"start": 1.0, "end": 5.0}
    job = finished_export(cloud, user, upload_id, output, params=params, followed=followed)
    show_job(page, job)
    table = page.get_by_role("region", name="Whom the crop followed").get_by_role("table")
    expect(table.get_by_role("row")).to_have_count(1 + len(followed))
    rows = [
        row.all_inner_texts() for row in (row.get_by_role("cell") for row in table.get_by_role("row").all())
    ]
    assert rows[1:] == [
        ["0:01.500", "person 2 with 3, 5", "nobody else is in view"],
        ["0:04.000", "no subject", "nobody is in view"],
        ["0:06.000", f"{markup} 9", f"it moves {markup}"],
    ]
    stage = page.get_by_role("group", name="Source with the crop")
    table.get_by_role("button", name="0:04.000").click()
    expect(stage.get_by_text("frame 96", exact=True)).to_be_visible()
    assert axe_findings(page) == []


def test_a_result_with_many_stretches_shows_them_bit_by_bit(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    followed = [
        {"start": n, "end": n + 1, "track": n, "class_name": "person", "beside": [], "reason": "it moves"}
        for n in range(120)
    ]
    job = finished_export(cloud, user, upload_id, make_clip(tmp_path / "out.mp4"), followed=followed)
    show_job(page, job)
    rows = page.get_by_role("region", name="Whom the crop followed").get_by_role("row")
    expect(rows).to_have_count(51)
    page.get_by_role("button", name="Show more (70)").click()
    expect(rows).to_have_count(101)


def test_a_result_that_followed_nobody_has_no_list(
    cloud: Cloud, page: Page, user: ApiUser, upload_id: str, tmp_path: Path
) -> None:
    show_job(page, finished_export(cloud, user, upload_id, make_clip(tmp_path / "out.mp4")))
    expect(page.get_by_text("Whom the crop followed")).to_have_count(0)
