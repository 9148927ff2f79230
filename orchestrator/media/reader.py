"""The pictures of a video in presentation order, upright, as RGB, each at its own time; letterboxed if asked.

As many frames come out as the container presents. A picture that cannot be decoded is replaced by the one
before it, at its own time, and counted; nothing is skipped.

Knows nothing of what happens to the frames.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Self, cast

import av
import av.error
import numpy as np
from av.codec.context import Flags

from orchestrator.errors import BadMedia, UnsupportedMedia
from orchestrator.frames import PADDING_LEVEL, Frame
from orchestrator.media.colour import ToRgb
from orchestrator.media.integrity import Integrity
from orchestrator.media.source import main_video, open_source, packets
from orchestrator.media.timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from fractions import Fraction
    from pathlib import Path
    from types import TracebackType

    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

    from orchestrator.frames import Letterbox, Pixels, VideoInfo

MAX_LOST_S = 5
"""A longer stretch in which no picture can be decoded is an error, not a still picture."""

MAX_GAP_S = 6 * 3600
"""A longer time between two pictures is a damaged clock; MP4 holds up to 2**31 ticks of 90 kHz, 6.6 hours."""


class VideoReader:
    """Decodes one video; a context manager.

    Args:
        path: the video that `info` describes.
        info: what `probe` said of it.
        threads: of the decoder and of the colour conversion; 0 takes one a core.
        letterbox: where each picture is to lie, made for a picture of the video's size; frames are the
            letterboxed pictures then. None leaves them as large as they are.

    Attributes:
        frames_read: frames yielded so far.
    """

    def __init__(
        self, path: Path, info: VideoInfo, *, threads: int = 0, letterbox: Letterbox | None = None
    ) -> None:
        self.frames_read = 0
        self._path = path
        self._info = info
        self._threads = threads
        self._letterbox = letterbox
        coded = None
        if letterbox is not None:
            coded = _turned((letterbox.inner_width, letterbox.inner_height), info.rotation)
        self._to_rgb = ToRgb(info.colour, threads=threads, size=coded)
        self._container, self._stream = self._open(threads)
        self._timeline = Timeline(self._container, self._stream)
        self._integrity = Integrity(self._container, path)
        self._last: Frame | None = None  # its pixels are shown again where a picture is lost
        self._longest_gap = 0
        self._lost = self._damaged = self._moved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._container.close()

    @property
    def notes(self) -> list[str]:
        """One sentence for each way in which the source was not whole; complete after the last frame."""
        notes = []
        if self._lost:
            notes.append(
                f"{_count(self._lost)} of the source could not be decoded: the one before is shown again"
            )
        if self._damaged:
            notes.append(f"{_count(self._damaged)} of the source may be damaged: the decoder patched them up")
        if self._integrity.unread_s:
            places = ", ".join(_at(moment_s) for moment_s in self._integrity.unread_s[:3])
            notes.append(f"the source is damaged before {places}: pictures may be missing there")
        if self._moved:
            notes.append(
                f"{_count(self._moved)} of the source had no usable time: put right after the one before"
            )
        return notes

    def frames(self) -> Generator[Frame, None, None]:
        """Yield every frame, in presentation order, with strictly increasing pts. Can be used once.

        A picture without a pts gets the last one's plus its duration; one whose pts is not after the last
        one's gets that plus one tick. Memory does not grow with the length of the video.

        Raises:
            BadMedia: the file ends before it says it does, or cannot be read to its end, or nothing in it, or
                nothing in a stretch of MAX_LOST_S seconds, can be decoded, or its clock jumps by MAX_GAP_S.
            UnsupportedMedia: the size of the picture changes within the video.
        """
        for decoded in self._decode():
            yield from self._present(decoded)
        if self._last is None:
            raise BadMedia(f"{self._path}: no picture of it can be decoded: copy or export it again")
        yield from self._repeat(self._timeline.lost_between(self._last.pts, None), self._last.pixels)
        self._integrity.refuse_early_end(longest_gap_s=self._longest_gap * self._info.time_base)

    def _open(self, threads: int) -> tuple[InputContainer, VideoStream]:
        container = open_source(self._path)
        stream = main_video(container, self._path)
        stream.thread_type = "FRAME"
        stream.thread_count = threads
        # Without it H.264 keeps pictures back until the next keyframe once a reference is lost.
        stream.codec_context.flags |= Flags.output_corrupt
        return container, stream

    def _decode(self) -> Iterator[av.VideoFrame]:
        try:
            # All streams are demuxed: where any of them ends tells whether the file is whole.
            for packet in packets(self._container):
                self._integrity.watch(packet)
                if packet.stream is not self._stream:
                    continue
                video = cast("Packet[VideoStream]", packet)
                self._timeline.expect(video)
                self._damaged += video.is_corrupt
                try:
                    yield from video.decode()
                except av.error.FFmpegError:
                    self._timeline.failures += 1
                    if not video.size:
                        yield from self._decode_tail()
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{self._path} cannot be read past {_at(self._integrity.end_s)}: it is damaged, copy it or "
                "export it again"
            ) from exc

    def _decode_tail(self) -> Iterator[av.VideoFrame]:
        """Decode again, on one thread, what PyAV loses when draining several threads raises an error."""
        if self._last is None:
            return
        container, stream = self._open(1)
        with container:
            container.seek(self._last.pts, stream=stream)
            for packet in packets(container, stream):
                try:
                    for decoded in cast("Packet[VideoStream]", packet).decode():
                        if decoded.pts is not None and decoded.pts > self._last.pts:
                            yield decoded
                except av.error.FFmpegError:
                    continue

    def _present(self, decoded: av.VideoFrame) -> Iterator[Frame]:
        pixels = self._picture(decoded)
        pts = self._timeline.time_of(decoded)
        if pts is not None:
            last = self._last
            lost = self._timeline.lost_between(last.pts if last else None, pts)
            yield from self._repeat(lost, last.pixels if last else pixels)
            if pts in self._timeline.given_up:
                return  # too late: its place is taken
        self._damaged += decoded.is_corrupt
        if self._last is not None and (pts is None or pts <= self._last.pts):
            pts = self._last.pts + max(self._last.duration if pts is None else 1, 1)
            self._moved += 1
        yield self._next(
            Frame(index=self.frames_read, pts=pts or 0, pixels=pixels, duration=decoded.duration)
        )

    def _repeat(self, lost: list[int], pixels: Pixels) -> Iterator[Frame]:
        """Show `pixels` at the times of pictures that could not be decoded."""
        tick = self._info.time_base
        if lost and (lost[-1] - lost[0]) * tick > MAX_LOST_S:
            raise BadMedia(
                f"{self._path} is damaged: from {_at(lost[0] * tick)} to {_at(lost[-1] * tick)} no picture "
                "can be decoded, copy or export it again"
            )
        for pts in lost:
            self._lost += 1
            yield self._next(Frame(index=self.frames_read, pts=pts, pixels=pixels))

    def _next(self, frame: Frame) -> Frame:
        if self._last is not None:
            self._longest_gap = max(self._longest_gap, frame.pts - self._last.pts)
            if self._longest_gap * self._info.time_base > MAX_GAP_S:
                moment = _at(self._last.pts * self._info.time_base)
                raise BadMedia(f"{self._path} is damaged: its clock jumps after {moment}, export it again")
        self._last = frame
        self.frames_read += 1
        return frame

    def _picture(self, decoded: av.VideoFrame) -> Pixels:
        info = self._info
        width, height = _turned((decoded.width, decoded.height), info.rotation)
        if (width, height) != (info.width, info.height):
            raise UnsupportedMedia(
                f"{self._path}: the picture changes from {info.width}x{info.height} to "
                f"{width}x{height} after {self.frames_read} frames: split the video there first"
            )
        pixels = upright(self._to_rgb(decoded), rotation=info.rotation, mirrored=info.mirrored)
        if self._letterbox is None:
            return np.ascontiguousarray(pixels)
        return padded(pixels, self._letterbox)


def upright(pixels: Pixels, *, rotation: int, mirrored: bool) -> Pixels:
    """Mirror a coded picture left to right if so, then turn it.

    Args:
        pixels: uint8 [h, w, 3].
        rotation: degrees counter-clockwise, a multiple of 90.
        mirrored: whether to mirror.

    Returns:
        uint8 [H, W, 3], a view.
    """
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.rot90(pixels, rotation // 90)


def padded(pixels: Pixels, letterbox: Letterbox) -> Pixels:
    """Put a scaled picture into its letterbox.

    Args:
        pixels: uint8 [inner_height, inner_width, 3].
        letterbox: where in it they lie.

    Returns:
        uint8 [height, width, 3], contiguous and fresh.
    """
    whole = np.full((letterbox.height, letterbox.width, 3), PADDING_LEVEL, np.uint8)
    rows = slice(letterbox.top, letterbox.top + letterbox.inner_height)
    whole[rows, letterbox.left : letterbox.left + letterbox.inner_width] = pixels
    return whole


def _turned(size: tuple[int, int], rotation: int) -> tuple[int, int]:
    """Return width and height of a picture before or after it is turned."""
    return size[::-1] if rotation % 180 else size


def _at(moment_s: Fraction) -> str:
    return f"{float(moment_s):.2f} s"


def _count(pictures: int) -> str:
    return "1 picture" if pictures == 1 else f"{pictures} pictures"
