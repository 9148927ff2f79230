"""Keeps the luma of evenly spread pairs of consecutive frames before they are enlarged, to measure flicker.

As in `sampler`, the length of the video need not be known: at first every pair is kept, then every second...
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from numpy.typing import NDArray

from orchestrator.fidelity.metrics import luma
from orchestrator.fidelity.sampler import shown_pixels, whole_or
from orchestrator.frames import Crop, Frame
from orchestrator.plane_format import PlaneFormat

MOST_PAIRS = 16
"""Most pairs that are kept; of a long video, at least half as many."""

MOST_SOURCE_PX = 1280 * 720
"""Most pixels of the source that are kept of a frame. All pairs take at most 30 MB, whatever the video."""

MOST_OUTPUT_PX = 2560 * 1440
"""Most pixels of the output that show them. Measuring a pair takes about 200 MB."""


@dataclass(frozen=True, kw_only=True)
class Area:
    """A part of the picture, with its edges as shares of the picture's width and height, 0..1."""

    left: float
    top: float
    right: float
    bottom: float

    def cut(self, picture: NDArray[Any]) -> NDArray[Any]:
        """Return this part of a picture [h, w, ...], as a view."""
        height, width = picture.shape[:2]
        rows = slice(round(self.top * height), round(self.bottom * height))
        return picture[rows, round(self.left * width) : round(self.right * width)]


@dataclass(frozen=True, kw_only=True)
class SourcePair:
    """Two consecutive frames of the source.

    Attributes:
        index: number of the first frame in the output, from 0.
        times_s: when each is shown, in seconds since the first frame of the output.
        lumas: uint8 [h, w], BT.709, of the part that `PairSampler.area` describes.
    """

    index: int
    times_s: tuple[Fraction, Fraction]
    lumas: tuple[NDArray[np.uint8], NDArray[np.uint8]]


@dataclass(frozen=True, kw_only=True)
class _Kept:
    """One frame that may be the first of a pair."""

    index: int
    time_s: Fraction
    luma: NDArray[np.uint8]


class PairSampler:
    """Keeps evenly spread pairs of consecutive frames of those that pass.

    Of a large picture, only the middle is kept, with the picture's aspect ratio.

    Args:
        width, height: size of the output's pictures, in pixels.
        time_base: unit of the frames' pts, in seconds.
        planes: format of the frames' planes; None for RGB.
        most: most pairs that are kept.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        time_base: Fraction,
        planes: PlaneFormat | None = None,
        most: int = MOST_PAIRS,
    ) -> None:
        self.area = Area(left=0.0, top=0.0, right=1.0, bottom=1.0)
        self._delivered = (width, height)
        self._time_base = time_base
        self._planes = planes
        self._most = most
        self._stride = 1
        self._frames = 0
        self._first_pts = 0
        self._size = (width, height)
        self._before: _Kept | None = None
        self._pairs: list[SourcePair] = []

    def see(self, frame: Frame[Any], box: Crop | None = None) -> None:
        """Take the next frame; see `FrameSampler.see`."""
        if not self._frames:
            self._first_pts = frame.pts
            self._choose_area(whole_or(box, frame.pixels))
        is_second = self._before is not None
        is_first = self._frames % self._stride == 0
        if is_first or is_second:
            seen = self._keep(frame, box)
            if self._before is not None:
                self._add(self._before, seen)
            self._before = seen if self._frames % self._stride == 0 else None
        self._frames += 1

    def pairs(self) -> list[SourcePair]:
        """Return the pairs in order of time; none if fewer than two frames have passed."""
        return list(self._pairs)

    def _add(self, first: _Kept, second: _Kept) -> None:
        self._pairs.append(
            SourcePair(
                index=first.index,
                times_s=(first.time_s, second.time_s),
                lumas=(first.luma, second.luma),
            )
        )
        if len(self._pairs) > self._most:
            del self._pairs[1::2]
            self._stride *= 2

    def _keep(self, frame: Frame[Any], box: Crop | None) -> _Kept:
        pixels = shown_pixels(frame.pixels, whole_or(box, frame.pixels), self._size, self._planes)
        return _Kept(
            index=self._frames,
            time_s=(frame.pts - self._first_pts) * self._time_base,
            luma=np.asarray(np.rint(luma(self.area.cut(pixels))), np.uint8),
        )

    def _choose_area(self, box: Crop) -> None:
        width, height = self._delivered
        self._size = min(round(box.w), width), min(round(box.h), height)
        most_share = min(
            1.0, MOST_SOURCE_PX / (self._size[0] * self._size[1]), MOST_OUTPUT_PX / (width * height)
        )
        edge = (1 - math.sqrt(most_share)) / 2
        self.area = replace(self.area, left=edge, top=edge, right=1 - edge, bottom=1 - edge)
