"""Tests that the fidelity report is drawn with its values, and that its points lead to their frames."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.comparison import Comparison
from tests.page.videos_on_screen import expect_numbers
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip, numbered

FRAMES = 60
RATE = 25
PSNR_DB = {0: 41.0, 15: 36.5, 30: 31.3, 45: 38.0, 59: 40.0}


def report(**change: Any) -> dict[str, Any]:
    """Return a report over five frames, of which frame 30 is the worst."""
    pictures = [
        {
            "frame": frame,
            "time_sec": frame / RATE,
            "size": [192, 128],
            "psnr_luma_db": db,
            "psnr_rgb_db": db - 1,
            "ssim": 0.9 + db / 500,
            "colour_error": [0.2, -0.1, 0.4],
            "colour_distance": 0.7,
            "displacement_px": None,
            "pictures_late": None,
        }
        for frame, db in PSNR_DB.items()
    ]
    values: dict[str, Any] = {
        "width": 384,
        "height": 256,
        "frames_read": FRAMES,
        "frames_written": FRAMES,
        "frames_in_output": FRAMES,
        "source_duration_sec": FRAMES / RATE,
        "duration_sec": FRAMES / RATE,
        "av_offset_ms": -3.2,
        "psnr_luma_db": {"worst": 31.3, "mean": 37.35},
        "psnr_rgb_db": {"worst": 30.25, "mean": 36.35},
        "ssim": {"worst": 0.9625, "mean": 0.9747},
        "colour_distance": {"worst": 0.7, "mean": 0.7},
        "colour_error": [0.2, -0.1, 0.4],
        "pictures": pictures,
    }
    return values | change


@pytest.fixture
def comparison(cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path) -> Comparison:
    return Comparison(cloud, page, user, tmp_path)


def show(comparison: Comparison, fidelity: dict[str, Any]) -> None:
    paths = [
        make_clip(comparison.folder / f"{name}.mp4", [numbered(n, 96 * k, 64 * k) for n in range(FRAMES)])
        for name, k in (("source", 2), ("output", 4))
    ]
    comparison.show(*paths, fidelity=fidelity)


def test_points_lie_where_their_values_are_and_lead_to_their_frames(comparison: Comparison) -> None:
    page = comparison.page
    show(comparison, report())
    region = page.get_by_role("region", name="How close it is to the source")
    for text in ["Good", "All there", "In sync", "Within 3.2 ms of the source", "No visible shift"]:
        expect(region.get_by_text(text, exact=True)).to_be_visible()
    expect(region.get_by_text("worst: 31.3 dB at 1.20 s")).to_be_visible()

    places = []
    for frame, db in PSNR_DB.items():
        point = region.get_by_role("button", name=f"Frame {frame} at {frame / RATE:.2f} s: {db:.1f} dB")
        dot = point.locator(".dot")
        places.append((float(dot.get_attribute("cx") or 0), float(dot.get_attribute("cy") or 0)))
    # Both axes are linear: three points give the scale, the others must lie on it.
    (x0, y0), (x1, y1) = places[0], places[2]
    for (x, y), (frame, db) in zip(places, PSNR_DB.items(), strict=True):
        assert x == pytest.approx(x0 + (x1 - x0) * frame / 30, abs=0.5)
        assert y == pytest.approx(y0 + (y1 - y0) * (db - 41) / (31.3 - 41), abs=0.5)

    worst = region.get_by_role("button", name="Frame 30 at 1.20 s: 31.3 dB, the worst")
    worst.click()
    expect_numbers(page, 30, "Before", "After")
    region.get_by_role("button", name="Frame 45 at 1.80 s: 38.0 dB").press("Enter")
    expect_numbers(page, 45, "Before", "After")
    region.get_by_text("All figures").click()
    region.get_by_role("button", name="15", exact=True).click()
    expect_numbers(page, 15, "Before", "After")
    row = region.get_by_role("row").filter(has_text="30 (worst)")
    expect(row).to_contain_text("31.30 dB")


def test_a_picture_that_a_model_changed_is_no_failure(comparison: Comparison) -> None:
    low = {"psnr_luma_db": {"worst": 22, "mean": 25}, "ssim": {"worst": 0.7, "mean": 0.8}}
    show(comparison, report(**low))
    tile = comparison.page.get_by_role("listitem").filter(has_text="Visibly different")
    expect(tile).to_have_class("finding plain")
    comparison.page.get_by_text("What this means").click()
    expect(comparison.page.get_by_text("is what you asked for, and not a fault")).to_be_visible()
