"""The values that cross rooms. Time is an integer pts in units of a Fraction time_base, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fractions import Fraction

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB, full range 0..255, nonlinear (as displayed)."""

Detections = NDArray[np.float32]
"""float32 [N, 6]: x1, y1, x2, y2 in pixels of the picture, score 0..1, class from 0, a whole number."""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """How the YUV of a video is to be read. Names are FFmpeg's (`bt709`, `smpte170m`, `tv`...).

    Attributes:
        matrix: YUV matrix coefficients (AVCOL_SPC_*), as FFmpeg's integer of ITU-T H.273.
        primaries: colour primaries (AVCOL_PRI_*), H.273 integer.
        transfer: transfer characteristics (AVCOL_TRC_*), H.273 integer.
        full_range: True for 0..255 (`pc`), False for 16..235 (`tv`).
    """

    matrix: int
    primaries: int
    transfer: int
    full_range: bool


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """What a video is, before a frame of it is decoded. Sizes are as displayed: rotation is applied.

    Attributes:
        width, height: of the upright picture, in pixels.
        rotation: degrees counter-clockwise (0, 90, 180, 270) by which coded frames are turned upright.
        mirrored: whether coded frames are mirrored left to right before they are turned.
        sample_aspect_ratio: width : height of one upright pixel.
        time_base: unit of every pts, in seconds.
        average_rate: frames per second, or None where the container does not tell.
        frames: number of frames as the container tells it, or None; a hint for progress, never a promise.
        duration_s: length as the container tells it, or None.
        codec: FFmpeg's name of the video codec.
        bit_depth: bits per component of the coded picture.
        colour: with unspecified values already resolved to what will be used.
        notes: what a user should know about how the source was read (guessed colour, bit depth).
    """

    width: int
    height: int
    rotation: int
    mirrored: bool
    sample_aspect_ratio: Fraction
    time_base: Fraction
    average_rate: Fraction | None
    frames: int | None
    duration_s: float | None
    codec: str
    bit_depth: int
    colour: Colour
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One upright picture and its time.

    Attributes:
        index: position in decode-presentation order, from 0.
        pts: presentation time in units of the video's time_base.
        pixels: uint8 [H, W, 3] RGB.
        duration: how long it is shown, in units of time_base, as the source tells it; 0 where it does not.
    """

    index: int
    pts: int
    pixels: Pixels
    duration: int = 0
