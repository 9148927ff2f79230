"""Tests that what is dragged, typed and chosen in the export form is what reaches RunPod."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.cloud.conftest import Cloud
from tests.page.conftest import WAIT_MS, sign_in
from tests.page.crop_steps import FPS, FRAMES, HEIGHT, WIDTH, ExportForm, started
from tests.page.page_checks import axe_findings
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip


@pytest.fixture
def form(page: Page, user: ApiUser) -> ExportForm:
    return ExportForm.open(page, user, SAMPLE)


def test_a_crop_that_is_dragged_is_exported(cloud: Cloud, form: ExportForm) -> None:
    form.drag((WIDTH - 1, HEIGHT - 1), (200.2, 120.4))  # the lower right corner of the whole picture
    form.shows(0, 0, 202, 122)  # 320 - 118.8 and 180 - 58.6 to the nearest even numbers
    form.drag((100, 60), (150.3, 40))  # the inside, which cannot go up
    form.shows(50, 0, 202, 122)
    form.drag((100, 60), (130, 200))
    form.shows(80, HEIGHT - 122, 202, 122)
    form.drag((80, 100), (100.2, 170))  # the left edge, which moves to the side only
    form.shows(100, HEIGHT - 122, 182, 122)
    form.drag((282, 58), (900, -900))  # the upper right corner, out of the picture
    form.shows(100, 0, 220, 180)
    with started(cloud) as params:
        form.start()
    assert params == [{"crop": {"x": 100, "y": 0, "w": 220, "h": 180}}]


def test_a_crop_that_is_moved_by_keys_is_exported(cloud: Cloud, form: ExportForm) -> None:
    for name, value in (("Width", "101"), ("Height", "80"), ("Left", "60"), ("Top", "40")):
        form.page.get_by_label(name, exact=True).fill(value)
        form.page.keyboard.press("Enter")
    form.shows(60, 40, 101, 80)
    form.crop.focus()
    for key in ("ArrowRight", "Shift+ArrowRight", "ArrowUp", "Shift+ArrowDown"):
        form.page.keyboard.press(key)
    form.shows(71, 49, 101, 80)
    form.page.keyboard.press("Alt+ArrowRight")
    form.shows(71, 49, 104, 80)  # 103, to an even number
    form.page.keyboard.press("Alt+ArrowUp")
    form.shows(71, 49, 104, 78)
    form.page.keyboard.press("Alt+Shift+ArrowLeft")
    form.shows(71, 49, 94, 78)
    form.page.keyboard.press("+")
    form.shows(66, 45, 104, 86)  # wider by 10, in the same shape, around the same middle
    for _ in range(40):
        form.page.keyboard.press("Shift+ArrowLeft")
    form.shows(0, 45, 104, 86)
    with started(cloud) as params:
        form.start()
    assert params == [{"crop": {"x": 0, "y": 45, "w": 104, "h": 86}}]


@pytest.mark.parametrize(
    ("shape", "aspect", "largest"),
    [
        ("9:16", Fraction(9, 16), (102, 180)),
        ("1:1", Fraction(1), (180, 180)),
        ("4:5", Fraction(4, 5), (144, 180)),
        ("4:3", Fraction(4, 3), (240, 180)),
    ],
)
def test_a_shape_is_kept_while_a_corner_is_dragged(
    form: ExportForm, shape: str, aspect: Fraction, largest: tuple[int, int]
) -> None:
    form.choose(shape)
    left = (WIDTH - largest[0]) // 2
    form.shows(left, 0, *largest)
    right, bottom = left + largest[0], largest[1]
    form.drag((right, bottom - 1), (right - 30, bottom - 31))
    x, y, w, h = form.numbers()
    assert (x, y) == (left, 0)
    assert 0 < w < largest[0]
    assert abs(h - w / aspect) <= 1
    wanted = max(largest[0] - 30, float((largest[1] - 30) * aspect))
    assert abs(w - wanted) <= 1.5
    form.choose("Same as the source")
    form.shows(0, 0, WIDTH, HEIGHT)


def test_the_whole_picture_is_exported_without_a_crop(cloud: Cloud, form: ExportForm) -> None:
    form.choose("1:1")
    form.page.get_by_role("button", name="Whole picture").click()
    form.shows(0, 0, WIDTH, HEIGHT)
    with started(cloud) as params:
        form.start()
    assert params == [{}]


def test_the_part_is_exact_to_the_frame(cloud: Cloud, form: ExportForm) -> None:
    track = form.page.locator(".part-track").bounding_box()
    assert track is not None
    start = form.handle("start").bounding_box()
    assert start is not None
    middle = start["y"] + start["height"] / 2
    grip = start["x"] + start["width"] / 2
    # A quarter of the way, which is the beginning of frame 36.
    form.drag_in_window(grip, middle, grip + track["width"] / 4, middle)
    expect(form.handle("start")).to_have_attribute("aria-valuenow", "36")
    form.is_at(36)
    form.handle("start").focus()
    form.page.keyboard.press("ArrowRight")
    expect(form.handle("start")).to_have_attribute("aria-valuenow", "37")
    form.handle("end").focus()
    for key in ("PageDown", "PageDown", "ArrowLeft"):
        form.page.keyboard.press(key)
    expect(form.handle("end")).to_have_attribute("aria-valuenow", str(FRAMES - 1 - 2 * FPS - 1))
    form.is_at(FRAMES - 1 - 2 * FPS - 1)
    expect(form.page.get_by_text("58 frames")).to_be_visible()
    with started(cloud) as params:
        form.start()
    assert params == [{"start": round(37 / FPS, 6), "end": round(95 / FPS, 6)}]


def test_the_part_begins_and_ends_at_the_frame_that_is_shown(cloud: Cloud, form: ExportForm) -> None:
    form.show_frame(10)
    form.page.get_by_role("button", name="Start here").click()
    form.show_frame(12)
    form.page.get_by_role("button", name="End here").click()
    expect(form.page.get_by_text("3 frames")).to_be_visible()
    form.page.reload()
    form.wait()
    expect(form.handle("start")).to_have_attribute("aria-valuenow", "10")
    expect(form.handle("end")).to_have_attribute("aria-valuenow", "12")
    with started(cloud) as params:
        form.start()
    assert params == [{"start": round(10 / FPS, 6), "end": round(13 / FPS, 6)}]


def uneven_clip(folder: Path) -> Path:
    """Write a clip whose frames are shown for 20 to 510 ms."""
    pts = [0, 20, 150, 190, 700, 1000, 1040, 1500]
    return make_clip(folder / "uneven.mp4", 8, pts=pts, time_base=Fraction(1, 1000), last_duration=40)


def test_a_part_of_a_video_with_uneven_frames_has_their_times(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    form = ExportForm.open(page, user, uneven_clip(tmp_path))
    form.show_frame(2)
    page.get_by_role("button", name="Start here").click()
    form.show_frame(4)
    page.get_by_role("button", name="End here").click()
    with started(cloud) as params:
        form.start()
    assert params == [{"start": 0.15, "end": 1.0}]


def test_a_frame_is_chosen_as_soon_as_the_times_of_the_video_are_known(
    page: Page, user: ApiUser, tmp_path: Path
) -> None:
    """The slider moves in the task that draws the new times, before any other code of the page runs."""
    clip = uneven_clip(tmp_path)
    page.evaluate(
        """() => {
          const set = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
          new MutationObserver(() => {
            const stage = document.querySelector("[role=group][aria-label='Source with the crop']");
            const slider = stage?.querySelector("[aria-label=Position]");
            if (!slider || stage.ariaBusy !== "false" || window.moved) return;
            window.moved = true;
            set.call(slider, "2");
            slider.dispatchEvent(new Event("input", { bubbles: true }));
          }).observe(document.body, { subtree: true, childList: true, attributes: true });
        }"""
    )
    form = ExportForm.open(page, user, clip)
    page.wait_for_function("() => window.moved")
    form.is_at(2)


def test_the_output_is_set_up(cloud: Cloud, form: ExportForm) -> None:
    page = form.page
    form.choose("9:16")
    page.get_by_label("Format").select_option("webm")
    page.get_by_label("Quality").select_option("low")
    size = page.get_by_label("Size", exact=True)
    expect(size.locator("option")).to_have_text(
        ["Original, 102 × 180", "2160 × 3840", "1080 × 1920", "720 × 1280"]
    )
    page.get_by_label("Enlarge with a model").check()
    expect(page.get_by_text("The output has 408 × 720 pixels")).to_be_visible()
    page.get_by_label("Model", exact=True).select_option("RealESRGAN_x2plus")
    expect(page.get_by_text("The output has 204 × 360 pixels")).to_be_visible()
    size.select_option("1080x1920")
    expect(page.get_by_text("The output has 1080 × 1920 pixels")).to_be_visible()
    with started(cloud) as params:
        form.start()
    assert params == [
        {
            "crop": {"x": 109, "y": 0, "w": 102, "h": 180},
            "format": "webm",
            "quality": "low",
            "size": "1080x1920",
            "upscale": True,
            "upscale_model": "RealESRGAN_x2plus",
        }
    ]


def test_a_size_of_another_shape_is_dropped(form: ExportForm) -> None:
    form.choose("9:16")
    size = form.page.get_by_label("Size", exact=True)
    size.select_option("1080x1920")
    form.choose("1:1")
    expect(size).to_have_value("")
    expect(form.page.get_by_text("The output has 180 × 180 pixels")).to_be_visible()


def test_a_gif_says_what_it_is(form: ExportForm) -> None:
    form.page.get_by_label("Format").select_option("gif")
    expect(form.page.get_by_text("256 colours and no sound")).to_be_visible()
    form.page.get_by_label("Quality").select_option("lossless")
    expect(form.page.get_by_text("A GIF cannot be lossless.")).to_be_visible()


def test_a_finger_drags_the_crop_on_a_phone(cloud: Cloud, browser: Browser, user: ApiUser) -> None:
    context = browser.new_context(
        base_url=cloud.url, viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True
    )
    context.set_default_timeout(WAIT_MS)
    page = context.new_page()
    page.goto("/")
    sign_in(page, user)
    form = ExportForm.open(page, user, SAMPLE)
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    form.choose("1:1")
    form.shows(70, 0, 180, 180)
    page.get_by_role("group", name="Source with the crop").scroll_into_view_if_needed()
    scroll = page.evaluate("window.scrollY")
    (x0, y0), (x1, y1) = form.point(160, 70), form.point(120, 170)
    touch = context.new_cdp_session(page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        touch.send(
            "Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y} for x, y in points]}
        )

    send("touchStart", (x0, y0))
    for step in range(1, 11):
        send("touchMove", (x0 + (x1 - x0) * step / 10, y0 + (y1 - y0) * step / 10))
    send("touchEnd")
    form.shows(30, 0, 180, 180)
    assert page.evaluate("window.scrollY") == scroll, "the page scrolled instead"
    context.close()


def test_the_editor_is_accessible(form: ExportForm) -> None:
    assert axe_findings(form.page) == []
    form.choose("Move along a path")
    assert axe_findings(form.page) == []
    expect(form.crop).to_have_attribute("aria-label", re.compile(r"Crop box, \d+ by \d+ pixels at \d+, \d+"))
    described = form.crop.get_attribute("aria-describedby")
    expect(form.page.locator(f"#{described}")).to_contain_text("arrow keys move it by 1 pixel")
