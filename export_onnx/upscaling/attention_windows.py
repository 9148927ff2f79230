"""Divides pictures into the windows of window attention, so that tracing is right for every batch and size.

Shifted windows and their mask are those of Liu et al., 2021, "Swin Transformer" (arXiv:2103.14030), section
3.2. Windows may be rectangular; sizes must be multiples of theirs. The batch stays an axis of its own.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

MASKED = -100.0
"""Added to the attention scores between pixels that are no neighbours, as in Swin Transformer."""


def split(x: Tensor, window: tuple[int, int]) -> Tensor:
    """Split [N, H, W, C] into windows, [N, (H/height)(W/width), height*width, C].

    Args:
        x: the features.
        window: height and width of a window.
    """
    batch, height, width, channels = (x.shape[axis] for axis in range(4))
    rows, columns = window
    x = x.reshape(batch, height // rows, rows, width // columns, columns, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(batch, -1, rows * columns, channels)


def merge(windows: Tensor, window: tuple[int, int], height: int, width: int) -> Tensor:
    """Do the inverse of `split`: return [N, height, width, C]."""
    batch, channels = windows.shape[0], windows.shape[3]
    rows, columns = window
    x = windows.reshape(batch, height // rows, width // columns, rows, columns, channels)
    return x.permute(0, 1, 3, 2, 4, 5).reshape(batch, height, width, channels)


def mask(x: Tensor, window: tuple[int, int], shift: tuple[int, int]) -> Tensor:
    """Return the mask of the attention in shifted windows: [1, windows, 1, L, L], 0 or MASKED.

    After the cyclic shift a window can hold pixels of opposite borders. The last window and the shift divide
    the picture into 3x3 regions; a pixel attends only to pixels of its own region.

    Args:
        x: the features, [N, H, W, C].
        window: height and width of a window.
        shift: by how many rows and columns the windows are shifted.
    """
    rows = _region(torch.arange(x.shape[1], device=x.device), x.shape[1], window[0], shift[0])
    columns = _region(torch.arange(x.shape[2], device=x.device), x.shape[2], window[1], shift[1])
    region = (3.0 * rows[:, None] + columns[None, :])[None, :, :, None]
    label = split(region, window)[..., 0]
    apart = (label[:, :, None, :] != label[:, :, :, None]).to(x.dtype)
    return (apart * MASKED)[:, :, None]


def _region(position: Tensor, length: int, window: int, shift: int) -> Tensor:
    """Return the region of each position: 0.0 before the last window, 1.0 in it, 2.0 in its shifted part."""
    in_last = (position >= length - window).to(torch.float32)
    in_shift = (position >= length - shift).to(torch.float32)
    return in_last + in_shift


def attend(query: Tensor, key: Tensor, value: Tensor, *, heads: int, scale: float, bias: Tensor) -> Tensor:
    """Apply multi-head attention inside each window.

    Args:
        query: [N, windows, L, C].
        key, value: [N, windows, M, C].
        heads: the number of heads, which divides C.
        scale: the factor of the queries.
        bias: added to the scores, broadcast to [N, windows, heads, L, M].

    Returns:
        [N, windows, L, C].
    """
    batch, count, length, channels = (query.shape[axis] for axis in range(4))
    queries, keys, values = (
        each.reshape(batch, count, each.shape[2], heads, channels // heads).transpose(2, 3)
        for each in (query, key, value)
    )
    scores = (queries * scale) @ keys.transpose(-2, -1) + bias
    mixed = scores.softmax(dim=-1) @ values
    return mixed.transpose(2, 3).reshape(batch, count, length, channels)


def position_bias(table: Tensor, index: Tensor) -> Tensor:
    """Return the bias of relative positions, [heads, L, M].

    Args:
        table: the bias of each relative position, [positions, heads].
        index: the relative position of each pair of pixels, int [L, M].
    """
    length, others = index.shape
    return table[index.reshape(-1)].reshape(length, others, table.shape[1]).permute(2, 0, 1)


def self_attention(
    attention: Any, x: Tensor, *, window: tuple[int, int], shift: int, index: Tensor, mask: Tensor
) -> Tensor:
    """Apply the self-attention of Swin Transformer in windows, shifted or not, to [N, H, W, C].

    Args:
        attention: spandrel's layer, with `qkv`, `proj`, `num_heads`, `scale` and the table of biases.
        x: the features.
        window: height and width of a window.
        shift: by how many rows and columns the windows are shifted.
        index: see `position_bias`.
        mask: see `mask`; unused without a shift.
    """
    height, width = x.shape[1], x.shape[2]
    if shift:
        x = torch.roll(x, shifts=(-shift, -shift), dims=(1, 2))
    bias = position_bias(attention.relative_position_bias_table, index)
    query, key, value = attention.qkv(split(x, window)).chunk(3, dim=-1)
    mixed = attend(
        *(query, key, value),
        heads=attention.num_heads,
        scale=attention.scale,
        bias=bias + mask if shift else bias,
    )
    x = merge(attention.proj(mixed), window, height, width)
    return torch.roll(x, shifts=(shift, shift), dims=(1, 2)) if shift else x
