"""Reads the HDR metadata and other side data of decoded pictures."""

from __future__ import annotations

import struct
from fractions import Fraction
from typing import Any

import av

from orchestrator.frames import HdrMetadata


def hdr_metadata(frame: av.VideoFrame) -> HdrMetadata | None:
    """Return the HDR metadata of a decoded picture, from its stream or its container; None if it has none.

    They are FFmpeg's AVMasteringDisplayMetadata (ten rationals and two flags) and AVContentLightMetadata (two
    numbers).
    """
    values: dict[str, Any] = {}
    if (data := side_data(frame, "MASTERING_DISPLAY_METADATA")) is not None:
        *numbers, has_primaries, has_luminance = struct.unpack_from("=22i", data)
        pairs = [_pair(*numbers[first : first + 4]) for first in range(0, 20, 4)]
        if has_primaries and None not in pairs[:3]:
            values |= {"primaries": tuple(pairs[:3]), "white": pairs[3]}
        if has_luminance:
            values["luminance"] = pairs[4]
    if (data := side_data(frame, "CONTENT_LIGHT_LEVEL")) is not None:
        max_cll, max_fall = struct.unpack_from("=2I", data)
        values |= {"max_cll": max_cll or None, "max_fall": max_fall or None}
    metadata = HdrMetadata(**values)
    return metadata if metadata != HdrMetadata() else None


def side_data(frame: av.VideoFrame, kind: str) -> bytes | None:
    """Return the side data that PyAV calls `kind`; None if the picture has none."""
    try:
        return bytes(frame.side_data[kind])  # type: ignore[literal-required]  # the stub lists one key
    except (KeyError, ValueError):  # ValueError: PyAV does not know the kind of another entry
        return None


def _pair(above: int, below: int, second_above: int, second_below: int) -> tuple[Fraction, Fraction] | None:
    """Return two fractions; None if a denominator is 0."""
    if not below or not second_below:
        return None
    return Fraction(above, below), Fraction(second_above, second_below)
