"""Small networks of the architectures that are exported, with random weights, saved as weight files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.Swin2SR import Swin2SR
from spandrel.architectures.SwinIR import SwinIR

from export_onnx.catalog import CATALOG
from export_onnx.detection.yolo import example_pictures, library

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COCO = CATALOG.with_name("coco.txt").read_text().splitlines()


def compact(path: Path, *, channels: int = 3, convolutions: int = 3) -> Path:
    """SRVGGNetCompact x4, with `convolutions` hidden ones."""
    return saved(
        path, Compact(num_in_ch=channels, num_out_ch=channels, num_feat=8, num_conv=convolutions, upscale=4)
    )


def rrdb(path: Path, *, unshuffle: int = 1) -> Path:
    """RRDBNet x4 with two blocks; behind a pixel-unshuffle, x4 / unshuffle."""
    factor = unshuffle if unshuffle > 1 else None
    network = ESRGAN(num_filters=8, num_blocks=2, scale=4, in_nc=3 * unshuffle**2, shuffle_factor=factor)
    return saved(path, network, middle=0.5)


def swinir(path: Path, **changes: Any) -> Path:
    """SwinIR x4 with window 8 and four blocks, two of them shifted."""
    facts = {
        "img_size": 16,
        "window_size": 8,
        "depths": [2, 2],
        "num_heads": [2, 2],
        "embed_dim": 12,
        "mlp_ratio": 2,
        "upscale": 4,
        "upsampler": "nearest+conv",
    }
    return saved(path, SwinIR(**{**facts, **changes}))


def swin2sr(path: Path) -> Path:
    """Swin2SR x2: an architecture whose own forward pass bakes the traced size in."""
    network = Swin2SR(
        img_size=16,
        window_size=8,
        depths=[2],
        num_heads=[2],
        embed_dim=12,
        mlp_ratio=2,
        upscale=2,
        upsampler="pixelshuffle",
    )
    return saved(path, network)


def yolo(
    path: Path,
    architecture: str,
    *,
    gain: float = 0.5,
    bias: float = -5.0,
    imgsz: Any = None,
    names: Sequence[object] = COCO,
) -> Path:
    """A detector of ultralytics' with random weights that finds some hundred boxes in a photograph.

    Its class scores have a logit of `bias` with a deviation that `gain` scales. `imgsz` is what it says of
    the size of the pictures in its training; None says nothing.
    """
    ultralytics = library()
    torch.manual_seed(0)
    model = ultralytics.YOLO(f"{architecture}.yaml")
    if imgsz is not None:
        model.ckpt["train_args"] = {"task": "detect", "imgsz": imgsz}
    network = model.model
    network.names = dict(enumerate(names))
    photographs = np.stack([cv2.resize(picture, (320, 320)) for picture in example_pictures()])
    with torch.no_grad():
        for layer in network.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.momentum = None  # take the statistics of the next pass as they are
        network.train()
        network(torch.from_numpy(photographs).permute(0, 3, 1, 2).float() / 255)
        network.eval()
        for name, parameter in network.named_parameters():
            if "cv3" in name and name.rsplit(".", 2)[1] == "2" and len(parameter) == len(model.names):
                if parameter.ndim > 1:
                    parameter.copy_(torch.randn_like(parameter) * gain / parameter.shape[1] ** 0.5)
                else:
                    parameter.fill_(bias)
    model.save(str(path))
    return path


def saved(path: Path, network: torch.nn.Module, *, middle: float = 0.0) -> Path:
    """Save a network with random weights, such that every layer, attention above all, changes the result.

    `middle` is the last bias: most of the output must lie within 0..1, where a difference shows.
    """
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            if "norm" in name:
                continue
            fan_in = max(1, parameter[0].numel()) if parameter.ndim > 1 else 1
            gain = 2.0 if "attn" in name else 1.0 if parameter.ndim > 1 else 0.05
            parameter.copy_(torch.randn(parameter.shape, generator=generator) * gain / fan_in**0.5)
        *_, bias = network.parameters()
        bias.fill_(middle)
    torch.save({"params": network.state_dict()}, path)
    return path
