"""Writes the upscaled video: encoded pictures at the source's times, with everything else the source holds.

Knows nothing of where the pictures come from, and nothing of the final name: it writes the file it is told to.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from fractions import Fraction
from typing import TYPE_CHECKING, Self

import av
import av.error
import numpy as np

from orchestrator.errors import DiskFull, EncodeFailed, OutputRefused
from orchestrator.media import colour, encoder
from orchestrator.media.passthrough import Passthrough

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from av.packet import Packet

    from orchestrator.frames import Frame, Pixels, VideoInfo
    from orchestrator.media.encoder import Quality

CONTAINERS = {".mp4": "mp4", ".m4v": "mp4", ".mov": "mov", ".mkv": "matroska"}
"""FFmpeg's name of the container for each suffix that an output may have."""


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
    """Writes one video; a context manager. Left by an exception, the file at `path` is of no use.

    Args:
        path: where to write; an existing file is overwritten.
        source: the video whose sound, subtitles, chapters and metadata are carried over.
        info: what `probe` said of the source.
        width, height: of the pictures that will be written, in pixels.
        quality: high, medium or low.
        container: FFmpeg's name of the container; None takes it from the suffix of `path`.
        threads: of the encoder and the colour conversion; 0 lets them choose.

    Attributes:
        frames: frames written.
        encoder: FFmpeg's name of the encoder.
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
    ) -> None:
        self.frames = 0
        self._path = path
        self._info = info
        self._size = (height, width)
        self._notes: list[str] = []
        even = (width + width % 2, height + height % 2)
        if even != (width, height):
            self._notes.append(
                f"the picture is {even[0]}x{even[1]}: yuv420p needs even sizes, the last row or column is repeated"
            )
        colours = colour.for_output(info.colour)
        self._from_rgb = colour.FromRgb(colours, threads=threads)
        self.encoder, options = encoder.choose(*even, quality)
        self._durations: dict[int, int] = {}
        self._first_pts: int | None = None
        self._end_pts = 0
        with self._translated():
            self._output = av.open(
                str(path), "w", format=container or check_output(path), metadata_errors="surrogateescape"
            )
            self._stream = self._output.add_stream(
                self.encoder, rate=info.average_rate or 25, options=options
            )
            context = self._stream.codec_context
            context.width, context.height = even
            context.pix_fmt = "yuv420p"
            context.time_base = info.time_base
            self._stream.time_base = info.time_base
            context.sample_aspect_ratio = info.sample_aspect_ratio
            context.colorspace, context.color_primaries = colours.matrix, colours.primaries
            context.color_trc, context.color_range = colours.transfer, 2 if colours.full_range else 1
            context.thread_count = threads
            self._passthrough = Passthrough(source, self._output)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._passthrough.close()
        try:
            self._output.close()
        except av.error.FFmpegError:
            if error is None:
                raise

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that is not as in the source."""
        return [*self._notes, *self._passthrough.notes]

    @property
    def duration_s(self) -> float:
        """From the start of the first frame to the end of the last, in seconds."""
        return float((self._end_pts - (self._first_pts or 0)) * self._info.time_base)

    def write(self, frame: Frame) -> None:
        """Encode one frame; frames come in presentation order.

        Raises:
            EncodeFailed: the encoder or the muxer failed.
            DiskFull: there is no space left.
        """
        picture = self._from_rgb(_even(frame.pixels))
        picture.pts = frame.pts
        picture.time_base = self._info.time_base
        picture.duration = frame.duration
        if frame.duration:
            self._durations[frame.pts] = frame.duration
        if self._first_pts is None:
            self._first_pts = frame.pts
        self._end_pts = frame.pts + frame.duration
        with self._translated():
            self._mux(self._stream.encode(picture))
        self.frames += 1

    def finish(self) -> None:
        """Flush the encoder, carry over what is left of the other streams and complete the file."""
        with self._translated():
            self._mux(self._stream.encode(None))
            self._passthrough.finish()
            self._output.close()

    def _mux(self, packets: list[Packet]) -> None:
        for packet in packets:
            if packet.pts is not None:
                packet.duration = self._durations.pop(packet.pts, 0)
            if packet.dts is not None:
                self._passthrough.advance(Fraction(packet.dts) * packet.time_base)
            self._output.mux(packet)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as exc:
            if getattr(exc, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(f"no space is left for {self._path.parent}: free some and run again") from exc
            raise EncodeFailed(f"the video cannot be written after {self.frames} frames: {exc}") from exc


def _even(pixels: Pixels) -> Pixels:
    """Repeat the last row or column of uint8 [H, W, 3] where H or W is odd."""
    height, width, _ = pixels.shape
    if height % 2 or width % 2:
        return np.pad(pixels, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
    return pixels
