"""Makes clips of people who cross, to judge detector and tracker together: none is like the sample clip's.

The photographs are those that training leaves out; figures, paths and camera follow a seed that training does
not use.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from training.lite_detector import casting
from training.lite_detector.colours import colour
from training.lite_detector.shots import HEIGHT, WIDTH, Actor, Shot, frames
from training.lite_sr.pictures import HELD_OUT, Pixels, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.lite_detector.scenes import Scene

RATE = 24
"""Frames per second."""

_FRAMES = 72
_SEED = 2026_11_30


def held_out_clips(clips: int) -> Iterator[list[Scene]]:
    """Draw clips of three seconds, uint8 [180, 320, 3] RGB a frame, the same in every run.

    Raises:
        InputNotFound: the package with the photographs is not installed.
    """
    photographs = [load(picture) for picture in HELD_OUT]
    for number in range(clips):
        photograph = photographs[number % len(photographs)]
        yield list(frames(shot_of(photograph, number), photograph))


def shot_of(photograph: Pixels, number: int) -> Shot:
    """Choose two to four people who cross, often a ball, sometimes a box and a pillar, and a camera move.

    Args:
        photograph: the picture behind them, uint8 [H, W, 3] RGB.
        number: the number of the clip, which decides all choices.
    """
    rng = np.random.default_rng((_SEED, number))
    width = float(rng.uniform(0.7, 0.95) * min(photograph.shape[1], photograph.shape[0] * WIDTH / HEIGHT))
    views = []
    for scale in (1.0, float(rng.uniform(0.92, 1.0))):
        wide = width * scale
        left = float(rng.uniform(0, photograph.shape[1] - wide))
        top = float(rng.uniform(0, photograph.shape[0] - wide * HEIGHT / WIDTH))
        views.append((left, top, wide))
    # The second view lies near the first one, so that the camera moves slowly.
    left, top, wide = views[0]
    last = tuple(a + 0.15 * (b - a) for a, b in zip(*views, strict=True))
    tall = wide * HEIGHT / WIDTH
    size = float(rng.uniform(0.38, 0.62)) * tall
    ground = top + tall * float(rng.uniform(0.72, 0.9))
    cast = []
    for person in range(int(rng.integers(2, 5))):
        way = 1 if person % 2 else -1
        start, end = 0.5 - way * rng.uniform(0.25, 0.55), 0.5 + way * rng.uniform(0.1, 0.55)
        foot = ground + tall * float(rng.uniform(-0.05, 0.06))
        cast.append(
            Actor(
                look=casting.person(rng),
                start=(left + wide * float(start), foot),
                end=(left + wide * float(end), foot),
                size=size * math.exp(rng.normal(0, 0.06)),
                identity=person + 1,
                shadow=0.4,
            )
        )
    if rng.random() < 0.6:
        foot = ground + tall * float(rng.uniform(0.03, 0.09))
        ends = sorted(rng.uniform(0, 1, 2), reverse=rng.random() < 0.5)
        first, final = ((left + wide * float(share), foot) for share in ends)
        radius = size * float(rng.uniform(0.1, 0.15))
        cast.append(
            Actor(look=casting.ball(rng), start=first, end=final, size=radius, identity=8, shadow=2.4)
        )
    if rng.random() < 0.4:
        place = (
            left + wide * float(rng.uniform(0.15, 0.85)),
            ground + tall * float(rng.uniform(-0.04, 0.06)),
        )
        wide_px = size * float(rng.uniform(0.4, 0.6))
        cast.append(
            Actor(look=casting.box(rng), start=place, end=place, size=wide_px, identity=9, shadow=1.3)
        )
    if rng.random() < 0.3:
        place = (left + wide * float(rng.uniform(0.2, 0.8)), ground)
        cast.append(Actor(look=colour(rng), start=place, end=place, size=size * 0.35))
    return Shot(
        picture="",
        caption=f"Clip {int(rng.integers(1000))}",
        start=views[0],
        end=(last[0], last[1], last[2]),
        frames=_FRAMES,
        cast=tuple(cast),
    )
