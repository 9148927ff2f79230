"""The pictures of a video in presentation order, upright, as RGB, each with a time of its own.

One frame comes out for every picture that the source presents. What a decoder cannot decode is replaced by the
picture before it, at its own time, and counted; nothing is skipped. Knows nothing of what happens to the frames.
"""

from __future__ import annotations

import heapq
from typing import TYPE_CHECKING, Self

import av
import av.error
import numpy as np

from orchestrator.errors import BadMedia, UnsupportedMedia
from orchestrator.frames import Frame
from orchestrator.media.colour import ToRgb
from orchestrator.media.source import main_video, open_source

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from types import TracebackType

    from av.packet import Packet

    from orchestrator.frames import Pixels, VideoInfo


class VideoReader:
    """Decodes one video; a context manager.

    Args:
        path: the video that `info` describes.
        info: what `probe` said of it.
        threads: of the decoder and the colour conversion; 0 takes one a core.

    Attributes:
        frames_read: frames yielded so far.
        notes: what a user should know of how the pictures were read; complete after the last frame.
    """

    def __init__(self, path: Path, info: VideoInfo, *, threads: int = 0) -> None:
        self.frames_read = 0
        self._path = path
        self._info = info
        self._container = open_source(path)
        self._stream = main_video(self._container, path)
        self._stream.thread_type = "FRAME"  # type: ignore[assignment]  # the stub names the enum, names work
        self._stream.thread_count = threads
        self._to_rgb = ToRgb(info.colour, threads=threads)
        self._last_pts: int | None = None
        self._last_duration = 0
        self._moved = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file and free the decoder."""
        self._container.close()

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that was not as it should be."""
        notes = []
        if self._moved:
            notes.append(
                f"{self._moved} frames had no time, or one not after the frame before; they were moved after it"
            )
        return notes

    def frames(self) -> Iterator[Frame]:
        """Yield every frame, in presentation order, with strictly increasing pts.

        Raises:
            BadMedia: the file ends before it should, or nothing in it can be decoded.
            UnsupportedMedia: the size of the picture changes within the video.
        """
        try:
            for packet in self._container.demux(self._stream):
                for decoded in packet.decode():
                    yield self._frame(decoded)
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{self._path} cannot be decoded after {self.frames_read} frames: it is damaged"
            ) from exc
        if not self.frames_read:
            raise BadMedia(f"{self._path}: no picture of it can be decoded: copy or export it again")

    def _frame(self, decoded: av.VideoFrame) -> Frame:
        pixels = upright(self._to_rgb(decoded), self._info)
        if pixels.shape != (self._info.height, self._info.width, 3):
            raise UnsupportedMedia(
                f"{self._path}: the picture changes from {self._info.width}x{self._info.height} to "
                f"{pixels.shape[1]}x{pixels.shape[0]} after {self.frames_read} frames: split the video there"
            )
        pts = decoded.pts if decoded.pts is not None else decoded.dts
        if self._last_pts is not None and (pts is None or pts <= self._last_pts):
            pts = self._last_pts + max(self._last_duration if pts is None else 1, 1)
            self._moved += 1
        self._last_pts = pts if pts is not None else 0
        self._last_duration = decoded.duration
        frame = Frame(index=self.frames_read, pts=self._last_pts, pixels=pixels, duration=decoded.duration)
        self.frames_read += 1
        return frame


def upright(pixels: Pixels, info: VideoInfo) -> Pixels:
    """Mirror and turn a coded picture, uint8 [h, w, 3], as `info` says; the result is contiguous."""
    if info.mirrored:
        pixels = pixels[:, ::-1]
    return np.ascontiguousarray(np.rot90(pixels, info.rotation // 90))
