"""Gives the layers of an ncnn network the names that its authors' PyTorch network has for them.

It knows the two networks of Real-ESRGAN: SRVGGNetCompact (here Compact) and RRDBNet (here ESRGAN). The kinds
of all layers, in their order, and the shape of each convolution must be those of the network. It does not
compare how the layers are connected: the hash in the catalog fixes that, and a test runs the network in ncnn.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from export_onnx.ncnn.network_file import NcnnLayer

    Tensors = dict[str, NDArray[np.floating[Any]]]

LEAKY = (0.2,)
"""The negative slope of RRDBNet's activations."""

_DENSE_BLOCK = [
    *("Convolution", "Split", "Concat"),
    *("Convolution", "Split", "Concat"),
    *("Convolution", "Split", "Concat"),
    *("Convolution", "Concat"),
    *("Convolution", "Eltwise"),
]
"""A ResidualDenseBlock: five convolutions, each of which sees the results of those before it."""

_RESIDUAL_BLOCK = [*_DENSE_BLOCK, "Split", *_DENSE_BLOCK, "Split", *_DENSE_BLOCK, "Eltwise"]


def state_dict(layers: tuple[NcnnLayer, ...], architecture: str) -> Tensors:
    """Return the tensors of a network by their names in PyTorch.

    Args:
        layers: the layers in the order in which they run.
        architecture: Compact or ESRGAN, as the catalog names it.

    Raises:
        WeightsRefused: the layers are not those of that network.
    """
    for layer in layers:
        if layer.kind == "Convolution":
            _check_convolution(layer)
    return {"Compact": _compact, "ESRGAN": _rrdb}[architecture](layers)


def _compact(layers: tuple[NcnnLayer, ...]) -> Tensors:
    body = [layer for layer in layers if layer.weight is not None]
    kinds = ["Input", "Split", *["Convolution", "PReLU"] * (len(body) // 2), "Convolution"]
    _check_kinds(layers, [*kinds, "PixelShuffle", "Interp", "BinaryOp"], "Compact")
    convolutions = body[::2]
    _check_chain(convolutions, "Compact")
    if any(
        activation.weight is None or len(activation.weight) != _outputs(convolution)
        for convolution, activation in zip(convolutions, body[1::2], strict=False)
    ):
        raise _another("Compact")
    return _named((f"body.{number}", layer) for number, layer in enumerate(body))


def _rrdb(layers: tuple[NcnnLayer, ...]) -> Tensors:
    convolutions = [layer for layer in layers if layer.kind == "Convolution"]
    # Three dense blocks of five convolutions in each residual block; six convolutions around the blocks.
    blocks = (len(convolutions) - 6) // 15
    if blocks < 1:
        raise _another("ESRGAN")
    trunk = (["Split", *_RESIDUAL_BLOCK] * blocks)[1:]
    kinds = ["Input", "Convolution", "Split", *trunk, "Convolution", "BinaryOp"]
    tail = ["Interp", "Convolution", "Interp", "Convolution", "Convolution", "Convolution"]
    _check_kinds(layers, [*kinds, *tail], "ESRGAN")
    first, last = convolutions[0], convolutions[-5:]
    inner = convolutions[1:-5]
    for start in range(0, len(inner), 5):
        _check_dense_block(inner[start : start + 5], _outputs(first))
    _check_chain([first, *last], "ESRGAN")
    names = [
        f"body.{block}.rdb{dense}.conv{number}"
        for block in range(blocks)
        for dense in (1, 2, 3)
        for number in (1, 2, 3, 4, 5)
    ]
    ends = ["conv_body", "conv_up1", "conv_up2", "conv_hr", "conv_last"]
    return _named(zip(["conv_first", *names, *ends], convolutions, strict=True))


def _check_dense_block(convolutions: list[NcnnLayer], features: int) -> None:
    growth = _outputs(convolutions[0])
    for number, layer in enumerate(convolutions):
        last = number == len(convolutions) - 1
        expected = (features if last else growth, features + number * growth)
        if _shape(layer)[:2] != expected or layer.parameters.get(9, 0) != (0 if last else 2):
            raise _another("ESRGAN")


def _check_chain(convolutions: list[NcnnLayer], architecture: str) -> None:
    """Check that each convolution takes what the one before it gives, and the first takes RGB."""
    if _shape(convolutions[0])[1] != 3 or any(
        _shape(after)[1] != _outputs(before) for before, after in pairwise(convolutions)
    ):
        raise _another(architecture)


def _check_kinds(layers: tuple[NcnnLayer, ...], expected: list[str], architecture: str) -> None:
    if [layer.kind for layer in layers] != expected:
        raise _another(architecture)


def _check_convolution(layer: NcnnLayer) -> None:
    """Check for a 3x3 kernel with a padding of 1, a bias, and no activation but RRDBNet's."""
    facts = [layer.parameters.get(key, default) for key, default in ((1, 0), (2, 1), (3, 1), (4, 0), (5, 0))]
    activation = layer.parameters.get(9, 0)
    slope = layer.parameters.get(10)
    if facts != [3, 1, 1, 1, 1] or activation not in {0, 2} or (activation == 2 and slope != LEAKY):
        raise WeightsRefused(
            f"the layer {layer.name[:40]!r} of the ncnn network is not a convolution of Real-ESRGAN's "
            "networks; give the weights of PyTorch"
        )


def _named(layers: Any) -> Tensors:
    tensors: Tensors = {}
    for name, layer in layers:
        tensors[f"{name}.weight"] = layer.weight
        if layer.bias is not None:
            tensors[f"{name}.bias"] = layer.bias
    return tensors


def _shape(layer: NcnnLayer) -> tuple[int, ...]:
    return () if layer.weight is None else layer.weight.shape


def _outputs(layer: NcnnLayer) -> int:
    return _shape(layer)[0]


def _another(architecture: str) -> WeightsRefused:
    return WeightsRefused(
        f"the layers of the ncnn network are not those of {architecture}; give the weights of PyTorch"
    )
