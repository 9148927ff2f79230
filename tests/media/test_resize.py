"""Tests resizing pictures and parts of pictures."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.frames import Crop
from orchestrator.media.colour.resize import LOBES, resize

Array = NDArray[Any]


def crop(x: float, y: float, w: float, h: float) -> Crop:
    return Crop(x=x, y=y, w=w, h=h)


def noise(height: int, width: int, kind: type = np.uint8) -> Array:
    return np.random.default_rng(0).integers(0, np.iinfo(kind).max + 1, (height, width, 3), kind)


def lanczos(length: int, start: float, size: float, count: int) -> NDArray[np.float64]:
    """Return the whole matrix, [count, length]."""
    step = size / count
    wide = max(step, 1)
    centres = start + (np.arange(count) + 0.5) * step
    distance = (np.arange(length) + 0.5 - centres[:, None]) / wide
    matrix = np.sinc(distance) * np.sinc(distance / LOBES) * (np.abs(distance) < LOBES)
    return np.asarray(matrix / matrix.sum(axis=1, keepdims=True))


@st.composite
def parts(draw: st.DrawFn) -> tuple[int, int, Crop]:
    """Return a picture's width and height, and a part of it."""
    sides = []
    for _ in range(2):
        whole = draw(st.integers(1, 90))
        size = draw(st.one_of(st.integers(1, whole), st.floats(0.5, whole)))
        sides.append((whole, draw(st.floats(0, 1)) * (whole - size), size))
    (width, x, w), (height, y, h) = sides
    return width, height, crop(x, y, w, h)


@given(parts(), st.integers(1, 130), st.integers(1, 130), st.sampled_from([np.uint8, np.uint16]))
@settings(max_examples=80)
def test_it_is_lanczos_rounded_once(part: tuple[int, int, Crop], width: int, height: int, kind: type) -> None:
    across, down, box = part
    pixels = noise(down, across, kind)
    exact = np.einsum(
        "ih,hwc,jw->ijc",
        lanczos(down, box.y, box.h, height),
        pixels.astype(np.float64),
        lanczos(across, box.x, box.w, width),
        optimize=True,
    )
    top = np.iinfo(kind).max
    made = resize(pixels, width=width, height=height, box=box)
    assert made.dtype == kind
    assert made.shape == (height, width, 3)
    assert np.abs(made - np.clip(exact, 0, top)).max() <= 0.5 + 1e-6 * top


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
def test_whole_pixels_of_the_right_size_are_kept_to_the_bit(kind: type) -> None:
    pixels = noise(70, 90, kind)
    assert (resize(pixels, width=90, height=70) == pixels).all()
    assert (resize(pixels, width=41, height=1, box=crop(7, 69, 41, 1)) == pixels[69:, 7:48]).all()
    beside = resize(pixels, width=41, height=30, box=crop(7.5, 9, 41, 30))
    assert beside.shape == (30, 41, 3)
    assert (beside != pixels[9:39, 7:48]).any()


@given(parts(), st.integers(1, 60), st.integers(1, 60), st.integers(0, 65535))
@settings(max_examples=40)
def test_what_is_plain_stays_plain(part: tuple[int, int, Crop], width: int, height: int, level: int) -> None:
    across, down, box = part
    for kind, value in ((np.uint16, level), (np.uint8, level >> 8)):
        plain: Array = np.full((down, across, 3), value, kind)
        made = resize(plain, width=width, height=height, box=box)
        assert (made == value).all()


def test_what_overshoots_neither_wraps_nor_changes_its_colour() -> None:
    pixels = np.zeros((8, 80, 3), np.uint8)
    pixels[:, 40:, 0] = 255
    made = resize(pixels, width=333, height=31).astype(int)
    assert (made[:, :150, 0] < 40).all()
    assert (made[:, 180:, 0] > 215).all()
    assert (made[..., 1:] == 0).all()


def test_eight_and_sixteen_bits_agree() -> None:
    pixels = noise(60, 80)
    box = crop(3.3, 4.4, 70.1, 50.2)
    deep = resize(pixels.astype(np.uint16) * 257, width=100, height=33, box=box)
    assert np.abs(deep / 257 - resize(pixels, width=100, height=33, box=box)).max() <= 0.51


def test_fine_patterns_become_gray_when_they_get_too_small() -> None:
    rows, columns = np.mgrid[0:240, 0:320]
    board = np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)
    made = resize(board, width=80, height=60, box=crop(0.5, 0.25, 319, 239)).astype(int)
    assert np.abs(made[3:-3, 3:-3] - 127.5).max() <= 2


@given(st.floats(0, 1), st.floats(0, 1), st.sampled_from([(50, 40), (131, 77), (20, 15)]))
@settings(max_examples=30)
def test_a_window_that_holds_the_kernel_is_as_good_as_the_picture(
    x: float, y: float, size: tuple[int, int]
) -> None:
    pixels = noise(120, 160)
    width, height = size
    box = crop(60 + x, 50 + y, 50, 40)
    reach = int(np.ceil(LOBES * max(1, 50 / width, 40 / height)))
    left, top = 60 - reach, 50 - reach
    window = pixels[top : 50 + 40 + 1 + reach, left : 60 + 50 + 1 + reach]
    within = crop(box.x - left, box.y - top, 50, 40)
    one, other = (resize(p, width=width, height=height, box=b) for p, b in ((pixels, box), (window, within)))
    assert np.abs(one.astype(int) - other.astype(int)).max() <= 1


PERIOD_PX = 16


def wave(width: int, height: int, kind: type = np.uint8) -> Array:
    """Return a picture with a horizontal sine in red, a vertical sine in green, and flat blue."""
    top = np.iinfo(kind).max
    columns, rows = np.arange(width) + 0.5, np.arange(height) + 0.5
    picture = np.full((height, width, 3), top / 2)
    picture[..., 0] += 0.45 * top * np.sin(2 * np.pi * columns / PERIOD_PX)
    picture[..., 1] += 0.45 * top * np.sin(2 * np.pi * rows / PERIOD_PX)[:, None]
    return np.asarray(np.rint(picture), kind)


def phase_px(picture: Array, period_px: float) -> tuple[float, float]:
    """Return where the sines of a `wave` begin, across and down, in pixels: -period/2 to period/2."""
    found = []
    for line in (picture[..., 0].mean(axis=0), picture[..., 1].mean(axis=1)):
        # Whole periods only, so that nothing leaks.
        count = int(len(line) // period_px * period_px)
        places = np.arange(count) + 0.5
        turn = np.exp(2j * np.pi * places / period_px)
        pointer = ((line[:count] - line[:count].mean()) * turn).mean()
        found.append(float((np.angle(pointer) - np.pi / 2) / (2 * np.pi) * period_px))
    return found[0], found[1]


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("scale", [0.5, 1.0, 1.5, 4.0], ids="x{}".format)
@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (0.25, 0.5), (0.9, 0.1), (1.37, 2.81)])
def test_nothing_is_moved_but_by_where_the_part_begins(
    dx: float, dy: float, scale: float, kind: type
) -> None:
    pixels = wave(256, 192, kind)
    box = crop(16 + dx, 16 + dy, 192, 128)
    made = resize(pixels, width=int(192 * scale), height=int(128 * scale), box=box)
    inner = made[int(16 * scale) : -int(16 * scale), int(16 * scale) : -int(16 * scale)]
    across, down = phase_px(inner, PERIOD_PX * scale)
    assert (across / scale, down / scale) == pytest.approx((-dx, -dy), abs=0.02)


@pytest.mark.parametrize(("size", "scale"), [((128, 96), 1), ((192, 144), 1.5), ((80, 60), 0.625)])
def test_a_slow_pan_moves_evenly(size: tuple[int, int], scale: float) -> None:
    pixels = wave(256, 192)
    width, height = size
    places = []
    for step in range(81):
        made = resize(pixels, width=width, height=height, box=crop(20 + 0.1 * step, 20, 128, 96))
        places.append(phase_px(made, PERIOD_PX * scale)[0] / scale)
    moved = -np.unwrap(np.array(places), period=PERIOD_PX)
    assert np.abs(moved - moved[0] - 0.1 * np.arange(81)).max() < 0.03
    assert np.abs(np.diff(moved) - 0.1).max() < 0.03
