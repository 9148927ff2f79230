"""The values that cross rooms. Time is an integer pts in units of a Fraction time_base, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB, full range 0..255, nonlinear (as displayed)."""

Boxes = NDArray[np.float32]
"""float32 [N, 4]: x1, y1, x2, y2 in pixels of the picture that is named."""

Detections = NDArray[np.float32]
"""float32 [N, 6]: x1, y1, x2, y2 in pixels of the picture, score 0..1, class from 0, a whole number."""


PADDING_LEVEL = 114
"""Gray of R, G and B around a picture, as detectors of the YOLO family see it in their training."""


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
        start_s: where the file starts on its own clock, the one of every pts; what a person calls zero.
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
    start_s: Fraction = Fraction(0)
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One upright picture and its time.

    Attributes:
        index: position in decode-presentation order, from 0.
        pts: presentation time in units of the video's time_base.
        pixels: uint8 [H, W, 3] RGB; the whole picture, or the letterboxed one where that was asked for.
        duration: how long it is shown, in units of time_base, as the source tells it; 0 where it does not.
    """

    index: int
    pts: int
    pixels: Pixels
    duration: int = 0


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """Where a whole picture lies, scaled, in a smaller one whose sides a detector takes; gray is around it.

    Attributes:
        source_width, source_height: of the upright picture, in pixels.
        width, height: of the letterboxed picture, in pixels.
        left, top: of the scaled picture in it, in pixels.
        inner_width, inner_height: of the scaled picture, in pixels.
    """

    source_width: int
    source_height: int
    width: int
    height: int
    left: int
    top: int
    inner_width: int
    inner_height: int

    def to_source(self, boxes: Boxes) -> Boxes:
        """Return boxes of the letterboxed picture in the source's pixels, float [N, 4], x1, y1, x2, y2."""
        return (boxes - self._offset) / self._scale

    def from_source(self, boxes: Boxes) -> Boxes:
        """Return boxes of the source in pixels of the letterboxed picture; undoes `to_source`."""
        return boxes * self._scale + self._offset

    @property
    def _offset(self) -> NDArray[np.float32]:
        return np.array([self.left, self.top, self.left, self.top], np.float32)

    @property
    def _scale(self) -> NDArray[np.float32]:
        x, y = self.inner_width / self.source_width, self.inner_height / self.source_height
        return np.array([x, y, x, y], np.float32)


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A part of a picture.

    Attributes:
        x, y: its top-left corner, in pixels of the source as displayed; fractions are parts of a pixel.
        w, h: its size, in the same pixels.
    """

    x: float
    y: float
    w: float
    h: float

    def __str__(self) -> str:
        """Give it for people, as width x height at (x, y)."""
        return f"{self.w:g}x{self.h:g} at ({self.x:g}, {self.y:g})"


@dataclass(frozen=True, kw_only=True)
class TrackBoxes:
    """Boxes of tracks, one a row. The rows of one track come in order of frame, each frame at most once.

    Attributes:
        frames: int64 [N], index of the frame that the box is in.
        ids: int64 [N], from 1.
        boxes: float32 [N, 4], x1, y1, x2, y2 in source pixels (as displayed), inside the picture.
        scores: float32 [N], 0..1: of the detection, or between those around where there was none.
        classes: int64 [N], the track's class as far as known by then: the last row of a track has the final
            word.
        interpolated: bool [N], where no detection was.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    interpolated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)
