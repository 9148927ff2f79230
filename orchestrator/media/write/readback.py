"""Reads a finished output back, as a player would.

Packets are counted once, without decoding. Pictures are then decoded at the requested times, each from the
keyframe before it; pictures in between are skipped if no other picture refers to them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Self, cast

import av
import av.error
from av.audio.stream import AudioStream
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard
from av.video.stream import VideoStream

from orchestrator.errors import OutputCheckFailed, WorkerError
from orchestrator.frames import Pixels
from orchestrator.media.colour import frame_to_rgb as colour
from orchestrator.media.read.demux import main_video, packets
from orchestrator.media.read.file_contents import Source
from orchestrator.media_containers import CONTAINERS

KEYFRAMES_APART_S = 1
"""Shortest distance of the keyframes that are remembered: a day of video has less than 100,000 of them."""


class OutputReader:
    """Reads one file that was just written; a context manager.

    Args:
        path: finished file.

    Attributes:
        width, height: size of the picture as coded, in pixels.
        frames: number of pictures that are shown.
        first_s: when the first picture is shown, in seconds.
        end_s: when the last picture ends, in seconds.
        tick_s: unit of the file's times, in seconds.

    Raises:
        OutputCheckFailed: the file cannot be read, or holds no picture.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._translated():
            self._container, self._stream = self._open()
        try:
            with self._translated():
                self._count()
        except BaseException:
            self._container.close()
            raise
        self._to_rgb: dict[tuple[int, int], colour.RgbConverter] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def sound_s(self) -> Fraction | None:
        """Return when the first audio sample is heard, in seconds; None without audio."""
        if not self._container.streams.audio:
            return None
        with self._translated():
            return first_heard_s(self._path, open_headers)

    def pictures(
        self,
        windows: Sequence[tuple[Fraction, Fraction]],
        sizes: Sequence[tuple[int, int]] | None = None,
    ) -> Generator[tuple[int, Fraction, Pixels], None, None]:
        """Yield the pictures that begin in each window.

        Args:
            windows: start and end in seconds on the clock of the file, both included; in order.
            sizes: width and height of the pictures of each window, at most the coded size; None keeps the
                coded size. Scaling before the conversion to RGB takes much less time.

        Yields:
            The number of the window, the time in seconds, and the picture: uint8 [H, W, 3] RGB, full range.

        Raises:
            OutputCheckFailed: the file cannot be read or decoded.
        """
        tick = self.tick_s
        spans = [(math.ceil(start_s / tick), math.floor(end_s / tick)) for start_s, end_s in windows]
        decoded: Iterator[av.VideoFrame] = iter(())
        frame: av.VideoFrame | None = None
        passed = math.inf  # time of the last picture that was skipped or yielded
        for number, (start, end) in enumerate(spans):
            key = max((pts for pts in self._keys if pts <= start), default=self._keys[0])
            if frame is None or _pts(frame) < key or passed >= start:
                decoded = self._decode(key, spans)
                frame, passed = next(decoded, None), -math.inf
            while frame is not None and _pts(frame) <= end:
                if _pts(frame) >= start:
                    pixels = self._pixels(frame, sizes[number] if sizes else (frame.width, frame.height))
                    yield number, _pts(frame) * tick, pixels
                passed = _pts(frame)
                frame = next(decoded, None)

    def _open(self) -> tuple[InputContainer, VideoStream]:
        container = open_written(self._path)
        try:
            stream = main_video(container, self._path)
        except WorkerError:
            container.close()
            raise
        stream.codec_context.options = {}
        stream.thread_type = "FRAME"
        stream.thread_count = 0  # one per core
        for other in container.streams:
            if other.index != stream.index:
                other.discard = Discard.all
        return container, stream

    def _count(self) -> None:
        stream = self._stream
        context = stream.codec_context
        self.width, self.height = context.width, context.height
        self.tick_s = cast("Fraction", stream.time_base)
        self.frames = 0
        demuxer = self._container.format.name.split(",")[0]
        written = next(row for row in CONTAINERS if row.demuxer == demuxer)
        self._can_seek = written.has_keyframes
        apart = KEYFRAMES_APART_S / self.tick_s
        self._keys: list[int] = []
        first = last = last_duration = 0
        for packet in packets(self._container, stream):
            if not packet.size or packet.is_discard or packet.pts is None:
                continue
            self.frames += 1
            first = packet.pts if self.frames == 1 else min(first, packet.pts)
            if self.frames == 1 or packet.pts > last:
                last, last_duration = packet.pts, packet.duration or 0
            is_key = packet.is_keyframe and written.has_keyframes
            if not self._keys or (is_key and packet.pts - self._keys[-1] >= apart):
                self._keys.append(packet.pts)
        if not self.frames:
            raise OutputCheckFailed("the output holds no picture; nothing was kept, please report it")
        if written.has_dts_durations and stream.duration is not None:
            # Durations are differences of decoding times, so only their sum counts.
            last, last_duration = first, stream.duration
        self.first_s, self.end_s = first * self.tick_s, (last + last_duration) * self.tick_s

    def _decode(self, key: int, spans: list[tuple[int, int]]) -> Iterator[av.VideoFrame]:
        """Decode from a keyframe on; outside of all spans, only pictures that others refer to."""
        with self._translated():
            for packet in self._packets_from(key):
                pts = packet.pts
                inside = pts is None or any(start <= pts <= end for start, end in spans)
                self._stream.codec_context.skip_frame = "DEFAULT" if inside else "NONREF"
                yield from (frame for frame in packet.decode() if frame.pts is not None)

    def _packets_from(self, key: int) -> Iterator[Packet[VideoStream]]:
        if self._can_seek:
            self._container.seek(key, stream=self._stream)
            read = packets(self._container, self._stream)
            head = next(read)
            if head.is_keyframe and head.pts is not None and head.pts <= key:
                return cast("Iterator[Packet[VideoStream]]", chain([head], read))
        self._container.close()
        self._container, self._stream = self._open()
        return cast("Iterator[Packet[VideoStream]]", packets(self._container, self._stream))

    def _pixels(self, frame: av.VideoFrame, size: tuple[int, int]) -> Pixels:
        if size not in self._to_rgb:
            resolved = colour.resolve_colour(frame)
            smaller = None if size == (frame.width, frame.height) else size
            self._to_rgb[size] = colour.RgbConverter(resolved, threads=0, size=smaller)
        return self._to_rgb[size](frame)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except OutputCheckFailed:
            raise
        except (av.error.FFmpegError, OSError, ValueError, WorkerError) as exc:
            raise OutputCheckFailed(
                f"the output cannot be played back ({exc}); nothing was kept, run it again"
            ) from exc


def open_written(path: Path) -> InputContainer:
    """Open a file that was just written. Its first picture is decoded to describe its streams completely.

    Raises:
        av.error.FFmpegError, OSError: it cannot be opened.
    """
    return _open(path)


def open_headers(path: Path) -> InputContainer:
    """Open a file that was just written, without decoding any picture: 0.2 s less for a picture of 8K.

    The pixel format of its video is unknown until a picture is decoded, and so is how many pictures a decoder
    has to hold back, if the stream does not say so.

    Raises:
        av.error.FFmpegError, OSError: it cannot be opened.
    """
    container = _open(path, {"skip_frame": "all"})
    for stream in container.streams.video:
        stream.codec_context.options = {}  # the option was for opening the file
    return container


def _open(path: Path, options: dict[str, str] | None = None) -> InputContainer:
    demuxers = ",".join({row.demuxer: None for row in CONTAINERS})
    return av.open(
        f"file:{path.resolve()}",
        "r",
        options=options,
        container_options={"format_whitelist": demuxers, "protocol_whitelist": "file"},
        metadata_errors="surrogateescape",
    )


def first_heard_s(path: Source, opened: Callable[[Source], InputContainer]) -> Fraction | None:
    """Return when the first sample of a file's first audio stream is heard, in seconds on the file's clock.

    Edit lists, samples to be skipped and start times are taken into account. None without audio, or if none
    of it can be decoded. The file is opened by `opened`: `open_source` or `open_headers`.
    """
    with opened(path) as container:
        audio = container.streams.audio
        for packet in packets(container, audio[0]) if audio else ():
            with suppress(av.error.FFmpegError):
                for frame in cast("Packet[AudioStream]", packet).decode():
                    if frame.pts is not None and frame.time_base is not None:
                        return frame.pts * frame.time_base
    return None


def _pts(frame: av.VideoFrame) -> int:
    return cast("int", frame.pts)
