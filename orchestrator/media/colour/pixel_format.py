"""Reads chroma subsampling and bit depth of FFmpeg's pixel formats, and names planar YUV formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from orchestrator.frames import VideoInfo

Chroma = tuple[int, int]
"""Number of columns and number of rows of luma that share a chroma sample."""

CHROMA: dict[Chroma, str] = {(2, 2): "420", (2, 1): "422", (1, 2): "440", (1, 1): "444"}


def planar_format(chroma: Chroma, bits: int, *, alpha: bool = False) -> str:
    """Return FFmpeg's name of the planar YUV format with that many bits a component, and maybe alpha."""
    return f"yuv{'a' if alpha else ''}{CHROMA[chroma]}p" + (f"{bits}le" if bits > 8 else "")


def chroma_subsampling(pixel_format: str) -> Chroma:
    """Return the chroma subsampling of a pixel format; (1, 1) for RGB and gray."""
    known = av.VideoFormat(pixel_format)
    return 2 // known.chroma_width(2), 2 // known.chroma_height(2)


def component_bits(pixels: av.VideoFormat) -> int:
    """Return the bits per component of a pixel format; 8 for palettes."""
    return 8 if pixels.name == "pal8" else max(component.bits for component in pixels.components)


def upright_chroma(info: VideoInfo) -> Chroma:
    """Return the chroma subsampling of a video's upright pictures."""
    across, down = chroma_subsampling(info.pixel_format)
    return (down, across) if info.rotation % 180 else (across, down)
