"""Writes the pictures of one segment of a film as an mp4 without sound, which browsers can play."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import av
import av.codec
import av.error
import numpy as np
from av.packet import Packet
from av.video.stream import VideoStream

from orchestrator.errors import EncodeFailed
from orchestrator.frames import Frame, VideoInfo
from orchestrator.media.write.output_file import translated
from orchestrator.media.write.output_timestamps import OutputTimestamps
from orchestrator.media.write.picture_encoder import PictureEncoder
from orchestrator.media_containers import MP4

REPEATED_AT_END = {"libx264": 2}
"""How many more times the last picture is encoded, by encoder; these packets are dropped.

x264 gives a picture bits by how much later ones refer to it (its macroblock tree). It sees nothing after the
last picture of a piece, and would give too few bits to those before it (docs/film.md has the figures).
"""


class PieceWriter:
    """Writes one piece; a context manager. The file at `path` is complete only after `finish` has returned.

    Its times are those of the source less that of its first picture, in the source's time_base.

    Args:
        path: file to write; an existing one is overwritten.
        encoder: encodes its pictures.
        info: describes the source.
        planned_frames: how many frames will be written.

    Attributes:
        frames: number of frames written.

    Raises:
        EncodeFailed: the encoder or the muxer does not start.
        DiskFull: the disk is full.
    """

    def __init__(self, path: Path, *, encoder: PictureEncoder, info: VideoInfo, planned_frames: int) -> None:
        self.frames = 0
        self._planned_frames = planned_frames
        self._last_pts = 0
        self._held: Packet[VideoStream] | None = None
        self._path, self._encoder, self._info = path, encoder, info
        self._timestamps = OutputTimestamps(info, info.time_base)
        self._pts: list[int] = []  # in the order of decoding
        self._starts_with_key = False
        ticks_per_s = str(info.time_base.denominator)
        with self._translated():
            self._output = av.open(
                f"file:{path}",
                "w",
                format=MP4.muxer,
                container_options={
                    **MP4.muxer_options,
                    "movie_timescale": ticks_per_s,
                    "video_track_timescale": ticks_per_s,
                },
            )
            encoder.add_to(self._output)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(av.error.FFmpegError, OSError):
            self._output.close()

    @property
    def reorder(self) -> int:
        """By how many pictures decoding must run ahead of presentation; complete after `finish`."""
        ranks = np.argsort(np.argsort(np.array(self._pts, np.int64)))
        return int((np.arange(len(ranks)) - ranks).max(initial=0))

    def write(self, frame: Frame[Any]) -> None:
        """Encode one frame, the next in order of presentation.

        Raises:
            EncodeFailed: the picture has the wrong size, or the encoder or the muxer failed.
            DiskFull: the disk is full.
        """
        self._encoder.check_size(frame)
        if not self.frames:
            self._timestamps.begin(frame.pts * self._info.time_base)
        pts = self._timestamps.place(frame.pts, frame.duration)
        self.frames += 1
        is_last = 1 < self.frames == self._planned_frames
        repeats = REPEATED_AT_END.get(self._encoder.encoder, 0) if is_last else 0
        self._last_pts = pts
        with self._translated():
            self._take(self._encoder.encode(frame, pts, refers_back=repeats > 0))
            for number in range(1, repeats + 1):
                after = pts + number * max(frame.duration, 1)
                self._take(self._encoder.encode(replace(frame, captions=b""), after))

    def finish(self) -> None:
        """Flush the encoder and complete the file.

        Raises:
            EncodeFailed: the encoder or the muxer failed or dropped a frame, or the first picture refers to
                others.
            DiskFull: the disk is full.
        """
        with self._translated():
            self._take(self._encoder.flush())
            self._mux_held(ends_track=True)
            self._output.close()
        if len(self._pts) != self.frames:
            raise EncodeFailed(
                f"{self._encoder.encoder} made {len(self._pts)} pictures of {self.frames}: nothing was kept, "
                "try again"
            )
        if not self._starts_with_key or self._pts[0] != min(self._pts):
            raise EncodeFailed(
                f"{self._encoder.encoder} began with a picture that cannot be decoded on its own: please "
                "report it"
            )

    def _take(self, packets: list[Packet[VideoStream]]) -> None:
        """Mux packets, except the last one so far, and drop those of the repeated last picture."""
        for packet in packets:
            if packet.pts is None:
                raise EncodeFailed(f"{self._encoder.encoder} gave a picture no time: please report it")
            if self.frames == self._planned_frames and packet.pts > self._last_pts:
                continue
            if not self._pts:
                self._starts_with_key = packet.is_keyframe
            self._pts.append(packet.pts)
            self._mux_held(ends_track=False)
            self._held = packet

    def _mux_held(self, *, ends_track: bool) -> None:
        if self._held is not None:
            self._timestamps.set_duration(self._held, ends_track=ends_track)
            self._output.mux(self._held)

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (av.error.FFmpegError, OSError, ValueError) as exc:
            raise translated(exc, self._path, frames=self.frames) from exc


def headers_sha256(path: Path) -> str:
    """Return the SHA-256 of the codec's headers in a finished piece, 64 lowercase hexadecimal digits.

    Raises:
        EncodeFailed: the file cannot be read.
    """
    try:
        with av.open(f"file:{path}", "r", format=MP4.muxer) as container:
            return hashlib.sha256(container.streams.video[0].codec_context.extradata or b"").hexdigest()
    except (av.error.FFmpegError, OSError, IndexError) as exc:
        raise EncodeFailed(f"the piece {path} cannot be read back: {exc}") from exc


def has_encoder(name: str) -> bool:
    """Return whether FFmpeg has an encoder of this name here."""
    try:
        return bool(av.codec.Codec(name, "w").name)
    except ValueError:
        return False
