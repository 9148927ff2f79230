"""Small ONNX models in the form of the real ones, written into a model repository for a test to serve.

Each takes `image` uint8 [N, H, W, 3] and gives `upscaled` uint8 [N, scale*H, scale*W, 3], or what a detector
gives, and has the config.pbtxt of a built model. Every writer returns the model's folder; `config` may set
its max_batch, delay_us (the longest wait of dynamic batching), size_multiple, halo and tile.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

# What ONNX Runtime 1.19, the oldest that is supported, reads.
OPSET = 17
IR_VERSION = 8

UPSCALER_OUTPUTS = ('name: "upscaled" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ]',)
DETECTOR_OUTPUTS = (
    'name: "detections" data_type: TYPE_FP32 dims: [ 300, 6 ]',
    'name: "num_detections" data_type: TYPE_INT32 dims: [ 1 ] reshape { shape: [ ] }',
)
MAX_DETECTIONS = 300


def write_identity(repository: Path, name: str = "identity", **config: int) -> Path:
    """Scale 1: every pixel comes back."""
    nodes = [helper.make_node("Identity", ["image"], ["upscaled"])]
    return _write(repository, name, 1, nodes, {}, config)


def write_nearest_x4(repository: Path, name: str = "nearest-x4", **config: int) -> Path:
    """Scale 4: every pixel becomes a square of 4 by 4."""
    return _write(repository, name, 4, _repeat_pixels(), {"factors": _factors(4)}, config)


def write_black(repository: Path, name: str = "black", **config: int) -> Path:
    """Scale 1: no pixel comes back, as from a model whose numbers have run over."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Mul", ["float", "zero"], ["nothing"]),
        helper.make_node("Cast", ["nothing"], ["upscaled"], to=TensorProto.UINT8),
    ]
    return _write(repository, name, 1, nodes, {"zero": np.array(0, np.float32)}, config)


def write_swapped(repository: Path, name: str = "swapped", **config: int) -> Path:
    """Scale 1: red for blue and blue for red, as from a model that was trained on BGR."""
    nodes = [helper.make_node("Gather", ["image", "order"], ["upscaled"], axis=3)]
    return _write(repository, name, 1, nodes, {"order": np.array([2, 1, 0], np.int64)}, config)


def write_wrong_scale(repository: Path, name: str = "wrong-scale", **config: int) -> Path:
    """Break the contract: scale 4 by its config, 2 by what it does."""
    return _write(repository, name, 4, _repeat_pixels(), {"factors": _factors(2)}, config)


def write_slow(repository: Path, name: str = "slow", *, rounds: int = 500, **config: int) -> Path:
    """Scale 1, after `rounds` products of two 512 by 512 matrices: some 4 ms each on one core."""
    size = 512
    body = helper.make_graph(
        [
            helper.make_node("MatMul", ["matrix_in", "rotation"], ["matrix_out"]),
            helper.make_node("Identity", ["go_on_in"], ["go_on_out"]),
        ],
        "round",
        [
            helper.make_tensor_value_info("round", TensorProto.INT64, []),
            helper.make_tensor_value_info("go_on_in", TensorProto.BOOL, []),
            helper.make_tensor_value_info("matrix_in", TensorProto.FLOAT, [size, size]),
        ],
        [
            helper.make_tensor_value_info("go_on_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("matrix_out", TensorProto.FLOAT, [size, size]),
        ],
    )
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        # The loop starts from a value of the image, or it would be computed once, when the model is loaded.
        helper.make_node("ReduceMin", ["float"], ["least"], keepdims=0),
        helper.make_node("Add", ["rotation", "least"], ["start"]),
        helper.make_node("Loop", ["rounds", "go_on", "start"], ["end"], body=body),
        helper.make_node("ReduceMax", ["end"], ["most"], keepdims=0),
        helper.make_node("Mul", ["most", "zero"], ["nothing"]),
        helper.make_node("Add", ["float", "nothing"], ["same"]),
        helper.make_node("Cast", ["same"], ["upscaled"], to=TensorProto.UINT8),
    ]
    constants: dict[str, NDArray[Any]] = {
        "rounds": np.array(rounds, np.int64),
        "go_on": np.array(1, bool),
        "rotation": np.roll(np.eye(size, dtype=np.float32), 1, axis=0),
        "zero": np.array(0, np.float32),
    }
    return _write(repository, name, 1, nodes, constants, config)


def write_memory_hungry(repository: Path, name: str = "memory-hungry", **config: int) -> Path:
    """Scale 1, with 48 KiB of intermediate values for every pixel: 768 MiB for 128 by 128."""
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float", "last"], ["deep"]),
        helper.make_node("Add", ["deep", "copies"], ["wide"]),
        helper.make_node("ReduceMax", ["wide"], ["flat"], axes=[4], keepdims=0),
        helper.make_node("Cast", ["flat"], ["upscaled"], to=TensorProto.UINT8),
    ]
    constants: dict[str, NDArray[Any]] = {
        "last": np.array([4], np.int64),
        "copies": np.zeros(4096, np.float32),
    }
    return _write(repository, name, 1, nodes, constants, config)


def write_detector(repository: Path, name: str = "detector", *, rows: int = MAX_DETECTIONS) -> Path:
    """Find what the first pixel says: red + green boxes of class blue; NaN where blue is 255.

    Box k is x1 = k, y1 = k, x2 = k + 10, y2 = k + 20 with score 1 - k / 1000. Classes are "0" to "79". With
    other than 300 `rows` it breaks its contract.
    """
    index = np.arange(rows, dtype=np.float32)
    boxes = np.stack([index, index, index + 10, index + 20, 1 - index / 1000, 0 * index], axis=1)
    nodes = [
        helper.make_node("Slice", ["image", "start", "stop", "sides"], ["corner"]),
        helper.make_node("Cast", ["corner"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Reshape", ["float", "flat"], ["pixel"]),
        helper.make_node("Split", ["pixel"], ["red", "green", "blue"], axis=2),
        helper.make_node("Add", ["red", "green"], ["count"]),
        helper.make_node("Cast", ["count"], ["whole"], to=TensorProto.INT32),
        helper.make_node("Squeeze", ["whole", "sides"], ["num_detections"]),
        helper.make_node("Less", ["index", "count"], ["there"]),
        helper.make_node("Mul", ["blue", "class_column"], ["class"]),
        helper.make_node("Add", ["class", "boxes"], ["all"]),
        helper.make_node("Where", ["there", "all", "zero"], ["found"]),
        helper.make_node("Sub", ["blue", "most"], ["below"]),
        helper.make_node("Div", ["below", "below"], ["one_or_nan"]),
        helper.make_node("Mul", ["found", "one_or_nan"], ["detections"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "start": np.array([0, 0], np.int64),
        "stop": np.array([1, 1], np.int64),
        "sides": np.array([1, 2], np.int64),
        "flat": np.array([0, 1, 3], np.int64),
        "index": index[None, :, None],
        "boxes": boxes[None],
        "class_column": np.array([0, 0, 0, 0, 0, 1], np.float32),
        "zero": np.array(0, np.float32),
        "most": np.array(255, np.float32),
    }
    outputs = [
        helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["N", rows, 6]),
        helper.make_tensor_value_info("num_detections", TensorProto.INT32, ["N"]),
    ]
    folder, serialized = _write_model(repository, name, nodes, constants, outputs)
    write_config(folder, detector_parameters(serialized), outputs=DETECTOR_OUTPUTS)
    return folder


def write_colour_finder(repository: Path, name: str = "colour-finder", **config: int) -> Path:
    """Find what is red, green, blue and yellow: at most one box of each colour, around all of it.

    Scores are 0.9, 0.8, 0.7 and 0.3; classes are called by the colours. `config`: max_batch.
    """
    colours = np.array([[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 0]], np.float32)
    kinds = len(colours)
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["float", "four"], ["pixel"]),  # [N, H, W, 3, 1]
        helper.make_node("Sub", ["pixel", "colours"], ["away"]),
        helper.make_node("Abs", ["away"], ["far"]),
        helper.make_node("ReduceSum", ["far", "three"], ["distance"], keepdims=0),  # [N, H, W, kinds]
        helper.make_node("Less", ["distance", "near"], ["is_kind"]),
        helper.make_node("Cast", ["is_kind"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMax", ["mask"], ["there"], axes=[1, 2], keepdims=0),  # [N, kinds]
        helper.make_node("Mul", ["there", "scores"], ["score"]),
        helper.make_node("TopK", ["score", "all"], ["best", "order"], axis=1),
        helper.make_node("ReduceSum", ["there", "one"], ["count"], keepdims=0),
        helper.make_node("Cast", ["count"], ["num_detections"], to=TensorProto.INT32),
        helper.make_node("Cast", ["order"], ["kind"], to=TensorProto.FLOAT),
        helper.make_node("Shape", ["image"], ["shape"]),
    ]
    for axis, other, side in ((2, 1, "x"), (1, 2, "y")):
        nodes += [
            helper.make_node("ReduceMax", ["mask"], [f"{side}_mask"], axes=[other], keepdims=0),
            helper.make_node("Greater", [f"{side}_mask", "zero"], [f"{side}_on"]),  # [N, length, kinds]
            helper.make_node("Gather", ["shape", f"axis_{axis}"], [f"{side}_length"]),
            helper.make_node("Range", ["nought", f"{side}_length", "step"], [f"{side}_index"]),
            helper.make_node("Cast", [f"{side}_index"], [f"{side}_flat"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", [f"{side}_flat", "column"], [f"{side}_from"]),
            helper.make_node("Add", [f"{side}_from", "unit"], [f"{side}_to"]),
            helper.make_node("Where", [f"{side}_on", f"{side}_from", "beyond"], [f"{side}_froms"]),
            helper.make_node("Where", [f"{side}_on", f"{side}_to", "zero"], [f"{side}_tos"]),
            helper.make_node("ReduceMin", [f"{side}_froms"], [f"{side}1"], axes=[1], keepdims=0),
            helper.make_node("ReduceMax", [f"{side}_tos"], [f"{side}2"], axes=[1], keepdims=0),
        ]
    for place in ("x1", "y1", "x2", "y2"):
        nodes.append(helper.make_node("GatherElements", [place, "order"], [f"{place}_best"], axis=1))
    columns = ["x1_best", "y1_best", "x2_best", "y2_best", "best", "kind"]
    nodes += [helper.make_node("Unsqueeze", [column, "two"], [f"{column}_column"]) for column in columns]
    nodes += [
        helper.make_node("Concat", [f"{column}_column" for column in columns], ["rows"], axis=2),
        helper.make_node("Greater", ["best_column", "zero"], ["real"]),
        helper.make_node("Where", ["real", "rows", "zero"], ["found"]),
        helper.make_node("Pad", ["found", "padding"], ["detections"]),
    ]
    constants: dict[str, NDArray[Any]] = {
        "colours": colours.T,
        "near": np.array(150, np.float32),
        "scores": np.array([0.9, 0.8, 0.7, 0.3], np.float32),
        "all": np.array([kinds], np.int64),
        "zero": np.array(0, np.float32),
        "unit": np.array(1, np.float32),
        "beyond": np.array(1e6, np.float32),
        "nought": np.array(0, np.int64),
        "step": np.array(1, np.int64),
        "axis_1": np.array(1, np.int64),
        "axis_2": np.array(2, np.int64),
        "one": np.array([1], np.int64),
        "two": np.array([2], np.int64),
        "three": np.array([3], np.int64),
        "four": np.array([4], np.int64),
        "column": np.array([1, -1, 1], np.int64),
        "padding": np.array([0, 0, 0, 0, MAX_DETECTIONS - kinds, 0], np.int64),
    }
    outputs = [
        helper.make_tensor_value_info("detections", TensorProto.FLOAT, ["N", MAX_DETECTIONS, 6]),
        helper.make_tensor_value_info("num_detections", TensorProto.INT32, ["N"]),
    ]
    folder, serialized = _write_model(repository, name, nodes, constants, outputs)
    parameters = detector_parameters(serialized) | {"classes": '["red", "green", "blue", "yellow"]'}
    write_config(folder, parameters, outputs=DETECTOR_OUTPUTS, **config)
    return folder


def write_config(
    folder: Path,
    parameters: Mapping[str, object],
    *,
    outputs: Sequence[str] = UPSCALER_OUTPUTS,
    **config: Any,
) -> None:
    """Write config.pbtxt with exactly these `parameters`. `config`: max_batch, delay_us."""
    quoted = {key: str(value).replace('"', '\\"') for key, value in parameters.items()}
    lines = [
        f'name: "{folder.name}"',
        'backend: "onnxruntime"',
        f"max_batch_size: {config.get('max_batch', 8)}",
        'input [ { name: "image" data_type: TYPE_UINT8 dims: [ -1, -1, 3 ] } ]',
        *(f"output {{ {output} }}" for output in outputs),
        f"dynamic_batching {{ max_queue_delay_microseconds: {config.get('delay_us', 2000)} }}",
        "instance_group [ { kind: KIND_CPU count: 1 } ]",
        *(
            f'parameters {{ key: "{key}" value {{ string_value: "{value}" }} }}'
            for key, value in quoted.items()
        ),
    ]
    (folder / "config.pbtxt").write_text("\n".join(lines) + "\n")


def contract_parameters(model: bytes, scale: int, **config: int) -> dict[str, object]:
    """Return whole and right parameters. `config`: size_multiple, halo, tile."""
    return {
        "task": "upscale",
        "scale": scale,
        "size_multiple": config.get("size_multiple", 1),
        "halo": config.get("halo", 0),
        "tile": config.get("tile", 64),
        "architecture": "test",
        "precision": "fp32",
        "weights_sha256": hashlib.sha256(model).hexdigest(),
        "weights_source": "tests/support/models.py",
        "licence": "Apache-2.0",
    }


def detector_parameters(model: bytes) -> dict[str, object]:
    """Return whole and right parameters of a detector."""
    return {
        "task": "detect",
        "classes": json.dumps([str(number) for number in range(80)]),
        "stride": 32,
        "side": 640,
        "score_threshold": 0.1,
        "iou_threshold": 0.7,
        "architecture": "test",
        "precision": "fp32",
        "weights_sha256": hashlib.sha256(model).hexdigest(),
        "weights_source": "tests/support/models.py",
        "licence": "Apache-2.0",
    }


def _repeat_pixels() -> list[onnx.NodeProto]:
    return [
        helper.make_node(
            "Resize",
            ["image", "", "factors"],
            ["upscaled"],
            mode="nearest",
            coordinate_transformation_mode="asymmetric",
            nearest_mode="floor",
        )
    ]


def _factors(scale: int) -> NDArray[np.float32]:
    return np.array([1, scale, scale, 1], np.float32)


def _write(
    repository: Path,
    name: str,
    scale: int,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    config: Mapping[str, Any],
) -> Path:
    output = helper.make_tensor_value_info("upscaled", TensorProto.UINT8, ["N", "sH", "sW", 3])
    folder, serialized = _write_model(repository, name, nodes, constants, [output])
    write_config(folder, contract_parameters(serialized, scale, **config), **config)
    return folder


def _write_model(
    repository: Path,
    name: str,
    nodes: Sequence[onnx.NodeProto],
    constants: Mapping[str, NDArray[Any]],
    outputs: Sequence[onnx.ValueInfoProto],
) -> tuple[Path, bytes]:
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        outputs,
        [numpy_helper.from_array(value, key) for key, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    folder = repository / name
    (folder / "1").mkdir(parents=True)
    serialized = model.SerializeToString()
    (folder / "1" / "model.onnx").write_bytes(serialized)
    return folder, serialized
