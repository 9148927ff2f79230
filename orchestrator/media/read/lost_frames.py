"""When each picture of a video is due, and which pictures never came out of the decoder.

A packet goes into the decoder with a time, a picture comes out with one; what went in and did not come out is
lost. Knows nothing of pixels or files.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import av
    from av.container import InputContainer
    from av.packet import Packet
    from av.video.stream import VideoStream

_REORDERING = {"h264", "hevc", "mpeg4", "msmpeg4v3"}


class DecoderTimestamps:
    """The times, in the stream's time_base, of the pictures that went into the decoder and have not come out.

    It holds no more times than the decoder holds pictures.

    Attributes:
        failures: errors that the decoder raised.
        given_up: the times at which pictures were lost, and replaced.
    """

    def __init__(self, container: InputContainer, stream: VideoStream) -> None:
        self.failures = 0
        self.given_up: set[int] = set()
        self._due: set[int] = set()
        codec = stream.codec_context.name
        # AVI stores no presentation times, and FFmpeg guesses badly with B-frames: take the times in turn.
        self._in_turn = container.format.name == "avi" and codec in _REORDERING
        # Every packet shows one picture, but for VP8 hidden references and single fields of H.264 and MPEG-2.
        self._one_each = codec != "vp8"
        # These hold both fields of a picture in one packet, unless they were copied from others.
        self._single_fields = container.format.name.split(",")[0] not in {"mov", "matroska", "mxf"}
        self._interlaced = False

    def expect(self, packet: Packet[VideoStream]) -> None:
        """Note that `packet` goes into the decoder."""
        if packet.size and packet.pts is not None and not packet.is_discard:
            self._due.add(packet.pts)

    def time_of(self, decoded: av.VideoFrame) -> int | None:
        """Return the time of a picture that came out, or None if it has none."""
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

        Pictures come out in presentation order, so what is due earlier than one that came out will not come.

        Args:
            last: when the last picture was shown; None before the first.
            pts: of the picture that came out; None at the end.
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
