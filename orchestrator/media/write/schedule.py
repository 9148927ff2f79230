"""When each picture is shown in the output, and for how long. Knows nothing of pixels or files."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fractions import Fraction

    from orchestrator.frames import AnyPicture, Frame, VideoInfo


class Schedule:
    """The times of the pictures of one video, in ticks of the output. It holds those not taken yet.

    Args:
        info: of the source.
        tick: unit of the output's times, in seconds.

    Attributes:
        frames: pictures that were placed.
        first, last: when the first and the last of them are shown.
        last_duration: how long the last of them is.
        shortest: the shortest time between two of them, or None.
        moved: how many were put later, as there is less than a tick between them and the one before.
    """

    def __init__(self, info: VideoInfo, tick: Fraction) -> None:
        self.frames = self.moved = 0
        self.first = self.last = self.last_duration = 0
        self.shortest: int | None = None
        self._info = info
        self._tick = tick
        self._origin = 0
        self._durations: dict[int, int] = {}

    @property
    def duration(self) -> int:
        """From the start of the first picture to the end of the last."""
        return self.last + self.last_duration - self.first

    @property
    def end_s(self) -> Fraction:
        """When the last picture ends, in seconds on the clock of the source."""
        return self._origin * self._info.time_base + (self.last + self.last_duration) * self._tick

    def begin(self, origin_s: Fraction) -> None:
        """Set the moment that becomes zero, in seconds on the clock of the source."""
        self._origin = round(origin_s / self._info.time_base)

    def place(self, frame: Frame[AnyPicture]) -> int:
        """Return when a picture is shown: at its time, later than the one before it.

        Each is shown until the next one, the last as long as the source says.
        """
        moment = self._ticks(frame.pts)
        if not self.frames:
            self.first = moment
        else:
            self.moved += moment <= self.last
            moment = max(moment, self.last + 1)
            self.last_duration = moment - self.last
            self.shortest = min(self.shortest or self.last_duration, self.last_duration)
            if self.last in self._durations:
                self._durations[self.last] = self.last_duration
        rate = self._info.average_rate
        usual = round(1 / (rate * self._info.time_base)) if rate else 0
        shown = self._ticks(frame.pts + (frame.duration or usual)) - self._ticks(frame.pts)
        self.last, self.last_duration = moment, shown or self.last_duration
        self._durations[moment] = self.last_duration
        self.frames += 1
        return moment

    def duration_of(self, moment: int) -> int:
        """Return how long the picture at `moment` is shown as far as is known, and forget it."""
        return self._durations.pop(moment, 0)

    def _ticks(self, pts: int) -> int:
        return round((pts - self._origin) * self._info.time_base / self._tick)
