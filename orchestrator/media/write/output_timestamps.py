"""Decides when each picture of the output is shown, and for how long."""

from __future__ import annotations

from fractions import Fraction

from av.packet import Packet
from av.video.stream import VideoStream

from orchestrator.frames import VideoInfo


class OutputTimestamps:
    """The times of the pictures of one video, in ticks of the output.

    It remembers the durations of the pictures that are still in the encoder.

    Args:
        info: description of the source.
        tick: unit of the output's times, in seconds.

    Attributes:
        frames: number of pictures that were placed.
        first, last: when the first and the last of them are shown.
        last_duration: how long the last one is shown.
        shortest: shortest time between two of them, or None.
    """

    def __init__(self, info: VideoInfo, tick: Fraction) -> None:
        self.frames = 0
        self.first = self.last = self.last_duration = 0
        self.shortest: int | None = None
        self._info = info
        self._tick = tick
        self._origin = 0
        self._first_dts: int | None = None
        self._durations: dict[int, int] = {}

    @property
    def duration(self) -> int:
        """Ticks from the start of the first picture to the end of the last."""
        return self.last + self.last_duration - self.first

    @property
    def end_s(self) -> Fraction:
        """When the last picture ends, in seconds on the clock of the source."""
        return self._origin * self._info.time_base + (self.last + self.last_duration) * self._tick

    def begin(self, origin_s: Fraction) -> None:
        """Set the time that becomes zero, in seconds on the clock of the source."""
        self._origin = round(origin_s / self._info.time_base)

    def place(self, pts: int, duration: int) -> int:
        """Return when a picture is shown: at its own time, but later than the one before it.

        Each picture is shown until the next one, the last one as long as in the source.

        Args:
            pts: when the source shows it, in units of its time_base.
            duration: for how long, in the same units; 0 if the source does not say.
        """
        time = self._ticks(pts)
        if not self.frames:
            self.first = time
        else:
            time = max(time, self.last + 1)
            self.last_duration = time - self.last
            self.shortest = min(self.shortest or self.last_duration, self.last_duration)
            if self.last in self._durations:
                self._durations[self.last] = self.last_duration
        rate = self._info.average_rate
        usual = round(1 / (rate * self._info.time_base)) if rate else 0
        shown = self._ticks(pts + (duration or usual)) - self._ticks(pts)
        self.last, self.last_duration = time, shown or self.last_duration
        self._durations[time] = self.last_duration
        self.frames += 1
        return time

    def set_duration(self, packet: Packet[VideoStream], *, ends_track: bool) -> None:
        """Set the duration of an encoded picture, as far as it is known.

        Args:
            packet: next packet of the encoder.
            ends_track: whether the track ends when the duration of this packet, counted from its decoding
                time, is over. With B-frames the decoding times end before the pictures do.
        """
        if packet.pts is not None:
            packet.duration = self._durations.pop(packet.pts, 0)
        if packet.dts is None:
            return
        if self._first_dts is None:
            self._first_dts = packet.dts
        if ends_track:
            reached = packet.dts - self._first_dts
            packet.duration = max(self.duration - reached, packet.duration or 1)

    def _ticks(self, pts: int) -> int:
        return round((pts - self._origin) * self._info.time_base / self._tick)
