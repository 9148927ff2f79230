"""Detects transparency and reads the alpha plane of decoded pictures.

Most formats hold alpha in the picture. WebM holds that of VP8 and VP9 beside it: each packet carries a second
coded picture, whose luma is the alpha (WebM's Alpha Transparency Specification, BlockAdditional 1). FFmpeg's
own decoders ignore it. Alpha is straight: colours are not multiplied by it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

import av
import av.error
import numpy as np
from av.codec.context import Flags
from av.filter import Graph
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.stream import VideoStream
from numpy.typing import NDArray

from orchestrator.frames import Alpha
from orchestrator.media.colour.frame_to_rgb import rows_of
from orchestrator.media.colour.resize import resize
from orchestrator.media.filter_chain import buffer_options, filter_chain

OPAQUE = 255
"""The largest alpha of 8 bits."""

_SIDE_ALPHA_CODECS = {"vp8", "vp9"}
"""Codecs whose alpha is a second coded picture."""

_SIDE_DATA: Literal["matroska_block_additional"] = "matroska_block_additional"
_ALPHA_ID = (1).to_bytes(8, "big")
"""The BlockAddID with which the side data of alpha begins."""

_EDGES_PX = 256
"""More than the padding that decoders add to the sides of a picture, which FFmpeg counts too."""


class SideAlphaDecoder:
    """Decodes alpha that is coded beside the pictures of one video, and attaches it to them.

    Each picture that is decoded after its packet went through `attach` has its alpha as its `opaque`: uint8
    [h, w], or None if it has none. So no alpha outlives its picture.

    Args:
        stream: the video, before any of it is decoded.

    Attributes:
        failures: number of pictures whose alpha could not be decoded.
    """

    def __init__(self, stream: VideoStream) -> None:
        self.failures = 0
        self._context: VideoCodecContext | None = None
        if has_side_alpha(stream):
            picture = stream.codec_context
            picture.flags |= Flags.copy_opaque
            self._context = cast("VideoCodecContext", av.CodecContext.create(picture.name, "r"))
            self._context.thread_type = "NONE"
            # Alpha is as large as the picture; a hostile file could claim more.
            largest_px = (picture.width + _EDGES_PX) * (picture.height + _EDGES_PX)
            self._context.options = {"max_pixels": str(largest_px)}

    def attach(self, packet: Packet[VideoStream]) -> None:
        """Decode the alpha beside a packet that will be decoded next."""
        if self._context is None or not packet.has_sidedata(_SIDE_DATA):
            return
        data = bytes(packet.get_sidedata(_SIDE_DATA))
        if not data.startswith(_ALPHA_ID):
            return
        try:
            decoded = self._context.decode(cast("Any", Packet(data[len(_ALPHA_ID) :])))
        except (av.error.FFmpegError, ValueError):
            self.failures += 1
            return
        if decoded:  # a hidden picture has none
            plane = decoded[0].planes[0]
            packet.opaque = rows_of(plane, np.uint8)[:, : plane.width].copy()


def has_side_alpha(stream: VideoStream) -> bool:
    """Return whether the codec of a video codes alpha as a second picture."""
    return stream.codec_context.name in _SIDE_ALPHA_CODECS


def is_transparent(first: Sequence[av.VideoFrame], stream: VideoStream) -> bool:
    """Return whether a video has alpha. Palettes and GIFs always have it: they count if pixels use it.

    Args:
        first: its first pictures, whose packets went through `SideAlphaDecoder.attach`.
        stream: the video.
    """
    pixels = first[0].format
    if not any(component.is_alpha for component in pixels.components):
        return any(picture.opaque is not None for picture in first)
    if pixels.name != "pal8" and stream.codec_context.name != "gif":
        return True
    return any(bool((picture.to_ndarray(format="rgba")[..., 3] < OPAQUE).any()) for picture in first)


class AlphaExtractor:
    """Extracts the alpha of decoded pictures of one video."""

    def __init__(self) -> None:
        self._kind = ""
        self._graph = Graph()

    def __call__(self, picture: av.VideoFrame, beside: Alpha | None) -> Alpha:
        """Return the picture's alpha as new uint8 [h, w], 0..255; fully opaque if it has none.

        Args:
            picture: a decoded picture.
            beside: its alpha from `SideAlphaDecoder`, if any; resized to the picture's size.
        """
        if beside is not None:
            return resize(beside, width=picture.width, height=picture.height)
        if not any(component.is_alpha for component in picture.format.components):
            return np.full((picture.height, picture.width), OPAQUE, np.uint8)
        if picture.format.name == "pal8":
            return np.ascontiguousarray(picture.to_ndarray(format="rgba")[..., 3])
        kind = buffer_options(picture)
        if kind != self._kind:
            self._kind, self._graph = kind, filter_chain(kind, ("alphaextract", None))
        self._graph.push(picture)
        gray = self._graph.vpull()
        levels = cast("NDArray[Any]", gray.to_ndarray())
        if levels.dtype == np.uint8:
            return levels
        top = (1 << gray.format.components[0].bits) - 1 if levels.dtype.kind == "u" else 1
        rounded = np.rint(levels * np.float32(OPAQUE / top))
        return cast("Alpha", rounded.clip(0, OPAQUE).astype(np.uint8))
