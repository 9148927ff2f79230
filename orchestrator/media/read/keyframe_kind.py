"""Tells whether decoding can start at a keyframe so that all later pictures are exact.

Containers call three kinds of pictures keyframes. From an IDR picture of H.264, and from any IRAP picture of
HEVC, every picture that is shown after it can be decoded (ITU-T H.264, 7.4.1.2.4; H.265, 8.1.3). A recovery
point of H.264 promises exact pictures only after a number of others: there decoding starts a keyframe
earlier.
"""

from __future__ import annotations

from collections.abc import Iterator

_H264_SLICES, _H264_IDR = range(1, 6), 5
"""Types of NAL units of H.264 (table 7-1): slices, and slices of an IDR picture."""

_HEVC_SLICES, _HEVC_IRAP = range(32), range(16, 24)
"""Types of NAL units of HEVC (table 7-1): slices, and slices of a picture where decoding can start."""


def starts_decoding(codec: str, head: bytes, extradata: bytes | None) -> bool:
    """Return whether decoding can start at a keyframe; False also if its first slice is not in `head`.

    Keyframes of other codecs than H.264 and HEVC always are such starts.

    Args:
        codec: FFmpeg's name of the codec.
        head: the first bytes of the packet.
        extradata: the headers of the codec in the container, or None.
    """
    if codec == "h264":
        length = _length_size(extradata, at=4)
        kinds = (unit[0] & 31 for unit in _units(head, length) if unit)
        return next((kind for kind in kinds if kind in _H264_SLICES), None) == _H264_IDR
    if codec == "hevc":
        length = _length_size(extradata, at=21)
        kinds = (unit[0] >> 1 & 63 for unit in _units(head, length) if unit)
        return next((kind for kind in kinds if kind in _HEVC_SLICES), None) in _HEVC_IRAP
    return True


def _length_size(extradata: bytes | None, *, at: int) -> int | None:
    """Return how many bytes give the length of a NAL unit; None if start codes separate them (Annex B)."""
    if not extradata or extradata[0] != 1 or len(extradata) <= at:
        return None
    return (extradata[at] & 3) + 1


def _units(data: bytes, length_size: int | None) -> Iterator[bytes]:
    """Yield the first bytes of each NAL unit."""
    place = 0
    if length_size is None:
        while (place := data.find(b"\0\0\1", place)) >= 0:
            place += 3
            yield data[place : place + 1]
        return
    while place + length_size < len(data):
        length = int.from_bytes(data[place : place + length_size])
        place += length_size
        yield data[place : place + 1]
        place += length
