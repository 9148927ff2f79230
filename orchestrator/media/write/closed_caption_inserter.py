"""Puts closed captions (EIA-608 and 708) into the packets of an H.264 or HEVC encoder.

PyAV passes captions to no encoder, so they are inserted into the encoded packets (ATSC A/53 part 4, 6.2.3;
ITU-T H.264, D.1.6; ITU-T H.265, D.2.6).
"""

from __future__ import annotations

import re
from typing import Any, cast

from av.packet import Packet
from av.video.stream import VideoStream

from orchestrator.media.read.captions import has_text

CARRIERS = {"libx264": "h264", "h264_nvenc": "h264", "libx265": "hevc", "hevc_nvenc": "hevc"}
"""Codec by encoder, for the encoders into whose packets captions can be inserted."""

MOST_IN_A_MESSAGE = 31
"""Most captions, of three bytes each, of one message, which counts them with five bits."""

_ATSC = b"\xb5\x00\x31GA94\x03"
"""Header of caption data: United States, ATSC, `GA94`."""

_USER_DATA = 4
"""The type of a message of registered user data (ITU-T T.35)."""

_SEI = {"h264": b"\x06", "hevc": b"\x4e\x01"}
"""Header of a unit with messages (SEI) before a picture: type 6 in H.264, 39 in HEVC."""

_START = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)


class ClosedCaptionInserter:
    """Holds the captions of the pictures inside an encoder, and inserts them into its packets.

    Args:
        encoder: FFmpeg's name of the encoder.

    Attributes:
        are_lost: whether captions with text were dropped, because the encoder is none of `CARRIERS`.
    """

    def __init__(self, encoder: str) -> None:
        self.are_lost = False
        self._codec = CARRIERS.get(encoder)
        self._waiting: dict[int, bytes] = {}

    def take(self, pts: int, captions: bytes) -> None:
        """Store the captions of the picture at `pts`."""
        if captions and self._codec is not None:
            self._waiting[pts] = captions
        elif not self.are_lost:
            self.are_lost = has_text(captions)

    def put_into(self, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        """Return a packet of the encoder with the captions of its picture inserted."""
        captions = None if packet.pts is None else self._waiting.pop(packet.pts, None)
        if captions is None or self._codec is None:
            return packet
        combined: Packet[VideoStream] = cast(
            "Any", Packet(with_captions(bytes(packet), captions, self._codec))
        )
        combined.stream, combined.time_base = packet.stream, packet.time_base
        combined.pts, combined.dts, combined.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
        return combined


def with_captions(packet: bytes, captions: bytes, codec: str) -> bytes:
    """Return an encoded picture with captions before its first slice.

    Args:
        packet: encoded picture, in units that start with 00 00 01 (Annex B).
        captions: captions of three bytes each.
        codec: `h264` or `hevc`.
    """
    at = next((found.start() for found in _START.finditer(packet) if _is_slice(found[1][0], codec)), None)
    if at is None:
        return packet
    # One more zero before a start code belongs to it.
    at -= at > 0 and packet[at - 1] == 0
    step = 3 * MOST_IN_A_MESSAGE
    units = [_unit(captions[first : first + step], codec) for first in range(0, len(captions), step)]
    return packet[:at] + b"".join(units) + packet[at:]


def _is_slice(header: int, codec: str) -> bool:
    return 1 <= header & 0x1F <= 5 if codec == "h264" else (header >> 1 & 0x3F) < 32


def _unit(captions: bytes, codec: str) -> bytes:
    count = len(captions) // 3
    payload = _ATSC + bytes([0x40 | count, 0xFF]) + captions[: 3 * count] + b"\xff"
    message = bytes([_USER_DATA, len(payload)]) + payload + b"\x80"
    # A byte 03 is inserted so that no three bytes look like a start code.
    return b"\x00\x00\x00\x01" + _SEI[codec] + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", message)
