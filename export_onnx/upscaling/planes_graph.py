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


def with_planes(network: onnx.ModelProto) -> onnx.ModelProto:
    """Return a network's graph with planes at both ends.

    Args:
        network: one input, float32 [N, 3, H, W] RGB 0..1, and one output, float32 [N, 3, sH, sW] RGB, not
            clamped.

    Returns:
        The graph with the inputs LUMA, CHROMA and COLOUR and the outputs UPSCALED_LUMA and UPSCALED_CHROMA;
        H, W, and the sides of the output are even wherever chroma is subsampled.
    """
    core = network.graph
    builder = _Builder()
    parts = _parts(builder)
    _planes_to_rgb(builder, parts, core.input[0].name)
    builder.nodes.extend(core.node)
    _rgb_to_planes(builder, parts, core.output[0].name)
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


def _planes_to_rgb(b: _Builder, parts: dict[str, str], result: str) -> None:
    """Compute RGB, float32 [N, 3, H, W] in 0..1, from LUMA and CHROMA."""
    luma, chroma = _levels(b, LUMA, 1, keep=True), _levels(b, CHROMA, 2, keep=False)
    down = _interpolation(b, b.side(chroma, 2), b.side(luma, 2), parts["y"])
    across = _interpolation(b, b.side(chroma, 3), b.side(luma, 3), parts["x"])
    chroma = b.add("MatMul", b.add("MatMul", down, chroma), b.add("Transpose", across, perm=[1, 0]))
    levels = b.add("Concat", luma, chroma, axis=1)
    inverse = b.add("Reshape", parts["inverse"], b.whole(3, 3, 1, 1))
    rgb = b.add("Conv", levels, inverse, parts["inverse_offset"], kernel_shape=[1, 1])
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


def _rgb_to_planes(b: _Builder, parts: dict[str, str], source: str) -> None:
    """Compute UPSCALED_LUMA and UPSCALED_CHROMA from float32 [N, 3, sH, sW] RGB."""
    rgb = b.add("Clip", source, b.number(0), b.number(1))
    to_luma = b.add("Reshape", parts["to_luma"], b.whole(1, 3, 1, 1))
    to_chroma = b.add("Reshape", parts["to_chroma"], b.whole(2, 3, 1, 1))
    luma = b.add("Conv", rgb, to_luma, parts["luma_offset"], kernel_shape=[1, 1])
    chroma = b.add("Conv", rgb, to_chroma, parts["chroma_offset"], kernel_shape=[1, 1])
    kind = b.add("Squeeze", parts["subsampling"], b.whole(0))
    chroma = _subsampled(b, chroma, b.add("Less", kind, b.number(1.5)), parts["across"], axis=3)
    chroma = _subsampled(b, chroma, b.add("Less", kind, b.number(0.5)), parts["down"], axis=2)
    deep = b.add("Greater", b.side(LUMA, 1), b.constant(np.array(1, np.int64)))
    _bytes(b, luma, parts["most"], deep, axis=1, result=UPSCALED_LUMA)
    chroma = b.add("Unsqueeze", chroma, b.whole(2))
    _bytes(b, chroma, parts["most"], deep, axis=2, result=UPSCALED_CHROMA)


def _subsampled(b: _Builder, chroma: str, wanted: str, weights: str, *, axis: int) -> str:
    """Halve chroma along an axis, if wanted, with six weights."""
    kernel = [1, 6] if axis == 3 else [6, 1]
    yes, no = _Builder(f"planes_halve_{axis}"), _Builder(f"planes_keep_{axis}")
    pads = [0] * 8
    pads[axis], pads[axis + 4] = 2, 2
    padded = yes.add("Pad", chroma, yes.whole(*pads), mode="edge")
    shaped = yes.add("Expand", yes.add("Reshape", weights, yes.whole(1, 1, *kernel)), yes.whole(2, 1, 1, 1))
    yes.add(
        "Conv",
        padded,
        shaped,
        group=2,
        kernel_shape=kernel,
        strides=[2 if side > 1 else 1 for side in kernel],
    )
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
