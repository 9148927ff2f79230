"""Tests the rewritten graph that runs on a CPU in place of the exported one."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import nn

from export_onnx.cpu_graph import rewrite_for_cpu
from export_onnx.repository import CPU_FILE
from export_onnx.upscaling.graph import OPSET
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer
from tools.fixtures import upscalers
from tools.fixtures.rgb_planes import infer

SLOPES = torch.tensor([-1.5, -0.2, 0.0, 0.3, 1.0, 1.7, 40.0, 0.999])


def exported(network: nn.Module, file: Path) -> onnx.ModelProto:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network.eval(),
            (torch.zeros(1, 3, 9, 7),),
            file,
            input_names=["image"],
            dynamic_axes={"image": {0: "n", 2: "h", 3: "w"}},
            opset_version=OPSET,
            dynamo=False,
        )
    return onnx.load(file)


def run(model: onnx.ModelProto, image: Any) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"image": image})[0]


def convolutions(channels: int = 8) -> nn.Sequential:
    network = nn.Sequential(
        nn.Conv2d(3, channels, 3, padding=1),
        nn.PReLU(channels),
        nn.Conv2d(channels, channels, 3, padding=1),
        nn.PReLU(channels),
        nn.Conv2d(channels, 3, 3, padding=1),
    )
    # Equal weights would be exported as one.
    for turned, place in enumerate((1, 3)):
        network[place].weight.data = SLOPES.roll(turned).clone()
    return network


def test_is_the_same_function_for_slopes_of_any_sign_and_size(tmp_path: Path) -> None:
    torch.manual_seed(1)
    model = exported(convolutions(), tmp_path / "model.onnx")
    rewritten = rewrite_for_cpu(model)
    assert rewritten is not None
    assert "PRelu" not in {node.op_type for node in rewritten.graph.node}
    image = np.random.default_rng(0).normal(0, 1, (2, 3, 33, 20)).astype(np.float32)
    expected = run(model, image)
    np.testing.assert_allclose(run(rewritten, image), expected, atol=2e-6 * float(np.abs(expected).max()))


def test_leaves_a_prelu_alone_that_does_not_stand_between_two_convolutions(tmp_path: Path) -> None:
    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.bent, self.last = nn.Conv2d(3, 8, 3), nn.PReLU(8), nn.Conv2d(8, 3, 1)

        def forward(self, image: Any) -> Any:
            taken = self.first(image)
            return self.last(self.bent(taken) + taken)

    assert rewrite_for_cpu(exported(Residual(), tmp_path / "model.onnx")) is None


class DividedBlock(nn.Module):
    """A block as in YOLO: the output of a convolution is split, and one part is processed further."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(3, 24, 1), nn.Conv2d(32, 8, 1)
        self.inner = nn.Conv2d(8, 8, 3, padding=1)

    def forward(self, image: Any) -> Any:
        kept, further = torch.split(nn.functional.silu(self.first(image)), [16, 8], 1)
        return self.last(torch.cat([kept, further, self.inner(further)], 1))


def test_a_divided_convolution_is_the_same_function(tmp_path: Path) -> None:
    torch.manual_seed(2)
    model = exported(DividedBlock(), tmp_path / "model.onnx")
    rewritten = rewrite_for_cpu(model)
    assert rewritten is not None
    assert "Split" not in {node.op_type for node in rewritten.graph.node}
    image = np.random.default_rng(0).normal(0, 1, (2, 3, 33, 20)).astype(np.float32)
    np.testing.assert_allclose(run(rewritten, image), run(model, image), rtol=1e-5, atol=1e-5)


def test_leaves_a_split_alone_of_what_others_take_whole(tmp_path: Path) -> None:
    class Shared(DividedBlock):
        def forward(self, image: Any) -> Any:
            bent = nn.functional.silu(self.first(image))
            kept, further = torch.split(bent, [16, 8], 1)
            return self.last(torch.cat([kept, further, self.inner(further)], 1)) + bent.mean()

    assert rewrite_for_cpu(exported(Shared(), tmp_path / "model.onnx")) is None


class Enlarged(nn.Module):
    """The end of a compact network: shuffled pixels are added to repeated ones."""

    def __init__(self, mode: str = "nearest") -> None:
        super().__init__()
        self.last, self.shuffle, self.mode = nn.Conv2d(3, 12, 3, padding=1), nn.PixelShuffle(2), mode

    def forward(self, image: Any) -> Any:
        return self.shuffle(self.last(image)) + nn.functional.interpolate(
            image, scale_factor=2, mode=self.mode
        )


def test_repeated_pixels_that_are_added_before_the_shuffle_are_the_same_function(tmp_path: Path) -> None:
    torch.manual_seed(3)
    model = exported(Enlarged(), tmp_path / "model.onnx")
    rewritten = rewrite_for_cpu(model)
    assert rewritten is not None
    assert "Resize" not in {node.op_type for node in rewritten.graph.node}
    image = np.random.default_rng(0).normal(0, 1, (2, 3, 33, 20)).astype(np.float32)
    np.testing.assert_array_equal(run(rewritten, image), run(model, image))


def test_leaves_pixels_alone_that_are_interpolated(tmp_path: Path) -> None:
    assert rewrite_for_cpu(exported(Enlarged("bilinear"), tmp_path / "model.onnx")) is None


@pytest.mark.parametrize(("axis", "is_rewritten"), [(1, True), (2, True), (3, False), (-1, False)])
def test_a_softmax_along_another_dimension_than_the_last_is_the_same_function(
    tmp_path: Path, axis: int, is_rewritten: bool
) -> None:
    model = exported(nn.Softmax(axis), tmp_path / "model.onnx")
    rewritten = rewrite_for_cpu(model)
    assert (rewritten is not None) == is_rewritten
    if rewritten is not None:
        image = np.random.default_rng(0).normal(0, 200, (2, 3, 33, 20)).astype(np.float32)
        np.testing.assert_allclose(run(rewritten, image), run(model, image), rtol=1e-5, atol=1e-7)


def test_our_backend_serves_it_on_a_cpu(tmp_path: Path) -> None:
    folder = upscalers.write_identity(tmp_path) / "1"
    shutil.copy(upscalers.write_black(tmp_path) / "1" / "model.onnx", folder / CPU_FILE)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        client.load("identity")
        contract = client.contract("identity", UpscaleContract)
        answer, _ = infer(client, contract, np.full((1, 8, 8, 3), 200, np.uint8))
    assert not answer.any()
