"""Chroma subsampling: which pixels share a chroma sample, and the names of FFmpeg's pixel formats for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import av

if TYPE_CHECKING:
    from orchestrator.frames import VideoInfo

Chroma = tuple[int, int]
"""How many columns and how many rows of luma share a sample of chroma."""

CHROMA: dict[Chroma, str] = {(2, 2): "420", (2, 1): "422", (1, 2): "440", (1, 1): "444"}


def planar(chroma: Chroma, bits: int, *, alpha: bool = False) -> str:
    """Return FFmpeg's name of the format of three planes, of so many bits a component; alpha is a fourth."""
    return f"yuv{'a' if alpha else ''}{CHROMA[chroma]}p" + (f"{bits}le" if bits > 8 else "")


def chroma_of(pixel_format: str) -> Chroma:
    """Return which pixels share a sample of chroma; those of RGB and gray share none."""
    known = av.VideoFormat(pixel_format)
    return 2 // known.chroma_width(2), 2 // known.chroma_height(2)


def upright_chroma(info: VideoInfo) -> Chroma:
    """Return the chroma of a video's pictures, turned upright."""
    across, down = chroma_of(info.pixel_format)
    return (down, across) if info.rotation % 180 else (across, down)
