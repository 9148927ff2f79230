"""Tests the conversion of planes inside the graph: unchanged through an identity, and against float64."""

from __future__ import annotations

import itertools
from pathlib import Path

import av
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export_onnx.upscaling import graph
from export_onnx.upscaling.parity import photo
from export_onnx.upscaling.planes_graph import network_of, with_planes
from orchestrator.media.colour.frame_to_rgb import rows_of
from orchestrator.triton.colour_tensor import PlaneColour, Subsampling

MATRICES = {"601": 6, "709": 1, "2020": 9}
FACTORS: dict[Subsampling, tuple[int, int]] = {"420": (2, 2), "422": (2, 1), "444": (1, 1)}
SITINGS = [(x, y) for x in (0.0, 0.5, 1.0) for y in (0.0, 0.5, 1.0)]
Planes = tuple[NDArray[np.uint16], NDArray[np.uint16]]


@pytest.fixture(scope="module", params=[False, True], ids=["for a GPU", "for a CPU"])
def identity(request: pytest.FixtureRequest) -> onnxruntime.InferenceSession:
    rgb = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 3, "H", "W"]) for name in ("in", "out")
    ]
    graph = helper.make_graph([helper.make_node("Identity", ["in"], ["out"])], "identity", rgb[:1], rgb[1:])
    network = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    serialized = with_planes(network, on_cpu=request.param).SerializeToString()
    return onnxruntime.InferenceSession(serialized, providers=["CPUExecutionProvider"])


def passed(session: onnxruntime.InferenceSession, planes: Planes, colour: PlaneColour) -> Planes:
    """Return the planes, luma [N, H, W] and chroma [N, 2, h, w], that a model makes of such planes."""
    luma, chroma = (np.stack([plane & 255, plane >> 8], -3).astype(np.uint8) for plane in planes)
    if colour.bits == 8:
        luma, chroma = luma[:, :1], chroma[:, :, :1]
    tensor = colour.tensor().repeat(len(luma), 0)
    answer = session.run(None, {"luma": luma, "chroma": chroma, "colour": tensor})
    assert [part.shape[-3] for part in answer] == [1 if colour.bits == 8 else 2] * 2
    first, second = (
        sum(part[..., n, :, :].astype(np.uint16) << 8 * n for n in range(part.shape[-3])) for part in answer
    )
    return first, second


@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("kind", FACTORS)
@pytest.mark.parametrize("bits", [8, 10, 12, 16])
def test_planes_with_displayable_colours_pass_an_identity_unchanged(
    identity: onnxruntime.InferenceSession, matrix: str, kind: Subsampling, bits: int
) -> None:
    random = np.random.default_rng(bits)
    across, down = FACTORS[kind]
    for full, siting, (height, width) in itertools.product(
        (False, True), SITINGS, ((1, 1), (2, 2), (3, 8), (16, 30), (33, 61))
    ):
        colour = PlaneColour(
            matrix=MATRICES[matrix], full_range=full, bits=bits, siting=siting, output_subsampling=kind
        )
        to_levels, offset = colour.levels()
        # Colours of middle luma and weak chroma are inside of RGB wherever chroma is interpolated.
        luma = offset[0] + random.uniform(0.3, 0.7, (2, height, width)) * to_levels[0].sum()
        spread = random.uniform(-0.2, 0.2, (2, 2, -(-height // down), -(-width // across)))
        chroma = offset[1] + spread * to_levels[1, 2]
        # The worker pads odd sizes: luma, and chroma along axes that are not subsampled.
        beyond = height % 2, width % 2
        luma = np.pad(luma, [(0, 0), *((0, side) for side in beyond)], mode="edge")
        beyond = beyond[0] * (down == 1), beyond[1] * (across == 1)
        chroma = np.pad(chroma, [(0, 0), (0, 0), *((0, side) for side in beyond)], mode="edge")
        planes = np.rint(luma).astype(np.uint16), np.rint(chroma).astype(np.uint16)
        for plane, answer in zip(planes, passed(identity, planes, colour), strict=True):
            np.testing.assert_array_equal(answer, plane, err_msg=f"{full} {siting} {height}x{width}")


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("wanted", FACTORS)
@pytest.mark.parametrize("kind", FACTORS)
def test_planes_of_a_photograph_are_within_a_level_of_float64(
    identity: onnxruntime.InferenceSession, kind: Subsampling, wanted: Subsampling, bits: int
) -> None:
    picture = photo(46, 64) / 255
    across, down = FACTORS[kind]
    for matrix, full, siting in itertools.product(MATRICES.values(), (False, True), SITINGS):
        colour = PlaneColour(
            matrix=matrix, full_range=full, bits=bits, siting=siting, output_subsampling=wanted
        )
        to_levels, offset = colour.levels()
        levels = np.moveaxis(picture @ to_levels.T + offset, -1, 0)
        chroma = levels[1:].reshape(2, 46 // down, down, 64 // across, across).mean((2, 4))
        planes = np.rint(levels[:1]).astype(np.uint16), np.rint(chroma[None]).astype(np.uint16)
        expected = through_float64(planes, colour, wanted)
        for plane, answer in zip(expected, passed(identity, planes, colour), strict=True):
            assert plane.shape == answer.shape
            assert np.abs(plane - answer.astype(np.int32)).max() <= 1


@pytest.mark.parametrize("full", [False, True], ids=["limited", "full"])
@pytest.mark.parametrize("matrix", MATRICES)
@pytest.mark.parametrize("kind", FACTORS)
def test_the_colours_of_a_photograph_are_those_of_swscale(
    identity: onnxruntime.InferenceSession, kind: Subsampling, matrix: str, full: bool
) -> None:
    """In 10 bits and 4:4:4 behind the graph, so that rounding there adds nothing."""
    height, width = 144, 160
    colours = {"601": Colorspace.ITU601, "709": Colorspace.ITU709, "2020": Colorspace.BT2020}
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
    range_ = ColorRange.JPEG if full else ColorRange.MPEG
    coding = {"src_colorspace": colours[matrix], "dst_colorspace": colours[matrix]}
    source = av.VideoFrame.from_ndarray(photo(height, width), "rgb24")
    coded = VideoReformatter().reformat(
        source, format=f"yuv{kind}p", dst_color_range=range_, interpolation=flags, **coding
    )
    theirs = VideoReformatter().reformat(
        coded,
        format="rgb24",
        src_color_range=range_,
        dst_color_range=ColorRange.JPEG,
        interpolation=flags,
        **coding,
    )
    luma, *chroma = (rows_of(plane, np.uint8)[:, : plane.width] for plane in coded.planes)
    ten = PlaneColour(
        matrix=MATRICES[matrix], full_range=full, bits=10, siting=(0.5, 0.5), output_subsampling="444"
    )
    to_levels, ten_offset = ten.levels()
    # Levels of 8 bits as such of 10, which are four times as many, or in the full range a little more.
    scale = 1023 / 255 if full else 4.0
    planes = (
        np.rint(luma[None] * scale).astype(np.uint16),
        np.rint((np.stack(chroma)[None] - 128.0) * scale + 512).astype(np.uint16),
    )
    large_luma, large_chroma = passed(identity, planes, ten)
    levels = np.concatenate([large_luma[:, None], large_chroma], 1)[0].astype(float)
    rgb = np.einsum("ij,jhw->hwi", np.linalg.inv(to_levels), levels - ten_offset[:, None, None])
    ours = np.rint(np.clip(rgb, 0, 1) * 255)
    assert np.abs(ours - theirs.to_ndarray()).max() <= 1


def through_float64(planes: Planes, colour: PlaneColour, wanted: Subsampling) -> list[NDArray[np.int32]]:
    """Return what an identity must make of planes, by interpolation and convolution of NumPy."""
    luma, chroma = planes[0][0].astype(float), planes[1][0].astype(float)
    matrix, offset = colour.levels()
    for axis, place in ((1, colour.siting[1]), (2, colour.siting[0])):
        factor = luma.shape[axis - 1] // chroma.shape[axis]
        at = np.arange(chroma.shape[axis]) * factor + place * (factor - 1)
        pixels = np.arange(luma.shape[axis - 1])
        lines = np.moveaxis(chroma, axis, -1).reshape(-1, len(at))
        spread = np.array([np.interp(pixels, at, line) for line in lines])
        chroma = np.moveaxis(spread.reshape(*np.moveaxis(chroma, axis, -1).shape[:-1], -1), -1, axis)
    levels = np.stack([luma, *chroma])
    rgb = np.clip(np.einsum("ij,jhw->ihw", np.linalg.inv(matrix), levels - offset[:, None, None]), 0, 1)
    levels = np.einsum("ij,jhw->ihw", matrix, rgb) + offset[:, None, None]
    result = levels[1:]
    kernels = {
        0.0: np.array([-1, 2, 6, 2, -1]) / 8,
        0.5: np.array([-1, 3, 3, -1]) / 4,
        1.0: np.array([-1, 2, 6, 2, -1]) / 8,
    }
    for axis, place, factor in zip((2, 1), colour.siting, FACTORS[wanted], strict=True):
        if factor == 1:
            continue
        padded = np.pad(result, [(2, 2) if n == axis else (0, 0) for n in range(3)], mode="edge")
        full = np.apply_along_axis(np.convolve, axis, padded, kernels[place], mode="valid")
        first = {0.0: 0, 0.5: 1, 1.0: 1}[place]
        result = full.take(range(first, first + levels.shape[axis], 2), axis)
    most = 2**colour.bits - 1
    return [np.rint(np.clip(plane, 0, most)).astype(np.int32) for plane in (levels[:1], result[None])]


def test_the_network_of_an_exported_graph_is_found_again(tmp_path: Path) -> None:
    graph.export(
        torch.nn.Upsample(scale_factor=2.0), tmp_path / "model.onnx", precision="fp32", size=(16, 24)
    )
    network = network_of(onnx.load(tmp_path / "model.onnx"))
    session = onnxruntime.InferenceSession(network.SerializeToString(), providers=["CPUExecutionProvider"])
    rgb = np.random.default_rng(0).normal(0, 2, (2, 3, 5, 7)).astype(np.float32)
    np.testing.assert_array_equal(session.run(None, {"rgb": rgb})[0], rgb.repeat(2, 2).repeat(2, 3))


def test_an_fp16_network_that_changes_nothing_returns_the_same_planes(tmp_path: Path) -> None:
    graph.export(torch.nn.ReLU(), tmp_path / "model.onnx", precision="fp16", size=(16, 24))
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    random = np.random.default_rng(0)
    colour = PlaneColour(matrix=1, full_range=False, bits=8)
    planes = (
        random.integers(70, 180, (1, 32, 48)).astype(np.uint16),
        random.integers(108, 148, (1, 2, 16, 24)).astype(np.uint16),
    )
    for plane, answer in zip(planes, passed(session, planes, colour), strict=True):
        np.testing.assert_array_equal(answer, plane)
