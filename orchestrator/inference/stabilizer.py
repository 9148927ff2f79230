"""Holds upscaled pictures where their source stands still, so that they do not flicker (`stabilize`).

A model that enlarges each frame by itself turns small changes of the source, as compression makes them, into
other small changes. Here each pixel keeps its value until the source around it moves, or has changed by more
than such changes; docs/decisions/0012-holding-still-parts.md compares this with averages over several frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Planes, Samples
from orchestrator.inference.upscaler import UpscaledFrame
from orchestrator.media.colour.frame_planes import empty_planes
from orchestrator.plane_format import PlaneFormat
from orchestrator.tiles.colour_change import rgb_change

MOVED_LEVELS = 4
"""Where luma (BT.709) has changed by more since the frame before, the source moves, and the model's new
picture is shown. Changes here are averages over 3x3 pixels with their sign, in levels of 255. The report on
fidelity calls the rest of the picture still."""

HELD_LEVELS = 5
"""Where each of R, G and B has changed by at most so much since the held picture was made, it is held."""

CHANGED_LEVELS = 9
"""Where one of them has changed by more, the model's new picture is shown; in between, a mixture of both."""

REACH_PX = 4
"""A change counts this far around it, in pixels of the source: models look at a pixel's surroundings."""

CUT_SHARE = 0.1
"""If a smaller share of the picture is like the held one, it is that of another shot, and nothing is held."""

Weights = NDArray[np.float32]

_AVERAGED_PX = 3

_LUMA = np.array([[0.2126, 0.7152, 0.0722]], np.float32)
"""Luma of R, G and B: ITU-R BT.709-6, item 3.2."""


class Stabilizer:
    """Holds the upscaled pictures of one video.

    Its memory is one upscaled picture, its source, and the frame before.

    The result depends on the frames alone and on their order, neither on tiles and batches nor on when the
    model's answers arrive.

    Args:
        planes: the format of the source's planes.
        output: the format of the upscaled planes.
    """

    def __init__(self, planes: PlaneFormat, output: PlaneFormat) -> None:
        self._planes, self._output = planes, output
        self._previous: Planes | None = None
        self._source: Planes | None = None
        self._shown: Planes | None = None

    def run(self, items: Iterator[UpscaledFrame]) -> Generator[UpscaledFrame, None, None]:
        """Yield the frames with pictures that are held where the source stands still. No array is changed."""
        for item in items:
            yield replace(item, pixels=self.next(item.source.pixels, item.pixels))

    def next(self, source: Planes, upscaled: Planes) -> Planes:
        """Return the picture to show for the next frame.

        Args:
            source: its planes.
            upscaled: what the model made of it. It is returned where nothing is held.
        """
        previous, held, shown = self._previous, self._source, self._shown
        y, u, v = (samples.copy() for samples in source)
        self._previous = Planes(y=y, u=u, v=v)
        if previous is not None and held is not None and shown is not None:
            weights = held_weights(held, previous, source, self._planes)
            if np.count_nonzero(weights) >= CUT_SHARE * weights.size:
                self._source = _mixed(source, held, weights, self._planes)
                self._shown = _mixed(upscaled, shown, weights, self._output)
                return self._shown
        self._source, self._shown = self._previous, upscaled
        return upscaled


def held_weights(held: Planes, previous: Planes, source: Planes, planes: PlaneFormat) -> Weights:
    """Return how much of the held picture is shown at each pixel, float32 [h, w], 0..1.

    Args:
        held: the source of the held picture.
        previous: the frame before.
        source: the next frame.
        planes: the format of all three.
    """
    moved = _averaged(cv2.transform(rgb_change(previous, source, planes), _LUMA)) > MOVED_LEVELS
    changed = _averaged(rgb_change(held, source, planes)).max(axis=2)
    levels = cv2.dilate(
        np.where(moved, CHANGED_LEVELS, changed).astype(np.float32),
        np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8),
    )
    weights = (CHANGED_LEVELS - levels) / (CHANGED_LEVELS - HELD_LEVELS)
    return np.asarray(weights.clip(0, 1), np.float32)


def _averaged(change: cv2.typing.MatLike) -> NDArray[np.float32]:
    """Return the absolute value of a change's averages, in the same shape."""
    side = (_AVERAGED_PX, _AVERAGED_PX)
    means = cv2.boxFilter(change, cv2.CV_32F, side, borderType=cv2.BORDER_REFLECT)
    return np.asarray(np.abs(means), np.float32)


def _mixed(new: Planes, held: Planes, weights: Weights, planes: PlaneFormat) -> Planes:
    """Return the held picture where the weights are 1, the new one where they are 0, and mixtures.

    Args:
        new, held: pictures of one size, which may be larger than the weights.
        weights: float32 [h, w], 0..1.
        planes: the format of both.
    """
    height, width = new.y.shape
    mixed = empty_planes(planes, width=width, height=height)
    for one, other, result in zip(new, held, mixed, strict=True):
        rows, columns = one.shape
        larger = np.asarray(cv2.resize(weights, (columns, rows), interpolation=cv2.INTER_LINEAR), np.float32)
        result[:] = _blended(one, other, larger)
    return mixed


def _blended(new: Samples, held: Samples, weights: Weights) -> Samples:
    if new.dtype == np.uint8:
        return np.asarray(cv2.blendLinear(new, held, 1 - weights, weights), np.uint8)
    blended = cv2.blendLinear(new.astype(np.float32), held.astype(np.float32), 1 - weights, weights)
    return np.asarray(np.rint(blended), np.uint16)
