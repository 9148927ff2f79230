"""Runs HAT in a form that is traced correctly for every batch and size.

Chen et al., 2023, "Activating More Pixels in Image Super-Resolution Transformer" (arXiv:2205.04437),
section 3.

Tracing exports spandrel's own forward pass wrongly, for the reasons in swinir.py. Weights and layers are
spandrel's. Nothing is padded: sizes must be multiples of `size_multiple`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from export_onnx.upscaling import attention_windows


class ExportableHAT(nn.Module):
    """HAT with the weights of a spandrel one.

    Args:
        hat: spandrel's HAT.

    Attributes:
        size_multiple: input height and width must be multiples of it.
    """

    mean: Tensor

    def __init__(self, hat: Any) -> None:
        super().__init__()
        self.net = hat
        self.size_multiple: int = hat.window_size
        self.window = (self.size_multiple, self.size_multiple)
        self.register_buffer("mean", hat.mean.clone())

    def forward(self, image: Tensor) -> Tensor:
        """Upscale pictures.

        Args:
            image: float [N, 3, H, W], RGB, 0..1; H and W multiples of size_multiple.

        Returns:
            float [N, 3, scale*H, scale*W], RGB, about 0..1, not clamped.
        """
        net = self.net
        shallow = net.conv_first((image - self.mean) * net.img_range)
        deep = net.conv_after_body(self._features(shallow)) + shallow
        upscaled: Tensor = net.conv_last(net.upsample(net.conv_before_upsample(deep)))
        restored: Tensor = upscaled / net.img_range + self.mean
        return restored

    def _features(self, shallow: Tensor) -> Tensor:
        """Apply the residual hybrid attention groups, [N, C, H, W] to the same shape."""
        net = self.net
        x = shallow.permute(0, 2, 3, 1)
        mask = attention_windows.mask(x, self.window, (net.shift_size, net.shift_size))
        if net.patch_embed.norm is not None:
            x = net.patch_embed.norm(x)
        for layer in net.layers:
            residual = x
            for block in layer.residual_group.blocks:
                x = self._block(block, x, mask)
            x = self._overlapping(layer.residual_group.overlap_attn, x)
            x = layer.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + residual
        normalised: Tensor = net.norm(x).permute(0, 3, 1, 2)
        return normalised

    def _block(self, block: Any, x: Tensor, mask: Tensor) -> Tensor:
        """Apply a hybrid attention block to [N, H, W, C]: window attention beside convolutions."""
        normalised = block.norm1(x)
        convolved = block.conv_block(normalised.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        attended = attention_windows.self_attention(
            block.attn,
            normalised,
            window=self.window,
            shift=block.shift_size,
            index=self.net.relative_position_index_SA,
            mask=mask,
        )
        x = x + attended + convolved * block.conv_scale
        mixed_channels: Tensor = x + block.mlp(block.norm2(x))
        return mixed_channels

    def _overlapping(self, attention: Any, x: Tensor) -> Tensor:
        """Apply overlapping cross-attention to [N, H, W, C]: queries of a window, keys of a larger one."""
        height, width = x.shape[1], x.shape[2]
        query, key, value = attention.qkv(attention.norm1(x)).chunk(3, dim=-1)
        bias = attention_windows.position_bias(
            attention.relative_position_bias_table, self.net.relative_position_index_OCA
        )
        mixed = attention_windows.attend(
            attention_windows.split(query, self.window),
            self._larger_windows(key, attention.overlap_win_size),
            self._larger_windows(value, attention.overlap_win_size),
            heads=attention.num_heads,
            scale=attention.scale,
            bias=bias,
        )
        x = attention.proj(attention_windows.merge(mixed, self.window, height, width)) + x
        mixed_channels: Tensor = x + attention.mlp(attention.norm2(x))
        return mixed_channels

    def _larger_windows(self, x: Tensor, side: int) -> Tensor:
        """Return for each window of [N, H, W, C] a larger one around it, [N, windows, side**2, C].

        Beyond the picture there are zeros. Each row, and then each column, of a larger window is a slice of
        the padded picture with the window's side as its step.
        """
        step = self.size_multiple
        margin = (side - step) // 2
        batch, height, width, channels = (x.shape[axis] for axis in range(4))
        # A window that is larger by an odd number would reach one pixel further on its far sides.
        far = side - step - margin
        x = functional.pad(x, (0, 0, margin, far, margin, far))
        rows = torch.stack([x[:, start : start + height : step] for start in range(side)], dim=2)
        windows = torch.stack([rows[:, :, :, start : start + width : step] for start in range(side)], dim=4)
        # [N, H/step, side, W/step, side, C]
        return windows.permute(0, 1, 3, 2, 4, 5).reshape(batch, -1, side * side, channels)
