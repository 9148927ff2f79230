"""Runs an exported upscaler on RGB pictures, as planes of 16 bits, 4:4:4 and full range.

So nothing visible is lost: a level of 16 bits is 1/257 of one of 8 bits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from export_onnx.tensor_names import CHROMA, COLOUR, LUMA, UPSCALED_CHROMA, UPSCALED_LUMA
from orchestrator.triton.colour_tensor import PlaneColour

if TYPE_CHECKING:
    from numpy.typing import NDArray

WIDE = PlaneColour(matrix=5, full_range=True, bits=16, output_subsampling="444")
"""The colour of the planes here."""


def upscaled(session: Any, pictures: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Upscale RGB pictures.

    Args:
        session: the exported graph, opened in onnxruntime.
        pictures: uint8 [N, H, W, 3].

    Returns:
        uint8 [N, scale*H, scale*W, 3].
    """
    return to_bytes(rgb_of(*run(session, planes_of(pictures / 255.0))))


def run(
    session: Any, planes: tuple[NDArray[np.uint8], NDArray[np.uint8]]
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Run a graph on the planes of `planes_of`; return such planes."""
    luma, chroma = planes
    colour = WIDE.tensor().repeat(len(luma), 0)
    large_luma, large_chroma = session.run(
        [UPSCALED_LUMA, UPSCALED_CHROMA], {LUMA: luma, CHROMA: chroma, COLOUR: colour}
    )
    return large_luma, large_chroma


def planes_of(rgb: NDArray[Any]) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Convert RGB to planes.

    Args:
        rgb: float [N, H, W, 3], 0..1.

    Returns:
        Luma, uint8 [N, 2, H, W], and chroma, uint8 [N, 2, 2, H, W].
    """
    matrix, offset = WIDE.levels()
    levels = np.rint(np.clip(np.moveaxis(rgb @ matrix.T + offset, -1, 1), 0, 65535)).astype(np.uint16)
    divided = np.stack([levels & 255, levels >> 8], 2).astype(np.uint8)
    return np.ascontiguousarray(divided[:, 0]), np.ascontiguousarray(divided[:, 1:])


def rgb_of(luma: NDArray[np.uint8], chroma: NDArray[np.uint8]) -> NDArray[np.float64]:
    """Convert what `planes_of` returns to RGB, float64 [N, H, W, 3], clamped to 0..1."""
    divided = np.concatenate([luma[:, None], chroma], 1)
    levels = divided[:, :, 0] + 256.0 * divided[:, :, 1]
    matrix, offset = WIDE.levels()
    rgb = (np.moveaxis(levels, 1, -1) - offset) @ np.linalg.inv(matrix).T
    return np.clip(rgb, 0, 1)


def to_bytes(rgb: NDArray[Any]) -> NDArray[np.uint8]:
    """Round values of 0..1 to levels of 0..255."""
    levels: NDArray[np.uint8] = np.rint(rgb * 255).astype(np.uint8)
    return levels
