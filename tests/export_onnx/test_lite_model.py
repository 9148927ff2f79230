"""Tests the committed lite-x4: its size, and that it beats bicubic on held-out pictures."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
from click.testing import CliRunner

pytest.importorskip(
    "skimage", reason="scikit-image, which holds the pictures, is not installed (extra: train)"
)

from pathlib import Path

from export_onnx.upscaling.rgb_planes import upscaled
from orchestrator.errors import InputNotFound
from training.lite_sr import evaluate
from training.lite_sr.degradation import CLEAN, VIDEO, Degradation, degrade
from training.lite_sr.pictures import HELD_OUT, TRAINING, Picture, Pixels, load

CARD = evaluate.MODEL.parent.parent / "README.md"


@pytest.fixture(scope="module")
def printed_table() -> str:
    result = CliRunner().invoke(evaluate.main)
    assert result.exit_code == 0, result.output
    return result.output


def means(table: str) -> dict[str, list[tuple[float, float]]]:
    """Return each condition's mean (PSNR in dB, SSIM) of bicubic, Lanczos and ours."""
    found = {}
    for line in table.splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 5 and cells[1] == "**mean**":
            scores = [cell.split(" dB, ") for cell in cells[2:]]
            found[cells[0]] = [(float(psnr_db), float(ssim)) for psnr_db, ssim in scores]
    return found


def test_model_file_is_under_one_megabyte() -> None:
    assert evaluate.MODEL.stat().st_size < 1_000_000


@pytest.mark.parametrize(("condition", "gain_db"), [("clean", 0.75), ("video", 0.8), ("stream", 0.4)])
def test_model_beats_bicubic_on_pictures_it_was_not_trained_on(
    printed_table: str, condition: str, gain_db: float
) -> None:
    bicubic, lanczos, ours = means(printed_table)[condition]
    assert ours[0] >= bicubic[0] + gain_db
    assert ours[0] > lanczos[0]
    assert ours[1] > max(bicubic[1], lanczos[1])


def test_model_card_states_what_the_evaluation_prints(printed_table: str) -> None:
    stated, measured = means(CARD.read_text(encoding="utf-8")), means(printed_table)
    assert stated.keys() == measured.keys() == evaluate.CONDITIONS.keys()
    for condition, scores in measured.items():
        # Other versions of FFmpeg and ONNX Runtime may move the last digit.
        assert np.allclose(stated[condition], scores, rtol=0, atol=(0.05, 0.002)), condition


def test_model_card_names_every_picture_with_its_licence() -> None:
    card = CARD.read_text(encoding="utf-8")
    for picture in (*TRAINING, *HELD_OUT):
        assert f"| {picture.name} | {picture.project} | {picture.licence} | {picture.credit} |" in card


def test_no_held_out_picture_is_trained_on() -> None:
    assert not {picture.path for picture in TRAINING} & {picture.path for picture in HELD_OUT}


@pytest.mark.parametrize(("count", "height", "width"), [(1, 1, 1), (1, 7, 5), (3, 16, 33), (2, 61, 67)])
def test_pictures_of_any_size_are_enlarged_alike_alone_and_in_a_batch(
    count: int, height: int, width: int
) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (count, height, width, 3), dtype=np.uint8)
    session = onnxruntime.InferenceSession(evaluate.MODEL, providers=["CPUExecutionProvider"])
    batch = upscaled(session, pictures)
    assert batch.dtype == np.uint8
    assert batch.shape == (count, 4 * height, 4 * width, 3)
    upscale = evaluate.onnx_upscaler(evaluate.MODEL)
    for picture, together in zip(pictures, batch, strict=True):
        assert np.abs(upscale(picture).astype(int) - together).max() <= 1  # convolutions may round otherwise


@pytest.mark.parametrize("colour", [(180, 45, 20), (120, 100, 40), (30, 60, 160), (255, 255, 255), (0, 0, 0)])
def test_one_colour_stays_that_colour_without_a_grid(colour: tuple[int, int, int]) -> None:
    upscaled = evaluate.onnx_upscaler(evaluate.MODEL)(np.full((40, 40, 3), colour, np.uint8))
    upscaled = upscaled[40:-40, 40:-40]  # farther from the border than the receptive field is wide
    assert np.abs(upscaled.astype(int) - colour).max() <= 1


def test_enlarging_keeps_brightness_and_colour() -> None:
    upscale = evaluate.onnx_upscaler(evaluate.MODEL)
    for picture in HELD_OUT:
        small, _ = evaluate.held_out_pair(picture, CLEAN)
        difference = upscale(small).mean(axis=(0, 1)) - small.mean(axis=(0, 1))
        assert np.abs(difference).max() < 1.0, picture.name


@pytest.mark.parametrize("degradation", [CLEAN, VIDEO], ids=["clean", "video"])
def test_degraded_pictures_are_the_same_in_every_run(degradation: Degradation) -> None:
    first, original = evaluate.held_out_pair(HELD_OUT[0], degradation)
    again, _ = evaluate.held_out_pair(HELD_OUT[0], degradation)
    assert np.array_equal(first, again)
    assert original.shape == (first.shape[0] * 4, first.shape[1] * 4, 3)


def test_stronger_compression_leaves_less_of_the_picture() -> None:
    original = load(HELD_OUT[0])[:296, :448]
    clean = degrade(original, CLEAN, np.random.default_rng(0))
    for codec, losses in (("h264", (12, 24, 36)), ("jpeg", (3, 25, 60))):
        errors = []
        for loss in losses:
            damage = Degradation(codec="h264" if codec == "h264" else "jpeg", loss=loss)
            small: Pixels = degrade(original, damage, np.random.default_rng(0))
            errors.append(float(np.abs(small.astype(int) - clean).mean()))
        assert errors[0] < errors[1] < errors[2] < 20, codec


def test_an_unbuilt_model_is_reported_with_the_command_that_builds_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(evaluate.main, ["--model-onnx", str(tmp_path / "model.onnx")])
    assert result.exit_code == 1
    assert "framewright models build lite-x4" in result.output


def test_a_missing_picture_is_reported_with_the_package_that_holds_it() -> None:
    absent = Picture(
        name="x",
        project="some-pictures",
        package="some_pictures",
        path="x.png",
        licence="CC0",
        credit="nobody",
    )
    with pytest.raises(InputNotFound, match="pip install some-pictures"):
        load(absent)
