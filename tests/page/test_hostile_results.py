"""Tests that a result of another form than the worker's does not cost its owner the view, or the download."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import wait_for_end
from tests.page.finished_jobs import finished_export
from tests.page.flow_steps import downloaded
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser, done
from tools.fixtures.clips import make_clip
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

STATS: dict[str, Any] = {"frames": 144, "duration_sec": 6, "width": 320, "height": 180}
FIDELITY: dict[str, Any] = {
    "width": 320,
    "height": 180,
    "frames_read": 144,
    "frames_written": 144,
    "frames_in_output": 144,
    "psnr_luma_db": {"mean": 40, "min": 30, "max": 50},
    "ssim": {"mean": 0.98, "min": 0.9, "max": 1},
    "av_offset_ms": None,
    "colour_error": [0, 0, 0],
    "colour_distance": {"mean": 1, "min": 0, "max": 2},
    "pictures": [],
}
PATH = [{"t": -1e308, "x": 1e308, "y": 0, "w": 1e308, "h": 0}, {"t": 1e308, "x": 0, "y": 0, "w": -5, "h": 9}]

RESULTS: list[tuple[str, dict[str, Any]]] = [
    ("upscale", {"notes": "a note"}),
    ("upscale", {"notes": None, "stats": None}),
    ("upscale", {"notes": [{"a": 1}, 3, None], "stats": {"model": {"a": 1}, "encoder": ["x"]}}),
    ("upscale", {"stats": STATS, "fidelity": {}}),
    ("upscale", {"stats": STATS, "fidelity": "good"}),
    ("upscale", {"stats": STATS, "fidelity": {**FIDELITY, "colour_error": None}}),
    ("upscale", {"stats": STATS, "fidelity": {**FIDELITY, "pictures": [{"psnr_luma_db": None}]}}),
    ("export", {"stats": {**STATS, "frames": 1e15, "width": 1e30, "duration_sec": 1e-300}}),
    ("export", {"stats": {**STATS, "crop": [1e300, -4, 1e300, 1e300]}, "keyframes": PATH}),
    ("export", {"stats": STATS, "followed": [None, {"start": -1e308, "track": 1e300}, {"reason": ["x"]}]}),
    ("track", {"stats": STATS, "tracks": [], "video": {"width": 320, "height": 180, "frames": 144}}),
    ("track", {"stats": {"tracks": "9"}, "tracks": "x", "video": {"width": "320"}}),
]


@pytest.mark.parametrize(("task", "answer"), RESULTS)
def test_what_cannot_be_shown_leaves_the_rest(
    cloud: Cloud, page: Page, user: ApiUser, task: str, answer: Mapping[str, Any]
) -> None:
    broken: list[str] = []
    page.on("console", lambda message: broken.append(message.text) if "NaN" in message.text else None)
    content = SAMPLE.read_bytes()

    def pretence(job: Job) -> Pretence:
        url = job.request["input"]["output_url"]
        kind = "application/json" if task == "track" else "video/mp4"
        assert requests.put(url, data=content, headers={"Content-Type": kind}, timeout=60).status_code == 200
        output = {"status": "completed", "output_url": url.split("?")[0], **answer}
        return Pretence(run_s=0.1, answer={"output": output})

    cloud.runpod.pretend = pretence
    source = {"width": 320, "height": 180, "frames": 144}
    order = {"task": task, "upload_id": user.upload(content), "params": {}, "source": source}
    job = wait_for_end(user, done(user.debit(**order))["id"])
    assert job["state"] == "completed", job
    page.goto(f"/#/jobs/{job['id']}")
    _, received = downloaded(page, "Download the tracks" if task == "track" else "Download the video")
    assert received == content
    expect(page.locator("main .skeleton")).to_have_count(0)
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    expect(page.get_by_text("You were charged")).to_be_visible()
    expect(page.get_by_text("This view has failed")).to_have_count(0)
    assert broken == []


def test_an_output_whose_pixels_are_not_square_fills_its_place(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    output = make_clip(tmp_path / "out.mp4", 8, aspect=Fraction(4, 3))
    job = finished_export(cloud, user, user.upload(SAMPLE.read_bytes()), output)
    page.goto(f"/#/jobs/{job['id']}")
    video = page.locator("video.exported")
    expect(video).to_be_visible()
    page.wait_for_function("() => document.querySelector('video.exported')?.readyState >= 2")
    shown = video.bounding_box()
    assert shown is not None
    width, height = video.evaluate("(video) => [video.videoWidth, video.videoHeight]")
    assert abs(shown["width"] / shown["height"] - width / height) < 0.01
    assert (width, height) == (128, 64)
