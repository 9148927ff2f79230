"""Reads the Y'CbCr planes of decoded pictures without converting any sample."""

from __future__ import annotations

import re
from dataclasses import dataclass

import av
import numpy as np

from orchestrator.frames import Planes, Samples, VideoInfo
from orchestrator.media.colour.pixel_format import CHROMA

_PLANAR = re.compile(rf"yuv[aj]?(?P<like>({'|'.join(CHROMA.values())})p((9|10|12)le)?)")
"""FFmpeg's names of planar formats, 4:2:0 to 4:4:4, 8 to 12 bits, with or without alpha."""


@dataclass(frozen=True)
class _Component:
    """Where the samples of a component are: their plane, the first in a row, and the step between them."""

    plane: int
    first: int = 0
    step: int = 1


@dataclass(frozen=True)
class _Layout:
    """Memory layout of a pixel format.

    Attributes:
        like: the planar format with the same samples.
        components: where Y, Cb and Cr are.
        shift: number of bits by which samples are shifted up.
    """

    like: str
    components: tuple[_Component, _Component, _Component] = (_Component(0), _Component(1), _Component(2))
    shift: int = 0


_UV = (_Component(0), _Component(1, 0, 2), _Component(1, 1, 2))
_VU = (_Component(0), _Component(1, 1, 2), _Component(1, 0, 2))

_PACKED = {
    "nv12": _Layout("yuv420p", _UV),
    "nv21": _Layout("yuv420p", _VU),
    "p010le": _Layout("yuv420p10le", _UV, 6),
    "yuyv422": _Layout("yuv422p", (_Component(0, 0, 2), _Component(0, 1, 4), _Component(0, 3, 4))),
    "uyvy422": _Layout("yuv422p", (_Component(0, 1, 2), _Component(0, 0, 4), _Component(0, 2, 4))),
    "yvyu422": _Layout("yuv422p", (_Component(0, 0, 2), _Component(0, 3, 4), _Component(0, 1, 4))),
}
"""The packed and semi-planar formats that decoders produce."""


def can_read_planes(info: VideoInfo) -> bool:
    """Return whether `Planes` can hold the pictures of a video.

    It holds Y'CbCr in 4:2:0, 4:2:2, 4:4:0 or 4:4:4 of 8 to 12 bits, without alpha; not RGB, gray, palettes,
    4:1:1 or more bits.
    """
    return _layout(info.pixel_format) is not None


def same_planes(pixel_format: str, other: str) -> bool:
    """Return whether two pixel formats have planes with the same bits and the same chroma subsampling."""
    one, two = _layout(pixel_format), _layout(other)
    return one is not None and two is not None and one.like == two.like


def to_planes(frame: av.VideoFrame) -> Planes:
    """Copy the planes of a decoded frame. Raises ValueError for a format that `can_read_planes` excludes."""
    layout = _layout(frame.format.name)
    if layout is None:
        raise ValueError(f"{frame.format.name} holds no planes")
    y, u, v = (_samples(frame, layout, component) for component in range(3))
    return Planes(y=y, u=u, v=v)


def _layout(pixel_format: str) -> _Layout | None:
    if name := _PLANAR.fullmatch(pixel_format):
        return _Layout(f"yuv{name['like']}")
    return _PACKED.get(pixel_format)


def _samples(frame: av.VideoFrame, layout: _Layout, component: int) -> Samples:
    part, where = frame.format.components[component], layout.components[component]
    plane = frame.planes[where.plane]
    words = ">u2" if frame.format.is_big_endian else "<u2"
    rows = np.frombuffer(memoryview(plane), np.uint8 if part.bits == 8 else words).reshape(plane.height, -1)
    samples = rows[: part.height, where.first :: where.step][:, : part.width]
    if part.bits == 8:
        return samples.copy()
    return samples.astype(np.uint16) >> np.uint16(layout.shift)
