"""Tests that crop boxes stay in the picture, and that paths and parts are those that the worker takes."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.frames import Crop
from orchestrator.framing.crop_geometry import check_crop, crop_of_aspect
from orchestrator.framing.keyframes import ASPECT_TOLERANCE, CropPath
from orchestrator.media.time_range import TimedPicture, TimeRange
from tests.support.node_functions import NodeFunctions, node_functions

HANDLES = ["nw", "n", "ne", "e", "se", "s", "sw", "w"]
EVEN, WHOLE, FINE = ({"place": place, "side": side} for place, side in ((1, 2), (1, 1), (0.001, 0.001)))
SMALLEST_PX = 16
MANY = settings(max_examples=1500, deadline=None)

sides = st.integers(16, 4000)
aspects = st.sampled_from([16 / 9, 9 / 16, 1.0, 4 / 5, 4 / 3, 2.39])
distances = st.floats(-5000, 5000)


@pytest.fixture(scope="module")
def boxes() -> Iterator[NodeFunctions]:
    with node_functions("page/src/crop/crop_box.ts") as functions:
        yield functions


@pytest.fixture(scope="module")
def paths() -> Iterator[NodeFunctions]:
    with node_functions("page/src/crop/crop_path.ts") as functions:
        yield functions


@pytest.fixture(scope="module")
def parts() -> Iterator[NodeFunctions]:
    with node_functions("page/src/crop/trim.ts") as functions:
        yield functions


@st.composite
def pictures(draw: st.DrawFn) -> dict[str, int]:
    return {"width": draw(sides), "height": draw(sides)}


@st.composite
def boxes_in(draw: st.DrawFn, picture: dict[str, int]) -> dict[str, float]:
    """Draw a box in a picture, with whole numbers and sides of at least SMALLEST_PX."""
    w = draw(st.integers(SMALLEST_PX, picture["width"]))
    h = draw(st.integers(SMALLEST_PX, picture["height"]))
    x = draw(st.integers(0, picture["width"] - w))
    return {"x": x, "y": draw(st.integers(0, picture["height"] - h)), "w": w, "h": h}


def is_in(box: dict[str, float], picture: dict[str, int]) -> bool:
    """Whether the worker accepts a box as it is, to within what binary fractions add to thousandths."""
    x, y, w, h = (box[name] for name in "xywh")
    accepted = check_crop(Crop(x=x, y=y, w=w, h=h), width=picture["width"], height=picture["height"])
    exact = np.allclose([accepted.x, accepted.y, accepted.w, accepted.h], [x, y, w, h], rtol=0, atol=1e-9)
    return bool(exact)


@MANY
@given(st.data())
def test_a_moved_box_keeps_its_size_and_stays_in_the_picture(
    boxes: NodeFunctions, data: st.DataObject
) -> None:
    picture = data.draw(pictures())
    box = data.draw(boxes_in(picture))
    dx, dy = data.draw(distances), data.draw(distances)
    moved = boxes.call("moved", box, dx, dy, picture)
    assert is_in(moved, picture)
    assert (moved["w"], moved["h"]) == (box["w"], box["h"])
    for name, by, whole in (("x", dx, picture["width"] - box["w"]), ("y", dy, picture["height"] - box["h"])):
        expected = min(max(box[name] + by, 0), whole)
        assert abs(moved[name] - expected) <= 0.5
        assert moved[name] == int(moved[name])


@MANY
@given(st.data())
def test_a_resized_box_stays_in_the_picture_and_keeps_the_other_edges(
    boxes: NodeFunctions, data: st.DataObject
) -> None:
    picture = data.draw(pictures())
    box = data.draw(boxes_in(picture))
    handle = data.draw(st.sampled_from(HANDLES))
    dx, dy = data.draw(distances), data.draw(distances)
    grid = data.draw(st.sampled_from([EVEN, WHOLE]))
    resized = boxes.call("resized", box, handle, dx, dy, picture, None, grid)
    assert is_in(resized, picture)
    assert min(resized["w"], resized["h"]) >= min(SMALLEST_PX, picture["width"], picture["height"])
    right, bottom = box["x"] + box["w"], box["y"] + box["h"]
    if "w" not in handle:
        assert resized["x"] == box["x"]
    else:
        assert resized["x"] + resized["w"] == right
    if "n" not in handle:
        assert resized["y"] == box["y"]
    else:
        assert resized["y"] + resized["h"] == bottom
    # Between the limits, a side is as long as the pointer says, to within the grid.
    wanted = box["w"] + {"e": dx, "w": -dx}.get(handle[-1], 0)
    room = right if "w" in handle else picture["width"] - box["x"]
    if handle[-1] in "ew" and SMALLEST_PX <= wanted <= room - grid["side"]:
        assert abs(resized["w"] - wanted) <= grid["side"] / 2 + 1e-9
        assert resized["w"] % grid["side"] == 0
    if handle in {"n", "s"}:
        assert resized["w"] == box["w"]


@MANY
@given(st.data())
def test_a_box_keeps_its_aspect_ratio(boxes: NodeFunctions, data: st.DataObject) -> None:
    picture = data.draw(pictures())
    box = data.draw(boxes_in(picture))
    aspect = data.draw(aspects)
    grid = data.draw(st.sampled_from([EVEN, WHOLE, FINE]))
    handle = data.draw(st.sampled_from(HANDLES))
    resized = boxes.call(
        "resized", box, handle, data.draw(distances), data.draw(distances), picture, aspect, grid
    )
    zoomed = boxes.call("zoomed", box, data.draw(distances), picture, aspect, grid)
    name, value = data.draw(st.sampled_from("wh")), data.draw(distances)
    typed = boxes.call("withNumber", box, name, value, picture, aspect, grid)
    for result in (resized, zoomed, typed):
        assert is_in(result, picture)
        assert (
            abs(result["h"] - result["w"] / aspect) <= grid["side"] / 2 + 1e-6 or result["h"] == grid["side"]
        )


@MANY
@given(pictures(), st.fractions(Fraction(1, 4), 4), st.floats(1, 4))
def test_the_largest_crop_of_a_shape_is_the_workers(
    boxes: NodeFunctions, picture: dict[str, int], aspect: Fraction, zoom: float
) -> None:
    size = boxes.call("largestOfAspect", float(aspect), picture, zoom)
    expected = crop_of_aspect(aspect, width=picture["width"], height=picture["height"], zoom=zoom)
    assert (size["w"], size["h"]) == expected
    around = boxes.call("around", {"x": 7, "y": picture["height"]}, *size.values(), picture)
    assert is_in(around, picture)


@st.composite
def keyframes_in(draw: st.DrawFn, picture: dict[str, int]) -> list[dict[str, float]]:
    """Draw a path that the worker accepts: 2 to 12 crops of one aspect ratio, some of them the same."""
    steps = draw(st.lists(st.floats(1e-3, 10), min_size=2, max_size=12))
    aspect = draw(st.floats(0.3, 3))
    widest = min(picture["width"], picture["height"] * aspect)
    assume(min(widest, widest / aspect) >= 2)
    path: list[dict[str, float]] = []
    t = draw(st.floats(-5, 5))
    for step in steps:
        t += step
        if path and draw(st.integers(0, 3)) == 0:
            path.append(path[-1] | {"t": t})
            continue
        w = widest * draw(st.floats(max(0.1, 2 / widest, 2 * aspect / widest), 1))
        x, y = draw(st.floats(0, 1)), draw(st.floats(0, 1))
        h = w / aspect
        path.append(
            {"t": t, "x": x * (picture["width"] - w), "y": y * (picture["height"] - h), "w": w, "h": h}
        )
    return path


@MANY
@given(st.data())
def test_a_path_is_interpolated_as_the_worker_does(paths: NodeFunctions, data: st.DataObject) -> None:
    picture = data.draw(pictures())
    keyframes = data.draw(keyframes_in(picture))
    worker = CropPath.parse(keyframes, width=picture["width"], height=picture["height"])
    first, last = keyframes[0]["t"], keyframes[-1]["t"]
    times = [
        first + (last - first) * share for share in data.draw(st.lists(st.floats(-0.1, 1.1), max_size=8))
    ]
    times += [keyframe["t"] for keyframe in keyframes]
    expected = worker.rows(np.array(times))
    for time, row in zip(times, expected.tolist(), strict=True):
        crop = paths.call("cropAt", keyframes, time, picture)
        assert np.abs(np.array([crop[name] for name in "xywh"]) - row).max() <= 1e-9 * max(picture.values())


@MANY
@given(st.data())
def test_an_edited_path_is_accepted_by_the_worker(paths: NodeFunctions, data: st.DataObject) -> None:
    picture = data.draw(pictures())
    keyframes = data.draw(keyframes_in(picture))
    index = data.draw(st.integers(0, len(keyframes) - 1))
    centre = {"x": data.draw(distances), "y": data.draw(distances)}
    for edited in (
        paths.call("withCentreMoved", keyframes, index, centre, picture),
        paths.call("reshapedPath", keyframes, data.draw(aspects), picture),
    ):
        widths = [keyframe["w"] for keyframe in edited]
        if min(*widths, *(keyframe["h"] for keyframe in edited)) < 2:
            continue  # a path over a tiny picture, whose rounding to thousandths is no longer small
        worker = CropPath.parse(edited, width=picture["width"], height=picture["height"])
        shapes = np.array([keyframe["w"] / keyframe["h"] for keyframe in edited])
        assert np.abs(shapes / shapes[0] - 1).max() < ASPECT_TOLERANCE
        assert len(worker) == len(keyframes)


def exported(starts: list[int], start: float | None, end: float | None) -> list[int]:
    """Return the frames that the worker exports of a video with these pts in microseconds."""

    class Info:
        start_s = Fraction(7)
        skipped_frames = 0
        time_base = Fraction(1, 1_000_000)
        average_rate = Fraction(25)

    info: Any = Info()
    zero = 7_000_000
    pictures = [
        TimedPicture(pts=zero + pts, duration=following - pts, picture=number)
        for number, (pts, following) in enumerate(
            zip(starts, [*starts[1:], starts[-1] + 40_000], strict=True)
        )
    ]
    exact = [None if value is None else Fraction(value) for value in (start, end)]
    chosen = TimeRange.of(info, *exact).select_pictures(iter(pictures), info)
    return [timed.picture for timed in chosen]


@MANY
@given(st.data())
def test_a_part_is_exported_with_exactly_its_frames(parts: NodeFunctions, data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.integers(2_000, 3_000_000), min_size=0, max_size=20))
    starts = np.cumsum([0, *steps]).tolist()
    first = data.draw(st.integers(0, len(starts) - 1))
    last = data.draw(st.integers(first, len(starts) - 1))
    seconds = [pts / 1e6 for pts in starts]
    times = parts.call("timesOf", {"first": first, "last": last}, seconds)
    assert exported(starts, times["start"], times["end"]) == list(range(first, last + 1))
    assert parts.call("partOf", times["start"], times["end"], seconds) == {"first": first, "last": last}


@MANY
@given(st.data())
def test_a_part_shows_the_frames_that_any_times_take(parts: NodeFunctions, data: st.DataObject) -> None:
    steps = data.draw(st.lists(st.integers(2_000, 500_000), min_size=1, max_size=20))
    starts = np.cumsum([0, *steps]).tolist()
    length = starts[-1] / 1e6 + 0.03
    # The worker refuses a part that is too short to hold a picture.
    start = data.draw(st.none() | st.floats(0, length - 0.01).map(lambda value: round(value, 4)))
    end = data.draw(st.none() | st.floats(0.01, length).map(lambda value: round(value, 4)))
    assume(start is None or end is None or end > start + 0.01)
    frames = exported(starts, start, end)
    part = parts.call("partOf", start, end, [pts / 1e6 for pts in starts])
    assert part == {"first": frames[0], "last": frames[-1]}
