"""Tests the committed lite-detector: its size, and its accuracy on held-out scenes in a real Triton."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip(
    "skimage", reason="scikit-image, which holds the pictures, is not installed (extra: train)"
)

from collections.abc import Iterator
from pathlib import Path

from numpy.typing import NDArray

from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract
from orchestrator.triton.server import TritonServer
from training.lite_detector import evaluate
from training.lite_detector.matching import Tally, count
from training.lite_detector.photographs import BACKGROUNDS, WITH_PEOPLE
from training.lite_detector.scenes import BALL, CLASSES, PERSON, Figure, draw
from training.lite_sr.pictures import HELD_OUT, TRAINING, load

FOLDER = PROJECT_ROOT / "model_repository" / "lite-detector"
CARD = FOLDER / "README.md"


@pytest.fixture(scope="module")
def printed_table() -> str:
    result = CliRunner().invoke(evaluate.main)
    assert result.exit_code == 0, result.output
    return result.output


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonClient]:
    repository = tmp_path_factory.mktemp("models")
    shutil.copytree(FOLDER, repository / FOLDER.name)
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        client.load(FOLDER.name)
        yield client


def scores(table: str) -> dict[str, list[float]]:
    """Return each class's figures, precision, recall and AP50."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0]: [float(cell) for cell in row[1:]] for row in rows if len(row) == 5 and row[0] in CLASSES}


def test_model_file_is_under_two_megabytes() -> None:
    assert evaluate.MODEL.stat().st_size < 2_000_000


@pytest.mark.slow
def test_it_finds_people_in_scenes_it_was_not_trained_on(printed_table: str) -> None:
    figures, precision, recall, average_precision = scores(printed_table)["person"]
    assert figures > 500
    assert precision >= 0.88
    assert recall >= 0.72
    assert average_precision >= 0.76


@pytest.mark.slow
def test_model_card_states_what_the_evaluation_prints(printed_table: str) -> None:
    stated, measured = scores(CARD.read_text(encoding="utf-8")), scores(printed_table)
    assert stated.keys() == measured.keys() == set(CLASSES)
    for name, row in measured.items():
        # Other versions of OpenCV and ONNX Runtime may move a box across a threshold.
        assert np.allclose(stated[name], row, rtol=0, atol=0.01), name


def test_model_card_names_every_photograph_with_its_licence() -> None:
    card = CARD.read_text(encoding="utf-8")
    for picture in (*TRAINING, *BACKGROUNDS, *HELD_OUT):
        row = f"| {picture.name} | {picture.project} | {picture.licence} | {picture.credit} |"
        assert (row in card) == (picture.name not in WITH_PEOPLE)


def test_triton_serves_it_as_its_config_says(client: TritonClient) -> None:
    contract = client.contract(FOLDER.name, DetectContract)
    assert contract.classes == CLASSES
    assert (contract.licence, contract.weights_source) == ("Apache-2.0", "catalog")
    assert (contract.side, contract.size_multiple) == (320, 32)


def test_triton_finds_the_figures_of_a_new_scene_alone_and_in_a_batch(client: TritonClient) -> None:
    contract = client.contract(FOLDER.name, DetectContract)
    photographs = [load(picture) for picture in HELD_OUT]
    scenes = [draw(photographs, np.random.default_rng((7, number))) for number in range(40)]
    tallies = [Tally() for _ in CLASSES]
    for first in range(0, len(scenes), 8):
        pictures = np.stack([scene.picture for scene in scenes[first : first + 8]])
        together, _ = client.infer(contract, pictures)
        for scene, boxes in zip(scenes[first:], together, strict=False):
            count(tallies, boxes, scene.figures)
        ((alone,), _) = client.infer(contract, pictures[:1])
        np.testing.assert_allclose(alone, together[0], atol=0.01)
    assert tallies[PERSON].figures > 50
    assert tallies[PERSON].recall(0.5) > 0.65
    assert tallies[PERSON].precision(0.5) > 0.8


@pytest.mark.parametrize("size", [(32, 32), (64, 320), (352, 96), (384, 640)])
def test_pictures_of_any_size_are_taken(client: TritonClient, size: tuple[int, int]) -> None:
    contract = client.contract(FOLDER.name, DetectContract)
    photographs = [load(picture) for picture in HELD_OUT]
    scene = draw(photographs, np.random.default_rng(1), height=max(size[0], 64), width=max(size[1], 64))
    picture = scene.picture[: size[0], : size[1]]
    ((boxes,), _) = client.infer(contract, np.ascontiguousarray(picture)[None])
    assert (boxes[:, :4] >= 0).all()
    assert (boxes[:, [0, 2]] <= size[1]).all()
    assert (boxes[:, [1, 3]] <= size[0]).all()


def test_an_unbuilt_model_is_reported_with_the_command_that_builds_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(evaluate.main, ["--model-onnx", str(tmp_path / "model.onnx")])
    assert result.exit_code == 1
    assert "framewright models build lite-detector" in result.output


FIGURE = Figure(number=PERSON, box=(10, 10, 30, 60), visible=1.0)
HIDDEN = Figure(number=BALL, box=(100, 100, 120, 120), visible=0.1)


def rows(*boxes: tuple[float, ...]) -> NDArray[np.float32]:
    return np.array(boxes, np.float32).reshape(-1, 6)


@pytest.mark.parametrize(
    ("found", "precision", "recall", "average_precision"),
    [
        (rows((10, 10, 30, 60, 0.9, PERSON)), 1, 1, 1),
        (rows((10, 20, 30, 70, 0.9, PERSON)), 1, 1, 1),  # IoU 2/3
        (rows((20, 10, 40, 60, 0.9, PERSON)), 0, 0, 0),  # IoU 1/3
        (rows((10, 10, 30, 60, 0.9, BALL)), 1, 0, 0),
        (rows((10, 10, 30, 60, 0.4, PERSON)), 1, 0, 1),
        (rows((10, 10, 30, 60, 0.9, PERSON), (11, 10, 31, 60, 0.8, PERSON)), 0.5, 1, 1),
        (rows((50, 10, 70, 60, 0.9, PERSON), (10, 10, 30, 60, 0.8, PERSON)), 0.5, 1, 0.5),
        (rows((10, 10, 30, 60, 0.9, PERSON), (101, 101, 119, 119, 0.8, PERSON)), 1, 1, 1),  # on the hidden
        (rows(), 1, 0, 0),
    ],
)
def test_found_boxes_are_counted_as_the_model_card_says(
    found: NDArray[np.float32], precision: float, recall: float, average_precision: float
) -> None:
    tallies = [Tally() for _ in CLASSES]
    count(tallies, found, (FIGURE, HIDDEN))
    person = tallies[PERSON]
    assert (person.figures, tallies[BALL].figures) == (1, 0)
    assert person.precision(0.5) == precision
    assert person.recall(0.5) == recall
    assert person.average_precision() == average_precision
