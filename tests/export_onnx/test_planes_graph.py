"""Tests the conversion of planes inside the graph: unchanged through an identity, and against float64."""

from __future__ import annotations

import itertools
from dataclasses import replace
from functools import partial
from pathlib import Path

import av
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper

from export_onnx.upscaling import graph
from export_onnx.upscaling.parity import photo
from export_onnx.upscaling.planes_graph import network_of, with_planes
from orchestrator.media.colour.frame_to_rgb import samples_of
from orchestrator.media.filter_chain import buffer_options, filter_chain
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
@pytest.mark.parametrize("bits", [8, 10])
def test_the_colours_of_a_photograph_are_those_of_swscale(
    identity: onnxruntime.InferenceSession, bits: int, kind: Subsampling, matrix: str, full: bool
) -> None:
    """With accurate rounding and chroma at the center, left, top left, top and bottom left: to one level.

    In RGB of 8 bits that is true of all sources, and in RGB of 10 bits of those of full range. Of limited
    range, swscale's own RGB of 10 bits is up to three levels from float64, so it is only that close to ours,
    and ours is compared with float64, too. Behind the graph there are 16 bits and 4:4:4, so that rounding
    there adds nothing.
    """
    picture = photo(144, 160) / 255
    across, down = FACTORS[kind]
    sitings = {
        (x * (across == 2), y * (down == 2)) for x, y in ((0.5, 0.5), (0, 0.5), (0, 0), (0.5, 0), (0, 1))
    }
    for siting in sorted(sitings):
        colour = PlaneColour(
            matrix=MATRICES[matrix], full_range=full, bits=bits, siting=siting, output_subsampling="444"
        )
        to_levels, offset = colour.levels()
        levels = np.moveaxis(picture @ to_levels.T + offset, -1, 0)
        chroma = levels[1:].reshape(2, 144 // down, down, 160 // across, across).mean((2, 4))
        luma, chroma = np.rint(levels[0]).astype(np.uint16), np.rint(chroma).astype(np.uint16)
        ours = identity_rgb(identity, luma, chroma, colour)
        in_float64 = rgb_in_float64(luma, chroma, colour)
        assert np.abs(ours - in_float64).max() * 1023 <= 0.1
        coded = (luma, *chroma)
        for depth, most_apart in ((8, 1), (10, 1 if full and bits == 10 else 3)):
            theirs = swscale_rgb(coded, kind, colour, depth)
            assert np.abs(np.rint(ours * (2**depth - 1)) - theirs).max() <= most_apart, (siting, depth)
        if kind != "444":
            elsewhere = replace(colour, siting=(0.5 - siting[0], siting[1]))
            other = swscale_rgb(coded, kind, elsewhere, 8)
            assert np.abs(other - in_float64 * 255).max() > 4, "swscale ignores the siting"


def identity_rgb(
    session: onnxruntime.InferenceSession,
    luma: NDArray[np.uint16],
    chroma: NDArray[np.uint16],
    colour: PlaneColour,
) -> NDArray[np.float64]:
    """Return the RGB, [H, W, 3] of 0..1, of what an identity makes of planes."""
    sixteen = replace(colour, bits=16)
    planes = luma, chroma
    if colour.bits == 8:  # they have one byte on both sides of a model: each level is exactly one of 16 bits
        factor = 257 if colour.full_range else 256
        planes = luma * factor, ((chroma.astype(np.int32) - 128) * factor + 32768).astype(np.uint16)
        colour = sixteen
    answer = passed(session, (planes[0][None], planes[1][None]), replace(colour, output_bits=16))
    to_levels, offset = sixteen.levels()
    levels = np.concatenate([answer[0][:, None], answer[1]], 1)[0].astype(float)
    rgb = np.einsum("ij,jhw->hwi", np.linalg.inv(to_levels), levels - offset[:, None, None])
    return np.asarray(np.clip(rgb, 0, 1), np.float64)


def swscale_rgb(
    coded: tuple[NDArray[np.uint16], ...], kind: Subsampling, colour: PlaneColour, depth: int
) -> NDArray[np.float64]:
    """Return the RGB, [H, W, 3] in levels of a depth, that swscale makes of planes, rounding accurately."""
    height, width = coded[0].shape
    source = av.VideoFrame(width, height, f"yuv{kind}p{'' if colour.bits == 8 else f'{colour.bits}le'}")
    sample = np.uint8 if colour.bits == 8 else np.uint16
    for plane, samples in zip(source.planes, coded, strict=True):
        padded = np.zeros((plane.height, plane.line_size // sample().itemsize), sample)
        padded[:, : plane.width] = samples
        plane.update(padded.tobytes())
    name = {6: "bt601", 1: "bt709", 9: "bt2020"}[colour.matrix]
    across, down = (round(256 * place) for place in colour.siting)
    scale = (
        f"{width}:{height}:flags=bilinear+accurate_rnd+full_chroma_int+bitexact:in_color_matrix={name}"
        f":in_range={'full' if colour.full_range else 'limited'}:out_range=full"
        f":in_h_chr_pos={across}:in_v_chr_pos={down}"
    )
    form = "gbrp" if depth == 8 else f"gbrp{depth}le"
    graph = filter_chain(buffer_options(source), ("scale", scale), ("format", form))
    graph.push(source)
    result = graph.pull()
    assert isinstance(result, av.VideoFrame)
    green, blue, red = (samples_of(plane, depth) for plane in result.planes)
    return np.stack([red, green, blue], -1).astype(np.float64)


def rgb_in_float64(
    luma: NDArray[np.uint16], chroma: NDArray[np.uint16], colour: PlaneColour
) -> NDArray[np.float64]:
    """Return the RGB, [H, W, 3] of 0..1, of planes whose chroma is interpolated by NumPy."""
    matrix, offset = colour.levels()
    spread = chroma.astype(np.float64)
    for axis, place in ((1, colour.siting[1]), (2, colour.siting[0])):
        pixels, samples = luma.shape[axis - 1], chroma.shape[axis]
        factor = pixels // samples
        at = np.arange(samples) * factor + place * (factor - 1)
        spread = np.apply_along_axis(partial(np.interp, np.arange(pixels), at), axis, spread)
    levels = np.stack([luma, *spread])
    rgb = np.einsum("ij,jhw->hwi", np.linalg.inv(matrix), levels - offset[:, None, None])
    return np.asarray(np.clip(rgb, 0, 1), np.float64)


def through_float64(planes: Planes, colour: PlaneColour, wanted: Subsampling) -> list[NDArray[np.int32]]:
    """Return what an identity must make of planes, by interpolation and convolution of NumPy."""
    matrix, offset = colour.levels()
    rgb = rgb_in_float64(planes[0][0], planes[1][0], colour)
    levels = np.einsum("ij,hwj->ihw", matrix, rgb) + offset[:, None, None]
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
