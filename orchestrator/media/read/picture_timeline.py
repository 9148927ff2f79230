"""Puts decoded pictures on a timeline with rising times, and repeats pictures in place of lost ones."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction

import av

from orchestrator.errors import BadMedia
from orchestrator.media.read.lost_frames import DecoderTimestamps
from orchestrator.media.time_range import TimedPicture
from orchestrator.video_source import VideoSource

DecodedPicture = TimedPicture[av.VideoFrame]

MAX_LOST_S = 5
"""A longer stretch in which no picture can be decoded is an error, not a still picture."""

MAX_GAP_S = 6 * 3600
"""A longer time between two pictures is a damaged clock; MP4 holds up to 2**31 ticks of 90 kHz, 6.6 hours."""


class PictureTimeline:
    """Puts the decoded pictures of one video in presentation order.

    Args:
        path: the video, for messages.
        timestamps: the times of the pictures in the decoder.
        time_base: unit of every pts, in seconds.

    Attributes:
        last: the last picture so far, or None.
        longest_gap_s: longest time between two pictures so far, in seconds.
    """

    def __init__(self, path: VideoSource, timestamps: DecoderTimestamps, *, time_base: Fraction) -> None:
        self.last: DecodedPicture | None = None
        self.longest_gap_s = 0 * time_base
        self._path = path
        self._timestamps = timestamps
        self._tick = time_base

    def place(self, decoded: av.VideoFrame, pts: int | None) -> Iterator[DecodedPicture]:
        """Yield a decoded picture, after repeats of the last one at the times of lost pictures before it.

        A picture without a pts gets the last one's plus its duration; a picture whose pts is not after the
        last one's gets that plus one tick.

        Raises:
            BadMedia: all pictures of MAX_LOST_S seconds are lost, or the time jumps by MAX_GAP_S.
        """
        last = self.last
        if pts is not None:
            lost = self._timestamps.lost_between(last.pts if last else None, pts)
            yield from self._repeat(lost, last.picture if last else decoded)
            if pts in self._timestamps.given_up:
                return  # the picture came too late and was replaced
            last = self.last
        moved = last is not None and (pts is None or pts <= last.pts)
        if moved and last is not None:
            pts = last.pts + max(last.duration if pts is None else 1, 1)
        yield self._append(
            TimedPicture(
                pts=pts or 0,
                duration=decoded.duration,
                picture=decoded,
                moved=moved,
                damaged=decoded.is_corrupt,
            )
        )

    def finish(self) -> Iterator[DecodedPicture]:
        """Yield repeats of the last picture at the times of lost pictures after it. Raises BadMedia, too."""
        if self.last is not None:
            yield from self._repeat(self._timestamps.lost_between(self.last.pts, None), self.last.picture)

    def _repeat(self, lost: list[int], picture: av.VideoFrame) -> Iterator[DecodedPicture]:
        if lost and (lost[-1] - lost[0]) * self._tick > MAX_LOST_S:
            raise BadMedia(
                f"{self._path} is damaged: from {self._at(lost[0])} to {self._at(lost[-1])} no picture "
                "can be decoded, copy or export it again"
            )
        for pts in lost:
            yield self._append(TimedPicture(pts=pts, duration=0, picture=picture, lost=True))

    def _append(self, picture: DecodedPicture) -> DecodedPicture:
        if self.last is not None:
            self.longest_gap_s = max(self.longest_gap_s, (picture.pts - self.last.pts) * self._tick)
            if self.longest_gap_s > MAX_GAP_S:
                at = self._at(self.last.pts)
                raise BadMedia(f"{self._path} is damaged: its clock jumps after {at}, export it again")
        self.last = picture
        return picture

    def _at(self, pts: int) -> str:
        return f"{float(pts * self._tick):.2f} s"
