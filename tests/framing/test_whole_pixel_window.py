"""Tests the window of pixels that is cut out for a crop, and the size of the result."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.frames import Colour, Crop, VideoInfo
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.whole_pixel_window import LONGEST_PIXEL, WholePixelWindow

INFO = VideoInfo(
    width=1920,
    height=1080,
    rotation=0,
    mirrored=False,
    sample_aspect_ratio=Fraction(1),
    time_base=Fraction(1, 25),
    average_rate=Fraction(25),
    frames=None,
    duration_s=None,
    codec="h264",
    pixel_format="yuv420p",
    bit_depth=8,
    colour=Colour(matrix=1, primaries=1, transfer=1, full_range=False),
)
PAL_WIDE = replace(INFO, width=720, height=576, sample_aspect_ratio=Fraction(64, 45))
"""Shown as 1024x576."""


def crop(x: float, y: float, w: float, h: float) -> Crop:
    return Crop(x=x, y=y, w=w, h=h)


@st.composite
def videos(draw: st.DrawFn) -> VideoInfo:
    shape = draw(st.sampled_from([Fraction(1), Fraction(64, 45), Fraction(8, 9), Fraction(4, 3)]))
    width, height = draw(st.integers(1, 400)), draw(st.integers(1, 400))
    return replace(INFO, width=width, height=height, sample_aspect_ratio=shape)


@st.composite
def crops(draw: st.DrawFn, info: VideoInfo) -> Crop:
    sides = []
    for whole in info.display_size:
        length = draw(st.one_of(st.integers(1, whole), st.floats(1, whole)))
        room = whole - length
        sides.append((draw(st.one_of(st.integers(0, int(room)), st.floats(0, room))), length))
    (x, w), (y, h) = sides
    return crop(x, y, w, h)


@st.composite
def paths(draw: st.DrawFn, info: VideoInfo) -> CropPath:
    width, height = info.display_size
    shares = st.floats(0, 1)
    longest = draw(shares) * (min(width, height) - 1) + 1
    rows = []
    for _ in range(draw(st.integers(2, 5))):
        side = longest if draw(st.booleans()) else 1 + draw(shares) * (longest - 1)
        rows.append((draw(shares) * (width - side), draw(shares) * (height - side), side, side))
    return CropPath(np.arange(len(rows), dtype=np.float64), np.array(rows), width=width, height=height)


def test_a_crop_of_whole_pixels_is_the_window() -> None:
    view = WholePixelWindow(crop(100, 51, 1080, 901), INFO)
    assert (view.width, view.height) == view.size == (1080, 901)
    assert view.at(0) == view.at(7) == (100, 51, crop(0, 0, 1080, 901))
    assert view.is_exact
    assert view.sample_aspect_ratio == 1


def test_a_model_gets_its_margin_where_there_is_picture() -> None:
    view = WholePixelWindow(crop(4, 500, 100, 580), INFO, scale=4, margin_px=10)
    assert view.at(0) == (0, 490, crop(16, 40, 400, 2320))
    assert (view.width, view.height) == (114, 590)
    assert view.size == (400, 2320)
    assert view.is_exact


def test_a_crop_that_ends_within_pixels_has_all_of_them_and_what_the_resampler_looks_at() -> None:
    view = WholePixelWindow(crop(100.5, 0, 50.25, 1080), INFO)
    assert view.at(0) == (96, 0, crop(4.5, 0, 50.25, 1080))
    assert (view.width, view.height) == (59, 1080)
    assert view.size == (50, 1080)
    assert not view.is_exact
    fifth = WholePixelWindow(crop(100.5, 0, 50.25, 1080), INFO, size=(10, 216))
    assert fifth.at(0)[0] == 84
    assert fifth.width == 83


STEPS = st.tuples(st.sampled_from([1, 2]), st.sampled_from([1, 2]))


@given(st.data(), videos(), st.sampled_from([1, 2, 4]), st.integers(0, 12), STEPS)
def test_the_window_holds_the_crop_and_its_margin_and_lies_in_the_picture(
    data: st.DataObject, info: VideoInfo, scale: int, margin_px: int, step: tuple[int, int]
) -> None:
    shown = data.draw(st.one_of(crops(info), paths(info)))
    view = WholePixelWindow(shown, info, scale=scale, margin_px=margin_px, step=step)
    assert min(view.width, view.height) >= 1
    for t_s in np.linspace(-1, 6, 15).tolist():
        wanted = shown if isinstance(shown, Crop) else shown.at(t_s)
        left, top, box = view.at(t_s)
        sides = (
            (left, view.width, info.width, box.x, box.w, info.display_size[0], wanted.x, wanted.w),
            (top, view.height, info.height, box.y, box.h, info.display_size[1], wanted.y, wanted.h),
        )
        assert (left % step[0], top % step[1]) == (0, 0)
        for length, whole, one in ((view.width, info.width, step[0]), (view.height, info.height, step[1])):
            assert length % one == 0 or (whole - length) % one == 0
        for first, length, whole, start, size, shown_whole, shown_start, display_size in sides:
            assert 0 <= first <= whole - length
            near, far = start / scale, (start + size) / scale
            assert near >= min(margin_px, first)
            assert length - far >= min(margin_px, whole - first - length) - 1e-9
            to_shown = shown_whole / whole
            assert (first + near) * to_shown == pytest.approx(shown_start, abs=1e-6)
            assert (first + far) * to_shown == pytest.approx(shown_start + display_size, abs=1e-6)


@given(st.data(), videos(), st.sampled_from([1, 4]))
def test_no_shape_is_squeezed_by_more_than_a_pixel(data: st.DataObject, info: VideoInfo, scale: int) -> None:
    shown = data.draw(crops(info))
    size = data.draw(st.one_of(st.none(), st.tuples(st.integers(1, 300), st.integers(1, 300))))
    view = WholePixelWindow(shown, info, scale=scale, size=size)
    width, height = view.size
    assert (width, height) == size or size is None
    assume(1 / LONGEST_PIXEL <= shown.w / shown.h * height / width <= LONGEST_PIXEL)
    displayed = width * view.sample_aspect_ratio / height
    wanted = shown.w / shown.h
    assert float(displayed) == pytest.approx(wanted, rel=1.1 / min(shown.w, shown.h, width, height))
    assert float(displayed) == pytest.approx(wanted, rel=0.011)


@pytest.mark.parametrize(
    ("info", "part", "size", "shape"),
    [
        (INFO, crop(0, 0, 244, 432), (1080, 1920), Fraction(1)),
        (INFO, crop(0, 0, 607.5, 1080), None, Fraction(1)),
        (INFO, crop(0, 0, 1920, 1080), (1080, 1920), Fraction(256, 81)),
        (INFO, crop(0, 0, 1080, 1), (1, 1080), Fraction(LONGEST_PIXEL)),
        (INFO, crop(0, 0, 1, 1080), (1080, 1), Fraction(1, LONGEST_PIXEL)),
        (PAL_WIDE, crop(0, 0, 1024, 576), None, Fraction(64, 45)),
        (PAL_WIDE, crop(0, 0, 1024, 576), (1024, 576), Fraction(1)),
        (PAL_WIDE, crop(0, 0, 324, 576), None, Fraction(64, 45)),
        (PAL_WIDE, crop(0, 0, 324, 576), (1080, 1920), Fraction(1)),
        (
            replace(PAL_WIDE, sample_aspect_ratio=Fraction(12, 11)),
            crop(0, 0, 785, 576),
            None,
            Fraction(12, 11),
        ),
    ],
)
def test_pixels_are_square_or_the_sources_where_that_is_right(
    info: VideoInfo, part: Crop, size: tuple[int, int] | None, shape: Fraction
) -> None:
    assert WholePixelWindow(part, info, size=size).sample_aspect_ratio == shape


def test_crops_of_wide_pixels_are_cut_in_pixels() -> None:
    view = WholePixelWindow(crop(64, 10, 512, 300), PAL_WIDE)
    assert view.at(0) == (45, 10, crop(0, 0, 360, 300))
    assert view.is_exact
    assert view.size == (360, 300)


def test_a_followed_crop_is_delivered_in_its_own_even_size() -> None:
    rows = np.array([(0, 0, 608, 1080), (1000.5, 0, 608, 1080)])
    view = WholePixelWindow(CropPath(np.array([0.0, 2.0]), rows, width=1920, height=1080), INFO)
    assert view.size == (608, 1080)
    assert view.sample_aspect_ratio == 1
    assert not view.is_exact
    assert (view.width, view.height) == (608 + 1 + 6, 1080)


def test_a_crop_that_zooms_has_a_window_for_the_largest() -> None:
    rows = np.array([(0, 0, 960, 540), (900, 500, 480, 270)])
    view = WholePixelWindow(CropPath(np.array([0.0, 2.0]), rows, width=1920, height=1080), INFO, scale=2)
    assert view.size == (1920, 1080)
    left, top, box = view.at(2)
    assert (box.w, box.h) == (960, 540)
    assert (left + box.x / 2, top + box.y / 2) == (900, 500)
