"""Exports a super-resolution network to the ONNX graph that Triton serves: uint8 NHWC in and out."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from typing import TYPE_CHECKING

import onnx
import torch
from torch import Tensor, nn

from export_onnx.tensor_names import INPUT, OUTPUT, Precision
from orchestrator.errors import ModelBuildFailed

if TYPE_CHECKING:
    from pathlib import Path

OPSET = 17
"""ONNX Runtime 1.19, the oldest that serves it (Triton 24.10), reads opsets to 21 and IR versions to 10."""


class UpscaleGraph(nn.Module):
    """A network with the conversion from uint8 before it and the conversion to uint8 after it.

    Args:
        net: float [N, 3, H, W] RGB 0..1 -> float [N, 3, sH, sW] RGB.
        precision: the precision of the network; scaling, clamping and rounding are always in fp32, because
            fp16 has only eleven bits for the 256 levels and the rounding between them.
    """

    def __init__(self, net: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.dtype = torch.float16 if precision == "fp16" else torch.float32
        self.net = copy.deepcopy(net).to(self.dtype).eval()

    def forward(self, image: Tensor) -> Tensor:
        """uint8 [N, H, W, 3] RGB -> uint8 [N, sH, sW, 3] RGB."""
        scaled = (image.to(torch.float32) / 255.0).permute(0, 3, 1, 2).to(self.dtype)
        upscaled = self.net(scaled).to(torch.float32).clamp(0.0, 1.0) * 255.0
        levels: Tensor = upscaled.round().to(torch.uint8).permute(0, 2, 3, 1)
        return levels


def export(net: nn.Module, path: Path, *, precision: Precision, size: tuple[int, int]) -> None:
    """Write the graph of a network, with dynamic batch, height and width.

    Args:
        net: float [N, 3, H, W] RGB 0..1 -> float [N, 3, sH, sW] RGB.
        path: the ONNX file to write.
        precision: the precision of the network inside.
        size: height and width of the example picture for tracing, in pixels.

    Raises:
        ModelBuildFailed: the network has an operation that cannot be exported.
    """
    example = torch.zeros((1, *size, 3), dtype=torch.uint8)
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            # The tracing exporter is deprecated and warns about each shape that it reads; parity.py checks
            # its result. It prints thousands of lines about what it cannot export.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                UpscaleGraph(net, precision),
                (example,),
                str(path),
                input_names=[INPUT],
                output_names=[OUTPUT],
                opset_version=OPSET,
                dynamic_axes={
                    INPUT: {0: "batch", 1: "height", 2: "width"},
                    OUTPUT: {0: "batch", 1: "upscaled_height", 2: "upscaled_width"},
                },
                dynamo=False,
            )
        onnx.checker.check_model(str(path))
    except OSError:
        raise
    except Exception as exc:  # the exporter raises whatever a network's operations raise
        reason = (str(exc).splitlines() or [type(exc).__name__])[0].partition(" Please")[0].rstrip(".")
        raise ModelBuildFailed(
            f"this network cannot be exported to ONNX: {reason}; use another architecture"
        ) from exc
