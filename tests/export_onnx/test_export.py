"""Tests that built graphs equal spandrel's own networks, and the commands that build them."""

from __future__ import annotations

import hashlib
import os
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")
from collections.abc import Callable

import torch
from numpy.typing import NDArray
from spandrel import ModelLoader
from torch import nn

from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CatalogUpscaler
from export_onnx.model_config import UpscalerConfig
from export_onnx.repository import BuildRecord, model_path
from export_onnx.upscaling import graph, parity, rgb_planes
from export_onnx.upscaling.load_network import load
from export_onnx.upscaling.planes_graph import PREFIX
from export_onnx.weight_file import read_custom
from orchestrator.errors import ModelBuildFailed, WeightsRefused
from tests.support.model_builds import MaliciousPickle, build_upscaler, framewright_models
from tools.fixtures import networks
from tools.fixtures.noise import noise as random_planes

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "real"
RANDOM = np.random.default_rng(44)


def upscaler(record: BuildRecord) -> UpscalerConfig:
    """The built model, which is an upscaler."""
    assert isinstance(record.model, UpscalerConfig)
    return record.model


def run(path: Path, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ONNX Runtime's output for uint8 [N, H, W, 3]."""
    return rgb_planes.upscaled(
        onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"]), image
    )


def own(weights: Path, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the output of spandrel's own network for uint8 [N, H, W, 3]."""
    network = ModelLoader().load_from_file(weights).eval().model
    with torch.inference_mode():
        upscaled = network(torch.from_numpy(image).permute(0, 3, 1, 2).float() / 255)
    levels = np.rint(np.clip(upscaled.permute(0, 2, 3, 1).numpy(), 0, 1) * 255)
    return np.asarray(levels, dtype=np.uint8)


def worst(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> int:
    return int(np.abs(first.astype(np.int16) - second).max())


def noise(*shape: int) -> NDArray[np.uint8]:
    return RANDOM.integers(0, 256, (*shape, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("save", "scale", "multiple", "shapes"),
    [
        (networks.compact, 4, 2, [(1, 1, 1), (3, 37, 22)]),
        (networks.rrdb, 4, 2, [(1, 1, 1), (3, 37, 22)]),
        (lambda path: networks.rrdb(path, unshuffle=2), 2, 2, [(1, 2, 2), (3, 34, 22)]),
        pytest.param(networks.swinir, 4, 8, [(1, 8, 8), (3, 56, 24), (2, 16, 88)], marks=pytest.mark.slow),
    ],
    ids=["Compact", "RRDB", "RRDB with pixel-unshuffle", "SwinIR"],
)
def test_a_built_graph_equals_the_network_at_batches_and_sizes_it_was_not_traced_at(
    tmp_path: Path,
    save: Callable[[Path], Path],
    scale: int,
    multiple: int,
    shapes: list[tuple[int, int, int]],
) -> None:
    weights = save(tmp_path / "mine.pth")
    record = build_upscaler(tmp_path, weights)
    assert (upscaler(record).scale, record.model.size_multiple) == (scale, multiple)
    assert record.parity["max_levels"] <= 1
    path = model_path(tmp_path, "mine")
    for batch, height, width in shapes:
        image = noise(batch, height, width)
        upscaled = run(path, image)
        assert upscaled.dtype == np.uint8
        assert upscaled.shape == (batch, scale * height, scale * width, 3)
        assert worst(upscaled, own(weights, image)) <= 1
        assert upscaled.std() > 5  # a flat picture would equal anything


@pytest.mark.parametrize(
    "changes",
    [
        {"upsampler": "pixelshuffle", "upscale": 2},
        {"upsampler": "pixelshuffledirect", "upscale": 3},
        {"upsampler": "", "upscale": 1},
        {"resi_connection": "3conv"},
    ],
    ids=["pixelshuffle", "pixelshuffledirect", "denoising", "3conv"],
)
def test_every_kind_of_swinir_is_the_same_function_as_its_authors(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    network = load(read_custom(networks.swinir(tmp_path / "mine.pth", **changes)))
    image = torch.rand(2, 3, 24, 40)
    with torch.inference_mode():
        torch.testing.assert_close(network.exportable(image), network.reference(image), atol=1e-5, rtol=1e-5)


@pytest.mark.slow
def test_swinir_exported_as_it_is_fails_the_proof(tmp_path: Path) -> None:
    network = load(read_custom(networks.swinir(tmp_path / "mine.pth")))
    path = tmp_path / "model.onnx"
    graph.export(network.reference, path, precision="fp32", size=parity.traced_size(8))
    measured = parity.measure(network.reference, path, scale=4, size_multiple=8, seed=0)
    with pytest.raises(ModelBuildFailed, match="parity failed"):
        parity.check(measured, "fp32")


def test_parity_is_not_measured_at_the_traced_size_or_batch() -> None:
    for multiple in (1, 2, 4, 8, 16):
        inputs = [image.shape[:3] for image in parity.make_inputs(multiple, np.random.default_rng(0))]
        assert {batch for batch, *_ in inputs} >= {1, 2, 3}
        assert (1, *parity.traced_size(multiple)) not in inputs
        assert all(height % multiple == width % multiple == 0 for _, height, width in inputs)


class Unchanged(nn.Module):
    """A network that returns its input."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * 1.0


class Stretched(nn.Module):
    """A network whose output exceeds 0..1 on both sides."""

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return image * 3.0 - 1.0


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_every_level_survives_the_way_through_the_graph(tmp_path: Path, precision: Any) -> None:
    graph.export(Unchanged(), tmp_path / "model.onnx", precision=precision, size=(16, 24))
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    np.testing.assert_array_equal(run(tmp_path / "model.onnx", levels), levels)


def test_values_beyond_the_range_are_clamped(tmp_path: Path) -> None:
    graph.export(Stretched(), tmp_path / "model.onnx", precision="fp32", size=(16, 24))
    levels = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1).repeat(3, axis=3)
    expected = np.rint(np.clip(levels / 255 * 3 - 1, 0, 1) * 255)
    assert worst(run(tmp_path / "model.onnx", levels), expected.astype(np.uint8)) <= 1


def test_channels_stay_in_order(tmp_path: Path) -> None:
    graph.export(Unchanged(), tmp_path / "model.onnx", precision="fp32", size=(16, 24))
    image = noise(1, 3, 5)
    np.testing.assert_array_equal(run(tmp_path / "model.onnx", image), image)


def test_an_fp16_build_converts_planes_in_fp32_and_reports_its_difference(tmp_path: Path) -> None:
    weights = networks.compact(tmp_path / "mine.pth")
    record = build_upscaler(tmp_path, weights, precision="fp16")
    model = onnx.load(str(model_path(tmp_path, "mine")))
    byte, single, half = onnx.TensorProto.UINT8, onnx.TensorProto.FLOAT, onnx.TensorProto.FLOAT16
    kinds = [tensor.type.tensor_type.elem_type for tensor in (*model.graph.input, *model.graph.output)]
    assert kinds == [byte, byte, single, byte, byte]
    weight_kinds = {tensor.data_type for tensor in model.graph.initializer if len(tensor.dims) == 4}
    assert weight_kinds == {half}
    known = onnx.shape_inference.infer_shapes(model).graph.value_info
    ours = {value.type.tensor_type.elem_type for value in known if value.name.startswith(PREFIX)}
    assert single in ours
    assert half not in ours
    assert record.model.choices.precision == "fp16"
    assert 0 < record.parity["share_different"] < 0.2
    assert record.parity["mean_levels"] < 0.2


@pytest.mark.parametrize("path", [ROOT / "model_repository" / "lite-x4" / "1" / "model.onnx", None])
def test_a_graph_can_be_read_by_the_oldest_onnx_runtime_that_serves_it(
    tmp_path: Path, path: Path | None
) -> None:
    if path is None:
        build_upscaler(tmp_path, networks.rrdb(tmp_path / "mine.pth", unshuffle=2))
        path = model_path(tmp_path, "mine")
    model = onnx.load(str(path))
    assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", 17)]
    assert model.ir_version <= 10  # ONNX Runtime 1.19, of Triton 24.10


def test_the_carried_model_is_the_export_of_the_carried_weights() -> None:
    model = ROOT / "model_repository" / "lite-x4" / "1" / "model.onnx"
    image = np.stack([parity.photo(160, 120)[:67, :61], parity.photo(160, 120)[90:157, 50:111]])
    assert worst(run(model, image), own(ROOT / "weights" / "lite-x4.pth", image)) <= 1


def test_the_proof_of_a_build_is_kept_with_the_hash_of_weights_that_were_named_on_purpose(
    tmp_path: Path,
) -> None:
    weights = networks.compact(tmp_path / "my weights.pth")
    record = build_upscaler(tmp_path, weights)
    assert record.model.weights_sha256 == hashlib.sha256(weights.read_bytes()).hexdigest()
    assert record.model.weights_source == "custom"
    assert record.weights_file == "my weights.pth"
    assert record.model_sha256 == hashlib.sha256(model_path(tmp_path, "mine").read_bytes()).hexdigest()
    assert {"torch", "spandrel", "onnx", "onnxruntime"} <= record.tools.keys()


@pytest.mark.parametrize("convolutions", [2, 5])
def test_the_halo_of_a_compact_network_is_its_receptive_field(tmp_path: Path, convolutions: int) -> None:
    record = build_upscaler(tmp_path, networks.compact(tmp_path / "mine.pth", convolutions=convolutions))
    halo = upscaler(record).halo
    field = convolutions + 2
    assert halo == 2 * -(-(field + 3) // 2)
    image = noise(1, 40, 40)
    path = model_path(tmp_path, "mine")
    whole = run(path, image)
    assert worst(run(path, image[:, :, 20 - field :])[:, :, 4 * field :], whole[:, :, 80:]) <= 1
    planes = random_planes(["luma", "chroma", "colour"], batch=1, height=40, width=48)
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    begin = 24 - halo
    part = {
        "luma": planes["luma"][..., begin:],
        "chroma": planes["chroma"][..., begin // 2 :],
        "colour": planes["colour"],
    }
    for all_of_it, right, inside in zip(
        session.run(None, planes), session.run(None, part), (4 * halo, 2 * halo), strict=True
    ):
        beside = right[..., inside:]
        assert worst(beside, all_of_it[..., -beside.shape[-1] :]) <= 1


def test_the_halo_of_own_weights_is_their_relatives_or_what_is_said(tmp_path: Path) -> None:
    known = load_catalog().get("RealESRGAN_x2plus")
    assert isinstance(known, CatalogUpscaler)
    weights = networks.rrdb(tmp_path / "mine.pth", unshuffle=2)
    model = upscaler(build_upscaler(tmp_path, weights))
    assert (model.halo, model.tile, model.max_batch) == (known.halo + 4, known.tile, known.max_batch)
    assert upscaler(build_upscaler(tmp_path, weights, halo=10)).halo == 14  # 13, to a multiple of 2


@pytest.mark.slow
def test_a_model_that_fails_its_proof_is_not_installed_and_the_old_one_stays(tmp_path: Path) -> None:
    repository, bad = tmp_path / "repository", networks.swin2sr(tmp_path / "bad.pth")
    with pytest.raises(ModelBuildFailed):
        build_upscaler(repository, bad)
    assert list(repository.iterdir()) == []
    build_upscaler(repository, networks.compact(tmp_path / "good.pth"))
    before = {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()}
    with pytest.raises(ModelBuildFailed):
        build_upscaler(repository, bad)
    assert {path: path.read_bytes() for path in repository.rglob("*") if path.is_file()} == before
    assert [path.name for path in repository.iterdir()] == ["mine"]


def test_safetensors_build_too(tmp_path: Path) -> None:
    from safetensors.torch import save_file  # noqa: PLC0415 - comes with spandrel

    state = torch.load(networks.compact(tmp_path / "mine.pth"), weights_only=True)["params"]
    save_file(state, tmp_path / "mine.safetensors")
    assert build_upscaler(tmp_path, tmp_path / "mine.safetensors").weights_file == "mine.safetensors"


@pytest.mark.parametrize("zipped", [True, False])
def test_a_weight_file_that_holds_code_does_not_run_it(tmp_path: Path, *, zipped: bool) -> None:
    weights, trap = tmp_path / "evil.pth", tmp_path / "trap"
    if zipped:
        torch.save({"params": MaliciousPickle(trap)}, weights)
    else:
        weights.write_bytes(pickle.dumps({"params": MaliciousPickle(trap)}))
    with pytest.raises(WeightsRefused, match="holds more than tensors"):
        build_upscaler(tmp_path, weights)
    assert not trap.exists()


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"not a pickle", "is a text"),
        (None, "damaged"),
        (torch.zeros(3), "no state dict"),
        ({"params": {"a.weight": torch.zeros(3, 3)}}, "no architecture that spandrel knows"),
        ({}, "no architecture that spandrel knows"),
    ],
    ids=["empty", "text", "truncated", "tensor", "foreign", "no tensors"],
)
def test_a_file_without_a_network_is_refused_in_one_line(tmp_path: Path, content: Any, message: str) -> None:
    weights = tmp_path / "odd.pth"
    if content is None:
        weights.write_bytes(networks.compact(tmp_path / "whole.pth").read_bytes()[:2000])
    elif isinstance(content, bytes):
        weights.write_bytes(content)
    else:
        torch.save(content, weights)
    with pytest.raises(WeightsRefused, match=message) as caught:
        build_upscaler(tmp_path, weights)
    assert "\n" not in str(caught.value)


def test_a_network_for_grey_pictures_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused, match="takes 1 channels"):
        build_upscaler(tmp_path, networks.compact(tmp_path / "grey.pth", channels=1))


def test_weights_of_another_network_are_refused_under_a_catalog_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsRefused, match=r"architecture ESRGAN.*Compact.*--name"):
        build_upscaler(tmp_path, networks.rrdb(tmp_path / "mine.pth"), name="realesr-animevideov3")
    with pytest.raises(WeightsRefused, match="halo 5"):
        build_upscaler(tmp_path, networks.compact(tmp_path / "mine.pth"), name="realesr-animevideov3")


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    state = torch.load(networks.compact(tmp_path / "mine.pth"), weights_only=True)
    state["params"]["body.0.weight"][:] = float("nan")
    torch.save(state, tmp_path / "mine.pth")
    with pytest.raises(ModelBuildFailed, match="not finite"):
        build_upscaler(tmp_path, tmp_path / "mine.pth")


def test_a_model_is_built_listed_and_verified_by_commands(tmp_path: Path) -> None:
    places = {"WEIGHTS_DIR": str(tmp_path / "weights"), "MODEL_REPOSITORY": str(tmp_path / "models")}
    weights = networks.compact(tmp_path / "mine.pth")
    done = framewright_models(
        "build", "--weights", str(weights), "--name", "mine", "--licence", "MIT", **places
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "mine: installed" in done.stdout
    assert (tmp_path / "models" / "mine" / "config.pbtxt").exists()
    assert "mine  " in framewright_models("list", **places).stdout
    assert framewright_models("verify", "mine", **places).stdout == "mine: OK (built, fp32)\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "phase", "signum"),
    [
        ("upscale", "libtorch_cpu", signal.SIGINT),
        ("upscale", "exporting", signal.SIGINT),
        ("upscale", "proving", signal.SIGINT),
        ("upscale", "exporting", signal.SIGTERM),
        ("detect", "libtorch_cpu", signal.SIGINT),
        ("detect", "exporting", signal.SIGINT),
        ("detect", "proving", signal.SIGINT),
    ],
)
def test_a_stopped_build_says_so_and_leaves_nothing(
    tmp_path: Path, task: str, phase: str, signum: signal.Signals
) -> None:
    if task == "detect":
        pytest.importorskip("ultralytics", reason="ultralytics is not installed")
        weights = networks.yolo(tmp_path / "mine.pt", "yolov8n")
    else:
        weights = networks.rrdb(tmp_path / "mine.pth")
    arguments = [sys.executable, "-m", "export_onnx", "build", "--weights", str(weights), "--name", "mine"]
    arguments += ["--task", task]
    models, temporary = tmp_path / "models", tmp_path / "tmp"
    temporary.mkdir()
    with subprocess.Popen(
        arguments,
        cwd=ROOT,
        env={**os.environ, "MODEL_REPOSITORY": str(models), "TMPDIR": str(temporary)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        if phase in {"click", "libtorch_cpu"}:  # a library, as it is loaded
            while phase not in Path(f"/proc/{process.pid}/maps").read_text() and process.poll() is None:
                time.sleep(0.001)
        else:
            assert process.stdout is not None
            while phase not in (line := process.stdout.readline()):
                assert line
        process.send_signal(signum)
        _, error = process.communicate(timeout=60)
    assert process.returncode == 128 + signum
    assert error == f"error: stopped by {signum.name}; run the same command again\n"
    assert not list(models.glob("*"))
    assert not list(temporary.iterdir())


@pytest.mark.slow
def test_a_file_that_is_not_the_catalogs_is_refused_unless_it_is_named(tmp_path: Path) -> None:
    places = {"WEIGHTS_DIR": str(tmp_path), "MODEL_REPOSITORY": str(tmp_path / "models")}
    weights = networks.compact(tmp_path / "realesr-animevideov3.pth", convolutions=16)
    refused = framewright_models("build", "realesr-animevideov3", **places)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert refused.stderr.startswith("error: ")
    for part in (str(weights), hashlib.sha256(weights.read_bytes()).hexdigest(), "--weights"):
        assert part in refused.stderr
    assert not (tmp_path / "models").exists()
    named = framewright_models("build", "realesr-animevideov3", "--weights", str(weights), **places)
    assert (named.returncode, named.stderr) == (0, "")
    assert (
        framewright_models("verify", "realesr-animevideov3", **places).returncode == 2
    )  # the file is still the wrong one
    weights.unlink()
    assert framewright_models("verify", "realesr-animevideov3", **places).stdout.endswith(
        "OK (built, fp32)\n"
    )


@pytest.mark.slow
@pytest.mark.skipif(not REAL.exists(), reason="../shared/real is not there")
def test_real_weights_build_and_equal_pytorch_on_real_frames(tmp_path: Path) -> None:
    weights = REAL / "weights" / "realesr-animevideov3.pth"
    record = build_upscaler(tmp_path, weights, name="realesr-animevideov3")
    assert record.parity["max_levels"] <= 1
    video = cv2.VideoCapture(str(REAL / "media" / "onepiece_demo.mp4"))
    video.set(cv2.CAP_PROP_POS_FRAMES, 60)
    there, frame = video.read()
    assert there
    image = np.ascontiguousarray(frame[None, 200:293, 300:381, ::-1], dtype=np.uint8)
    assert worst(run(model_path(tmp_path, "realesr-animevideov3"), image), own(weights, image)) <= 1
