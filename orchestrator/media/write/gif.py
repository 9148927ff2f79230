"""Prepares pictures for GIF: reduces them to 256 colours, and moves them to hundredths of a second."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.filter import Graph

from orchestrator.frames import AnyPicture, Frame, Pixels, VideoInfo
from orchestrator.jobs import Quality

TICK = Fraction(1, 100)
"""GIF's unit of time, in seconds (GIF89a, 23)."""

SHORTEST = 2
"""Shortest duration of a picture in TICKs: browsers show a shorter one for ten TICKs."""

COLOURS: dict[Quality, tuple[int, str]] = {
    "high": (256, "sierra2_4a"),
    "medium": (256, "bayer:bayer_scale=3"),
    "low": (64, "bayer:bayer_scale=4"),
}
"""Number of colours and dithering (FFmpeg's paletteuse), by quality: error diffusion looks best, and an
ordered pattern takes fewer bytes."""


class PaletteConverter:
    """Reduces each RGB picture to a palette of its own.

    Args:
        width, height: size of every picture, in pixels.
        out_width: width to which pictures are stretched, in pixels.
        quality: key of COLOURS.
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
        self._count = 0
        self._first: bytes | None = None
        self._last: bytes | None = None

    def __call__(self, pixels: Pixels) -> av.VideoFrame:
        """Return a fresh frame of format pal8 of `pixels`, uint8 [height, width, 3]."""
        frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24")
        frame.pts = self._count
        frame.time_base = Fraction(1)
        self._count += 1
        self._graph.push(frame)
        reduced = cast("av.VideoFrame", self._graph.pull())
        self._mark_return(reduced)
        return reduced

    def _mark_return(self, reduced: av.VideoFrame) -> None:
        """Change the palette invisibly if it is that of the first picture, but not that of the last one.

        FFmpeg leaves out pixels that have the same palette index as in the picture before. If a picture has
        the palette of the first one, it does not check whether the picture before had it too, and old colours
        stay. It does check if the colour of transparent pixels differs, so this method changes that colour;
        no pixel is transparent.
        """
        palette = bytes(reduced.planes[1])
        if self._first is None:
            self._first = palette
        elif palette == self._first != self._last:
            marked = np.frombuffer(palette, np.uint32).copy()
            marked[marked >> 24 == 0] ^= 1
            reduced.planes[1].update(marked.tobytes())
        self._last = palette


def set_last_delay(path: Path, last: bytes, delay: int) -> None:
    """Set how long the last picture of a GIF is shown; FFmpeg's muxer repeats the duration of the one before.

    Args:
        path: finished file.
        last: packet of the last picture, which begins with its Graphic Control Extension (GIF89a, 23).
        delay: duration in hundredths of a second.
    """
    with path.open("r+b") as file:
        file.seek(-1 - len(last) + 4, 2)  # the trailer follows the packet; the delay is its fifth byte
        file.write(min(delay, 0xFFFF).to_bytes(2, "little"))


def paced(info: VideoInfo) -> VideoInfo:
    """Describe the video whose frames a `GifFrameSelector` has chosen: their times are in TICKs."""
    fastest = 1 / (SHORTEST * TICK)
    rate, frames = info.average_rate, info.frames
    if rate is not None and rate > fastest:
        frames = None if frames is None else max(1, round(frames * fastest / rate))
        rate = fastest
    return replace(info, time_base=TICK, average_rate=rate, frames=frames)


class GifFrameSelector:
    """Chooses the pictures of a video that a GIF shows, and gives them times that browsers respect.

    Two pictures are at least SHORTEST ticks apart. A picture that comes sooner is delayed until then if it is
    still current, and dropped otherwise. So a picture is at most 1/100 s late. One picture is held back.

    Args:
        info: description of the video.

    Attributes:
        left_out: number of pictures that were dropped.
    """

    def __init__(self, info: VideoInfo) -> None:
        self.left_out = 0
        self._ticks = info.time_base / TICK  # per tick of the source
        self._usual = 1 / (info.average_rate * TICK) if info.average_rate else Fraction(0)

    def run(self, frames: Iterator[Frame[AnyPicture]]) -> Generator[Frame[AnyPicture], None, None]:
        """Yield the chosen frames with new numbers, and with times and durations in TICKs.

        Args:
            frames: frames of the video in presentation order, with rising pts.
        """
        held: Frame[AnyPicture] | None = None
        number = start = earliest = 0  # of the held picture
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
            self.left_out += 1  # it ends before it could be shown
        else:
            duration = max(round(end) - start, SHORTEST) if length else 0
            yield replace(held, index=number, pts=start, duration=duration)

    @property
    def notes(self) -> list[str]:
        """One sentence if pictures were dropped; complete after the last frame."""
        if not self.left_out:
            return []
        pictures = "1 picture was" if self.left_out == 1 else f"{self.left_out} pictures were"
        return [f"{pictures} left out: browsers play at most 50 a second of a gif; mp4 and webm keep all"]
