"""Rewrites an ONNX graph with operators that are fast in onnxruntime on a CPU.

Four operators are slow there, and each is replaced (docs/decisions/0006-speed.md):

- PRelu runs on one core, value by value, and converts its input from the blocked layout of convolutions and
  its output back. Between two convolutions it took a third of the time. For slopes of at most 1, PRelu(x) = x
  + Relu((slope - 1) x), with the product as a depthwise convolution: all of that stays in the blocked layout,
  on all cores. For a slope above 1, PRelu(x, slope) = -slope * PRelu(-x, 1 / slope): the sign goes into the
  convolution before, the factor into the one after.
- Split leaves the blocked layout too. If it splits the output of a convolution with a SiLU, as in the blocks
  of YOLO since version 5, the convolution is split instead.
- Resize, which repeats pixels before they are added to shuffled ones. They are added before the shuffle
instead,
  where all that come from one pixel are channels, so that nothing need be repeated.
- Softmax along any dimension but the last transposes the tensor twice. It is replaced by its parts: maximum,
  exponential, sum and quotient.

On a GPU, several operators take longer than one, so a GPU runs the exported graph itself.
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


def rewrite_for_cpu(model: onnx.ModelProto) -> onnx.ModelProto | None:
    """Return the rewritten graph; None if it has none of these operators."""
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    index = _GraphIndex(rewritten)
    replaced = {
        node.output[0]: by
        for pattern in (_prelus, _split_convolutions, _repeated_pixels, _softmaxes)
        for node, by in pattern(index)
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
        numpy_helper.from_array(array, name) for name, array in index.weights.items() if name in used
    )
    onnx.checker.check_model(rewritten)
    return rewritten


class _GraphIndex:
    """Finds the nodes, weights and connections of a graph by name.

    Attributes:
        nodes: all nodes, in order.
        weights: the initializers by name; the rewrite changes them and adds new ones.
        producers: the node that computes a value, by the value's name.
        consumers: the nodes that read a value, by the value's name.
        output_names: the names of the graph's outputs.
    """

    def __init__(self, model: onnx.ModelProto) -> None:
        graph = model.graph
        self.nodes = list(graph.node)
        self.weights = {tensor.name: numpy_helper.to_array(tensor).copy() for tensor in graph.initializer}
        self.producers = {name: node for node in graph.node for name in node.output}
        self.consumers: dict[str, list[onnx.NodeProto]] = defaultdict(list)
        for node in graph.node:
            for name in node.input:
                self.consumers[name].append(node)
        self.output_names = {value.name for value in graph.output}
        inferred = shape_inference.infer_shapes(model).graph
        self._known = [*inferred.value_info, *inferred.input]

    def nodes_of(self, kind: str) -> Iterator[onnx.NodeProto]:
        """Return the nodes of an operator type."""
        return (node for node in self.nodes if node.op_type == kind)

    def constant(self, name: str) -> NDArray[Any] | None:
        """Return the value of a constant; None if it is computed."""
        producer = self.producers.get(name)
        if producer is not None and producer.op_type == "Constant":
            value = _attribute(producer, "value", None)
            return None if value is None else numpy_helper.to_array(value)
        return self.weights.get(name)

    def rank(self, name: str) -> int | None:
        """Return the number of dimensions of a value; None if it is unknown."""
        shapes = (value.type.tensor_type for value in self._known if value.name == name)
        return next((len(shape.shape.dim) for shape in shapes if shape.HasField("shape")), None)

    def only_used_by(self, name: str, *nodes: onnx.NodeProto) -> bool:
        """Whether only these nodes read a value, which is not an output of the graph either."""
        consumers = {consumer.output[0] for consumer in self.consumers[name]}
        return name not in self.output_names and consumers == {node.output[0] for node in nodes}

    def is_plain(self, node: onnx.NodeProto | None) -> bool:
        """Whether it is a 2D convolution with one group, whose weights no other node reads."""
        return (
            node is not None
            and node.op_type == "Conv"
            and _attribute(node, "group", 1) == 1
            and all(name in self.weights and len(self.consumers[name]) == 1 for name in node.input[1:])
            and self.weights[node.input[1]].ndim == 4
        )


_Replacement = tuple[onnx.NodeProto, list[onnx.NodeProto]]
"""A node, and the nodes that replace it."""


def _prelus(index: _GraphIndex) -> Iterator[_Replacement]:
    """Replace each PRelu between two convolutions."""
    found = []
    for prelu in index.nodes_of("PRelu"):
        before, after = index.producers.get(prelu.input[0]), index.consumers[prelu.output[0]]
        if not (
            prelu.input[1] in index.weights
            and len(after) == 1
            and index.only_used_by(prelu.input[0], prelu)
            and index.only_used_by(prelu.output[0], after[0])
            and index.is_plain(before)
            and index.is_plain(after[0])
        ):
            continue
        assert before is not None  # noqa: S101  for mypy
        channels = index.weights[before.input[1]].shape[0]
        if index.weights[prelu.input[1]].shape == (channels, 1, 1):
            found.append(_PReluBetweenConvs(before, prelu, after[0]))
    for between in found:
        yield between.prelu, between.replacement(index.weights)


@dataclass(frozen=True)
class _PReluBetweenConvs:
    """A PRelu, the convolution before it and the convolution after it."""

    before: onnx.NodeProto
    prelu: onnx.NodeProto
    after: onnx.NodeProto

    def replacement(self, weights: dict[str, NDArray[Any]]) -> list[onnx.NodeProto]:
        """Return the nodes that replace the PRelu; changes and adds weights."""
        source, slope_name = self.prelu.input
        (result,) = self.prelu.output
        slope = weights[slope_name].reshape(-1)
        steep = slope > 1
        for name in self.before.input[1:]:
            weights[name][steep] *= -1
        weights[self.after.input[1]][:, steep] *= -slope[steep, None, None]
        slope = np.where(steep, 1 / np.where(steep, slope, 1), slope).astype(slope.dtype)
        factor, product, bent = (f"{result}_{part}" for part in ("factor", "product", "bent"))
        weights[factor] = (slope - 1).reshape(-1, 1, 1, 1)
        return [
            helper.make_node("Conv", [source, factor], [product], group=len(slope), kernel_shape=[1, 1]),
            helper.make_node("Relu", [product], [bent]),
            helper.make_node("Add", [source, bent], [result]),
        ]


def _split_convolutions(index: _GraphIndex) -> Iterator[_Replacement]:
    """Split a convolution with a SiLU, x * Sigmoid(x), instead of splitting its output's channels."""
    for split in index.nodes_of("Split"):
        product = index.producers.get(split.input[0])
        if product is None or product.op_type != "Mul" or not index.only_used_by(product.output[0], split):
            continue
        sigmoids = [
            node for node in map(index.producers.get, product.input) if node and node.op_type == "Sigmoid"
        ]
        if len(sigmoids) != 1 or not index.only_used_by(sigmoids[0].output[0], product):
            continue
        (value,) = sigmoids[0].input
        convolution = index.producers.get(value)
        if (
            {*product.input} != {value, sigmoids[0].output[0]}
            or not index.only_used_by(value, sigmoids[0], product)
            or not index.is_plain(convolution)
            or _attribute(split, "axis", 0) != 1
            or len(split.input) != 2
            or (sizes := index.constant(split.input[1])) is None
        ):
            continue
        assert convolution is not None  # noqa: S101  for mypy
        yield from ((node, []) for node in (convolution, sigmoids[0], product))
        ends = np.cumsum(sizes)[:-1]
        nodes = []
        for number, result in enumerate(split.output):
            part = onnx.NodeProto()
            part.CopyFrom(convolution)
            part.name, part.output[0] = f"{convolution.name}_{number}", f"{value}_{number}"
            for place, name in enumerate(convolution.input[1:], 1):
                part.input[place] = f"{name}_{number}"
                index.weights[part.input[place]] = np.split(index.weights[name], ends)[number]
            gate = f"{part.output[0]}_sigmoid"
            nodes += [
                part,
                helper.make_node("Sigmoid", [part.output[0]], [gate]),
                helper.make_node("Mul", [part.output[0], gate], [result]),
            ]
        yield split, nodes


def _repeated_pixels(index: _GraphIndex) -> Iterator[_Replacement]:
    """Replace each sum of a shuffled convolution and repeated pixels with a shuffled sum."""
    for total in index.nodes_of("Add"):
        shuffles, resizes = (
            [node for node in map(index.producers.get, total.input) if node and node.op_type == kind]
            for kind in ("DepthToSpace", "Resize")
        )
        if len(shuffles) != 1 or len(resizes) != 1:
            continue
        (shuffle,), (resize,) = shuffles, resizes
        side = _attribute(shuffle, "blocksize", 0)
        before = index.producers.get(shuffle.input[0])
        if not (
            _attribute(shuffle, "mode", b"DCR") == b"CRD"
            and index.is_plain(before)
            and index.only_used_by(shuffle.input[0], shuffle)
            and index.only_used_by(shuffle.output[0], total)
            and index.only_used_by(resize.output[0], total)
            and _repeats_pixels(index, resize, side)
        ):
            continue
        assert before is not None  # noqa: S101  for mypy
        channels = index.weights[before.input[1]].shape[0] // side**2
        (result,) = total.output
        copies, pixels, flat, sums, shape, wide = (
            f"{result}_{part}" for part in ("copies", "pixels", "flat", "sums", "shape", "wide")
        )
        # [N, channels, copies, pixels]: one copy of the pixels is added to all.
        index.weights[copies] = np.array([0, channels, side**2, -1], np.int64)
        index.weights[pixels] = np.array([0, channels, 1, -1], np.int64)
        last = onnx.NodeProto()
        last.CopyFrom(shuffle)
        last.input[0], last.output[0] = wide, result
        yield shuffle, []
        yield resize, []
        yield (
            total,
            [
                helper.make_node("Reshape", [shuffle.input[0], copies], [f"{flat}_shuffled"]),
                helper.make_node("Reshape", [resize.input[0], pixels], [f"{flat}_repeated"]),
                helper.make_node("Add", [f"{flat}_shuffled", f"{flat}_repeated"], [sums]),
                helper.make_node("Shape", [shuffle.input[0]], [shape]),
                helper.make_node("Reshape", [sums, shape], [wide]),
                last,
            ],
        )


def _repeats_pixels(index: _GraphIndex, resize: onnx.NodeProto, side: int) -> bool:
    """Whether a Resize repeats every pixel in a square of that side."""
    scales = index.constant(resize.input[2]) if len(resize.input) == 3 else None
    return (
        scales is not None
        and scales.tolist() == [1, 1, side, side]
        and _attribute(resize, "mode", b"nearest") == b"nearest"
        and _attribute(resize, "coordinate_transformation_mode", b"half_pixel") == b"asymmetric"
        and _attribute(resize, "nearest_mode", b"round_prefer_floor") == b"floor"
    )


def _softmaxes(index: _GraphIndex) -> Iterator[_Replacement]:
    """Replace each Softmax along any dimension but the last."""
    for softmax in index.nodes_of("Softmax"):
        (source,), (result,) = softmax.input, softmax.output
        axis, rank = _attribute(softmax, "axis", -1), index.rank(source)
        if rank is None or axis in {-1, rank - 1}:
            continue
        most, less, powers, total, along = (
            f"{result}_{part}" for part in ("most", "less", "powers", "total", "along")
        )
        index.weights[along] = np.array([axis], np.int64)
        yield (
            softmax,
            [
                helper.make_node("ReduceMax", [source], [most], axes=[axis], keepdims=1),
                helper.make_node("Sub", [source, most], [less]),
                helper.make_node("Exp", [less], [powers]),
                helper.make_node("ReduceSum", [powers, along], [total], keepdims=1),
                helper.make_node("Div", [powers, total], [result]),
            ],
        )


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    values = (helper.get_attribute_value(entry) for entry in node.attribute if entry.name == name)
    return next(values, default)
