"""Tone-maps decoded HDR frames to SDR pictures, with a lookup table of colours and FFmpeg's haldclut filter.

The filter interpolates in the table by tetrahedra, which keeps grays gray. It works on floating-point frames,
because with 16-bit planes it reads the table's green as red.
"""

from __future__ import annotations

from typing import cast

import av
import av.filter
import cv2
import numpy as np
from av.filter.context import FilterContext
from numpy.typing import NDArray

from orchestrator.frames import Pixels, VideoInfo
from orchestrator.media.colour.frame_to_rgb import SwscaleRgb, merge_planes, rgb_planes
from orchestrator.media.colour.tonemap_curve import GRID, peak_nits, tonemap_table


class ToneMapper:
    """Converts the decoded frames of one HDR video to tone-mapped RGB, BT.709.

    Args:
        info: describes the video.
        threads: number of conversion threads; 0 lets FFmpeg choose.
        size: width and height of the result in pixels, or None for those of each frame. The frame is scaled
            as YUV, before its light is computed.
    """

    def __init__(self, info: VideoInfo, *, threads: int, size: tuple[int, int] | None = None) -> None:
        self._colour = info.colour
        self._peak = peak_nits(info.colour, info.hdr)
        self._threads = threads
        self._convert = SwscaleRgb(info.colour, to="gbrpf32le", threads=threads, size=size)
        self._filter: _HaldClutFilter | None = None

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        """Return a new uint8 [H, W, 3] RGB array, full range, without alpha.

        Raises:
            UnsupportedMedia: swscale does not know the pixel format.
        """
        hdr, white = self._convert(frame), self._convert.white(frame)
        if self._filter is None or self._filter.kind != (hdr.width, hdr.height, white):
            colours = tonemap_table(self._colour.transfer, self._colour.primaries, self._peak, white)
            self._filter = _HaldClutFilter(colours, (hdr.width, hdr.height, white), threads=self._threads)
        sdr = self._filter(hdr)
        planes = [cv2.convertScaleAbs(plane, alpha=255) for plane in rgb_planes(sdr, np.float32)]
        return merge_planes([cast("Pixels", plane) for plane in planes])


class _HaldClutFilter:
    """The filter, for frames of one size.

    Args:
        colours: float32 [GRID, GRID, GRID, 3], indexed by blue, green and red.
        kind: width and height of the frames, and the value of white in them.
        threads: number of filter threads; 0 starts one per core.
    """

    def __init__(self, colours: NDArray[np.float32], kind: tuple[int, int, int], *, threads: int) -> None:
        self.kind = kind
        self._frames = 0
        self._graph = av.filter.Graph()
        self._graph.threads = threads
        side = round(GRID**1.5)  # the table as a square picture, row by row
        clut = av.VideoFrame.from_ndarray(colours.reshape(side, side, 3), "gbrpf32le")
        clut.pts = 0
        self._source = self._buffer(*kind[:2])
        table = self._buffer(side, side)
        lookup = self._graph.add("haldclut", "clut=first:interp=tetrahedral")
        self._sink = self._graph.add("buffersink")
        self._source.link_to(lookup, 0, 0)
        table.link_to(lookup, 0, 1)
        lookup.link_to(self._sink)
        self._graph.configure()
        table.push(clut)
        table.push(None)

    def _buffer(self, width: int, height: int) -> FilterContext:
        return self._graph.add("buffer", f"video_size={width}x{height}:pix_fmt=gbrpf32le:time_base=1/1")

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a `gbrpf32le` frame with every colour replaced from the table."""
        frame.pts = self._frames
        self._frames += 1
        self._source.push(frame)
        return cast("av.VideoFrame", self._sink.pull())
