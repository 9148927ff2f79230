"""Translates HDR metadata into options of the encoders."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from orchestrator.frames import HdrMetadata

NAMES = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}
"""By encoder: the option for its private parameters, and its names of mastering display and light levels."""

STEPS_OF_XY, STEPS_OF_LUMINANCE = 50_000, 10_000
"""x264 and x265 have the units of the stream: 0.00002, and 0.0001 cd/m2 (ITU-T H.265, D.3.28)."""

PQ_PEAK = 10_000
"""The highest luminance of PQ, in cd/m2 (SMPTE ST 2084)."""

MOST_LIGHT = 65_535
"""The highest light level that 16 bits can store, in cd/m2 (ITU-T H.265, D.2.35)."""


def hdr_options(encoder: str, hdr: HdrMetadata) -> dict[str, str]:
    """Return the options that make an encoder write `hdr` into its stream.

    Metadata that the encoder cannot write, or that are incomplete or impossible, are left out.

    Args:
        encoder: FFmpeg's name of the encoder.
        hdr: metadata of the source.
    """
    if encoder not in NAMES:
        return {}
    option, display, light = NAMES[encoder]
    parameters: list[str] = []
    if hdr.primaries is not None and hdr.white is not None and _is_possible(hdr):
        steps = (1, 1) if encoder == "libsvtav1" else (STEPS_OF_XY, STEPS_OF_LUMINANCE)
        red, green, blue = (_in_steps(point, steps[0]) for point in hdr.primaries)
        white = _in_steps(hdr.white, steps[0])
        luminance = _in_steps(reversed(hdr.luminance or ()), steps[1])
        parameters.append(f"{display}=G({green})B({blue})R({red})WP({white})L({luminance})")
    levels = hdr.max_cll or 0, hdr.max_fall or 0
    if levels != (0, 0) and max(levels) <= MOST_LIGHT:
        parameters.append(f"{light}={levels[0]},{levels[1]}")
    return {option: ":".join(parameters)} if parameters else {}


def _is_possible(hdr: HdrMetadata) -> bool:
    """Return whether a display can have these values; encoders refuse other values, or write nonsense."""
    points = [*(hdr.primaries or ()), *([hdr.white] if hdr.white else [])]
    least, most = hdr.luminance or (0, 0)
    return all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points) and 0 <= least < most <= PQ_PEAK


def _in_steps(values: Iterable[Fraction], steps: int) -> str:
    """Return numbers as multiples of 1 / steps, rounded unless steps is 1."""
    return ",".join(f"{float(value):.8g}" if steps == 1 else str(round(value * steps)) for value in values)
