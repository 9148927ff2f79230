"""Crops frames in two steps: cuts a window of whole pixels, then resizes the crop in it to the output size.

Between the steps a model may upscale the window. Alpha bypasses the model and is resized with the crop.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from typing import Any, cast

from orchestrator.fidelity.sampler import FrameSampler
from orchestrator.frames import Crop, Frame, Picture, Pixels, Planes, VideoInfo
from orchestrator.framing.whole_pixel_window import WholePixelWindow
from orchestrator.media.colour.resize import resize


@dataclass(frozen=True)
class Cutout:
    """The window of a source frame, and its pixels so far: as they were, upscaled, or resized."""

    source: Frame[Any]
    pixels: Picture


def cut_windows(
    frames: Iterator[Frame[Any]], crop: WholePixelWindow, info: VideoInfo, sampler: FrameSampler
) -> Generator[Frame[Any], None, None]:
    """Cut each frame to its window, as views, and give the sampler the crop in it."""
    for frame in frames:
        x, y, box = crop.at(_time_s(frame, info))
        window = replace(frame, pixels=_part(frame.pixels, x=x, y=y, width=crop.width, height=crop.height))
        if frame.alpha is not None:
            window = replace(window, alpha=frame.alpha[y : y + crop.height, x : x + crop.width])
        if isinstance(window.pixels, Planes):
            sampler.see(window)
        else:
            sampler.see(window, _shrunk(box, crop.scale))
        yield window


def resized_crops(
    items: Iterator[Cutout], crop: WholePixelWindow, info: VideoInfo
) -> Generator[Cutout, None, None]:
    """Resize the crop in each window to the size of the output."""
    for item in items:
        if isinstance(item.pixels, Planes):
            yield item
            continue
        _, _, box = crop.at(_time_s(item.source, info))
        width, height = crop.size
        source = item.source
        if source.alpha is not None:  # the model got no alpha
            shrunk = _shrunk(box, crop.scale)
            source = replace(source, alpha=resize(source.alpha, width=width, height=height, box=shrunk))
        pixels = cast("Pixels", item.pixels)  # of either depth
        yield Cutout(source, resize(pixels, width=width, height=height, box=box))


def _time_s(frame: Frame[Any], info: VideoInfo) -> float:
    """Return the time of a frame, in seconds from the start of its file."""
    return float(frame.pts * info.time_base - info.start_s)


def _shrunk(box: Crop, scale: int) -> Crop:
    """Convert a box from pixels of the upscaled window to pixels of the window."""
    return Crop(x=box.x / scale, y=box.y / scale, w=box.w / scale, h=box.h / scale)


def _part(picture: Picture, *, x: int, y: int, width: int, height: int) -> Picture:
    """Return a part of a picture as a view."""
    if isinstance(picture, Planes):
        return picture.crop(x=x, y=y, width=width, height=height)
    return picture[y : y + height, x : x + width]
