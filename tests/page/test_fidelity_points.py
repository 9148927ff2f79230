"""Tests how the page shows a fidelity report, and that its points lead to their frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from playwright.sync_api import Locator, Page, expect

from orchestrator.jobs.fidelity import FidelityReport
from tests.cloud.conftest import Cloud
from tests.page.finished_jobs import finished_export, finished_upscale
from tests.page.page_checks import axe_findings
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip, numbered

RATE = 24
FRAMES = 96
PICKED = 60
"""A compared frame of the output, from 0."""


def report(psnr_db: dict[int, float]) -> dict[str, Any]:
    """Return a report with the PSNR of some frames of the output, and an SSIM of 0.995 everywhere."""
    pictures = [
        {
            "frame": frame,
            "time_sec": round(frame / RATE, 6),
            "size": [192, 108],
            "psnr_luma_db": db,
            "psnr_rgb_db": db - 1,
            "ssim": 0.995,
            "colour_error": [0.1, 0.2, -0.1],
            "colour_distance": 0.4,
            "displacement_px": [0, 0],
            "pictures_late": None,
        }
        for frame, db in psnr_db.items()
    ]
    worst, mean = min(psnr_db.values()), sum(psnr_db.values()) / len(psnr_db)
    checked = FidelityReport.model_validate(
        {
            "width": 192,
            "height": 108,
            "frames_read": FRAMES,
            "frames_written": FRAMES,
            "frames_in_output": FRAMES,
            "source_duration_sec": FRAMES / RATE,
            "duration_sec": FRAMES / RATE,
            "av_offset_ms": 3.0,
            "psnr_luma_db": {"worst": worst, "mean": mean},
            "psnr_rgb_db": {"worst": worst - 1, "mean": mean - 1},
            "ssim": {"worst": 0.995, "mean": 0.995},
            "colour_distance": {"worst": 0.4, "mean": 0.4},
            "colour_error": [0.1, 0.2, -0.1],
            "pictures": pictures,
        }
    )
    return checked.model_dump(mode="json")


REPORT = report({0: 41.0, 30: 39.5, PICKED: 36.25, 95: 40.0})


def wait_for_view(page: Page, element: Locator, *, whole: bool) -> None:
    """Wait until all of an element is in the window, or not all of it."""
    page.wait_for_function(
        "([element, whole]) => { const { top, bottom } = element.getBoundingClientRect();"
        " return (top >= -1 && bottom <= innerHeight + 1) === whole; }",
        arg=[element.element_handle(), whole],
    )


def pick(page: Page, pictures: Locator) -> None:
    """Choose the point of frame PICKED, with the pictures out of view above it; they come into view."""
    page.set_viewport_size({"width": 700, "height": 600})
    point = page.get_by_role("button", name=f"Frame {PICKED} at 2.50 s: 36.3 dB, the worst")
    point.locator(".dot").evaluate("(dot) => dot.scrollIntoView({ block: 'start' })")
    wait_for_view(page, pictures, whole=False)
    point.locator(".dot").click()
    wait_for_view(page, pictures, whole=True)


def test_a_point_of_an_export_shows_its_frame(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    upload_id = user.upload(SAMPLE.read_bytes())
    output = make_clip(tmp_path / "out.mp4", [numbered(n, 192, 108) for n in range(FRAMES)], rate=RATE)
    job = finished_export(cloud, user, upload_id, output, params={"start": 1.0, "end": 5.0}, fidelity=REPORT)
    page.goto(f"/#/jobs/{job['id']}")
    page.wait_for_function("() => document.querySelector('.stage video')?.readyState >= 2")
    video = page.get_by_label("Output", exact=True)
    expect(video).to_be_visible()
    card = page.get_by_role("region", name="How close it is to the source")
    expect(card.get_by_text("Nearly identical", exact=True)).to_be_visible()
    expect(card.get_by_text("One of the two measures is enough")).to_be_visible()
    expect(card.get_by_text("PSNR 39.2 dB and SSIM 0.995 on average")).to_be_visible()
    pick(page, video)
    stage = page.get_by_role("group", name="Source with the crop")
    expect(stage.get_by_text(f"frame {RATE + PICKED}", exact=True)).to_be_visible()
    page.wait_for_function(
        "([rate, frame]) => { const video = document.querySelector('video[aria-label=Output]');"
        " return !video.seeking && Math.floor(video.currentTime * rate) === frame; }",
        arg=[RATE, PICKED],
    )
    assert axe_findings(page) == []


def test_a_point_of_an_export_without_its_source_shows_its_frame(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    upload_id = user.upload(SAMPLE.read_bytes())
    output = make_clip(tmp_path / "out.mp4", [numbered(n, 192, 108) for n in range(FRAMES)], rate=RATE)
    job = finished_export(cloud, user, upload_id, output, fidelity=REPORT)
    gone = {"status": 404, "json": {"error": {"code": "not_found", "message": "gone", "retryable": False}}}
    page.route(f"**/uploads/{upload_id}", lambda route: route.fulfill(**gone))
    page.goto(f"/#/jobs/{job['id']}")
    video = page.get_by_label("Output", exact=True)
    expect(video).to_be_visible()
    pick(page, video)
    page.wait_for_function(
        "([rate, frame]) => { const video = document.querySelector('video[aria-label=Output]');"
        " return !video.seeking && Math.floor(video.currentTime * rate) === frame; }",
        arg=[RATE, PICKED],
    )


def test_a_point_of_an_upscale_scrolls_to_its_frame(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    source = make_clip(tmp_path / "in.mp4", [numbered(n, 96, 54) for n in range(FRAMES)], rate=RATE)
    output = make_clip(tmp_path / "out.mp4", [numbered(n, 192, 108) for n in range(FRAMES)], rate=RATE)
    job = finished_upscale(cloud, user, user.upload(source.read_bytes()), output, fidelity=REPORT)
    page.goto(f"/#/jobs/{job['id']}")
    stage = page.get_by_role("group", name="Before and after")
    expect(stage).to_have_attribute("aria-busy", "false")
    pick(page, page.locator(".comparison"))
    expect(stage.get_by_text(f"frame {PICKED}", exact=True)).to_be_visible()
