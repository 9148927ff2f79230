"""Detects truncated media files: by their structure before they are read, by their packets afterwards.

The length in the header only counts if the structure cannot be followed: headers of complete files are often
wrong.
"""

from __future__ import annotations

import re
from fractions import Fraction

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Stream

from orchestrator.errors import BadMedia
from orchestrator.media.read.missing_bytes import missing_bytes
from orchestrator.video_source import VideoSource

UNREAD_BYTES = 1024
"""More than the headers between two Matroska blocks; after damage FFmpeg skips to the next cluster."""

EARLY_END_S = 0.25
"""A complete file may end this much before the time in its header, plus the longest gap between pictures."""

_CLAIMING = {"matroska", "flv", "mxf", "avi"}
"""Formats with a length in the header. MP4 and MOV have the times of all samples instead."""


def refuse_truncated(container: InputContainer, path: VideoSource) -> None:
    """Refuse a file that lacks bytes according to its structure.

    Raises:
        BadMedia: bytes are missing.
    """
    missing = missing_bytes(path, container.format.name)
    if not missing and container.format.name.startswith("mov"):
        # A media data box may reach to the end of the file, wherever that is; its index has the real end.
        lasts = [stream.index_entries[-1] for stream in container.streams if len(stream.index_entries)]
        missing = max((last.pos + last.size for last in lasts), default=0) - path.stat().st_size
    if missing and missing > 0:
        raise BadMedia(f"{path} is cut short: {missing} bytes or more are missing, copy or download it again")


def believable_frames(stream: Stream, path: VideoSource) -> int | None:
    """Return the header's number of pictures; None if it has none, or more than could fit into the file.

    Programs that write into a pipe cannot fill the number in afterwards, and write a very large one.
    """
    frames = stream.frames
    return frames if 0 < frames <= path.stat().st_size else None


def tagged_duration_s(stream: Stream) -> Fraction | None:
    """Return a track's length from the tag that writers of Matroska add; None if it has none."""
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3]) if tag else None


class TruncationChecker:
    """Checks the packets of a file while they are read.

    Args:
        container: the open file.
        path: the file, for messages.
        reads_all: whether the packets of all streams are read; otherwise what lies between two packets says
            nothing.

    Attributes:
        end_s: latest end of a packet so far, in seconds.
        unread_s: times of the packets before which part of the file could not be read.
        notes: a note if the header's length is wrong; complete after `finish`.
    """

    def __init__(self, container: InputContainer, path: VideoSource, *, reads_all: bool = True) -> None:
        self.end_s = Fraction(0)
        self.unread_s: list[Fraction] = []
        self.notes: list[str] = []
        self._container = container
        self._path = path
        self._format = container.format.name.split(",")[0]
        self._reads_all = reads_all
        self._block_end = 0

    def watch(self, packet: Packet[Stream]) -> None:
        """Examine one packet; they must come in the order of the file."""
        moment = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or moment is None:
            return
        if self._reads_all and packet.pos is not None and self._format in {"matroska", "flv"}:
            if self._block_end and packet.pos - self._block_end > UNREAD_BYTES:
                self.unread_s.append(moment * packet.time_base)
            # The size of additions, such as a picture's alpha, is not known here.
            extended = packet.has_sidedata("matroska_block_additional")
            self._block_end = 0 if extended else packet.pos + packet.size
        self.end_s = max(self.end_s, (moment + (packet.duration or 0)) * packet.time_base)

    def finish(self, stream: Stream, *, longest_gap_s: Fraction) -> Fraction:
        """Judge the file after its last packet.

        Args:
            stream: the video.
            longest_gap_s: longest time between two of its pictures.

        Returns:
            End of the last picture according to the header, in seconds; 0 if it is missing or wrong. Matroska
            stores no durations of pictures, so the end of a last picture that stays is only in its tags.

        Raises:
            BadMedia: the file is cut short, or it is damaged and ends before its header says so.
        """
        missing = missing_bytes(self._path, self._format)
        claim_s = self._claim_s()
        stays_s = Fraction(0)
        if missing == 0 and self._format == "matroska":
            stays_s = min(tagged_duration_s(stream) or Fraction(0), claim_s)
        end_s = max(self.end_s, stays_s)
        is_early = claim_s - end_s > EARLY_END_S + longest_gap_s
        if missing or (is_early and missing is None):
            raise BadMedia(
                f"{self._path} is cut short: it ends at {float(end_s):.2f} s, copy or download it again"
            )
        if is_early:
            self.notes.append(
                f"the source's header says {float(claim_s):.6g} s, but it ends at {float(end_s):.2f} s: all "
                "that it holds was taken"
            )
        return stays_s

    def _claim_s(self) -> Fraction:
        """Return the end of the file according to its header, in seconds; 0 if it does not say."""
        if self._format not in _CLAIMING:
            return Fraction(0)
        if self._format == "avi":  # FFmpeg guesses a duration that is not known
            video = self._container.streams.video[0]
            frames = believable_frames(video, self._path)
            return frames / video.average_rate if frames and video.average_rate else Fraction(0)
        return Fraction(self._container.duration or 0, av.time_base)
