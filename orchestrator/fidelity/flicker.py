"""Measures flicker: how much a video changes from one frame to the next where its source does not.

docs/fidelity.md defines the numbers. Each is a mean absolute difference of luma (BT.709), in levels of 255.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.fidelity.check import FrameCountAndSize
from orchestrator.fidelity.metrics import Floats, luma
from orchestrator.fidelity.pair_sampler import PairSampler, SourcePair
from orchestrator.jobs import FlickerOfPair, FlickerReport
from orchestrator.media.write.readback import OutputReader

UNCHANGED_LEVELS = 4.0
"""The source stands still where its luma, averaged over 3x3 pixels, changes by no more, in levels. The mean
leaves out the noise of most cameras and codecs, and keeps any edge that moves."""

NEIGHBOURHOOD_PX = 4
"""The source must be unchanged this far around a pixel, left, right, up and down."""

RETURNS_WITHIN_PX = 0.5
"""The motion from the first frame to the second and back must end this close to where it began."""

ALIKE_LEVELS = 8.0
"""Along the motion, the luma of the source, averaged over 3x3 pixels, must differ by no more, in levels."""

LEAST_SHARE = 0.001
"""A smaller share of the picture gives no number."""

_LEAST_SIDE_PX = 16
"""Optical flow is not computed for smaller pictures."""

Mask = NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class SourceMotion:
    """What the source does from one frame to the next.

    Attributes:
        still: bool [h, w]: the source stands still here.
        followed: bool [h, w]: it moves here, and its motion is known.
        flow: float32 [h, w, 2]: the motion of each pixel, right and down, in pixels.
    """

    still: Mask
    followed: Mask
    flow: Floats


@dataclass(frozen=True, kw_only=True)
class Change:
    """The change of a video between two frames, over a part of the picture.

    Attributes:
        pixels: number of pixels of the part.
        total: sum of the absolute differences, in levels.
    """

    pixels: int
    total: float

    def __add__(self, other: Change) -> Change:
        return Change(pixels=self.pixels + other.pixels, total=self.total + other.total)

    def level(self, of_pixels: int) -> float | None:
        """Return the mean difference, in levels; None if the part has too small a share of the pixels."""
        if self.pixels < max(1, LEAST_SHARE * of_pixels):
            return None
        return round(self.total / self.pixels, 3)


@dataclass(frozen=True, kw_only=True)
class PairChanges:
    """The changes between two frames: of the output and of a bicubic enlargement of the source.

    Attributes:
        pixels: number of pixels of the output that were looked at.
        still, still_bicubic: where the source stands still.
        moving, moving_bicubic: where it moves, along its motion.
    """

    pixels: int
    still: Change
    still_bicubic: Change
    moving: Change
    moving_bicubic: Change

    def __add__(self, other: PairChanges) -> PairChanges:
        return PairChanges(
            pixels=self.pixels + other.pixels,
            still=self.still + other.still,
            still_bicubic=self.still_bicubic + other.still_bicubic,
            moving=self.moving + other.moving,
            moving_bicubic=self.moving_bicubic + other.moving_bicubic,
        )


def measure_flicker(path: Path, sampler: PairSampler, written: FrameCountAndSize) -> FlickerReport | None:
    """Measure the flicker of a finished file, beside that of a bicubic enlargement of its source.

    Args:
        path: the complete file, which has passed the check.
        sampler: pairs of consecutive frames of the source.
        written: what the file contains.

    Returns:
        The flicker; None if fewer than two frames were written.

    Raises:
        OutputCheckFailed: the file cannot be read.
    """
    measured: list[tuple[SourcePair, PairChanges]] = []
    with OutputReader(path) as reader:
        for pair, outputs in _output_lumas(reader, sampler, written):
            measured.append((pair, changes_between(pair.lumas, outputs)))
    if not measured:
        return None
    total = measured[0][1]
    for _, changes in measured[1:]:
        total += changes
    area = sampler.area
    return FlickerReport(
        area_share=round((area.right - area.left) * (area.bottom - area.top), 4),
        **_numbers(total),
        pairs=tuple(
            FlickerOfPair(
                frame=pair.index,
                time_sec=round(float(pair.times_s[0]), 6),
                **_numbers(changes),
            )
            for pair, changes in measured
        ),
    )


def changes_between(source: Sequence[NDArray[np.uint8]], output: Sequence[Floats]) -> PairChanges:
    """Compare two consecutive frames of an output where, and along which, the source's frames agree.

    Args:
        source: the two frames of the source, uint8 [h, w] luma.
        output: the same of the output, float32 [H, W] luma, 0..255, at least as large.
    """
    height, width = output[0].shape
    motion = source_motion(source[0], source[1])
    still, followed = (_enlarged(mask, (width, height)) for mask in (motion.still, motion.followed))
    across, down = _positions(motion.flow, (width, height))
    bicubic = [
        np.asarray(cv2.resize(frame, (width, height), interpolation=cv2.INTER_CUBIC), np.float32)
        for frame in (frame.astype(np.float32) for frame in source)
    ]
    of_output, of_bicubic = (
        (_change(still, first, second), _change(followed, first, _moved_back(second, across, down)))
        for first, second in (output, bicubic)
    )
    return PairChanges(
        pixels=width * height,
        still=of_output[0],
        still_bicubic=of_bicubic[0],
        moving=of_output[1],
        moving_bicubic=of_bicubic[1],
    )


def source_motion(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> SourceMotion:
    """Find where a source stands still between two frames, and how it moves elsewhere.

    The motion is the dense inverse search of T. Kroeger, R. Timofte, D. Dai, L. Van Gool, "Fast optical flow
    using dense inverse search", ECCV 2016, down to single pixels. It is used where the motion back leads to
    the same place, the source looks alike at both ends, and both are inside the picture.

    Args:
        first, second: uint8 [h, w] luma.
    """
    height, width = first.shape
    size = 2 * NEIGHBOURHOOD_PX + 1
    unlike = (_smoothed_difference(first, second.astype(np.float32)) > UNCHANGED_LEVELS).astype(np.uint8)
    still = cv2.dilate(unlike, np.ones((size, size), np.uint8)) == 0
    if still.all() or min(height, width) < _LEAST_SIDE_PX:
        nowhere = np.zeros((height, width), np.bool_)
        return SourceMotion(still=still, followed=nowhere, flow=np.zeros((height, width, 2), np.float32))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_FAST)
    search.setFinestScale(0)
    flow = _flow(search, first, second)
    back = _flow(search, second, first)
    across, down = _positions(flow, (width, height))
    returned = cv2.remap(back, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alike = _smoothed_difference(first, _moved_back(second.astype(np.float32), across, down)) <= ALIKE_LEVELS
    inside = (across >= 0) & (across <= width - 1) & (down >= 0) & (down <= height - 1)
    returns = np.linalg.norm(flow + returned, axis=-1) <= RETURNS_WITHIN_PX
    return SourceMotion(still=still, followed=~still & alike & inside & returns, flow=flow)


def _output_lumas(
    reader: OutputReader, sampler: PairSampler, written: FrameCountAndSize
) -> Iterator[tuple[SourcePair, tuple[Floats, Floats]]]:
    """Yield each pair with the luma of the output's two frames; each frame is decoded once."""
    ending = {pair.times_s[1]: pair for pair in sampler.pairs()}
    times_s = sorted({time_s for pair in ending.values() for time_s in pair.times_s})
    shown_s = [reader.first_s + time_s for time_s in times_s]
    windows = [(at_s - reader.tick_s, at_s + reader.tick_s) for at_s in shown_s]
    width, height = written.picture
    before: tuple[Fraction, Floats] | None = None
    for number, found in groupby(reader.pictures(windows), key=itemgetter(0)):
        _, _, pixels = min(found, key=lambda picture: abs(picture[1] - shown_s[picture[0]]))
        this = times_s[number], luma(sampler.area.cut(pixels[:height, :width]))
        pair = ending.get(this[0])
        if pair is not None and before is not None and before[0] == pair.times_s[0]:
            yield pair, (before[1], this[1])
        before = this


def _flow(search: cv2.DISOpticalFlow, first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Floats:
    start = np.zeros((*first.shape, 2), np.float32)
    return np.asarray(search.calc(first, second, start), np.float32)


def _smoothed_difference(first: NDArray[np.uint8], second: Floats) -> Floats:
    """Return the absolute difference of two pictures [h, w], averaged over 3x3 pixels with its sign."""
    signed = np.subtract(second, first, dtype=np.float32)
    return np.abs(cv2.blur(signed, (3, 3), borderType=cv2.BORDER_REFLECT))


def _positions(flow: Floats, size: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return where each pixel of a picture of this width and height moves to: x and y, float32 [H, W]."""
    width, height = size
    rows, columns = flow.shape[:2]
    larger = cv2.resize(flow, size, interpolation=cv2.INTER_LINEAR) if size != (columns, rows) else flow
    across = larger[..., 0] * np.float32(width / columns) + np.arange(width, dtype=np.float32)
    down = larger[..., 1] * np.float32(height / rows) + np.arange(height, dtype=np.float32)[:, np.newaxis]
    return np.asarray(across, np.float32), np.asarray(down, np.float32)


def _moved_back(picture: Floats, across: Floats, down: Floats) -> Floats:
    """Return float32 [h, w]: the picture read at the given positions, bicubic."""
    moved = cv2.remap(picture, across, down, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, np.float32)


def _enlarged(mask: Mask, size: tuple[int, int]) -> Mask:
    return np.asarray(cv2.resize(mask.astype(np.uint8), size, interpolation=cv2.INTER_NEAREST), np.bool_)


def _change(where: Mask, first: Floats, second: Floats) -> Change:
    return Change(
        pixels=int(np.count_nonzero(where)),
        total=float(np.abs(first - second).sum(where=where, dtype=np.float64)),
    )


def _numbers(changes: PairChanges) -> dict[str, Any]:
    """Return the fields that `FlickerReport` and `FlickerOfPair` share."""
    pixels = changes.pixels
    return {
        "still_share": round(changes.still.pixels / pixels, 4),
        "still_levels": changes.still.level(pixels),
        "still_levels_bicubic": changes.still_bicubic.level(pixels),
        "moving_share": round(changes.moving.pixels / pixels, 4),
        "moving_levels": changes.moving.level(pixels),
        "moving_levels_bicubic": changes.moving_bicubic.level(pixels),
    }
