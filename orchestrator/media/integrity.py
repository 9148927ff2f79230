"""Whether a media file is whole, as far as its container tells. Knows nothing of pictures."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import av

from orchestrator.errors import BadMedia

if TYPE_CHECKING:
    from pathlib import Path

    from av.container import InputContainer
    from av.packet import Packet
    from av.stream import Stream

UNREAD_BYTES = 1024
"""More than the headers between two Matroska blocks take: after damage FFmpeg skips to the next cluster."""

EARLY_END_S = 0.25
"""How much earlier than its header says a whole file may end, besides the longest gap between pictures."""


def refuse_cut_boxes(container: InputContainer, path: Path) -> None:
    """Walk the top-level boxes of an MP4 or MOV (ISO/IEC 14496-12, 4.2): none may reach past the file's end.

    Raises:
        BadMedia: the samples or their index are cut.
    """
    if not container.format.name.startswith("mov"):
        return
    length = path.stat().st_size
    start = 0
    with path.open("rb") as file:
        while start + 8 <= length:
            file.seek(start)
            header = file.read(16)
            size, kind = int.from_bytes(header[:4]), header[4:8]
            if size == 1:
                size = int.from_bytes(header[8:])
            if kind in {b"moov", b"moof", b"mdat"} and start + size > length:
                missing = start + size - length
                raise BadMedia(f"{path} is cut short: {missing} bytes are missing, copy or download it again")
            if size < 8:  # the last box, or not a box
                return
            start += size


class Integrity:
    """Follows the packets of a file as they are read.

    Attributes:
        end_s: the time that the packets reach to, in seconds.
        unread_s: the times of the packets before which part of the file could not be read.
    """

    def __init__(self, container: InputContainer, path: Path) -> None:
        self.end_s = Fraction(0)
        self.unread_s: list[Fraction] = []
        self._container = container
        self._path = path
        self._format = container.format.name.split(",")[0]
        self._block_end = 0

    def watch(self, packet: Packet[Stream]) -> None:
        """Take notice of one packet; all packets of the file come, in the order of the file."""
        if not packet.size or packet.pts is None:
            return
        if packet.pos is not None and self._format in {"matroska", "flv"}:
            if self._block_end and packet.pos - self._block_end > UNREAD_BYTES:
                self.unread_s.append(packet.pts * packet.time_base)
            # The size of additions, such as a picture's transparency, is not known here.
            extended = packet.has_sidedata("matroska_block_additional")
            self._block_end = 0 if extended else packet.pos + packet.size
        self.end_s = max(self.end_s, (packet.pts + (packet.duration or 0)) * packet.time_base)

    def refuse_early_end(self, *, longest_gap_s: Fraction) -> None:
        """Compare where the file ended with where its header says it does. Called once all packets came.

        MP4 and MOV are not looked at: `refuse_cut_boxes` has. MPEG-TS and MPEG-PS do not say.

        Args:
            longest_gap_s: between two pictures of the video.

        Raises:
            BadMedia: the file ended early.
        """
        duration = self._container.duration
        if (
            self._format == "avi"
        ):  # it says how many frames it has; what is left of its index, how many it held
            stream = self._container.streams.video[0]
            cut = len(stream.index_entries) < stream.frames - 1
        else:
            claim_s = Fraction(duration or 0, av.time_base)
            cut = self._format != "mov" and claim_s - self.end_s > EARLY_END_S + longest_gap_s
        if cut:
            raise BadMedia(
                f"{self._path} is cut short: it ends at {float(self.end_s):.2f} s, copy or download it again"
            )
