"""The network: a plain stack of 3x3 convolutions at input resolution, enlarged once, at its end.

Shape and parameter names are those of SRVGGNetCompact, the compact network of Real-ESRGAN (Wang et al., 2021,
"Real-ESRGAN: Training Real-World Blind Super-Resolution with Pure Synthetic Data"), so that any program that
loads such weights loads these; the code is this project's own. It knows neither its training nor its export.
"""

from __future__ import annotations

import torch
from torch import nn

SCALE = 4


class CompactNet(nn.Module):
    """x4 super-resolution: `body` predicts what is to be added to the nearest-neighbour enlargement.

    Args:
        features: channels of every hidden layer.
        hidden_convs: convolutions between the first and the last. Each of the `hidden_convs + 2` convolutions
            sees one pixel further, so that is the receptive field's radius in input pixels.
    """

    def __init__(self, *, features: int, hidden_convs: int) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, features, 3, padding=1), nn.PReLU(features)]
        for _ in range(hidden_convs):
            layers += [nn.Conv2d(features, features, 3, padding=1), nn.PReLU(features)]
        last = nn.Conv2d(features, 3 * SCALE**2, 3, padding=1)
        self.body = nn.ModuleList([*layers, last])
        with torch.no_grad():  # training starts from the nearest-neighbour enlargement
            for parameter in last.parameters():
                parameter.mul_(0.01)
        self.upsampler = nn.PixelShuffle(SCALE)

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Enlarge.

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
