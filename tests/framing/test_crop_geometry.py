"""Tests crop checks and the largest crop of an aspect ratio."""

from __future__ import annotations

from fractions import Fraction
from math import inf, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BadRequest
from orchestrator.frames import Crop
from orchestrator.framing.aspect_ratio import parse_aspect
from orchestrator.framing.crop_geometry import check_crop, crop_of_aspect

NUMBERS = st.floats(-1e6, 1e6)
SIDES = st.integers(1, 16_384)
ASPECTS = st.fractions(Fraction(1, 5), Fraction(5), max_denominator=100)


def crop(x: float, y: float, w: float, h: float) -> Crop:
    return Crop(x=x, y=y, w=w, h=h)


@pytest.mark.parametrize(
    "part",
    [crop(0, 0, 1920, 1080), crop(1919, 1079, 1, 1), crop(3, 5, 7, 9), crop(0.25, 0.5, 1919.75, 1079.5)],
    ids=["whole", "one pixel", "odd", "fractions"],
)
def test_a_crop_in_the_picture_is_kept_as_it_is(part: Crop) -> None:
    assert check_crop(part, width=1920, height=1080) == part


def test_a_crop_that_leaves_the_picture_is_refused_and_both_rectangles_are_named() -> None:
    with pytest.raises(BadRequest) as caught:
        check_crop(crop(1000, 50.5, 1080, 900), width=1920, height=1080)
    assert "1080x900 at (1000, 50.5)" in str(caught.value)
    assert "1920x1080 at (0, 0)" in str(caught.value)
    with pytest.raises(BadRequest, match=r"1920\.004x1080 at"):
        check_crop(crop(0, 0, 1920.004, 1080), width=1920, height=1080)


@pytest.mark.parametrize("clamp", [False, True])
@pytest.mark.parametrize(
    "part",
    [
        crop(0, 0, 0, 10),
        crop(0, 0, 10, -1),
        crop(0, 0, 0.5, 10),
        crop(nan, 0, 10, 10),
        crop(0, -inf, 10, 10),
        crop(0, 0, inf, 10),
        crop(0, 0, 10, nan),
    ],
    ids=str,
)
def test_no_size_and_no_number_are_refused_even_when_clamped(part: Crop, *, clamp: bool) -> None:
    with pytest.raises(BadRequest):
        check_crop(part, width=100, height=100, clamp=clamp)


@given(NUMBERS, NUMBERS, st.floats(1, 1e6), st.floats(1, 1e6), SIDES, SIDES)
def test_a_clamped_crop_lies_in_the_picture_and_keeps_what_size_it_can(
    x: float, y: float, w: float, h: float, width: int, height: int
) -> None:
    moved = check_crop(crop(x, y, w, h), width=width, height=height, clamp=True)
    assert moved.x >= 0
    assert moved.y >= 0
    assert moved.x + moved.w <= width
    assert moved.y + moved.h <= height
    assert (moved.w, moved.h) == (min(w, width), min(h, height))
    assert check_crop(moved, width=width, height=height) == moved


def test_numbers_that_were_rounded_on_the_way_are_no_reason_to_refuse() -> None:
    moved = check_crop(crop(312.501, 0, 607.5, 1080.0005), width=920, height=1080)
    assert (moved.x, moved.h) == (312.5, 1080)


@pytest.mark.parametrize(
    ("text", "aspect"),
    [
        ("9:16", Fraction(9, 16)),
        ("1:1", Fraction(1)),
        ("16/9", Fraction(16, 9)),
        ("1080x1920", Fraction(9, 16)),
        (" 2.39:1 ", Fraction(239, 100)),
    ],
)
def test_an_aspect_is_read(text: str, aspect: Fraction) -> None:
    assert parse_aspect(text) == aspect


@pytest.mark.parametrize(
    "text", ["", "9", "9:0", "0:16", "-9:16", "9:16:2", "nan:1", "9 to 16", "1e3:1", "٩:16"]
)
def test_what_is_no_aspect_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="9:16"):
        parse_aspect(text)


@pytest.mark.parametrize(
    ("aspect", "picture", "zoom", "size"),
    [
        ("9:16", (1920, 1080), 1, (608, 1080)),
        ("9:16", (768, 432), 1, (244, 432)),
        ("1:1", (1920, 1080), 1, (1080, 1080)),
        ("4:5", (1080, 1920), 1, (1080, 1350)),
        ("16:9", (1920, 1080), 2, (960, 540)),
        ("1:1", (1, 1), 1, (1, 1)),
        ("1:1", (5, 5), 1, (4, 4)),
    ],
)
def test_the_largest_crop_of_an_aspect(
    aspect: str, picture: tuple[int, int], zoom: float, size: tuple[int, int]
) -> None:
    width, height = picture
    assert crop_of_aspect(parse_aspect(aspect), width=width, height=height, zoom=zoom) == size


@given(ASPECTS, SIDES, SIDES, st.floats(1, 8))
def test_it_fits_the_picture_and_meets_the_aspect_to_a_pixel(
    aspect: Fraction, width: int, height: int, zoom: float
) -> None:
    try:
        w, h = crop_of_aspect(aspect, width=width, height=height, zoom=zoom)
    except BadRequest:
        assert min(width, height) < 5 * 8
        return
    assert 1 <= w <= width
    assert 1 <= h <= height
    true_w = min(Fraction(width), height * aspect) / Fraction(zoom)
    most = 1 + Fraction(1, 10**9)  # 1611 / 1.8 is 895 in floating point, and a little less as a fraction
    assert abs(w - true_w) <= most
    assert abs(h - true_w / aspect) <= most
    if min(width, height) > 1:
        assert w % 2 == h % 2 == 0


@pytest.mark.parametrize("zoom", [0.5, 0, -1, nan, inf])
def test_a_zoom_that_is_none_is_refused(zoom: float) -> None:
    with pytest.raises(BadRequest, match="zoom"):
        crop_of_aspect(Fraction(1), width=100, height=100, zoom=zoom)


def test_a_crop_of_no_pixel_is_refused() -> None:
    with pytest.raises(BadRequest, match="under 1 pixel"):
        crop_of_aspect(Fraction(1, 500), width=1920, height=100)
