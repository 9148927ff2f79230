"""Tests that the divider stands between the pictures, and that a zoom shows the output's own pixels."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import cv2
import numpy as np
import pytest
from playwright.sync_api import Browser, BrowserContext, expect

from tests.cloud.conftest import Cloud
from tests.page.comparison import Comparison
from tests.page.conftest import sign_in
from tests.page.videos_on_screen import WAIT_S, difference, found_at
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip, plain

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]

RED, GREEN = (200, 40, 40), (40, 160, 70)
BT709: dict[str, Any] = {"matrix": 1, "primaries": 1, "transfer": 1}
"""Tags without which a browser guesses the matrix from the size of the picture."""

CODEC_LEVELS = 2.0
"""How far a browser's colours may lie from PyAV's on average, in levels of 255."""

SMOOTHED_LEVELS = 5.0
"""The same for the source, which the browser smooths where its pixels are not at whole device pixels."""


@pytest.fixture(params=[1, 1.5, 2], ids=lambda ratio: f"{ratio} device pixels")
def fine_context(request: pytest.FixtureRequest, cloud: Cloud, browser: Browser) -> Iterator[BrowserContext]:
    viewport = {"width": 1100, "height": 900}
    context = browser.new_context(
        base_url=cloud.url,
        viewport={"width": viewport["width"], "height": viewport["height"]},
        device_scale_factor=request.param,
    )
    yield context
    context.close()


@pytest.fixture
def comparison(fine_context: BrowserContext, cloud: Cloud, user: ApiUser, tmp_path: Path) -> Comparison:
    page = fine_context.new_page()
    page.goto("/")
    sign_in(page, user)
    return Comparison(cloud, page, user, tmp_path)


def show(comparison: Comparison, source: Pixels, output: Pixels) -> tuple[Pixels, Pixels]:
    """Show two pictures that do not move; return them as PyAV decodes them."""
    paths = [
        make_clip(comparison.folder / f"{name}.mp4", [picture] * 3, options={"crf": "3"}, **BT709)
        for name, picture in (("source", source), ("output", output))
    ]
    comparison.show(*paths)
    comparison.pictures.evaluate("element => element.scrollIntoView({ block: 'center' })")
    return decoded(paths[0]), decoded(paths[1])


def decoded(path: Path) -> Pixels:
    with av.open(str(path)) as container:
        return np.asarray(next(container.decode(video=0)).to_ndarray(format="rgb24"), np.uint8)


def noise(width: int, height: int, seed: int = 3) -> Pixels:
    """Return a grey picture in which no two places look alike; decoders differ in how they enlarge chroma."""
    coarse = np.random.default_rng(seed).integers(30, 220, (height // 4, width // 4), np.uint8)
    grey = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    return np.ascontiguousarray(np.repeat(grey[:, :, None], 3, axis=2))


def share_of_red(shown: Pixels) -> float:
    """Return how much of a row near the bottom, where no label is, is red, from the left."""
    row = shown[shown.shape[0] * 9 // 10].astype(int)
    is_red = row[:, 0] > row[:, 1]
    columns = np.flatnonzero(~is_red)
    first = int(columns[0]) if len(columns) else len(row)
    assert is_red[first + 4 :].sum() == 0, "red at the right of the divider"
    return first / len(row)


def expect_share_of_red(comparison: Comparison, share: float, tolerance: float = 0.01) -> None:
    """Wait until so much of the picture is red, from the left; fail if it never is."""
    deadline = time.monotonic() + WAIT_S
    while True:
        try:
            assert share_of_red(comparison.shown()) == pytest.approx(share, abs=tolerance)
        except AssertionError:
            if time.monotonic() > deadline:
                raise
        else:
            return


def test_the_divider_follows_keys_and_the_pointer(comparison: Comparison) -> None:
    show(comparison, plain(RED, 160, 90), plain(GREEN, 320, 180))
    page = comparison.page
    expect_share_of_red(comparison, 0.5)
    comparison.divider.press("Home")
    expect_share_of_red(comparison, 0)
    for _ in range(30):
        comparison.divider.press("ArrowRight")
    expect(comparison.divider).to_have_attribute("aria-valuetext", "30 % before, 70 % after")
    expect_share_of_red(comparison, 0.3)

    box = comparison.pictures.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] * 0.7
    for begin, end in [(0.5, 0.8), (0.8, 0.25)]:
        page.mouse.move(box["x"] + begin * box["width"], y)
        page.mouse.down()
        page.mouse.move(box["x"] + end * box["width"], y, steps=4)
        page.mouse.up()
        expect_share_of_red(comparison, end, tolerance=0.02)


def test_one_output_pixel_is_one_device_pixel(comparison: Comparison) -> None:
    width, height = 2400, 1352
    _, output = show(comparison, noise(1200, 676, seed=4), noise(width, height))
    comparison.divider.press("Home")
    comparison.zoom("1:1")
    shown = comparison.shown()
    inner = shown[60:-60, 60:-60]
    x, y, levels = found_at(inner, output)
    assert levels < CODEC_LEVELS
    assert x == pytest.approx((width - inner.shape[1]) / 2, abs=1)
    assert y == pytest.approx((height - inner.shape[0]) / 2, abs=1)

    box = comparison.pictures.bounding_box()
    assert box is not None
    ratio = shown.shape[1] / box["width"]
    middle = box["x"] + box["width"] / 2 + 100, box["y"] + box["height"] / 2
    comparison.page.mouse.move(*middle)
    comparison.page.mouse.down()
    comparison.page.mouse.move(middle[0] - 60, middle[1] - 20, steps=3)
    comparison.page.mouse.up()
    moved_x, moved_y, levels = found_at(comparison.shown()[60:-60, 60:-60], output)
    assert levels < CODEC_LEVELS
    assert (moved_x - x, moved_y - y) == pytest.approx((60 * ratio, 20 * ratio), abs=1)
    comparison.page.mouse.wheel(40, 0)
    wheeled_x, _, _ = found_at(comparison.shown()[60:-60, 60:-60], output)
    assert wheeled_x > moved_x + 10


def test_two_to_one_shows_squares_and_before_is_smooth(comparison: Comparison) -> None:
    source, output = show(comparison, noise(320, 180, seed=4), noise(640, 360))
    comparison.divider.press("Home")
    comparison.zoom("2:1")
    shown = comparison.shown()
    enlarged = output.repeat(2, axis=0).repeat(2, axis=1)
    left, top = (abs(shown.shape[1] - 1280) // 2, abs(shown.shape[0] - 720) // 2)
    part = _middle(shown, 300)
    x, y, levels = found_at(part, enlarged)
    assert levels < CODEC_LEVELS, (left, top)
    # Whole squares of 2 x 2 device pixels, not a smooth picture that is about as close.
    begin_x, begin_y = x % 2, y % 2
    even = part[begin_y : begin_y + 200, begin_x : begin_x + 200]
    assert difference(even[::2, ::2], even[1::2, 1::2]) < 0.5

    comparison.divider.press("End")
    smooth = cv2.resize(source, (1280, 720), interpolation=cv2.INTER_LINEAR)
    before = _middle(comparison.shown(), 300)
    _, _, levels = found_at(before, np.asarray(smooth, np.uint8))
    assert levels < CODEC_LEVELS
    assert difference(before[:200:2, :200:2], before[1:201:2, 1:201:2]) > 0.5


def test_side_by_side_shows_the_same_part_of_both(comparison: Comparison) -> None:
    picture = noise(1600, 900)
    _, output = show(comparison, picture, picture)
    comparison.page.get_by_role("radio", name="Side by side").check(force=True)
    comparison.zoom("1:1")
    comparison.pictures.evaluate("element => element.scrollIntoView({ block: 'center' })")
    shown = comparison.shown()
    half = shown.shape[1] // 2
    left, right = shown[50:-20, 20 : half - 100], shown[50:-20, half + 24 : -100]
    found = [found_at(side, output) for side in (left, right)]
    assert found[1][2] < CODEC_LEVELS
    assert found[0][2] < SMOOTHED_LEVELS
    assert found[0][1] == found[1][1]
    assert abs(found[0][0] - found[1][0]) <= 8


def _middle(shown: Pixels, side: int) -> Pixels:
    """Return a square beside the middle of a picture, away from the labels and the divider's grip."""
    y, x = shown.shape[0] // 2 - side // 2, shown.shape[1] // 2 - side // 2
    return shown[y : y + side, x : x + side]
