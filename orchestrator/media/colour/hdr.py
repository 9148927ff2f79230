"""What a video of high dynamic range says of its mastering. Knows nothing of containers or pixels."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from orchestrator.frames import HdrMetadata

if TYPE_CHECKING:
    import av


def hdr_metadata(frame: av.VideoFrame) -> HdrMetadata | None:
    """Return what a decoded picture says, in a message of its stream or a box of its container, or None.

    The side data are FFmpeg's AVMasteringDisplayMetadata (ten rationals and two flags) and
    AVContentLightMetadata (two numbers).
    """
    said: dict[str, Any] = {}
    if (data := side_data(frame, "MASTERING_DISPLAY_METADATA")) is not None:
        *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", data)
        pairs = [_pair(*numbers[first : first + 4]) for first in range(0, 20, 4)]
        if has_primaries and None not in pairs[:3]:
            said |= {"primaries": tuple(pairs[:3]), "white": pairs[3]}
        if has_luminance:
            said["luminance"] = pairs[4]
    if (data := side_data(frame, "CONTENT_LIGHT_LEVEL")) is not None:
        max_cll, max_fall = struct.unpack_from("=2I", data)
        said |= {"max_cll": max_cll or None, "max_fall": max_fall or None}
    found = HdrMetadata(**said)
    return found if found != HdrMetadata() else None


def side_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    """Return the side data of a picture that PyAV calls `kind`; None where it has none."""
    try:
        return bytes(frame.side_data[kind])  # type: ignore[literal-required]  # the stub lists one key
    except (KeyError, ValueError):  # ValueError: PyAV does not know the kind of another entry
        return None


def _pair(above: int, below: int, second_above: int, second_below: int) -> tuple[Fraction, Fraction] | None:
    """Return two rationals; None where one is none."""
    if not below or not second_below:
        return None
    return Fraction(above, below), Fraction(second_above, second_below)
