"""The values that cross rooms. Time is an integer pts in units of a Fraction time_base, never a float."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import Generic, Literal

import numpy as np
from numpy.typing import NDArray
from typing_extensions import TypeVar

Pixels = NDArray[np.uint8]
"""uint8 [H, W, 3], RGB, full range 0..255, nonlinear (as displayed)."""

DeepPixels = NDArray[np.uint16]
"""uint16 [H, W, 3], RGB, full range 0..65535, nonlinear (as displayed); for sources of more than 8 bits."""

Alpha = NDArray[np.uint8]
"""uint8 [H, W], 0 (nothing is seen of the pixel) to 255 (opaque); colours are not multiplied by it."""

Samples = NDArray[np.uint8] | NDArray[np.uint16]
"""[h, w] of one component, as coded: its range and its bits are the video's."""

Boxes = NDArray[np.float32]
"""float32 [N, 4]: x1, y1, x2, y2 in pixels of the picture that is named."""

Detections = NDArray[np.float32]
"""float32 [N, 6]: x1, y1, x2, y2 in pixels of the picture, score 0..1, class from 0, a whole number."""


PADDING_LEVEL = 114
"""Gray of R, G and B around a picture, as detectors of the YOLO family see it in their training."""


Quality = Literal["high", "medium", "low", "lossless"]
"""Of an encoding: visually lossless; good; small; every sample as it was."""


@dataclass(frozen=True, kw_only=True)
class Planes:
    """An upright picture as it is coded, Y'CbCr in three planes: for what needs no RGB, and loses by it.

    Attributes:
        y: [H, W].
        u, v: [ceil(H / down), ceil(W / across)], with across and down of 1 or 2 (4:4:4, 4:2:2, 4:4:0, 4:2:0).
    """

    y: Samples
    u: Samples
    v: Samples

    @property
    def chroma(self) -> tuple[int, int]:
        """How many columns and how many rows of luma share a sample of chroma: (2, 2) in 4:2:0."""
        across, down = (2 if self.u.shape[axis] < self.y.shape[axis] else 1 for axis in (1, 0))
        return across, down

    def crop(self, *, x: int, y: int, width: int, height: int) -> Planes:
        """Return a part, as views. Its place and size are whole samples of chroma too, or reach the edge."""
        across, down = self.chroma
        rows, columns = slice(y, y + height), slice(x, x + width)
        less = (slice(y // down, -(-(y + height) // down)), slice(x // across, -(-(x + width) // across)))
        return Planes(y=self.y[rows, columns], u=self.u[less], v=self.v[less])


Picture = Pixels | DeepPixels | Planes
Form = Literal["rgb", "deep_rgb", "planes"]
"""Which of them the pictures of a video are."""

AnyPicture = TypeVar("AnyPicture", default=Pixels)


@dataclass(frozen=True, kw_only=True)
class HdrMetadata:
    """What a mastering display could show, and how bright the pictures get; None where nothing is said.

    Attributes:
        primaries: x and y in CIE 1931 of red, green and blue (SMPTE ST 2086).
        white: x and y of the white point.
        luminance: least and most, in cd/m2.
        max_cll, max_fall: brightest pixel and brightest mean of a picture, in cd/m2 (CTA-861.3).
    """

    primaries: tuple[tuple[Fraction, Fraction], ...] | None = None
    white: tuple[Fraction, Fraction] | None = None
    luminance: tuple[Fraction, Fraction] | None = None
    max_cll: int | None = None
    max_fall: int | None = None


@dataclass(frozen=True, kw_only=True)
class Sphere:
    """How the pictures of a 360 degree video are wrapped around the viewer: a whole, equirectangular sphere.

    Attributes:
        yaw, pitch, roll: where the viewer looks at first, in degrees.
        stereo: how the pictures for both eyes lie in one; None where there is one for both.
    """

    yaw: int = 0
    pitch: int = 0
    roll: int = 0
    stereo: Literal["left-right", "top-bottom"] | None = None


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

    @property
    def is_hdr(self) -> bool:
        """Whether it is of high dynamic range: PQ or HLG (ITU-R BT.2100)."""
        return self.hdr_name is not None

    @property
    def hdr_name(self) -> str | None:
        """`PQ` or `HLG`, or None where it is not HDR."""
        return {16: "PQ", 18: "HLG"}.get(self.transfer)


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
        pixel_format: FFmpeg's name of the coded pixel format.
        bit_depth: bits per component of the coded picture.
        colour: with unspecified values already resolved to what will be used.
        hdr: metadata of an HDR video, where it has any.
        chroma_location: where the samples of chroma lie in the upright picture, as FFmpeg names it (`left`,
            `center`...); None where each pixel has its own, or none has any.
        interlaced: whether pictures are woven of two fields; the reader deinterlaces them.
        start_s: where the file starts on its own clock, the one of every pts; what a person calls zero. Where
            pictures are skipped, it is when the first that is not is shown.
        skipped: pictures at the start that cannot be decoded, as they refer to some before the file begins.
        joined: whether the file's own clock jumps; every pts is on a continuous one.
        changing_sound: indexes of sound streams whose packets cannot be copied, as their kind changes.
        sphere: of a 360 degree video; None of others.
        transparent: whether pictures have alpha; of a palette and of a GIF, whether the first ones use it.
        notes: what a user should know about how the source was read (guessed colour, dropped transparency).
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
    sphere: Sphere | None = None
    skipped: int = 0
    joined: bool = False
    transparent: bool = False
    changing_sound: frozenset[int] = frozenset()
    notes: tuple[str, ...] = ()

    @property
    def shown_size(self) -> tuple[int, int]:
        """Width and height of the picture as displayed, in square pixels: as many rows, wider or narrower."""
        return max(1, round(self.width * self.sample_aspect_ratio)), self.height


@dataclass(frozen=True, kw_only=True)
class Frame(Generic[AnyPicture]):
    """One upright picture and its time. `Frame` alone is one of 8-bit RGB.

    Attributes:
        index: position in decode-presentation order, from 0.
        pts: presentation time in units of the video's time_base.
        pixels: of the form that was asked for; the whole picture, or the letterboxed one.
        duration: how long it is shown, in units of time_base, as the source tells it; 0 where it does not.
        captions: closed captions that come with it (ATSC A/53), three bytes each.
        alpha: of each pixel, where it was asked for; else None.
    """

    index: int
    pts: int
    pixels: AnyPicture
    duration: int = 0
    captions: bytes = b""
    alpha: Alpha | None = None


@dataclass(frozen=True, kw_only=True)
class Letterbox:
    """Where a whole picture lies, scaled, in a smaller one whose sides a detector takes; gray is around it.

    Attributes:
        source_width, source_height: of the picture as displayed, in square pixels.
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
        """Return boxes of the letterboxed picture in those pixels, float [N, 4], x1, y1, x2, y2."""
        return (boxes - self._offset) / self._scale

    def from_source(self, boxes: Boxes) -> Boxes:
        """Return boxes of the picture as displayed in pixels of the letterboxed one; undoes `to_source`."""
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
        return f"{self.w:.8g}x{self.h:.8g} at ({self.x:.8g}, {self.y:.8g})"


@dataclass(frozen=True, kw_only=True)
class TrackBoxes:
    """Boxes of tracks, one a row. The rows of one track come in order of frame, each frame at most once.

    Attributes:
        frames: int64 [N], index of the frame that the box is in.
        ids: int64 [N], from 1.
        boxes: float32 [N, 4], x1, y1, x2, y2 in pixels as displayed, inside the picture.
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
