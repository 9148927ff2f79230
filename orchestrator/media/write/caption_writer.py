"""Puts closed captions (EIA-608 and 708) into the packets of an H.264 or HEVC encoder.

PyAV passes captions to no encoder, so they are inserted into the encoded packets (ATSC A/53 part 4, 6.2.3;
ITU-T H.264, D.1.6; ITU-T H.265, D.2.6).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, cast

from av.packet import Packet

from orchestrator.media.read.captions import has_text

if TYPE_CHECKING:
    from av.video.stream import VideoStream

CARRIERS = {"libx264": "h264", "h264_nvenc": "h264", "libx265": "hevc", "hevc_nvenc": "hevc"}
"""The encoders into whose packets captions can be put, and what they write."""

MOST_IN_A_MESSAGE = 31
"""A message counts its captions, of three bytes each, with five bits; what is more goes into the next one."""

_ATSC = b"\xb5\x00\x31GA94\x03"
"""United States, ATSC, `GA94`, caption data."""

_USER_DATA = 4
"""The type of a message of registered user data (ITU-T T.35)."""

_SEI = {"h264": b"\x06", "hevc": b"\x4e\x01"}
"""The header of a unit of messages that comes before a picture: type 6 in H.264, 39 in HEVC."""

_START = re.compile(rb"\x00\x00\x01(.)", re.DOTALL)


class CaptionWriter:
    """Keeps the captions of pictures that are in an encoder, and puts them into its packets.

    Args:
        encoder: FFmpeg's name of it.

    Attributes:
        are_lost: captions that say something came, and cannot be written.
    """

    def __init__(self, encoder: str) -> None:
        self.are_lost = False
        self._codec = CARRIERS.get(encoder)
        self._waiting: dict[int, bytes] = {}

    def take(self, pts: int, captions: bytes) -> None:
        """Take the captions of the picture that is shown at `pts`."""
        if captions and self._codec is not None:
            self._waiting[pts] = captions
        elif not self.are_lost:
            self.are_lost = has_text(captions)

    def put_into(self, packet: Packet[VideoStream]) -> Packet[VideoStream]:
        """Return a packet of the encoder with the captions of its picture."""
        captions = None if packet.pts is None else self._waiting.pop(packet.pts, None)
        if captions is None or self._codec is None:
            return packet
        made: Packet[VideoStream] = cast("Any", Packet(with_captions(bytes(packet), captions, self._codec)))
        made.stream, made.time_base = packet.stream, packet.time_base
        made.pts, made.dts, made.is_keyframe = packet.pts, packet.dts, packet.is_keyframe
        return made


def with_captions(packet: bytes, captions: bytes, codec: str) -> bytes:
    """Return a coded picture with captions before its first slice.

    Args:
        packet: the picture, in units that start with 00 00 01 (Annex B).
        captions: three bytes each.
        codec: `h264` or `hevc`.
    """
    at = next((found.start() for found in _START.finditer(packet) if _is_slice(found[1][0], codec)), None)
    if at is None:
        return packet
    # A start code may have a zero more, which belongs to it.
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
    # 03 keeps three bytes from looking like a start code.
    return b"\x00\x00\x00\x01" + _SEI[codec] + re.sub(rb"\x00\x00(?=[\x00-\x03])", b"\x00\x00\x03", message)
