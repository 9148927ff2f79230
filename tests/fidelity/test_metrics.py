"""Tests the metrics against those of scikit-image and against known values."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest
import skimage.color
import skimage.metrics
from numpy.typing import NDArray

from orchestrator.fidelity.metrics import (
    MOST_DB,
    coarse,
    colour_distance,
    displacement,
    luma,
    mean_square,
    psnr_db,
    ssim,
)

color: Any = skimage.color
metrics: Any = skimage.metrics


def scene(width: int = 160, height: int = 90, seed: int = 0) -> NDArray[np.uint8]:
    """A random picture with detail of all sizes."""
    random = np.random.default_rng(seed)
    made = np.zeros((height, width, 3))
    for size in (2, 6, 20, 60):
        levels = random.uniform(-40, 40, (height // size + 2, width // size + 2, 3))
        made += cv2.resize(levels, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray((made + 128).clip(0, 255), np.uint8)


def noisy(picture: NDArray[np.uint8], sigma: float) -> NDArray[np.uint8]:
    random = np.random.default_rng(9)
    return np.asarray((picture + random.normal(0, sigma, picture.shape)).clip(0, 255), np.uint8)


@pytest.mark.parametrize(("width", "height"), [(160, 90), (11, 11), (40, 13)])
@pytest.mark.parametrize("sigma", [1, 10, 80])
def test_ssim_is_that_of_the_paper(width: int, height: int, sigma: float) -> None:
    wanted, seen = scene(width, height), noisy(scene(width, height), sigma)
    theirs = metrics.structural_similarity(
        luma(wanted),
        luma(seen),
        data_range=255,
        gaussian_weights=True,
        sigma=1.5,
        use_sample_covariance=False,
    )
    assert ssim(luma(wanted), luma(seen)) == pytest.approx(theirs, abs=1e-4)


def test_ssim_of_a_picture_without_room_for_the_window_is_defined() -> None:
    for width, height in ((1, 1), (2, 300), (7, 5)):
        picture = luma(scene(width, height))
        assert ssim(picture, picture) == pytest.approx(1)


@pytest.mark.parametrize("sigma", [1, 10, 80])
def test_psnr_is_the_usual_one(sigma: float) -> None:
    wanted, seen = scene(), noisy(scene(), sigma)
    theirs = metrics.peak_signal_noise_ratio(wanted, seen, data_range=255)
    assert psnr_db(mean_square(wanted, seen)) == pytest.approx(theirs, abs=1e-3)
    assert psnr_db(mean_square(wanted, wanted)) == MOST_DB


def test_the_distance_of_colours_is_that_of_cie_1976() -> None:
    wanted, seen = scene(), noisy(scene(), 10)
    theirs = color.deltaE_cie76(color.rgb2lab(wanted / 255), color.rgb2lab(seen / 255)).mean()
    ours = colour_distance(wanted.astype(np.float32), seen.astype(np.float32))
    assert ours == pytest.approx(theirs, rel=0.01)


@pytest.mark.parametrize(("right", "down"), [(0, 0), (1, 0), (0, -3), (12, 7), (-5, 4)])
def test_a_displacement_is_found_through_noise_and_sharpening(right: int, down: int) -> None:
    whole = scene(400, 300)
    wanted = whole[50:230, 40:360]
    moved = whole[50 - down : 230 - down, 40 - right : 360 - right]
    soft = cv2.GaussianBlur(moved, (0, 0), 1.5)
    for seen in (moved, noisy(np.asarray(moved), 15), cv2.addWeighted(moved, 2.0, soft, -1.0, 0)):
        found = displacement(luma(wanted), luma(np.asarray(seen, np.uint8)))
        assert found == pytest.approx((right, down), abs=0.2)


def test_a_displacement_is_not_reported_of_what_has_none() -> None:
    plain = np.full((90, 160), 100, np.float32)
    assert displacement(plain, plain) is None
    assert displacement(luma(scene()), luma(scene(seed=1))) is None
    assert displacement(luma(scene(8, 8)), luma(scene(8, 8))) is None


@pytest.mark.parametrize(("width", "height"), [(1, 1), (7, 300), (640, 360), (33, 17)])
def test_blocks_keep_the_mean_of_a_picture_and_lose_its_noise(width: int, height: int) -> None:
    grain = noisy(np.full((height, width, 3), 128, np.uint8), 30)
    blocks = coarse(grain)
    assert max(blocks.shape) <= 24
    assert blocks.mean() == pytest.approx(grain.mean(), abs=0.01)
    if width * height > 64:
        assert blocks.std() < 30 / 7
