"""The same graph in operators that onnxruntime is fast at on a CPU.

Three things are what it is slow at, and each is written otherwise (docs/decisions/0006-speed.md):

- PRelu runs on one core, a value at a time, and turns its input out of the blocked layout of convolutions
  and its output back. Between two convolutions it took a third of the time. Here it is
  PRelu(x) = x + Relu((slope - 1) x), for slopes of at most 1, with the product as a convolution of each
  channel by itself: all of it stays in the blocked layout, on all cores. A slope above 1 is made less:
  PRelu(x, slope) = -slope * PRelu(-x, 1 / slope). The sign goes into the convolution before, the factor into
  the one after.
- Split leaves the blocked layout too. Where it divides what a convolution with a SiLU gives, as the blocks of
  YOLO from version 5 on do, the convolution is divided instead.
- Softmax along another dimension than the last turns the tensor, and turns it back. Here it is what it is
  made of: the maximum, exponentials, their sum, the quotient.

On a GPU more operators take longer than one: there the graph as it was exported is served.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray


def for_cpu(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the graph written otherwise; None where there is nothing to gain."""
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    parts = _Parts(rewritten)
    replaced = {
        node.output[0]: by
        for pattern in (_prelus, _divided_convolutions, _softmaxes)
        for node, by in pattern(parts)
    }
    if not replaced:
        return None
    graph = rewritten.graph
    nodes = [new for node in graph.node for new in replaced.get(node.output[0], [node])]
    used = {name for node in nodes for name in node.input}
    del graph.node[:]
    graph.node.extend(node for node in nodes if node.op_type != "Constant" or node.output[0] in used)
    del graph.initializer[:]
    graph.initializer.extend(
        numpy_helper.from_array(array, name) for name, array in parts.weights.items() if name in used
    )
    onnx.checker.check_model(rewritten)
    return rewritten


class _Parts:
    """A graph, by its parts.

    Attributes:
        nodes: in order.
        weights: by name; may be changed and added to.
        makers: the node that gives a value, by the value's name.
        takers: the nodes that take a value.
        given: names of the graph's outputs.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.nodes = list(graph.node)
        self.weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
        self.makers = {name: node for node in graph.node for name in node.output}
        self.takers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.takers[name].append(node)
        self.given = {value.name for value in graph.output}
        inferred = shape_inference.infer_shapes(model).graph
        self._known = [*inferred.value_info, *inferred.input]

    def of(self, kind: str) -> Iterator[onnx.NodeProto]:
        """Return the nodes of an operator."""
        return (node for node in self.nodes if node.op_type == kind)

    def constant(self, name: str) -> NDArray[Any] | None:
        """Return a value that is always the same; None if it is not."""
        maker = self.makers.get(name)
        if maker is not None and maker.op_type == "Constant":
            value = _attribute(maker, "value", None)
            return None if value is None else numpy_helper.to_array(value)
        return self.weights.get(name)

    def rank(self, name: str) -> int | None:
        """Return how many dimensions a value has; None where that is not known."""
        shapes = (value.type.tensor_type for value in self._known if value.name == name)
        return next((len(shape.shape.dim) for shape in shapes if shape.HasField("shape")), None)

    def only_taken_by(self, name: str, *nodes: onnx.NodeProto) -> bool:
        """Whether nobody else takes a value, and it is no output."""
        takers = {taker.output[0] for taker in self.takers[name]}
        return name not in self.given and takers == {node.output[0] for node in nodes}

    def is_plain(self, node: onnx.NodeProto | None) -> bool:
        """Whether it is a convolution in one group, of two dimensions, whose weights are its own."""
        return (
            node is not None
            and node.op_type == "Conv"
            and _attribute(node, "group", 1) == 1
            and all(name in self.weights and len(self.takers[name]) == 1 for name in node.input[1:])
            and self.weights[node.input[1]].ndim == 4
        )


_Replacement = tuple[onnx.NodeProto, list[onnx.NodeProto]]
"""A node, and those in its place."""


def _prelus(parts: _Parts) -> Iterator[_Replacement]:
    """PRelus that stand between two convolutions."""
    found = []
    for prelu in parts.of("PRelu"):
        before, after = parts.makers.get(prelu.input[0]), parts.takers[prelu.output[0]]
        if not (
            prelu.input[1] in parts.weights
            and len(after) == 1
            and parts.only_taken_by(prelu.input[0], prelu)
            and parts.only_taken_by(prelu.output[0], after[0])
            and parts.is_plain(before)
            and parts.is_plain(after[0])
        ):
            continue
        assert before is not None  # noqa: S101  for mypy: it is plain
        channels = parts.weights[before.input[1]].shape[0]
        if parts.weights[prelu.input[1]].shape == (channels, 1, 1):
            found.append(_Between(before, prelu, after[0]))
    for between in found:
        yield between.prelu, between.replaced(parts.weights)


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


def _divided_convolutions(parts: _Parts) -> Iterator[_Replacement]:
    """Splits of the channels of a convolution with a SiLU, x * Sigmoid(x)."""
    for split in parts.of("Split"):
        product = parts.makers.get(split.input[0])
        if product is None or product.op_type != "Mul" or not parts.only_taken_by(product.output[0], split):
            continue
        sigmoids = [
            node for node in map(parts.makers.get, product.input) if node and node.op_type == "Sigmoid"
        ]
        if len(sigmoids) != 1 or not parts.only_taken_by(sigmoids[0].output[0], product):
            continue
        (value,) = sigmoids[0].input
        convolution = parts.makers.get(value)
        if (
            {*product.input} != {value, sigmoids[0].output[0]}
            or not parts.only_taken_by(value, sigmoids[0], product)
            or not parts.is_plain(convolution)
            or _attribute(split, "axis", 0) != 1
            or len(split.input) != 2
            or (sizes := parts.constant(split.input[1])) is None
        ):
            continue
        assert convolution is not None  # noqa: S101  for mypy: it is plain
        yield from ((node, []) for node in (convolution, sigmoids[0], product))
        ends = np.cumsum(sizes)[:-1]
        nodes = []
        for number, given in enumerate(split.output):
            part = onnx.NodeProto()
            part.CopyFrom(convolution)
            part.name, part.output[0] = f"{convolution.name}_{number}", f"{value}_{number}"
            for place, name in enumerate(convolution.input[1:], 1):
                part.input[place] = f"{name}_{number}"
                parts.weights[part.input[place]] = np.split(parts.weights[name], ends)[number]
            gate = f"{part.output[0]}_sigmoid"
            nodes += [
                part,
                helper.make_node("Sigmoid", [part.output[0]], [gate]),
                helper.make_node("Mul", [part.output[0], gate], [given]),
            ]
        yield split, nodes


def _softmaxes(parts: _Parts) -> Iterator[_Replacement]:
    """Softmaxes along another dimension than the last."""
    for softmax in parts.of("Softmax"):
        (taken,), (given,) = softmax.input, softmax.output
        axis, rank = _attribute(softmax, "axis", -1), parts.rank(taken)
        if rank is None or axis in {-1, rank - 1}:
            continue
        most, less, powers, total, along = (
            f"{given}_{part}" for part in ("most", "less", "powers", "total", "along")
        )
        parts.weights[along] = np.array([axis], np.int64)
        yield (
            softmax,
            [
                helper.make_node("ReduceMax", [taken], [most], axes=[axis], keepdims=1),
                helper.make_node("Sub", [taken, most], [less]),
                helper.make_node("Exp", [less], [powers]),
                helper.make_node("ReduceSum", [powers, along], [total], keepdims=1),
                helper.make_node("Div", [powers, total], [given]),
            ],
        )


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    values = (helper.get_attribute_value(entry) for entry in node.attribute if entry.name == name)
    return next(values, default)
