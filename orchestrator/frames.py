"""Defines the pictures, frames, boxes and video descriptions that pass between the parts of the program.

Time is an integer pts in units of a Fraction time_base, never a float.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Generic, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB, full range 0..255, nonlinear (as displayed)."""

DeepPixels = NDArray[np.uint16]
"""uint16 [H, W, 3], RGB, full range 0..65535, nonlinear (as displayed); for sources of more than 8 bits."""

Alpha = NDArray[np.uint8]
"""uint8 [H, W], 0 (transparent) to 255 (opaque); straight alpha: colours are not multiplied by it."""

Samples = NDArray[np.uint8] | NDArray[np.uint16]
"""[h, w] of one Y'CbCr component as coded, in the video's own range and bit depth."""

Boxes = NDArray[np.float32]
"""float32 [N, 4]: x1, y1, x2, y2 in pixels."""

Detections = NDArray[np.float32]
"""float32 [N, 6]: x1, y1, x2, y2 in pixels, score 0..1, class (a whole number from 0)."""

PADDING_LEVEL = 114
"""R, G and B of a letterbox's padding, as in the training of the YOLO family of detectors."""


@dataclass(frozen=True, kw_only=True)
class Planes:
    """An upright picture as Y'CbCr planes; `PlaneFormat` says how they are coded.

    Attributes:
        y: [H, W].
        u, v: [ceil(H / down), ceil(W / across)], with across and down of 1 or 2 (4:4:4, 4:2:2, 4:4:0, 4:2:0).
        memory: the frame of FFmpeg whose memory the planes are, if they are all of one (`frame_planes`).
    """

    y: Samples
    u: Samples
    v: Samples
    memory: Any = None

    def __iter__(self) -> Iterator[Samples]:
        """Yield Y, Cb and Cr."""
        yield from (self.y, self.u, self.v)

    @property
    def chroma(self) -> tuple[int, int]:
        """How many columns and how many rows of luma share a sample of chroma: (2, 2) in 4:2:0.

        In a picture of one column or row it is 1 along that axis.
        """
        across, down = (2 if self.u.shape[axis] < self.y.shape[axis] else 1 for axis in (1, 0))
        return across, down

    def crop(self, *, x: int, y: int, width: int, height: int) -> Planes:
        """Return a part of the picture, as views, that begins with whole chroma samples."""
        across, down = self.chroma
        rows, columns = slice(y, y + height), slice(x, x + width)
        less = (slice(y // down, -(-(y + height) // down)), slice(x // across, -(-(x + width) // across)))
        return Planes(y=self.y[rows, columns], u=self.u[less], v=self.v[less])


Picture = Pixels | DeepPixels | Planes


def picture_bytes(picture: Picture) -> int:
    """Return the size of a picture in memory."""
    if isinstance(picture, Planes):
        return picture.y.nbytes + picture.u.nbytes + picture.v.nbytes
    return picture.nbytes


Form = Literal["rgb", "deep_rgb", "planes", "made_planes"]
"""Which type the pictures of a video have: Pixels, DeepPixels, Planes as they are coded, or Planes in 4:4:4
that are made for a model from pictures that `planes` cannot hold."""

AnyPicture = TypeVar("AnyPicture", default=Pixels)


@dataclass(frozen=True, kw_only=True)
class HdrMetadata:
    """HDR mastering display and light level metadata of a video; None for each value that it does not state.

    Attributes:
        primaries: CIE 1931 x and y of the display's red, green and blue (SMPTE ST 2086).
        white: x and y of its white point.
        luminance: its minimum and maximum luminance, in cd/m2.
        max_cll, max_fall: brightest pixel and brightest frame average, in cd/m2 (CTA-861.3).
    """

    primaries: tuple[tuple[Fraction, Fraction], ...] | None = None
    white: tuple[Fraction, Fraction] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    max_cll: int | None = None
    max_fall: int | None = None


@dataclass(frozen=True, kw_only=True)
class SphericalVideo:
    """Metadata of a 360 degree video whose pictures are whole equirectangular spheres.

    Attributes:
        yaw, pitch, roll: initial viewing direction, in degrees.
        stereo: how one picture is divided between both eyes; None if both see the same.
    """

    yaw: int = 0
    pitch: int = 0
    roll: int = 0
    stereo: Literal["left-right", "top-bottom"] | None = None


@dataclass(frozen=True, kw_only=True)
class Colour:
    """The colour tags of a video: the code points of ITU-T H.273, and the range.

    Attributes:
        matrix: YUV matrix coefficients (FFmpeg's AVCOL_SPC_*).
        primaries: colour primaries (AVCOL_PRI_*).
        transfer: transfer characteristics (AVCOL_TRC_*).
        full_range: True for 0..255 (FFmpeg's `pc`), False for 16..235 (`tv`).
    """

    matrix: int
    primaries: int
    transfer: int
    full_range: bool

    @property
    def is_hdr(self) -> bool:
        """Whether the transfer function is PQ or HLG (ITU-R BT.2100)."""
        return self.hdr_name is not None

    @property
    def hdr_name(self) -> str | None:
        """`PQ` or `HLG`, or None if the video is not HDR."""
        return {16: "PQ", 18: "HLG"}.get(self.transfer)  # H.273 code points


@dataclass(frozen=True, kw_only=True)
class VideoInfo:
    """Describes a video as `probe` found it. Sizes are those of upright pictures: rotation is applied.

    Attributes:
        width, height: size of the upright picture, in pixels.
        rotation: degrees counter-clockwise (0, 90, 180, 270) by which coded frames are turned upright.
        mirrored: whether coded frames are mirrored left to right before they are turned.
        sample_aspect_ratio: width : height of one upright pixel.
        time_base: unit of every pts, in seconds.
        average_rate: frames per second, or None if the container does not state it.
        frames: number of frames that the container states, or None; good for progress, but often wrong.
        duration_s: length that the container states, or None.
        codec: FFmpeg's name of the video codec.
        pixel_format: FFmpeg's name of the coded pixel format.
        bit_depth: bits per component of the coded picture.
        colour: colour tags; unspecified values are replaced by those that conversions will use.
        hdr: metadata of an HDR video, if it has any.
        chroma_location: where chroma samples lie in the upright picture if its sides are even, by FFmpeg's
            name (`left`, `center`...), or `right` in mirrored pictures; None if chroma is not subsampled.
        interlaced: whether pictures are interlaced; the reader deinterlaces them.
        start_s: the time that users call zero, on the file's own clock (that of every pts): the start of the
            file, or the time of the first picture after `skipped_frames`.
        skipped_frames: number of pictures at the start that cannot be decoded, because they refer to pictures
            before the file.
        has_clock_jumps: whether the file's own clock jumps; every pts is on a continuous clock.
        changing_audio_streams: indexes of audio streams whose codec or layout changes: copying would fail.
        sphere: metadata of a 360 degree video, else None.
        transparent: whether pictures have alpha; for palettes and GIFs, whether the first pictures use it.
        notes: what a user should know about how the source is read (guessed colour, dropped transparency).
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
    pixel_format: str
    bit_depth: int
    colour: Colour
    hdr: HdrMetadata | None = None
    chroma_location: str | None = None
    interlaced: bool = False
    start_s: Fraction = Fraction(0)
    sphere: SphericalVideo | None = None
    skipped_frames: int = 0
    has_clock_jumps: bool = False
    transparent: bool = False
    changing_audio_streams: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def display_size(self) -> tuple[int, int]:
        """Width and height in square pixels: the width is scaled by the sample aspect ratio."""
        return max(1, round(self.width * self.sample_aspect_ratio)), self.height


@dataclass(frozen=True, kw_only=True)
class Frame(Generic[AnyPicture]):
    """One upright picture and its presentation time. `Frame` without a type argument holds 8-bit RGB.

    Attributes:
        index: position in presentation order, from 0.
        pts: presentation time in units of the video's time_base.
        pixels: the whole picture, or the letterboxed one, as Pixels, DeepPixels or Planes.
        duration: how long the source shows it, in units of time_base; 0 if the source does not say.
        captions: its closed captions (ATSC A/53), three bytes each.
        alpha: its alpha if the reader was asked for it, else None.
    """

    index: int
    pts: int
    pixels: AnyPicture
    duration: int = 0
    captions: bytes = b""
    alpha: Alpha | None = None


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """Position of a scaled picture in a gray letterbox whose sides a detector accepts.

    Attributes:
        source_width, source_height: size of the picture as displayed, in square pixels.
        width, height: size of the letterbox, in pixels.
        left, top: corner of the scaled picture in the letterbox, in pixels.
        inner_width, inner_height: size of the scaled picture, in pixels.
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
        """Convert boxes from pixels of the letterbox to pixels of the picture as displayed."""
        x, y = self.inner_width / self.source_width, self.inner_height / self.source_height
        offset = np.array([self.left, self.top, self.left, self.top], np.float32)
        scale = np.array([x, y, x, y], np.float32)
        return (boxes - offset) / scale


@dataclass(frozen=True, kw_only=True)
class Crop:
    """A rectangle of a picture, in fractional pixels of the source as displayed.

    Attributes:
        x, y: its top-left corner.
        w, h: its size.
    """

    x: float
    y: float
    w: float
    h: float

    def __str__(self) -> str:
        """Return `width x height at (x, y)`, for messages."""
        return f"{self.w:.8g}x{self.h:.8g} at ({self.x:.8g}, {self.y:.8g})"


@dataclass(frozen=True, kw_only=True)
class TrackBoxes:
    """A table of tracked boxes. Rows of one track are in order of frame, with at most one row a frame.

    Attributes:
        frames: int64 [N], index of the box's frame.
        ids: int64 [N], ids of the tracks, from 1.
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels as displayed, inside the picture.
        scores: float32 [N], 0..1: the detection's score, or one interpolated between its neighbours.
        classes: int64 [N], the track's class as far as known by then; its last row has the final class.
        interpolated: bool [N], True for boxes without a detection.
    """

    frames: NDArray[np.int64]
    ids: NDArray[np.int64]
    boxes: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]
    interpolated: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.ids)
