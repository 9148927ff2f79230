"""Computes the tone mapping from HDR (PQ and HLG) to SDR (BT.709): equations and a lookup table of colours.

The light that an HDR display would show is compressed to the range of an SDR display, and coded for it:

1. signal to light in cd/m2: ITU-R BT.2100, tables 4 (PQ) and 5 (HLG, for a display of 1000 cd/m2);
2. the primaries of the source to those of BT.709, by way of XYZ; colours outside BT.709 are clipped;
3. a curve of the form of Report ITU-R BT.2446, method C: a straight line up to a knee, above it a logarithm,
   so that highlights up to the peak of the source keep their gradation. It is applied to the largest of R, G
   and B; the others keep their proportion to it, so hue and saturation do not change;
4. light to signal by the inverse of ITU-R BT.1886, the curve of SDR displays.

The line is that of SDR whose white is HDR's reference white, 203 cd/m2 (Report ITU-R BT.2408): light below
the knee, as of skin, grass and walls, looks as it does in SDR.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Colour, HdrMetadata, VideoInfo
from orchestrator.media.colour.code_points import BT709, BT2020, DCI_P3, DISPLAY_P3, PQ

Array = NDArray[np.float64]

WHITE_NITS = 203
"""HDR's reference white, that of paper, which becomes SDR's white (Report ITU-R BT.2408, table 1)."""

KNEE_NITS = 70
"""Light at which the curve begins to bend (Report ITU-R BT.2446, 6.1.4: 58.5 / 0.838)."""

HLG_PEAK_NITS = 1000
"""Peak of the display for which HLG's system gamma is 1.2 (BT.2100, table 5)."""

PQ_PEAK_NITS = 10_000
"""The brightest light that PQ can code; the default peak of a PQ source."""

GRID = 64
"""Points of the table along R, G and B. Interpolated grays are off by less than half a level of 8 bits; the
least of R, G and B of a nearly pure colour by up to 15."""

_PRIMARIES = {
    BT709: ((0.640, 0.330), (0.300, 0.600), (0.150, 0.060)),
    BT2020: ((0.708, 0.292), (0.170, 0.797), (0.131, 0.046)),
    **dict.fromkeys((DCI_P3, DISPLAY_P3), ((0.680, 0.320), (0.265, 0.690), (0.150, 0.060))),
}
"""x and y of red, green and blue (H.273, table 2); any others are read as BT.2020, as in BT.2100."""

_D65 = (0.3127, 0.3290)


def tone_mapped_info(info: VideoInfo) -> VideoInfo:
    """Return the description of a tone-mapped video: BT.709, limited range, 8 bits. SDR is not changed."""
    if not info.colour.is_hdr:
        return info
    sdr = Colour(matrix=BT709, primaries=BT709, transfer=BT709, full_range=False)
    return replace(info, pixel_format="yuv420p", bit_depth=8, colour=sdr, hdr=None)


def peak_nits(colour: Colour, hdr: HdrMetadata | None) -> int:
    """Return the peak of a source, in cd/m2: for PQ, the maximum luminance of its mastering display."""
    if colour.transfer != PQ:
        return HLG_PEAK_NITS
    stated = hdr.luminance[1] if hdr is not None and hdr.luminance is not None else 0
    return round(stated) if WHITE_NITS <= stated <= PQ_PEAK_NITS else PQ_PEAK_NITS


@lru_cache(maxsize=2)
def tonemap_table(transfer: int, primaries: int, peak: int, white: int) -> NDArray[np.float32]:
    """Return the SDR colours for a grid of HDR colours.

    Args:
        transfer, primaries: H.273 code points of the source.
        peak: brightest light of the source, in cd/m2.
        white: value of 1.0 in the source's R'G'B', at most 65535.

    Returns:
        float32 [GRID, GRID, GRID, 3], R'G'B' of 0..1, indexed by the blue, green and red of the source.
    """
    steps = np.linspace(0, 65535 / white, GRID).clip(0, 1)
    blue, green, red = np.meshgrid(steps, steps, steps, indexing="ij")
    signal = to_sdr(np.stack([red, green, blue], axis=-1), transfer=transfer, primaries=primaries, peak=peak)
    return signal.astype(np.float32)


def to_sdr(signal: Array, *, transfer: int, primaries: int, peak: float) -> Array:
    """Convert HDR R'G'B', [..., 3], 0..1, to SDR R'G'B', [..., 3], 0..1."""
    to_xyz = _to_xyz(primaries)
    light = _pq_light(signal) if transfer == PQ else _hlg_light(signal, luminance=to_xyz[1])
    light = (light @ (np.linalg.inv(_to_xyz(BT709)) @ to_xyz).T).clip(0)
    largest = light.max(axis=-1, keepdims=True)
    mapped = light * (tone(largest, peak=peak) / largest.clip(1e-9))
    coded: Array = (mapped / WHITE_NITS).clip(0, 1) ** (1 / 2.4)
    return coded


def tone(light: Array, *, peak: float) -> Array:
    """Compress light of 0..`peak` to 0..WHITE_NITS, in cd/m2.

    Above the knee it is knee * (1 + bend * log(1 + (light / knee - 1) / bend)): with the slope of the line at
    the knee, and WHITE_NITS at the peak, which determines `bend`.
    """
    if peak <= WHITE_NITS:
        return light.clip(0, WHITE_NITS)
    over = (light / KNEE_NITS).clip(1, peak / KNEE_NITS) - 1
    bend = _bend(peak / KNEE_NITS - 1, WHITE_NITS / KNEE_NITS - 1)
    return light.clip(0, KNEE_NITS) + KNEE_NITS * bend * np.log1p(over / bend)


def _bend(over: float, wanted: float) -> float:
    """Return the b with b * log(1 + over / b) = `wanted` < `over`, by bisection, as the left side rises."""
    low, high = 0.0, 1e6
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (low, middle) if middle * math.log1p(over / middle) > wanted else (middle, high)
    return high


_M1, _M2 = 2610 / 16384, 2523 / 4096 * 128
_C1, _C2, _C3 = 3424 / 4096, 2413 / 4096 * 32, 2392 / 4096 * 32


def _pq_light(signal: Array) -> Array:
    """Apply PQ's EOTF (BT.2100, table 4): 0..1 to cd/m2."""
    power = signal ** (1 / _M2)
    return 10_000 * ((power - _C1).clip(0) / (_C2 - _C3 * power)) ** (1 / _M1)


def _hlg_light(signal: Array, *, luminance: Array) -> Array:
    """Apply HLG's EOTF (BT.2100, table 5): 0..1 to cd/m2, black is 0; `luminance` is Y of R, G and B."""
    a, b, c = 0.17883277, 0.28466892, 0.55991073
    scene = np.where(signal <= 0.5, signal**2 / 3, (np.exp((signal - c) / a) + b) / 12)
    return HLG_PEAK_NITS * (scene @ luminance)[..., None] ** 0.2 * scene


def _to_xyz(primaries: int) -> Array:
    """Return the matrix, [3, 3], from linear RGB to XYZ with a white of 1 (SMPTE RP 177)."""
    xy = np.array(_PRIMARIES.get(primaries, _PRIMARIES[BT2020]))
    columns = np.stack([xy[:, 0] / xy[:, 1], np.ones(3), (1 - xy.sum(axis=1)) / xy[:, 1]])
    white = np.array([_D65[0] / _D65[1], 1, (1 - sum(_D65)) / _D65[1]])
    return columns * np.linalg.solve(columns, white)
