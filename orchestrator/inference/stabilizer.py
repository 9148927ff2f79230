"""Holds upscaled pictures where their source stands still, so that they do not flicker (`stabilize`).

A model that enlarges each frame by itself turns small changes of the source, as compression makes them, into
other small changes. Here each pixel keeps its value until the source around it has changed by more than such
changes; docs/decisions/0012-holding-still-parts.md compares this with averages over several frames.
"""

from __future__ import annotations

from collections.abc import Generator, Iterator
from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.frames import Pixels
from orchestrator.inference.upscaler import UpscaledFrame

HELD_LEVELS = 4
"""Where the source has changed by at most so much since the held picture was made, the picture is held. The
change is that of each channel, averaged over 3x3 pixels with its sign, in levels of 255."""

CHANGED_LEVELS = 8
"""Where it has changed by more, the model's new picture is shown; in between, a mixture of both."""

REACH_PX = 4
"""A change counts this far around it, in pixels of the source: models look at a pixel's surroundings."""

CUT_SHARE = 0.1
"""If a smaller share of the picture is like the held one, it is that of another shot, and nothing is held."""

Weights = NDArray[np.float32]

_AVERAGED_PX = 3


class Stabilizer:
    """Holds the upscaled pictures of one video. Its memory is one picture and its source.

    The result depends on the frames alone and on their order, neither on tiles and batches nor on when the
    model's answers arrive.
    """

    def __init__(self) -> None:
        self._source: Pixels | None = None
        self._shown: Pixels | None = None

    def run(self, items: Iterator[UpscaledFrame]) -> Generator[UpscaledFrame, None, None]:
        """Yield the frames with pictures that are held where the source stands still. No array is changed."""
        for item in items:
            yield replace(item, pixels=self.next(item.source.pixels, item.pixels))

    def next(self, source: Pixels, upscaled: Pixels) -> Pixels:
        """Return the picture to show for the next frame.

        Args:
            source: uint8 [h, w, 3].
            upscaled: uint8 [H, W, 3], what the model made of it. It is returned where nothing is held.
        """
        before, shown = self._source, self._shown
        if before is not None and shown is not None:
            weights = held_weights(before, source)
            if np.count_nonzero(weights) >= CUT_SHARE * weights.size:
                height, width = upscaled.shape[:2]
                larger = cv2.resize(weights, (width, height), interpolation=cv2.INTER_LINEAR)
                self._source = _mixed(source, before, weights)
                self._shown = _mixed(upscaled, shown, np.asarray(larger, np.float32))
                return self._shown
        self._source, self._shown = np.array(source), upscaled
        return upscaled


def held_weights(before: Pixels, source: Pixels) -> Weights:
    """Return how much of the held picture is shown at each pixel, float32 [h, w], 0..1.

    Args:
        before: uint8 [h, w, 3], the source of the held picture.
        source: uint8 [h, w, 3], that of the next frame.
    """
    change = cv2.subtract(source, before, dtype=cv2.CV_16S)
    side = (_AVERAGED_PX, _AVERAGED_PX)
    sums = cv2.boxFilter(change, cv2.CV_16S, side, normalize=False, borderType=cv2.BORDER_REFLECT)
    largest = np.abs(sums).max(axis=2)
    around = np.ones((2 * REACH_PX + 1, 2 * REACH_PX + 1), np.uint8)
    levels = cv2.dilate(largest, around).astype(np.float32) / _AVERAGED_PX**2
    weights = (CHANGED_LEVELS - levels) / (CHANGED_LEVELS - HELD_LEVELS)
    return np.asarray(weights.clip(0, 1), np.float32)


def _mixed(new: Pixels, held: Pixels, weights: Weights) -> Pixels:
    """Return the held picture where the weights are 1, the new one where they are 0, and mixtures."""
    return np.asarray(cv2.blendLinear(new, held, 1 - weights, weights), np.uint8)
