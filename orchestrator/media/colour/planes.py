"""Coded pictures as their planes of Y'CbCr, sample for sample. Converts nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from orchestrator.frames import Planes

if TYPE_CHECKING:
    import av
    from av.video.format import VideoFormatComponent
    from av.video.plane import VideoPlane
    from numpy.typing import NDArray

    from orchestrator.frames import Samples, VideoInfo

    Sample = TypeVar("Sample", np.uint8, np.uint16)

_PLANAR = re.compile(r"yuv[aj]?(?P<like>(420|422|440|444)p((9|10|12)le)?)")
"""FFmpeg's names of the formats of three planes, 4:2:0 to 4:4:4, 8 to 12 bits; alpha may be a fourth."""


@dataclass(frozen=True)
class _Place:
    """Where the samples of a component are: in which plane, from which sample of a row on, every how many."""

    plane: int
    first: int = 0
    step: int = 1


@dataclass(frozen=True)
class _Layout:
    """How a pixel format holds Y, Cb and Cr.

    Attributes:
        like: the planar format of the same samples.
        places: of the three.
        shift: by how many bits samples are shifted up.
    """

    like: str
    places: tuple[_Place, _Place, _Place] = (_Place(0), _Place(1), _Place(2))
    shift: int = 0


_UV = (_Place(0), _Place(1, 0, 2), _Place(1, 1, 2))
_VU = (_Place(0), _Place(1, 1, 2), _Place(1, 0, 2))

_WOVEN = {
    "nv12": _Layout("yuv420p", _UV),
    "nv21": _Layout("yuv420p", _VU),
    "p010le": _Layout("yuv420p10le", _UV, 6),
    "yuyv422": _Layout("yuv422p", (_Place(0, 0, 2), _Place(0, 1, 4), _Place(0, 3, 4))),
    "uyvy422": _Layout("yuv422p", (_Place(0, 1, 2), _Place(0, 0, 4), _Place(0, 2, 4))),
    "yvyu422": _Layout("yuv422p", (_Place(0, 0, 2), _Place(0, 3, 4), _Place(0, 1, 4))),
}
"""Formats that weave components into one plane, as decoders give them."""


def can_read_planes(info: VideoInfo) -> bool:
    """Return whether the pictures of a video are Y'CbCr of a kind that `Planes` holds.

    That is 4:2:0, 4:2:2, 4:4:0 or 4:4:4 of 8 to 12 bits; RGB, gray, palettes, 4:1:1 and more bits are
    not. Alpha is no part of them.
    """
    return _layout(info.pixel_format) is not None


def same_planes(pixel_format: str, other: str) -> bool:
    """Return whether two pixel formats hold planes of the same bits and the same chroma."""
    one, two = _layout(pixel_format), _layout(other)
    return one is not None and two is not None and one.like == two.like


def to_planes(frame: av.VideoFrame) -> Planes:
    """Return the samples of a decoded frame, of a format that holds planes, copied."""
    layout = _layout(frame.format.name)
    if layout is None:
        raise ValueError(f"{frame.format.name} holds no planes")
    y, u, v = (_samples(frame, layout, component) for component in range(3))
    return Planes(y=y, u=u, v=v)


def _layout(pixel_format: str) -> _Layout | None:
    if name := _PLANAR.fullmatch(pixel_format):
        return _Layout(f"yuv{name['like']}")
    return _WOVEN.get(pixel_format)


def _samples(frame: av.VideoFrame, layout: _Layout, component: int) -> Samples:
    part, place = frame.format.components[component], layout.places[component]
    plane = frame.planes[place.plane]
    if part.bits == 8:
        return _cut(np.frombuffer(memoryview(plane), np.uint8), plane, place, part).copy()
    words: NDArray[np.uint16] = np.frombuffer(
        memoryview(plane), ">u2" if frame.format.is_big_endian else "<u2"
    )
    return _cut(words, plane, place, part).astype(np.uint16) >> np.uint16(layout.shift)


def _cut(
    samples: NDArray[Sample], plane: VideoPlane, place: _Place, part: VideoFormatComponent
) -> NDArray[Sample]:
    """Return those of one component, [h, w], of all samples of a plane."""
    rows = samples.reshape(plane.height, -1)
    return rows[: part.height, place.first :: place.step][:, : part.width]
