"""Finds pictures that the decoder lost, by comparing the times of its input packets and output pictures."""

from __future__ import annotations

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.stream import VideoStream

_REORDERING = {"h264", "hevc", "mpeg4", "msmpeg4v3"}


class DecoderTimestamps:
    """Keeps the times, in the stream's time_base, of the pictures that are in the decoder.

    Attributes:
        failures: number of errors that the decoder raised.
        given_up: times at which pictures were lost and replaced.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.failures = 0
        self.given_up: set[int] = set()
        self._due: set[int] = set()
        codec = stream.codec_context.name
        # AVI stores no presentation times, and FFmpeg guesses badly with B-frames: use the times in order.
        self._in_turn = container.format.name == "avi" and codec in _REORDERING
        # Every packet holds one visible picture, except VP8's hidden ones and fields of H.264 and MPEG-2.
        self._one_each = codec != "vp8"
        # These formats hold both fields of a picture in one packet, unless it was copied from other formats.
        self._single_fields = container.format.name.split(",")[0] not in {"mov", "matroska", "mxf"}
        self._interlaced = False

    def expect(self, packet: Packet[VideoStream]) -> None:
        """Note the time of a packet that goes into the decoder."""
        if packet.size and packet.pts is not None and not packet.is_discard:
            self._due.add(packet.pts)

    def time_of(self, decoded: av.VideoFrame) -> int | None:
        """Return the time of a picture that came out of the decoder, or None if it has none."""
        if self._in_turn and self._due:
            pts: int | None = min(self._due)
        else:
            pts = decoded.pts if decoded.pts is not None else decoded.dts
        self._interlaced |= decoded.interlaced_frame
        if pts is not None:
            self._due.discard(pts)
        return pts

    def lost_between(self, last: int | None, pts: int | None) -> list[int]:
        """Forget the times before `pts`; return those after `last` at which a picture was lost, in order.

        Pictures come out in presentation order, so a picture that is due before one that came out is lost.

        Args:
            last: time of the last picture; None before the first.
            pts: time of the picture that came out; None at the end.
        """
        passed = [due for due in self._due if pts is None or due < pts]
        self._due.difference_update(passed)
        passed = sorted(due for due in passed if last is None or due > last)
        if self._interlaced and passed and not self.failures:
            self._single_fields = True
        if not self._one_each or (self._interlaced and self._single_fields):
            passed = passed[: max(0, self.failures - len(self.given_up))]
        self.given_up.update(passed)
        return passed
