"""Which pixels of each picture are taken, what size is made of them, and what shape the new pixels have.

A crop is told in the picture as displayed: in square pixels, and parts of them. Pixels come whole, and may be
wide or narrow. So from each picture a window of whole pixels is cut that holds the crop; a model may enlarge
the window; and the crop's place in it is resampled to the size that is delivered. The window has one size
over the whole video, as models want it; where the crop moves, it moves along in whole pixels.

It does not know pixels, models or files.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np

from orchestrator.frames import Crop
from orchestrator.framing.keyframes import ASPECT_TOLERANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from orchestrator.frames import VideoInfo
    from orchestrator.framing.keyframes import CropPath

KERNEL_PX = 3
"""How far around a crop the resampler looks, in pixels of what is smaller, the enlarged window or its result:
Lanczos has three lobes."""

LONGEST_PIXEL = 4096
"""The shape of a pixel is told by two numbers of at most this: x264 keeps no larger ones."""


class View:
    """What a crop shows of one video's pictures.

    Args:
        crop: in pixels of the picture as displayed, and within it (`inside`).
        info: of the video.
        scale: how much larger a model makes the window, each way; 1 without a model.
        margin_px: how much around the crop the model wants to see, in the picture's own pixels. Near the edge
            of the picture there is less.
        size: width and height of what is delivered, in pixels; None gives the crop as many as the model makes
            of it, rounded. Of a crop whose size changes, it is the largest that counts.

    Attributes:
        width, height: of the window, in the picture's own pixels. It holds the largest crop.
        scale: how much larger the model makes the window.
        crop_size: width and height of the largest crop, in the picture's own pixels.
        size: width and height of what is delivered, in pixels.
        sample_aspect_ratio: width : height of its pixels, so that nothing is squeezed: 1, or the source's,
            where they are right to within a pixel of the crop or of what is delivered.
        is_exact: the crop is whole pixels and stays where it is, so it needs no resampling for its own size.
    """

    def __init__(
        self,
        crop: Crop | CropPath,
        info: VideoInfo,
        *,
        scale: int = 1,
        margin_px: int = 0,
        size: tuple[int, int] | None = None,
    ) -> None:
        self._crop = crop
        self.scale = scale
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
            first = np.maximum(np.floor(near - margin_px), 0)
            window = np.minimum(np.ceil(near + largest + margin_px), self._picture) - first
        else:
            window = np.minimum(np.ceil(largest) + 1 + 2 * margin_px, self._picture)
        self._window = window.astype(int)
        self.width, self.height = self._window.tolist()

    def at(self, t_s: float) -> tuple[int, int, Crop]:
        """Return where the window is at a time, and where the crop is in it.

        Args:
            t_s: in seconds from the start of the file.

        Returns:
            Left and top of the window, in the picture's own pixels; and the crop, in pixels of the window as
            the model has enlarged it.
        """
        crop = self._crop if isinstance(self._crop, Crop) else self._crop.at(t_s)
        near = self._pixels(np.array((crop.x, crop.y)))
        first = np.clip(np.floor(near - self._margin_px), 0, self._picture - self._window).astype(int)
        (x, y), (w, h) = (near - first) * self.scale, self._pixels(np.array((crop.w, crop.h))) * self.scale
        left, top = first.tolist()
        return left, top, Crop(x=float(x), y=float(y), w=float(w), h=float(h))

    def _pixels(self, shown: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return a width and a height as displayed, float64 [2], in the picture's own pixels."""
        return np.asarray(shown * self._picture / self._shown, np.float64)


def _pixel_shape(shown: NDArray[np.float64], size: tuple[int, int], source: Fraction) -> Fraction:
    """Return width : height of the pixels of a picture of `size` that shows what is of size `shown`."""
    exact = float(shown[0] / shown[1] * size[1] / size[0])
    off = {shape: abs(float(shape) / exact - 1) for shape in (source, Fraction(1))}
    nearest = min(off, key=off.__getitem__)
    if off[nearest] <= min(ASPECT_TOLERANCE, 1.01 / min(*shown, *size)):
        return nearest
    if exact < 1:
        return 1 / _limited(1 / exact)
    return _limited(exact)


def _limited(shape: float) -> Fraction:
    """Return a number of 1 or more as a fraction of two numbers up to LONGEST_PIXEL."""
    return Fraction(min(shape, LONGEST_PIXEL)).limit_denominator(max(int(LONGEST_PIXEL / shape), 1))
