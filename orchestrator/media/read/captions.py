"""Reads the closed captions (EIA-608 and 708) of decoded pictures.

Broadcasts, and files that phones and editors make of them, have captions in user data of MPEG-2 or in SEI
messages of H.264 and HEVC, a few bytes with each picture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import av
import av.error

from orchestrator.media.colour.hdr_metadata import side_data

if TYPE_CHECKING:
    from av.packet import Packet
    from av.video.stream import VideoStream


def mentions_captions(packet: Packet[VideoStream]) -> bool:
    """Whether a coded picture may hold captions: those of ATSC say `GA94` before they begin."""
    return b"GA94" in bytes(packet)


def closed_captions(picture: av.VideoFrame) -> bytes:
    """Return the captions of a decoded picture, three bytes each; empty where it has none.

    PyAV's look at the side data of a picture makes a cycle of references, so the picture would stay until
    Python's collector comes, and hundreds would gather. A tiny copy, which has the same side data, is looked
    at instead.
    """
    try:
        tiny = picture.reformat(width=16, height=16, interpolation="POINT")
    except (av.error.FFmpegError, ValueError):  # swscale does not know the format
        tiny = picture
    return side_data(tiny, "A53_CC") or b""


def has_text(captions: bytes) -> bool:
    """Whether any of them says something: broadcasts without captions are full of empty ones.

    The first of three bytes has a flag for a valid pair (4) and the kind: 0 and 1 are of EIA-608, where a
    pair of zeros, with their parity, is filling.
    """
    triplets = (captions[at : at + 3] for at in range(0, len(captions) - 2, 3))
    return any(
        kind & 4 and (kind & 3 > 1 or first & 0x7F or second & 0x7F) for kind, first, second in triplets
    )
