"""Makes planes in the memory of FFmpeg's frames, so that an encoder reads them where they were written."""

from __future__ import annotations

from typing import cast

import av

from orchestrator.frames import Planes
from orchestrator.media.colour.frame_to_rgb import samples_of
from orchestrator.media.colour.pixel_format import planar_format
from orchestrator.plane_format import PlaneFormat


def empty_planes(planes: PlaneFormat, *, width: int, height: int) -> Planes:
    """Return uninitialized planes that are the memory of a new frame.

    The frame has whole chroma samples: with odd sides it is one column or row larger than luma.

    Args:
        planes: their format; 9 bits become 10.
        width, height: size of luma, in pixels.
    """
    across, down = planes.chroma
    whole = -(-width // across) * across, -(-height // down) * down
    frame = av.VideoFrame(*whole, frame_format(planes))
    y, u, v = (samples_of(plane, planes.bits) for plane in frame.planes)
    return Planes(y=y[:height, :width], u=u, v=v, memory=frame)


def frame_of(planes: Planes) -> av.VideoFrame | None:
    """Return the frame whose memory planes are, from `empty_planes`; None if they have their own."""
    return cast("av.VideoFrame | None", planes.memory)


def frame_format(planes: PlaneFormat) -> str:
    """Return FFmpeg's name of planes; FFmpeg has 9 bits for some subsamplings only, so those become 10."""
    return planar_format(planes.chroma, planes.bits + (planes.bits == 9))
