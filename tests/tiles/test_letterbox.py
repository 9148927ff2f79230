"""Tests where a picture lies in its letterbox, and that boxes convert both ways."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadRequest
from orchestrator.frames import Boxes, Letterbox
from orchestrator.tiles.letterbox import letterbox, stretched

SIZES = st.integers(1, 16_384)


@st.composite
def letterboxes(draw: st.DrawFn) -> tuple[Letterbox, int, int]:
    """Return a letterbox, and the side and the multiple that it was made for."""
    multiple = draw(st.sampled_from([1, 8, 32, 64]))
    side = draw(st.integers(multiple, 2048))
    made = letterbox(width=draw(SIZES), height=draw(SIZES), side=side, multiple=multiple)
    return made, side, multiple


@st.composite
def boxes_in(draw: st.DrawFn, width: int, height: int) -> Boxes:
    across, down = st.floats(0, width, width=32), st.floats(0, height, width=32)
    rows = draw(st.lists(st.tuples(across, down, across, down), min_size=1, max_size=5))
    return np.array(rows, np.float32)


@given(letterboxes())
def test_sides_are_multiples_and_the_longer_is_the_one_asked_for(
    drawn: tuple[Letterbox, int, int],
) -> None:
    box, side, multiple = drawn
    assert box.width % multiple == box.height % multiple == 0
    assert max(box.width, box.height) == side - side % multiple == max(box.inner_width, box.inner_height)


@given(letterboxes())
def test_the_picture_lies_inside_in_the_middle_and_no_row_could_be_saved(
    drawn: tuple[Letterbox, int, int],
) -> None:
    box, _, multiple = drawn
    for start, inner, outer in (
        (box.left, box.inner_width, box.width),
        (box.top, box.inner_height, box.height),
    ):
        end = outer - inner - start
        assert inner >= 1
        assert start >= 0
        assert 0 <= end - start <= 1
        assert outer - inner < multiple


@given(letterboxes())
def test_things_keep_the_shape_they_have_on_a_screen(drawn: tuple[Letterbox, int, int]) -> None:
    box, *_ = drawn
    shown_width, shown_height = Fraction(box.source_width), Fraction(box.source_height)
    scale = max(box.inner_width, box.inner_height) / max(shown_width, shown_height)
    half = Fraction(1, 2)
    assert abs(box.inner_width - shown_width * scale) <= half or box.inner_width == 1
    assert abs(box.inner_height - shown_height * scale) <= half or box.inner_height == 1


def into(box: Letterbox, boxes: Boxes) -> Boxes:
    """Convert boxes from pixels of the picture as displayed to pixels of the letterbox."""
    scale = np.array([box.inner_width / box.source_width, box.inner_height / box.source_height], np.float32)
    return boxes * np.tile(scale, 2) + np.array([box.left, box.top] * 2, np.float32)


@given(drawn=letterboxes(), data=st.data())
def test_boxes_go_there_and_back_within_half_a_pixel(
    drawn: tuple[Letterbox, int, int], data: st.DataObject
) -> None:
    box, *_ = drawn
    source = data.draw(boxes_in(box.source_width, box.source_height))
    small = into(box, source)
    assert small.dtype == np.float32
    assert np.abs(box.to_source(small) - source).max() < 0.5
    inner = np.tile([box.inner_width, box.inner_height], 2)
    assert (small >= np.tile([box.left, box.top], 2) - 1e-3).all()
    assert (small <= np.tile([box.left, box.top], 2) + inner + 1e-3).all()


@given(drawn=letterboxes(), data=st.data())
def test_every_pixel_goes_to_the_source_and_back_to_itself(
    drawn: tuple[Letterbox, int, int], data: st.DataObject
) -> None:
    box, *_ = drawn
    x = data.draw(st.integers(box.left, box.left + box.inner_width - 1))
    y = data.draw(st.integers(box.top, box.top + box.inner_height - 1))
    centre = np.array([[x, y, x, y]], np.float32) + 0.5
    there = box.to_source(centre)
    assert (there > 0).all()
    assert (there < np.tile([box.source_width, box.source_height], 2)).all()
    assert np.array_equal(np.floor(into(box, there)), np.floor(centre))


@given(letterboxes())
def test_the_corners_of_the_picture_are_the_corners_of_the_source(
    drawn: tuple[Letterbox, int, int],
) -> None:
    box, *_ = drawn
    corners = [box.left, box.top, box.left + box.inner_width, box.top + box.inner_height]
    source = box.to_source(np.array([corners], np.float32))
    assert np.allclose(source, [[0, 0, box.source_width, box.source_height]], rtol=1e-5)


@pytest.mark.parametrize(
    ("width", "height", "outer", "inner", "at"),
    [
        (1920, 1080, (640, 384), (640, 360), (0, 12)),
        (1080, 1920, (384, 640), (360, 640), (12, 0)),
        (320, 240, (640, 480), (640, 480), (0, 0)),
        (16_384, 2, (640, 32), (640, 1), (0, 15)),
        (1, 1, (640, 640), (640, 640), (0, 0)),
    ],
)
def test_known_letterboxes(
    width: int,
    height: int,
    outer: tuple[int, int],
    inner: tuple[int, int],
    at: tuple[int, int],
) -> None:
    box = letterbox(width=width, height=height, side=640, multiple=32)
    assert (box.width, box.height) == outer
    assert (box.inner_width, box.inner_height) == inner
    assert (box.left, box.top) == at


def test_a_side_that_is_no_multiple_is_rounded_down() -> None:
    box = letterbox(width=1920, height=1080, side=650, multiple=32)
    assert box.width == 640


def test_a_side_below_the_multiple_is_refused() -> None:
    with pytest.raises(BadRequest, match="a side of 31 pixels is too small, the detector takes 32 or more"):
        letterbox(width=1920, height=1080, side=31, multiple=32)


@given(width=SIZES, height=SIZES, square=st.integers(1, 2048), data=st.data())
def test_boxes_of_a_stretched_picture_convert_back_by_each_side_alone(
    width: int, height: int, square: int, data: st.DataObject
) -> None:
    box = stretched(width=width, height=height, square=square)
    assert (box.width, box.height, box.inner_width, box.inner_height) == (square,) * 4
    boxes = data.draw(boxes_in(square, square))
    expected = boxes * np.array([width, height] * 2) / square
    np.testing.assert_allclose(box.to_source(boxes), expected, rtol=1e-5, atol=1e-3)
