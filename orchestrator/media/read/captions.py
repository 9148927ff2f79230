"""Reads the closed captions (EIA-608 and 708) of decoded pictures.

Broadcasts, and files that phones and editors make of them, have captions in user data of MPEG-2 or in SEI
messages of H.264 and HEVC, a few bytes with each picture.
"""

from __future__ import annotations

import av
import av.error
from av.packet import Packet
from av.video.stream import VideoStream

from orchestrator.media.colour.hdr_metadata import side_data


def mentions_captions(packet: Packet[VideoStream]) -> bool:
    """Return whether a coded picture may hold captions: those of ATSC begin with `GA94`."""
    return b"GA94" in bytes(packet)


def closed_captions(picture: av.VideoFrame) -> bytes:
    """Return the captions of a decoded picture, three bytes each; empty if it has none.

    Reading side data with PyAV creates a reference cycle, so hundreds of pictures would stay in memory until
    Python's garbage collector runs. A tiny copy of the picture, with the same side data, is read instead.
    """
    try:
        tiny = picture.reformat(width=16, height=16, interpolation="POINT")
    except (av.error.FFmpegError, ValueError):  # swscale does not know the format
        tiny = picture
    return side_data(tiny, "A53_CC") or b""


def has_text(captions: bytes) -> bool:
    """Return whether any of the captions is not empty: broadcasts without captions are full of empty ones.

    The first of three bytes has a flag for a valid pair (4) and the kind: 0 and 1 are EIA-608, where a pair
    of zeros, with their parity, is padding.
    """
    triplets = (captions[at : at + 3] for at in range(0, len(captions) - 2, 3))
    return any(
        kind & 4 and (kind & 3 > 1 or first & 0x7F or second & 0x7F) for kind, first, second in triplets
    )
