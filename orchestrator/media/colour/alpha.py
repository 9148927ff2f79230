"""Transparency: which videos have it, and the plane of alpha that goes with a decoded picture.

Most formats hold alpha in the picture. WebM holds that of VP8 and VP9 beside it: each packet carries a second
coded picture, whose luma is the alpha (WebM's Alpha Transparency Specification, BlockAdditional 1). FFmpeg's
own decoders pass it over. Alpha is straight: colours are not multiplied by it.

Knows nothing of time or of files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

import av
import av.error
import numpy as np
from av.codec.context import Flags
from av.filter import Graph
from av.packet import Packet

from orchestrator.media.colour.conversion import rows_of
from orchestrator.media.colour.resize import resize

if TYPE_CHECKING:
    from collections.abc import Sequence

    from av.video.codeccontext import VideoCodecContext
    from av.video.stream import VideoStream
    from numpy.typing import NDArray

    from orchestrator.frames import Alpha

OPAQUE = 255
"""Alpha of 8 bits through which nothing is seen."""

_BESIDE = {"vp8", "vp9"}
"""Codecs whose alpha is a picture of its own."""

_SIDE_DATA: Literal["matroska_block_additional"] = "matroska_block_additional"
_OF_ALPHA = (1).to_bytes(8, "big")
"""With which the side data of alpha begins: its BlockAddID."""

_EDGES_PX = 256
"""More than what decoders add to the sides of a picture, which FFmpeg counts too."""


class SideAlpha:
    """Decodes the alpha that lies beside the pictures of one video, and hands it over with them.

    Each picture that is decoded after its packet went through `attach` has its alpha as its `opaque`, uint8
    [h, w], or None where it has none. So there is no more of it than there are pictures.

    Args:
        stream: the video, before any of it is decoded.

    Attributes:
        failures: of how many pictures it could not be decoded.
    """

    def __init__(self, stream: VideoStream) -> None:
        self.failures = 0
        self._context: VideoCodecContext | None = None
        if has_side_alpha(stream):
            picture = stream.codec_context
            picture.flags |= Flags.copy_opaque
            self._context = cast("VideoCodecContext", av.CodecContext.create(picture.name, "r"))
            self._context.thread_type = "NONE"
            # It is as large as the picture. A file could claim more.
            largest_px = (picture.width + _EDGES_PX) * (picture.height + _EDGES_PX)
            self._context.options = {"max_pixels": str(largest_px)}

    def attach(self, packet: Packet[VideoStream]) -> None:
        """Decode what lies beside a packet that will be decoded next."""
        if self._context is None or not packet.has_sidedata(_SIDE_DATA):
            return
        data = bytes(packet.get_sidedata(_SIDE_DATA))
        if not data.startswith(_OF_ALPHA):
            return
        try:
            decoded = self._context.decode(cast("Any", Packet(data[len(_OF_ALPHA) :])))
        except (av.error.FFmpegError, ValueError):
            self.failures += 1
            return
        if decoded:  # a picture that is not shown has none
            plane = decoded[0].planes[0]
            packet.opaque = rows_of(plane, np.uint8)[:, : plane.width].copy()


def has_side_alpha(stream: VideoStream) -> bool:
    """Return whether alpha of a video's codec, if there is any, lies beside the picture."""
    return stream.codec_context.name in _BESIDE


def is_transparent(first: Sequence[av.VideoFrame], stream: VideoStream) -> bool:
    """Return whether a video has alpha; that of a palette and of a GIF, which all have, is looked at.

    Args:
        first: its first pictures, whose packets went through `SideAlpha.attach`.
        stream: the video.
    """
    pixels = first[0].format
    if not any(component.is_alpha for component in pixels.components):
        return any(picture.opaque is not None for picture in first)
    if pixels.name != "pal8" and stream.codec_context.name != "gif":
        return True
    return any(bool((picture.to_ndarray(format="rgba")[..., 3] < OPAQUE).any()) for picture in first)


class ToAlpha:
    """Gives the alpha of the pictures of one video. It keeps one filter for all of them."""

    def __init__(self) -> None:
        self._kind = ""
        self._graph = Graph()

    def __call__(self, picture: av.VideoFrame, beside: Alpha | None) -> Alpha:
        """Return alpha as fresh uint8 [h, w], 0 to 255, of a picture of that size; opaque where it has none.

        Args:
            picture: as decoded.
            beside: the alpha that came beside it; it is resized where it has another size.
        """
        if beside is not None:
            return resize(beside, width=picture.width, height=picture.height)
        if not any(component.is_alpha for component in picture.format.components):
            return np.full((picture.height, picture.width), OPAQUE, np.uint8)
        if picture.format.name == "pal8":
            return np.ascontiguousarray(picture.to_ndarray(format="rgba")[..., 3])
        kind = f"video_size={picture.width}x{picture.height}:pix_fmt={picture.format.name}"
        if kind != self._kind:
            self._kind, self._graph = kind, Graph()
            source = self._graph.add("buffer", f"{kind}:time_base=1/1")
            self._graph.link_nodes(source, self._graph.add("alphaextract"), self._graph.add("buffersink"))
            self._graph.configure()
        self._graph.push(picture)
        gray = cast("av.VideoFrame", self._graph.pull())
        levels = cast("NDArray[Any]", gray.to_ndarray())
        if levels.dtype == np.uint8:
            return levels
        top = (1 << gray.format.components[0].bits) - 1 if levels.dtype.kind == "u" else 1
        rounded = np.rint(levels * np.float32(OPAQUE / top))
        return cast("Alpha", rounded.clip(0, OPAQUE).astype(np.uint8))
