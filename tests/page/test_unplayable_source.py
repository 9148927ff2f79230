"""Tests that a source that the browser cannot play says so, and is shown by what the worker made of it."""

from __future__ import annotations

import base64
import re
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.finished_jobs import CONTENT_TYPES, finished_export, finished_upscale, put_output
from tests.page.videos_on_screen import WAIT_S, difference, expect_numbers, screenshot
from tools.cloud.client import ApiUser, done
from tools.fixtures.clips import make_clip, numbered, plain
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

FRAMES = 50
SOURCES: dict[str, tuple[str, dict[str, Any]]] = {
    "HEVC": (".mp4", {"codec": "libx265", "options": {"x265-params": "log-level=none"}}),
    "ProRes": (".mov", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
}
COLOURS = [(200, 40, 40), (40, 160, 70), (50, 70, 190)]


@pytest.fixture(params=SOURCES)
def unplayable(request: pytest.FixtureRequest, user: ApiUser, tmp_path: Path) -> tuple[str, str]:
    """Upload a source that Chromium does not play; return its format and the upload's id."""
    suffix, how = SOURCES[request.param]
    path = tmp_path / f"holiday{suffix}"
    make_clip(path, [numbered(n, 192, 128) for n in range(FRAMES)], **how)
    return request.param, user.upload(path.read_bytes(), CONTENT_TYPES[suffix], name=path.name)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    return make_clip(tmp_path / "output.mp4", [numbered(n, 384, 256) for n in range(FRAMES)])


def still(time_s: float, before: tuple[int, int, int], after: tuple[int, int, int]) -> dict[str, Any]:
    """Return a moment of a preview with one colour before and another after."""
    return {
        "time_sec": time_s,
        "source": _jpeg(before),
        "output": _jpeg(after),
        "output_time_sec": time_s,
    }


def _jpeg(rgb: tuple[int, int, int]) -> str:
    _, data = cv2.imencode(".jpg", np.ascontiguousarray(plain(rgb, 192, 128)[..., ::-1]))
    return f"data:image/jpeg;base64,{base64.b64encode(data.tobytes()).decode()}"


def _distance(page: Page, colour: tuple[int, int, int]) -> float:
    """Return how far a part of the comparison on the screen is from a colour, in levels of 255."""
    part = screenshot(page, page.locator(".comparison"))[-60:-20, 200:300]
    return difference(part, plain(colour, part.shape[1], part.shape[0]))


def test_stills_stand_in_for_it(
    cloud: Cloud, page: Page, user: ApiUser, unplayable: tuple[str, str], output: Path
) -> None:
    codec, upload = unplayable
    stills = [still(0.5 * number, rgb, rgb[::-1]) for number, rgb in enumerate(COLOURS)]
    job = finished_upscale(cloud, user, upload, output, stills=stills)
    page.goto(f"/#/jobs/{job['id']}")
    expect(page.get_by_text(f"This browser cannot play {codec}.")).to_be_visible()
    divider = page.get_by_role("slider", name="Divider between before and after")
    expect(divider).to_be_visible()
    for number, rgb in enumerate(COLOURS):
        expect(page.get_by_alt_text(f"Before, at {0.5 * number:.2f} s")).to_be_visible()
        for key, colour in [("End", rgb), ("Home", rgb[::-1])]:
            divider.press(key)
            deadline = time.monotonic() + WAIT_S
            while _distance(page, colour) >= 4:
                assert time.monotonic() < deadline, (number, key)
                page.wait_for_timeout(50)
        page.get_by_role("button", name="Forward one picture").click()


def test_another_export_stands_in_for_it(
    cloud: Cloud, page: Page, user: ApiUser, unplayable: tuple[str, str], output: Path, tmp_path: Path
) -> None:
    codec, upload = unplayable
    small = make_clip(tmp_path / "small.mp4", [numbered(n, 96, 64) for n in range(FRAMES)])
    finished_export(cloud, user, upload, small, params={"quality": "low"})
    job = finished_upscale(cloud, user, upload, output)
    page.goto(f"/#/jobs/{job['id']}")
    expect(page.get_by_text(f"This browser cannot play {codec}.")).to_be_visible()
    expect(page.get_by_text("Before (an export)")).to_be_visible()
    position = page.get_by_role("slider", name="Position")
    expect(page.get_by_role("group", name="Before and after")).to_have_attribute("aria-busy", "false")
    for frame in (17, 3, FRAMES - 1):
        position.fill(str(frame))
        expect_numbers(page, frame, "Before", "After")


def test_the_worker_is_asked_for_pictures(
    cloud: Cloud, page: Page, user: ApiUser, unplayable: tuple[str, str], output: Path, tmp_path: Path
) -> None:
    codec, upload = unplayable
    job = finished_upscale(cloud, user, upload, output)
    page.goto(f"/#/jobs/{job['id']}")
    expect(page.get_by_text(f"This browser cannot play {codec}.")).to_be_visible()
    small = make_clip(tmp_path / "small.mp4", [numbered(n, 96, 64) for n in range(FRAMES)])
    stats = {"frames": FRAMES, "duration_sec": FRAMES / 25, "width": 96, "height": 64}

    def pretence(job: Job) -> Pretence:
        answer = put_output(job.request["input"], small)
        return Pretence(run_s=0.5, answer={"output": {**answer, "stats": stats}})

    cloud.runpod.pretend = pretence
    page.get_by_role("button", name="Ask the worker for pictures (about").click()
    expect(page.get_by_text("Before (an export)")).to_be_visible()
    newest = done(user.get("/jobs"))["jobs"][0]
    assert (newest["task"], newest["upload_id"]) == ("export", upload)
    assert newest["params"] == {"quality": "low", "format": "mp4"}
    expect(page.get_by_role("group", name="Before and after")).to_have_attribute("aria-busy", "false")
    page.get_by_role("slider", name="Position").fill("21")
    expect_numbers(page, 21, "Before", "After")


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.usefixtures("worker")
def test_the_real_worker_makes_the_pictures(
    cloud: Cloud, page: Page, user: ApiUser, unplayable: tuple[str, str]
) -> None:
    codec, upload = unplayable
    cloud.runpod.pretend = lambda _job: None
    source = {"width": 192, "height": 128, "frames": 10 * FRAMES}
    job = done(user.debit(task="upscale", upload_id=upload, params={"scale": 2}, source=source))
    page.goto(f"/#/jobs/{job['id']}")
    expect(page.get_by_text(f"This browser cannot play {codec}.")).to_be_visible(timeout=300_000)
    page.get_by_role("button", name="Forward one picture").click()
    pictures = {label: page.get_by_alt_text(re.compile(f"^{label}, at ")) for label in ("Before", "After")}
    label = str(pictures["Before"].get_attribute("alt"))
    frame = round(float(label.removeprefix("Before, at ").removesuffix(" s")) * 25)
    assert frame > 0
    expected = numbered(frame, 192, 128)
    for name, width in [("Before", 192), ("After", 384)]:
        shown = _from_jpeg(str(pictures[name].get_attribute("src")))
        assert shown.shape == (width * 2 // 3, width, 3)
        reduced = np.asarray(cv2.resize(shown, (192, 128), interpolation=cv2.INTER_AREA), np.uint8)
        assert difference(reduced, expected) < 8, name
        assert difference(reduced, numbered(frame - 1, 192, 128)) > 16, name


def _from_jpeg(url: str) -> NDArray[np.uint8]:
    data = base64.b64decode(url.removeprefix("data:image/jpeg;base64,"), validate=True)
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return np.ascontiguousarray(picture[..., ::-1], np.uint8)
