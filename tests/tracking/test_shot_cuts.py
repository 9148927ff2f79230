"""Tests which changes of the picture count as cuts, on drawn textures and on real clips."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.tracking.shot_cuts import CutDetector

MEDIA = Path(__file__).parents[3] / "shared" / "real" / "media"


def texture(seed: int, *, width: int = 1280, height: int = 360) -> NDArray[np.uint8]:
    """Blurred noise with something to see at every size, as a photograph has."""
    rng = np.random.default_rng(seed)
    picture = np.zeros((height, width), np.float32)
    for side in (6, 24, 96):
        grains = rng.normal(0, 1, (height // side + 2, width // side + 2)).astype(np.float32)
        picture += cv2.resize(grains, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(128 + 30 * picture, 0, 255).astype(np.uint8)


def shot(seed: int) -> NDArray[np.uint8]:
    return texture(seed)[:, :640]


def cuts(pictures: Iterable[NDArray[np.uint8]]) -> list[int]:
    detector = CutDetector()
    return [index for index, picture in enumerate(pictures) if detector.is_cut(picture)]


def test_another_shot_is_a_cut_at_its_first_picture() -> None:
    assert cuts([shot(1)] * 3 + [shot(2)] * 3 + [shot(1)] * 2) == [3, 6]


@pytest.mark.parametrize("speed_px", [2, 40, 160])
def test_a_camera_that_pans_is_no_cut(speed_px: int) -> None:
    world = texture(1, width=2560)
    assert cuts(world[:, x : x + 640] for x in range(0, 1900, speed_px)) == []


def test_a_camera_that_zooms_is_no_cut() -> None:
    world = texture(1)[:, :640]
    closer = [world[m : 360 - m, 16 * m // 9 : 640 - 16 * m // 9] for m in range(0, 100, 4)]
    assert cuts(cv2.resize(picture, (640, 360)).astype(np.uint8) for picture in closer) == []


def test_light_that_changes_at_once_is_no_cut() -> None:
    bright, dark = shot(1), (shot(1) * 0.3).astype(np.uint8)
    flash = np.clip(shot(1).astype(np.int64) + 90, 0, 255).astype(np.uint8)
    assert cuts([bright, dark, bright, flash, bright, np.full_like(bright, 255), bright]) == []


def test_a_shot_that_fades_to_black_and_back_is_no_cut_but_another_after_black_is() -> None:
    down = [(shot(1) * (1 - step / 8)).astype(np.uint8) for step in range(9)]
    assert cuts([*down, *down[::-1]]) == []
    up = [(shot(2) * (step / 8)).astype(np.uint8) for step in range(9)]
    assert len(cuts([*down, *up])) == 1


def test_something_large_and_fast_in_front_is_no_cut() -> None:
    front = texture(5)[:240, :280]

    def seen(x: int) -> NDArray[np.uint8]:
        picture = shot(1).copy()
        picture[100:340, x : x + 280] = front[:, : max(min(280, 640 - x), 0)]
        return picture

    assert cuts([shot(1), *(seen(x) for x in range(0, 640, 90)), shot(1)]) == []


def test_grain_is_no_cut() -> None:
    rng = np.random.default_rng(0)
    noisy = (shot(1) + rng.normal(0, 12, (360, 640)) for _ in range(10))
    assert cuts(np.clip(picture, 0, 255).astype(np.uint8) for picture in noisy) == []


@pytest.mark.parametrize(("across", "down"), [(0, 46), (0, 90), (70, 0), (200, 0), (110, 30)])
def test_bars_do_not_hide_a_cut(across: int, down: int) -> None:
    def barred(seed: int) -> NDArray[np.uint8]:
        picture = np.zeros((360, 640), np.uint8)
        seen = slice(down, 360 - down), slice(across, 640 - across)
        picture[seen] = shot(seed)[seen]
        return picture

    assert cuts(barred(seed) for seed in (1, 1, *range(2, 12))) == list(range(2, 12))


@pytest.mark.parametrize("level", [0, 255])
def test_a_video_that_begins_with_black_or_white_has_its_cuts(level: int) -> None:
    flat = np.full_like(shot(1), level)
    up = [(shot(1) * (step / 8)).astype(np.uint8) for step in range(9)]
    assert cuts([flat] * 3 + up + [shot(2)] * 4 + [shot(1)] * 2) == [12, 16]


def test_flat_pictures_are_no_cuts() -> None:
    assert cuts(np.full((36, 64), level, np.uint8) for level in (0, 255, 128, 128, 0)) == []


def test_many_shots_are_told_apart() -> None:
    pictures = [shot(seed) for seed in range(60)]
    assert cuts(pictures) == list(range(1, 60))


@pytest.mark.skipif(not MEDIA.exists(), reason="../shared/real is not there")
@pytest.mark.parametrize(
    ("name", "expected"), [("one-by-one-person-detection.mp4", []), ("onepiece_demo.mp4", [100])]
)
def test_the_cuts_of_real_clips_are_found(name: str, expected: list[int]) -> None:
    with av.open(str(MEDIA / name)) as container:
        frames = islice(container.decode(video=0), 400)
        small = (frame.reformat(width=320, height=180, format="gray").to_ndarray() for frame in frames)
        assert cuts(np.asarray(picture, np.uint8) for picture in small) == expected
