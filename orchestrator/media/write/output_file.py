"""Writes an output file: muxes encoded pictures, and copies sound, subtitles and metadata beside them.

The pictures come as packets, from an encoder or from files in which they were encoded before.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Self

import av
import av.error
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream

from orchestrator.errors import DiskFull, EncodeFailed
from orchestrator.frames import VideoInfo
from orchestrator.media.time_range import TimeRange
from orchestrator.media.write.differences import differences
from orchestrator.media.write.gif import SHORTEST, set_last_delay
from orchestrator.media.write.output_timestamps import OutputTimestamps
from orchestrator.media.write.passthrough import Passthrough
from orchestrator.media.write.spherical import mark, room_for
from orchestrator.media.write.stream_converters import copy_metadata
from orchestrator.media_containers import MediaContainer, check_limits
from orchestrator.video_source import VideoSource

INTERLEAVE_MICROSECONDS = 1_000_000
"""How long the muxer waits for a stream that has no packets, such as captions."""


class OutputFile:
    """The file of one output; a context manager. It is complete only after `finish` has returned.

    `begin` is called once, then `place` for each picture in order of presentation, and `mux` for the packets
    in order of decoding.

    Args:
        path: file to write; an existing one is overwritten.
        source: video whose audio, subtitles, chapters and metadata are copied.
        info: result of `probe` for the source.
        container: container of the file.
        tick: unit of the times of the pictures, in seconds.
        add_video: adds the video stream to the open file, as its first stream.
        start_s, end_s: the part of the source that the pictures show, as for `VideoReader`. Everything else
            is cut to it, and if there is a start, all times begin at zero.

    Attributes:
        stream: the video stream of the file.

    Raises:
        BadRequest: the part is empty, or starts before the source.
        EncodeFailed: the encoder or the muxer does not start.
        DiskFull: the disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        source: VideoSource,
        info: VideoInfo,
        container: MediaContainer,
        tick: Fraction,
        add_video: Callable[[OutputContainer], VideoStream],
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
    ) -> None:
        self._path, self._source, self._info = path, source, info
        self._container, self._tick = container, tick
        self._sphere = info.sphere if container.has_sphere_box else None
        self._differences: list[str] = []
        self._timestamps = OutputTimestamps(info, tick)
        self._last_packet = b""
        span = TimeRange.of(info, start_s, end_s)
        with self.translated_errors():
            self._output = av.open(
                f"file:{path}",
                "w",
                format=container.muxer,
                container_options=self._muxer_options(),
                metadata_errors="surrogateescape",
            )
            self.stream = add_video(self._output)
            self._passthrough = Passthrough(source, self._output, span, info, container)
            copy_metadata(self._passthrough.video, self.stream, container)
            if start_s is not None:
                self.stream.metadata.pop("timecode", "")
            if self._sphere is not None:
                title = self.stream.metadata.get("title", "")
                self.stream.metadata["title"] = title + room_for(self._sphere)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._passthrough.close()
        with suppress(av.error.FFmpegError, OSError):
            self._output.close()

    @property
    def frames(self) -> int:
        """Number of pictures that were placed."""
        return self._timestamps.frames

    @property
    def duration_s(self) -> Fraction:
        """From the start of the first picture to the end of the last, in seconds."""
        return self._timestamps.duration * self._tick

    @property
    def notes(self) -> list[str]:
        """One sentence for each difference from the source; complete after `finish`."""
        notes = [*self._differences, *self._passthrough.notes]
        name, noted_s = self._container.name, self._container.noted_duration_s
        if noted_s is not None and self.duration_s > noted_s:
            length = f"{float(self.duration_s):.6g} s"
            notes.append(f"a {name} of {length} is large: as mp4 or webm it would be a small part of that")
        return notes

    def begin(self, first_s: Fraction) -> None:
        """Set the clock of the output; call this once, before `place` and `mux`.

        Args:
            first_s: when the first picture is shown, in seconds on the clock of the source.
        """
        with self.translated_errors():
            self._passthrough.begin(first_s)
        # A paced container has no time before its first picture.
        self._timestamps.begin(first_s if self._container.is_paced else self._passthrough.origin_s)

    def place(self, pts: int, duration: int) -> int:
        """Return when the next picture is shown in the output, in ticks.

        Args:
            pts: when the source shows it, in units of the source's time_base, or as `GifFrameSelector` sets
                it.
            duration: how long the source shows it, in the same units; 0 if the source does not say.

        Raises:
            BadRequest: the output becomes longer than its container allows.
            EncodeFailed: the picture is too soon for its container.
        """
        times = self._timestamps
        placed = times.place(pts, duration)
        if self._container.is_paced and (times.shortest or SHORTEST) < SHORTEST:
            raise EncodeFailed(f"frame {self.frames - 1} is too soon for a gif: report this as a bug")
        most_s = self._container.max_duration_s
        if most_s is not None and (times.last - times.first) * self._tick > most_s:
            check_limits(
                self._container, quality="high", width=1, height=1, duration_s=float(self.duration_s)
            )
        return placed

    def mux(self, packets: list[Packet[VideoStream]], *, last: bool = False) -> None:
        """Write pictures, and what belongs beside them.

        Args:
            packets: the next packets of `stream`, with pts as `place` returned it.
            last: whether the last of them ends the video.

        Raises:
            EncodeFailed: the muxer failed.
            DiskFull: the disk is full.
        """
        with self.translated_errors():
            for packet in packets:
                ends_track = last and packet is packets[-1] and self._container.has_dts_durations
                self._timestamps.set_duration(packet, ends_track=ends_track)
                if packet.dts is not None:
                    self._passthrough.advance(packet.dts * packet.time_base)
                if self._container.is_paced:
                    self._last_packet = bytes(packet)
                self._output.mux(packet)

    def finish(self) -> None:
        """Copy the rest of the other streams and complete the file.

        Raises:
            EncodeFailed: the muxer failed.
            DiskFull: the disk is full.
        """
        with self.translated_errors():
            self._passthrough.finish(self._timestamps.end_s)
            self._output.close()
            if self._container.is_paced and self.frames > 1:
                set_last_delay(self._path, self._last_packet, self._timestamps.last_duration)
            if self._sphere is not None:
                mark(self._path, self._sphere)

    def comparison(self, *, lost_captions: bool = False) -> Callable[[], list[str]]:
        """Return a function that compares the finished file with the source: `differences`.

        It keeps neither the file nor its encoders alive.

        Args:
            lost_captions: whether pictures had closed captions that the encoder cannot write.
        """
        expected = replace(self._passthrough.expected, lost_captions=lost_captions)
        return partial(differences, self._source, self._path, self._container, expected)

    def compare(self, *, lost_captions: bool = False) -> None:
        """Compare the finished file with the source, for `notes`; see `comparison`."""
        self._differences = self.comparison(lost_captions=lost_captions)()

    @contextmanager
    def translated_errors(self) -> Iterator[None]:
        """Translate the errors of FFmpeg and of the system.

        Raises:
            EncodeFailed: the encoder or the muxer failed.
            DiskFull: the disk is full.
        """
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as exc:
            raise translated(exc, self._path, frames=self.frames) from exc

    def _muxer_options(self) -> dict[str, str]:
        options = {"max_interleave_delta": str(INTERLEAVE_MICROSECONDS), **self._container.muxer_options}
        if self._container.has_edit_lists:
            # Edit lists count in the movie's timescale. At its default, milliseconds, a last picture that is
            # shorter than half of one would be cut off.
            options["movie_timescale"] = str(self._info.time_base.denominator)
        return options


def translated(error: Exception, path: Path, *, frames: int) -> DiskFull | EncodeFailed:
    """Return the error for one that FFmpeg or the system raised while a video was written.

    Args:
        error: what was raised.
        path: the file that was being written.
        frames: how many frames had been written.
    """
    if getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull(f"no space is left in {path.parent}: free some and run again")
    return EncodeFailed(f"the video cannot be written after {frames} frames: {error}")
