"""Small networks of the architectures that are exported, with random weights, saved as weight files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from spandrel.architectures.Compact import Compact
from spandrel.architectures.ESRGAN import ESRGAN
from spandrel.architectures.Swin2SR import Swin2SR
from spandrel.architectures.SwinIR import SwinIR

if TYPE_CHECKING:
    from pathlib import Path


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
