"""What is special about GIF: pictures of 256 colours, and hundredths of a second."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING, cast

import av
import numpy as np
from av.filter import Graph

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator
    from pathlib import Path

    from orchestrator.frames import AnyPicture, Frame, Pixels, VideoInfo
    from orchestrator.jobs import Quality

TICK = Fraction(1, 100)
"""GIF's unit of time, in seconds (GIF89a, 23)."""

SHORTEST = 2
"""Browsers show a picture of less than so many hundredths for ten of them."""

COLOURS: dict[Quality, tuple[int, str]] = {
    "high": (256, "sierra2_4a"),
    "medium": (256, "bayer:bayer_scale=3"),
    "low": (64, "bayer:bayer_scale=4"),
}
"""How many colours a picture has, and how those between are mixed (FFmpeg's paletteuse): spread errors look
best, an ordered pattern costs fewer bytes."""


class ToPalette:
    """Reduces RGB pictures to a palette of their own, one at a time: nothing is kept between them.

    Args:
        width, height: of every picture, in pixels.
        out_width: to which they are stretched, in pixels.
        quality: which of COLOURS.
    """

    def __init__(self, *, width: int, height: int, out_width: int, quality: Quality) -> None:
        colours, dither = COLOURS[quality]
        self._graph = Graph()
        source = self._graph.add("buffer", f"video_size={width}x{height}:pix_fmt=rgb24:time_base=1/1")
        stretch = self._graph.add("scale", f"{out_width}:{height}:flags=lanczos+accurate_rnd")
        split = self._graph.add("split")
        choose = self._graph.add("palettegen", f"stats_mode=single:max_colors={colours}")
        use = self._graph.add("paletteuse", f"new=1:dither={dither}")
        sink = self._graph.add("buffersink")
        source.link_to(stretch)
        stretch.link_to(split)
        split.link_to(choose, 0)
        split.link_to(use, 1, 0)
        choose.link_to(use, 0, 1)
        use.link_to(sink)
        self._graph.configure()
        self._made = 0
        self._first: bytes | None = None
        self._last: bytes | None = None

    def __call__(self, pixels: Pixels) -> av.VideoFrame:
        """Return a fresh frame of format pal8 of `pixels`, uint8 [height, width, 3]."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame.pts = self._made
        frame.time_base = Fraction(1)
        self._made += 1
        self._graph.push(frame)
        made = cast("av.VideoFrame", self._graph.pull())
        self._mark_return(made)
        return made

    def _mark_return(self, made: av.VideoFrame) -> None:
        """Change the palette, where nobody sees it, if it is the first picture's and the last one's was not.

        FFmpeg leaves out pixels whose number in the palette is that of the picture before. For a picture that
        has the palette of the first it does not ask whether the one before had it too, and colours that are
        gone stay. With another colour for transparent pixels, of which there are none, it does ask.
        """
        palette = bytes(made.planes[1])
        if self._first is None:
            self._first = palette
        elif palette == self._first != self._last:
            marked = np.frombuffer(palette, np.uint32).copy()
            marked[marked >> 24 == 0] ^= 1
            made.planes[1].update(marked.tobytes())
        self._last = palette


def set_last_delay(path: Path, last: bytes, delay: int) -> None:
    """Say how long the last picture of a GIF is shown; FFmpeg shows it as long as the one before.

    Args:
        path: the finished file.
        last: the last picture's packet, which begins with its Graphic Control Extension (GIF89a, 23).
        delay: in hundredths of a second.
    """
    with path.open("r+b") as file:
        file.seek(-1 - len(last) + 4, 2)  # before it there is the trailer; its delay is its fifth byte
        file.write(min(delay, 0xFFFF).to_bytes(2, "little"))


def paced(info: VideoInfo) -> VideoInfo:
    """Describe the video whose frames a `GifPace` has chosen: their times are in TICKs."""
    fastest = 1 / (SHORTEST * TICK)
    rate, frames = info.average_rate, info.frames
    if rate is not None and rate > fastest:
        frames = None if frames is None else max(1, round(frames * fastest / rate))
        rate = fastest
    return replace(info, time_base=TICK, average_rate=rate, frames=frames)


class GifPace:
    """Chooses the pictures of a video that a GIF shows, and puts them at times that browsers keep.

    There are SHORTEST hundredths of a second between two pictures at least. A picture that comes sooner after
    the one before is shown as soon as that has passed if it is still the one to be seen then; otherwise it is
    left out. So a picture is shown at most 1/100 s late. One picture is held.

    Args:
        info: of the video.

    Attributes:
        left_out: how many pictures are not.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.left_out = 0
        self._ticks = info.time_base / TICK  # of one of the source
        self._usual = 1 / (info.average_rate * TICK) if info.average_rate else Fraction(0)

    def run(self, frames: Iterator[Frame[AnyPicture]]) -> Generator[Frame[AnyPicture], None, None]:
        """Yield the frames that are shown, numbered anew, with times and durations in TICKs.

        Args:
            frames: of the video, in presentation order, with rising pts.
        """
        held: Frame[AnyPicture] | None = None
        number = start = earliest = 0  # of the one that is held
        offset = length = end = Fraction(0)
        for frame in frames:
            exact = frame.pts * self._ticks
            if held is None:  # the first picture begins on a tick
                earliest = round(exact)
                offset = exact - earliest
            due = round(exact - offset)
            if held is None:
                pass
            elif due > start:
                earliest = start + SHORTEST
                yield replace(held, index=number, pts=start, duration=max(due, earliest) - start)
                number += 1
            else:
                self.left_out += 1
            held, start = frame, max(due, earliest)
            length = frame.duration * self._ticks or self._usual
            end = exact - offset + length
        if held is None:
            return
        if number and length and round(end) <= start:
            self.left_out += 1  # it ends before there is room for it
        else:
            duration = max(round(end) - start, SHORTEST) if length else 0
            yield replace(held, index=number, pts=start, duration=duration)

    @property
    def notes(self) -> list[str]:
        """One sentence where pictures were left out; complete after the last."""
        if not self.left_out:
            return []
        pictures = "1 picture was" if self.left_out == 1 else f"{self.left_out} pictures were"
        return [f"{pictures} left out: browsers play at most 50 a second of a gif; mp4 and webm keep all"]
