"""Tests what is held of upscaled pictures, and that the result does not depend on tiles and batches."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import ndimage

from orchestrator.film.plan import Unsplit, plan_film
from orchestrator.frames import Planes
from orchestrator.inference.stabilizer import (
    CHANGED_LEVELS,
    HELD_LEVELS,
    MOVED_LEVELS,
    REACH_PX,
    Stabilizer,
    held_weights,
)
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.jobs import UpscaleParams
from orchestrator.jobs.film import UpscaleFilm
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.upscale import upscale
from orchestrator.plane_format import PlaneFormat
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from tools.fixtures import clips
from tools.fixtures.rgb_planes import FORMAT, frames_of_pictures, pixels_of, planes_of

Bytes = NDArray[np.uint8]
HEIGHT, WIDTH, SCALE = 48, 64, 2


def picture(seed: int = 0, height: int = HEIGHT, width: int = WIDTH) -> Bytes:
    """A picture with detail of all sizes, 30..225."""
    random = np.random.default_rng(seed)
    made = sum(
        np.asarray(cv2.resize(random.random((height // s + 2, width // s + 2, 3)), (width, height))) * s
        for s in (2, 5, 17)
    )
    made = np.asarray(made)
    return np.asarray(30 + 195 * (made - made.min()) / np.ptp(made), np.uint8)


def larger(small: Bytes) -> Bytes:
    return small.repeat(SCALE, 0).repeat(SCALE, 1)


def shaken(still: Bytes, seed: int, levels: int) -> Bytes:
    noise = np.random.default_rng(seed).integers(-levels, levels + 1, still.shape)
    return np.asarray(still + noise, np.uint8)


FULL_420 = PlaneFormat(matrix=1, full_range=True, bits=8, chroma=(2, 2), siting=(0.0, 0.5))
"""Planes in which the luma of gray is its level of RGB."""


def gray(level: int, side: int) -> Planes:
    """Return a square of gray in FULL_420."""
    u, v = (np.full((side // 2, side // 2), 128, np.uint8) for _ in range(2))
    return Planes(y=np.full((side, side), level, np.uint8), u=u, v=v)


class RgbStabilizer:
    """A stabilizer of RGB pictures, which become planes and back."""

    def __init__(self) -> None:
        self._stabilizer = Stabilizer(FORMAT, FORMAT)

    def next(self, source: Bytes, upscaled: Bytes) -> Bytes:
        return pixels_of(self._stabilizer.next(planes_of(source), planes_of(upscaled)))


def test_a_still_picture_is_held_whatever_the_model_makes_of_its_noise() -> None:
    still = picture()
    sources = [shaken(still, seed, 2) for seed in range(9)]
    upscaled = [shaken(larger(still), seed, 20) for seed in range(9)]
    kept = [(source.copy(), made.copy()) for source, made in zip(sources, upscaled, strict=True)]
    stabilizer = RgbStabilizer()
    shown = [stabilizer.next(source, made) for source, made in zip(sources, upscaled, strict=True)]
    for later in shown:
        np.testing.assert_array_equal(later, kept[0][1])
    for source, made, (source_before, made_before) in zip(sources, upscaled, kept, strict=True):
        np.testing.assert_array_equal(source, source_before)
        np.testing.assert_array_equal(made, made_before)


def test_what_moves_is_what_the_model_made_and_the_rest_is_held() -> None:
    first, second = picture(), picture()
    second[20:28, 30:40] = 255 - second[20:28, 30:40]
    models = [picture(7, HEIGHT * SCALE, WIDTH * SCALE), picture(8, HEIGHT * SCALE, WIDTH * SCALE)]
    stabilizer = RgbStabilizer()
    stabilizer.next(first, models[0])
    shown = stabilizer.next(second, models[1])
    np.testing.assert_array_equal(shown[40:56, 60:80], models[1][40:56, 60:80])
    far = np.ones(shown.shape[:2], np.bool_)
    reach = (REACH_PX + 2) * SCALE  # one pixel more by the average of 3x3, one by the smooth edge
    far[40 - reach : 56 + reach, 60 - reach : 80 + reach] = False
    np.testing.assert_array_equal(shown[far], models[0][far])


def test_a_faint_thing_that_moves_is_what_the_model_made() -> None:
    """It differs from its surroundings by less than a picture may from what is held of it."""
    height, width = HEIGHT * SCALE, WIDTH * SCALE
    stabilizer = RgbStabilizer()
    for index in range(6):
        source = np.full((HEIGHT, WIDTH, 3), 100, np.uint8)
        source[16:28, 8 * index : 8 * index + 16] += 6
        model = picture(index, height, width)
        shown = stabilizer.next(source, model)
        if index:
            for left in (8 * index - 8, 8 * index + 8):  # where it was, and where it is now
                np.testing.assert_array_equal(
                    shown[32:56, 2 * left : 2 * left + 16], model[32:56, 2 * left : 2 * left + 16]
                )
            np.testing.assert_array_equal(shown[80:], picture(0, height, width)[80:])


def test_after_a_cut_nothing_is_held() -> None:
    """The new shot has a bar at its edge like the old one, as letterboxed films have."""
    first, second = picture(1), picture(2)
    first[:3] = second[:3] = 0
    models = [picture(7, HEIGHT * SCALE, WIDTH * SCALE), picture(8, HEIGHT * SCALE, WIDTH * SCALE)]
    stabilizer = RgbStabilizer()
    stabilizer.next(first, models[0])
    np.testing.assert_array_equal(stabilizer.next(second, models[1]), models[1])
    np.testing.assert_array_equal(stabilizer.next(second, models[0]), models[1])


@settings(max_examples=60)
@given(steps=st.lists(st.integers(-12, 12), min_size=1, max_size=40))
def test_a_plain_picture_that_fades_is_never_further_off_than_allowed(steps: list[int]) -> None:
    stabilizer = Stabilizer(FULL_420, FULL_420)
    level, shown = 128, 128
    stabilizer.next(gray(level, 6), gray(level, 12))
    for step in steps:
        before, level = level, int(np.clip(level + step, 0, 255))
        change = abs(level - shown) if abs(level - before) <= MOVED_LEVELS else CHANGED_LEVELS
        held = stabilizer.next(gray(level, 6), gray(level, 12))
        made = held.y
        assert made.min() == made.max()
        assert {*held.u.ravel().tolist(), *held.v.ravel().tolist()} == {128}
        if change <= HELD_LEVELS:
            assert made[0, 0] == shown
        elif change >= CHANGED_LEVELS:
            assert made[0, 0] == level
        weight = float(np.clip((CHANGED_LEVELS - change) / (CHANGED_LEVELS - HELD_LEVELS), 0, 1))
        assert made[0, 0] == pytest.approx(level + weight * (shown - level), abs=0.51)
        shown = int(made[0, 0])


@settings(max_examples=80, deadline=None)
@given(
    width=st.integers(1, 30),
    height=st.integers(1, 30),
    seed=st.integers(0, 99),
    levels=st.integers(0, 40),
    faint=st.integers(0, 20),
)
def test_the_weights_are_those_of_their_definition(
    width: int, height: int, seed: int, levels: int, faint: int
) -> None:
    random = np.random.default_rng(seed)
    held = random.integers(60, 190, (height, width, 3), np.uint8)
    previous = shaken(held, seed + 1, levels)
    source = shaken(previous, seed + 2, faint)
    mean = ndimage.uniform_filter(source.astype(float) - held, (3, 3, 1), mode="reflect")
    luma = (source.astype(float) - previous) @ [0.2126, 0.7152, 0.0722]
    change = np.abs(ndimage.uniform_filter(luma, 3, mode="reflect"))
    size = 2 * REACH_PX + 1
    moved, may_have_moved = (
        ndimage.maximum_filter(change > limit, size, mode="constant") for limit in (4.15, 3.85)
    )
    largest = ndimage.maximum_filter(np.abs(mean).max(axis=2), size, mode="constant")
    wanted = np.where(moved, 0, np.clip((9 - largest) / 4, 0, 1))
    weights = held_weights(planes_of(held), planes_of(previous), planes_of(source), FORMAT)
    sure = moved == may_have_moved  # planes of 12 bits are off by up to 0.15 levels
    np.testing.assert_allclose(weights[sure], wanted[sure], atol=0.05)


@pytest.fixture(scope="module")
def flickering() -> list[Bytes]:
    """Noise over a still picture, a cut, and a thing that moves over a still picture."""
    still, other, thing = picture(3, 60, 90), picture(4, 60, 90), picture(5, 14, 14)
    moving = []
    for index in range(6):
        seen = other.copy()
        seen[20:34, 10 + 8 * index : 24 + 8 * index] = thing
        moving.append(shaken(seen, index, 2))
    return [*(shaken(still, index, 2) for index in range(6)), *moving]


@pytest.mark.parametrize(("tile", "batch"), [(512, 8), (20, 1), (33, 3)])
def test_tiles_and_batches_do_not_matter(
    client: TritonClient, flickering: list[Bytes], tile: int, batch: int
) -> None:
    client.load("nearest-x4")
    contract = replace(client.contract("nearest-x4", UpscaleContract), tile=tile, max_batch=batch)
    model = TiledUpscaler(client, contract, height=60, width=90, planes=FORMAT, output=FORMAT)
    stabilizer = Stabilizer(FORMAT, FORMAT)
    with model:
        held = stabilizer.run(model.run(frames_of_pictures(flickering)))
        shown = [pixels_of(item.pixels) for item in held]
    offline = RgbStabilizer()
    for source, made in zip(flickering, shown, strict=True):
        wanted = offline.next(source, source.repeat(4, 0).repeat(4, 1))
        np.testing.assert_array_equal(made, wanted)


def changes(path: Path) -> list[float]:
    with av.open(str(path)) as container:
        shown = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    return [float(np.abs(after - before).mean()) for before, after in pairwise(shown)]


def test_an_upscale_holds_a_still_picture_only_if_asked(
    tmp_path: Path, client: TritonClient, flickering: list[Bytes]
) -> None:
    source = clips.make_clip(tmp_path / "in.mkv", flickering, codec="ffv1", pix_fmt="bgr0")
    context = JobContext(connect=lambda: client, default_model="nearest-x4")
    measured: dict[str, Any] = {}
    for name, params in (
        ("off", {}),
        ("on", {"stabilize": True}),
        ("scaled", {"stabilize": True, "scale": 3}),
    ):
        output = tmp_path / f"{name}.mkv"
        upscale(source, output, UpscaleParams(quality="lossless", **params), context)
        measured[name] = changes(output)
    assert min(measured["off"]) > 1
    for name in ("on", "scaled"):
        assert measured[name][:5] == [0] * 5
        assert measured[name][5] == pytest.approx(measured["off"][5], rel=0.1)  # the cut
        assert all(0 < on < off for on, off in zip(measured[name][6:], measured["off"][6:], strict=True))


def test_a_film_that_is_stabilized_is_not_split(tmp_path: Path) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", 60, rate=Fraction(25), options={"g": "10"})
    film = UpscaleFilm.model_validate(
        {"task": "upscale", "segments": 3, "params": {"model": "lite-x4", "stabilize": True}}
    )

    def no_triton() -> TritonClient:
        raise AssertionError("it is not needed")

    with pytest.raises(Unsplit, match="stabilize"):
        plan_film(source, film, JobContext(connect=no_triton), etag=None)
