"""Lists all packets of a video in compact arrays: times, sizes, positions, and which are keyframes.

The file is demuxed once, up to the end of the requested part, and nothing is decoded.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass
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
from orchestrator.media.read.keyframe_kind import starts_decoding
from orchestrator.media.read.truncation import TruncationChecker
from orchestrator.video_source import VideoSource

HEAD_BYTES = 4096
"""How much of a keyframe is examined. What stands before its first slice (parameter sets, messages) is
shorter."""

UNKNOWN = -1
"""Stands for a position that the demuxer does not tell."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PacketIndex:
    """The packets of the main video of a file, in the order of the file, which is that of decoding.

    It takes 30 bytes a packet.

    Attributes:
        format: FFmpeg's names of the container.
        codec: FFmpeg's name of the codec.
        pts: int64 [N], presentation time in units of the video's time_base.
        duration: int64 [N], duration in the same units; 0 if it is not known.
        size: int32 [N], in bytes.
        position: int64 [N], where the packet begins, in bytes from the start of the file; or UNKNOWN.
        keyframe: bool [N], whether the container calls it a keyframe.
        clean: bool [N], whether it is a keyframe from which all pictures that are shown after it can be
            decoded: see `starts_decoding`.
        shown: bool [N], whether its picture is shown; an edit list hides others, which decoding may need.
        missing_time: whether a packet has no presentation time.
        damaged: whether the container marks a packet as damaged, or part of the file could not be read.
        stays: when the last picture ends by the header, in units of time_base; 0 if it is not known.
    """

    format: str
    codec: str
    pts: NDArray[np.int64]
    duration: NDArray[np.int64]
    size: NDArray[np.int32]
    position: NDArray[np.int64]
    keyframe: NDArray[np.bool_]
    clean: NDArray[np.bool_]
    shown: NDArray[np.bool_]
    missing_time: bool
    damaged: bool
    stays: int

    def __len__(self) -> int:
        """Number of packets."""
        return len(self.pts)


class _Packets:
    """Collects packets in arrays."""

    def __init__(self) -> None:
        self.pts, self.duration, self.position = array("q"), array("q"), array("q")
        self.size = array("i")
        self.keyframe, self.clean, self.shown = array("b"), array("b"), array("b")
        self.missing_time = self.damaged = False

    def add(self, packet: Packet[Stream], *, codec: str, extradata: bytes | None) -> None:
        if packet.pts is None:
            self.missing_time = True
        clean = packet.is_keyframe and starts_decoding(
            codec, bytes(memoryview(packet)[:HEAD_BYTES]), extradata
        )
        self.pts.append(packet.pts or 0)
        self.duration.append(packet.duration or 0)
        self.position.append(UNKNOWN if packet.pos is None else packet.pos)
        self.size.append(packet.size)
        self.keyframe.append(packet.is_keyframe)
        self.clean.append(clean)
        self.shown.append(not packet.is_discard)
        self.damaged |= packet.is_corrupt


def read_packet_index(path: VideoSource, *, end_s: Fraction | None = None) -> PacketIndex:
    """Read the packets of the main video of a file.

    Args:
        path: the video.
        end_s: the end of the part that is needed, in seconds on the file's clock; None is the end of the
            file. Packets from the first keyframe at or after it on are left out, but for this keyframe.

    Raises:
        InputNotFound, BadMedia: it cannot be opened as a video, or not read to its end.
    """
    found = _Packets()
    with open_source(path) as container:
        stream = main_video(container, path)
        codec, extradata = stream.codec_context.name, stream.codec_context.extradata
        checker = TruncationChecker(container, path)
        stays_s = Fraction(0)
        try:
            for packet in _read(container, stream):
                checker.watch(packet)
                if packet.stream is not stream or not packet.size:
                    continue
                found.add(packet, codec=codec, extradata=extradata)
                if found.keyframe[-1] and end_s is not None and found.pts[-1] * packet.time_base >= end_s:
                    break
            else:
                longest_gap_s = _longest_gap(found.pts) * (stream.time_base or Fraction(1))
                stays_s = checker.finish(stream, longest_gap_s=longest_gap_s)
        except av.error.FFmpegError as exc:
            raise BadMedia(
                f"{path} cannot be read to its end: it is damaged, copy it or export it again"
            ) from exc
        return PacketIndex(
            format=container.format.name,
            codec=codec,
            pts=np.frombuffer(found.pts, np.int64),
            duration=np.frombuffer(found.duration, np.int64),
            size=np.frombuffer(found.size, np.int32),
            position=np.frombuffer(found.position, np.int64),
            keyframe=np.frombuffer(found.keyframe, np.bool_),
            clean=np.frombuffer(found.clean, np.bool_),
            shown=np.frombuffer(found.shown, np.bool_),
            missing_time=found.missing_time,
            damaged=found.damaged or bool(checker.unread_s),
            stays=int(stays_s / (stream.time_base or Fraction(1))),
        )


def _read(container: InputContainer, stream: VideoStream) -> Iterator[Packet[Stream]]:
    """Yield the packets that must be read: of MP4 those of the video, of other formats all."""
    return packets(container, stream) if container.format.name.startswith("mov") else packets(container)


def _longest_gap(pts: array[int]) -> int:
    return int(np.diff(np.sort(np.frombuffer(pts, np.int64))).max(initial=0))
