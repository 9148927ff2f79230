"""Makes planes in the memory of FFmpeg's frames, so that an encoder reads them where they were written."""

from __future__ import annotations

import sys
from typing import cast

import av
from av.video.frame import PictureType

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
    return _planes_of(_new_frame(planes, width, height), planes, width, height)


class PlanesRecycler:
    """Makes planes of one size and format, in the memory of earlier ones that nobody refers to any more.

    The kernel clears new memory, page by page, when it is first written to: for a picture of 8K that takes
    half as long as stitching it. Call the methods in one thread only; planes may go to any thread.

    Args:
        planes, width, height: see `empty_planes`.
    """

    def __init__(self, planes: PlaneFormat, *, width: int, height: int) -> None:
        self._planes, self._width, self._height = planes, width, height
        self._frames: list[av.VideoFrame] = []
        self._unused = 0
        """How many references Python has to a frame that only the list refers to."""

    def empty_planes(self) -> Planes:
        """Return planes with any contents."""
        place = next((at for at in range(len(self._frames)) if self._references(at) == self._unused), None)
        if place is None:
            self._frames.append(_new_frame(self._planes, self._width, self._height))
            self._unused = self._references(-1)
            place = -1
        frame = self._frames[place]
        frame.make_writable()  # where an encoder still reads the memory, the frame gets other memory
        frame.pict_type = PictureType.NONE
        return _planes_of(frame, self._planes, self._width, self._height)

    def clear(self) -> None:
        """Free the memory of planes that nobody refers to."""
        self._frames.clear()

    def _references(self, place: int) -> int:
        """Return how many references Python has to a frame. Views of its planes refer to it, too."""
        return sys.getrefcount(self._frames[place])


def _new_frame(planes: PlaneFormat, width: int, height: int) -> av.VideoFrame:
    across, down = planes.chroma
    return av.VideoFrame(-(-width // across) * across, -(-height // down) * down, frame_format(planes))


def _planes_of(frame: av.VideoFrame, planes: PlaneFormat, width: int, height: int) -> Planes:
    y, u, v = (samples_of(plane, planes.bits) for plane in frame.planes)
    return Planes(y=y[:height, :width], u=u, v=v, memory=frame)


def frame_of(planes: Planes) -> av.VideoFrame | None:
    """Return the frame whose memory planes are, from `empty_planes`; None if they have their own."""
    return cast("av.VideoFrame | None", planes.memory)


def frame_format(planes: PlaneFormat) -> str:
    """Return FFmpeg's name of planes; FFmpeg has 9 bits for some subsamplings only, so those become 10."""
    return planar_format(planes.chroma, planes.bits + (planes.bits == 9))
