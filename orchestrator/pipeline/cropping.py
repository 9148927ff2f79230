"""Crops frames in two steps: cuts a window of whole pixels, then resizes the crop in it to the output size.

Between the steps a model may upscale the window. Alpha bypasses the model and is resized with the crop.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from typing import Any, cast

from orchestrator.fidelity.pair_sampler import PairSampler
from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.frames import Crop, Frame, Picture, Pixels, Planes, VideoInfo
from orchestrator.framing.whole_pixel_window import WholePixelWindow
from orchestrator.media.colour.resize import resize
from orchestrator.media.colour.resize_planes import resize_planes
from orchestrator.plane_format import PlaneFormat


def cut_windows(
    frames: Iterator[Frame[Any]],
    crop: WholePixelWindow,
    info: VideoInfo,
    samplers: Sequence[FrameSampler | PairSampler],
) -> Generator[Frame[Any], None, None]:
    """Cut each frame to its window, as views, and give each sampler the crop in it."""
    for frame in frames:
        x, y, box = crop.at(_time_s(frame, info))
        window = replace(frame, pixels=_part(frame.pixels, x=x, y=y, width=crop.width, height=crop.height))
        if frame.alpha is not None:
            window = replace(window, alpha=frame.alpha[y : y + crop.height, x : x + crop.width])
        for sampler in samplers:
            sampler.see(window, _shrunk(box, crop.scale))
        yield window


def is_resized(crop: WholePixelWindow) -> bool:
    """Whether the crops in the windows, enlarged by the model if there is one, must be resampled."""
    enlarged = tuple(side * crop.scale for side in crop.crop_size)
    return not crop.is_exact or crop.size != enlarged


def resized_crops(
    items: Iterator[tuple[Frame[Any], Picture]],
    crop: WholePixelWindow,
    info: VideoInfo,
    planes: PlaneFormat | None,
) -> Generator[tuple[Frame[Any], Picture], None, None]:
    """Resize the crop in each window to the size of the output.

    Args:
        items: each window of the source, and its pixels as they were or upscaled.
        crop: the windows and the crops in them.
        info: describes the source.
        planes: the format of these pixels; None for RGB.
    """
    width, height = crop.size
    for source, pixels in items:
        _, _, box = crop.at(_time_s(source, info))
        window = source
        if source.alpha is not None:  # the model got no alpha
            shrunk = _shrunk(box, crop.scale)
            alpha = resize(source.alpha, width=width, height=height, box=shrunk)
            window = replace(source, alpha=alpha)
        resized = _resized(pixels, planes, width, height, box)
        del pixels  # no picture is kept alive while the next is waited for
        yield window, resized
        del resized


def _resized(pixels: Picture, planes: PlaneFormat | None, width: int, height: int, box: Crop) -> Picture:
    if not isinstance(pixels, Planes):
        return resize(cast("Pixels", pixels), width=width, height=height, box=box)
    if planes is None:
        raise ValueError("planes cannot be resized without their format")
    if box == Crop(x=0, y=0, w=width, h=height) and pixels.y.shape == (height, width):
        return pixels
    return resize_planes(pixels, planes, width=width, height=height, box=box)


def _time_s(frame: Frame[Any], info: VideoInfo) -> float:
    """Return the time of a frame, in seconds from the start of its file."""
    return float(frame.pts * info.time_base - info.start_s)


def _shrunk(box: Crop, scale: int) -> Crop:
    """Convert a box from pixels of the upscaled window to pixels of the window."""
    return Crop(x=box.x / scale, y=box.y / scale, w=box.w / scale, h=box.h / scale)


def _part(picture: Picture, *, x: int, y: int, width: int, height: int) -> Picture:
    if isinstance(picture, Planes):
        return picture.crop(x=x, y=y, width=width, height=height)
    return picture[y : y + height, x : x + width]
