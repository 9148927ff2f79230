"""Reads the header at the start of audio packets, to detect streams whose codec or channels change.

Joined recordings and television change the codec or the channels in the middle of an MPEG-TS or MPEG-PS
stream. FFmpeg only reports what a stream is at its start.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

CODINGS = {"aac": "aac", "mp1": "mpeg", "mp2": "mpeg", "mp3": "mpeg", "ac3": "ac3", "eac3": "ac3"}
"""The kind of header of each codec, by FFmpeg's name of the codec."""

DECODERS = {"aac": "aac", "mpeg": "mp3", "ac3": "eac3"}
"""FFmpeg's decoder for all packets with one kind of header; that of MP3 decodes all three layers."""

NAMES = {"aac": "AAC", "mpeg": "MPEG audio", "ac3": "AC-3"}
"""Names for messages."""

BYTES = 4
"""Number of bytes that a header is read from."""

FEWEST_PACKETS = 3
"""A header that fewer packets have is damage, not a change."""


class AudioPacketHeader(NamedTuple):
    """The header of one packet.

    Attributes:
        coding: kind of the header, a key of DECODERS.
        setup: coded sampling rate and channels of AAC. It is 0 for the others: copied packets keep their
            headers, so players notice a change.
    """

    coding: str
    setup: int


def read_audio_header(data: bytes) -> AudioPacketHeader | None:
    """Read the header at the start of a packet; None if it has none of the known kinds.

    They are ADTS (ISO/IEC 13818-7, 6.2), MPEG audio (ISO/IEC 11172-3, 2.4.1.3) and AC-3 (ETSI TS 102 366,
    4.3).
    """
    if len(data) < BYTES:
        return None
    if data[0] == 0x0B and data[1] == 0x77:
        return AudioPacketHeader("ac3", 0)
    if data[0] != 0xFF:
        return None
    if data[1] & 0xF6 == 0xF0:
        return AudioPacketHeader("aac", (data[2] >> 2 & 0xF) << 3 | (data[2] & 1) << 2 | data[3] >> 6)
    return AudioPacketHeader("mpeg", 0) if data[1] & 0xE0 == 0xE0 and data[1] & 0x06 else None


class AudioChangeDetector:
    """Counts the headers of the packets of a file's sound streams."""

    def __init__(self) -> None:
        self._seen: dict[int, Counter[AudioPacketHeader]] = {}

    def take(self, index: int, data: bytes) -> None:
        """Count the header in the first BYTES of a packet of the stream `index`."""
        header = read_audio_header(data)
        if header is not None:
            self._seen.setdefault(index, Counter())[header] += 1

    @property
    def changing(self) -> frozenset[int]:
        """Indexes of the streams whose packets are not all of one kind."""
        return frozenset(
            index
            for index, seen in self._seen.items()
            if sum(packets >= FEWEST_PACKETS for packets in seen.values()) > 1
        )
