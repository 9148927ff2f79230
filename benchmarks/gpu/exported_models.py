"""Exports the models to measure, as a build does, with random weights: they are as fast as trained ones.

The two lite models have their own weights: they are for rehearsals on a CPU. Parity is not proved here, which
would take minutes of a rented GPU: `framewright models build` does that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import onnx
import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.SwinIR import SwinIR

from export_onnx.catalog import load_catalog
from export_onnx.catalog_model import CatalogDetector
from export_onnx.detection import exportable_detector as detector
from export_onnx.detection import yolo
from export_onnx.exportable_model import ModelBuildOptions
from export_onnx.model_config import ServingOptions, UpscalerConfig
from export_onnx.repository import model_path
from export_onnx.triton_config import render
from export_onnx.upscaling import exportable_upscaler as upscaler
from export_onnx.upscaling.exportable_upscaler import ExportableUpscaler
from export_onnx.upscaling.graph import NetworkOfFloats
from export_onnx.weight_file import read_custom
from orchestrator.settings import PROJECT_ROOT
from tools.fixtures import networks

if TYPE_CHECKING:
    from pathlib import Path

    from torch import Tensor, nn

    from export_onnx.model_config import ModelConfig
    from export_onnx.tensor_names import Precision

RANDOM = ("realesr-animevideov3", "RealESRGAN_x4plus", "SwinIR_4x_GAN", "yolov8n")
CARRIED = ("lite-x4", "lite-detector")


@dataclass(frozen=True, kw_only=True)
class Network:
    """A model in one precision.

    Attributes:
        precision: the precision of the network inside the graph.
        served: the content of its config.pbtxt, by the catalog.
        onnx_path: the exported graph.
        weights_path: its weight file.
        prepared: its opened weights.
    """

    precision: Precision
    served: ModelConfig
    onnx_path: Path
    weights_path: Path
    prepared: Any

    @property
    def name(self) -> str:
        """The name of the model."""
        return self.served.name

    @property
    def upscales(self) -> bool:
        """Whether it is an upscaler, not a detector."""
        return isinstance(self.served, UpscalerConfig)

    @cached_property
    def graph(self) -> onnx.ModelProto:
        """The exported graph."""
        return onnx.load(str(self.onnx_path))

    def in_pytorch(self, device: str) -> nn.Module:
        """Return the network in PyTorch, in channels-last memory format.

        An upscaler takes float32 [N, 3, H, W] and does what the ONNX graph does but for the conversion of
        planes; a YOLO detector takes uint8 [N, H, W, 3], and has fused layers and no NMS.

        Raises:
            RuntimeError: the model has no form in PyTorch.
        """
        module: Any
        if isinstance(self.prepared, ExportableUpscaler):
            module = NetworkOfFloats(self.prepared.network.exportable, self.precision)
        elif self.weights_path.suffix == ".pt":
            module = _DetectorNetwork(
                yolo.load_ultralytics().YOLO(str(self.weights_path)).model.fuse(), self.precision
            )
        else:
            raise RuntimeError("it has no twin in PyTorch")
        placed: nn.Module = module.to(device, memory_format=torch.channels_last).eval()
        return placed


class _DetectorNetwork(torch.nn.Module):
    """A detector's network with the scaling of uint8 in front."""

    def __init__(self, net: nn.Module, precision: Precision) -> None:
        super().__init__()
        self.dtype = torch.float16 if precision == "fp16" else torch.float32
        self.net = net.to(self.dtype)

    def forward(self, image: Tensor) -> Any:
        """Run uint8 [N, H, W, 3] through the network; return its output."""
        return self.net((image.to(torch.float32) / 255.0).permute(0, 3, 1, 2).to(self.dtype))


def export(name: str, precision: Precision, folder: Path) -> Network:
    """Export a model.

    Args:
        name: one of RANDOM or CARRIED.
        precision: the precision of the network.
        folder: the folder for its files; weights from another precision are reused.
    """
    catalog = load_catalog()
    entry = catalog.get(name)
    if name in CARRIED:
        weights_path = PROJECT_ROOT / "weights" / entry.file
    else:
        weights_path = folder / f"{name}{'.pt' if isinstance(entry, CatalogDetector) else '.pth'}"
        if not weights_path.exists():
            _write_weights(name, weights_path)
    weights, options = (
        read_custom(weights_path),
        ModelBuildOptions(choices=ServingOptions(precision=precision)),
    )
    prepared: Any
    if isinstance(entry, CatalogDetector):
        prepared = detector.prepare(name, weights, entry=entry, options=options)
    else:
        prepared = upscaler.prepare(name, weights, entry=entry, catalog=catalog, options=options)
    path = folder / f"{name}-{precision}.onnx"
    prepared.export(path)
    return Network(
        precision=precision,
        served=prepared.model,
        onnx_path=path,
        weights_path=weights_path,
        prepared=prepared,
    )


def put(model: ModelConfig, graph: Path, repository: Path) -> None:
    """Install a model in a repository, as a build would.

    Args:
        model: the content of its config.pbtxt.
        graph: its ONNX file.
        repository: the model repository, which is created if it does not exist.
    """
    target = model_path(repository, model.name)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.symlink_to(graph)
    (repository / model.name / "config.pbtxt").write_text(render(model), encoding="utf-8")


def _write_weights(name: str, path: Path) -> None:
    """Write random weights whose results stay within the range of a picture."""
    if name == "yolov8n":
        networks.yolo(path, name)
    elif name == "realesr-animevideov3":
        networks.saved(path, Compact(num_feat=64, num_conv=16, upscale=4))
    elif name == "RealESRGAN_x4plus":
        networks.saved(path, ESRGAN(num_filters=64, num_blocks=23, scale=4), middle=0.5)
    else:
        # The authors' SwinIR-M for real pictures: 003_realSR_BSRGAN_DFO_s64w8_SwinIR-M_x4_GAN.
        network = SwinIR(
            img_size=64,
            window_size=8,
            depths=[6] * 6,
            num_heads=[6] * 6,
            embed_dim=180,
            mlp_ratio=2,
            upscale=4,
            upsampler="nearest+conv",
        )
        networks.saved(path, network)
