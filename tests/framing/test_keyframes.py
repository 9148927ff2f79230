"""Tests crops that move between keyframes."""

from __future__ import annotations

import json
from itertools import pairwise
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.errors import BadRequest
from orchestrator.framing.keyframes import CropPath

WIDTH, HEIGHT = 1920, 1080


def keyframe(t: float, x: float, y: float, w: float, h: float) -> dict[str, float]:
    return {"t": t, "x": x, "y": y, "w": w, "h": h}


def path(*keyframes: dict[str, Any], clamp: bool = False) -> CropPath:
    return CropPath.parse(list(keyframes), width=WIDTH, height=HEIGHT, clamp=clamp)


@st.composite
def paths(draw: st.DrawFn) -> CropPath:
    """Return a path of crops of one aspect ratio and any size and position, at any times."""
    shape = draw(st.floats(0.2, 5))
    widest = min(WIDTH, HEIGHT * shape)
    shares = st.floats(0, 1)
    rows, t = [], draw(st.floats(-10, 10))
    for _ in range(draw(st.integers(2, 8))):
        w = max(widest * draw(shares), 1, shape)
        h = w / shape
        rows.append(keyframe(t, draw(shares) * (WIDTH - w), draw(shares) * (HEIGHT - h), w, h))
        t += draw(st.floats(1e-3, 100))
    return path(*rows)


def sampled(crop_path: CropPath, n: int = 500) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    keyframes = crop_path.keyframes()
    times = np.linspace(keyframes[0]["t"] - 1, keyframes[-1]["t"] + 1, n)
    return times, crop_path.rows(times)


@given(paths())
def test_no_moment_of_a_path_leaves_the_picture_or_its_shape_or_has_no_size(crop_path: CropPath) -> None:
    _, rows = sampled(crop_path)
    assert (rows[:, :2] >= 0).all()
    assert (rows[:, 0] + rows[:, 2] <= WIDTH + 1e-9).all()
    assert (rows[:, 1] + rows[:, 3] <= HEIGHT + 1e-9).all()
    assert (rows[:, 2:] > 0).all()
    shapes = rows[:, 2] / rows[:, 3]
    assert shapes == pytest.approx(np.full(len(shapes), shapes[0]), rel=1e-6)


@example(path(*(keyframe(t, 0, 0, w, w) for t, w in ((0, 1), (1, 1080), (1.0019534, 1), (2, 1.01)))))
@given(paths())
def test_sizes_stay_between_those_of_the_keyframes_around(crop_path: CropPath) -> None:
    keyframes = crop_path.keyframes()
    for before, after in pairwise(keyframes):
        # keyframes() rounds to a microsecond; on the other side of a keyframe is another curve.
        times = np.linspace(before["t"] + 1e-6, after["t"] - 1e-6, 50)
        steps = np.diff(crop_path.rows(times)[:, 2])
        assert (steps >= -1e-6).all() or (steps <= 1e-6).all()


@given(st.lists(st.integers(0, WIDTH - 100), min_size=2, max_size=10))
def test_between_two_keyframes_a_crop_of_one_size_never_turns_back(places: list[int]) -> None:
    crop_path = path(*(keyframe(t * 0.7, x, 0, 100, 100) for t, x in enumerate(places)))
    for t, (x, after) in enumerate(pairwise(places)):
        steps = np.diff(crop_path.rows(np.linspace(t * 0.7, (t + 1) * 0.7, 60)[:-1])[:, 0])
        assert (steps * np.sign(after - x) >= -1e-9).all()
        if x == after:
            assert (steps == 0).all()


@given(paths())
def test_the_path_goes_through_its_keyframes_and_rests_before_and_after(crop_path: CropPath) -> None:
    keyframes = crop_path.keyframes()
    for entry in keyframes:
        crop = crop_path.at(entry["t"])
        # keyframes() rounds to a microsecond, in which the fastest path here goes 3 px.
        assert [crop.x, crop.y, crop.w, crop.h] == pytest.approx(
            [entry[name] for name in ("x", "y", "w", "h")], abs=3
        )
    assert crop_path.at(keyframes[0]["t"] - 5) == crop_path.at(-1e9)
    assert crop_path.at(keyframes[-1]["t"] + 5) == crop_path.at(1e9)


def test_two_keyframes_are_joined_by_smoothstep() -> None:
    crop_path = path(keyframe(1, 0, 100, 200, 100), keyframe(3, 400, 0, 400, 200))
    quarter = crop_path.at(1.5)
    assert (quarter.x, quarter.y, quarter.w, quarter.h) == pytest.approx((62.5, 84.375, 231.25, 115.625))
    assert crop_path.at(2).x == pytest.approx(200)


def test_the_crop_does_not_stop_at_a_keyframe_that_it_passes() -> None:
    crop_path = path(*(keyframe(t, 300 * t, 0, 100, 100) for t in range(5)))
    speeds = np.diff(crop_path.rows(np.linspace(1, 3, 201))[:, 0]) / 0.01
    assert speeds == pytest.approx(np.full(200, 300), abs=1e-6)


def test_a_slow_movement_has_no_steps_of_a_pixel() -> None:
    crop_path = path(keyframe(0, 10, 10, 100, 100), keyframe(10, 12, 10, 100, 100))
    steps = np.diff(crop_path.rows(np.arange(251) / 25)[:, 0])
    assert (steps > 0).all()
    assert steps.max() < 0.013


def test_what_is_delivered_has_the_size_of_the_largest_crop() -> None:
    crop_path = path(keyframe(0, 0, 0, 90, 160), keyframe(1, 0, 0, 360, 640), keyframe(2, 0, 0, 45, 80))
    assert crop_path.size == (360, 640)


@given(paths())
def test_keyframes_sent_as_json_and_back_are_the_same(crop_path: CropPath) -> None:
    keyframes = json.loads(json.dumps(crop_path.keyframes()))
    again = CropPath.parse(keyframes, width=WIDTH, height=HEIGHT)
    assert again.keyframes() == crop_path.keyframes()


def test_rounded_shapes_are_one_shape_and_others_are_not() -> None:
    path(keyframe(0, 0, 0, 608, 1080), keyframe(1, 0, 0, 405, 720))
    with pytest.raises(BadRequest, match=r"keyframe 1 is 600x720 and keyframe 0 608x1080"):
        path(keyframe(0, 0, 0, 608, 1080), keyframe(1, 0, 0, 600, 720))


GOOD = keyframe(0, 0, 0, 100, 100)


@pytest.mark.parametrize(
    ("keyframes", "named"),
    [
        ([], "2 to 100000 keyframes, not 0"),
        ([GOOD], "2 to 100000 keyframes, not 1"),
        ([GOOD, GOOD], "rise"),
        ([GOOD | {"t": 2}, GOOD | {"t": 1}], "keyframe 1 has t 1.0, after 2.0"),
        ([GOOD, GOOD | {"t": 5e-324}], "rise"),
        ([GOOD, GOOD | {"t": nan}], "keyframe 1"),
        ([GOOD, GOOD | {"t": inf}], "keyframe 1"),
        ([GOOD | {"t": -1e300}, GOOD], "keyframe 0"),
        ([GOOD, GOOD | {"t": 1, "x": nan}], "keyframe 1"),
        ([GOOD, GOOD | {"t": 1, "w": 0}], "keyframe 1"),
        ([GOOD, GOOD | {"t": 1, "h": -5}], "keyframe 1"),
        ([GOOD, GOOD | {"t": 1, "x": 1900}], r"keyframe 1.*100x100 at \(1900, 0\).*1920x1080"),
        ([GOOD, GOOD | {"t": "1"}], "numbers"),
        ([GOOD, GOOD | {"t": True}], "numbers"),
        ([GOOD, GOOD | {"t": None}], "numbers"),
        ([GOOD, GOOD | {"t": 10**400}], "keyframe 1"),
        ([GOOD, {"t": 1, "x": 0, "y": 0, "w": 100}], "keyframe 1"),
        ([GOOD, GOOD | {"t": 1, "ease": "in"}], "keyframe 1"),
        ([GOOD, [1, 0, 0, 100, 100]], "keyframe 1"),
        ("keyframes", "list"),
        ({"t": 0}, "list"),
        ([GOOD] * 200_000, "list"),
    ],
    ids=range(22),
)
def test_what_is_no_path_is_refused_in_one_line(keyframes: Any, named: str) -> None:
    with pytest.raises(BadRequest, match=named) as caught:
        CropPath.parse(keyframes, width=WIDTH, height=HEIGHT)
    assert "\n" not in str(caught.value)


def test_a_clamped_path_is_moved_into_the_picture() -> None:
    crop_path = path(keyframe(0, -50, 0, 100, 100), keyframe(1, 1900, 2000, 100, 100), clamp=True)
    assert (crop_path.at(0).x, crop_path.at(1).x, crop_path.at(1).y) == (0, 1820, 980)


def test_a_clamped_path_keeps_its_shape_where_it_is_larger_than_the_picture() -> None:
    crop_path = path(keyframe(0, 100, -100, 675, 1200), keyframe(1, 0, 0, 607.5, 1080), clamp=True)
    first = crop_path.at(0)
    assert (first.w, first.h, first.y) == pytest.approx((607.5, 1080, 0))
    assert first.x + first.w / 2 == pytest.approx(100 + 675 / 2)
    with pytest.raises(BadRequest, match="keyframe 0: crop infxinf"):
        path(keyframe(0, 0, 0, inf, inf), keyframe(1, 0, 0, 100, 100), clamp=True)
