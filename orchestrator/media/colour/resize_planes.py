"""Resizes planes, or any part of them: luma and chroma each, with chroma where its samples are."""

from __future__ import annotations

from typing import cast

import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Crop, Planes, Samples
from orchestrator.media.colour.resize import resize
from orchestrator.plane_format import PlaneFormat


def resize_planes(
    picture: Planes, planes: PlaneFormat, *, width: int, height: int, box: Crop, to: PlaneFormat | None = None
) -> Planes:
    """Resize a part of planes; parts of whole samples that have the requested size already are views.

    Args:
        picture: the planes.
        planes: their format.
        width, height: size of the result, in pixels.
        box: the part, inside the picture, in fractional pixels. The kernel uses samples around it, too.
        to: the format of the result, with the same matrix, range and bits; None is that of the picture.
    """
    to = to or planes
    x, w = _span(box.x, box.w, width, (planes.chroma[0], planes.siting[0]), (to.chroma[0], to.siting[0]))
    y, h = _span(box.y, box.h, height, (planes.chroma[1], planes.siting[1]), (to.chroma[1], to.siting[1]))
    less = {"width": -(-width // to.chroma[0]), "height": -(-height // to.chroma[1])}
    chroma = Crop(x=x, y=y, w=w, h=h)
    return Planes(
        y=_resized(picture.y, box, planes.most, width=width, height=height),
        u=_resized(picture.u, chroma, planes.most, **less),
        v=_resized(picture.v, chroma, planes.most, **less),
    )


def _span(
    start: float, length: float, count: int, source: tuple[int, float], result: tuple[int, float]
) -> tuple[float, float]:
    """Return where the chroma of a span of luma begins, and its length, in samples of chroma.

    Args:
        start, length: the span, in pixels.
        count: how many pixels of the result it has.
        source, result: how many pixels share a sample, and the position of the sample among them.
    """
    (factor, place), (new_factor, new_place) = source, result
    step = length / count
    begin = (start + (0.5 + new_place) * step - 0.5 - place) / factor + 0.5
    sample_step = new_factor * step / factor
    return begin - sample_step / 2, sample_step * -(-count // new_factor)


def _resized(samples: Samples, box: Crop, most: int, *, width: int, height: int) -> Samples:
    whole = [int(value) for value in (box.x, box.y, box.w, box.h)]
    if whole == [box.x, box.y, box.w, box.h] and whole[2:] == [width, height] and min(whole) >= 0:
        part = samples[whole[1] : whole[1] + height, whole[0] : whole[0] + width]
        if part.shape == (height, width):
            return part
    resized: Samples = resize(cast("NDArray[np.uint8]", samples), width=width, height=height, box=box)
    return resized if most == np.iinfo(resized.dtype).max else np.minimum(resized, most)
