"""Converts decoded frames to upright RGB pictures or planes, and puts them into a letterbox on request."""

from __future__ import annotations

from typing import TypeVar, cast

import av
import numpy as np
from numpy.typing import NDArray

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import PADDING_LEVEL, Form, Letterbox, Picture, Pixels, Planes, VideoInfo
from orchestrator.media.colour.frame_to_rgb import DeepRgbConverter, RgbConverter, output_colour
from orchestrator.media.colour.made_planes import made_format, made_planes
from orchestrator.media.colour.plane_reader import can_read_planes, to_planes
from orchestrator.media.colour.tonemap_curve import tone_mapped_info
from orchestrator.media.colour.tonemapper import ToneMapper
from orchestrator.video_source import VideoSource

Array = TypeVar("Array", bound=NDArray[np.uint8] | NDArray[np.uint16])


class FrameToPicture:
    """Converts the decoded frames of one video.

    Args:
        path: the video, for messages.
        info: its description from `probe`.
        threads: number of threads of the colour conversion; 0 lets swscale choose.
        form: form of the pictures.
        letterbox: letterbox to put the pictures into, or None; `rgb` only.
        tonemap: whether to convert HDR to SDR; `rgb` and `made_planes` only.

    Raises:
        UnsupportedMedia: `form` is `planes`, and `can_read_planes` is false.
    """

    def __init__(
        self,
        path: VideoSource,
        info: VideoInfo,
        *,
        threads: int,
        form: Form = "rgb",
        letterbox: Letterbox | None = None,
        tonemap: bool = False,
    ) -> None:
        if (form in {"planes", "deep_rgb"} and tonemap) or (form != "rgb" and letterbox is not None):
            raise ValueError(f"pictures of form {form!r} can be neither tone-mapped nor letterboxed")
        if form == "planes" and not can_read_planes(info):
            raise UnsupportedMedia(
                f"{path}: its pixel format, {info.pixel_format}, cannot be read as planes: read it as RGB"
            )
        self._path = path
        self._info = info
        self._form = form
        self._letterbox = letterbox
        inner = None if letterbox is None else (letterbox.inner_width, letterbox.inner_height)
        coded = inner[::-1] if inner and info.rotation % 180 else inner
        self._to_rgb = (
            ToneMapper(info, threads=threads, size=coded)
            if tonemap and info.colour.is_hdr
            else RgbConverter(info.colour, threads=threads, size=coded)
        )
        self._to_deep_rgb = DeepRgbConverter(info.colour, threads=threads)
        shown = tone_mapped_info(info) if tonemap else info
        self._is_deep = shown.bit_depth > 8
        self._made = made_format(output_colour(shown.colour))

    def __call__(self, decoded: av.VideoFrame) -> Picture:
        """Return a new contiguous picture of the requested form.

        Args:
            decoded: a frame of the size in `info`; for planes, also of its pixel format.

        Raises:
            UnsupportedMedia: its pixel format cannot be converted.
        """
        if self._form == "planes":
            planes = to_planes(decoded)
            return Planes(y=self.turned(planes.y), u=self.turned(planes.u), v=self.turned(planes.v))
        if self._form == "made_planes":
            rgb = self._to_deep_rgb(decoded) if self._is_deep else self._to_rgb(decoded)
            planes = made_planes(rgb, self._made)
            return Planes(y=self.turned(planes.y), u=self.turned(planes.u), v=self.turned(planes.v))
        if self._form == "deep_rgb":
            return self.turned(self._to_deep_rgb(decoded))
        pixels = self.turned(self._to_rgb(decoded))
        return pixels if self._letterbox is None else pad_to_letterbox(pixels, self._letterbox)

    def turned(self, pixels: Array) -> Array:
        """Mirror and rotate a coded picture or plane, [h, w] or [h, w, 3], upright; contiguous."""
        mirrored = pixels[:, ::-1] if self._info.mirrored else pixels
        return cast("Array", np.ascontiguousarray(np.rot90(mirrored, self._info.rotation // 90)))


def pad_to_letterbox(pixels: Pixels, letterbox: Letterbox) -> Pixels:
    """Put a scaled picture into its letterbox.

    Args:
        pixels: uint8 [inner_height, inner_width, 3].
        letterbox: position of the picture in it.

    Returns:
        uint8 [height, width, 3], contiguous and new.
    """
    whole = np.full((letterbox.height, letterbox.width, 3), PADDING_LEVEL, np.uint8)
    rows = slice(letterbox.top, letterbox.top + letterbox.inner_height)
    whole[rows, letterbox.left : letterbox.left + letterbox.inner_width] = pixels
    return whole
