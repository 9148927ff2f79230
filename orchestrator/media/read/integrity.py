"""Whether a media file is whole: what its structure tells before the work, and its packets after it.

How long a video is by its header decides nothing where the structure can be followed: headers are often wrong
in files that are whole. Knows nothing of pictures.
"""

from __future__ import annotations

import re
from fractions import Fraction
from typing import TYPE_CHECKING

import av

from orchestrator.errors import BadMedia
from orchestrator.media.read.missing_bytes import missing_bytes

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

UNREAD_BYTES = 1024
"""More than the headers between two Matroska blocks take: after damage FFmpeg skips to the next cluster."""

EARLY_END_S = 0.25
"""How much earlier than its header says a whole file may end, besides the longest gap between pictures."""

_CLAIMING = {"matroska", "flv", "mxf", "avi"}
"""Formats whose header says how long the file is. MP4 and MOV say when each of their samples is shown."""


def refuse_truncated(container: InputContainer, path: Path) -> None:
    """Make sure, before any work, that no bytes are missing, as far as the structure of the file tells.

    Raises:
        BadMedia: some are.
    """
    missing = missing_bytes(path, container.format.name)
    if not missing and container.format.name.startswith("mov"):
        # A media data box may reach to the end of the file, wherever that is; its index knows better.
        lasts = [stream.index_entries[-1] for stream in container.streams if len(stream.index_entries)]
        missing = max((last.pos + last.size for last in lasts), default=0) - path.stat().st_size
    if missing and missing > 0:
        raise BadMedia(f"{path} is cut short: {missing} bytes or more are missing, copy or download it again")


def believable_frames(stream: Stream, path: Path) -> int | None:
    """Return how many pictures the header says there are; None where it does not, or they would not fit.

    A program that cannot go back to fill the number in, as into a pipe, writes a very large one.
    """
    frames = stream.frames
    return frames if 0 < frames <= path.stat().st_size else None


def tagged_duration_s(stream: Stream) -> Fraction | None:
    """Return how long a track is by its tag, which programs that write Matroska add; else None."""
    tag = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", stream.metadata.get("DURATION", ""))
    return int(tag[1]) * 3600 + int(tag[2]) * 60 + Fraction(tag[3]) if tag else None


class IntegrityChecker:
    """Follows the packets of a file as they are read.

    Attributes:
        end_s: the time that the packets reach to, in seconds.
        unread_s: the times of the packets before which part of the file could not be read.
        notes: what the header says otherwise; complete after `finish`.
    """

    def __init__(self, container: InputContainer, path: Path) -> None:
        self.end_s = Fraction(0)
        self.unread_s: list[Fraction] = []
        self.notes: list[str] = []
        self._container = container
        self._path = path
        self._format = container.format.name.split(",")[0]
        self._block_end = 0

    def watch(self, packet: Packet[Stream]) -> None:
        """Take notice of one packet; all packets of the file come, in the order of the file."""
        moment = packet.pts if packet.pts is not None else packet.dts
        if not packet.size or moment is None:
            return
        if packet.pos is not None and self._format in {"matroska", "flv"}:
            if self._block_end and packet.pos - self._block_end > UNREAD_BYTES:
                self.unread_s.append(moment * packet.time_base)
            # The size of additions, such as a picture's transparency, is not known here.
            extended = packet.has_sidedata("matroska_block_additional")
            self._block_end = 0 if extended else packet.pos + packet.size
        self.end_s = max(self.end_s, (moment + (packet.duration or 0)) * packet.time_base)

    def finish(self, stream: Stream, *, longest_gap_s: Fraction) -> Fraction:
        """Judge the file, once all its packets came.

        Args:
            stream: the video.
            longest_gap_s: between two pictures of it.

        Returns:
            When the last picture ends by the header, in seconds; 0 where it does not tell or is not believed.
            A Matroska file stores no duration of a picture, so that of a last one that stays is in its tags.

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
        """Return when the file ends by its header, in seconds; 0 where it does not say."""
        if self._format not in _CLAIMING:
            return Fraction(0)
        if self._format == "avi":  # FFmpeg guesses the duration where it is not known
            video = self._container.streams.video[0]
            frames = believable_frames(video, self._path)
            return frames / video.average_rate if frames and video.average_rate else Fraction(0)
        return Fraction(self._container.duration or 0, av.time_base)
