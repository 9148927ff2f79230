"""Refuses descriptions of videos that `probe` never makes: the plan of a film may have been changed."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

import av

from orchestrator.frames import HdrMetadata, SphericalVideo, VideoInfo
from orchestrator.media.colour.code_points import RGB
from orchestrator.media.colour.frame_to_rgb import SWSCALE_MATRIX

_LARGEST = 2**31 - 1
"""FFmpeg keeps these numbers in 32 bits."""
_MOST_CODE_POINTS = 256
"""The code points of ITU-T H.273 are bytes."""


def checked_video(info: VideoInfo) -> VideoInfo:
    """Return a description of a video if `probe` could have made it.

    Raises:
        ValueError: it is not; the message says why.
    """
    for name, is_right in _checks(info):
        if not is_right:
            raise ValueError(f"{name} of the planned video is impossible")
    return info


def _checks(info: VideoInfo) -> Iterator[tuple[str, bool]]:
    yield "the size", 1 <= info.width <= _LARGEST and 1 <= info.height <= _LARGEST
    yield "the rotation", info.rotation in {0, 90, 180, 270}
    yield "the shape of a pixel", _is_rate(info.sample_aspect_ratio)
    yield "the time base", _is_rate(info.time_base)
    yield "the frame rate", info.average_rate is None or _is_rate(info.average_rate)
    yield "the number of frames", info.frames is None or 0 <= info.frames <= _LARGEST
    yield "the duration", info.duration_s is None or 0 <= info.duration_s < math.inf
    yield "the start", abs(info.start_s) <= _LARGEST and info.start_s.denominator <= _LARGEST
    yield "the number of skipped frames", 0 <= info.skipped_frames <= _LARGEST
    yield "a stream", all(0 <= index <= _LARGEST for index in info.changing_audio_streams)
    yield "the pixel format", _fits(info)
    colour = info.colour
    yield (
        "the colour",
        all(0 <= code < _MOST_CODE_POINTS for code in (colour.matrix, colour.primaries, colour.transfer)),
    )
    yield "the HDR metadata", info.hdr is None or _is_stored(info.hdr)
    yield "the sphere", info.sphere is None or _is_turned(info.sphere)


def _fits(info: VideoInfo) -> bool:
    """Return whether FFmpeg has the pixel format, and the bit depth and the matrix belong to it."""
    try:
        pixels = av.VideoFormat(info.pixel_format)
    except ValueError:
        return False
    is_yuv = not pixels.is_rgb and len(pixels.components) >= 3
    has_depth = 1 <= info.bit_depth <= max(8, *(component.bits for component in pixels.components))
    return (
        has_depth
        and (info.colour.matrix in SWSCALE_MATRIX) == is_yuv
        and (is_yuv or info.colour.matrix == RGB)
    )


def _is_rate(value: Fraction) -> bool:
    return 0 < value.numerator <= _LARGEST and value.denominator <= _LARGEST


def _is_stored(hdr: HdrMetadata) -> bool:
    pairs = (*(hdr.primaries or ()), *(pair for pair in (hdr.white, hdr.luminance) if pair is not None))
    values = [value for pair in pairs for value in pair]
    levels = [level for level in (hdr.max_cll, hdr.max_fall) if level is not None]
    return all(
        0 <= value.numerator <= _LARGEST and value.denominator <= _LARGEST for value in values
    ) and all(0 <= level <= _LARGEST for level in levels)


def _is_turned(sphere: SphericalVideo) -> bool:
    return all(abs(angle) <= 360 for angle in (sphere.yaw, sphere.pitch, sphere.roll))
