"""Writes the free model: an upscaler that repeats each sample 4 x 4, so that a job costs what the host does.

Its contract is that of a built upscaler, with the tile and the halo of lite-x4, but its graph has no
conversion of planes: it repeats luma and chroma as they are, for an output that is subsampled as the input
is. Rows and columns are repeated by concatenation, which in onnxruntime takes a third of the time of its
Resize operator for bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx import helper

from tools.fixtures.upscalers import write_planes_model

if TYPE_CHECKING:
    from pathlib import Path

    import onnx
    from numpy.typing import NDArray

NAME = "free-x4"
SCALE = 4
TILE_PX, HALO_PX = 512, 14


def write_free_model(repository: Path) -> Path:
    """Write the model into a repository; return its folder. Triton runs it on the GPU, if there is one."""
    nodes: list[onnx.NodeProto] = []
    constants: dict[str, NDArray[Any]] = {}
    for plane, axis in (("luma", 2), ("chroma", 3)):
        repeating, numbers = _repeat(plane, f"upscaled_{plane}", axis=axis)
        nodes += repeating
        constants |= {name: np.array(values, np.int64) for name, values in numbers.items()}
    folder = write_planes_model(repository, NAME, SCALE, nodes, constants, tile=TILE_PX, halo=HALO_PX)
    config = folder / "config.pbtxt"
    config.write_text(config.read_text().replace("KIND_CPU", "KIND_AUTO"))
    return folder


def _repeat(source: str, target: str, *, axis: int) -> tuple[list[onnx.NodeProto], dict[str, list[int]]]:
    """Return the nodes and the integer constants that repeat the samples of a tensor.

    Args:
        source: a tensor whose last two axes are rows and columns.
        target: the name of the result.
        axis: the axis of the rows.
    """
    ones = [1] * axis
    constants = {f"{source}_wide": [*ones, 1, SCALE], f"{source}_large": [*ones, SCALE, SCALE]}
    constants |= {f"{source}_last": [axis + 2]}
    apart, columns = f"{source}_apart", f"{source}_columns"
    nodes = [
        helper.make_node("Shape", [source], [f"{source}_size"]),
        helper.make_node("Unsqueeze", [source, f"{source}_last"], [apart]),
    ]
    for joined, along, factor, repeated in (
        (apart, axis + 2, "wide", columns),  # each sample beside itself
        (columns, axis + 1, "large", target),  # each row beside itself
    ):
        nodes += [
            helper.make_node("Concat", [joined] * SCALE, [f"{repeated}_joined"], axis=along),
            helper.make_node("Mul", [f"{source}_size", f"{source}_{factor}"], [f"{repeated}_shape"]),
            helper.make_node("Reshape", [f"{repeated}_joined", f"{repeated}_shape"], [repeated]),
        ]
    return nodes, constants
