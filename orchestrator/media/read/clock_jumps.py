"""One clock for a whole file whose own clock jumps, as where recordings were joined.

MPEG-TS, MPEG-PS and Ogg files may be put one after the other byte by byte; each part then counts from a
moment of its own. `ContinuousClock` follows the decoding times of all streams. Where a stream of sound or
pictures goes back by more than BACK_S, or forward by more than FORWARD_S although no other stream has come so
far, a new part begins: all its packets are moved by one offset, so that its first picture follows the last
one of the part before.

The thresholds are those of the ffmpeg tool (`-dts_delta_threshold`, and `ts_discontinuity_detect` in
ffmpeg_demux.c). Unlike there, the packets of a second and more are held where a part begins, so that the
offset is not that of whichever stream comes first.

A shorter jump forward is a gap, and stays. A single packet with a time far from those around it is no part:
its time is taken away. Knows nothing of files, codecs or pictures.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from av.packet import Packet
    from av.stream import Stream

BACK_S = 0.1
"""Decoding times only rise in one recording."""

FORWARD_S = 10.0
"""A longer jump is no gap in one recording."""

HELD_S = 1.0
"""How much of a new part is looked at before its offset is chosen."""

MOST_HELD_S = 4.0
"""The same, while a stream that the part before has is missing."""

MOST_HELD_PACKETS, MOST_HELD_BYTES = 20_000, 64 * 2**20
"""No more is held, whatever the times say."""

LOST_SOUND_S = Fraction(1, 4)
"""Sound of two parts overlaps where the first ends later than its pictures. Up to this much of the second is
left out; of a longer overlap, the second part comes later and the last picture stays meanwhile."""

WRAP = 2**33
"""MPEG's clock starts again after so many ticks (ISO/IEC 13818-1, 2.4.2.1)."""


@dataclass(frozen=True, kw_only=True)
class Join:
    """A place where the clock of a file jumps.

    Attributes:
        at_s: when the new part begins, in seconds on the continuous clock.
        jump_s: by how much the file's own clock is off there, in seconds.
    """

    at_s: Fraction
    jump_s: Fraction


@dataclass(eq=False)
class _Part:
    """What has one offset.

    Attributes:
        number: 0 for the first.
        offset_s: to add to its times.
        reach_s: the latest decoding time, on the file's clock.
    """

    number: int
    offset_s: Fraction
    reach_s: float


@dataclass
class _Track:
    """The state of one stream, in its ticks, on the file's clock, without wraps.

    Attributes:
        part: that its last packet is in.
        last: decoding time of that packet.
        next: when the next one is due.
        end: when its latest packet ends, by presentation time.
        step: between the last two packets, if they do not say how long they are.
        silent_until_s: on the continuous clock; sound that is over half a packet earlier is left out.
    """

    part: _Part
    last: int
    next: int
    end: int
    step: int
    silent_until_s: Fraction | None = None


@dataclass
class _Crossing:
    """Where a new part begins, while its offset is not known.

    Attributes:
        held: its packets.
        before: the state of each stream in the part before it.
    """

    part: _Part
    old: _Part
    first_s: float
    held: list[Packet[Stream]] = field(default_factory=list)
    held_bytes: int = 0
    before: dict[int, _Track | None] = field(default_factory=dict)


class ContinuousClock:
    """Gives the packets of one file, which come from its start, times on one clock.

    Args:
        wraps: whether the clock starts again after `WRAP` ticks.

    Attributes:
        joins: where the clock jumped, so far.
        part: the number of the part that the last packet is of; it changes at each join.
        has_late_streams: whether the file has streams whose packets did not come; whoever reads it says so.
    """

    def __init__(self, *, wraps: bool) -> None:
        self.joins: list[Join] = []
        self.part = 0
        self.has_late_streams = False
        self._wraps = wraps
        self._tracks: dict[int, _Track] = {}
        self._newest: _Part | None = None
        self._crossing: _Crossing | None = None

    def run(self, read: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        """Yield packets, each moved to its place on the clock; all streams of the file are to be in `read`.

        Packets of different streams may change places.
        """
        for packet in read:
            if not packet.size:
                yield from self._settle()
                yield packet
            else:
                yield from self._take(packet)
        yield from self._settle()

    def _take(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        index = packet.stream.index
        if packet.dts is None:  # it goes with the packet before it
            if self._crossing and index in self._crossing.before:
                self._hold(packet)
            else:
                yield from self._moved(packet)
            return
        tick = float(packet.time_base)
        self._unwrap(packet, tick)
        time_s = packet.dts * tick
        part = self._part_of(packet, time_s)
        if part is None and self._returns(packet, time_s):
            yield from self._release(packet)
            part = self._part_of(packet, time_s)
        if part is None:
            yield from self._settle()
            part = self._part_of(packet, time_s)
        if part is None:
            part = self._begin_part(packet, time_s)
        self._note(packet, part, time_s)
        if self._crossing is None or part is not self._crossing.part:
            yield from self._moved(packet)
            return
        self._hold(packet)
        if self._is_enough():
            yield from self._settle()

    def _part_of(self, packet: Packet[Stream], time_s: float) -> _Part | None:
        """Return the part that a packet fits into, or None."""
        track = self._tracks.get(packet.stream.index)
        newest = self._newest
        if newest is None:
            self._newest = _Part(0, Fraction(0), time_s)
            return self._newest
        is_sparse = packet.stream.type not in {"audio", "video"}
        if track is None:
            return newest if is_sparse or abs(time_s - newest.reach_s) <= FORWARD_S else None
        tick = float(packet.time_base)
        own = track.part
        reach_s = max(track.next * tick, own.reach_s)
        fits_own = track.last * tick - BACK_S <= time_s <= reach_s + FORWARD_S
        if own is newest:
            return own if fits_own or is_sparse else None
        far_own_s = min(abs(time_s - track.next * tick), abs(time_s - own.reach_s))
        far_newest_s = abs(time_s - newest.reach_s)
        if fits_own and far_own_s <= far_newest_s:
            return own
        if far_newest_s <= FORWARD_S or is_sparse:
            return newest
        return own if fits_own else None

    def _returns(self, packet: Packet[Stream], time_s: float) -> bool:
        """Whether a stream of which something is held goes on in the old part."""
        before = self._crossing.before.get(packet.stream.index) if self._crossing else None
        tick = float(packet.time_base)
        return before is not None and before.last * tick - BACK_S <= time_s <= before.next * tick + FORWARD_S

    def _release(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Yield what is held of a packet's stream: it is in the old part, and its times were wrong."""
        crossing = self._crossing
        index = packet.stream.index
        before = crossing.before.pop(index, None) if crossing else None
        if crossing is None or before is None:
            return
        self._tracks[index] = before
        released = [held for held in crossing.held if held.stream.index == index]
        crossing.held = [held for held in crossing.held if held.stream.index != index]
        if not crossing.before:  # there is no new part
            self._crossing, self._newest = None, crossing.old
        for held in released:
            held.dts = held.pts = None
            yield from self._moved(held)

    def _begin_part(self, packet: Packet[Stream], time_s: float) -> _Part:
        track = self._tracks.get(packet.stream.index)
        old = track.part if track else self._newest
        newest = self._newest
        if old is None or newest is None:
            raise AssertionError("the first packet always has a part")
        part = _Part(newest.number + 1, old.offset_s, time_s)
        self._crossing = _Crossing(part, old, time_s)
        self._newest = part
        return part

    def _note(self, packet: Packet[Stream], part: _Part, time_s: float) -> None:
        """Bring the state of a packet's stream, and of its part, up to date."""
        index = packet.stream.index
        dts = packet.dts or 0
        track = self._tracks.get(index)
        if packet.duration:
            duration = packet.duration
        elif track is not None:  # FFmpeg does not know how long pictures are that are reordered
            step = dts - track.last
            is_step = track.part is part and 0 < step * packet.time_base <= FORWARD_S
            duration = track.step = step if is_step else track.step
        else:
            duration = 0
        end = (packet.pts if packet.pts is not None else dts) + duration
        part.reach_s = max(part.reach_s, time_s)
        if track is not None and track.part is part:
            track.last, track.next, track.end = max(dts, track.last), dts + duration, max(end, track.end)
            return
        if self._crossing is not None and part is self._crossing.part:
            self._crossing.before[index] = track
        silent_until_s = track.end * packet.time_base + track.part.offset_s if track else None
        self._tracks[index] = _Track(part, dts, dts + duration, end, duration, silent_until_s)

    def _hold(self, packet: Packet[Stream]) -> None:
        if self._crossing is not None:
            self._crossing.held.append(packet)
            self._crossing.held_bytes += packet.size

    def _is_enough(self) -> bool:
        """Whether what is held tells how the new part follows."""
        crossing = self._crossing
        if crossing is None:
            return False
        if len(crossing.held) >= MOST_HELD_PACKETS or crossing.held_bytes >= MOST_HELD_BYTES:
            return True
        held_s = crossing.part.reach_s - crossing.first_s
        is_whole = all(track.part is not crossing.old for track in self._tracks.values())
        return held_s >= (HELD_S if is_whole else MOST_HELD_S)

    def _settle(self) -> Iterator[Packet[Stream]]:
        """Choose the offset of the new part and yield what was held of it."""
        crossing = self._crossing
        if crossing is None:
            return
        self._crossing = None
        if crossing.before:
            self._place(crossing)
        for packet in crossing.held:
            yield from self._moved(packet)

    def _place(self, crossing: _Crossing) -> None:
        starts_s: dict[int, Fraction] = {}
        pictures: dict[int, bool] = {}
        for packet in crossing.held:
            ticks = packet.pts if packet.pts is not None else packet.dts
            if ticks is not None:
                index, start_s = packet.stream.index, ticks * packet.time_base
                starts_s[index] = min(start_s, starts_s.get(index, start_s))
                pictures[index] = packet.stream.type == "video"
        has_pictures = any(pictures[index] for index in starts_s if crossing.before.get(index))
        offsets_s = []
        for packet in {packet.stream.index: packet for packet in crossing.held}.values():
            index = packet.stream.index
            before = crossing.before.get(index)
            if before is not None and index in starts_s and packet.stream.type in {"audio", "video"}:
                end_s = before.end * packet.time_base + before.part.offset_s
                slack_s = LOST_SOUND_S if has_pictures and not pictures[index] else Fraction(0)
                offsets_s.append(end_s - starts_s[index] - slack_s)
        start_s = min(starts_s.values())
        if offsets_s:
            offset_s = max(offsets_s)
        else:  # a stream that begins elsewhere than the others are
            reach_s = Fraction(crossing.old.reach_s).limit_denominator(90_000)
            offset_s = crossing.old.offset_s + reach_s - start_s
        jump_s = crossing.old.offset_s - offset_s
        crossing.part.offset_s = offset_s
        first_s = min((starts_s[index] for index in starts_s if pictures[index]), default=start_s)
        self.joins.append(Join(at_s=first_s + offset_s, jump_s=jump_s))

    def _moved(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Yield a packet with its place on the clock, unless it is sound where there is some already."""
        track = self._tracks.get(packet.stream.index)
        part = track.part if track else self._newest
        if part is None:
            yield packet
            return
        self.part = part.number
        ticks = round(part.offset_s / packet.time_base)
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        if track is not None and track.silent_until_s is not None and packet.stream.type == "audio":
            middle = (packet.pts if packet.pts is not None else packet.dts or 0) + (packet.duration or 0) / 2
            if middle * packet.time_base < track.silent_until_s:
                return
            track.silent_until_s = None
        yield packet

    def _unwrap(self, packet: Packet[Stream], tick: float) -> None:
        """Move a packet by whole turns of the clock, to where it is nearest to the ones before."""
        if not self._wraps or packet.dts is None or self._newest is None:
            return
        track = self._tracks.get(packet.stream.index)
        last = track.last if track else round(self._newest.reach_s / tick)
        turns = round((last - packet.dts) / WRAP) * WRAP
        if turns:
            packet.dts += turns
            packet.pts = None if packet.pts is None else packet.pts + turns
