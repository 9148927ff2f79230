"""Converts pictures whose size, pixel aspect ratio or pixel format changes to those of the first pictures.

Television recordings change between 4:3 and 16:9, and joined recordings may change their size. An output has
one size and one pixel aspect ratio, so other pictures are fitted into it with black bars.
"""

from __future__ import annotations

from fractions import Fraction

import av
import av.error
from av.filter import Graph

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import Form, VideoInfo
from orchestrator.media.colour.plane_reader import same_planes
from orchestrator.media.filter_chain import buffer_options, filter_chain
from orchestrator.video_source import VideoSource

TOLD_BY_PICTURES = {"mpegts", "mpeg", "flv", "dv"}
"""Formats whose pictures state the pixel aspect ratio; in other formats the container does."""

SAME_SHAPE = Fraction(1, 100)
"""Pixel aspect ratios that differ by less are the same: the difference comes from rounding."""

_STEPS = 4096
"""Resolution of the measurement of a pixel's width."""

_MATRICES = {1: "bt709", 5: "bt601", 6: "bt601", 9: "bt2020"}
"""The scale filter's names of matrices, by the code points of ITU-T H.273."""


class UniformFrames:
    """Fits the pictures of one video to the size and pixel aspect ratio in `info`.

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
        self._fits: dict[tuple[int, int, str, Fraction], tuple[Graph, bool]] = {}
        self._kind = (*self._size, self._aspect)
        self._changes: list[Fraction] = []
        self._has_bars = False

    @property
    def notes(self) -> list[str]:
        """One sentence if pictures were fitted; complete after the last."""
        if not self._changes:
            return []
        times = ", ".join(f"{float(time_s):.2f} s" for time_s in self._changes[:3])
        more = f" and {len(self._changes) - 3} times more" if len(self._changes) > 3 else ""
        bars = " with black bars" if self._has_bars else ""
        what = f"the source's pictures change their size or shape at {times}{more}"
        return [f"{what}: they are fitted into those of the beginning{bars}"]

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
        is_first = kind == (*self._size, self._aspect)
        if is_first and not (
            self._keeps_format and not same_planes(decoded.format.name, self._info.pixel_format)
        ):
            return decoded
        key = (decoded.width, decoded.height, decoded.format.name, aspect)
        try:
            if key not in self._fits:
                self._fits = {key: self._fit(decoded, aspect)}
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

    def _fit(self, like: av.VideoFrame, aspect: Fraction) -> tuple[Graph, bool]:
        """Return the filters that fit pictures like one, with its pixel aspect; and whether they add bars."""
        (width, height), matrix = self._size, self._info.colour.matrix
        wide = like.width * aspect / self._aspect  # width in pixels of the output at the same height
        shrink = min(width / wide, Fraction(height, like.height))
        inner = (_whole(wide * shrink, width), _whole(like.height * shrink, height))
        left, top = ((whole - part) // 4 * 2 for whole, part in zip(self._size, inner, strict=True))
        scale = f"{inner[0]}:{inner[1]}:flags=lanczos+accurate_rnd"
        if like.colorspace in _MATRICES and matrix in _MATRICES:
            scale += f":in_color_matrix={_MATRICES[like.colorspace]}:out_color_matrix={_MATRICES[matrix]}"
        signal = ":range=pc" if self._info.colour.full_range else ":range=tv"
        keep_format = ("format", f"pix_fmts={self._info.pixel_format}")
        fit = filter_chain(
            f"{buffer_options(like)}:pixel_aspect=1/1{signal if like.color_range else ''}",
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


def _whole(side: Fraction, most: int) -> int:
    """Round a side to an even number of pixels, or to `most` if it is about that."""
    return most if side > most - 2 else max(2, round(side / 2) * 2)
