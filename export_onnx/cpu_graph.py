"""The same graph in operators that onnxruntime is fast at on a CPU.

PRelu is what is not: onnxruntime 1.32 runs it on one core, a value at a time, and turns its input out of
the blocked layout of convolutions and its output back. Between two convolutions it took a third of the time
(docs/decisions/0006-speed.md). Here it is PRelu(x) = x + Relu((slope - 1) x), for slopes of at most 1, with
the product as a convolution of each channel by itself: all of it stays in the blocked layout, on all cores.

A slope above 1 is made less: PRelu(x, slope) = -slope * PRelu(-x, 1 / slope). The sign goes into the
convolution before, the factor into the one after.

On a GPU three operators take longer than one: there the graph as it was exported is served.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

if TYPE_CHECKING:
    from numpy.typing import NDArray


def for_cpu(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the graph without the PRelus that stand between two convolutions; None where there are none."""
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    graph = rewritten.graph
    weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
    between = {found.prelu.output[0]: found for found in _between(graph, weights)}
    if not between:
        return None
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        found = between.get(node.output[0])
        nodes += [node] if found is None else found.replaced(weights)
    del graph.node[:]
    graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    del graph.initializer[:]
    graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in weights.items() if name in used
    )
    onnx.checker.check_model(rewritten)
    return rewritten


@dataclass(frozen=True)
class _Between:
    """A PRelu, and the convolutions whose output it takes and whose input it gives."""

    before: onnx.NodeProto
    prelu: onnx.NodeProto
    after: onnx.NodeProto

    def replaced(self, weights: dict[str, NDArray[Any]]) -> list[onnx.NodeProto]:
        """Return the nodes in its place; changes and adds weights."""
        taken, slope_name = self.prelu.input
        (given,) = self.prelu.output
        slope = weights[slope_name].reshape(-1)
        steep = slope > 1
        for name in self.before.input[1:]:
            weights[name][steep] *= -1
        weights[self.after.input[1]][:, steep] *= -slope[steep, None, None]
        slope = np.where(steep, 1 / np.where(steep, slope, 1), slope).astype(slope.dtype)
        factor, product, bent = (f"{given}_{part}" for part in ("factor", "product", "bent"))
        weights[factor] = (slope - 1).reshape(-1, 1, 1, 1)
        return [
            helper.make_node("Conv", [taken, factor], [product], group=len(slope), kernel_shape=[1, 1]),
            helper.make_node("Relu", [product], [bent]),
            helper.make_node("Add", [taken, bent], [given]),
        ]


def _between(graph: onnx.GraphProto, weights: dict[str, NDArray[Any]]) -> list[_Between]:
    makers = {name: node for node in graph.node for name in node.output}
    takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
    for node in graph.node:
        for name in node.input:
            takers[name].append(node)
    given = {value.name for value in graph.output}
    found = []
    for node in graph.node:
        if node.op_type != "PRelu" or node.input[1] not in weights:
            continue
        before, after = makers.get(node.input[0]), takers[node.output[0]]
        if before is None or len(after) != 1 or len(takers[node.input[0]]) != 1 or given & {*node.output}:
            continue
        if not (_is_plain(before, weights, takers) and _is_plain(after[0], weights, takers)):
            continue
        channels = weights[before.input[1]].shape[0]
        if weights[node.input[1]].shape == (channels, 1, 1):
            found.append(_Between(before, node, after[0]))
    return found


def _is_plain(
    node: onnx.NodeProto, weights: dict[str, NDArray[Any]], takers: dict[str, list[onnx.NodeProto]]
) -> bool:
    """Whether it is a convolution in one group, of two dimensions, whose weights are its own."""
    groups = [attribute.i for attribute in node.attribute if attribute.name == "group"]
    return (
        node.op_type == "Conv"
        and groups in ([], [1])
        and all(name in weights and len(takers[name]) == 1 for name in node.input[1:])
        and weights[node.input[1]].ndim == 4
    )
