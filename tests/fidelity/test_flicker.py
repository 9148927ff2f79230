"""Tests the measurement of flicker on pictures and videos whose flicker is known."""

from __future__ import annotations

import json
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.drawing.picture_files import read_picture
from orchestrator.fidelity.check import FrameCountAndSize
from orchestrator.fidelity.flicker import changes_between, measure_flicker, source_motion
from orchestrator.fidelity.pair_sampler import MOST_OUTPUT_PX, MOST_PAIRS, MOST_SOURCE_PX, PairSampler
from orchestrator.fidelity.report_image import BICUBIC_INK
from orchestrator.frames import Crop, Frame
from orchestrator.jobs import FlickerReport
from tests.support.exports import export_video
from tools.fixtures import clips

Bytes = NDArray[np.uint8]
WIDTH, HEIGHT, SCALE = 192, 128, 3


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """A gray picture with detail of all sizes, float32 [h, w], 40..215."""
    random = np.random.default_rng(seed)
    made = np.zeros((height, width), np.float32)
    for size in (3, 6, 12, 40):
        levels = random.random((height // size + 2, width // size + 2), np.float32)
        made += np.asarray(cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC)) * size**0.5
    return np.asarray(40 + 175 * (made - made.min()) / np.ptp(made), np.float32)


def smaller(large: NDArray[np.float32]) -> Bytes:
    size = large.shape[1] // SCALE, large.shape[0] // SCALE
    return np.asarray(np.rint(cv2.resize(large, size, interpolation=cv2.INTER_AREA)), np.uint8)


def seen_through(right: int, down: int) -> NDArray[np.float32]:
    """The view of a window onto one large picture, moved by pixels of the output."""
    large = texture(HEIGHT * SCALE + 60, WIDTH * SCALE + 60)
    return large[30 + down : 30 + down + HEIGHT * SCALE, 30 + right : 30 + right + WIDTH * SCALE]


@pytest.mark.parametrize("k", [0.5, 1, 7, 20])
def test_levels_added_by_turns_to_a_still_picture_count_twice(k: float) -> None:
    large = seen_through(0, 0)
    still = smaller(large)
    changes = changes_between((still, still), (large - k, large + k))
    pixels = WIDTH * HEIGHT * SCALE**2
    assert changes.pixels == changes.still.pixels == pixels
    assert changes.still.level(pixels) == pytest.approx(2 * k, abs=0.01)
    assert changes.still_bicubic.level(pixels) == 0
    assert changes.moving.level(pixels) is None


@pytest.mark.parametrize("sigma", [0.7, 1.5, 2.5])
def test_noise_of_the_source_counts_for_bicubic_too(sigma: float) -> None:
    large = seen_through(0, 0)
    random = np.random.default_rng(4)
    first, second = (
        np.asarray(np.rint(smaller(large) + random.normal(0, sigma, (HEIGHT, WIDTH))), np.uint8) for _ in "ab"
    )
    nearest = [
        np.kron(frame, np.ones((SCALE, SCALE), np.uint8)).astype(np.float32) for frame in (first, second)
    ]
    changes = changes_between((first, second), nearest)
    assert changes.still.pixels > 0.9 * changes.pixels
    wanted = float(np.abs(first.astype(float) - second).mean())
    assert changes.still.level(1) == pytest.approx(wanted, rel=0.1)
    # Interpolation averages neighbours, and with them some of the noise.
    assert 0.5 * wanted < (changes.still_bicubic.level(1) or 0) < wanted


@pytest.mark.parametrize(("right", "down"), [(3, 0), (-12, 9), (4, 2), (1, -1)])
@pytest.mark.parametrize("k", [0, 5])
def test_along_its_motion_a_picture_hardly_changes_and_levels_added_to_it_do(
    right: int, down: int, k: int
) -> None:
    first, second = seen_through(0, 0), seen_through(right, down)
    unmoved = float(np.abs(first - second).mean())
    changes = changes_between((smaller(first), smaller(second)), (first - k, second + k))
    assert changes.moving.pixels > 0.7 * changes.pixels
    moving = changes.moving.level(1)
    assert moving == pytest.approx(2 * k, abs=0.12 * unmoved + 0.05)
    if right % SCALE == down % SCALE == 0:  # by whole pixels of the source
        assert moving == pytest.approx(2 * k, abs=0.05)
        assert changes.moving_bicubic.level(1) == pytest.approx(0, abs=0.05)


def test_a_thing_that_moves_before_a_still_background_is_told_from_it() -> None:
    back = smaller(seen_through(0, 0))
    thing = smaller(texture(40 * SCALE, 40 * SCALE, seed=5))
    first, second = back.copy(), back.copy()
    first[40:80, 60:100], second[40:80, 64:104] = thing, thing
    motion = source_motion(first, second)
    far = np.ones_like(motion.still)
    far[34:86, 54:110] = False
    assert motion.still[far].all()
    assert not motion.still[40:80, 60:104].any()
    inner = (slice(46, 74), slice(66, 94))
    assert motion.followed[inner].mean() > 0.9
    followed = motion.flow[inner][motion.followed[inner]]
    assert np.median(followed, axis=0) == pytest.approx((4, 0), abs=0.1)
    assert not (motion.still & motion.followed).any()


def test_after_a_cut_hardly_anything_is_compared() -> None:
    first, second = smaller(seen_through(0, 0)), smaller(texture(HEIGHT * SCALE, WIDTH * SCALE, seed=9))
    motion = source_motion(first, second)
    assert motion.still.mean() < 0.001
    assert motion.followed.mean() < 0.05


@given(width=st.integers(1, 40), height=st.integers(1, 40), scale=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_any_size_is_measured(width: int, height: int, scale: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    first, second = (random.integers(0, 256, (height, width), np.uint8) for _ in "ab")
    output = [np.zeros((height * scale, width * scale), np.float32)] * 2
    changes = changes_between((first, second), output)
    assert changes.still.total == changes.moving.total == 0
    assert 0 <= changes.still.pixels + changes.moving.pixels <= changes.pixels == width * height * scale**2


@settings(max_examples=40, deadline=None)
@given(count=st.integers(1, 900))
def test_few_pairs_are_kept_evenly_spread(count: int) -> None:
    sampler = PairSampler(width=4, height=4, time_base=Fraction(1, 25))
    for index in range(count):
        pixels = np.full((4, 4, 3), index % 251, np.uint8)
        sampler.see(Frame(index=index, pts=7 + 2 * index, pixels=pixels))
    pairs = sampler.pairs()
    assert min(count - 1, MOST_PAIRS // 2) <= len(pairs) <= MOST_PAIRS
    assert len({second.index - first.index for first, second in pairwise(pairs)}) <= 1
    for pair in pairs:
        assert [int(picture[0, 0]) for picture in pair.lumas] == [pair.index % 251, (pair.index + 1) % 251]
        assert pair.times_s == (Fraction(2 * pair.index, 25), Fraction(2 * pair.index + 2, 25))


@pytest.mark.parametrize(("width", "height", "scale"), [(320, 180, 4), (1920, 1080, 4), (3840, 2160, 1)])
def test_of_a_large_picture_the_middle_is_kept(width: int, height: int, scale: int) -> None:
    sampler = PairSampler(width=width * scale, height=height * scale, time_base=Fraction(1, 25))
    picture = np.zeros((height, width, 3), np.uint8)
    picture[height // 2, width // 2] = 255
    for index in range(2):
        sampler.see(Frame(index=index, pts=index, pixels=picture))
    (pair,) = sampler.pairs()
    rows, columns = pair.lumas[0].shape
    assert rows * columns <= 1.01 * MOST_SOURCE_PX
    assert rows * columns * scale**2 <= 1.01 * MOST_OUTPUT_PX
    assert columns / rows == pytest.approx(width / height, rel=0.02)
    whole = width * height <= MOST_SOURCE_PX and width * height * scale**2 <= MOST_OUTPUT_PX
    assert ((rows, columns) == (height, width)) == whole
    (row, column), *_ = np.argwhere(pair.lumas[0] == 255)
    assert (row, column) == pytest.approx((rows / 2, columns / 2), abs=1)


def pictures_of(lumas: list[NDArray[Any]]) -> list[Bytes]:
    return [np.repeat(np.asarray(np.rint(one), np.uint8)[..., np.newaxis], 3, axis=2) for one in lumas]


@pytest.mark.parametrize("count", [1, 2, 9, 70])
def test_a_finished_file_is_measured_frame_by_frame(tmp_path: Path, count: int) -> None:
    large = seen_through(0, 0)
    source = pictures_of([smaller(large)] * count)
    outputs = pictures_of([large + (3 if index % 2 else -3) for index in range(count)])
    lossless: dict[str, Any] = {"options": {"qp": "0", "g": "20"}, "pix_fmt": "yuv444p", "range_": 2}
    path = clips.make_clip(tmp_path / "out.mp4", outputs, rate=25, **lossless)
    size = WIDTH * SCALE, HEIGHT * SCALE
    sampler = PairSampler(width=size[0], height=size[1], time_base=Fraction(1, 25))
    for index, picture in enumerate(source):
        sampler.see(Frame(index=index, pts=index, pixels=picture), Crop(x=0, y=0, w=WIDTH, h=HEIGHT))
    written = FrameCountAndSize(frames=count, width=size[0], height=size[1], picture=size)
    report = measure_flicker(path, sampler, written)
    if count == 1:
        assert report is None
        return
    assert report is not None
    assert report.area_share == report.still_share == 1
    assert report.still_levels == pytest.approx(6, abs=0.05)
    assert report.still_levels_bicubic == 0
    assert report.moving_levels is report.moving_levels_bicubic is None
    assert [pair.frame for pair in report.pairs] == {2: [0], 9: [*range(8)], 70: [*range(0, 70, 8)]}[count]
    assert {round(pair.still_levels or 0, 1) for pair in report.pairs} == {6.0}
    assert report.pairs[-1].time_sec == pytest.approx(report.pairs[-1].frame / 25)


def test_the_report_of_a_job_has_the_flicker_and_shows_it(tmp_path: Path) -> None:
    """Half of the picture alternates by 2 levels, and the other half moves to the right."""
    large = texture(96, 400)
    lumas = []
    for index in range(12):
        frame = large[:, 300 - 2 * index : 364 - 2 * index]
        lumas.append(np.hstack([large[:, :64] + (1 if index % 2 else -1), frame]))
    source = clips.make_clip(tmp_path / "in.mkv", pictures_of(lumas), codec="ffv1", pix_fmt="bgr0", rate=25)
    flickers, pictures = [], []
    for name, part in (("whole", {}), ("one-frame", {"end": 0.04})):
        report = tmp_path / f"{name}.json"
        params: dict[str, Any] = {"quality": "lossless"} | part
        export_video(source, tmp_path / f"{name}.mkv", more={"report": report}, **params)
        flickers.append(json.loads(report.read_text())["flicker"])
        pictures.append(read_picture(report.with_suffix(".png"))[0])
    flicker = FlickerReport.model_validate(flickers[0])
    assert flicker.still_levels == pytest.approx(2, abs=0.3)
    assert flicker.still_levels_bicubic == pytest.approx(2, abs=0.3)
    assert 0.3 < flicker.still_share < 0.5
    assert 0.25 < flicker.moving_share < 0.5
    assert flicker.moving_levels == pytest.approx(0, abs=0.4)
    assert flickers[1] is None
    drawn = [int((picture == BICUBIC_INK).all(axis=-1).sum()) for picture in pictures]
    assert drawn[0] > 20
    assert drawn[1] == 0
