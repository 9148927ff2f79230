"""Writes the free model: an upscaler that repeats each pixel 4 x 4, so that a job costs what the host does.

Its contract is that of a built upscaler, with the tile and the halo of lite-x4. Rows and columns are repeated
by concatenation, which in onnxruntime takes a third of the time of its Resize operator for bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from tools.fixtures.models import IR_VERSION, OPSET, contract_parameters, write_config

if TYPE_CHECKING:
    from pathlib import Path

NAME = "free-x4"
SCALE = 4
TILE_PX, HALO_PX = 512, 10


def write_free_model(repository: Path) -> Path:
    """Write the model into a repository; return its folder. Triton runs it on the GPU, if there is one."""
    nodes, constants = _repeat("image", "upscaled", channels=3)
    graph = helper.make_graph(
        nodes,
        NAME,
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["N", "H", "W", 3])],
        [helper.make_tensor_value_info("upscaled", TensorProto.UINT8, ["N", "sH", "sW", 3])],
        [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
    onnx.checker.check_model(model)
    serialized = model.SerializeToString()
    folder = repository / NAME
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "model.onnx").write_bytes(serialized)
    write_config(folder, contract_parameters(serialized, SCALE, tile=TILE_PX, halo=HALO_PX))
    config = folder / "config.pbtxt"
    config.write_text(config.read_text().replace("KIND_CPU", "KIND_AUTO"))
    return folder


def _repeat(source: str, target: str, *, channels: int) -> tuple[list[onnx.NodeProto], dict[str, list[int]]]:
    """Return the nodes and the integer constants that repeat the pixels of [N, H, W, channels]."""
    constants = {
        f"{source}_first": [0],
        f"{source}_last": [3],
        f"{source}_wide": [1, 1, SCALE],
        f"{source}_large": [1, SCALE, SCALE],
        f"{source}_channels": [channels],
    }
    columns = f"{source}_columns"
    nodes = [
        helper.make_node("Shape", [source], [f"{source}_shape"]),
        helper.make_node(
            "Slice", [f"{source}_shape", f"{source}_first", f"{source}_last"], [f"{source}_size"]
        ),
    ]
    for joined, axis, factor, repeated in (
        (source, 3, "wide", columns),  # each pixel beside itself
        (columns, 2, "large", target),  # each row beside itself
    ):
        nodes += [
            helper.make_node("Concat", [joined] * SCALE, [f"{repeated}_joined"], axis=axis),
            helper.make_node("Mul", [f"{source}_size", f"{source}_{factor}"], [f"{repeated}_size"]),
            helper.make_node(
                "Concat", [f"{repeated}_size", f"{source}_channels"], [f"{repeated}_shape"], axis=0
            ),
            helper.make_node("Reshape", [f"{repeated}_joined", f"{repeated}_shape"], [repeated]),
        ]
    return nodes, constants
