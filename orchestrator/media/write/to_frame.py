"""Converts pictures into frames for the encoder: copies planes, and converts RGB to Y'CbCr or a palette."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

import av
import numpy as np
from av.video.reformatter import ColorRange, Interpolation, VideoReformatter
from numpy.typing import NDArray

from orchestrator.frames import Alpha, Colour, DeepPixels, Form, Pixels, Planes
from orchestrator.jobs import Quality
from orchestrator.media.colour.frame_planes import frame_format, frame_of
from orchestrator.media.colour.frame_to_rgb import SWSCALE_MATRIX, range_of, rows_of, samples_of
from orchestrator.media.colour.made_planes import rgb_pixels
from orchestrator.media.colour.pixel_format import chroma_subsampling, planar_format
from orchestrator.media.colour.resize import resize
from orchestrator.media.write.gif import PaletteConverter
from orchestrator.plane_format import PlaneFormat

Array = TypeVar("Array", bound=NDArray[np.uint8] | NDArray[np.uint16])

_FLAGS = Interpolation.BILINEAR | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP
"""FULL_CHR_H_INP: chroma is made from all pixels, not from every second one."""

_STRETCHING = Interpolation.LANCZOS | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP


def converter(
    form: Form,
    planes: PlaneFormat | None,
    colour: Colour,
    *,
    pixel_format: str,
    width: int,
    height: int,
    out_width: int,
    quality: Quality,
) -> Callable[[Any], av.VideoFrame]:
    """Return a function that converts each picture into a new frame for the encoder.

    Args:
        form: form of the pictures; for a palette, `rgb` or planes in 4:4:4.
        planes: format of planes; None for RGB.
        colour: colour of the output.
        pixel_format: pixel format of the output: three planes, or `pal8`.
        width, height: size of the pictures in pixels, rounded up to whole chroma samples. A smaller picture
            is filled up with its last row or column.
        out_width: width to which they are stretched, in pixels; the height stays.
        quality: quality of a palette.
    """
    size = {"width": width, "height": height, "out_width": out_width}
    if pixel_format == "pal8":
        palette = PaletteConverter(quality=quality, **size)
        return palette if planes is None else lambda picture: palette(rgb_pixels(picture, planes))
    if planes is not None:
        return PlanesToFrame(colour, planes, pixel_format=pixel_format, **size)
    return RgbToFrame(colour, pixel_format=pixel_format, deep=form == "deep_rgb", **size)


class RgbToFrame:
    """Converts the RGB pictures of one video to Y'CbCr, with one swscale context for all of them.

    swscale rounds full-range chroma down, which shifts colours by half a level and up to two. So full-range
    pictures are converted with two more bits, where the shift is an eighth of a level, and rounded here. For
    swscale, white in 16 bits is 255 x 256, so pixels are scaled to that. It also reads past the end of a row,
    so pixels are copied into a frame of FFmpeg, which is padded.

    Args:
        colour: colour of the output, from `output_colour`.
        pixel_format: pixel format of the output: three planes of 8 to 12 bits.
        deep: whether pixels have 16 bits.
        width, height, out_width: as for `converter`; None does not stretch.
    """

    def __init__(
        self,
        colour: Colour,
        *,
        pixel_format: str,
        deep: bool,
        width: int,
        height: int,
        out_width: int | None = None,
    ) -> None:
        self._colour = colour
        self._out_width = out_width or width
        self._format = pixel_format
        self._reformatter = VideoReformatter()
        self._deep = deep
        self._size = width, height
        self._bits = av.VideoFormat(pixel_format).components[0].bits
        tops = 1 << self._bits, 4 << self._bits
        deeper = np.arange(tops[1])
        scale = (tops[0] - 1) / (tops[1] - 1)
        kind = np.uint8 if self._bits == 8 else np.uint16
        self._luma = np.rint(deeper * scale).astype(kind)
        chroma = np.rint((deeper + 0.5 - tops[1] // 2) * scale + tops[0] // 2)
        self._chroma = chroma.clip(0, tops[0] - 1).astype(kind)

    def __call__(self, pixels: Pixels | DeepPixels) -> av.VideoFrame:
        """Return a new frame for `pixels`, RGB [H, W, 3]: uint8, or uint16 if deep."""
        frame = self._copied(pixels)
        if not self._colour.full_range:
            return _convert(frame, self._reformatter, self._colour, self._format, self._out_width)
        deeper = planar_format(chroma_subsampling(self._format), self._bits + 2)
        return self._rounded(_convert(frame, self._reformatter, self._colour, deeper, self._out_width))

    def _copied(self, pixels: Pixels | DeepPixels) -> av.VideoFrame:
        """Return a frame with the pixels, filled up to its size; it is used again for the next picture."""
        height, width, _ = pixels.shape
        whole = self._pixels
        inner = whole[:height, :width]
        if self._deep:
            np.right_shift(pixels, 8, out=inner)
            np.subtract(pixels, inner, out=inner)
        else:
            inner[:] = pixels
        _fill(whole, height, width)
        return self._frame

    @cached_property
    def _frame(self) -> av.VideoFrame:
        return av.VideoFrame(*self._size, "rgb48le" if self._deep else "rgb24")

    @cached_property
    def _pixels(self) -> Pixels | DeepPixels:
        """The pixels of `_frame`, [height, width, 3], as a view."""
        width, height = self._size
        plane = self._frame.planes[0]
        rows = rows_of(plane, np.uint16) if self._deep else rows_of(plane, np.uint8)
        return rows[:, : width * 3].reshape(height, width, 3)

    def _rounded(self, frame: av.VideoFrame) -> av.VideoFrame:
        """Return a full-range frame of two more bits in the format of the output."""
        rounded = av.VideoFrame(frame.width, frame.height, self._format)
        tables = self._luma, self._chroma, self._chroma
        for deeper, plane, table in zip(frame.planes, rounded.planes, tables, strict=True):
            rows = rows_of(plane, np.uint8) if self._bits == 8 else rows_of(plane, np.uint16)
            rows[:, : plane.width] = table[rows_of(deeper, np.uint16)[:, : plane.width]]
        return rounded


class PlanesToFrame:
    """Makes frames of planes; converts them only if the output has other chroma or other bits.

    Planes from `empty_planes` are frames already, of which nothing is copied.

    Args:
        colour: colour of the planes, and of the output.
        planes: format of the planes.
        pixel_format: pixel format of the output, three planes.
        width, height, out_width: as for `converter`.
    """

    def __init__(
        self,
        colour: Colour,
        planes: PlaneFormat,
        *,
        pixel_format: str,
        width: int,
        height: int,
        out_width: int,
    ) -> None:
        self._colour = colour
        self._out_width = out_width
        self._planes = planes
        self._from, self._to = frame_format(planes), pixel_format
        self._size = width, height
        self._reformatter = VideoReformatter()

    def __call__(self, planes: Planes) -> av.VideoFrame:
        """Return the frame that the planes are, filled up to its size, or a new frame with copies of them."""
        frame = frame_of(planes)
        if frame is None or (frame.width, frame.height, frame.format.name) != (*self._size, self._from):
            frame = self._copied(planes)
        else:
            _fill(samples_of(frame.planes[0], self._planes.bits), *planes.y.shape)
        if (self._from, frame.width) == (self._to, self._out_width):
            return frame
        return _convert(frame, self._reformatter, self._colour, self._to, self._out_width)

    def _copied(self, planes: Planes) -> av.VideoFrame:
        frame = av.VideoFrame(*self._size, self._from)
        shift = int(self._planes.bits == 9)  # a frame has 10
        for plane, samples in zip(frame.planes, planes, strict=True):
            rows, (height, width) = samples_of(plane, self._planes.bits), samples.shape
            np.left_shift(samples, shift, out=rows[:height, :width])
            _fill(rows, height, width)
        return frame


def _convert(
    frame: av.VideoFrame, reformatter: VideoReformatter, colour: Colour, pixel_format: str, width: int
) -> av.VideoFrame:
    """Convert full-range RGB, or Y'CbCr of the colour, to Y'CbCr of the colour, format and width."""
    matrix, levels, is_rgb = SWSCALE_MATRIX[colour.matrix], range_of(colour), frame.format.is_rgb
    return reformatter.reformat(
        frame,
        width=width,
        format=pixel_format,
        src_colorspace=None if is_rgb else matrix,
        dst_colorspace=matrix,
        src_color_range=ColorRange.JPEG if is_rgb else levels,
        dst_color_range=levels,
        interpolation=_FLAGS if width == frame.width else _STRETCHING,
        threads=0,
    )


def with_alpha(frame: av.VideoFrame, alpha: Alpha, *, width: int, height: int) -> av.VideoFrame:
    """Return a new frame in yuva420p.

    Args:
        frame: frame in yuv420p.
        alpha: alpha of the picture, uint8 [H, W] of any size.
        width, height: size of the part of the frame that shows the picture; the rest repeats its last row or
            column.
    """
    combined = av.VideoFrame(frame.width, frame.height, "yuva420p")
    for plane, copied in zip(combined.planes[:3], frame.planes, strict=True):
        rows_of(plane, np.uint8)[:, : plane.width] = rows_of(copied, np.uint8)[:, : plane.width]
    rows = rows_of(combined.planes[3], np.uint8)[:, : frame.width]
    rows[:height, :width] = resize(alpha, width=width, height=height)
    _fill(rows, height, width)
    return combined


def _fill(whole: Array, height: int, width: int) -> None:
    """Fill an array beyond [height, width] with the last row and column of that part."""
    whole[:height, width:] = whole[:height, width - 1 : width]
    whole[height:] = whole[height - 1]
