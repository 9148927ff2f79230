"""Writes a video: encoded pictures at the source's times, beside everything else the source holds.

Knows nothing of where the pictures come from, nor of the final name: it writes the file that it is told to.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Self, cast

import av
import av.error

from orchestrator.containers import check_limits, container_for
from orchestrator.errors import DiskFull, EncodeFailed
from orchestrator.frames import Planes
from orchestrator.media.colour import rgb_conversion as colour
from orchestrator.media.colour.chroma_location import output_chroma_location
from orchestrator.media.colour.code_points import FCC, SMPTE170M
from orchestrator.media.colour.pixel_format import chroma_subsampling, upright_chroma
from orchestrator.media.read.captions import CaptionWriter
from orchestrator.media.thread_priority import reset_thread_priority
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write import encoder
from orchestrator.media.write.differences import differences
from orchestrator.media.write.gif import SHORTEST, TICK, set_last_delay
from orchestrator.media.write.passthrough import Passthrough
from orchestrator.media.write.schedule import Schedule
from orchestrator.media.write.spherical import mark, room_for
from orchestrator.media.write.stream_converters import copy_metadata
from orchestrator.media.write.to_frame import converter, with_alpha

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from av.packet import Packet
    from av.video.stream import VideoStream

    from orchestrator.containers import Container
    from orchestrator.frames import Form, Frame, VideoInfo
    from orchestrator.jobs import Quality

INTERLEAVE_MICROSECONDS = 1_000_000
"""Longest that the muxer holds packets back for a stream that has none, such as captions."""


class VideoWriter:
    """Writes one video; a context manager. Until `finish` has returned, the file at `path` is of no use.

    Args:
        path: where to write; an existing file is overwritten.
        source: the video whose sound, subtitles, chapters and metadata are carried over.
        info: what `probe` said of the source; its bits, chroma, colour, HDR and 360 degrees are the output's.
        width, height: of the pictures that will be written, in pixels.
        form: what the pictures are. Of `rgb` the output has 8 bits, else those of the source; planes are of
            the source's chroma and bits, and only converted where the encoder takes others.
        sample_aspect_ratio: width : height of a pixel; None takes the source's. Pictures are stretched to
            square pixels where the container knows no others.
        quality: high, medium, low or lossless: see `encoder.PROFILES`.
        container: of the output; None takes it from the suffix of `path`.
        alpha: whether frames come with alpha, which is written; of a container that has alpha.
        threads: of the encoder and of the colour conversion; 0 lets them choose.
        start_s, end_s: the part that the pictures are of, as `VideoReader` was told: everything else is cut
            to match, and with a start all times begin at zero.

    Attributes:
        width, height: of the video, in pixels: whole samples of chroma, see `notes`.
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the pixel format that is encoded.

    Raises:
        OutputRefused: no container of that suffix can be written.
        BadRequest: see `check_limits`; or there is no such quality.
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
        form: Form = "rgb",
        sample_aspect_ratio: Fraction | None = None,
        quality: Quality = "high",
        container: Container | None = None,
        alpha: bool = False,
        threads: int = 0,
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
    ) -> None:
        span = TimeRange.of(info, start_s, end_s)
        self._container = container or container_for(path)
        shown, self._aspect = self._container.displayed(
            width, sample_aspect_ratio or info.sample_aspect_ratio
        )
        check_limits(self._container, quality=quality, width=shown, height=height)
        self._encoding = encoder.choose(
            self._container,
            width=shown,
            height=height,
            quality=quality,
            chroma=upright_chroma(info),
            bits=8 if form == "rgb" else info.bit_depth,
            hdr=info.hdr if info.colour.is_hdr else None,
            alpha=alpha,
        )
        self.encoder, self.pixel_format = self._encoding.encoder, self._encoding.pixel_format
        across, down = chroma_subsampling(self.pixel_format)
        self.width, self.height = -(-shown // across) * across, -(-height // down) * down
        self._planes_format = self.pixel_format.replace("yuva", "yuv")
        self._path, self._source = path, source
        self._differences: list[str] = []
        self._info = info
        self._size, self._shown = (width, height), (shown, height)
        self._colour = info.colour if form == "planes" else colour.output_colour(info.colour)
        if self.encoder == "libvpx-vp9" and self._colour.matrix == FCC:
            # VP9 has no name for it; the two are within a level of each other.
            self._colour = replace(self._colour, matrix=SMPTE170M)
        self._to_frame = converter(
            form,
            info,
            self._colour,
            pixel_format=self._planes_format,
            width=self.width if shown == width else width,
            height=self.height,
            out_width=self.width,
            quality=quality,
            threads=threads,
        )
        self._tick = TICK if self._container.is_paced else info.time_base
        self._schedule = Schedule(info, self._tick)
        self._captions = CaptionWriter(self.encoder)
        self._packets = 0
        self._last_packet = b""
        self._first_dts: int | None = None
        with self._translated():
            self._output = av.open(
                f"file:{path}",
                "w",
                format=self._container.muxer,
                container_options=self._muxing(),
                metadata_errors="surrogateescape",
            )
            self._stream = self._add_stream(form, threads)
            self._passthrough = Passthrough(source, self._output, span, info, self._container)
            copy_metadata(self._passthrough.video, self._stream, self._container)
            if start_s is not None:
                self._stream.metadata.pop("timecode", "")
            if self._container.has_sphere_box and info.sphere is not None:
                title = self._stream.metadata.get("title", "")
                self._stream.metadata["title"] = title + room_for(info.sphere)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._passthrough.close()
        with suppress(av.error.FFmpegError, OSError):
            self._output.close()

    @property
    def frames(self) -> int:
        """Frames written."""
        return self._schedule.frames

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of what shows the pictures, from the top-left corner; the rest repeats it."""
        (width, _), (shown, height) = self._size, self._shown
        return width if shown == width else self.width, height

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that is not as in the source; complete after `finish`."""
        notes = [*self._differences, *self._passthrough.notes, *self._encoding.notes]
        width, height = self._shown
        if self._shown != self._size:
            name = self._container.name
            notes.append(f"the picture is stretched to {width}x{height}: {name} has square pixels")
        if self._shown != (self.width, self.height):
            notes.append(
                f"the picture is {self.width}x{self.height}, not {width}x{height}: {self.pixel_format} needs "
                "even sizes, so the last row or column is repeated"
            )
        noted_s = self._container.noted_duration_s
        if noted_s is not None and self._schedule.duration * self._tick > noted_s:
            notes.append(
                f"a {self._container.name} of {self.duration_s:.6g} s is large: as mp4 or webm it would be a "
                "small part of that"
            )
        return notes

    @property
    def duration_s(self) -> float:
        """From the start of the first frame to the end of the last, in seconds."""
        return float(self._schedule.duration * self._tick)

    def write(self, frame: Frame[Any]) -> None:
        """Encode one frame, of the form that was promised.

        Frames come in presentation order, their pts in units of the source's time_base; those for a GIF as
        `GifPace` gives them.

        Raises:
            BadRequest: the output gets longer than its container allows.
            EncodeFailed: the picture has not the promised size, or the encoder or the muxer failed.
            DiskFull: there is no space left.
        """
        pixels = frame.pixels
        height, width = (pixels.y if isinstance(pixels, Planes) else pixels).shape[:2]
        if (width, height) != self._size:
            raise EncodeFailed(
                f"frame {frame.index} is {width}x{height}, not {self._size[0]}x{self._size[1]}: report this "
                "as a bug"
            )
        is_first = not self.frames
        if is_first:
            self._begin(frame)
        picture = self._to_frame(pixels)
        if frame.alpha is not None:
            width, height = self.picture_size
            picture = with_alpha(picture, frame.alpha, width=width, height=height)
        picture.pts = self._schedule.place(frame)
        if self._container.is_paced and (self._schedule.shortest or SHORTEST) < SHORTEST:
            raise EncodeFailed(f"frame {frame.index} is too soon for a gif: report this as a bug")
        picture.time_base = self._tick
        self._captions.take(picture.pts, frame.captions)
        most_s = self._container.max_duration_s
        if most_s is not None and (self._schedule.last - self._schedule.first) * self._tick > most_s:
            check_limits(self._container, quality="high", width=1, height=1, duration_s=self.duration_s)
        with self._translated():
            packets = self._stream.encode(picture)
            if is_first and self.encoder == "libsvtav1":
                reset_thread_priority()
            self._mux(packets)

    def finish(self) -> None:
        """Flush the encoder, carry over what is left of the other streams and complete the file.

        Raises:
            EncodeFailed: the encoder or the muxer failed, or a frame has no packet.
            DiskFull: there is no space left.
        """
        with self._translated():
            self._mux(self._stream.encode(None), last=True)
            self._passthrough.finish(self._schedule.end_s)
            self._output.close()
            if self._container.is_paced and self.frames > 1:
                set_last_delay(self._path, self._last_packet, self._schedule.last_duration)
            if self._container.has_sphere_box and self._info.sphere is not None:
                mark(self._path, self._info.sphere)
        if self._packets != self.frames:
            raise EncodeFailed(
                f"{self.encoder} made {self._packets} pictures of {self.frames}: nothing was kept, try again"
            )
        expected = replace(
            self._passthrough.expected,
            is_hdr=self._info.colour.is_hdr,
            is_sideways=self._info.rotation % 180 != 0,
            lost_captions=self._captions.are_lost,
        )
        self._differences = differences(self._source, self._path, self._container, expected)

    def _muxing(self) -> dict[str, str]:
        """Return the options of the muxer."""
        muxing = {"max_interleave_delta": str(INTERLEAVE_MICROSECONDS), **self._container.muxer_options}
        if self._container.has_edit_lists:
            # Edit lists count in the movie's timescale. At its default, milliseconds, a last picture shown
            # for less than half of one is cut off.
            muxing["movie_timescale"] = str(self._info.time_base.denominator)
        return muxing

    def _add_stream(self, form: Form, threads: int) -> VideoStream:
        options = dict(self._encoding.options)
        if location := output_chroma_location(form, info=self._info, pixel_format=self._planes_format):
            options["chroma_sample_location"] = location
        rate = self._info.average_rate or Fraction(25)
        stream = cast("VideoStream", self._output.add_stream(self.encoder, rate, options))
        context = stream.codec_context
        context.width, context.height = self.width, self.height
        context.pix_fmt = self.pixel_format
        context.sample_aspect_ratio = self._aspect
        # Both: left to the muxer alone, times that are not multiples of 1 / rate fail with EINVAL.
        context.time_base = stream.time_base = self._tick
        context.thread_count = threads
        if self._encoding.tag is not None:
            context.codec_tag = self._encoding.tag
        if self._container.palette_colours is None:
            context.colorspace = self._colour.matrix
            context.color_primaries = self._colour.primaries
            context.color_trc = self._colour.transfer
            context.color_range = 2 if self._colour.full_range else 1
        return stream

    def _begin(self, first: Frame[Any]) -> None:
        first_s = first.pts * self._info.time_base
        with self._translated():
            self._passthrough.begin(first_s)
        # A GIF has no time before its first picture.
        self._schedule.begin(first_s if self._container.is_paced else self._passthrough.origin_s)

    def _mux(self, packets: list[Packet[VideoStream]], *, last: bool = False) -> None:
        packets = [self._captions.put_into(packet) for packet in packets]
        for packet in packets:
            self._packets += 1
            if packet.pts is not None:
                packet.duration = self._schedule.duration_of(packet.pts)
            if packet.dts is not None:
                if self._first_dts is None:
                    self._first_dts = packet.dts
                if last and packet is packets[-1] and self._container.has_dts_durations:
                    # MP4's track is as long as its dts reach: with B-frames they end before the pictures do.
                    reached = packet.dts - self._first_dts
                    packet.duration = max(self._schedule.duration - reached, packet.duration or 1)
                self._passthrough.advance(packet.dts * packet.time_base)
            if self._container.is_paced:
                self._last_packet = bytes(packet)
            self._output.mux(packet)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as exc:
            if getattr(exc, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
                raise DiskFull(f"no space is left in {self._path.parent}: free some and run again") from exc
            raise EncodeFailed(f"the video cannot be written after {self.frames} frames: {exc}") from exc
