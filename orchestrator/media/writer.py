"""Writes the upscaled video: encoded pictures at the source's times, beside everything else the source holds.

Knows nothing of where the pictures come from, nor of the final name: it writes the file that it is told to.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from fractions import Fraction
from typing import TYPE_CHECKING, Self, cast

import av
import av.error
import numpy as np

from orchestrator.errors import DiskFull, EncodeFailed, OutputRefused
from orchestrator.media import colour, encoder
from orchestrator.media.passthrough import Passthrough
from orchestrator.media.span import Span
from orchestrator.media.tracks import describe

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from av.packet import Packet
    from av.video.stream import VideoStream

    from orchestrator.frames import Frame, Pixels, VideoInfo
    from orchestrator.media.encoder import Quality

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""FFmpeg's name of the container for each suffix that an output may have."""

INTERLEAVE_MICROSECONDS = 1_000_000
"""Longest that the muxer holds packets back for a stream that has none, such as captions."""


def check_output(path: Path) -> str:
    """Return FFmpeg's name of the container that `path` asks for by its suffix.

    Raises:
        OutputRefused: no container of that suffix can be written.
    """
    container = CONTAINERS.get(path.suffix.lower())
    if container is None:
        raise OutputRefused(f"{path} cannot be written: name an output that ends in {', '.join(CONTAINERS)}")
    return container


class VideoWriter:
    """Writes one video; a context manager. Until `finish` has returned, the file at `path` is of no use.

    Args:
        path: where to write; an existing file is overwritten.
        source: the video whose sound, subtitles, chapters and metadata are carried over.
        info: what `probe` said of the source.
        width, height: of the pictures that will be written, in pixels.
        quality: high, medium or low.
        container: FFmpeg's name of the container; None takes it from the suffix of `path`.
        threads: of the encoder and of the colour conversion; 0 lets them choose.
        start_s, end_s: the part that the pictures are of, as `VideoReader` was told: everything else is cut
            to match, and with a start all times begin at zero.

    Attributes:
        frames: frames written.
        width, height: of the video, in pixels: even, see `notes`.
        encoder: FFmpeg's name of the encoder.

    Raises:
        OutputRefused: no container of that suffix can be written.
        BadRequest: the picture is larger than any encoder takes.
        EncodeFailed: the encoder or the muxer does not start.
        DiskFull: there is no space left.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: Path,
        info: VideoInfo,
        width: int,
        height: int,
        quality: Quality = "high",
        container: str | None = None,
        threads: int = 0,
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
    ) -> None:
        span = Span.of(info, start_s, end_s)
        container = container or check_output(path)
        self.width, self.height = width + width % 2, height + height % 2
        self.encoder, options = encoder.choose(self.width, self.height, quality)
        self.frames = 0
        self._path = path
        self._info = info
        self._size = (height, width)
        self._colour = colour.for_output(info.colour)
        self._from_rgb = colour.FromRgb(self._colour, width=self.width, height=self.height, threads=threads)
        self._durations: dict[int, int] = {}
        self._first_pts = self._last_pts = self._last_duration = 0
        self._packets = 0
        self._first_dts: int | None = None
        self._is_mp4 = container in {"mp4", "mov"}
        muxing = {"max_interleave_delta": str(INTERLEAVE_MICROSECONDS)}
        if self._is_mp4:
            muxing["movflags"] = "+faststart"
            # Edit lists count in the movie's timescale. At its default, milliseconds, a last picture shown
            # for less than half of one is cut off.
            muxing["movie_timescale"] = str(info.time_base.denominator)
        with self._translated():
            self._output = av.open(
                f"file:{path}",
                "w",
                format=container,
                container_options=muxing,
                metadata_errors="surrogateescape",
            )
            rate = info.average_rate or Fraction(25)
            self._stream = cast("VideoStream", self._output.add_stream(self.encoder, rate, options))
            self._configure(threads)
            self._passthrough = Passthrough(source, self._output, span)
            describe(self._stream, self._passthrough.video)
            if start_s is not None:
                self._stream.metadata.pop("timecode", "")
        self._origin = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._passthrough.close()
        with suppress(av.error.FFmpegError, OSError):
            self._output.close()

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that is not as in the source; complete after `finish`."""
        notes = self._passthrough.notes
        height, width = self._size
        if width % 2 or height % 2:
            notes.append(
                f"the picture is {self.width}x{self.height}, not {width}x{height}: yuv420p needs "
                "even sizes, so the last row or column is repeated"
            )
        return notes

    @property
    def duration_s(self) -> float:
        """From the start of the first frame to the end of the last, in seconds."""
        return float((self._last_pts + self._last_duration - self._first_pts) * self._info.time_base)

    def write(self, frame: Frame) -> None:
        """Encode one frame; frames come in presentation order, their pts in units of the source's time_base.

        Raises:
            EncodeFailed: the picture has not the promised size, or the encoder or the muxer failed.
            DiskFull: there is no space left.
        """
        if frame.pixels.shape[:2] != self._size:
            raise EncodeFailed(
                f"frame {frame.index} is {frame.pixels.shape[1]}x{frame.pixels.shape[0]}, not "
                f"{self._size[1]}x{self._size[0]}: report this as a bug"
            )
        if not self.frames:
            self._begin(frame)
        picture = self._from_rgb(_even(frame.pixels))
        picture.pts = frame.pts - self._origin
        picture.time_base = self._info.time_base
        self._keep_time(frame)
        with self._translated():
            self._mux(self._stream.encode(picture))
        self.frames += 1

    def finish(self) -> None:
        """Flush the encoder, carry over what is left of the other streams and complete the file.

        Raises:
            EncodeFailed: the encoder or the muxer failed, or a frame has no packet.
            DiskFull: there is no space left.
        """
        with self._translated():
            self._mux(self._stream.encode(None), last=True)
            self._passthrough.finish((self._last_pts + self._last_duration) * self._info.time_base)
            self._output.close()
        if self._packets != self.frames:
            raise EncodeFailed(
                f"{self.encoder} made {self._packets} pictures of {self.frames}: nothing was kept, try again"
            )
        self._passthrough.compare(self._path)

    def _configure(self, threads: int) -> None:
        context = self._stream.codec_context
        context.width, context.height = self.width, self.height
        context.pix_fmt = "yuv420p"
        context.sample_aspect_ratio = self._info.sample_aspect_ratio
        # Both: left to the muxer alone, times that are not multiples of 1 / rate fail with EINVAL.
        context.time_base = self._stream.time_base = self._info.time_base
        context.colorspace = self._colour.matrix
        context.color_primaries = self._colour.primaries
        context.color_trc = self._colour.transfer
        context.color_range = 2 if self._colour.full_range else 1
        context.thread_count = threads

    def _begin(self, first: Frame) -> None:
        tick = self._info.time_base
        with self._translated():
            self._passthrough.begin(first.pts * tick)
        self._origin = round(self._passthrough.origin_s / tick)

    def _keep_time(self, frame: Frame) -> None:
        """Note how long each picture is shown: until the next one, the last as long as the source says."""
        if not self.frames:
            self._first_pts = frame.pts
        else:
            self._last_duration = frame.pts - self._last_pts
            if self._last_pts - self._origin in self._durations:
                self._durations[self._last_pts - self._origin] = self._last_duration
        rate = self._info.average_rate
        usual = round(1 / (rate * self._info.time_base)) if rate else self._last_duration
        self._last_pts, self._last_duration = frame.pts, frame.duration or usual
        self._durations[frame.pts - self._origin] = self._last_duration

    def _mux(self, packets: list[Packet[VideoStream]], *, last: bool = False) -> None:
        for packet in packets:
            self._packets += 1
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, 0)
            if packet.dts is not None:
                if self._first_dts is None:
                    self._first_dts = packet.dts
                if last and packet is packets[-1] and self._is_mp4:
                    # MP4's track is as long as its dts reach: with B-frames they end before the pictures do.
                    length = self._last_pts + self._last_duration - self._first_pts
                    packet.duration = max(length - (packet.dts - self._first_dts), packet.duration or 1)
                self._passthrough.advance(packet.dts * packet.time_base)
            self._output.mux(packet)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as exc:
            if getattr(exc, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(f"no space is left in {self._path.parent}: free some and run again") from exc
            raise EncodeFailed(f"the video cannot be written after {self.frames} frames: {exc}") from exc


def _even(pixels: Pixels) -> Pixels:
    """Repeat the last row or column of uint8 [H, W, 3] where H or W is odd."""
    height, width, _ = pixels.shape
    if height % 2 or width % 2:
        return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return pixels
