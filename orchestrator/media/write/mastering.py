"""Metadata of HDR as the options of encoders. Knows nothing of how it is read."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from fractions import Fraction

    from orchestrator.frames import HdrMetadata

NAMES = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}
"""What takes an encoder's own parameters, and its names of the mastering display and of the light levels."""

STEPS_OF_XY, STEPS_OF_LUMINANCE = 50_000, 10_000
"""x264 and x265 count as the stream does: in 0.00002, and in 0.0001 cd/m2 (ITU-T H.265, D.3.28)."""

PQ_PEAK = 10_000
"""The brightest that PQ can tell, in cd/m2 (SMPTE ST 2084)."""

MOST_LIGHT = 65_535
"""The brightest that 16 bits can tell, in cd/m2 (ITU-T H.265, D.2.35)."""


def hdr_options(encoder: str, hdr: HdrMetadata) -> dict[str, str]:
    """Return the options by which an encoder writes `hdr` into its stream.

    Left out is what an encoder cannot write, and what is not whole or cannot be.

    Args:
        encoder: FFmpeg's name of it.
        hdr: what there is to say.
    """
    if encoder not in NAMES:
        return {}
    option, display, light = NAMES[encoder]
    parameters: list[str] = []
    if hdr.primaries is not None and hdr.white is not None and _is_possible(hdr):
        steps = (1, 1) if encoder == "libsvtav1" else (STEPS_OF_XY, STEPS_OF_LUMINANCE)
        red, green, blue = (_counted(point, steps[0]) for point in hdr.primaries)
        white = _counted(hdr.white, steps[0])
        luminance = _counted(reversed(hdr.luminance or ()), steps[1])
        parameters.append(f"{display}=G({green})B({blue})R({red})WP({white})L({luminance})")
    levels = hdr.max_cll or 0, hdr.max_fall or 0
    if levels != (0, 0) and max(levels) <= MOST_LIGHT:
        parameters.append(f"{light}={levels[0]},{levels[1]}")
    return {option: ":".join(parameters)} if parameters else {}


def _is_possible(hdr: HdrMetadata) -> bool:
    """Whether there can be a display of such light: encoders refuse what cannot, or write nonsense."""
    points = [*(hdr.primaries or ()), *([hdr.white] if hdr.white else [])]
    least, most = hdr.luminance or (0, 0)
    return all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points) and 0 <= least < most <= PQ_PEAK


def _counted(values: Iterable[Fraction], steps: int) -> str:
    """Return numbers in steps, whole where a step is not one."""
    return ",".join(f"{float(value):.8g}" if steps == 1 else str(round(value * steps)) for value in values)
