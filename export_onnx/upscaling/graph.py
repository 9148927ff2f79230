"""Exports a super-resolution network to the ONNX graph that Triton serves: planes of Y'CbCr in and out."""

from __future__ import annotations

import contextlib
import copy
import io
import warnings
from typing import TYPE_CHECKING

import onnx
import torch
from torch import Tensor, nn

from export_onnx.upscaling.planes_graph import RGB, UPSCALED_RGB, with_planes
from orchestrator.errors import ModelBuildFailed

if TYPE_CHECKING:
    from pathlib import Path

    from export_onnx.tensor_names import Precision

OPSET = 17
"""ONNX Runtime 1.19, the oldest that serves it (Triton 24.10), reads opsets to 21 and IR versions to 10."""


class NetworkOfFloats(nn.Module):
    """A network that takes and gives float32, whatever its precision.

    Args:
        net: float [N, 3, H, W] RGB 0..1 -> float [N, 3, sH, sW] RGB.
        precision: the precision of the network. The conversion of planes around it is always in fp32, because
            fp16 has only eleven bits for the levels and the rounding between them.
    """

    def __init__(self, net: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.dtype = torch.float16 if precision == "fp16" else torch.float32
        self.net = copy.deepcopy(net).to(self.dtype).eval()

    def forward(self, rgb: Tensor) -> Tensor:
        """float32 [N, 3, H, W] RGB 0..1 -> float32 [N, 3, sH, sW] RGB, not clamped."""
        upscaled: Tensor = self.net(rgb.to(self.dtype)).to(torch.float32)
        return upscaled


def export(net: nn.Module, path: Path, *, precision: Precision, size: tuple[int, int]) -> None:
    """Write the graph of a network with planes at both ends, with dynamic batch, height and width.

    Args:
        net: float [N, 3, H, W] RGB 0..1 -> float [N, 3, sH, sW] RGB.
        path: the ONNX file to write.
        precision: the precision of the network inside.
        size: height and width of the example picture for tracing, in pixels.

    Raises:
        ModelBuildFailed: the network has an operation that cannot be exported.
    """
    example = torch.zeros((1, 3, *size))
    try:
        with torch.no_grad(), warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            # The tracing exporter is deprecated and warns about each shape that it reads; parity.py checks
            # its result. It prints thousands of lines about what it cannot export.
            warnings.simplefilter("ignore")
            torch.onnx.export(
                NetworkOfFloats(net, precision),
                (example,),
                str(path),
                input_names=[RGB],
                output_names=[UPSCALED_RGB],
                opset_version=OPSET,
                dynamic_axes={
                    RGB: {0: "batch", 2: "height", 3: "width"},
                    UPSCALED_RGB: {0: "batch", 2: "upscaled_height", 3: "upscaled_width"},
                },
                dynamo=False,
            )
        onnx.save(with_planes(onnx.load(str(path))), str(path))
    except OSError:
        raise
    except Exception as exc:  # the exporter raises whatever a network's operations raise
        reason = (str(exc).splitlines() or [type(exc).__name__])[0].partition(" Please")[0].rstrip(".")
        raise ModelBuildFailed(
            f"this network cannot be exported to ONNX: {reason}; use another architecture"
        ) from exc
