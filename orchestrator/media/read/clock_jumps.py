"""Removes jumps from the timestamps of a file, as in joined recordings, so that all are on one clock.

MPEG-TS, MPEG-PS and Ogg files may be concatenated byte by byte; then each segment has a clock of its own.
`TimestampJumpFixer` follows the decoding times of all streams. A new segment begins when an audio or video
stream jumps back by more than BACK_S, or forward by more than FORWARD_S while no other stream has come that
far. All packets of the segment get one offset, so that its first picture follows the last one of the segment
before.

The thresholds are those of the ffmpeg tool (`-dts_delta_threshold`, and `ts_discontinuity_detect` in
ffmpeg_demux.c). Unlike ffmpeg, this module holds the packets of a second or more at the start of a segment,
so that the offset does not depend on which stream comes first.

A shorter jump forward is a gap, and stays. A single packet with a time far from those around it starts no
segment: its time is removed.
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

from av.packet import Packet
from av.stream import Stream

from orchestrator.media.read.clock_segments import ClockJump, ClockSegment, PendingSegment, StreamClock

BACK_S = 0.1
"""Decoding times of one recording only rise, but for rounding."""

FORWARD_S = 10.0
"""A longer jump forward is not a gap in one recording."""

WRAP = 2**33
"""MPEG's clock wraps around after this many ticks (ISO/IEC 13818-1, 2.4.2.1)."""


class TimestampJumpFixer:
    """Moves the packets of one file, read from its start, to one continuous clock.

    Args:
        wraps: whether the clock wraps around after `WRAP` ticks.

    Attributes:
        clock_jumps: the jumps so far.
        segment: number of the segment of the last packet.
        has_late_streams: whether the file has streams that begin later, whose packets were not read; the
            reader of the file sets it.
    """

    def __init__(self, *, wraps: bool) -> None:
        self.clock_jumps: list[ClockJump] = []
        self.segment = 0
        self.has_late_streams = False
        self._wraps = wraps
        self._streams: dict[int, StreamClock] = {}
        self._newest: ClockSegment | None = None
        self._pending: PendingSegment | None = None

    def run(self, read: Iterator[Packet[Stream]]) -> Iterator[Packet[Stream]]:
        """Yield packets with times on the continuous clock; `read` must yield the packets of all streams.

        The order between packets of different streams may change.
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
        if packet.dts is None:  # it belongs to the packet before it
            if self._pending and index in self._pending.before:
                self._pending.hold(packet)
            else:
                yield from self._moved(packet)
            return
        tick = float(packet.time_base)
        self._unwrap(packet, tick)
        time_s = packet.dts * tick
        segment = self._segment_of(packet, time_s)
        if segment is None and self._returns(packet, time_s):
            yield from self._release(packet)
            segment = self._segment_of(packet, time_s)
        if segment is None:
            yield from self._settle()
            segment = self._segment_of(packet, time_s)
        if segment is None:
            segment = self._begin_segment(packet, time_s)
        self._update_state(packet, segment, time_s)
        if self._pending is None or segment is not self._pending.segment:
            yield from self._moved(packet)
            return
        self._pending.hold(packet)
        if self._pending.is_complete(self._streams.values()):
            yield from self._settle()

    def _segment_of(self, packet: Packet[Stream], time_s: float) -> ClockSegment | None:
        """Return the segment that a packet belongs to, or None."""
        state = self._streams.get(packet.stream.index)
        newest = self._newest
        if newest is None:
            self._newest = ClockSegment(0, Fraction(0), time_s)
            return self._newest
        is_sparse = packet.stream.type not in {"audio", "video"}
        if state is None:
            return newest if is_sparse or abs(time_s - newest.reach_s) <= FORWARD_S else None
        tick = float(packet.time_base)
        own = state.segment
        reach_s = max(state.next * tick, own.reach_s)
        fits_own = state.last * tick - BACK_S <= time_s <= reach_s + FORWARD_S
        if own is newest:
            return own if fits_own or is_sparse else None
        far_own_s = min(abs(time_s - state.next * tick), abs(time_s - own.reach_s))
        far_newest_s = abs(time_s - newest.reach_s)
        if fits_own and far_own_s <= far_newest_s:
            return own
        if far_newest_s <= FORWARD_S or is_sparse:
            return newest
        return own if fits_own else None

    def _returns(self, packet: Packet[Stream], time_s: float) -> bool:
        """Return whether a stream with held packets continues in the old segment."""
        before = self._pending.before.get(packet.stream.index) if self._pending else None
        tick = float(packet.time_base)
        return before is not None and before.last * tick - BACK_S <= time_s <= before.next * tick + FORWARD_S

    def _release(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Yield the held packets of a packet's stream: they belong to the old segment, with wrong times."""
        pending = self._pending
        index = packet.stream.index
        before = pending.before.pop(index, None) if pending else None
        if pending is None or before is None:
            return
        self._streams[index] = before
        released = [held for held in pending.held if held.stream.index == index]
        pending.held = [held for held in pending.held if held.stream.index != index]
        if not pending.before:  # there is no new segment
            self._pending, self._newest = None, pending.old
        for held in released:
            held.dts = held.pts = None
            yield from self._moved(held)

    def _begin_segment(self, packet: Packet[Stream], time_s: float) -> ClockSegment:
        state = self._streams.get(packet.stream.index)
        old = state.segment if state else self._newest
        newest = self._newest
        if old is None or newest is None:
            raise AssertionError("the first packet always has a segment")
        segment = ClockSegment(newest.number + 1, old.offset_s, time_s)
        self._pending = PendingSegment(segment, old, time_s)
        self._newest = segment
        return segment

    def _update_state(self, packet: Packet[Stream], segment: ClockSegment, time_s: float) -> None:
        """Update the state of a packet's stream and of its segment."""
        index = packet.stream.index
        dts = packet.dts or 0
        state = self._streams.get(index)
        if packet.duration:
            duration = packet.duration
        elif state is not None:  # FFmpeg gives reordered pictures no duration
            step = dts - state.last
            is_step = state.segment is segment and 0 < step * packet.time_base <= FORWARD_S
            duration = state.step = step if is_step else state.step
        else:
            duration = 0
        end = (packet.pts if packet.pts is not None else dts) + duration
        segment.reach_s = max(segment.reach_s, time_s)
        if state is not None and state.segment is segment:
            state.last, state.next, state.end = max(dts, state.last), dts + duration, max(end, state.end)
            return
        if self._pending is not None and segment is self._pending.segment:
            self._pending.before[index] = state
        silent_until_s = state.end * packet.time_base + state.segment.offset_s if state else None
        self._streams[index] = StreamClock(segment, dts, dts + duration, end, duration, silent_until_s)

    def _settle(self) -> Iterator[Packet[Stream]]:
        """Choose the offset of the new segment and yield its held packets."""
        pending = self._pending
        if pending is None:
            return
        self._pending = None
        if pending.before:
            self.clock_jumps.append(pending.choose_offset())
        for packet in pending.held:
            yield from self._moved(packet)

    def _moved(self, packet: Packet[Stream]) -> Iterator[Packet[Stream]]:
        """Yield a packet on the continuous clock, unless it is audio that overlaps the segment before."""
        state = self._streams.get(packet.stream.index)
        segment = state.segment if state else self._newest
        if segment is None:
            yield packet
            return
        self.segment = segment.number
        ticks = round(segment.offset_s / packet.time_base)
        if ticks:
            packet.pts = None if packet.pts is None else packet.pts + ticks
            packet.dts = None if packet.dts is None else packet.dts + ticks
        if state is not None and state.silent_until_s is not None and packet.stream.type == "audio":
            middle = (packet.pts if packet.pts is not None else packet.dts or 0) + (packet.duration or 0) / 2
            if middle * packet.time_base < state.silent_until_s:
                return
            state.silent_until_s = None
        yield packet

    def _unwrap(self, packet: Packet[Stream], tick: float) -> None:
        """Undo wraps of the clock: move a packet by whole turns, nearest to the packets before it."""
        if not self._wraps or packet.dts is None or self._newest is None:
            return
        state = self._streams.get(packet.stream.index)
        last = state.last if state else round(self._newest.reach_s / tick)
        turns = round((last - packet.dts) / WRAP) * WRAP
        if turns:
            packet.dts += turns
            packet.pts = None if packet.pts is None else packet.pts + turns
