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

from torch import Tensor, nn
from torch.nn import functional

from export_onnx.upscaling import attention_windows


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
        side: int = swinir.window_size
        self.window = (side, side)
        self.unshuffle: int = swinir.start_unshuffle
        self.size_multiple = side * self.unshuffle
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
        x = shallow.permute(0, 2, 3, 1)
        mask = attention_windows.mask(x, self.window, (self.window[0] // 2, self.window[1] // 2))
        if net.patch_embed.norm is not None:
            x = net.patch_embed.norm(x)
        for layer in net.layers:
            residual = x
            for block in layer.residual_group.blocks:
                x = self._block(block, x, mask)
            x = layer.conv(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1) + residual
        normalised: Tensor = net.norm(x).permute(0, 3, 1, 2)
        return normalised

    def _block(self, block: Any, x: Tensor, mask: Tensor) -> Tensor:
        """Apply one Swin Transformer block to [N, H, W, C]."""
        x = x + attention_windows.self_attention(
            block.attn,
            block.norm1(x),
            window=self.window,
            shift=block.shift_size,
            index=block.attn.relative_position_index,
            mask=mask,
        )
        mixed: Tensor = x + block.mlp(block.norm2(x))
        return mixed


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
