"""Tests the sample pictures of models, pixel by pixel, through Triton and by the command."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from orchestrator.drawing.picture_files import read_picture, write_picture
from orchestrator.frames import Pixels
from orchestrator.pipeline.model_samples import CELL_PX, PHOTO, sample_sheet
from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tests.support.command import assert_refused, framewright

COMMITTED = PROJECT_ROOT / "deploy" / "cloudflare" / "page" / "public" / "samples"
LEFT, TOP, STEP = 12, 30, 412
"""Where the first sample begins in a sheet, and how far apart samples are, in pixels."""


def cell(sheet: Pixels, column: int, *, height: int = CELL_PX, width: int = CELL_PX) -> Pixels:
    """Return a sample of the first row of a sheet."""
    left = LEFT + column * STEP
    return sheet[TOP : TOP + height, left : left + width]


def photo() -> Pixels:
    """Return the middle of the project's photograph that is enlarged, uint8 [100, 100, 3]."""
    return read_picture(PHOTO)[0][30:130, 30:130]


def test_an_upscaler_stands_beside_bicubic(client: TritonClient) -> None:
    sheet = sample_sheet(client, ["nearest-x4"])
    assert sheet.shape == (TOP + CELL_PX + 12, LEFT + 2 * STEP, 3)
    assert np.array_equal(cell(sheet, 1), photo().repeat(4, axis=0).repeat(4, axis=1))
    bicubic = cell(sheet, 0).astype(int)
    averages = bicubic.reshape(100, 4, 100, 4, 3).mean(axis=(1, 3))
    assert np.abs(averages - photo()).mean() < 2
    assert np.abs(bicubic - cell(sheet, 1)).mean() > 1
    assert np.abs(np.diff(bicubic, axis=1)).max() < np.abs(np.diff(cell(sheet, 1).astype(int), axis=1)).max()


def test_captions_stand_above_the_samples(client: TritonClient) -> None:
    one = sample_sheet(client, ["nearest-x4"])[:TOP, LEFT + STEP :]
    other = sample_sheet(client, ["swapped"])[:TOP, LEFT + STEP :]
    assert (one < 128).any()
    assert not np.array_equal(one, other)


def test_a_model_of_another_scale_is_shown_in_the_same_size(client: TritonClient) -> None:
    sheet = sample_sheet(client, ["identity"])
    assert np.array_equal(cell(sheet, 1), cell(sheet, 0))


def test_a_detector_draws_the_boxes_that_a_track_would_use(client: TritonClient) -> None:
    picture = np.full((100, 200, 3), 40, np.uint8)
    picture[20:60, 30:90] = (0, 255, 0)
    picture[70:90, 120:160] = (255, 255, 0)  # its score is 0.3, which is not enough
    sheet = sample_sheet(client, ["colour-finder"], picture)
    shown = cell(sheet, 0, height=CELL_PX // 2)
    assert shown.shape == (200, 400, 3)
    plain = cv2.resize(picture, (400, 200), interpolation=cv2.INTER_CUBIC)
    rows, columns = np.nonzero((shown != plain).any(axis=2))
    assert (columns.min(), columns.max()) == pytest.approx((60, 180), abs=4)
    assert rows.max() == pytest.approx(120, abs=4)
    assert np.array_equal(shown[130:], plain[130:])


def test_all_upscalers_come_first_and_four_samples_take_two_rows(client: TritonClient) -> None:
    picture = np.full((60, 60, 3), (0, 255, 0), np.uint8)
    sheet = sample_sheet(client, ["colour-finder", "nearest-x4", "black"], picture)
    assert np.array_equal(cell(sheet, 1, height=240, width=240), np.full((240, 240, 3), (0, 255, 0)))
    assert not cell(sheet, 2, height=240, width=240).any()
    assert sheet.shape[0] > 2 * 240 + TOP


def test_the_command_writes_the_sheet_and_keeps_what_is_there(
    triton: TritonServer, model_repository: Path, tmp_path: Path
) -> None:
    places = {"TRITON_URL": triton.url, "MODEL_REPOSITORY": model_repository}
    image, out = tmp_path / "in.png", tmp_path / "out.png"
    noise = np.random.default_rng(1).integers(0, 256, (90, 100, 3), np.uint8)
    write_picture(image, noise, overwrite=False)
    ended = framewright("models", "sample", "nearest-x4", "-o", out, "--image", image, "--json", **places)
    assert ended.code == 0, ended
    assert json.loads(ended.out) == {
        "status": "completed",
        "output_url": out.as_uri(),
        "models": ["nearest-x4"],
        "notes": [],
    }
    enlarged = noise.repeat(4, axis=0).repeat(4, axis=1)
    assert np.array_equal(cell(read_picture(out)[0], 1, height=360), enlarged)
    assert_refused(framewright("models", "sample", "nearest-x4", "-o", out, **places), 2, "--force")
    assert_refused(
        framewright("models", "sample", "nearest-x5", "-o", tmp_path / "2.png", **places), 2, "nearest-x5"
    )
    nothing = {"TRITON_URL": triton.url, "MODEL_REPOSITORY": tmp_path}
    assert_refused(
        framewright("models", "sample", "-o", tmp_path / "3.png", **nothing), 2, "no model is built"
    )


def test_a_committed_picture_is_what_the_command_writes(tmp_path: Path) -> None:
    """WebP changes some levels."""
    out = tmp_path / "lite.png"
    ended = framewright("models", "sample", "lite-x4", "-o", out)
    assert ended.code == 0, ended
    difference = read_picture(out)[0].astype(int) - read_picture(COMMITTED / "lite-x4.webp")[0]
    assert (difference**2).mean() < 30  # 33 dB


def test_the_committed_pictures_are_small() -> None:
    sizes = [path.stat().st_size for path in COMMITTED.iterdir()]
    assert len(sizes) >= 7
    assert sum(sizes) < 100_000
