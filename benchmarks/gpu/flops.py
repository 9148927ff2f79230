"""Counts the floating-point operations of the convolutions and matrix products in a graph.

A multiplication and its addition are two operations, as GPU makers count. Activations, normalisation and data
movement are not counted. One run on the CPU, with the shapes of tensors as outputs, gives the sizes of
tensors.
"""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING

import onnx
import onnxruntime
from onnx import TensorProto, helper

from export_onnx.upscaling.planes_graph import PREFIX
from tools.fixtures.noise import noise

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNTED = ("Conv", "ConvTranspose", "MatMul", "Gemm")


def count(model: onnx.ModelProto, *, height: int, width: int) -> int:
    """Return the floating-point operations of a network for one picture, without the conversion of planes.

    Args:
        model: a graph as `export_onnx` writes it, with its weights inside.
        height, width: the size of the picture, multiples of the model's size multiple.
    """
    nodes = [
        node for node in model.graph.node if node.op_type in COUNTED and not node.output[0].startswith(PREFIX)
    ]
    names = sorted({name for node in nodes for name in (*node.input[:2], node.output[0])})
    probe = onnx.ModelProto()
    probe.CopyFrom(model)
    del probe.graph.output[:]
    for name in names:
        probe.graph.node.append(helper.make_node("Shape", [name], [f"shape of {name}"]))
        probe.graph.output.append(
            helper.make_tensor_value_info(f"shape of {name}", TensorProto.INT64, [None])
        )
    session = onnxruntime.InferenceSession(probe.SerializeToString(), providers=["CPUExecutionProvider"])
    inputs = [value.name for value in model.graph.input]
    answers = session.run(None, noise(inputs, batch=1, height=height, width=width))
    shapes = {name: tuple(map(int, shape)) for name, shape in zip(names, answers, strict=True)}
    return sum(
        _operations(node, shapes[node.input[0]], shapes[node.input[1]], shapes[node.output[0]])
        for node in nodes
    )


def _operations(node: onnx.NodeProto, left: Sequence[int], right: Sequence[int], out: Sequence[int]) -> int:
    """Count the operations of one node.

    `right` is the weight of a convolution: [out, in / groups, *kernel], or for a transposed convolution
    [in, out / groups, *kernel].
    """
    if node.op_type == "Conv":
        return 2 * prod(out) * prod(right[1:])
    if node.op_type == "ConvTranspose":
        return 2 * prod(left) * prod(right[1:])
    transposed = any(attribute.name == "transA" and attribute.i for attribute in node.attribute)
    return 2 * prod(out) * left[-2 if transposed else -1]
