"""Selects the pictures of a video that are shown between a start and an end time."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Generic, TypeVar

from orchestrator.errors import BadRequest
from orchestrator.frames import VideoInfo

Picture = TypeVar("Picture")

ROUNDING_S = Fraction(1, 1000)
"""Start and end times are often rounded to milliseconds: a picture that is shown for no longer than this in
the range is not part of it."""

WHOLE_S = Fraction(1, 10)
"""A picture at either end of the range keeps its whole duration if no more than this of it is outside, so
that a constant frame rate stays constant. A longer picture, a still, is trimmed to the range."""


@dataclass(frozen=True, kw_only=True)
class TimedPicture(Generic[Picture]):
    """A picture with its presentation time.

    Attributes:
        pts: presentation time in units of the video's time_base.
        duration: duration in the same units, 0 if it is not known.
        picture: the picture.
        lost: whether the picture at this time could not be decoded, so that `picture` is the one before it.
        moved: whether it had no usable time of its own.
        damaged: whether the decoder concealed errors in it.
    """

    pts: int
    duration: int
    picture: Picture
    lost: bool = False
    moved: bool = False
    damaged: bool = False


@dataclass(frozen=True, kw_only=True)
class TimeRange:
    """A start and an end, in seconds on the file's clock; None is the start or the end of the file."""

    start_s: Fraction | None
    end_s: Fraction | None

    @classmethod
    def of(cls, info: VideoInfo, start_s: Fraction | None, end_s: Fraction | None) -> TimeRange:
        """Return the range from `start_s` to `end_s`, in seconds from the start of the file.

        A video whose first pictures cannot be decoded starts at the first picture that can.

        Raises:
            BadRequest: the range is empty, or starts before the file does.
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
        """Longest time that a picture may be in the range without being part of it, in seconds."""
        if self.end_s is None or self.start_s is None:
            return ROUNDING_S
        return min(ROUNDING_S, (self.end_s - self.start_s) / 4)

    def output_zero_s(self, first_s: Fraction) -> Fraction:
        """Return the time that becomes zero in the output, if the first picture is shown at `first_s`.

        It is `first_s`, or the start of the range if the video starts later than that.
        """
        late = self.start_s is not None and first_s - self.start_s > self.rounding_s
        return self.start_s if late and self.start_s is not None else first_s

    def audio_end_s(self, last_end_s: Fraction) -> Fraction | None:
        """Return when audio must end if the last picture ends at `last_end_s`; None means with the file."""
        if self.end_s is None:
            return None
        return last_end_s if abs(last_end_s - self.end_s) <= WHOLE_S else self.end_s

    def select_pictures(
        self, pictures: Iterator[TimedPicture[Picture]], info: VideoInfo
    ) -> Generator[TimedPicture[Picture], None, None]:
        """Yield the pictures in the range; the first is the one that is shown at the start.

        At most one picture after the range is read.

        Args:
            pictures: at least one picture, with increasing pts.
            info: describes their video.

        Raises:
            BadRequest: no picture is in the range.
        """
        tick = info.time_base
        start = -math.inf if self.start_s is None else (self.start_s + self.rounding_s) / tick
        end = math.inf if self.end_s is None else (self.end_s - self.rounding_s) / tick
        held: TimedPicture[Picture] | None = None
        found = False
        for picture in pictures:
            if held is not None and picture.pts > start:
                found = True
                yield self._trimmed(held, picture.pts, tick)
            if picture.pts >= end:
                break
            held = picture
        else:
            if held is not None:
                usual = round(1 / (info.average_rate * tick)) if info.average_rate else 0
                stop = held.pts + (held.duration or usual)
                if found or stop > start:
                    yield self._trimmed(held, held.pts + held.duration, tick)
                    return
                if self.start_s is not None:
                    raise BadRequest(
                        f"start is {_seconds(self.start_s - info.start_s)}, but the video ends at "
                        f"{_seconds(stop * tick - info.start_s)}: choose an earlier start"
                    )
        if not found:
            raise BadRequest("no picture of the video is shown between start and end: choose others")

    def _trimmed(self, picture: TimedPicture[Picture], stop: int, tick: Fraction) -> TimedPicture[Picture]:
        """Trim a picture that is shown until `stop`, if more than WHOLE_S of it is outside the range."""
        pts, duration = picture.pts, picture.duration
        if self.start_s is not None and self.start_s - pts * tick > WHOLE_S:
            pts = math.ceil(self.start_s / tick)
            duration = max(stop - pts, 1)
        if self.end_s is not None and stop * tick > self.end_s:
            late = stop * tick - self.end_s > WHOLE_S
            duration = max((math.ceil(self.end_s / tick) if late else stop) - pts, 1)
        return replace(picture, pts=pts, duration=duration)


def _seconds(time_s: Fraction) -> str:
    return f"{float(time_s):.6g} s"
