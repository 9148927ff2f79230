"""Keeps small copies of evenly spaced frames before they are encoded, for the check of the finished file.

The length of the video need not be known: at first every frame is kept, then every second, every fourth...
If it is known, only the frames that will be compared are kept.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Generator, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, TypeVar, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import AnyPicture, Crop, DeepPixels, Frame, Picture, Pixels, Planes, Samples
from orchestrator.media.colour.resize import resize
from orchestrator.media.colour.resize_planes import resize_planes
from orchestrator.plane_format import PlaneFormat

Levels = TypeVar("Levels", bound=NDArray[np.unsignedinteger])

MOST = 32
"""Most frames that are kept, besides the last one; of a long video, at least half as many."""

MOST_PX = 640 * 360
"""Most pixels of one. All of them take at most 23 MB, whatever the video."""


@dataclass(frozen=True, kw_only=True)
class Sample:
    """One frame as the output should show it.

    Attributes:
        time_s: when it is shown, in seconds since the first frame.
        pixels: uint8 [h, w, 3] RGB, scaled down to at most MOST_PX, and never larger than in the output.
    """

    index: int
    time_s: Fraction
    pixels: Pixels


class FrameSampler:
    """Keeps evenly spread samples of the frames that pass, including the first and the last.

    Args:
        width, height: size of the output's pictures, in pixels; the frames that pass may have another size.
        time_base: unit of the frames' pts, in seconds.
        rate: frames per second; determines the duration of a last frame that has none.
        planes: format of the frames' planes; None for RGB.
        kept: the numbers of the frames to keep, counted from the first that passes; the last one is kept in
            any case. None keeps evenly spread ones, at most MOST besides the last.

    Attributes:
        frames: number of frames that have passed.
    """

    def __init__(
        self,
        *,
        width: int,
        height: int,
        time_base: Fraction,
        rate: Fraction | None = None,
        planes: PlaneFormat | None = None,
        kept: Collection[int] | None = None,
    ) -> None:
        self.frames = 0
        self._wanted = kept
        self._rate = rate
        self._delivered = (width, height)
        self._time_base = time_base
        self._planes = planes
        self._stride = 1
        self._kept: list[Sample] = []
        self._first_pts = 0
        self._last: tuple[Frame[Picture], Crop | None] | None = None

    def watch(self, frames: Iterator[Frame[AnyPicture]]) -> Generator[Frame[AnyPicture], None, None]:
        """Yield the frames unchanged, and sample the whole picture of each."""
        for frame in frames:
            self.see(frame)
            yield frame

    def see(self, frame: Frame[Any], box: Crop | None = None) -> None:
        """Take the next frame. It is held until the next one comes, as it may be the last.

        Args:
            frame: the next frame.
            box: the part of its picture to sample, in its pixels; None for all.
        """
        if not self.frames:
            self._first_pts = frame.pts
        if self._wanted is not None:
            if self.frames in self._wanted:
                self._kept.append(self._sample(frame, box))
        elif self.frames % self._stride == 0:
            self._kept.append(self._sample(frame, box))
            if len(self._kept) > MOST:
                del self._kept[1::2]
                self._stride *= 2
        self._last = (frame, box)
        self.frames += 1

    def samples(self) -> list[Sample]:
        """Return the samples in order, ending with the last frame that has passed."""
        if self._last is None or (self._kept and self._kept[-1].index == self._last[0].index):
            return list(self._kept)
        return [*self._kept, self._sample(*self._last)]

    @property
    def first_s(self) -> Fraction:
        """When the first picture is shown, in seconds on the clock of the frames."""
        return self._first_pts * self._time_base

    @property
    def duration_s(self) -> Fraction:
        """From the first picture to the end of the last."""
        if self._last is None:
            return Fraction(0)
        frame, _ = self._last
        usual_s = 1 / self._rate if self._rate else Fraction(0)
        last_s = frame.duration * self._time_base or usual_s
        return (frame.pts - self._first_pts) * self._time_base + last_s

    def _sample(self, frame: Frame[Picture], box: Crop | None) -> Sample:
        box = whole_or(box, frame.pixels)
        width, height = min(round(box.w), self._delivered[0]), min(round(box.h), self._delivered[1])
        shrink = min(1.0, math.sqrt(MOST_PX / max(1, width * height)))
        size = max(1, round(width * shrink)), max(1, round(height * shrink))
        return Sample(
            index=frame.index,
            time_s=(frame.pts - self._first_pts) * self._time_base,
            pixels=shown_pixels(frame.pixels, box, size, self._planes),
        )


def shown_pixels(picture: Picture, box: Crop, size: tuple[int, int], planes: PlaneFormat | None) -> Pixels:
    """Return a part of a picture as it is shown: uint8 [h, w, 3] RGB, a copy.

    Args:
        picture: the picture, in any form.
        box: the part of it, in its pixels.
        size: width and height of the result, in pixels.
        planes: format of planes.

    Raises:
        ValueError: the picture has planes, and their format is not given.
    """
    if not isinstance(picture, Planes):
        return _cut(picture, box, size)
    if planes is None:
        raise ValueError("planes cannot be read without their format")
    return _from_planes(picture, box, size, planes)


def whole_or(box: Crop | None, picture: Picture) -> Crop:
    """Return the box, or that of the whole picture if there is none."""
    height, width = (picture.y if isinstance(picture, Planes) else picture).shape[:2]
    return box or Crop(x=0, y=0, w=width, h=height)


def _from_planes(picture: Planes, box: Crop, size: tuple[int, int], planes: PlaneFormat) -> Pixels:
    """Convert Y'CbCr to RGB, by the equations of ITU-T H.273, 8.3."""
    (width, height), whole = size, [int(edge) for edge in (box.x, box.y, box.w, box.h)]
    across, down = planes.chroma
    if whole == [box.x, box.y, box.w, box.h] and whole[0] % across == 0 and whole[1] % down == 0:
        part = picture.crop(x=whole[0], y=whole[1], width=whole[2], height=whole[3])
        even = (part.y, *(_at_every_pixel(plane, part, planes) for plane in (part.u, part.v)))
        levels = [scaled(plane, size).astype(np.float32) for plane in even]
    else:
        like = replace(planes, chroma=(1, 1), siting=(0.0, 0.0))
        part = resize_planes(picture, planes, width=width, height=height, box=box, to=like)
        levels = [plane.astype(np.float32) for plane in part]
    matrix, offset = planes.to_rgb()
    rgb = np.stack(levels, axis=-1) @ (255 * matrix.T).astype(np.float32) + (255 * offset).astype(np.float32)
    return np.asarray(np.rint(rgb).clip(0, 255), np.uint8)


def _at_every_pixel(chroma: Samples, picture: Planes, planes: PlaneFormat) -> Samples:
    """Interpolate a plane of chroma linearly at the pixels of its picture, as players do."""
    if planes.chroma == (1, 1):
        return chroma
    (across, down), (x, y), (height, width) = planes.chroma, planes.siting, picture.y.shape
    to_samples = np.array([[1 / across, 0, -x / across], [0, 1 / down, -y / down]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    wide = cv2.warpAffine(chroma, to_samples, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return cast("Samples", wide)


def _cut(picture: Pixels | DeepPixels, box: Crop, size: tuple[int, int]) -> Pixels:
    left, top, right, bottom = (int(edge) for edge in (box.x, box.y, box.x + box.w, box.y + box.h))
    small: Pixels | DeepPixels
    if (left, top, right, bottom) == (box.x, box.y, box.x + box.w, box.y + box.h):
        small = scaled(picture[top:bottom, left:right], size)
    else:
        small = resize(cast("Pixels", picture), width=size[0], height=size[1], box=box)  # of either depth
    if small.dtype == np.uint8:
        return np.array(small, np.uint8)  # a copy, because the frame is not ours to keep
    return np.asarray(np.rint(small / 257), np.uint8)


def scaled(picture: Levels, size: tuple[int, int]) -> Levels:
    """Scale a picture; when shrinking, each pixel is the mean of the pixels that it covers.

    Args:
        picture: uint8 or uint16 [h, w] or [h, w, 3].
        size: width and height of the result, in pixels.
    """
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture
    larger = size[0] > width or size[1] > height
    kernel = cv2.INTER_LINEAR if larger else cv2.INTER_AREA
    return cast("Levels", cv2.resize(picture, size, interpolation=kernel))
