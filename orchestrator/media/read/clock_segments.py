"""Keeps the state of the segments of a file whose clock jumps, and places each new segment on one clock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

HELD_S = 1.0
"""How much of a new segment is read before its offset is chosen."""

MOST_HELD_S = 4.0
"""How much is read while a stream of the segment before is missing."""

MOST_HELD_PACKETS, MOST_HELD_BYTES = 20_000, 64 * 2**20
"""No more is held, whatever the times are."""

LOST_AUDIO_S = Fraction(1, 4)
"""Audio of two segments overlaps if that of the first ends later than its pictures. Up to this much of the
second segment's audio is dropped; for a longer overlap, the second segment starts later, and the last picture
stays until then."""


@dataclass(frozen=True, kw_only=True)
class ClockJump:
    """A place where the clock of a file jumps.

    Attributes:
        at_s: start of the new segment, in seconds on the continuous clock.
        jump_s: difference between the file's own clock and the continuous one there, in seconds.
    """

    at_s: Fraction
    jump_s: Fraction


@dataclass(eq=False)
class ClockSegment:
    """A part of a file whose times all get one offset.

    Attributes:
        number: 0 for the first.
        offset_s: offset to add to its times.
        reach_s: the latest decoding time so far, on the file's clock.
    """

    number: int
    offset_s: Fraction
    reach_s: float


@dataclass
class StreamClock:
    """The state of one stream, in its ticks, on the file's clock, without wraps.

    Attributes:
        segment: the segment of its last packet.
        last: decoding time of that packet.
        next: decoding time at which the next packet is due.
        end: latest end of a packet, by presentation time.
        step: time between the last two packets, for packets without a duration.
        silent_until_s: time on the continuous clock; audio packets are dropped if more than half of them is
            before it.
    """

    segment: ClockSegment
    last: int
    next: int
    end: int
    step: int
    silent_until_s: Fraction | None = None


@dataclass
class PendingSegment:
    """A new segment whose offset is not known yet.

    Attributes:
        segment: the new segment.
        old: the segment before it.
        first_s: decoding time of its first packet, on the file's clock.
        held: its packets so far.
        before: the state of each of its streams in the segment before, or None.
    """

    segment: ClockSegment
    old: ClockSegment
    first_s: float
    held: list[Packet[Stream]] = field(default_factory=list)
    held_bytes: int = 0
    before: dict[int, StreamClock | None] = field(default_factory=dict)

    def hold(self, packet: Packet[Stream]) -> None:
        """Keep a packet until the offset is known."""
        self.held.append(packet)
        self.held_bytes += packet.size

    def is_complete(self, streams: Iterable[StreamClock]) -> bool:
        """Return whether enough packets are held to choose the offset; `streams` are those of the file."""
        if len(self.held) >= MOST_HELD_PACKETS or self.held_bytes >= MOST_HELD_BYTES:
            return True
        has_all_streams = all(state.segment is not self.old for state in streams)
        return self.segment.reach_s - self.first_s >= (HELD_S if has_all_streams else MOST_HELD_S)

    def choose_offset(self) -> ClockJump:
        """Set the segment's offset so that its first picture follows the last one of the segment before."""
        starts_s: dict[int, Fraction] = {}
        videos: set[int] = set()
        for packet in self.held:
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks is not None:
                index, start_s = packet.stream.index, ticks * packet.time_base
                starts_s[index] = min(start_s, starts_s.get(index, start_s))
                if packet.stream.type == "video":
                    videos.add(index)
        has_pictures = any(self.before.get(index) for index in videos)
        offsets_s = []
        for packet in {packet.stream.index: packet for packet in self.held}.values():
            index = packet.stream.index
            before = self.before.get(index)
            if before is not None and index in starts_s and packet.stream.type in {"audio", "video"}:
                end_s = before.end * packet.time_base + before.segment.offset_s
                slack_s = LOST_AUDIO_S if has_pictures and index not in videos else Fraction(0)
                offsets_s.append(end_s - starts_s[index] - slack_s)
        start_s = min(starts_s.values())
        if offsets_s:
            self.segment.offset_s = max(offsets_s)
        else:  # a stream whose times are far from those of all other streams
            reach_s = Fraction(self.old.reach_s).limit_denominator(90_000)
            self.segment.offset_s = self.old.offset_s + reach_s - start_s
        first_s = min((starts_s[index] for index in videos), default=start_s)
        offset_s = self.segment.offset_s
        return ClockJump(at_s=first_s + offset_s, jump_s=self.old.offset_s - offset_s)
