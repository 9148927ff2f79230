"""Resolves the colour tags of a source and of the output, and converts decoded frames to RGB.

RGB is R'G'B', full range, of 8 or 16 bits: the transfer function is never applied or undone, only passed on
as a tag.

swscale converts, with two flags without which plain colours are off by up to three levels: ACCURATE_RND, and
FULL_CHR_H_INT (chroma is interpolated, not repeated). For scaled pictures it uses AREA, its fastest kernel
that widens as the picture shrinks (FAST_BILINEAR is faster, but does not, and shifts the picture by half a
pixel).
"""

from __future__ import annotations

from typing import TypeVar, cast

import av
import av.error
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import Colour, DeepPixels, Pixels, Samples
from orchestrator.media.colour.code_points import (
    BT470BG,
    BT709,
    BT2020,
    BT2020_10BIT_TRANSFER,
    FCC,
    HLG,
    PQ,
    RESERVED,
    RGB,
    SMPTE170M,
    SMPTE240M,
    UNSPECIFIED,
)
from orchestrator.media.colour.pixel_format import component_bits

Sample = TypeVar("Sample", np.uint8, np.uint16, np.float32)

SWSCALE_MATRIX = {
    BT709: Colorspace.ITU709,
    FCC: Colorspace.FCC,
    BT470BG: Colorspace.ITU601,
    SMPTE170M: Colorspace.ITU601,
    SMPTE240M: Colorspace.SMPTE240M,
    BT2020: Colorspace.BT2020,
}
"""The matrices that swscale can apply, by H.273 code point; it silently uses BT.601 for any other."""

_TRANSFER_OF_MATRIX = {BT2020: BT2020_10BIT_TRANSFER, BT470BG: SMPTE170M, SMPTE240M: SMPTE240M}

_TO_RGB = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
_TO_SCALED_RGB = Interpolation.AREA | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT

HD_LINES = 720
"""Untagged video of at least this height is assumed to be BT.709, smaller BT.601, as players do."""


def resolve_colour(frame: av.VideoFrame) -> Colour:
    """Replace the unspecified colour tags of a source by those that conversions will use.

    They follow from the other tags (BT.2020 primaries imply the BT.2020 matrix), else from the height of the
    coded picture: BT.709 from 720 lines on, below that BT.601 (of 625 lines for a height of 576, else of
    525); for HDR BT.2020 (ITU-R BT.2100). Unspecified range is full for the `yuvj` formats, else limited.
    RGB, palettes and grey have no matrix and are full range whatever their tags say, as in swscale.

    Args:
        frame: a decoded frame of the source.

    Raises:
        UnsupportedMedia: swscale cannot convert from this matrix.
    """
    matrix, primaries, transfer = frame.colorspace, frame.color_primaries, frame.color_trc
    pixel_format, height = frame.format, frame.height
    untagged = {UNSPECIFIED, RESERVED}
    by_height = BT709 if height >= HD_LINES else BT470BG if height == 576 else SMPTE170M
    if transfer in {PQ, HLG}:
        by_height = BT2020
    is_yuv = not pixel_format.is_rgb and len(pixel_format.components) >= 3
    if not is_yuv:
        matrix = RGB
    elif matrix in untagged or matrix == RGB:
        matrix = primaries if primaries in SWSCALE_MATRIX and primaries != FCC else by_height
    elif matrix not in SWSCALE_MATRIX:
        raise UnsupportedMedia(
            f"the video's colour matrix (H.273 code {matrix}) is not supported: convert it to BT.709 first"
        )
    like = BT709 if matrix == RGB else SMPTE170M if matrix == FCC else matrix
    if primaries in untagged or primaries == 0:
        primaries = like
    if transfer in untagged or transfer == 0:
        transfer = _TRANSFER_OF_MATRIX.get(like, like)
    full = frame.color_range == ColorRange.JPEG or pixel_format.name.startswith("yuvj")
    return Colour(matrix=matrix, primaries=primaries, transfer=transfer, full_range=full or not is_yuv)


def output_colour(source: Colour) -> Colour:
    """Return the colour tags of the output: the source's, or BT.709 of limited range for RGB and grey."""
    if source.matrix != RGB:
        return source
    return Colour(matrix=BT709, primaries=source.primaries, transfer=source.transfer, full_range=False)


class SwscaleRgb:
    """Converts decoded frames of one video to one of FFmpeg's RGB formats, full range.

    It uses one swscale context for all frames.

    Args:
        colour: the source's resolved colour tags.
        to: FFmpeg's name of the RGB format.
        threads: number of conversion threads; 0 lets swscale choose.
        size: width and height of the result in pixels, or None for those of each frame. The frame is scaled
            as YUV, so no RGB picture of the full size exists.
    """

    def __init__(self, colour: Colour, *, to: str, threads: int, size: tuple[int, int] | None = None) -> None:
        self._colour = colour
        self._format = to
        self._threads = threads
        self._size: tuple[int | None, int | None] = size or (None, None)
        self._interpolation = _TO_SCALED_RGB if size else _TO_RGB
        self._reformatter = VideoReformatter()

    def __call__(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Convert a frame.

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
        """Return the value, 0..65535, that white has when `frame` is converted to more than 8 bits.

        swscale shifts the source's bits, so the value is 65535 only for sources of 16 bits. For limited range
        it is 255 x 256.
        """
        if not self._colour.full_range:
            return 255 << 8
        bits = min(component_bits(frame.format), 16)
        return ((1 << bits) - 1) << (16 - bits)


class RgbConverter:
    """Converts decoded frames of one video to RGB of 8 bits; see `SwscaleRgb` for the arguments."""

    def __init__(self, colour: Colour, *, threads: int, size: tuple[int, int] | None = None) -> None:
        # From YUV, swscale converts to planar RGB with the same values in a quarter of the time.
        self._planar = colour.matrix != RGB
        self._convert = SwscaleRgb(colour, to="gbrp" if self._planar else "rgb24", threads=threads, size=size)

    def __call__(self, frame: av.VideoFrame) -> Pixels:
        """Return a new uint8 [H, W, 3] RGB array, full range, without alpha.

        Raises:
            UnsupportedMedia: swscale does not know the pixel format.
        """
        rgb = self._convert(frame)
        return merge_planes(rgb_planes(rgb, np.uint8)) if self._planar else cast("Pixels", rgb.to_ndarray())


class DeepRgbConverter:
    """Converts decoded frames of one video to RGB of 16 bits, by way of planes.

    When swscale converts to packed 16-bit RGB, bright colours overflow to 0 and chroma is repeated.

    Args:
        colour: the source's resolved colour tags.
        threads: number of conversion threads; 0 lets swscale choose.
    """

    def __init__(self, colour: Colour, *, threads: int) -> None:
        self._convert = SwscaleRgb(colour, to="gbrp16le", threads=threads)

    def __call__(self, frame: av.VideoFrame) -> DeepPixels:
        """Return a new uint16 [H, W, 3] RGB array, full range, without alpha.

        Raises:
            UnsupportedMedia: swscale does not know the pixel format.
        """
        scale = 65535 / self._convert.white(frame)
        planes = rgb_planes(self._convert(frame), np.uint16)
        return merge_planes(
            [cast("NDArray[np.uint16]", cv2.addWeighted(plane, scale, plane, 0, 0)) for plane in planes]
        )


def rgb_planes(frame: av.VideoFrame, dtype: type[Sample]) -> list[NDArray[Sample]]:
    """Return red, green and blue of a planar RGB frame, each [H, W], as views of its memory."""
    green, blue, red = (rows_of(plane, dtype)[:, : plane.width] for plane in frame.planes)
    return [red, green, blue]


def merge_planes(planes: list[NDArray[Sample]]) -> NDArray[Sample]:
    """Merge three planes into a new array, [H, W, 3]."""
    return cast("NDArray[Sample]", cv2.merge(planes))


def rows_of(plane: VideoPlane, dtype: type[Sample]) -> NDArray[Sample]:
    """Return the rows of a plane, padding included, as a view [height, line size] of its memory."""
    return np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)


def samples_of(plane: VideoPlane, bits: int) -> Samples:
    """Return the samples of a plane of that many bits, [height, width], as a view of its memory."""
    rows: Samples = rows_of(plane, np.uint8) if bits == 8 else rows_of(plane, np.uint16)
    return rows[:, : plane.width]


def range_of(colour: Colour) -> ColorRange:
    """Return the range of a colour for swscale."""
    return ColorRange.JPEG if colour.full_range else ColorRange.MPEG
