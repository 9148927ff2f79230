"""Puts the conversion from Y'CbCr planes before a network's ONNX graph, and the conversion back after it.

One graph serves every matrix, range, depth, subsampling and siting. The subsampling of the input follows from
the shapes of the planes, everything else from the input `colour` (orchestrator/triton/colour_tensor.py). All
of it is computed in float32, whatever the precision of the network.

Chroma is interpolated linearly between its samples and is constant beyond the outermost ones, as swscale does
it. It is filtered back by the shortest filter that undoes that, so planes whose colours are displayable pass
through an identity network unchanged.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export_onnx.tensor_names import CHROMA, COLOUR, LUMA, UPSCALED_CHROMA, UPSCALED_LUMA
from orchestrator.triton.colour_tensor import COLOUR_FLOATS

if TYPE_CHECKING:
    from numpy.typing import NDArray

PREFIX = "planes"
"""How the names of all nodes here begin."""

RGB, UPSCALED_RGB = "rgb", "upscaled_rgb"
"""The input and the output of an exported network."""

_PARTS = {
    "inverse": 9,
    "inverse_offset": 3,
    "to_luma": 3,
    "to_chroma": 6,
    "luma_offset": 1,
    "chroma_offset": 2,
    "most": 1,
    "x": 1,
    "y": 1,
    "across": 6,
    "down": 6,
    "subsampling": 1,
}
"""The parts of `colour` and how many values each has."""

_FLOAT = TensorProto.FLOAT


def with_planes(network: onnx.ModelProto, *, on_cpu: bool = False) -> onnx.ModelProto:
    """Return a network's graph with planes at both ends.

    On a GPU, convolutions may be computed in TF32, which has eleven bits: there the matrices are products and
    sums. In onnxruntime on a CPU, a convolution takes a third of the time of these, and what `Pad` would copy
    is added to the outermost samples instead.

    Args:
        on_cpu: whether the graph is for onnxruntime on a CPU.
        network: one input, float32 [N, 3, H, W] RGB 0..1, and one output, float32 [N, 3, sH, sW] RGB, not
            clamped.

    Returns:
        The graph with the inputs LUMA, CHROMA and COLOUR and the outputs UPSCALED_LUMA and UPSCALED_CHROMA;
        H, W, and the sides of the output are even wherever chroma is subsampled.
    """
    core = network.graph
    builder = _Builder()
    parts = _parts(builder)
    _planes_to_rgb(builder, parts, core.input[0].name, on_cpu=on_cpu)
    builder.nodes.extend(core.node)
    _rgb_to_planes(builder, parts, core.output[0].name, on_cpu=on_cpu)
    graph = helper.make_graph(
        builder.nodes,
        "planes",
        [
            helper.make_tensor_value_info(LUMA, TensorProto.UINT8, ["N", "B", "H", "W"]),
            helper.make_tensor_value_info(CHROMA, TensorProto.UINT8, ["N", 2, "B", "h", "w"]),
            helper.make_tensor_value_info(COLOUR, _FLOAT, ["N", "C"]),
        ],
        [
            helper.make_tensor_value_info(UPSCALED_LUMA, TensorProto.UINT8, ["N", "B", "sH", "sW"]),
            helper.make_tensor_value_info(UPSCALED_CHROMA, TensorProto.UINT8, ["N", 2, "B", "sh", "sw"]),
        ],
        [
            *core.initializer,
            *builder.tensors(),
        ],
    )
    model = helper.make_model(graph, opset_imports=network.opset_import, ir_version=network.ir_version)
    onnx.checker.check_model(model)
    return model


def network_of(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the network that `with_planes` was given, for a graph that `graph.export` wrote."""
    network = onnx.ModelProto()
    network.CopyFrom(model)
    inner = network.graph
    ends = [
        [helper.make_tensor_value_info(name, _FLOAT, ["N", 3, *sides])]
        for name, sides in ((RGB, ("H", "W")), (UPSCALED_RGB, ("sH", "sW")))
    ]
    nodes = [
        node
        for node in inner.node
        if not node.output[0].startswith(PREFIX)
        and node.output[0] not in {RGB, UPSCALED_LUMA, UPSCALED_CHROMA}
    ]
    tensors = [tensor for tensor in inner.initializer if not tensor.name.startswith(PREFIX)]
    for field in ("node", "initializer", "input", "output", "value_info"):
        network.graph.ClearField(field)
    inner.node.extend(nodes)
    inner.initializer.extend(tensors)
    inner.input.extend(ends[0])
    inner.output.extend(ends[1])
    onnx.checker.check_model(network)
    return network


class _Builder:
    """Collects the nodes and constants of a graph, or of a branch of one.

    Args:
        name: the beginning of all names, which differs from those of the graphs around it.

    Attributes:
        nodes: the nodes, in order.
        constants: the initializers by name.
    """

    def __init__(self, name: str = PREFIX) -> None:
        self._name = name
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, NDArray[Any]] = {}

    def whole(self, *values: int) -> str:
        """Return a constant int64 vector."""
        return self.constant(np.array(values, np.int64))

    def number(self, value: float) -> str:
        """Return a constant float32 scalar."""
        return self.constant(np.array(value, np.float32))

    def add(self, operator: str, *inputs: str, result: str | None = None, **attributes: Any) -> str:
        """Add a node with one output; return the output's name."""
        name = result or f"{self._name}_{operator}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(operator, list(inputs), [name], **attributes))
        return name

    def side(self, tensor: str, axis: int) -> str:
        """Return the length of an axis, int64 []."""
        return self.add("Gather", self.add("Shape", tensor), self.constant(np.array(axis, np.int64)))

    def branch(self, condition: str, yes: _Builder, no: _Builder, *, result: str | None = None) -> str:
        """Add an If whose branches return what their last node computes."""
        graphs = []
        for inner, name in ((yes, "yes"), (no, "no")):
            last = inner.nodes[-1].output[0]
            value = helper.make_empty_tensor_value_info(last)
            graphs.append(helper.make_graph(inner.nodes, f"{last}_{name}", [], [value], inner.tensors()))
        return self.add("If", condition, result=result, then_branch=graphs[0], else_branch=graphs[1])

    def constant(self, value: NDArray[Any]) -> str:
        """Return a constant; equal ones are stored once."""
        name = f"{self._name}_{value.dtype}_{'_'.join(map(str, value.ravel().tolist()))}_{value.ndim}"
        self.constants[name] = value
        return name

    def tensors(self) -> list[onnx.TensorProto]:
        """Return the constants."""
        return [numpy_helper.from_array(value, name) for name, value in self.constants.items()]


def _parts(b: _Builder) -> dict[str, str]:
    """Divide the first picture's `colour` into its parts, float32 vectors."""
    values = b.add("Slice", COLOUR, b.whole(0, 0), b.whole(1, COLOUR_FLOATS), b.whole(0, 1))
    values = b.add("Reshape", values, b.whole(COLOUR_FLOATS))
    names = {part: f"planes_{part}" for part in _PARTS}
    b.nodes.append(
        helper.make_node("Split", [values, b.whole(*_PARTS.values())], list(names.values()), axis=0)
    )
    return names


def _planes_to_rgb(b: _Builder, parts: dict[str, str], result: str, *, on_cpu: bool) -> None:
    """Compute RGB, float32 [N, 3, H, W] in 0..1, from LUMA and CHROMA."""
    luma, chroma = _levels(b, LUMA, 1, keep=True), _levels(b, CHROMA, 2, keep=False)
    down = _interpolation(b, b.side(chroma, 2), b.side(luma, 2), parts["y"])
    across = _interpolation(b, b.side(chroma, 3), b.side(luma, 3), parts["x"])
    chroma = b.add("MatMul", b.add("MatMul", down, chroma), b.add("Transpose", across, perm=[1, 0]))
    levels = b.add("Concat", luma, chroma, axis=1)
    rgb = _product(b, levels, parts["inverse"], parts["inverse_offset"], rows=3, on_cpu=on_cpu)
    b.add("Clip", rgb, b.number(0), b.number(1), result=result)


def _levels(b: _Builder, samples: str, axis: int, *, keep: bool) -> str:
    """Return the levels, float32, of samples whose bytes lie along an axis."""
    count = b.add("Reshape", b.side(samples, axis), b.whole(1))
    both = b.constant(np.array([1, 256], np.float32).reshape(2, 1, 1))
    weights = b.add("Slice", both, b.whole(0), count)
    weighted = b.add("Mul", b.add("Cast", samples, to=_FLOAT), weights)
    return b.add("ReduceSum", weighted, b.whole(axis), keepdims=int(keep))


def _interpolation(b: _Builder, samples: str, pixels: str, place: str) -> str:
    """Return the matrix [pixels, samples] of linear interpolation; the identity if they are as many."""
    zero, one = b.constant(np.array(0, np.int64)), b.constant(np.array(1, np.int64))

    def counted(length: str) -> str:
        return b.add("Cast", b.add("Range", zero, length, one), to=_FLOAT)

    factor = b.add("Cast", b.add("Div", pixels, samples), to=_FLOAT)
    last = b.add("Cast", b.add("Sub", samples, one), to=_FLOAT)
    # The position is within the pixels that share a sample: no position, if none share one.
    first = b.add("Mul", place, b.add("Sub", factor, b.number(1)))
    at = b.add("Div", b.add("Sub", counted(pixels), first), factor)
    at = b.add("Min", b.add("Max", at, b.number(0)), last)
    apart = b.add("Sub", b.add("Unsqueeze", at, b.whole(1)), b.add("Unsqueeze", counted(samples), b.whole(0)))
    return b.add("Relu", b.add("Sub", b.number(1), b.add("Abs", apart)))


def _rgb_to_planes(b: _Builder, parts: dict[str, str], source: str, *, on_cpu: bool) -> None:
    """Compute UPSCALED_LUMA and UPSCALED_CHROMA from float32 [N, 3, sH, sW] RGB."""
    rgb = b.add("Clip", source, b.number(0), b.number(1))
    luma = _product(b, rgb, parts["to_luma"], parts["luma_offset"], rows=1, on_cpu=on_cpu)
    chroma = _product(b, rgb, parts["to_chroma"], parts["chroma_offset"], rows=2, on_cpu=on_cpu)
    kind = b.add("Squeeze", parts["subsampling"], b.whole(0))
    # Down first: then the filter across, whose samples are apart in memory, has half of the rows.
    is_halved_down, is_halved_across = (b.add("Less", kind, b.number(most)) for most in (0.5, 1.5))
    chroma = _subsampled(b, chroma, is_halved_down, parts["down"], axis=2, on_cpu=on_cpu)
    chroma = _subsampled(b, chroma, is_halved_across, parts["across"], axis=3, on_cpu=on_cpu)
    deep = b.add("Greater", b.side(LUMA, 1), b.constant(np.array(1, np.int64)))
    _bytes(b, luma, parts["most"], deep, axis=1, result=UPSCALED_LUMA)
    chroma = b.add("Unsqueeze", chroma, b.whole(2))
    _bytes(b, chroma, parts["most"], deep, axis=2, result=UPSCALED_CHROMA)


def _product(b: _Builder, vectors: str, matrix: str, offset: str, *, rows: int, on_cpu: bool) -> str:
    """Multiply a matrix, float32 [rows * 3], with float32 [N, 3, H, W]; add an offset for each row."""
    if on_cpu:
        shaped = b.add("Reshape", matrix, b.whole(rows, 3, 1, 1))
        return b.add("Conv", vectors, shaped, offset, kernel_shape=[1, 1])
    shaped = b.add("Reshape", matrix, b.whole(1, rows, 3, 1, 1))
    products = b.add("Mul", b.add("Unsqueeze", vectors, b.whole(1)), shaped)
    sums = b.add("ReduceSum", products, b.whole(2), keepdims=0)
    return b.add("Add", sums, b.add("Reshape", offset, b.whole(1, rows, 1, 1)))


def _subsampled(b: _Builder, chroma: str, wanted: str, weights: str, *, axis: int, on_cpu: bool) -> str:
    """Halve chroma along an axis, if wanted, with six weights; its edges go on outwards."""
    kernel = [1, 6] if axis == 3 else [6, 1]
    beyond = [2 if side > 1 else 0 for side in kernel]
    yes, no = _Builder(f"{PREFIX}_halve_{axis}"), _Builder(f"{PREFIX}_keep_{axis}")
    shaped = yes.add("Expand", yes.add("Reshape", weights, yes.whole(1, 1, *kernel)), yes.whole(2, 1, 1, 1))
    filtering: dict[str, Any] = {
        "group": 2,
        "kernel_shape": kernel,
        "strides": [2 if side > 1 else 1 for side in kernel],
    }
    if on_cpu:
        halved = yes.add("Conv", chroma, shaped, pads=beyond * 2, **filtering)
        # The first sample lacks two columns before the picture, the last sample two behind it.
        lacking = yes.add("ReduceSum", yes.add("Reshape", weights, yes.whole(3, 2)), yes.whole(1), keepdims=0)
        lacking = yes.add("Gather", lacking, yes.whole(0, 2))
        lacking = yes.add("Reshape", lacking, yes.whole(1, 1, *(2 if side > 1 else 1 for side in kernel)))
        ends = yes.add("Mul", yes.add("Gather", chroma, yes.whole(0, -1), axis=axis), lacking)
        places = yes.constant(np.array([0, -1]).reshape([1, 1, *(2 if side > 1 else 1 for side in kernel)]))
        places = yes.add("Expand", places, yes.add("Shape", ends))
        yes.add("ScatterElements", halved, places, ends, axis=axis, reduction="add")
    else:
        padded = yes.add("Pad", chroma, yes.whole(0, 0, *beyond, 0, 0, *beyond), mode="edge")
        yes.add("Conv", padded, shaped, **filtering)
    no.add("Identity", chroma)
    return b.branch(wanted, yes, no)


def _bytes(b: _Builder, levels: str, most: str, deep: str, *, axis: int, result: str) -> None:
    """Clamp levels, one half above, round them by truncation, and divide them into bytes along an axis."""
    whole = b.add("Clip", levels, b.number(0), b.add("Squeeze", most, b.whole(0)))
    yes, no = _Builder(f"planes_{result}_two"), _Builder(f"planes_{result}_one")
    low = yes.add("Cast", yes.add("Cast", whole, to=TensorProto.INT32), to=TensorProto.UINT8)
    high = yes.add("Cast", yes.add("Mul", whole, yes.number(1 / 256)), to=TensorProto.UINT8)
    yes.add("Concat", low, high, axis=axis)
    no.add("Cast", whole, to=TensorProto.UINT8)
    b.branch(deep, yes, no, result=result)
