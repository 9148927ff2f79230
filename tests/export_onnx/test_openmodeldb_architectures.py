"""Tests that the architectures of OpenModelDB's models are exported as their authors wrote them.

The weights are random, and of the sizes that spandrel detects. docs/models-worth-having.md names real ones.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="PyTorch is not installed: building models is an extra")

import torch
from spandrel.architectures.DAT import DAT
from spandrel.architectures.HAT import HAT
from spandrel.architectures.PLKSR import RealPLKSR
from spandrel.architectures.SPAN import SPAN
from torch import nn

from export_onnx.upscaling.dat import ExportableDAT
from export_onnx.upscaling.hat import ExportableHAT
from tests.support.model_builds import build_upscaler


def hat(**changes: Any) -> HAT:
    facts = {"img_size": 16, "embed_dim": 12, "depths": [2, 2], "num_heads": [2, 2], "window_size": 8}
    facts |= {"compress_ratio": 3, "squeeze_factor": 6, "overlap_ratio": 0.5, "mlp_ratio": 2, "upscale": 4}
    return HAT(**{**facts, **changes})


def dat(**changes: Any) -> DAT:
    facts = {"img_size": 16, "embed_dim": 32, "split_size": [4, 8], "depth": [4, 4], "num_heads": [4, 4]}
    return DAT(**{**facts, "expansion_factor": 2, "upscale": 4, **changes})


def random(network: nn.Module, *, gain: float = 1.0) -> nn.Module:
    """Give a network random weights with which every layer changes the result."""
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in network.parameters():
            fan_in = max(1, parameter[0].numel()) if parameter.ndim > 1 and len(parameter) else 1
            deviation = gain * (1.0 if parameter.ndim > 1 else 0.3) / fan_in**0.5
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * deviation)
        for name, buffer in network.named_buffers():
            if "running_mean" in name:
                buffer.normal_(generator=generator)
            elif "running_var" in name:
                buffer.uniform_(0.5, 2.0, generator=generator)
    return network.eval()


@pytest.mark.parametrize(
    ("network", "exportable"),
    [
        (lambda: hat(conv_scale=0.5), ExportableHAT),
        (lambda: hat(img_size=64, resi_connection="identity", upscale=2), ExportableHAT),
        (dat, ExportableDAT),
        (lambda: dat(img_size=64, split_size=[8, 8], resi_connection="3conv"), ExportableDAT),
        (lambda: dat(upsampler="pixelshuffledirect", upscale=3), ExportableDAT),
    ],
)
def test_our_forward_pass_is_the_same_function_as_its_authors(
    network: Callable[[], nn.Module], exportable: Callable[[nn.Module], nn.Module]
) -> None:
    authors = random(network())
    picture = torch.rand(2, 3, 24, 40, generator=torch.Generator().manual_seed(1))
    with torch.inference_mode():
        expected, ours = authors(picture), exportable(authors)(picture)
    assert expected.std() > 0.1
    assert torch.allclose(ours, expected, atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("network", "architecture", "multiple"),
    [
        (lambda: RealPLKSR(dim=16, n_blocks=2, upscaling_factor=4), "PLKSR", 2),
        (lambda: SPAN(num_in_ch=3, num_out_ch=3, feature_channels=16, upscale=4), "SPAN", 2),
        (hat, "HAT", 8),
        (dat, "DAT", 8),
    ],
    ids=["RealPLKSR", "SPAN", "HAT", "DAT"],
)
def test_weights_build_as_they_are(
    tmp_path: Path, network: Callable[[], nn.Module], architecture: str, multiple: int
) -> None:
    weights = tmp_path / "mine.pth"
    saved = random(network(), gain=0.5)  # larger weights magnify how differently libraries round
    with torch.no_grad():
        *_, bias = saved.parameters()
        bias.fill_(0.5)
    torch.save({"params": saved.state_dict()}, weights)
    record = build_upscaler(tmp_path / "models", weights)
    assert (record.model.architecture, record.model.size_multiple) == (architecture, multiple)
    assert record.parity["max_levels"] <= 1
