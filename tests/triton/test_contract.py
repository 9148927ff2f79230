"""Tests reading the contracts of upscalers and detectors, and the errors for broken ones."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import text_format
from tritonclient.grpc import model_config_pb2

from orchestrator.errors import InferenceFailed
from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.colour_tensor import PlaneColour, Subsampling
from orchestrator.triton.contract import DetectContract, RequestPlanes, UpscaleContract, parse_contract
from tools.fixtures import detectors, upscalers


def config(folder: Path, **changed: object) -> Any:
    """Return the model's config with some parameters changed, or without those that are None."""
    folder.mkdir(exist_ok=True)
    parameters = upscalers.contract_parameters(b"weights", 4, halo=8, tile=64, size_multiple=8) | changed
    given = {key: value for key, value in parameters.items() if value is not None}
    upscalers.write_upscaler_config(folder, given)
    return read(folder)


def read(folder: Path) -> Any:
    return text_format.Parse((folder / "config.pbtxt").read_text(), model_config_pb2.ModelConfig())


def test_reads_every_number_from_the_config(tmp_path: Path) -> None:
    contract = parse_contract(config(tmp_path / "mine"))
    assert isinstance(contract, UpscaleContract)
    assert (contract.name, contract.task, contract.scale, contract.max_batch) == ("mine", "upscale", 4, 8)
    assert (contract.halo, contract.tile, contract.size_multiple) == (8, 64, 8)
    assert (contract.precision, contract.licence, contract.architecture) == ("fp32", "Apache-2.0", "test")
    assert len(contract.weights_sha256) == 64


def test_reads_the_committed_config_of_the_lite_model() -> None:
    contract = parse_contract(read(PROJECT_ROOT / "model_repository" / "lite-x4"))
    assert isinstance(contract, UpscaleContract)
    assert (contract.name, contract.scale) == ("lite-x4", 4)


@pytest.mark.parametrize("key", upscalers.contract_parameters(b"", 1))
def test_names_the_model_and_the_parameter_that_is_missing(tmp_path: Path, key: str) -> None:
    with pytest.raises(InferenceFailed, match=f"'mine'.* nothing as parameter {key}, not"):
        parse_contract(config(tmp_path / "mine", **{key: None}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("task", "track"),
        ("scale", "0"),
        ("scale", "4.0"),
        ("scale", "four"),
        ("size_multiple", "0"),
        ("size_multiple", "3"),
        ("size_multiple", "-8"),
        ("halo", "-1"),
        ("tile", "0"),
        ("tile", "60"),
        ("tile", "99999999"),
        ("precision", "int8"),
        ("weights_sha256", "abc"),
    ],
)
def test_says_what_was_found_in_a_broken_parameter(tmp_path: Path, key: str, value: str) -> None:
    with pytest.raises(InferenceFailed, match=f"'mine' breaks its contract.*{value}") as caught:
        parse_contract(config(tmp_path / "mine", **{key: value}))
    assert "\n" not in str(caught.value)


def test_refuses_a_model_that_takes_other_tensors(tmp_path: Path) -> None:
    changed = config(tmp_path / "mine")
    changed.input[0].data_type = model_config_pb2.TYPE_FP32
    with pytest.raises(InferenceFailed, match=r"luma TYPE_FP32 \[-1, -1, -1\], .* as input"):
        parse_contract(changed)
    changed = config(tmp_path / "mine")
    changed.output[0].dims[:] = [3, -1, -1]
    with pytest.raises(InferenceFailed, match=r"upscaled_luma TYPE_UINT8 \[3, -1, -1\], .* as output"):
        parse_contract(changed)
    changed = config(tmp_path / "mine")
    del changed.output[:]
    with pytest.raises(InferenceFailed, match="nothing as output"):
        parse_contract(changed)


def test_an_upscaler_that_was_built_for_rgb_is_to_be_built_again(tmp_path: Path) -> None:
    old = config(tmp_path / "mine")
    for tensors, name in ((old.input, "image"), (old.output, "upscaled")):
        del tensors[1:]
        tensors[0].name, tensors[0].dims[:] = name, [-1, -1, 3]
    with pytest.raises(InferenceFailed, match=r"image .* not luma .*`framewright models build mine`"):
        parse_contract(old)


@pytest.mark.parametrize("subsampling", ["420", "422", "444"])
@pytest.mark.parametrize("bits", [8, 10])
def test_the_shapes_of_tensors_follow_from_the_planes(
    tmp_path: Path, subsampling: Subsampling, bits: int
) -> None:
    contract = parse_contract(config(tmp_path / "mine"))
    colour = PlaneColour(matrix=1, full_range=False, bits=bits, output_subsampling=subsampling)
    planes = RequestPlanes(colour=colour, chroma=(2, 1))
    across, down = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}[subsampling]
    deep = 1 if bits == 8 else 2
    luma, chroma, tensor = contract.inputs(16, 24, planes)
    assert (luma.shape, chroma.shape) == ((deep, 16, 24), (2, deep, 16, 12))
    assert (1, *tensor.shape) == colour.tensor().shape
    luma, chroma = contract.outputs(16, 24, planes)
    assert (luma.shape, chroma.shape) == ((deep, 64, 96), (2, deep, 64 // down, 96 // across))


def test_refuses_a_model_that_takes_no_batches(tmp_path: Path) -> None:
    changed = config(tmp_path / "mine")
    changed.max_batch_size = 0
    with pytest.raises(InferenceFailed, match="0 as max_batch_size"):
        parse_contract(changed)


def detector(folder: Path, **changed: object) -> Any:
    """Return a detector's config with some parameters changed, or without those that are None."""
    folder.mkdir(exist_ok=True)
    parameters = detectors.detector_parameters(b"weights") | changed
    given = {key: value for key, value in parameters.items() if value is not None}
    detectors.write_detector_config(folder, given)
    return read(folder)


def test_reads_what_a_detector_promises(tmp_path: Path) -> None:
    contract = parse_contract(detector(tmp_path / "mine", classes='["person", "traffic light"]'))
    assert isinstance(contract, DetectContract)
    assert (contract.name, contract.task, contract.max_batch) == ("mine", "detect", 8)
    assert contract.classes == ("person", "traffic light")
    assert (contract.size_multiple, contract.side) == (32, 640)
    assert (contract.score_threshold, contract.iou_threshold) == (0.1, 0.7)
    assert contract.max_detections == 300


def test_reads_how_many_boxes_a_detector_gives_at_most(tmp_path: Path) -> None:
    config = detector(tmp_path / "crowd")
    config.output[0].dims[:] = [1000, 6]
    contract = parse_contract(config)
    assert isinstance(contract, DetectContract)
    assert contract.max_detections == 1000
    assert contract.outputs(64, 64)[0].shape == (1000, 6)


@pytest.mark.parametrize("key", detectors.detector_parameters(b""))
def test_names_the_detector_and_the_parameter_that_is_missing(tmp_path: Path, key: str) -> None:
    with pytest.raises(InferenceFailed, match=f"'mine'.* nothing as parameter {key}, not"):
        parse_contract(detector(tmp_path / "mine", **{key: None}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("stride", "0"),
        ("side", "-1"),
        ("classes", "person,car"),
        ("classes", "[]"),
        ("classes", '["person", ""]'),
        ("classes", '{"0": "person"}'),
        ("classes", "[1, 2]"),
        ("score_threshold", "1.1"),
        ("score_threshold", "-0.1"),
        ("iou_threshold", "nan"),
    ],
)
def test_says_what_was_found_in_a_broken_parameter_of_a_detector(
    tmp_path: Path, key: str, value: str
) -> None:
    with pytest.raises(InferenceFailed, match=f"'mine' breaks its contract.*{re.escape(value)}") as caught:
        parse_contract(detector(tmp_path / "mine", **{key: value}))
    assert "\n" not in str(caught.value)


def test_refuses_a_detector_that_gives_other_tensors(tmp_path: Path) -> None:
    changed = detector(tmp_path / "mine")
    changed.output[0].dims[:] = [100, 7]
    with pytest.raises(InferenceFailed, match=r"'mine'.*detections TYPE_FP32 \[100, 7\].*not .*\[100, 6\]"):
        parse_contract(changed)
    changed.output[0].dims[:] = [-1, 6]
    with pytest.raises(InferenceFailed, match=r"'mine'.*detections TYPE_FP32 \[-1, 6\].*not .*\[N, 6\]"):
        parse_contract(changed)
    changed = detector(tmp_path / "mine")
    changed.output[1].data_type = model_config_pb2.TYPE_INT64
    with pytest.raises(InferenceFailed, match="num_detections TYPE_INT64"):
        parse_contract(changed)
    changed = detector(tmp_path / "mine")
    del changed.output[1]
    with pytest.raises(InferenceFailed, match="'mine' breaks its contract"):
        parse_contract(changed)


def test_a_detector_says_whether_pictures_are_letterboxed_or_stretched() -> None:
    text = (PROJECT_ROOT / "model_repository" / "d-fine-n" / "config.pbtxt").read_text()
    stretching = parse_contract(text_format.Parse(text, model_config_pb2.ModelConfig()))
    assert isinstance(stretching, DetectContract)
    assert (stretching.fit, stretching.side, stretching.size_multiple) == ("stretch", 640, 640)
    letterboxing = parse_contract(read(PROJECT_ROOT / "model_repository" / "lite-detector"))
    assert isinstance(letterboxing, DetectContract)
    assert letterboxing.fit == "letterbox"
    for old, new, problem in (
        ('"stretch"', '"crop"', "crop as parameter fit"),
        ('key: "stride" value { string_value: "640" }', 'key: "stride" value { string_value: "32" }', "32"),
    ):
        assert old in text
        changed = text_format.Parse(text.replace(old, new), model_config_pb2.ModelConfig())
        with pytest.raises(InferenceFailed, match=f"'d-fine-n' breaks its contract.*{problem}"):
            parse_contract(changed)
