"""The part of a video that is wanted, and which pictures are in it. Knows nothing of files or pixels."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Generic, TypeVar

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from orchestrator.frames import VideoInfo

Picture = TypeVar("Picture")

ROUNDING_S = Fraction(1, 1000)
"""Times that people and programs give are rounded to milliseconds: a picture that has no more than
this in a span is not in it."""

WHOLE_S = Fraction(1, 10)
"""A picture at either end of a span keeps its whole time if no more than this of it is outside, so that a
constant frame rate stays one; of a longer one, a still, only what is inside is kept."""


@dataclass(frozen=True, kw_only=True)
class Moment(Generic[Picture]):
    """A picture and when it is shown.

    Attributes:
        pts: in units of the video's time_base.
        duration: in the same, 0 where it is not known.
        picture: what is shown.
        lost: it could not be decoded, and `picture` is another one.
        moved: it had no usable time of its own.
        damaged: the decoder patched it up.
    """

    pts: int
    duration: int
    picture: Picture
    lost: bool = False
    moved: bool = False
    damaged: bool = False


@dataclass(frozen=True, kw_only=True)
class Span:
    """From when to when, in seconds on the clock of the file; None is its start or its end."""

    start_s: Fraction | None
    end_s: Fraction | None

    @classmethod
    def of(cls, info: VideoInfo, start_s: Fraction | None, end_s: Fraction | None) -> Span:
        """Return the span from `start_s` to `end_s`, in seconds from the start of the file.

        A video whose first pictures cannot be decoded begins at the first that can, as if that was asked for.

        Raises:
            BadRequest: it is empty, or starts before the file does.
        """
        if start_s is not None and start_s < 0:
            raise BadRequest(f"start is {_seconds(start_s)}: it cannot be negative")
        if end_s is not None and end_s <= (start_s or 0):
            start = _seconds(start_s or Fraction(0))
            raise BadRequest(f"end is {_seconds(end_s)}, not after start, {start}: choose a later end")
        if start_s is None and info.skipped_frames:
            start_s = Fraction(0)
        return cls(
            start_s=None if start_s is None else info.start_s + start_s,
            end_s=None if end_s is None else info.start_s + end_s,
        )

    @property
    def rounding_s(self) -> Fraction:
        """How much of a picture may be inside without it counting, in seconds."""
        if self.end_s is None or self.start_s is None:
            return ROUNDING_S
        return min(ROUNDING_S, (self.end_s - self.start_s) / 4)

    def zero_s(self, first_s: Fraction) -> Fraction:
        """Return the moment that becomes zero where the first picture is shown at `first_s`.

        That is when it is shown, but the span's start where the video starts later than the span.
        """
        late = self.start_s is not None and first_s - self.start_s > self.rounding_s
        return self.start_s if late and self.start_s is not None else first_s

    def stop_s(self, last_end_s: Fraction) -> Fraction | None:
        """Return when sound ends, if the last picture ends at `last_end_s`; None: with the file."""
        if self.end_s is None:
            return None
        return last_end_s if abs(last_end_s - self.end_s) <= WHOLE_S else self.end_s

    def cut(
        self, moments: Iterator[Moment[Picture]], info: VideoInfo
    ) -> Generator[Moment[Picture], None, None]:
        """Yield the moments inside: the first is the one that is shown at the start.

        Moments are taken one further than the span reaches, no more.

        Args:
            moments: at least one, with increasing pts.
            info: of their video.

        Raises:
            BadRequest: there are none inside.
        """
        tick = info.time_base
        start = -math.inf if self.start_s is None else (self.start_s + self.rounding_s) / tick
        end = math.inf if self.end_s is None else (self.end_s - self.rounding_s) / tick
        held: Moment[Picture] | None = None
        found = False
        for moment in moments:
            if held is not None and moment.pts > start:
                found = True
                yield self._trimmed(held, moment.pts, tick)
            if moment.pts >= end:
                break
            held = moment
        else:
            if held is not None:
                usual = round(1 / (info.average_rate * tick)) if info.average_rate else 0
                stop = held.pts + (held.duration or usual)
                if found or stop > start:
                    yield self._trimmed(held, held.pts + held.duration, tick)
                    return
                self._refuse_late_start(stop * tick, info)
        if not found:
            raise BadRequest("no picture of the video is shown between start and end: choose others")

    def _trimmed(self, moment: Moment[Picture], stop: int, tick: Fraction) -> Moment[Picture]:
        """Return a moment that is shown until `stop` without what is outside and longer than WHOLE_S."""
        pts, duration = moment.pts, moment.duration
        if self.start_s is not None and self.start_s - pts * tick > WHOLE_S:
            pts = math.ceil(self.start_s / tick)
            duration = max(stop - pts, 1)
        if self.end_s is not None and stop * tick > self.end_s:
            late = stop * tick - self.end_s > WHOLE_S
            duration = max((math.ceil(self.end_s / tick) if late else stop) - pts, 1)
        return replace(moment, pts=pts, duration=duration)

    def _refuse_late_start(self, stop_s: Fraction, info: VideoInfo) -> None:
        if self.start_s is not None:
            raise BadRequest(
                f"start is {_seconds(self.start_s - info.start_s)}, but the video ends at "
                f"{_seconds(stop_s - info.start_s)}: choose an earlier start"
            )


def _seconds(moment_s: Fraction) -> str:
    return f"{float(moment_s):.6g} s"
