"""Defines the network of lite-detector: a box and a score for each class, for every cell of 8x8 pixels.

3x3 convolutions halve the picture five times; an upward path then merges coarse and fine features. There is
one level of cells and no anchor boxes: each cell predicts the distances from its middle to the sides of a
box, after Tian et al., 2019, "FCOS: Fully Convolutional One-Stage Object Detection".
"""

from __future__ import annotations

import torch
from torch import nn

CELL_PX = 8
"""The side of a cell in pixels."""

MULTIPLE_PX = 32
"""Height and width of a picture must be multiples of it."""

_FARTHEST = 6.0  # of exp(), in cells: a side is at most 8 * e^6 pixels away, whatever the weights


class _Conv(nn.Sequential):
    def __init__(self, inputs: int, outputs: int, *, size: int = 3, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, size, stride=stride, padding=size // 2, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
        )


class _Residual(nn.Module):
    def __init__(self, features: int) -> None:
        super().__init__()
        self.first = _Conv(features, features)
        self.second = _Conv(features, features)

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        added: torch.Tensor = hidden + self.second(self.first(hidden))
        return added


class LiteDetector(nn.Module):
    """Detects figures in pictures.

    Args:
        classes: the number of classes.
    """

    def __init__(self, *, classes: int) -> None:
        super().__init__()
        self.to_4 = nn.Sequential(_Conv(3, 12, stride=2), _Conv(12, 24, stride=2))
        self.to_8 = nn.Sequential(_Conv(24, 48, stride=2), _Conv(48, 48))
        self.to_16 = nn.Sequential(_Conv(48, 64, stride=2), _Residual(64), _Residual(64))
        self.to_32 = nn.Sequential(_Conv(64, 64, stride=2), _Residual(64))
        self.at_16 = _Conv(64, 64)
        self.from_16 = _Conv(64, 48, size=1)
        self.at_8 = _Residual(48)
        nn.init.zeros_(self.at_8.second[1].weight)  # type: ignore[arg-type]  # starts as if it were not there
        self.toward_score = _Conv(48, 48)
        self.toward_sides = _Conv(48, 48)
        self.score = nn.Conv2d(48, classes, 1)
        self.sides = nn.Conv2d(48, 4, 1)
        nn.init.constant_(self.score.bias, -4.6)  # type: ignore[arg-type]  # one cell in a hundred, Lin et al., 2017
        nn.init.constant_(self.sides.bias, 0.7)  # type: ignore[arg-type]

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Detect figures.

        Args:
            image: float [N, 3, H, W], RGB, 0..1; H and W multiples of 32.

        Returns:
            Logits of the scores, float [N, classes, H/8, W/8]; and boxes, float [N, 4, H/8, W/8]: x1, y1, x2,
            y2 in pixels, not clipped to the picture.
        """
        near = self.to_8(self.to_4(image))
        middle = self.to_16(near)
        middle = self.at_16(middle + _twice(self.to_32(middle)))
        near = self.at_8(near + _twice(self.from_16(middle)))
        # Half precision is too coarse for coordinates.
        sides = CELL_PX * self.sides(self.toward_sides(near)).float().clamp(max=_FARTHEST).exp()
        left, top, right, bottom = sides.unbind(dim=1)
        columns = middles(near.shape[3], sides)[None, None, :]
        rows = middles(near.shape[2], sides)[None, :, None]
        boxes = torch.stack([columns - left, rows - top, columns + right, rows + bottom], dim=1)
        return self.score(self.toward_score(near)).float(), boxes


def _twice(hidden: torch.Tensor) -> torch.Tensor:
    return nn.functional.interpolate(hidden, scale_factor=2.0, mode="nearest")


def middles(count: int, like: torch.Tensor) -> torch.Tensor:
    """Return the middles of `count` cells in a row, in pixels, float [count]."""
    return (torch.arange(count, device=like.device).to(like.dtype) + 0.5) * CELL_PX


class RawDetector(nn.Module):
    """The network in the output format of exported detectors: a column with box and scores for each cell.

    Args:
        net: a LiteDetector.
        dtype: the dtype of its weights.
    """

    def __init__(self, net: nn.Module, dtype: torch.dtype) -> None:
        super().__init__()
        self.net, self.dtype = net, dtype

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Detect figures in float [N, 3, H, W], RGB, 0..1.

        Returns:
            Float [N, 4 + classes, cells]: centre x and y, width, height in pixels, a score 0..1 a class.
        """
        logits, boxes = self.net(images.to(self.dtype))
        first, last = boxes[:, :2].flatten(2), boxes[:, 2:].flatten(2)
        return torch.cat([(first + last) / 2, last - first, logits.flatten(2).sigmoid()], dim=1)
