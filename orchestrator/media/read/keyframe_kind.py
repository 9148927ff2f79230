"""Tells whether decoding can start at a keyframe so that all later pictures are exact.

Containers call three kinds of pictures keyframes. From an IDR picture of H.264, and from any IRAP picture of
HEVC, every picture that is shown after it can be decoded (ITU-T H.264, 7.4.1.2.4; H.265, 8.1.3). A recovery
point of H.264 says itself from where on pictures are exact (D.2.8): at once where an open group of pictures
begins, but only after a number of others with intra refresh. In the second case decoding starts a keyframe
earlier.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum

HEAD_BYTES = 4096
"""How much of a keyframe is examined. What stands before its first slice (parameter sets, messages) is
shorter."""

_H264_SLICES, _H264_IDR, _H264_MESSAGE = range(1, 6), 5, 6
"""Types of NAL units of H.264 (table 7-1): slices, slices of an IDR picture, and messages (SEI)."""

_HEVC_SLICES, _HEVC_IRAP = range(32), range(16, 24)
"""Types of NAL units of HEVC (table 7-1): slices, and slices of a picture where decoding can start."""

_RECOVERY_POINT = 6
"""The type of the message that marks a recovery point (ITU-T H.264, D.1.1)."""

_EXACT_AT_ONCE = 0b1100_0000
"""The first bits of that message if pictures are exact from this one on: `recovery_frame_cnt` is 0, which is
coded as 1, then `exact_match_flag` is 1 and `broken_link_flag` 0 (ITU-T H.264, D.1.8)."""


class KeyframeKind(IntEnum):
    """What a picture is to a decoder that starts at it."""

    NONE = 0
    """Decoding cannot start at it."""
    RECOVERY = 1
    """Decoding can start at it, and pictures become exact some time later."""
    EXACT = 2
    """Decoding can start at it, and every picture that is shown later is exact."""
    UNREAD = 3
    """The container calls it a keyframe, and its data were not looked at."""


def keyframe_kind(codec: str, head: bytes, extradata: bytes | None) -> KeyframeKind:
    """Return what a picture that the container calls a keyframe is.

    Keyframes of other codecs than H.264 and HEVC are EXACT. It is NONE if no slice is in `head`.

    Args:
        codec: FFmpeg's name of the codec.
        head: the first HEAD_BYTES of the packet.
        extradata: the headers of the codec in the container, or None.
    """
    if codec == "h264":
        return _of_h264(_units(head, _length_size(extradata, at=4)))
    if codec == "hevc":
        kinds = (unit[0] >> 1 & 63 for unit in _units(head, _length_size(extradata, at=21)))
        first = next((kind for kind in kinds if kind in _HEVC_SLICES), None)
        return KeyframeKind.EXACT if first in _HEVC_IRAP else KeyframeKind.NONE
    return KeyframeKind.EXACT


def _of_h264(units: Iterator[bytes]) -> KeyframeKind:
    found = KeyframeKind.NONE
    for unit in units:
        kind = unit[0] & 31
        if kind == _H264_MESSAGE:
            for number, message in _messages(unit[1:]):
                if number == _RECOVERY_POINT:
                    is_exact = bool(message) and message[0] & 0b1110_0000 == _EXACT_AT_ONCE
                    found = KeyframeKind.EXACT if is_exact else KeyframeKind.RECOVERY
        if kind == _H264_IDR:
            return KeyframeKind.EXACT
        if kind in _H264_SLICES:
            return found if _is_intra(unit[1:]) else min(found, KeyframeKind.RECOVERY)
    return KeyframeKind.NONE


def _is_intra(data: bytes) -> bool:
    """Return whether the first slice of a picture is intra-coded (ITU-T H.264, 7.3.3, and table 7-6).

    `first_mb_in_slice` is 0, coded as 1; then `slice_type` is 2 or 7, coded as 011 or 0001000.

    Args:
        data: the slice after the head of its NAL unit.
    """
    return bool(data) and (data[0] >> 4 == 0b1011 or data[0] == 0b1000_1000)


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the type and the content of each message in a NAL unit (ITU-T H.264, 7.3.2.3)."""
    data = data.replace(b"\0\0\3", b"\0\0")
    place = 0
    while place + 2 < len(data):
        numbers = []
        for _ in ("type", "size"):
            number = 0
            while place < len(data) and data[place] == 255:
                number, place = number + 255, place + 1
            if place == len(data):
                return
            numbers.append(number + data[place])
            place += 1
        yield numbers[0], data[place : place + numbers[1]]
        place += numbers[1]


def _length_size(extradata: bytes | None, *, at: int) -> int | None:
    """Return how many bytes give the length of a NAL unit; None if start codes separate them (Annex B)."""
    if not extradata or extradata[0] != 1 or len(extradata) <= at:
        return None
    return (extradata[at] & 3) + 1


def _units(data: bytes, length_size: int | None) -> Iterator[bytes]:
    """Yield each NAL unit, of which at least the first byte is in `data`."""
    place = 0
    if length_size is None:
        place = data.find(b"\0\0\1")
        while place >= 0:
            end = data.find(b"\0\0\1", place + 3)
            if unit := data[place + 3 : end if end >= 0 else None]:
                yield unit
            place = end
        return
    while place + length_size < len(data):
        length = int.from_bytes(data[place : place + length_size])
        place += length_size
        if unit := data[place : place + length]:
            yield unit
        place += length
