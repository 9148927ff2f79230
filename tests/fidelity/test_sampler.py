"""Tests which frames the sampler keeps for the fidelity check, and how small the copies are."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.fidelity.sampler import MOST, MOST_PX, FrameSampler, Sample
from orchestrator.frames import Crop, Frame, Planes
from orchestrator.plane_format import PlaneFormat
from tools.fixtures import clips

TICK = Fraction(1, 25)


def frames_of(pictures: list[Any], duration: int = 1) -> list[Frame[Any]]:
    return [
        Frame(index=index, pts=index, pixels=pixels, duration=duration)
        for index, pixels in enumerate(pictures)
    ]


def sample_of(picture: Any, box: Crop | None = None, **options: Any) -> Sample:
    size = {"width": 10_000, "height": 10_000} | options
    sampler = FrameSampler(time_base=TICK, **size)
    sampler.see(Frame(index=0, pts=0, pixels=picture), box)
    (sample,) = sampler.samples()
    return sample


@settings(max_examples=60)
@given(count=st.integers(1, 2000))
def test_few_are_kept_evenly_spread_with_the_first_and_the_last(count: int) -> None:
    picture = np.zeros((2, 2, 3), np.uint8)
    sampler = FrameSampler(width=2, height=2, time_base=TICK)
    passed = list(sampler.watch(iter(frames_of([picture] * count))))
    assert [frame.index for frame in passed] == list(range(count))
    kept = [sample.index for sample in sampler.samples()]
    assert kept[0] == 0
    assert kept[-1] == count - 1
    assert min(count, MOST // 2) <= len(kept) <= MOST + 1
    assert sampler.frames == count
    gaps = set(np.diff(kept[:-1]).tolist())
    assert len(gaps) <= 1
    assert max(np.diff(kept).tolist(), default=1) <= max(gaps, default=1)


@pytest.mark.parametrize(
    ("count", "wanted", "kept"),
    [
        (10, {0, 5, 9}, [0, 5, 9]),
        (10, {3}, [3, 9]),
        (1, {0}, [0]),
        (4, set(), [3]),
        (2000, {0, 999}, [0, 999, 1999]),
    ],
)
def test_named_frames_are_kept_and_the_last(count: int, wanted: set[int], kept: list[int]) -> None:
    sampler = FrameSampler(width=2, height=2, time_base=TICK, kept=wanted)
    pictures = [np.full((2, 2, 3), index % 251, np.uint8) for index in range(count)]
    for _ in sampler.watch(replace(frame, index=100 + frame.index) for frame in frames_of(pictures)):
        pass
    samples = sampler.samples()
    assert [sample.index - 100 for sample in samples] == kept
    assert [int(sample.pixels[0, 0, 0]) for sample in samples] == [index % 251 for index in kept]


@pytest.mark.parametrize(("width", "height"), [(4000, 3000), (30_000, 30), (640, 360), (3, 2), (1, 1)])
def test_a_sample_is_small_whatever_the_picture(width: int, height: int) -> None:
    pixels = sample_of(np.zeros((height, width, 3), np.uint8), width=width, height=height).pixels
    assert pixels.shape[0] * pixels.shape[1] <= MOST_PX * 1.01
    if width * height <= MOST_PX:
        assert pixels.shape == (height, width, 3)


def test_a_sample_is_never_larger_than_what_is_delivered() -> None:
    picture = clips.numbered(3, 320, 180)
    assert sample_of(picture, width=64, height=200).pixels.shape == (180, 64, 3)


def test_a_sample_does_not_change_with_the_picture() -> None:
    picture = clips.numbered(3)
    kept = sample_of(picture).pixels
    picture[:] = 0
    assert kept.max() > 200


def test_times_count_from_the_first_picture() -> None:
    sampler = FrameSampler(width=96, height=64, time_base=Fraction(1, 1000), rate=Fraction(5, 3))
    for index, pts in enumerate((700, 740, 1900)):
        sampler.see(Frame(index=index, pts=pts, pixels=clips.numbered(index)))
    assert [sample.time_s for sample in sampler.samples()] == [0, Fraction(40, 1000), Fraction(12, 10)]
    assert sampler.first_s == Fraction(7, 10)
    assert sampler.duration_s == Fraction(18, 10)
    sampler.see(Frame(index=3, pts=2000, pixels=clips.numbered(3), duration=50))
    assert sampler.duration_s == Fraction(135, 100)


def test_deep_pictures_and_parts_of_pictures_are_samples_like_others() -> None:
    picture = clips.numbered(5, 200, 120)
    deep = picture.astype(np.uint16) * 257
    assert np.array_equal(sample_of(deep).pixels, picture)
    box = Crop(x=20, y=10, w=80, h=50)
    assert np.array_equal(sample_of(picture, box).pixels, picture[10:60, 20:100])
    for part in (picture, deep):
        between = sample_of(part, replace(box, x=20.5)).pixels.astype(int)
        neighbours = picture[10:30, 20:100].astype(int) + picture[10:30, 21:101]
        assert np.abs(between[:20] - neighbours / 2).max() < 4


@pytest.mark.parametrize("bits", [8, 10, 12])
@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize(
    ("matrix", "kr", "kb"), [(1, 0.2126, 0.0722), (6, 0.299, 0.114), (9, 0.2627, 0.0593)]
)
@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2)])
def test_planes_are_read_by_their_colour(
    bits: int, full: bool, matrix: int, kr: float, kb: float, across: int, down: int
) -> None:
    colours = np.array([(200, 30, 60), (20, 180, 40), (128, 128, 128), (250, 240, 10)])
    picture = np.repeat(np.repeat(colours[None], 8, 0), 8, 1).astype(np.uint8)
    planes = _planes(picture / 255, bits, kr, kb, across, down, full=full)
    coded = PlaneFormat(matrix=matrix, full_range=full, bits=bits, chroma=(across, down), siting=(0.0, 0.0))
    seen = sample_of(planes, planes=coded).pixels.astype(int)
    for number in range(4):  # chroma is shared between columns at the edges of the bars
        inside = slice(number * 8 + 2, number * 8 + 6)
        assert np.abs(seen[:, inside] - picture[:, inside]).max() <= 2
    # Parts that begin within a pixel or a sample of chroma; the kernel rings where bars meet.
    for box in (Crop(x=8, y=2, w=8, h=4), Crop(x=7, y=1, w=10, h=5), Crop(x=6.5, y=0.5, w=11, h=6)):
        part = sample_of(planes, box, planes=coded).pixels.astype(int)
        assert part.shape[:2] == (round(box.h), round(box.w))
        middle = part[1:-1, round(box.w) // 2 - 1 : round(box.w) // 2 + 1]
        assert np.abs(middle - colours[1]).max() <= (2 if box.x == 8 else 12)


@pytest.mark.parametrize("siting", [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0), (1.0, 0.5), (-0.5, 1.0)])
@pytest.mark.parametrize("chroma", [(2, 2), (2, 1), (1, 2)])
def test_chroma_is_interpolated_where_its_samples_are(
    chroma: tuple[int, int], siting: tuple[float, float]
) -> None:
    (across, down), (width, height) = chroma, (33, 21)
    x, y = (place * (factor - 1) for place, factor in zip(siting, chroma, strict=True))
    rows, columns = np.mgrid[: -(-height // down), : -(-width // across)]
    u = np.asarray(60 + 2 * (columns * across + x) + 2 * (rows * down + y), np.float64)
    gray = np.full((height, width), 128, np.uint8)
    planes = Planes(y=gray, u=u.astype(np.uint8), v=np.full(u.shape, 128, np.uint8))
    coded = PlaneFormat(matrix=1, full_range=True, bits=8, chroma=chroma, siting=(x, y))
    blue = sample_of(planes, planes=coded).pixels[2:-2, 2:-2, 2]
    at = np.add.outer(np.arange(2, height - 2), np.arange(2, width - 2))
    assert np.abs(blue - (128 + 1.8556 * (60 + 2 * at - 128))).max() <= 1.5  # half a pixel is 1.9


def _planes(
    rgb: NDArray[np.float64],
    bits: int,
    kr: float,
    kb: float,
    across: int,
    down: int,
    *,
    full: bool,
) -> Planes:
    """Code a picture by the equations of ITU-T H.273."""
    luma = rgb @ np.array([kr, 1 - kr - kb, kb])
    chroma = [(rgb[..., 2] - luma) / (2 * (1 - kb)), (rgb[..., 0] - luma) / (2 * (1 - kr))]
    step = 2 ** (bits - 8)
    low, swing, middle, chroma_swing = (16 * step, 219 * step, 128 * step, 224 * step)
    if full:
        low, swing, chroma_swing = 0, 256 * step - 1, 256 * step - 1
    kind = np.uint8 if bits == 8 else np.uint16
    u, v = (
        np.rint(middle + chroma_swing * part[::down, ::across]).clip(0, 256 * step - 1).astype(kind)
        for part in chroma
    )
    return Planes(y=np.rint(low + swing * luma).astype(kind), u=u, v=v)
