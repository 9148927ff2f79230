"""What a packet of sound is by its first bytes, where each packet says it, as in MPEG-TS and MPEG-PS.

Recordings that are joined, and television, change the codec or the channels of a stream in its middle. FFmpeg
tells only what a stream is at its start. Knows nothing of files or decoders.
"""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

CODINGS = {"aac": "aac", "mp1": "mpeg", "mp2": "mpeg", "mp3": "mpeg", "ac3": "ac3", "eac3": "ac3"}
"""Which header packets of a codec have, by FFmpeg's name of the codec."""

DECODERS = {"aac": "aac", "mpeg": "mp3", "ac3": "eac3"}
"""FFmpeg's decoder for all packets with one kind of header: that of MP3 knows all three layers."""

NAMES = {"aac": "AAC", "mpeg": "MPEG audio", "ac3": "AC-3"}
"""What people call them."""

BYTES = 4
"""How many bytes a header is read from."""

SURE = 3
"""A kind of header that fewer packets have is damage."""


class AudioPacketHeader(NamedTuple):
    """The header of one packet.

    Attributes:
        coding: which kind of header it is, a key of DECODERS.
        setup: sampling rate and channels as coded, for AAC. The headers of the others stay in the packets
            wherever they are copied to, so players see a change there, and it is 0.
    """

    coding: str
    setup: int


def read_audio_header(data: bytes) -> AudioPacketHeader | None:
    """Read the start of a packet; None where it has none of these headers.

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


class AudioHeaderCounter:
    """Counts the headers of the packets of a file's sound streams."""

    def __init__(self) -> None:
        self._seen: dict[int, Counter[AudioPacketHeader]] = {}

    def take(self, index: int, data: bytes) -> None:
        """Take the first BYTES of a packet of the stream `index`."""
        header = read_audio_header(data)
        if header is not None:
            self._seen.setdefault(index, Counter())[header] += 1

    @property
    def changing(self) -> frozenset[int]:
        """Indexes of the streams whose packets are not all of one kind."""
        return frozenset(
            index
            for index, seen in self._seen.items()
            if sum(packets >= SURE for packets in seen.values()) > 1
        )
