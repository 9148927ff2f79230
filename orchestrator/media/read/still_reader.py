"""Reads the pictures of a video at a few times, upright, in square pixels and as SDR.

It seeks to the keyframe before each time, so its cost does not grow with the length of the video.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from typing import cast

import av

from orchestrator.frames import Letterbox, Pixels, VideoInfo
from orchestrator.media.read.decoded_pictures import DecodedPictures
from orchestrator.media.read.deinterlace import Deinterlacer
from orchestrator.media.read.frame_to_picture import FrameToPicture
from orchestrator.media.read.uniform_frames import UniformFrames
from orchestrator.media.time_range import TimedPicture, TimeRange
from orchestrator.video_source import VideoSource

MOST_DECODED = 3000
"""Most pictures of a file that are decoded. x264 and x265 place keyframes at most 250 pictures apart, so this
is enough for eight times in a file that can seek."""

READ_ON_S = 5
"""If the next time is at most this many seconds later, the video is read on: with keyframes up to 10 s apart,
a seek would not save much."""


def stills(
    path: VideoSource, info: VideoInfo, times_s: Sequence[Fraction], *, longest_px: int
) -> Generator[tuple[int, Fraction, Pixels], None, None]:
    """Yield the pictures that are shown at some times, one after the other.

    It ends early where MOST_DECODED pictures do not suffice: in a format or a video without keyframes to seek
    to.

    Args:
        path: the video that `info` describes.
        info: its description from `probe`.
        times_s: rising times, in seconds from the start of the file (`info.start_s`).
        longest_px: longest side of the pictures, in pixels; larger ones are scaled down.

    Yields:
        The index of the time; when its picture begins, in seconds from the start of the file; and the
        picture: uint8 [H, W, 3] RGB.

    Raises:
        BadMedia, UnsupportedMedia: see `VideoReader.frames`.
    """
    size = _fitted(info.display_size, longest_px)
    to_picture = FrameToPicture(path, info, threads=0, letterbox=_tight(size), tonemap=True)
    limit = _DecodingLimit(MOST_DECODED)
    for run in _runs(times_s):
        span = TimeRange.of(info, max(times_s[run[0]], Fraction(0)), None)
        targets = [(info.start_s + times_s[number]) / info.time_base for number in run]
        with closing(DecodedPictures(path, info, threads=0, span=span)) as pictures:
            form = pictures.stream.container.format.name
            uniform = UniformFrames(path, info, format_name=form, form="rgb")
            deinterlaced = Deinterlacer(pictures.stream, threads=0).run(limit.applied_to(pictures))
            try:
                for number, shown in zip(run, _shown_at(deinterlaced, targets), strict=True):
                    at_s = shown.pts * info.time_base - info.start_s
                    pixels = to_picture(uniform(shown.picture, at_s=at_s))
                    yield number, at_s, cast("Pixels", pixels)
            except _LimitReached:
                return


def _fitted(size: tuple[int, int], longest_px: int) -> tuple[int, int]:
    """Return width and height of a picture that is scaled down until no side is longer than `longest_px`."""
    shrink = min(Fraction(1), Fraction(longest_px, max(size)))
    width, height = (max(1, round(side * shrink)) for side in size)
    return width, height


def _tight(size: tuple[int, int]) -> Letterbox:
    """Return a letterbox without padding."""
    width, height = size
    return Letterbox(
        source_width=width,
        source_height=height,
        width=width,
        height=height,
        left=0,
        top=0,
        inner_width=width,
        inner_height=height,
    )


def _runs(times_s: Sequence[Fraction]) -> list[list[int]]:
    """Divide the indexes of times into those that are read without a seek between them."""
    runs: list[list[int]] = []
    for number, time_s in enumerate(times_s):
        if runs and time_s - times_s[number - 1] <= READ_ON_S:
            runs[-1].append(number)
        else:
            runs.append([number])
    return runs


def _shown_at(
    pictures: Iterable[TimedPicture[av.VideoFrame]], targets: Sequence[Fraction]
) -> Iterator[TimedPicture[av.VideoFrame]]:
    """Yield the picture that is shown at each target, a time in units of the pictures' pts.

    Before the first picture that is the first, and after the last one the last.
    """
    due = deque(targets)
    held: TimedPicture[av.VideoFrame] | None = None
    for picture in pictures:
        while held is not None and due and picture.pts > due[0]:
            due.popleft()
            yield held
        if not due:
            return
        held = picture
    if held is not None:
        yield from [held] * len(due)


class _LimitReached(Exception):
    """Too many pictures were decoded."""


class _DecodingLimit:
    """Limits how many pictures are decoded in all."""

    def __init__(self, most: int) -> None:
        self._left = most

    def applied_to(
        self, pictures: Iterable[TimedPicture[av.VideoFrame]]
    ) -> Iterator[TimedPicture[av.VideoFrame]]:
        for picture in pictures:
            if not self._left:
                raise _LimitReached
            self._left -= 1
            yield picture
