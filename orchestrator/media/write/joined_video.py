"""Joins the pieces of a film into one video, packet by packet; no picture is decoded.

Times come from the film, not from the pieces. The pictures of a film are stored in order of decoding, and a
picture is decoded before pictures that are shown earlier by at most `reorder` places. So the n-th packet is
decoded when the picture `reorder` places before it is shown, and the first `reorder` packets are decoded
earlier by the time that as many pictures take. x264 makes decoding times in the same way.
"""

from __future__ import annotations

import hashlib
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Self, cast

import av.error
import numpy as np
from av.container import OutputContainer
from av.packet import Packet
from av.video.stream import VideoStream
from numpy.typing import NDArray

from orchestrator.errors import EncodeFailed, PieceDamaged, WorkerError
from orchestrator.frames import VideoInfo
from orchestrator.media.read.demux import main_video, packets
from orchestrator.media.write.output_file import OutputFile
from orchestrator.media.write.readback import open_written
from orchestrator.media_containers import MediaContainer
from orchestrator.video_source import VideoSource


@dataclass(frozen=True, kw_only=True)
class PieceFormat:
    """What all pieces of a film share.

    Attributes:
        width, height: size of the pictures, in pixels.
        headers: the headers of the codec (SPS, PPS and the like), as the piece stores them.
    """

    width: int
    height: int
    headers: bytes


def read_format(piece: Path, number: int) -> PieceFormat:
    """Return the format of a piece.

    Raises:
        PieceDamaged: it cannot be opened, or has no video.
    """
    with _opened(piece, number) as stream:
        return _format(stream)


class JoinedVideoWriter:
    """Writes a video from pieces; a context manager. The file is complete only after `finish` has returned.

    Args:
        path: file to write; an existing one is overwritten.
        first_piece: the first piece, which gives the format of all. It must exist only now.
        source: video whose audio, subtitles, chapters and metadata are copied.
        info: describes the output, but for its size; see `VideoWriter`.
        container: container of the output.
        sample_aspect_ratio: width : height of a pixel, as stored.
        tag: four-letter code of the codec for the container, or None for FFmpeg's choice.
        pts: int64 [N], when the source shows each picture, rising, in units of its time_base.
        last_duration: how long it shows the last one, in the same units; 0 if it does not say.
        reorder: the most places by which the order of decoding differs from that of presentation.
        start_s, end_s: the part of the source that the pictures show, as for `VideoReader`.

    Attributes:
        format: the format of all pieces.
        first: when the first picture is shown in the output, in ticks; known after the first `append`.

    Raises:
        PieceDamaged: the piece cannot be opened.
        EncodeFailed: the muxer does not start.
        DiskFull: the disk is full.
    """

    def __init__(
        self,
        path: Path,
        *,
        first_piece: Path,
        source: VideoSource,
        info: VideoInfo,
        container: MediaContainer,
        sample_aspect_ratio: Fraction,
        tag: str | None,
        pts: NDArray[np.int64],
        last_duration: int,
        reorder: int,
        start_s: Fraction | None = None,
        end_s: Fraction | None = None,
    ) -> None:
        self._pts, self._info = pts, info
        self._durations = np.append(np.diff(pts), last_duration)
        self._reorder = min(reorder, len(pts) - 1)
        self._digest = hashlib.sha256()
        self._packets = self.first = 0
        self._placed: NDArray[np.int64] = np.zeros(0, np.int64)
        with _opened(first_piece, 0) as template:
            self.format = _format(template)

            def add_video(output: OutputContainer) -> VideoStream:
                return _add_copy(
                    output,
                    template,
                    time_base=info.time_base,
                    rate=info.average_rate or Fraction(25),
                    sample_aspect_ratio=sample_aspect_ratio,
                    tag=tag,
                )

            self._file = OutputFile(
                path,
                source=source,
                info=info,
                container=container,
                tick=info.time_base,
                add_video=add_video,
                start_s=start_s,
                end_s=end_s,
            )
        try:
            self._file.begin(int(pts[0]) * info.time_base)
        except BaseException:
            self._file.__exit__()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._file.__exit__(*exc)

    @property
    def frames(self) -> int:
        """Number of pictures written."""
        return self._packets

    @property
    def duration_s(self) -> Fraction:
        """From the start of the first picture to the end of the last, in seconds."""
        return self._file.duration_s

    @property
    def digest(self) -> str:
        """The SHA-256 of all packets so far, one after the other, as `readback` finds them in the file."""
        return self._digest.hexdigest()

    @property
    def notes(self) -> list[str]:
        """One sentence for each difference from the source; complete after `finish`."""
        return self._file.notes

    def append(self, piece: Path, number: int, frames: int) -> None:
        """Write the pictures of the next piece.

        Args:
            piece: the piece, a video whose first picture is shown at 0.
            number: its number, for messages.
            frames: how many pictures it should have.

        Raises:
            PieceDamaged: it has another format, or pictures at other times than the film.
            EncodeFailed: the muxer failed.
            DiskFull: the disk is full.
        """
        begin = self._packets
        times = self._pts[begin : begin + frames]
        placed = [
            self._file.place(int(pts), int(duration))
            for pts, duration in zip(times, self._durations[begin : begin + frames], strict=True)
        ]
        dts = self._decoding_times(np.array(placed, np.int64))
        self.first = self.first if begin else placed[0]
        unseen = np.ones(frames, np.bool_)
        with _opened(piece, number) as stream:
            if _format(stream) != self.format:
                raise _damaged(number, "has other headers than the first piece")
            for count, packet in enumerate(_read(stream, number)):
                place = _place(packet, times, self._info.time_base)
                if place is None or not unseen[place]:
                    raise _damaged(number, "has a picture at a time at which the film has none")
                if count == 0 and not packet.is_keyframe:
                    raise _damaged(number, "does not begin with a keyframe")
                if dts[count] > placed[place]:
                    raise _damaged(number, f"reorders its pictures by more than {self._reorder} places")
                unseen[place] = False
                self._write(packet, pts=placed[place], dts=int(dts[count]))
        if unseen.any():
            raise _damaged(number, f"has {frames - int(unseen.sum())} pictures, not {frames}")

    def finish(self) -> None:
        """Copy the rest of the other streams, complete the file and compare it with the source.

        Raises:
            EncodeFailed: pieces are missing, or the muxer failed.
            DiskFull: the disk is full.
        """
        if self._packets != len(self._pts):
            raise EncodeFailed(f"{self._packets} pictures of {len(self._pts)} were written: report this")
        self._file.finish()
        self._file.compare()

    def _decoding_times(self, placed: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return when the packets of a piece are decoded, int64 [N], in order.

        Args:
            placed: int64 [N], when its pictures are shown in the output.
        """
        reorder, known = self._reorder, self._placed
        if not self._packets:
            origin = int(placed[0] - self._pts[0])
            delay = int(self._pts[reorder] - self._pts[0])
            known = self._pts[:reorder] + origin - delay
        times = np.concatenate([known, placed])
        self._placed = times[len(times) - reorder :]
        return times[: len(placed)]

    def _write(self, packet: Packet[VideoStream], *, pts: int, dts: int) -> None:
        self._digest.update(memoryview(packet))
        packet.stream = self._file.stream
        packet.time_base = self._info.time_base
        packet.pts, packet.dts = pts, dts
        self._packets += 1
        self._file.mux([packet], last=self._packets == len(self._pts))


def _add_copy(
    output: OutputContainer,
    template: VideoStream,
    *,
    time_base: Fraction,
    rate: Fraction,
    sample_aspect_ratio: Fraction,
    tag: str | None,
) -> VideoStream:
    """Add a stream for packets that are encoded as those of `template`."""
    stream = output.add_stream_from_template(template, opaque=True)
    context = stream.codec_context
    stream.time_base = time_base
    stream.rate = rate
    context.sample_aspect_ratio = sample_aspect_ratio
    context.bit_rate = 0  # that of one piece is not that of the film
    if tag is not None:
        context.codec_tag = tag
    return stream


@contextmanager
def _opened(piece: Path, number: int) -> Generator[VideoStream, None, None]:
    """Open a piece, and yield its video; see `read_format` for what it raises."""
    try:
        container = open_written(piece)
    except (av.error.FFmpegError, OSError, ValueError) as exc:
        raise _damaged(number, "cannot be opened") from exc
    with container:
        try:
            stream = main_video(container, piece)
        except WorkerError as exc:
            raise _damaged(number, "holds no video") from exc
        yield stream


def _read(stream: VideoStream, number: int) -> Generator[Packet[VideoStream], None, None]:
    """Yield the packets of a piece, in order of decoding."""
    try:
        for packet in packets(cast("av.container.InputContainer", stream.container), stream):
            if packet.size:
                yield cast("Packet[VideoStream]", packet)
    except av.error.FFmpegError as exc:
        raise _damaged(number, "cannot be read to its end") from exc


def _format(stream: VideoStream) -> PieceFormat:
    context = stream.codec_context
    return PieceFormat(width=context.width, height=context.height, headers=context.extradata or b"")


def _place(packet: Packet[VideoStream], times: NDArray[np.int64], time_base: Fraction) -> int | None:
    """Return the index of the picture of a packet among those of its piece; None if there is none.

    Args:
        packet: a packet of the piece, whose times count from its first picture.
        times: int64 [N], when the source shows the pictures of the piece.
        time_base: unit of `times`, in seconds.
    """
    if packet.pts is None or packet.is_discard:
        return None
    ticks = packet.pts * packet.time_base / time_base
    if ticks.denominator != 1 or not 0 <= ticks <= times[-1] - times[0]:
        return None
    wanted = times[0] + ticks.numerator
    place = int(np.searchsorted(times, wanted))
    return place if times[place] == wanted else None


def _damaged(number: int, what: str) -> PieceDamaged:
    return PieceDamaged(f"piece {number} {what}: make that segment again", piece=number)
