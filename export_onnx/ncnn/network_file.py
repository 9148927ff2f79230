"""Reads a network of ncnn: the layers in its text file (.param), and their weights in its binary file (.bin).

It knows the layers of super-resolution networks, of which only Convolution and PReLU have weights. The
formats are described in ncnn's documentation, "param and model file structure":
https://github.com/Tencent/ncnn/wiki/param-and-model-file-structure
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from orchestrator.errors import WeightsRefused

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAGIC = "7767517"
"""The first line of every text file since 2017."""

MAX_TEXT_BYTES = 1 << 20
MAX_WEIGHT_BYTES = 1 << 28
MAX_LAYERS = 10_000
MAX_CHANNELS = 4096

_FP32, _FP32_TAGGED, _FP16 = 0, 0x0002C056, 0x01306B47
"""What precedes the weights of a convolution: raw fp32, the same with a tag, or fp16."""

_ARRAYS = -23300
"""The key of an array is this minus the key of a single value."""

_WITHOUT_WEIGHTS = {
    *("Input", "Split", "Concat", "Eltwise", "BinaryOp", "Interp", "PixelShuffle"),
}


@dataclass(frozen=True, kw_only=True)
class NcnnLayer:
    """A layer of the network.

    Attributes:
        kind: ncnn's name of the operation, such as Convolution.
        name: the layer's own name.
        parameters: its parameters by number, int or float, or a tuple of them.
        weight: of a Convolution float16 or float32 [outputs, inputs, kernel, kernel], of a PReLU float32
            [channels]; None if it has none.
        bias: of a Convolution float32 [outputs]; None if it has none.
    """

    kind: str
    name: str
    parameters: dict[int, Any]
    weight: NDArray[np.floating[Any]] | None = None
    bias: NDArray[np.float32] | None = None


def read_network(text: bytes, weights: bytes) -> tuple[NcnnLayer, ...]:
    """Read a network.

    Args:
        text: the content of the .param file.
        weights: the content of the .bin file.

    Returns:
        The layers, in the order in which they run.

    Raises:
        WeightsRefused: a file is damaged, too long, or contains what this reader does not know.
    """
    if len(text) > MAX_TEXT_BYTES or len(weights) > MAX_WEIGHT_BYTES:
        raise WeightsRefused(
            f"the ncnn network has {len(text)} bytes of layers and {len(weights)} of weights, where at most "
            f"{MAX_TEXT_BYTES} and {MAX_WEIGHT_BYTES} are read; give the weights of PyTorch"
        )
    reader = _WeightReader(weights)
    layers = tuple(_with_weights(layer, reader) for layer in _layers(text))
    if reader.left:
        raise _damaged(f"{reader.left} bytes of weights belong to no layer")
    return layers


def _layers(text: bytes) -> list[NcnnLayer]:
    """Parse the text file, without weights."""
    try:
        lines = [line.split() for line in text.decode("ascii").splitlines() if line.strip()]
    except UnicodeDecodeError as exc:
        raise _damaged("its list of layers is not text") from exc
    if not lines or lines[0] != [MAGIC]:
        raise _damaged(f"its list of layers does not begin with {MAGIC}")
    counts = lines[1] if len(lines) > 1 else []
    if len(counts) != 2 or not all(count.isdigit() for count in counts):
        raise _damaged("it does not say how many layers it has")
    if len(lines) - 2 > MAX_LAYERS or counts[0].lstrip("0") != str(len(lines) - 2):
        raise _damaged(f"it has {len(lines) - 2} layers, where it says {counts[0][:20]}")
    return [_layer(line) for line in lines[2:]]


def _layer(words: list[str]) -> NcnnLayer:
    """Parse a line: kind, name, number of inputs, number of outputs, their names, key=value."""
    try:
        kind, name = words[:2]
        names = sum(_blobs(word) for word in words[2:4])
        parameters = dict(_parameter(pair) for pair in words[4 + names :])
    except ValueError as exc:
        raise _damaged(f"it has a layer that reads {' '.join(words)[:80]!r}") from exc
    if kind not in _WITHOUT_WEIGHTS | {"Convolution", "PReLU"}:
        raise WeightsRefused(
            f"the ncnn network has a layer {kind[:40]!r}, which is not of a known super-resolution network; "
            "give the weights of PyTorch"
        )
    return NcnnLayer(kind=kind, name=name, parameters=parameters)


def _blobs(word: str) -> int:
    """Parse the number of inputs or outputs of a layer. Raises ValueError."""
    number = int(word)
    if not 0 <= number <= MAX_LAYERS:
        raise ValueError(word)
    return number


def _parameter(pair: str) -> tuple[int, Any]:
    """Parse `key=value`; for an array, `key=count,value,value`. Raises ValueError."""
    key, _, value = pair.partition("=")
    number = int(key)
    if number > _ARRAYS:
        return number, _number(value)
    count, *values = value.split(",")
    if int(count) != len(values):
        raise ValueError(pair)
    return _ARRAYS - number, tuple(_number(each) for each in values)


def _number(value: str) -> int | float:
    if value.lstrip("-").isdigit():
        return int(value)
    number = float(value)
    if not math.isfinite(number):
        raise ValueError(value)
    return number


def _with_weights(layer: NcnnLayer, reader: _WeightReader) -> NcnnLayer:
    if layer.kind == "PReLU":
        channels = _count(layer, 0, MAX_CHANNELS)
        return NcnnLayer(
            kind=layer.kind, name=layer.name, parameters=layer.parameters, weight=reader.fp32(channels)
        )
    if layer.kind != "Convolution":
        return layer
    outputs, kernel = _count(layer, 0, MAX_CHANNELS), _count(layer, 1, 15)
    values = _count(layer, 6, MAX_WEIGHT_BYTES)
    if layer.parameters.get(8, 0) != 0 or layer.parameters.get(11, kernel) != kernel:
        raise WeightsRefused(
            f"the layer {layer.name[:40]!r} of the ncnn network is quantized, or its kernel is not square; "
            "give the weights of PyTorch"
        )
    inputs, rest = divmod(values, outputs * kernel * kernel)
    if rest or not 1 <= inputs <= MAX_CHANNELS:
        raise _damaged(f"the weights of its layer {layer.name[:40]!r} do not fit its kernel")
    weight = reader.tagged(values).reshape(outputs, inputs, kernel, kernel)
    bias = reader.fp32(outputs) if layer.parameters.get(5, 0) == 1 else None
    return NcnnLayer(kind=layer.kind, name=layer.name, parameters=layer.parameters, weight=weight, bias=bias)


def _count(layer: NcnnLayer, key: int, most: int) -> int:
    value = layer.parameters.get(key)
    if type(value) is not int or not 1 <= value <= most:
        raise _damaged(f"its layer {layer.name[:40]!r} has {key}={value!r}, which is not in 1..{most}")
    return value


class _WeightReader:
    """Reads the binary file from the beginning; copies nothing before it knows that it is there."""

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._position = 0

    @property
    def left(self) -> int:
        """The number of bytes that have not been read."""
        return len(self._content) - self._position

    def tagged(self, values: int) -> NDArray[np.floating[Any]]:
        """Read a tag and that many values, fp16 or fp32; finite."""
        tag = int.from_bytes(self._bytes(4), "little")
        if tag == _FP16:
            weight = np.frombuffer(self._bytes(2 * values + 2 * (values % 2)), "<f2")[:values]
            return _finite(weight)
        if tag in {_FP32, _FP32_TAGGED}:
            return self.fp32(values)
        raise WeightsRefused(
            f"the ncnn network has weights of the kind {tag:#010x}, neither fp16 nor fp32; "
            "give the weights of PyTorch"
        )

    def fp32(self, values: int) -> NDArray[np.float32]:
        """Read that many fp32 values; finite."""
        return _finite(np.frombuffer(self._bytes(4 * values), "<f4"))

    def _bytes(self, count: int) -> bytes:
        if count > self.left:
            raise _damaged(f"its weights end after {len(self._content)} bytes, in the middle of a layer")
        self._position += count
        return self._content[self._position - count : self._position]


def _finite(values: NDArray[Any]) -> NDArray[Any]:
    if not np.isfinite(values).all():
        raise _damaged("it has a weight that is not finite")
    return values


def _damaged(what: str) -> WeightsRefused:
    return WeightsRefused(f"the ncnn network is damaged: {what}; get the files again")
