"""Which YUV a source holds and which YUV the output gets, and the conversion to RGB.

Values are the code points of ITU-T H.273, which every container and codec uses. RGB is R'G'B', full range, of
8 or 16 bits: the transfer function is never applied or undone, only carried over as a tag.

The conversions are swscale's, with the flags without which it is off by up to three levels on plain colours:
ACCURATE_RND, and FULL_CHR_H_INT (chroma is interpolated, not repeated). Where the picture is scaled too,
AREA: the fastest of its kernels that grow as the picture shrinks (FAST_BILINEAR, faster, does not, and shifts
the picture by half a pixel).

Knows nothing of files, encoders or time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar, cast

import av
import av.error
import cv2
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import Colour

if TYPE_CHECKING:
    from av.video.plane import VideoPlane
    from numpy.typing import NDArray

    from orchestrator.frames import DeepPixels, Pixels

    Sample = TypeVar("Sample", np.uint8, np.uint16, np.float32)

# H.273 code points that need a name here.
RGB, BT709, UNSPECIFIED, BT470BG, SMPTE170M, SMPTE240M, BT2020 = 0, 1, 2, 5, 6, 7, 9
FCC, RESERVED = 4, 3
PQ, HLG = 16, 18
BT2020_10BIT_TRANSFER = 14

SWSCALE_MATRIX = {
    BT709: Colorspace.ITU709,
    FCC: Colorspace.FCC,
    BT470BG: Colorspace.ITU601,
    SMPTE170M: Colorspace.ITU601,
    SMPTE240M: Colorspace.SMPTE240M,
    BT2020: Colorspace.BT2020,
}
"""The matrices that swscale can apply, by H.273 code point; it takes any other for BT.601 in silence."""

_MATRIX_OF_PRIMARIES = {
    BT709: BT709,
    BT470BG: BT470BG,
    SMPTE170M: SMPTE170M,
    SMPTE240M: SMPTE240M,
    BT2020: BT2020,
}
_TRANSFER_OF_MATRIX = {BT2020: BT2020_10BIT_TRANSFER, BT470BG: SMPTE170M, SMPTE240M: SMPTE240M}

_TO_RGB = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_TO_SCALED_RGB = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

HD_LINES = 720
"""Untagged video of this height or more is taken for BT.709, smaller for BT.601, as players do."""


def resolve(
    *,
    matrix: int,
    primaries: int,
    transfer: int,
    range_: int,
    pixel_format: av.VideoFormat,
    height: int,
) -> Colour:
    """Fill in what a source does not say.

    Unspecified values are taken from those that are given (BT.2020 primaries mean the BT.2020 matrix), else
    from the height of the coded picture: BT.709 from 720 lines on, below that BT.601 (of 625 lines for a
    height of 576, else of 525); of HDR BT.2020 (ITU-R BT.2100). Unspecified range is full for the `yuvj`
    formats, else limited. RGB, palettes and grey have no matrix and are full range whatever their tags say:
    swscale takes them so.

    Args:
        matrix, primaries, transfer: H.273 code points as the source tags them.
        range_: AVCOL_RANGE_*: 0 unspecified, 1 limited, 2 full.
        pixel_format: of the decoded frames.
        height: of the coded picture, in lines.

    Raises:
        UnsupportedMedia: its matrix is one that cannot be converted.
    """
    untagged = {UNSPECIFIED, RESERVED}
    by_height = BT709 if height >= HD_LINES else BT470BG if height == 576 else SMPTE170M
    if transfer in {PQ, HLG}:
        by_height = BT2020
    is_yuv = not pixel_format.is_rgb and len(pixel_format.components) >= 3
    if not is_yuv:
        matrix = RGB
    elif matrix in untagged or matrix == RGB:
        matrix = _MATRIX_OF_PRIMARIES.get(primaries, by_height)
    elif matrix not in SWSCALE_MATRIX:
        raise UnsupportedMedia(
            f"the video's colour matrix (H.273 code {matrix}) is not supported: convert it to BT.709 first"
        )
    like = BT709 if matrix == RGB else SMPTE170M if matrix == FCC else matrix
    if primaries in untagged or primaries == 0:
        primaries = like
    if transfer in untagged or transfer == 0:
        transfer = _TRANSFER_OF_MATRIX.get(like, like)
    full = range_ == ColorRange.JPEG or pixel_format.name.startswith("yuvj")
    return Colour(matrix=matrix, primaries=primaries, transfer=transfer, full_range=full or not is_yuv)


def for_output(source: Colour) -> Colour:
    """Return the colour of the output: the source's, but for RGB and grey BT.709 YUV of limited range."""
    if source.matrix != RGB:
        return source
    return Colour(matrix=BT709, primaries=source.primaries, transfer=source.transfer, full_range=False)


class Conversion:
    """Converts decoded frames of one video to RGB of one of FFmpeg's formats, full range.

    Keeps one swscale context for all of them.

    Args:
        colour: of the source, resolved.
        to: FFmpeg's name of the format.
        threads: of the conversion; 0 lets swscale choose.
        size: width and height of the result in pixels, or None for those of each frame. The frame is scaled
            as YUV: there never is RGB in its own size.
    """

    def __init__(self, colour: Colour, *, to: str, threads: int, size: tuple[int, int] | None = None) -> None:
        self._colour = colour
        self._format = to
        self._threads = threads
        self._size: tuple[int | None, int | None] = size or (None, None)
        self._interpolation = _TO_SCALED_RGB if size else _TO_RGB
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return `frame` converted.

        Raises:
            UnsupportedMedia: swscale does not know its pixel format.
        """
        width, height = self._size
        try:
            return self._reformatter.reformat(
                frame,
                width=width,
                height=height,
                format=self._format,
                src_colorspace=SWSCALE_MATRIX.get(self._colour.matrix),
                src_color_range=range_of(self._colour),
                dst_color_range=ColorRange.JPEG,
                interpolation=self._interpolation,
                threads=self._threads,
            )
        except av.error.FFmpegError as exc:
            raise UnsupportedMedia(
                f"the pixel format {frame.format.name} cannot be converted: make it yuv420p first"
            ) from exc

    def white(self, frame: av.VideoFrame) -> int:
        """Return what white becomes, of 65535, where `frame` is converted to a format of more than 8 bits.

        swscale shifts the bits of the source, so it is 65535 for sources of 16 bits only, and 255 x 256 for
        limited range, whatever its bits.
        """
        if not self._colour.full_range:
            return 255 << 8
        bits = 8 if frame.format.name == "pal8" else max(part.bits for part in frame.format.components)
        bits = min(bits, 16)
        return ((1 << bits) - 1) << (16 - bits)


class ToRgb:
    """Converts decoded frames of one video to RGB of 8 bits. The arguments are those of `Conversion`."""

    def __init__(self, colour: Colour, *, threads: int, size: tuple[int, int] | None = None) -> None:
        # From YUV swscale gives the same values in planes as in one, in a quarter of the time.
        self._planar = colour.matrix != RGB
        self._convert = Conversion(colour, to="gbrp" if self._planar else "rgb24", threads=threads, size=size)

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        """Return a fresh uint8 [H, W, 3] RGB array, full range; alpha is dropped.

        Raises:
            UnsupportedMedia: swscale does not know the pixel format.
        """
        rgb = self._convert(frame)
        return merged(rgb_planes(rgb, np.uint8)) if self._planar else cast("Pixels", rgb.to_ndarray())


class ToDeepRgb:
    """Converts decoded frames of one video to RGB of 16 bits, in planes first.

    Where swscale packs 16 bits, bright colours overflow to 0 and chroma is repeated, not interpolated.

    Args:
        colour: of the source, resolved.
        threads: of the conversion; 0 lets swscale choose.
    """

    def __init__(self, colour: Colour, *, threads: int) -> None:
        self._convert = Conversion(colour, to="gbrp16le", threads=threads)

    def __call__(self, frame: av.VideoFrame) -> DeepPixels:
        """Return a fresh uint16 [H, W, 3] RGB array, full range; alpha is dropped.

        Raises:
            UnsupportedMedia: swscale does not know the pixel format.
        """
        scale = 65535 / self._convert.white(frame)
        planes = rgb_planes(self._convert(frame), np.uint16)
        return merged(
            [cast("NDArray[np.uint16]", cv2.addWeighted(plane, scale, plane, 0, 0)) for plane in planes]
        )


def rgb_planes(frame: av.VideoFrame, dtype: type[Sample]) -> list[NDArray[Sample]]:
    """Return red, green and blue of a `gbrp` frame, each [H, W], over its memory."""
    green, blue, red = (rows_of(plane, dtype)[:, : plane.width] for plane in frame.planes)
    return [red, green, blue]


def merged(planes: list[NDArray[Sample]]) -> NDArray[Sample]:
    """Return three planes as one fresh array, [H, W, 3]."""
    return cast("NDArray[Sample]", cv2.merge(planes))


def rows_of(plane: VideoPlane, dtype: type[Sample]) -> NDArray[Sample]:
    """Return the rows of a plane, padding included, as an array [height, line] over the same memory."""
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)


def range_of(colour: Colour) -> ColorRange:
    """Return a colour's range as swscale takes it."""
    return ColorRange.JPEG if colour.full_range else ColorRange.MPEG
