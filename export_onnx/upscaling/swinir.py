"""Runs SwinIR in a form that is traced correctly for every batch and size.

Liang et al., 2021, "SwinIR: Image Restoration Using Swin Transformer" (arXiv:2108.10257), section 3; the
shifted windows are those of Liu et al., 2021, "Swin Transformer" (arXiv:2103.14030), section 3.2.

Tracing exports spandrel's own forward pass without an error, but wrongly: it computes the batch from a shape
with Python integers, and the attention mask from the traced size. Here the batch stays an axis of its own and
the mask is part of the graph. Weights and layers are spandrel's. Nothing is padded: sizes must be multiples
of `size_multiple`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

MASKED = -100.0
"""Added to the attention scores between pixels that are no neighbours, as in Swin Transformer."""


class ExportableSwinIR(nn.Module):
    """SwinIR with the weights of a spandrel one.

    Args:
        swinir: spandrel's SwinIR.

    Attributes:
        size_multiple: input height and width must be multiples of it.
    """

    mean: Tensor

    def __init__(self, swinir: Any) -> None:
        super().__init__()
        self.net = swinir
        self.window: int = swinir.window_size
        self.unshuffle: int = swinir.start_unshuffle
        self.size_multiple = self.window * self.unshuffle
        self.register_buffer("mean", swinir.mean.clone())

    def forward(self, image: Tensor) -> Tensor:
        """Upscale pictures.

        Args:
            image: float [N, 3, H, W], RGB, 0..1; H and W multiples of size_multiple.

        Returns:
            float [N, 3, scale*H, scale*W], RGB, about 0..1, not clamped.
        """
        net = self.net
        x = (image - self.mean) * net.img_range
        if self.unshuffle > 1:
            x = pixel_unshuffle(x, self.unshuffle)
        shallow = net.conv_first(x)
        deep = net.conv_after_body(self._features(shallow)) + shallow
        if net.upsampler == "pixelshuffle":
            x = net.conv_last(net.upsample(net.conv_before_upsample(deep)))
        elif net.upsampler == "pixelshuffledirect":
            x = net.upsample(deep)
        elif net.upsampler == "nearest+conv":
            x = net.conv_before_upsample(deep)
            for conv in (net.conv_up1, *_present(net, "conv_up2", "conv_up3")):
                x = net.lrelu(conv(functional.interpolate(x, scale_factor=2.0, mode="nearest")))
            x = net.conv_last(net.lrelu(net.conv_hr(x)))
        else:
            x = x + net.conv_last(deep)
        restored: Tensor = x / net.img_range + self.mean
        return restored

    def _features(self, shallow: Tensor) -> Tensor:
        """Apply the residual Swin Transformer blocks, [N, C, H, W] to the same shape."""
        net = self.net
        mask = self._mask(shallow)
        x = _normalised(shallow.permute(0, 2, 3, 1), net.patch_embed.norm)
        for layer in net.layers:
            residual = x
            for block in layer.residual_group.blocks:
                x = self._block(block, x, mask)
            x = layer.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + residual
        normalised: Tensor = net.norm(x).permute(0, 3, 1, 2)
        return normalised

    def _block(self, block: Any, x: Tensor, mask: Tensor) -> Tensor:
        """Apply one Swin Transformer block to [N, H, W, C]."""
        shift: int = block.shift_size
        hidden = block.norm1(x)
        if shift:
            hidden = torch.roll(hidden, shifts=(-shift, -shift), dims=(1, 2))
        height, width = x.shape[1], x.shape[2]
        attended = self._attend(block.attn, self._windows(hidden), mask if shift else None)
        hidden = self._merge(attended, height, width)
        if shift:
            hidden = torch.roll(hidden, shifts=(shift, shift), dims=(1, 2))
        x = x + hidden
        mixed: Tensor = x + block.mlp(block.norm2(x))
        return mixed

    def _attend(self, attention: Any, windows: Tensor, mask: Tensor | None) -> Tensor:
        """Apply multi-head self-attention inside each window of [N, windows, L, C]."""
        batch, count, length, channels = (windows.shape[axis] for axis in range(4))
        heads: int = attention.num_heads
        qkv = attention.qkv(windows).reshape(batch, count, length, 3, heads, channels // heads)
        query, key, value = qkv.permute(3, 0, 1, 4, 2, 5).unbind(0)
        scores = (query * attention.scale) @ key.transpose(-2, -1)
        index = attention.relative_position_index.view(-1)
        bias = attention.relative_position_bias_table[index].view(self.window**2, self.window**2, heads)
        scores = scores + bias.permute(2, 0, 1)
        if mask is not None:
            scores = scores + mask
        mixed = scores.softmax(dim=-1) @ value
        projected: Tensor = attention.proj(mixed.transpose(2, 3).reshape(batch, count, length, channels))
        return projected

    def _windows(self, x: Tensor) -> Tensor:
        """Split [N, H, W, C] into windows, [N, (H/window)(W/window), window**2, C]."""
        batch, height, width, channels = (x.shape[axis] for axis in range(4))
        size = self.window
        x = x.reshape(batch, height // size, size, width // size, size, channels)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(batch, -1, size * size, channels)

    def _merge(self, windows: Tensor, height: int, width: int) -> Tensor:
        """The inverse of `_windows`."""
        batch, channels = windows.shape[0], windows.shape[3]
        size = self.window
        x = windows.reshape(batch, height // size, width // size, size, size, channels)
        return x.permute(0, 1, 3, 2, 4, 5).reshape(batch, height, width, channels)

    def _mask(self, shallow: Tensor) -> Tensor:
        """Return the mask of the attention in shifted windows: [1, windows, 1, L, L], 0 or MASKED.

        After the cyclic shift a window can hold pixels of opposite borders. The last window and the shift
        divide the picture into 3x3 regions; a pixel attends only to pixels of its own region.
        """
        height, width = shallow.shape[2], shallow.shape[3]
        rows = self._region(torch.arange(height, device=shallow.device), height)
        columns = self._region(torch.arange(width, device=shallow.device), width)
        region = (3.0 * rows[:, None] + columns[None, :])[None, :, :, None]
        label = self._windows(region)[..., 0]
        apart = (label[:, :, None, :] != label[:, :, :, None]).to(shallow.dtype)
        return (apart * MASKED)[:, :, None]

    def _region(self, position: Tensor, length: int) -> Tensor:
        """Return the region of each position: 0.0 before the last window, 1.0 in it, 2.0 in its last half."""
        in_last = (position >= length - self.window).to(torch.float32)
        in_shift = (position >= length - self.window // 2).to(torch.float32)
        return in_last + in_shift


def pixel_unshuffle(image: Tensor, factor: int) -> Tensor:
    """Do what `torch.pixel_unshuffle` does, with dynamic sizes when traced.

    Args:
        image: [N, C, H, W], H and W multiples of factor.
        factor: side of the blocks that become channels.

    Returns:
        [N, C*factor**2, H/factor, W/factor].
    """
    batch, channels, height, width = (image.shape[axis] for axis in range(4))
    blocks = image.reshape(batch, channels, height // factor, factor, width // factor, factor)
    return blocks.permute(0, 1, 3, 5, 2, 4).reshape(
        batch, channels * factor * factor, height // factor, width // factor
    )


def _present(net: Any, *names: str) -> list[nn.Module]:
    return [getattr(net, name) for name in names if hasattr(net, name)]


def _normalised(x: Tensor, norm: nn.Module | None) -> Tensor:
    if norm is None:
        return x
    normalised: Tensor = norm(x)
    return normalised
