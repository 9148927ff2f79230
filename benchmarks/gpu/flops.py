"""How much arithmetic a graph asks for: that of its convolutions and matrix products.

A multiplication and the addition that follows are two operations, as makers of GPUs count. Activations,
normalisation and moving data are not counted: they cost time and no matrix product. The sizes of tensors are
not derived but asked: the graph is run once on the CPU, with the shapes of its tensors as its outputs.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper

from export_onnx.tensor_names import INPUT

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTED = ("Conv", "ConvTranspose", "MatMul", "Gemm")


def count(model: onnx.ModelProto, *, height: int, width: int) -> int:
    """Return the floating-point operations of one picture.

    Args:
        model: takes uint8 [N, H, W, 3] as `export_onnx` writes it; weights inside.
        height, width: of the picture, multiples of what the model asks for.
    """
    nodes = [node for node in model.graph.node if node.op_type in COUNTED]
    wanted = sorted({name for node in nodes for name in (*node.input[:2], node.output[0])})
    asking = onnx.ModelProto()
    asking.CopyFrom(model)
    del asking.graph.output[:]
    for name in wanted:
        asking.graph.node.append(helper.make_node("Shape", [name], [f"shape of {name}"]))
        asking.graph.output.append(
            helper.make_tensor_value_info(f"shape of {name}", TensorProto.INT64, [None])
        )
    session = onnxruntime.InferenceSession(asking.SerializeToString(), providers=["CPUExecutionProvider"])
    answers = session.run(None, {INPUT: np.zeros((1, height, width, 3), np.uint8)})
    shapes = {name: tuple(map(int, shape)) for name, shape in zip(wanted, answers, strict=True)}
    return sum(
        _operations(node, shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]])
        for node in nodes
    )


def _operations(node: onnx.NodeProto, left: Sequence[int], right: Sequence[int], out: Sequence[int]) -> int:
    """Count one node.

    `right` is the weight where there is one: [out, in / groups, *kernel], or for a transposed convolution
    [in, out / groups, *kernel].
    """
    if node.op_type == "Conv":
        return 2 * prod(out) * prod(right[1:])
    if node.op_type == "ConvTranspose":
        return 2 * prod(left) * prod(right[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return 2 * prod(out) * left[-2 if transposed else -1]
