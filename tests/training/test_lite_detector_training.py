"""Tests the training of lite-detector: it learns, stops and continues; the committed model is its result."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

for package, holder in (("torch", "torch"), ("sklearn", "scikit-learn"), ("skimage", "scikit-image")):
    pytest.importorskip(package, reason=f"{holder} is not installed (extra: train)")

import torch  # noqa: E402 - only once its packages are known to be there
from click.testing import CliRunner  # noqa: E402

from export_onnx.build import build  # noqa: E402
from export_onnx.catalog import load_catalog  # noqa: E402
from export_onnx.detection.lite_detector import suppress_overlaps  # noqa: E402
from export_onnx.exportable_model import ModelBuildOptions  # noqa: E402
from export_onnx.model_config import ServingOptions  # noqa: E402
from export_onnx.repository import BuildRecord, read_record  # noqa: E402
from export_onnx.weight_file import read_custom, read_official  # noqa: E402
from orchestrator.errors import WeightsRefused  # noqa: E402
from orchestrator.settings import PROJECT_ROOT  # noqa: E402
from training.lite_detector import train  # noqa: E402
from training.lite_detector.loss import assign, loss, overlaps  # noqa: E402
from training.lite_detector.net import CELL_PX, LiteDetector  # noqa: E402
from training.lite_detector.photographs import photographs  # noqa: E402
from training.lite_detector.scenes import BALL, BOX, CLASSES, PERSON, Figure  # noqa: E402
from training.lite_sr.pictures import HELD_OUT, load  # noqa: E402

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(autouse=True)
def short_rounds(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    monkeypatch.setattr(train, "_ROUND_SCENES", 8)
    monkeypatch.setattr(train, "_BATCH", 4)
    monkeypatch.setattr(train, "_WARMUP_STEPS", 2)
    monkeypatch.setattr(train, "HEIGHT", 96)
    monkeypatch.setattr(train, "WIDTH", 160)
    yield
    torch.set_num_threads(threads)


def built(weights: Path | None, repository: Path, precision: str = "fp32") -> BuildRecord:
    """Build the lite detector, from its own weights or others."""
    catalog = load_catalog()
    entry = catalog.get("lite-detector")
    return build(
        entry.name,
        read_custom(weights) if weights else read_official(entry, PROJECT_ROOT / "weights"),
        catalog=catalog,
        options=ModelBuildOptions(
            choices=ServingOptions(precision="fp16" if precision == "fp16" else "fp32")
        ),
        repository=repository,
        on_progress=print,
    )


def test_the_carried_weights_build_the_carried_model_and_the_proof_holds(tmp_path: Path) -> None:
    record = built(None, tmp_path)
    carried = read_record(PROJECT_ROOT / "model_repository", "lite-detector")
    assert carried is not None
    assert record.model == carried.model
    for parity in (record.parity, carried.parity):
        assert parity["boxes"] > 100
        assert parity["unmatched"] == 0
        assert parity["max_px"] < 1
        assert parity["max_score"] < 0.01
        assert {batch for batch, *_ in parity["inputs"]} == {1, 2, 3}
    assert "ultralytics" not in record.tools


def test_it_can_be_built_in_half_precision(tmp_path: Path) -> None:
    assert built(None, tmp_path, "fp16").parity["max_px"] < 1


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "is empty"), (b"no weights", "no weights"), (None, "no weights of a lite detector")],
)
def test_a_file_that_holds_something_else_is_refused(
    tmp_path: Path, content: bytes | None, said: str
) -> None:
    path = tmp_path / "other.pth"
    if content is None:
        torch.save({"params": {"body.0.weight": torch.zeros(3)}}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(WeightsRefused, match=said):
        built(path, tmp_path / "models")


def test_suppression_keeps_the_best_of_each_class() -> None:
    rows = np.array(
        [
            (0, 0, 10, 10, 0.5, PERSON),
            (0, 0, 10, 10, 0.9, PERSON),
            (0, 0, 10, 10, 0.3, BOX),
            (0, 5, 10, 15, 0.4, PERSON),  # IoU 1/3 with the others
        ],
        np.float32,
    )
    assert suppress_overlaps(rows, 0.5)[:, 4].tolist() == pytest.approx([0.9, 0.4, 0.3])
    assert suppress_overlaps(rows, 0.2)[:, 4].tolist() == pytest.approx([0.9, 0.3])
    assert suppress_overlaps(rows[:0], 0.5).shape == (0, 6)


def test_no_held_out_photograph_and_none_of_people_is_trained_on() -> None:
    used = {picture.tobytes() for picture in photographs()}
    assert len(used) == 11
    assert not used & {load(picture).tobytes() for picture in HELD_OUT}


def test_each_figure_has_cells_that_answer_for_it() -> None:
    figures = (
        Figure(number=PERSON, box=(10, 10, 60, 90), visible=1.0),
        Figure(number=BALL, box=(100, 41, 108, 49), visible=1.0),
        Figure(number=BOX, box=(120, 60, 150, 90), visible=0.2),
        Figure(number=BOX, box=(80, 60, 110, 90), visible=0.05),
    )
    numbers, boxes, counts = assign(figures, 96, 160)
    assert numbers.shape == (12, 20)
    for figure in figures[:2]:
        mine = numbers == figure.number
        assert mine.any()
        assert np.allclose(boxes[:, mine].T, figure.box)
        rows, columns = np.nonzero(mine)
        assert np.abs((columns + 0.5) * CELL_PX - (figure.box[0] + figure.box[2]) / 2).max() <= 10
        assert np.abs((rows + 0.5) * CELL_PX - (figure.box[1] + figure.box[3]) / 2).max() <= 16
    assert not (numbers == BOX).any()
    assert not counts[9, 16]  # in the middle of the box that is mostly hidden
    assert counts[9, 11]  # in the middle of one that can hardly be seen
    assert counts[7, 15]  # in its corner
    assert counts[2, 15]


def test_where_people_cross_each_answers_for_its_own_middle_and_nobody_for_both() -> None:
    figures = (
        Figure(number=PERSON, box=(40, 8, 72, 88), visible=0.5),
        Figure(number=PERSON, box=(56, 10, 88, 90), visible=1.0),
    )
    numbers, boxes, counts = assign(figures, 96, 160)
    assert counts.all()
    rows, columns = np.nonzero(numbers == PERSON)
    owners = {tuple(boxes[:, row, column]) for row, column in zip(rows, columns, strict=True)}
    assert owners == {figure.box for figure in figures}
    for row, column in zip(rows, columns, strict=True):
        middle = (boxes[0, row, column] + boxes[2, row, column]) / 2
        other = 56 + 72 - middle
        assert abs((column + 0.5) * CELL_PX - middle) <= abs((column + 0.5) * CELL_PX - other)


def test_a_right_answer_costs_nothing_and_a_wrong_one_something() -> None:
    figure = Figure(number=BALL, box=(16, 16, 48, 48), visible=1.0)
    numbers, boxes, counts = (
        torch.from_numpy(np.ascontiguousarray(a))[None] for a in assign([figure], 64, 64)
    )
    right = torch.full((1, len(CLASSES), 8, 8), -20.0)
    right[0, BALL][numbers[0] == BALL] = 20.0
    assert float(loss(right, boxes, numbers, boxes, counts)) < 1e-3
    assert float(loss(right.flip(1).roll(1, 1), boxes, numbers, boxes, counts)) > 1
    assert float(loss(right, boxes + 16, numbers, boxes, counts)) > 0.5


def test_overlap_of_boxes_is_that_of_geometry() -> None:
    one = torch.tensor([[0.0, 0.0, 10.0, 10.0]] * 3)
    other = torch.tensor([[0.0, 0.0, 10.0, 10.0], [5.0, 0.0, 15.0, 10.0], [20.0, 0.0, 30.0, 10.0]])
    overlap, generalized = overlaps(one, other)
    assert overlap.tolist() == pytest.approx([1, 1 / 3, 0])
    assert generalized.tolist() == pytest.approx([1, 1 / 3, -1 / 3])


def test_mirrored_examples_keep_their_boxes_on_their_figures() -> None:
    picture = np.zeros((96, 160, 3), np.uint8)
    picture[20:60, 30:50] = 255
    figure = Figure(number=PERSON, box=(30, 20, 50, 60), visible=1.0)
    example = (picture, assign([figure], 96, 160))
    pictures, numbers, boxes, _ = train.make_batch([example] * 8, np.random.default_rng(0))
    sides = set()
    for index in range(8):
        row, column = (int(axis[0]) for axis in torch.nonzero(numbers[index] == PERSON, as_tuple=True))
        left, top, right, bottom = map(int, boxes[index, :, row, column])
        assert float(pictures[index, :, top:bottom, left:right].min()) == 1
        assert float(pictures[index].sum()) == 3 * 40 * 20
        sides.add(left)
    assert sides == {30, 110}


def test_the_rate_rises_and_then_falls_to_nearly_nothing() -> None:
    rates = [train.learning_rate(step, 100) for step in range(100)]
    assert max(rates) == rates[2] > rates[0]
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert rates[99] < rates[2] / 50
    assert all(math.isfinite(rate) and rate > 0 for rate in rates)


@pytest.mark.slow
def test_a_few_rounds_of_training_lower_the_loss(tmp_path: Path) -> None:
    weights, losses = train.train(rounds=12, seed=0, checkpoint=tmp_path / "c")
    assert np.mean(losses[-3:]) < 0.9 * np.mean(losses[:3])
    LiteDetector(classes=len(CLASSES)).load_state_dict(weights)


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, _ = train.train(rounds=2, seed=3, checkpoint=tmp_path / "whole.ckpt")
    make_batch = train.make_batch
    calls = 0

    def stop_in_the_second_round(*args: Any) -> tuple[torch.Tensor, ...]:
        nonlocal calls
        calls += 1
        if calls == 9:  # a round has six batches
            raise KeyboardInterrupt
        return make_batch(*args)

    monkeypatch.setattr(train, "make_batch", stop_in_the_second_round)
    with pytest.raises(KeyboardInterrupt):
        train.train(rounds=2, seed=3, checkpoint=tmp_path / "stopped.ckpt")
    monkeypatch.setattr(train, "make_batch", make_batch)
    resumed, losses = train.train(rounds=2, seed=3, checkpoint=tmp_path / "stopped.ckpt")
    assert len(losses) == 1
    for name, tensor in whole.items():
        torch.testing.assert_close(resumed[name], tensor, msg=name)


def test_a_run_starts_from_the_given_weights_as_far_as_they_fit(tmp_path: Path) -> None:
    given = LiteDetector(classes=len(CLASSES)).state_dict()
    changed = dict(given)
    changed["score.weight"] = torch.zeros(7, 48, 1, 1)
    changed["of another network"] = torch.zeros(3)
    torch.save({"params": changed}, tmp_path / "start.pth")
    net = LiteDetector(classes=len(CLASSES))
    own_score = net.score.weight.detach().clone()
    assert train.start_from(net, tmp_path / "start.pth") == len(given) - 1
    for name, tensor in net.state_dict().items():
        wanted = own_score if name == "score.weight" else given[name]
        torch.testing.assert_close(tensor, wanted, msg=name)

    torch.save({"params": {"of another network": torch.zeros(3)}}, tmp_path / "other.pth")
    arguments = ["--rounds", "1", "--checkpoint", str(tmp_path / "c"), "--output", str(tmp_path / "w.pth")]
    refused = CliRunner().invoke(train.main, [*arguments, "--start", str(tmp_path / "other.pth")])
    assert refused.exit_code == 1
    assert "holds no weights of lite-detector" in refused.output


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    arguments = ["--rounds", "1", "--checkpoint", str(tmp_path / "c"), "--output", str(tmp_path / "w.pth")]
    assert CliRunner().invoke(train.main, arguments).exit_code == 0
    refused = CliRunner().invoke(train.main, [*arguments, "--seed", "1"])
    assert refused.exit_code == 1
    assert "of another run" in refused.output
