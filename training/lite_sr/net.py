"""Defines the network of lite-x4: 3x3 convolutions at input resolution and one pixel shuffle at the end.

Shapes and parameter names are those of SRVGGNetCompact, the compact network of Real-ESRGAN (Wang et al.,
2021, "Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data"), so that any program
that loads such weights loads these; the code is this project's own.
"""

from __future__ import annotations

import torch
from torch import nn

SCALE = 4


class CompactNet(nn.Module):
    """A x4 super-resolution network: `body` predicts the difference from nearest-neighbour upscaling.

    Args:
        features: the channels of every hidden layer.
        hidden_convs: how many convolutions are between the first and the last. `hidden_convs + 2` is the
            radius of the receptive field in input pixels.
    """

    def __init__(self, *, features: int, hidden_convs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(hidden_convs):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        last = nn.Conv2d(features, 3 * SCALE**2, 3, padding=1)
        self.body = nn.ModuleList([*layers, last])
        with torch.no_grad():  # training starts from nearest-neighbour upscaling
            for parameter in last.parameters():
                parameter.mul_(0.01)
        self.upsampler = nn.PixelShuffle(SCALE)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Upscale pictures.

        Args:
            image: float [N, 3, H, W], RGB, 0..1.

        Returns:
            float [N, 3, 4H, 4W], RGB, about 0..1, not clamped.
        """
        hidden = image
        for layer in self.body:
            hidden = layer(hidden)
        nearest = nn.functional.interpolate(image, scale_factor=SCALE, mode="nearest")
        enlarged: torch.Tensor = self.upsampler(hidden) + nearest
        return enlarged
