"""Decoded frames as upright RGB, letterboxed if asked. Knows nothing of time or files."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import PADDING_LEVEL
from orchestrator.media.colour import ToRgb

if TYPE_CHECKING:
    from pathlib import Path

    import av

    from orchestrator.frames import Letterbox, Pixels, VideoInfo


class ToUpright:
    """Makes the pictures of one video.

    Args:
        path: of it, for messages.
        info: what `probe` said of it.
        threads: of the colour conversion; 0 lets swscale choose.
        letterbox: where each picture is to lie, or None.
    """

    def __init__(
        self, path: Path, info: VideoInfo, *, threads: int, letterbox: Letterbox | None = None
    ) -> None:
        self._path = path
        self._info = info
        self._letterbox = letterbox
        coded = None
        if letterbox is not None:
            coded = _turned((letterbox.inner_width, letterbox.inner_height), info.rotation)
        self._to_rgb = ToRgb(info.colour, threads=threads, size=coded)

    def __call__(self, decoded: av.VideoFrame, *, index: int) -> Pixels:
        """Return a fresh contiguous uint8 [H, W, 3] RGB picture; it is number `index` of the video.

        Raises:
            UnsupportedMedia: it has not the size of the video, or its pixel format cannot be converted.
        """
        info = self._info
        width, height = _turned((decoded.width, decoded.height), info.rotation)
        if (width, height) != (info.width, info.height):
            raise UnsupportedMedia(
                f"{self._path}: the picture changes from {info.width}x{info.height} to "
                f"{width}x{height} after {index} frames: split the video there first"
            )
        pixels = upright(self._to_rgb(decoded), rotation=info.rotation, mirrored=info.mirrored)
        if self._letterbox is None:
            return np.ascontiguousarray(pixels)
        return padded(pixels, self._letterbox)


def upright(pixels: Pixels, *, rotation: int, mirrored: bool) -> Pixels:
    """Mirror a coded picture left to right if so, then turn it.

    Args:
        pixels: uint8 [h, w, 3].
        rotation: degrees counter-clockwise, a multiple of 90.
        mirrored: whether to mirror.

    Returns:
        uint8 [H, W, 3], a view.
    """
    if mirrored:
        pixels = pixels[:, ::-1]
    return np.rot90(pixels, rotation // 90)


def padded(pixels: Pixels, letterbox: Letterbox) -> Pixels:
    """Put a scaled picture into its letterbox.

    Args:
        pixels: uint8 [inner_height, inner_width, 3].
        letterbox: where in it they lie.

    Returns:
        uint8 [height, width, 3], contiguous and fresh.
    """
    whole = np.full((letterbox.height, letterbox.width, 3), PADDING_LEVEL, np.uint8)
    rows = slice(letterbox.top, letterbox.top + letterbox.inner_height)
    whole[rows, letterbox.left : letterbox.left + letterbox.inner_width] = pixels
    return whole


def _turned(size: tuple[int, int], rotation: int) -> tuple[int, int]:
    """Return width and height of a picture before or after it is turned."""
    return size[::-1] if rotation % 180 else size
