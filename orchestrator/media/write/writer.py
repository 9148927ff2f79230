"""Writes a video: encodes its pictures, and muxes audio, subtitles and metadata beside them."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any, Self

import av
import av.error
from av.packet import Packet
from av.video.stream import VideoStream

from orchestrator.errors import DiskFull, EncodeFailed
from orchestrator.frames import Form, Frame, Planes, VideoInfo
from orchestrator.jobs import Quality
from orchestrator.media.colour import frame_to_rgb as colour
from orchestrator.media.colour.chroma_location import output_chroma_location
from orchestrator.media.colour.code_points import FCC, SMPTE170M
from orchestrator.media.colour.pixel_format import chroma_subsampling, upright_chroma
from orchestrator.media.thread_priority import reset_thread_priority
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write import encoder_selection as encoder
from orchestrator.media.write.closed_caption_inserter import ClosedCaptionInserter
from orchestrator.media.write.differences import differences
from orchestrator.media.write.gif import SHORTEST, TICK, set_last_delay
from orchestrator.media.write.output_timestamps import OutputTimestamps
from orchestrator.media.write.passthrough import Passthrough
from orchestrator.media.write.spherical import mark, room_for
from orchestrator.media.write.stream_converters import copy_metadata
from orchestrator.media.write.to_frame import converter, with_alpha
from orchestrator.media_containers import MediaContainer, check_limits, container_for

INTERLEAVE_MICROSECONDS = 1_000_000
"""How long the muxer waits for a stream that has no packets, such as captions."""


class VideoWriter:
    """Writes one video; a context manager. The file at `path` is complete only after `finish` has returned.

    Args:
        path: file to write; an existing one is overwritten.
        source: video whose audio, subtitles, chapters and metadata are copied.
        info: result of `probe` for the source; the output has its bit depth, chroma, colour, HDR and 360
            degree metadata.
        width, height: size of the pictures that `write` gets, in pixels.
        form: form of these pictures. `rgb` is written with 8 bits, the others with the bits of the source.
            `planes` have the chroma and the bits of the source and are converted only if the encoder needs
            it.
        sample_aspect_ratio: width : height of a pixel; None takes the source's. Pictures are stretched if the
            container has square pixels only.
        quality: one of `encoder.PROFILES`.
        container: container of the output; None takes it from the suffix of `path`.
        alpha: whether the frames have alpha to be written; only if the container has alpha.
        start_s, end_s: the part of the source that the pictures show, as for `VideoReader`. Everything else
            is cut to it, and if there is a start, all times begin at zero.

    Attributes:
        width, height: size of the video, in pixels: whole chroma samples, see `notes`.
        encoder: FFmpeg's name of the encoder.
        pixel_format: FFmpeg's name of the pixel format that is encoded.

    Raises:
        OutputPathRefused: no container has this suffix.
        BadRequest: see `check_limits`; or the quality is unknown.
        EncodeFailed: the encoder or the muxer does not start.
        DiskFull: the disk is full.
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
        container: MediaContainer | None = None,
        alpha: bool = False,
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
    ) -> None:
        span = TimeRange.of(info, start_s, end_s)
        self._container = container or container_for(path)
        stored, aspect = self._container.displayed(width, sample_aspect_ratio or info.sample_aspect_ratio)
        check_limits(self._container, quality=quality, width=stored, height=height)
        self._encoding = encoder.choose(
            self._container,
            width=stored,
            height=height,
            quality=quality,
            chroma=upright_chroma(info),
            bits=8 if form == "rgb" else info.bit_depth,
            hdr=info.hdr if info.colour.is_hdr else None,
            alpha=alpha,
        )
        self.encoder, self.pixel_format = self._encoding.encoder, self._encoding.pixel_format
        across, down = chroma_subsampling(self.pixel_format)
        self.width, self.height = -(-stored // across) * across, -(-height // down) * down
        planes_format = self.pixel_format.replace("yuva", "yuv")
        self._path, self._source, self._info = path, source, info
        self._sphere = info.sphere if self._container.has_sphere_box else None
        self._differences: list[str] = []
        self._size, self._stored = (width, height), (stored, height)
        self._colour = info.colour if form == "planes" else colour.output_colour(info.colour)
        if self.encoder == "libvpx-vp9" and self._colour.matrix == FCC:
            # VP9 cannot name this matrix; the two differ by less than one level.
            self._colour = replace(self._colour, matrix=SMPTE170M)
        self._to_frame = converter(
            form,
            info,
            self._colour,
            pixel_format=planes_format,
            width=self.width if stored == width else width,
            height=self.height,
            out_width=self.width,
            quality=quality,
        )
        self._tick = TICK if self._container.is_paced else info.time_base
        self._timestamps = OutputTimestamps(info, self._tick)
        self._captions = ClosedCaptionInserter(self.encoder)
        self._packets = 0
        self._last_packet = b""
        with self._translated():
            self._output = av.open(
                f"file:{path}",
                "w",
                format=self._container.muxer,
                container_options=self._muxer_options(),
                metadata_errors="surrogateescape",
            )
            self._stream = encoder.add_stream(
                self._output,
                self._encoding,
                width=self.width,
                height=self.height,
                sample_aspect_ratio=aspect,
                rate=info.average_rate or Fraction(25),
                tick=self._tick,
                colour=self._colour,
                chroma_location=output_chroma_location(form, info=info, pixel_format=planes_format),
            )
            self._passthrough = Passthrough(source, self._output, span, info, self._container)
            copy_metadata(self._passthrough.video, self._stream, self._container)
            if start_s is not None:
                self._stream.metadata.pop("timecode", "")
            if self._sphere is not None:
                title = self._stream.metadata.get("title", "")
                self._stream.metadata["title"] = title + room_for(self._sphere)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._passthrough.close()
        with suppress(av.error.FFmpegError, OSError):
            self._output.close()

    @property
    def frames(self) -> int:
        """Number of frames written."""
        return self._timestamps.frames

    @property
    def picture_size(self) -> tuple[int, int]:
        """Width and height of the part that shows the picture, from the top-left corner, in pixels.

        The rest repeats its last column and row.
        """
        (width, height), (stored, _) = self._size, self._stored
        return width if stored == width else self.width, height

    @property
    def notes(self) -> list[str]:
        """One sentence for each difference from the source; complete after `finish`."""
        notes = [*self._differences, *self._passthrough.notes, *self._encoding.notes]
        width, height = self._stored
        name, noted_s = self._container.name, self._container.noted_duration_s
        if self._stored != self._size:
            notes.append(f"the picture is stretched to {width}x{height}: {name} has square pixels")
        if self._stored != (self.width, self.height):
            notes.append(
                f"the picture is {self.width}x{self.height}, not {width}x{height}: {self.pixel_format} needs "
                "even sizes, so the last row or column is repeated"
            )
        if noted_s is not None and self._timestamps.duration * self._tick > noted_s:
            length = f"{self.duration_s:.6g} s"
            notes.append(f"a {name} of {length} is large: as mp4 or webm it would be a small part of that")
        return notes

    @property
    def duration_s(self) -> float:
        """From the start of the first frame to the end of the last, in seconds."""
        return float(self._timestamps.duration * self._tick)

    def write(self, frame: Frame[Any]) -> None:
        """Encode one frame.

        Args:
            frame: next frame in presentation order, in the form and the size that the writer was created for.
                Its pts is in units of the source's time_base, or as `GifFrameSelector` sets it.

        Raises:
            BadRequest: the output becomes longer than its container allows.
            EncodeFailed: the picture has the wrong size, or the encoder or the muxer failed.
            DiskFull: the disk is full.
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
            first_s = frame.pts * self._info.time_base
            with self._translated():
                self._passthrough.begin(first_s)
            # A paced container has no time before its first picture.
            self._timestamps.begin(first_s if self._container.is_paced else self._passthrough.origin_s)
        picture = self._to_frame(pixels)
        if frame.alpha is not None:
            width, height = self.picture_size
            picture = with_alpha(picture, frame.alpha, width=width, height=height)
        picture.pts = self._timestamps.place(frame)
        if self._container.is_paced and (self._timestamps.shortest or SHORTEST) < SHORTEST:
            raise EncodeFailed(f"frame {frame.index} is too soon for a gif: report this as a bug")
        picture.time_base = self._tick
        self._captions.take(picture.pts, frame.captions)
        most_s = self._container.max_duration_s
        if most_s is not None and (self._timestamps.last - self._timestamps.first) * self._tick > most_s:
            check_limits(self._container, quality="high", width=1, height=1, duration_s=self.duration_s)
        with self._translated():
            packets = self._stream.encode(picture)
            if is_first and self.encoder == "libsvtav1":
                reset_thread_priority()
            self._mux(packets)

    def finish(self) -> None:
        """Flush the encoder, copy the rest of the other streams and complete the file.

        Raises:
            EncodeFailed: the encoder or the muxer failed, or dropped a frame.
            DiskFull: the disk is full.
        """
        with self._translated():
            self._mux(self._stream.encode(None), last=True)
            self._passthrough.finish(self._timestamps.end_s)
            self._output.close()
            if self._container.is_paced and self.frames > 1:
                set_last_delay(self._path, self._last_packet, self._timestamps.last_duration)
            if self._sphere is not None:
                mark(self._path, self._sphere)
        if self._packets != self.frames:
            raise EncodeFailed(
                f"{self.encoder} made {self._packets} pictures of {self.frames}: nothing was kept, try again"
            )
        expected = replace(self._passthrough.expected, lost_captions=self._captions.are_lost)
        self._differences = differences(self._source, self._path, self._container, expected)

    def _muxer_options(self) -> dict[str, str]:
        options = {"max_interleave_delta": str(INTERLEAVE_MICROSECONDS), **self._container.muxer_options}
        if self._container.has_edit_lists:
            # Edit lists count in the movie's timescale. At its default, milliseconds, a last picture that is
            # shorter than half of one would be cut off.
            options["movie_timescale"] = str(self._info.time_base.denominator)
        return options

    def _mux(self, packets: list[Packet[VideoStream]], *, last: bool = False) -> None:
        packets = [self._captions.put_into(packet) for packet in packets]
        for packet in packets:
            self._packets += 1
            ends_track = last and packet is packets[-1] and self._container.has_dts_durations
            self._timestamps.set_duration(packet, ends_track=ends_track)
            if packet.dts is not None:
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
