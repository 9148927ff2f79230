"""The crop of each frame, with its alpha: cut as a window of whole pixels, then resized to what is delivered.

Between the two a model may enlarge the window; it sees no alpha.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from orchestrator.frames import Crop, Planes
from orchestrator.media.colour.resize import resize

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from orchestrator.fidelity.sampler import FrameSampler
    from orchestrator.frames import DeepPixels, Frame, Picture, Pixels, VideoInfo
    from orchestrator.framing.crop_window import CropWindow


@dataclass(frozen=True)
class Item:
    """A frame of the source, cut to the window, and what has been made of its pixels."""

    source: Frame[Any]
    pixels: Picture


def cut_windows(
    frames: Iterator[Frame[Any]], view: CropWindow, info: VideoInfo, sampler: FrameSampler
) -> Generator[Frame[Any], None, None]:
    """Cut each frame down to its window, no pixel is copied; show the sampler what is wanted of it."""
    for frame in frames:
        x, y, box = view.at(_moment_s(frame, info))
        window = replace(frame, pixels=_part(frame.pixels, x=x, y=y, width=view.width, height=view.height))
        if frame.alpha is not None:
            window = replace(window, alpha=frame.alpha[y : y + view.height, x : x + view.width])
        if isinstance(window.pixels, Planes):
            sampler.see(window)
        else:
            sampler.see(window, _shrunk(box, view.scale))
        yield window


def resized_crops(items: Iterator[Item], view: CropWindow, info: VideoInfo) -> Generator[Item, None, None]:
    """Bring the crop in each window to the size that is delivered."""
    for item in items:
        if isinstance(item.pixels, Planes):
            yield item
            continue
        _, _, box = view.at(_moment_s(item.source, info))
        width, height = view.size
        source = item.source
        if source.alpha is not None:  # no model has seen it
            shrunk = _shrunk(box, view.scale)
            source = replace(source, alpha=resize(source.alpha, width=width, height=height, box=shrunk))
        if item.pixels.dtype == np.uint8:
            yield Item(source, resize(cast("Pixels", item.pixels), width=width, height=height, box=box))
        else:
            yield Item(source, resize(cast("DeepPixels", item.pixels), width=width, height=height, box=box))


def _moment_s(frame: Frame[Any], info: VideoInfo) -> float:
    """Return when a frame is shown, in seconds from the start of its file."""
    return float(frame.pts * info.time_base - info.start_s)


def _shrunk(box: Crop, scale: int) -> Crop:
    """Return a part of an enlarged window in pixels of the window."""
    return Crop(x=box.x / scale, y=box.y / scale, w=box.w / scale, h=box.h / scale)


def _part(picture: Picture, *, x: int, y: int, width: int, height: int) -> Picture:
    """Return a part of a picture, as a view."""
    if isinstance(picture, Planes):
        return picture.crop(x=x, y=y, width=width, height=height)
    return picture[y : y + height, x : x + width]
