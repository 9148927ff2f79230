"""Lists all packets of a video in compact arrays: times, sizes, positions, and which are keyframes.

The file is demuxed once, up to the end of the requested part, and nothing is decoded. Of an MP4 file only the
index is read; FFmpeg does not see its data then, and `read_keyframe_kinds` looks at single keyframes.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

import av.error
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream
from av.video.stream import VideoStream
from numpy.typing import NDArray

from orchestrator.errors import BadMedia
from orchestrator.media.read.demux import main_video, open_source, packets
from orchestrator.media.read.file_bytes import open_bytes
from orchestrator.media.read.index_only import index_only
from orchestrator.media.read.keyframe_kind import HEAD_BYTES, KeyframeKind, keyframe_kind
from orchestrator.media.read.truncation import TruncationChecker
from orchestrator.video_source import VideoSource

UNKNOWN = -1
"""Stands for a position that the demuxer does not tell."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PacketIndex:
    """The packets of the main video of a file, in the order of the file, which is that of decoding.

    It takes 30 bytes a packet.

    Attributes:
        format: FFmpeg's names of the container.
        codec: FFmpeg's name of the codec.
        extradata: the headers of the codec in the container, or None.
        pts: int64 [N], presentation time in units of the video's time_base.
        duration: int64 [N], duration in the same units; 0 if it is not known.
        size: int32 [N], in bytes.
        position: int64 [N], where the packet begins, in bytes from the start of the file; or UNKNOWN.
        kind: int8 [N], which kind of keyframe it is, see `KeyframeKind`.
        shown: bool [N], whether its picture is shown; an edit list hides others, which decoding may need.
        missing_time: whether a packet has no presentation time.
        damaged: whether the container marks a packet as damaged, or part of the file could not be read.
        end_pts: when the last picture ends by the header, in units of time_base; 0 if it is not known.
    """

    format: str
    codec: str
    extradata: bytes | None
    pts: NDArray[np.int64]
    duration: NDArray[np.int64]
    size: NDArray[np.int32]
    position: NDArray[np.int64]
    kind: NDArray[np.int8]
    shown: NDArray[np.bool_]
    missing_time: bool
    damaged: bool
    end_pts: int

    def __len__(self) -> int:
        """Number of packets."""
        return len(self.pts)


class _Packets:
    """Collects packets in arrays."""

    def __init__(self) -> None:
        self.pts, self.duration, self.position = array("q"), array("q"), array("q")
        self.size = array("i")
        self.kind, self.shown = array("b"), array("b")
        self.missing_time = self.damaged = False

    def add(self, packet: Packet[Stream], kind: KeyframeKind) -> None:
        self.missing_time |= packet.pts is None
        self.damaged |= packet.is_corrupt
        self.pts.append(packet.pts or 0)
        self.duration.append(packet.duration or 0)
        self.position.append(UNKNOWN if packet.pos is None else packet.pos)
        self.size.append(packet.size)
        self.kind.append(kind)
        self.shown.append(not packet.is_discard)


def read_packet_index(
    source: VideoSource, *, end_s: Fraction | None = None, whole: bool = False
) -> PacketIndex:
    """Read the packets of the main video of a file.

    Args:
        source: the video.
        end_s: the end of the part that is needed, in seconds on the file's clock; None is the end of the
            file. The second keyframe at or after it is the last packet: pictures that are shown before the
            first one may follow it in the file (an open GOP).
        whole: whether to read the data of an MP4 file, too, so that the kind of every keyframe is known.

    Raises:
        InputNotFound, BadMedia: it cannot be opened as a video, or not read to its end.
    """
    without_data = None if whole else index_only(source)
    found = _Packets()
    with open_source(without_data or source) as container:
        stream = main_video(container, source)
        tick = stream.time_base or Fraction(1, 90_000)
        kind_of = _KindsInFile(stream) if without_data is None else _KindsInIndex(stream)
        checker = TruncationChecker(container, source)
        header_end_s, keyframes_after = Fraction(0), 0
        if without_data is not None:
            without_data.skips_data = True
        try:
            for packet in _read(container, stream):
                checker.watch(packet)
                if packet.stream is not stream or not packet.size:
                    continue
                kind = kind_of(packet)
                found.add(packet, kind)
                keyframes_after += bool(kind and end_s is not None and (packet.pts or 0) * tick >= end_s)
                if keyframes_after == 2:
                    break
            else:
                header_end_s = checker.finish(stream, longest_gap_s=_longest_gap(found.pts) * tick)
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{source} cannot be read to its end: it is damaged, copy it or export it again"
            ) from exc
        return PacketIndex(
            format=container.format.name,
            codec=stream.codec_context.name,
            extradata=stream.codec_context.extradata,
            pts=np.frombuffer(found.pts, np.int64),
            duration=np.frombuffer(found.duration, np.int64),
            size=np.frombuffer(found.size, np.int32),
            position=np.frombuffer(found.position, np.int64),
            kind=np.frombuffer(found.kind, np.int8),
            shown=np.frombuffer(found.shown, np.bool_),
            missing_time=found.missing_time,
            damaged=found.damaged or bool(checker.unread_s),
            end_pts=int(header_end_s / tick),
        )


def read_keyframe_kinds(source: VideoSource, index: PacketIndex, packets: Iterable[int]) -> PacketIndex:
    """Return the index with the kinds of some keyframes that are still UNREAD.

    Args:
        source: the video that the index is of.
        index: its packets.
        packets: indexes of packets.
    """
    unread = sorted({number for number in packets if index.kind[number] == KeyframeKind.UNREAD})
    if not unread:
        return index
    kind = index.kind.copy()
    with open_bytes(source) as file:
        for number in unread:
            head = file.at(int(index.position[number]), min(int(index.size[number]), HEAD_BYTES))
            kind[number] = keyframe_kind(index.codec, head, index.extradata)
    return replace(index, kind=kind)


class _KindsInFile:
    """Tells the kinds of keyframes from their data."""

    def __init__(self, stream: VideoStream) -> None:
        self._codec, self._extradata = stream.codec_context.name, stream.codec_context.extradata

    def __call__(self, packet: Packet[Stream]) -> KeyframeKind:
        if not packet.is_keyframe:
            return KeyframeKind.NONE
        kind = keyframe_kind(self._codec, bytes(memoryview(packet)[:HEAD_BYTES]), self._extradata)
        return kind or KeyframeKind.RECOVERY  # FFmpeg found a recovery point beyond HEAD_BYTES


class _KindsInIndex:
    """Tells the kinds of keyframes from the index of an MP4 file.

    FFmpeg looks at the data of some codecs to tell keyframes, and would be misled without them. In HEVC the
    index has only pictures at which decoding can start (ISO/IEC 14496-15, 8.3.2).
    """

    def __init__(self, stream: VideoStream) -> None:
        places = array("q", (entry.pos for entry in stream.index_entries if entry.is_keyframe))
        self._places = np.sort(np.frombuffer(places, np.int64))
        is_h264 = stream.codec_context.name == "h264"
        self._kind = KeyframeKind.UNREAD if is_h264 else KeyframeKind.EXACT

    def __call__(self, packet: Packet[Stream]) -> KeyframeKind:
        place = int(np.searchsorted(self._places, packet.pos or 0))
        is_keyframe = place < len(self._places) and self._places[place] == packet.pos
        return self._kind if is_keyframe else KeyframeKind.NONE


def _read(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Stream]]:
    """Yield the packets that must be read: of MP4 those of the video, of other formats all."""
    return packets(container, stream) if container.format.name.startswith("mov") else packets(container)


def _longest_gap(pts: array[int]) -> int:
    return int(np.diff(np.sort(np.frombuffer(pts, np.int64))).max(initial=0))
