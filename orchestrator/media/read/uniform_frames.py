"""Converts pictures whose size, pixel aspect, format, matrix or range changes to those of the first ones.

Television recordings change between 4:3 and 16:9, and joined recordings may change their size or colours.
An output has one size, one pixel aspect ratio, one matrix and one range: other pictures are fitted into it
with black bars, and their colours are converted.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import Form, VideoInfo
from orchestrator.media.colour.frame_to_rgb import rows_of
from orchestrator.media.colour.plane_reader import same_planes
from orchestrator.media.filter_chain import buffer_options, filter_chain
from orchestrator.video_source import VideoSource

TOLD_BY_PICTURES = {"mpegts", "mpeg", "flv", "dv"}
"""Formats whose pictures state the pixel aspect ratio; in other formats the container does."""

SAME_SHAPE = Fraction(1, 100)
"""Pixel aspect ratios that differ by less are the same: the difference comes from rounding."""

_STEPS = 4096
"""Resolution of the measurement of a pixel's width."""

_MATRICES = {1: "bt709", 4: "fcc", 5: "bt601", 6: "bt601", 7: "smpte240m", 9: "bt2020"}
"""The scale filter's names of matrices, by the code points of ITU-T H.273."""

_Coding = tuple[str, bool]
"""The scale filter's name of a matrix, and whether the range is full."""


class UniformFrames:
    """Fits the pictures of one video to the size, pixel aspect ratio, matrix and range in `info`.

    Args:
        path: the video, for messages.
        info: its description from `probe`.
        format_name: FFmpeg's name of its container.
        form: form of the pictures; for planes, the pixel format is kept, too.
    """

    def __init__(self, path: VideoSource, info: VideoInfo, *, format_name: str, form: Form) -> None:
        is_sideways = info.rotation % 180 != 0
        self._path = path
        self._info = info
        self._size = (info.height, info.width) if is_sideways else (info.width, info.height)
        self._aspect = 1 / info.sample_aspect_ratio if is_sideways else info.sample_aspect_ratio
        self._is_told = format_name in TOLD_BY_PICTURES
        self._keeps_format = form == "planes"
        self._measures: dict[str, Graph] = {}
        self._fits: dict[tuple[int, int, str, Fraction, _Coding], tuple[Graph, bool]] = {}
        self._kind = (*self._size, self._aspect)
        matrix = _MATRICES.get(info.colour.matrix)
        self._coding = None if matrix is None else (matrix, info.colour.full_range)
        self._last_coding = self._coding
        self._changes: list[Fraction] = []
        self._changes_of_coding: list[Fraction] = []
        self._has_bars = False

    @property
    def notes(self) -> list[str]:
        """One sentence if pictures were fitted, one if colours were converted; complete after the last."""
        notes = []
        if self._changes:
            bars = " with black bars" if self._has_bars else ""
            notes.append(
                f"the source's pictures change their size or shape at {_times(self._changes)}: they are "
                f"fitted into those of the beginning{bars}"
            )
        if self._changes_of_coding:
            notes.append(
                f"the source's pictures change their colour matrix or range at "
                f"{_times(self._changes_of_coding)}: they are converted to those of the beginning"
            )
        return notes

    def __call__(self, decoded: av.VideoFrame, *, at_s: Fraction) -> av.VideoFrame:
        """Return a picture unchanged, or a new one into which it is fitted.

        Args:
            decoded: the picture.
            at_s: its time, in seconds from the start of the file.

        Raises:
            UnsupportedMedia: its pixel format cannot be fitted.
        """
        aspect = self._pixel_aspect(decoded)
        kind = (decoded.width, decoded.height, aspect)
        if kind != self._kind:
            self._kind = kind
            self._changes.append(at_s)
        coding = self._coding_of(decoded)
        if coding != self._last_coding:
            self._last_coding = coding
            self._changes_of_coding.append(at_s)
        is_first = (kind, coding) == ((*self._size, self._aspect), self._coding)
        if is_first and not (
            self._keeps_format and not same_planes(decoded.format.name, self._info.pixel_format)
        ):
            return decoded
        try:
            if coding is not None and not coding[1] and decoded.format.name.startswith("yuvj"):
                decoded = _without_j(decoded)
            key = (decoded.width, decoded.height, decoded.format.name, aspect, coding or ("", False))
            if key not in self._fits:
                self._fits = {key: self._fit(decoded, aspect, coding)}
            fit, has_bars = self._fits[key]
            self._has_bars |= has_bars
            fit.push(decoded)
            return fit.vpull()
        except (av.error.FFmpegError, ValueError) as exc:
            raise UnsupportedMedia(
                f"{self._path}: the picture changes to {decoded.width}x{decoded.height} "
                f"({decoded.format.name}) at {float(at_s):.2f} s, which cannot be fitted into those before: "
                "split the video there first"
            ) from exc

    def _coding_of(self, decoded: av.VideoFrame) -> _Coding | None:
        """Return the matrix and the range of a picture; those of the video where the picture states none."""
        if self._coding is None or decoded.format.is_rgb or len(decoded.format.components) < 3:
            return self._coding
        matrix, is_full = self._coding
        if decoded.color_range in {ColorRange.MPEG, ColorRange.JPEG}:
            is_full = decoded.color_range == ColorRange.JPEG
        return _MATRICES.get(decoded.colorspace, matrix), is_full

    def _pixel_aspect(self, decoded: av.VideoFrame) -> Fraction:
        """Return the pixel aspect ratio; that of the first pictures if it is about the same."""
        if not self._is_told:
            return self._aspect
        kind = buffer_options(decoded)
        if kind not in self._measures:
            self._measures = {kind: _aspect_measure(kind)}
        self._measures[kind].push(decoded)
        aspect = Fraction(self._measures[kind].vpull().width, _STEPS).limit_denominator(255)
        return self._aspect if abs(aspect / self._aspect - 1) < SAME_SHAPE else aspect

    def _fit(self, like: av.VideoFrame, aspect: Fraction, coding: _Coding | None) -> tuple[Graph, bool]:
        """Return the filters that fit pictures like one, with its pixel aspect; and whether they add bars."""
        width, height = self._size
        wide = like.width * aspect / self._aspect  # width in pixels of the output at the same height
        shrink = min(width / wide, Fraction(height, like.height))
        inner = (_whole(wide * shrink, width), _whole(like.height * shrink, height))
        left, top = ((whole - part) // 4 * 2 for whole, part in zip(self._size, inner, strict=True))
        scale = f"{inner[0]}:{inner[1]}:flags=lanczos+accurate_rnd"
        signal = ""
        if coding is not None and self._coding is not None:
            for end, (matrix, is_full) in (("in", coding), ("out", self._coding)):
                scale += f":{end}_color_matrix={matrix}:{end}_range={'pc' if is_full else 'tv'}"
            signal = f":range={'pc' if coding[1] else 'tv'}" if like.color_range else ""
        keep_format = ("format", f"pix_fmts={self._info.pixel_format}")
        fit = filter_chain(
            f"{buffer_options(like)}:pixel_aspect=1/1{signal}",
            ("scale", scale),
            keep_format,
            ("pad", f"{width}:{height}:{left}:{top}:black"),
            keep_format,
        )
        return fit, inner != self._size


def _aspect_measure(kind: str) -> Graph:
    """Return filters whose result is as wide as the pixel aspect ratio, which PyAV does not give, x _STEPS.

    Args:
        kind: size and format of the pictures, as options of the buffer filter.
    """
    return filter_chain(
        f"{kind}:pixel_aspect=1/1",
        ("crop", "min(iw\\,16):min(ih\\,16):0:0"),
        ("scale", f"w=clip(round(sar*{_STEPS})\\,1\\,16384):h=2:flags=neighbor:eval=frame"),
    )


def _without_j(decoded: av.VideoFrame) -> av.VideoFrame:
    """Return a picture in the format that does not state full range, as FFmpeg would not believe another."""
    plain = av.VideoFrame(decoded.width, decoded.height, decoded.format.name.replace("yuvj", "yuv"))
    for samples, plane in zip(decoded.planes, plain.planes, strict=True):
        rows_of(plane, np.uint8)[:, : plane.width] = rows_of(samples, np.uint8)[:, : plane.width]
    plain.color_range = decoded.color_range
    return plain


def _times(times_s: list[Fraction]) -> str:
    shown = ", ".join(f"{float(time_s):.2f} s" for time_s in times_s[:3])
    return shown + (f" and {len(times_s) - 3} times more" if len(times_s) > 3 else "")


def _whole(side: Fraction, most: int) -> int:
    """Round a side to an even number of pixels, or to `most` if it is about that."""
    return most if side > most - 2 else max(2, round(side / 2) * 2)
