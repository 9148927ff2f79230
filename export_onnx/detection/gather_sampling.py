"""Samples feature maps bilinearly with gathers, in place of torch's `grid_sample`, for export to ONNX.

Deformable attention samples at computed positions. `grid_sample` becomes ONNX's GridSample, which not every
runtime compiles to the same values; gathers and products become nodes that all of them have.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING
from unittest import mock

import torch
from torch.nn import functional

from orchestrator.errors import ModelBuildFailed

if TYPE_CHECKING:
    from collections.abc import Iterator


def sample_with_gathers(
    feature_map: torch.Tensor,
    positions: torch.Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: bool | None = None,  # noqa: FBT001  the signature of grid_sample
) -> torch.Tensor:
    """Sample a feature map as `torch.nn.functional.grid_sample` does, with zeros outside of it.

    Args:
        feature_map: float [N, C, H, W].
        positions: float [N, h, w, 2], x and y, where -1 and 1 are the outer edges of the map.
        mode: `bilinear`; there is no other.
        padding_mode: `zeros`; there is no other.
        align_corners: false or None; true is not supported.

    Returns:
        float [N, C, h, w].

    Raises:
        ModelBuildFailed: another mode is asked for.
    """
    if mode != "bilinear" or padding_mode != "zeros" or align_corners:
        raise ModelBuildFailed(
            f"the network samples by mode {mode}, padding {padding_mode}, align_corners {align_corners}; "
            "only bilinear sampling with zeros outside and without align_corners can be exported"
        )
    channels, height, width = feature_map.shape[1:]
    x = (positions[..., 0] + 1) * (width / 2) - 0.5
    y = (positions[..., 1] + 1) * (height / 2) - 0.5
    left, top = x.floor(), y.floor()
    flat = feature_map.flatten(2)
    total = torch.zeros((), dtype=feature_map.dtype)
    for column, row in ((left, top), (left + 1, top), (left, top + 1), (left + 1, top + 1)):
        share = (1 - (x - column).abs()) * (1 - (y - row).abs())
        inside = (column >= 0) & (column <= width - 1) & (row >= 0) & (row <= height - 1)
        # Clamped before the conversion to integers, so that no position, however far outside, overflows.
        place = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).long()
        index = place.flatten(1).unsqueeze(1).expand(-1, channels, -1)
        values = flat.gather(2, index).reshape(-1, channels, *place.shape[1:])
        total = total + values * (share * inside.to(share.dtype)).unsqueeze(1)
    return total


@contextlib.contextmanager
def exported_with_gathers() -> Iterator[None]:
    """Replace `grid_sample` by `sample_with_gathers` within the block."""
    with mock.patch.object(functional, "grid_sample", sample_with_gathers):
        yield
