"""Reads chroma subsampling and bit depth of FFmpeg's pixel formats, and names planar YUV formats."""

from __future__ import annotations

import av

from orchestrator.frames import VideoInfo

Chroma = tuple[int, int]
"""Number of columns and number of rows of luma that share a chroma sample: (2, 1) in 4:2:2."""

CHROMA: dict[Chroma, str] = {(2, 2): "420", (2, 1): "422", (1, 2): "440", (1, 1): "444"}
"""The subsamplings that are processed, as FFmpeg writes them in the names of pixel formats."""


def planar_format(chroma: Chroma, bits: int, *, alpha: bool = False) -> str:
    """Return FFmpeg's name of the planar YUV format with that many bits per component, and maybe alpha."""
    return f"yuv{'a' if alpha else ''}{CHROMA[chroma]}p" + (f"{bits}le" if bits > 8 else "")


def chroma_subsampling(pixel_format: str) -> Chroma:
    """Return the chroma subsampling of a pixel format; (1, 1) for RGB and gray, (2, 1) for 4:1:1."""
    across, down = _subsampling(av.VideoFormat(pixel_format))
    return min(across, 2), min(down, 2)


def upright_chroma(info: VideoInfo) -> Chroma:
    """Return the chroma subsampling of a video's upright pictures."""
    across, down = chroma_subsampling(info.pixel_format)
    return (down, across) if info.rotation % 180 else (across, down)


def chroma_name(pixels: av.VideoFormat) -> str:
    """Return the chroma subsampling as J:a:b such as `4:2:0`; or `RGB` or `gray`."""
    if pixels.is_rgb or pixels.name == "pal8":
        return "RGB"
    if sum(not component.is_alpha for component in pixels.components) < 3:
        return "gray"
    across, down = _subsampling(pixels)
    digits = (CHROMA | {(4, 1): "411", (4, 4): "410"}).get((across, down))
    return ":".join(digits) if digits else f"one sample in {across}x{down} pixels"


def rotated_chroma_name(name: str) -> str:
    """Return the name of a chroma subsampling after pictures are rotated by 90 degrees."""
    return {"4:2:2": "4:4:0", "4:4:0": "4:2:2"}.get(name, name)


def component_bits(pixels: av.VideoFormat) -> int:
    """Return the bits per component of a pixel format; 8 for palettes."""
    return 8 if pixels.name == "pal8" else max(component.bits for component in pixels.components)


def bits_of(pixel_format: str) -> int:
    """Return the bits per component of a pixel format by its name."""
    return component_bits(av.VideoFormat(pixel_format))


def _subsampling(pixels: av.VideoFormat) -> Chroma:
    return 16 // pixels.chroma_width(16), 16 // pixels.chroma_height(16)
