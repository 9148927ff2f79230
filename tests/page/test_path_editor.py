"""Tests that keyframes are set, dragged and deleted in the export form, and sent with the job."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from orchestrator.framing.keyframes import CropPath
from tests.cloud.conftest import Cloud
from tests.page.crop_steps import FPS, FRAMES, HEIGHT, WIDTH, ExportForm, started
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser

LAST_S = round((FRAMES - 1) / FPS, 6)


@pytest.fixture
def form(page: Page, user: ApiUser) -> ExportForm:
    """The form with a crop that moves along a path of two equal keyframes, 9:16 and of the full height."""
    form = ExportForm.open(page, user, SAMPLE)
    form.choose("9:16")
    form.choose("Move along a path")
    form.shows(109, 0, 102, 180)
    return form


def set_size(form: ExportForm, width: int) -> None:
    """Give the crop of the frame that is shown another width; the height follows."""
    form.page.get_by_label("Width", exact=True).fill(str(width))
    form.page.keyboard.press("Enter")


def sent(cloud: Cloud, form: ExportForm) -> list[dict[str, float]]:
    """Start the job; return the keyframes that RunPod got."""
    with started(cloud) as params:
        form.start()
    (only,) = params
    assert list(only) == ["crop"]
    crop: list[dict[str, float]] = only["crop"]
    return crop


def test_a_crop_that_is_dragged_at_a_moment_gets_a_keyframe_there(cloud: Cloud, form: ExportForm) -> None:
    form.drag((130, 40), (80, 40))  # at frame 0, whose keyframe it moves
    form.shows(59, 0, 102, 180)
    form.show_frame(72)
    expect(form.page.get_by_text("2 keyframes", exact=True)).to_be_visible()
    x = form.numbers()[0]
    assert 59 < x < 109  # between its two keyframes
    form.drag((x + 20, 40), (x + 95.25, 40))
    expect(form.page.get_by_text("Keyframe 2 of 3", exact=True)).to_be_visible()
    middle = form.numbers()
    assert abs(middle[0] - (x + 75.25)) < 0.01
    path = sent(cloud, form)
    assert [keyframe["t"] for keyframe in path] == [0, 3, LAST_S]
    assert path[0] == {"t": 0, "x": 59, "y": 0, "w": 102, "h": 180}
    assert [path[1][name] for name in "xywh"] == middle
    assert path[2] == {"t": LAST_S, "x": 109, "y": 0, "w": 102, "h": 180}
    CropPath.parse(path, width=WIDTH, height=HEIGHT)


def test_the_crop_between_keyframes_is_the_workers(form: ExportForm) -> None:
    form.drag((130, 40), (60, 40))
    form.shows(39, 0, 102, 180)
    form.show_frame(50)
    form.drag((130, 40), (230, 40))
    expect(form.page.locator("[data-keyframe]")).to_have_count(3)
    path = order_of(form)["crop"]
    worker = CropPath.parse(path, width=WIDTH, height=HEIGHT)
    for frame in (20, 33, 90, 143):
        form.show_frame(frame)
        expected = worker.at(frame / FPS)
        shown = form.page.locator(".crop-edge").evaluate(
            "(edge) => ['x', 'y', 'width', 'height'].map((name) => Number(edge.getAttribute(name)))"
        )
        assert np.abs(np.array(shown) - [expected.x, expected.y, expected.w, expected.h]).max() < 1e-4


def test_all_keyframes_keep_one_shape(cloud: Cloud, form: ExportForm) -> None:
    set_size(form, 51)
    form.shows(109, 0, 51, 90)
    form.show_frame(100)
    x, y, w, h = form.numbers()
    assert w > 51
    form.drag((x + w, y + h), (x + w - 20, y))
    path = sent(cloud, form)
    shapes = [keyframe["w"] / keyframe["h"] for keyframe in path]
    assert len(path) == 3
    assert np.abs(np.array(shapes) / shapes[0] - 1).max() < 0.001
    assert len({keyframe["w"] for keyframe in path}) == 3


def test_a_keyframes_point_is_dragged_on_the_picture(cloud: Cloud, form: ExportForm) -> None:
    set_size(form, 51)
    form.show_frame(FRAMES - 1)
    set_size(form, 51)
    form.drag((134.5, 45), (250.25, 110))  # the point of the last keyframe, in the middle of its crop
    form.shows(224.75, 65, 51, 90)
    form.show_frame(70)
    form.drag((134.5, 45), (40, 60))  # the first keyframe's point, whose frame it shows then
    form.is_at(0)
    form.shows(14.5, 15, 51, 90)
    path = sent(cloud, form)
    assert path == [
        {"t": 0, "x": 14.5, "y": 15, "w": 51, "h": 90},
        {"t": LAST_S, "x": 224.75, "y": 65, "w": 51, "h": 90},
    ]


def test_a_keyframes_mark_is_dragged_on_the_timeline(cloud: Cloud, form: ExportForm) -> None:
    form.show_frame(36)
    form.page.get_by_role("button", name="Add keyframe").click()
    mark = form.page.get_by_role("slider", name="Keyframe 2 of 3")
    expect(mark).to_have_attribute("aria-valuenow", "36")
    place, lane = mark.bounding_box(), form.page.locator(".keyframe-marks").bounding_box()
    assert place is not None
    assert lane is not None
    x, y = place["x"] + place["width"] / 2, place["y"] + place["height"] / 2
    form.drag_in_window(x, y, x + lane["width"] / 2, y)
    expect(mark).to_have_attribute("aria-valuenow", "108")
    form.is_at(108)
    form.drag_in_window(x + lane["width"] / 2, y, x + 2 * lane["width"], y)
    expect(mark).to_have_attribute("aria-valuenow", str(FRAMES - 2))  # a frame before the next one
    mark.focus()
    for key in ("ArrowLeft", "ArrowLeft", "PageDown"):
        form.page.keyboard.press(key)
    path = sent(cloud, form)
    assert [keyframe["t"] for keyframe in path] == [0, round((FRAMES - 4 - FPS) / FPS, 6), LAST_S]


def test_keyframes_are_found_and_deleted(cloud: Cloud, form: ExportForm) -> None:
    page = form.page
    for frame in (30, 60):
        form.show_frame(frame)
        page.get_by_role("button", name="Add keyframe").click()
    page.get_by_role("button", name="Previous keyframe").click()
    form.is_at(30)
    page.get_by_role("button", name="Previous keyframe").click()
    form.is_at(0)
    expect(page.get_by_role("button", name="Previous keyframe")).to_be_disabled()
    page.get_by_role("button", name="Next keyframe").click()
    form.is_at(30)
    page.get_by_role("button", name="Delete keyframe").click()
    expect(page.get_by_text("3 keyframes", exact=True)).to_be_visible()
    page.get_by_role("button", name="Next keyframe").click()
    form.is_at(60)
    page.get_by_role("slider", name="Keyframe 2 of 3").focus()
    page.keyboard.press("Delete")
    form.show_frame(0)
    expect(page.get_by_role("button", name="Delete keyframe")).to_be_disabled()
    assert [keyframe["t"] for keyframe in sent(cloud, form)] == [0, LAST_S]


def test_keys_move_the_crop_of_a_moment(cloud: Cloud, form: ExportForm) -> None:
    form.show_frame(48)
    form.crop.focus()
    for key in ("Shift+ArrowRight", "ArrowRight"):
        form.page.keyboard.press(key)
    form.shows(120, 0, 102, 180)
    path = sent(cloud, form)
    assert path[1] == {"t": 2, "x": 120, "y": 0, "w": 102, "h": 180}


def test_a_path_comes_back_after_another_mode(form: ExportForm) -> None:
    form.drag((130, 40), (80, 40))
    form.shows(59, 0, 102, 180)
    before = order_of(form)["crop"]
    form.choose("Fixed")
    form.shows(59, 0, 102, 180)
    form.choose("Move along a path")
    expect(form.page.locator("[data-keyframe]")).to_have_count(2)
    assert order_of(form)["crop"] == before


def order_of(form: ExportForm) -> dict[str, Any]:
    """Return the params that are set up in the browser."""
    orders: dict[str, Any] = form.page.evaluate(
        "JSON.parse(sessionStorage.getItem('framewright')).state.orders"
    )
    export: dict[str, Any] = orders[form.upload_id]["export"]
    return export
