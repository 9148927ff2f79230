"""Describes consecutive frames of a video that are read exactly as by a reader of the whole file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from av.packet import Packet
from av.stream import Stream


@dataclass(frozen=True, kw_only=True)
class FrameSelection:
    """Consecutive frames of a video of which every packet holds one picture with a pts, see `frame_times`.

    Attributes:
        decode_pts: the pts of the keyframe at which decoding starts. It starts at the beginning of the file
            if this is None, or if there is no such keyframe. Where pictures are exact from the keyframe at or
            before `first_pts` on (see `KeyframeKind`), it is that one; elsewhere, as in H.264 with intra
            refresh, the one before that.
        first_pts, last_pts: the pts of the first and the last frame.
        first_frame: the index that the first frame gets.
        frames: how many frames there should be. The reader reads no further than to the packet of the last
            one in the order of decoding. It yields what is there: the caller compares.
    """

    decode_pts: int | None
    first_pts: int
    last_pts: int
    first_frame: int
    frames: int

    def holds(self, pts: int | None) -> bool:
        """Return whether a picture with this pts is selected."""
        return pts is not None and self.first_pts <= pts <= self.last_pts


def up_to_last(
    read: Iterator[Packet[Stream]], stream: Stream, selection: FrameSelection
) -> Iterator[Packet[Stream]]:
    """Yield packets up to the last one of a selection, then an empty one, which flushes the decoder."""
    missing = selection.frames
    for packet in read:
        yield packet
        if packet.stream is stream and packet.size and not packet.is_discard:
            missing -= selection.holds(packet.pts)
            if not missing:
                break
    else:
        return  # the file has ended, with an empty packet
    empty: Packet[Stream] = Packet()
    empty.stream = stream
    yield empty
