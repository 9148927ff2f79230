"""Finds the chroma sample location of decoded pictures and of the output."""

from __future__ import annotations

import av
import av.error
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter

from orchestrator.media.colour.frame_to_rgb import rows_of
from orchestrator.media.colour.pixel_format import chroma_subsampling
from orchestrator.plane_format import PlaneFormat

Position = tuple[float, float]
"""x and y of a chroma sample: 0 is the first of the columns or rows that share it, 1 the last."""

POSITIONS: dict[str, Position] = {
    "left": (0, 0.5),
    "center": (0.5, 0.5),
    "topleft": (0, 0),
    "top": (0.5, 0),
    "bottomleft": (0, 1),
    "bottom": (0.5, 1),
    "right": (1, 0.5),
    "topright": (1, 0),
    "bottomright": (1, 1),
}
"""Positions by FFmpeg's names. Codecs have no others than the first six (ITU-T H.265, figure E.1); those at
the right are of mirrored pictures, and of pictures that are turned by 180 degrees."""

_SIDE_PX, _MIDDLE, _STEP = 16, 8, 6400


def upright_chroma_location(frame: av.VideoFrame, *, rotation: int, mirrored: bool) -> str | None:
    """Return the chroma location of a decoded picture once it is upright; None if chroma is not subsampled.

    PyAV does not give the location, but swscale uses it. So swscale interpolates a step of chroma, and the
    result shows the location. Without a location, swscale assumes the center.

    Args:
        frame: a picture of any size and pixel format.
        rotation: degrees counter-clockwise by which it is turned upright, a multiple of 90.
        mirrored: whether it is mirrored before that.
    """
    if chroma_subsampling(frame.format.name) == (1, 1):
        return None
    reformatter = VideoReformatter()
    # No decoder produces this format, so the result is always a copy.
    try:
        small = reformatter.reformat(frame, width=_SIDE_PX, height=_SIDE_PX, format="yuv420p14le")
    except av.error.FFmpegError:
        return None  # the reader will refuse this format
    across, down = (rows_of(plane, np.uint16) for plane in small.planes[1:])
    across[:], down[:] = 0, 0
    across[:, _MIDDLE // 2 :] = down[_MIDDLE // 2 :] = _STEP
    flags = Interpolation.BILINEAR | Interpolation.ACCURATE_RND
    spread = VideoReformatter().reformat(small, format="yuv444p14le", interpolation=flags)
    levels = [rows_of(plane, np.uint16)[_MIDDLE, _MIDDLE] for plane in spread.planes[1:]]
    # The level is the whole step if the sample is at the first column, and half if it is at the second.
    x, y = (round((1 - int(level) / _STEP) * 4) / 2 for level in levels)
    if mirrored:
        x = 1 - x
    for _ in range(rotation // 90 % 4):
        x, y = y, 1 - x
    return next(name for name, position in POSITIONS.items() if position == (x, y))


def output_chroma_location(planes: PlaneFormat | None, *, pixel_format: str) -> str | None:
    """Return the chroma location of the output, by FFmpeg's name; None if the output is not 4:2:0.

    swscale subsamples to the center; planes that are subsampled already keep their location. No codec has a
    name for samples at the last column: those are said to be at the center, half a pixel off.

    Args:
        planes: format of the planes that are written; None for RGB.
        pixel_format: pixel format of the output.
    """
    if not pixel_format.startswith("yuv420"):
        return None
    (across, down), (x, y) = ((1, 1), (0.5, 0.5)) if planes is None else (planes.chroma, planes.siting)
    position = (x if across == 2 and 0 <= x < 1 else 0.5, y if down == 2 and 0 <= y <= 1 else 0.5)
    return next(name for name, known in POSITIONS.items() if known == position)
