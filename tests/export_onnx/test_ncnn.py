"""Tests the reader of ncnn's networks, with networks written here by another implementation of the format."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from export_onnx.ncnn.network_file import MAX_TEXT_BYTES, read_network
from export_onnx.ncnn.state_dict import state_dict
from export_onnx.safetensors_file import encode
from orchestrator.errors import WeightsRefused

safetensors = pytest.importorskip("safetensors.numpy", reason="safetensors is not installed")

FP16 = b"\x47\x6b\x30\x01"
FIRST = np.arange(2 * 3 * 9, dtype=np.float16).reshape(2, 3, 3, 3) / 8
SECOND = -np.arange(48 * 2 * 9, dtype=np.float32).reshape(48, 2, 3, 3) / 16
BIAS = np.array([0.5, -0.25], np.float32)
SLOPES = np.array([0.1, 0.3], np.float32)
LAST_BIAS = np.linspace(-1, 1, 48, dtype=np.float32)

COMPACT = [
    "Input in 0 1 data",
    "Split s 1 2 data a b",
    "Convolution c0 1 1 b c 0=2 1=3 4=1 5=1 6=54",
    "PReLU p 1 1 c d 0=2",
    "Convolution c1 1 1 d e 0=48 1=3 4=1 5=1 6=864",
    "PixelShuffle u 1 1 e f 0=4",
    "Interp i 1 1 a g 0=1 1=4.000000e+00 2=4.0",
    "BinaryOp + 2 1 f g output",
]
WEIGHTS = b"".join(
    [
        *(FP16, FIRST.tobytes(), BIAS.tobytes(), SLOPES.tobytes()),
        *(bytes(4), SECOND.tobytes(), LAST_BIAS.tobytes()),
    ]
)


def text(lines: list[str], count: object = None) -> bytes:
    return "\n".join(["7767517", f"{len(lines) if count is None else count} 9", *lines, ""]).encode()


def changed(old: str, new: str) -> bytes:
    joined = "\n".join(COMPACT)
    assert old in joined
    return text(joined.replace(old, new).split("\n"))


def test_a_network_in_fp16_and_fp32_becomes_the_tensors_that_were_written() -> None:
    tensors = state_dict(read_network(text(COMPACT), WEIGHTS), "Compact")
    expected: dict[str, NDArray[Any]] = {
        "body.0.weight": FIRST,
        "body.0.bias": BIAS,
        "body.1.weight": SLOPES,
        "body.2.weight": SECOND,
        "body.2.bias": LAST_BIAS,
    }
    assert tensors.keys() == expected.keys()
    for name, tensor in tensors.items():
        assert tensor.dtype == expected[name].dtype
        np.testing.assert_array_equal(tensor, expected[name])


def test_the_weight_file_is_one_that_safetensors_reads_and_is_always_the_same() -> None:
    tensors = state_dict(read_network(text(COMPACT), WEIGHTS), "Compact")
    content = encode(tensors)
    assert content == encode(dict(reversed(tensors.items())))
    loaded = safetensors.load(content)
    assert loaded.keys() == tensors.keys()
    for name, tensor in loaded.items():
        assert tensor.dtype == tensors[name].dtype
        np.testing.assert_array_equal(tensor, tensors[name])


@pytest.mark.parametrize(
    ("content", "weights", "message"),
    [
        (b"", WEIGHTS, "does not begin with 7767517"),
        (b"\xff\xfe", WEIGHTS, "not text"),
        (b"7767517\n", WEIGHTS, "how many layers"),
        (text(COMPACT, "-8"), WEIGHTS, "how many layers"),
        (text(COMPACT, 99999999999999999999), WEIGHTS, "8 layers, where it says 9999"),
        (text(["Input in 0 1 data"] * 10_001), b"", "10001 layers"),
        (b"7" * (MAX_TEXT_BYTES + 1), b"", "at most"),
        (text(["Input"]), b"", "reads 'Input'"),
        (text(["Input in 99999999999 1 data"]), b"", "reads 'Input in"),
        (text(["Input in 0 -1 data"]), b"", "reads 'Input in"),
        (changed("0=1 1=4.0", "0=1 1=nan 9=4.0"), WEIGHTS, "reads 'Interp"),
        (changed("0=1 1=4.0", "-23301=7,4.0 1=4.0"), WEIGHTS, "reads 'Interp"),
        (changed("BinaryOp", "Exec"), WEIGHTS, "a layer 'Exec'"),
        (changed("6=54", "6=55"), WEIGHTS, "do not fit its kernel"),
        (changed("6=54", "6=0"), WEIGHTS, "6=0"),
        (changed("6=54", "6=9999999999999"), WEIGHTS, "6=9999999999999"),
        (changed("6=54", "6=268435440"), WEIGHTS, "do not fit its kernel"),
        (changed("0=2 1=3", "0=2000000000 1=3"), WEIGHTS, "0=2000000000"),
        (changed("6=54", "6=54 8=1"), WEIGHTS, "quantized"),
        (text(COMPACT), WEIGHTS[:-1], "in the middle of a layer"),
        (text(COMPACT), b"", "in the middle of a layer"),
        (text(COMPACT), WEIGHTS + bytes(4), "4 bytes of weights belong to no layer"),
        (text(COMPACT), b"\x38\x4b\x0d\x00" + WEIGHTS[4:], "neither fp16 nor fp32"),
        (text(COMPACT), WEIGHTS[:-4] + struct.pack("<f", float("nan")), "not finite"),
    ],
)
def test_damaged_and_hostile_networks_are_refused(content: bytes, weights: bytes, message: str) -> None:
    with pytest.raises(WeightsRefused, match=message):
        read_network(content, weights)


@pytest.mark.parametrize(
    ("content", "architecture"),
    [
        (text(COMPACT), "ESRGAN"),
        (changed("BinaryOp +", "Eltwise +"), "Compact"),
        (changed("1=3 4=1 5=1 6=54", "1=3 4=0 5=1 6=54"), "Compact"),
        (changed("1=3 4=1 5=1 6=54", "1=3 3=2 4=1 5=1 6=54"), "Compact"),
        (changed("4=1 5=1 6=54", "4=1 5=1 6=54 9=2 -23310=1,0.1"), "Compact"),
    ],
)
def test_the_layers_of_another_network_are_refused(content: bytes, architecture: str) -> None:
    layers = read_network(content, WEIGHTS)
    with pytest.raises(WeightsRefused, match="PyTorch"):
        state_dict(layers, architecture)


@given(st.data())
def test_no_change_of_a_byte_gives_anything_but_tensors_or_a_refusal(data: st.DataObject) -> None:
    files = [text(COMPACT), WEIGHTS]
    which = data.draw(st.sampled_from([0, 1]))
    position = data.draw(st.integers(0, len(files[which]) - 1))
    byte = data.draw(st.binary(min_size=0, max_size=3))
    files[which] = files[which][:position] + byte + files[which][position + 1 :]
    try:
        tensors = state_dict(read_network(*files), "Compact")
    except WeightsRefused:
        return
    assert all(np.isfinite(tensor).all() for tensor in tensors.values())
