"""Runs DAT in a form that is traced correctly for every batch and size.

Chen et al., 2023, "Dual Aggregation Transformer for Image Super-Resolution" (arXiv:2308.03364), section 3.

Tracing exports spandrel's own forward pass wrongly, for the reasons in swinir.py. Weights and layers are
spandrel's. Nothing is padded: sizes must be multiples of `size_multiple`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from export_onnx.upscaling import attention_windows


class ExportableDAT(nn.Module):
    """DAT with the weights of a spandrel one.

    Args:
        dat: spandrel's DAT.

    Attributes:
        size_multiple: input height and width must be multiples of it: the longer side of its windows.
    """

    mean: Tensor

    def __init__(self, dat: Any) -> None:
        super().__init__()
        self.net = dat
        rows, columns = dat.layers[0].blocks[0].attn.split_size
        self.size_multiple = max(rows, columns)
        self.windows = ((rows, columns), (columns, rows))
        self.register_buffer("mean", dat.mean.clone())

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
        if net.upsampler == "pixelshuffle":
            upscaled: Tensor = net.conv_last(net.upsample(net.conv_before_upsample(deep)))
        else:
            upscaled = net.upsample(deep)
        restored: Tensor = upscaled / net.img_range + self.mean
        return restored

    def _features(self, shallow: Tensor) -> Tensor:
        """Apply the residual groups, [N, C, H, W] to the same shape."""
        net = self.net
        x = net.before_RG[1](shallow.permute(0, 2, 3, 1))
        masks = [
            attention_windows.mask(x, window, (window[0] // 2, window[1] // 2)) for window in self.windows
        ]
        for layer in net.layers:
            residual = x
            for number, block in enumerate(layer.blocks):
                attend = self._channels if number % 2 else self._spatial
                x = x + attend(block.attn, block.norm1(x), masks)
                x = x + self._feed_forward(block.ffn, block.norm2(x))
            x = layer.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + residual
        normalised: Tensor = net.norm(x).permute(0, 3, 1, 2)
        return normalised

    def _spatial(self, attention: Any, x: Tensor, masks: list[Tensor]) -> Tensor:
        """Apply adaptive spatial attention to [N, H, W, C]: half the channels in each direction of window."""
        shifted = attention.attn_mask_0 is not None
        qkv = attention.qkv(x)
        value = qkv.chunk(3, dim=-1)[2]
        halves = []
        for number, branch in enumerate(attention.attns):
            parts = [part.chunk(2, dim=-1)[number] for part in qkv.chunk(3, dim=-1)]
            halves.append(
                self._branch(branch, parts, self.windows[number], masks[number] if shifted else None)
            )
        attended = torch.cat(halves, dim=-1).permute(0, 3, 1, 2)
        convolved = attention.dwconv(value.permute(0, 3, 1, 2))
        channel_map = attention.channel_interaction(convolved)
        spatial_map = attention.spatial_interaction(attended)
        both = attended * torch.sigmoid(channel_map) + convolved * torch.sigmoid(spatial_map)
        projected: Tensor = attention.proj(both.permute(0, 2, 3, 1))
        return projected

    def _branch(
        self, branch: Any, parts: list[Tensor], window: tuple[int, int], mask: Tensor | None
    ) -> Tensor:
        """Apply attention in windows of one direction to query, key and value, each [N, H, W, C/2]."""
        height, width = parts[0].shape[1], parts[0].shape[2]
        shift = (window[0] // 2, window[1] // 2)
        if mask is not None:
            parts = [torch.roll(part, shifts=(-shift[0], -shift[1]), dims=(1, 2)) for part in parts]
        query, key, value = (attention_windows.split(part, window) for part in parts)
        bias = attention_windows.position_bias(branch.pos(branch.rpe_biases), branch.relative_position_index)
        mixed = attention_windows.attend(
            *(query, key, value),
            heads=branch.num_heads,
            scale=branch.scale,
            bias=bias if mask is None else bias + mask,
        )
        mixed = attention_windows.merge(mixed, window, height, width)
        return mixed if mask is None else torch.roll(mixed, shifts=shift, dims=(1, 2))

    def _channels(self, attention: Any, x: Tensor, _masks: list[Tensor]) -> Tensor:
        """Apply adaptive channel attention to [N, H, W, C]: channels attend to channels, over all pixels."""
        batch, height, width, channels = (x.shape[axis] for axis in range(4))
        heads: int = attention.num_heads
        query, key, value = (
            # [N, heads, C/heads, H*W]
            part.reshape(batch, height * width, heads, channels // heads).permute(0, 2, 3, 1)
            for part in attention.qkv(x).chunk(3, dim=-1)
        )
        query, key = functional.normalize(query, dim=-1), functional.normalize(key, dim=-1)
        scores = (query @ key.transpose(-2, -1)) * attention.temperature
        attended = (scores.softmax(dim=-1) @ value).reshape(batch, channels, height, width)
        convolved = attention.dwconv(value.reshape(batch, channels, height, width))
        channel_map = attention.channel_interaction(attended)
        spatial_map = attention.spatial_interaction(convolved)
        both = attended * torch.sigmoid(spatial_map) + convolved * torch.sigmoid(channel_map)
        projected: Tensor = attention.proj(both.permute(0, 2, 3, 1))
        return projected

    def _feed_forward(self, layer: Any, x: Tensor) -> Tensor:
        """Apply the spatial-gate feed-forward network to [N, H, W, C]."""
        passed, gate = layer.act(layer.fc1(x)).chunk(2, dim=-1)
        gate = layer.sg.conv(layer.sg.norm(gate).permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        mixed: Tensor = layer.fc2(passed * gate)
        return mixed
