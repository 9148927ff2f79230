"""Draws backgrounds that need no photograph: leaves over leaves, soft clouds, and captions on a picture."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

if TYPE_CHECKING:
    from training.lite_sr.pictures import Pixels

_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789   ,.:x"


def texture(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Draw a texture, uint8 [height, width, 3] RGB, of this height and width in pixels."""
    return _leaves(size, rng) if rng.random() < 0.6 else _clouds(size, rng)


def caption(picture: Pixels, rng: np.random.Generator) -> None:
    """Write a line of random letters with a shadow into a picture, uint8 [H, W, 3] RGB, in place."""
    height, width = picture.shape[:2]
    text = "".join(rng.choice(list(_LETTERS), int(rng.integers(4, 24))))
    x, y = int(rng.uniform(0, 0.7) * width), int(rng.uniform(0.08, 1.0) * height)
    size, font = float(rng.uniform(0.3, 1.1)), int(rng.choice([0, 2, 3, 4, 6]))
    light = int(rng.integers(120, 256))
    cv2.putText(picture, text, (x + 1, y + 1), font, size, (0, 0, 0), 1, cv2.LINE_AA)
    cv2.putText(picture, text, (x, y), font, size, (light, light, light), 1, cv2.LINE_AA)


def _palette(rng: np.random.Generator) -> np.ndarray:
    """Return a few colours that go together, float [n, 3]."""
    base = rng.uniform(20, 235, (int(rng.integers(2, 6)), 3))
    grey = base.mean(axis=1, keepdims=True)
    return np.asarray(grey + (base - grey) * rng.uniform(0.1, 1.0))


def _leaves(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Draw shapes over each other, many small and few large, which gives the edges of natural pictures.

    This is the dead leaves model of Lee, Mumford and Huang, 2001, "Occlusion Models for Natural Images".
    """
    height, width = size
    palette = _palette(rng)
    picture = np.empty((height, width, 3), np.uint8)
    picture[:] = palette[0].clip(0, 255)
    upright = rng.random() < 0.3
    smallest, largest = rng.uniform(3, 10), rng.uniform(0.2, 0.8) * height
    for _ in range(int(rng.integers(40, 260))):
        # The area of a leaf is distributed as the inverse cube of its radius.
        share = rng.random()
        radius = 1 / math.sqrt(share / smallest**2 + (1 - share) / largest**2)
        centre = np.array([rng.uniform(0, width), rng.uniform(0, height)])
        tint = palette[int(rng.integers(len(palette)))] + rng.normal(0, 22, 3)
        corners = int(rng.integers(3, 12))
        turns = np.sort(rng.uniform(0, 2 * math.pi, corners))
        reach = radius * rng.uniform(0.5, 1.0, corners)
        across = np.stack([np.cos(turns) * reach * rng.uniform(0.25, 1.0), np.sin(turns) * reach], axis=1)
        turn = 0.0 if upright else rng.uniform(0, math.pi)
        spin = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
        points = np.asarray(np.rint((centre + across @ spin) * 16), np.int32)
        cv2.fillPoly(picture, [points], tint.clip(0, 255).tolist(), cv2.LINE_AA, 4)
    if rng.random() < 0.7:
        picture = _lit(picture, rng)
    return picture


def _clouds(size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Draw noise of several sizes, mapped to a few colours."""
    height, width = size
    level = np.zeros((height, width), np.float32)
    fall = rng.uniform(0.4, 0.8)
    stretch = math.exp(rng.normal(0, 0.7))
    for octave in range(6):
        count = 2 ** (octave + 1)
        grid = rng.standard_normal((count + 1, max(2, int(count * 1.6 * stretch))), np.float32)
        level += np.float32(fall**octave) * cv2.resize(grid, (width, height), interpolation=cv2.INTER_CUBIC)
    if rng.random() < 0.3:
        level = np.abs(level)
    level -= level.min()
    level /= max(1e-6, float(level.max()))
    palette = _palette(rng)
    steps = np.linspace(0, 1, len(palette))
    bands = [np.interp(level, steps, palette[:, band]) for band in range(3)]
    return np.asarray(np.stack(bands, axis=2).clip(0, 255), np.uint8)


def _lit(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Multiply a picture with soft light."""
    height, width = picture.shape[:2]
    light = cv2.resize(rng.uniform(0.5, 1.25, (3, 4)).astype(np.float32), (width, height))
    return np.asarray((picture * light[:, :, None]).clip(0, 255), np.uint8)
