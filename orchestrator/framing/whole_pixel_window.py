"""Computes the window of whole pixels to cut out of each picture, and where the crop lies in that window.

A crop is given in fractions of the square pixels of the picture as displayed; coded pixels are whole, and may
be wide or narrow. So a window of whole pixels that contains the crop is cut out of each picture, a model may
enlarge the window, and the crop in it is resampled to the size of the output. All windows of a video have one
size, because models need that; a window follows a moving crop in whole pixels.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Crop, VideoInfo
from orchestrator.framing.keyframes import ASPECT_TOLERANCE, CropPath

KERNEL_PX = 3
"""Reach of the Lanczos resampler, which has three lobes, around a crop: in pixels of the enlarged window or
of the output, whichever is smaller."""

LONGEST_PIXEL = 4096
"""Largest number in a sample aspect ratio: x264 keeps no larger ones."""


class WholePixelWindow:
    """The window and the output size for a crop of one video.

    Args:
        crop: the crop in pixels of the picture as displayed, inside the picture (`check_crop`).
        info: describes the video.
        scale: factor by which a model enlarges the window's width and height; 1 without a model.
        margin_px: how much of the picture around the crop the model needs, in coded pixels. There is less
            near the edge of the picture.
        step: windows begin at multiples of these columns and rows, and end at them or at the picture's edge.
        size: width and height of the output, in pixels; None for the rounded size of the enlarged crop (of
            the largest crop, if its size changes).

    Attributes:
        width, height: size of the window, in coded pixels. It can hold the largest crop.
        scale: factor by which the model enlarges the window.
        crop_size: width and height of the largest crop, in coded pixels.
        size: width and height of the output, in pixels.
        sample_aspect_ratio: width : height of the output's pixels, which keeps shapes right. It is 1 or the
            source's if that is right to within a pixel of the crop or of the output.
        is_exact: whether the crop is whole pixels and does not move, so needs no resampling at its own size.
    """

    def __init__(
        self,
        crop: Crop | CropPath,
        info: VideoInfo,
        *,
        scale: int = 1,
        margin_px: int = 0,
        step: tuple[int, int] = (1, 1),
        size: tuple[int, int] | None = None,
    ) -> None:
        self._crop = crop
        self.scale = scale
        self._step = np.array(step)
        self._picture = np.array([info.width, info.height])
        self._shown = np.array(info.display_size)
        still = isinstance(crop, Crop)
        shown = np.array((crop.w, crop.h) if isinstance(crop, Crop) else crop.size, np.float64)
        largest = self._pixels(shown)
        self.crop_size: tuple[float, float] = (float(largest[0]), float(largest[1]))
        width, height = size or np.maximum(np.rint(largest * scale), 1).astype(int).tolist()
        self.size: tuple[int, int] = (width, height)
        self.sample_aspect_ratio = _pixel_shape(shown, self.size, info.sample_aspect_ratio)

        near = self._pixels(np.array((crop.x, crop.y))) if isinstance(crop, Crop) else np.full(2, 0.5)
        self.is_exact = still and bool((near % 1 == 0).all() and (largest % 1 == 0).all())
        if not self.is_exact:
            reach = KERNEL_PX * max(1 / scale, *(largest / self.size))
            margin_px = max(margin_px, int(np.ceil(reach)))
        self._margin_px = margin_px
        if still:
            first = self._whole_steps(np.maximum(np.floor(near - margin_px), 0))
            end = -self._whole_steps(-np.ceil(near + largest + margin_px))
            window = np.minimum(end, self._picture) - first
        else:
            window = np.minimum(np.ceil(largest) + 2 * margin_px + self._step, self._picture)
            window += (self._picture - window) % self._step  # so that the last window begins at a step
        self._window = window.astype(int)
        self.width, self.height = self._window.tolist()

    def at(self, t_s: float) -> tuple[int, int, Crop]:
        """Return the position of the window at a time, and that of the crop in it.

        Args:
            t_s: time in seconds from the start of the file.

        Returns:
            Left and top of the window, in coded pixels; and the crop, in pixels of the enlarged window.
        """
        crop = self._crop if isinstance(self._crop, Crop) else self._crop.at(t_s)
        near = self._pixels(np.array((crop.x, crop.y)))
        wanted = self._whole_steps(np.floor(near - self._margin_px))
        first = np.clip(wanted, 0, self._picture - self._window).astype(int)
        (x, y), (w, h) = (near - first) * self.scale, self._pixels(np.array((crop.w, crop.h))) * self.scale
        left, top = first.tolist()
        return left, top, Crop(x=float(x), y=float(y), w=float(w), h=float(h))

    def _whole_steps(self, places: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the multiples of the step at or before places, float64 [2]."""
        return np.asarray(np.floor(places / self._step) * self._step, np.float64)

    def _pixels(self, shown: NDArray[np.float64]) -> NDArray[np.float64]:
        """Convert a displayed width and height, float64 [2], to coded pixels."""
        return np.asarray(shown * self._picture / self._shown, np.float64)


def _pixel_shape(shown: NDArray[np.float64], size: tuple[int, int], source: Fraction) -> Fraction:
    """Return the sample aspect ratio of an output of `size` that shows an area of displayed size `shown`."""
    exact = float(shown[0] / shown[1] * size[1] / size[0])
    off = {shape: abs(float(shape) / exact - 1) for shape in (source, Fraction(1))}
    nearest = min(off, key=off.__getitem__)
    if off[nearest] <= min(ASPECT_TOLERANCE, 1.01 / min(*shown, *size)):
        return nearest
    if exact < 1:
        return 1 / _limited(1 / exact)
    return _limited(exact)


def _limited(shape: float) -> Fraction:
    """Return a number of 1 or more as a fraction of two integers up to LONGEST_PIXEL."""
    return Fraction(min(shape, LONGEST_PIXEL)).limit_denominator(max(int(LONGEST_PIXEL / shape), 1))
