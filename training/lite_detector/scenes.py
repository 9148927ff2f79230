"""Draws scenes of figures over a background, with exact labels.

A figure's box contains every pixel of the figure, hidden or not, clipped to the picture. A figure is labelled
if at least the share `VISIBLE` of its pixels is visible and its box is at least `SMALLEST_PX` wide and high;
with a smaller visible part it is ignored, neither hit nor missed; without any it is left out. Shadows are
part of the background.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from training.lite_detector import casting, distractors, people, things
from training.lite_detector.colours import colour
from training.lite_detector.grounds import clutter, degrade, ground, shadow
from training.lite_detector.sprites import Sprite, overlap, paste

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from training.lite_sr.pictures import Pixels

CLASSES = ("person", "ball", "box")
PERSON, BALL, BOX = range(3)
_PILLAR = 3

VISIBLE = 0.3
SMALLEST_PX = 6

_CROSSING = 0.4  # of the scenes with people who cross
_DISTRACTORS = 2.5  # mean number of things that look like people, in seven of ten scenes

GREY = 114
"""The grey level of letterbox bars, the same as in the worker."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """A sprite in a scene.

    Attributes:
        sprite: its pixels.
        number: its class number; None for something that only hides figures.
        identity: the same number in all frames of a clip.
    """

    sprite: Sprite
    number: int | None = None
    identity: int = 0


@dataclass(frozen=True, kw_only=True)
class Figure:
    """The label of a figure.

    Attributes:
        number: its class number.
        box: x1, y1, x2, y2 in pixels, within the picture.
        visible: the visible share of its pixels, 0..1.
        identity: the same number in all frames of a clip.
    """

    number: int
    box: tuple[float, float, float, float]
    visible: float
    identity: int = 0

    @property
    def labelled(self) -> bool:
        """Whether a detector must find it; if not, it is ignored."""
        left, top, right, bottom = self.box
        return self.visible >= VISIBLE and min(right - left, bottom - top) >= SMALLEST_PX


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture, uint8 [H, W, 3] RGB, and the figures in it, from the back to the front."""

    picture: Pixels
    figures: tuple[Figure, ...]


def compose(background: Pixels, layers: Iterable[Layer]) -> Scene:
    """Draw layers over a background, the first one at the back, and label the figures.

    Args:
        background: uint8 [H, W, 3] RGB; it stays unchanged.
        layers: from the back to the front.
    """
    picture = background.copy()
    height, width = picture.shape[:2]
    shown: list[tuple[Layer, NDArray[np.float32]]] = []
    for layer in layers:
        paste(picture, layer.sprite)
        rows, columns, own_rows, own_columns = overlap(height, width, layer.sprite)
        alpha = np.asarray(layer.sprite.alpha[own_rows, own_columns] / 255, np.float32)
        for below, seen in shown:
            _hide(below.sprite, seen, (rows, columns), alpha, (height, width))
        if layer.number is not None:
            shown.append((layer, alpha))
    figures = []
    for layer, seen in shown:
        share = float(seen.sum() / (layer.sprite.alpha.sum() / 255))
        left, top, right, bottom = layer.sprite.box
        box = (max(left, 0), max(top, 0), min(right, width), min(bottom, height))
        if share > 0 and layer.number is not None:
            figures.append(Figure(number=layer.number, box=box, visible=share, identity=layer.identity))
    return Scene(picture=picture, figures=tuple(figures))


def _hide(
    below: Sprite,
    seen: NDArray[np.float32],
    where: tuple[slice, slice],
    alpha: NDArray[np.float32],
    size: tuple[int, int],
) -> None:
    """Remove from the visible part of a sprite what a later sprite covers, in place."""
    rows, columns, _, _ = overlap(*size, below)
    top, bottom = max(rows.start, where[0].start), min(rows.stop, where[0].stop)
    left, right = max(columns.start, where[1].start), min(columns.stop, where[1].stop)
    if top < bottom and left < right:
        over = alpha[
            top - where[0].start : bottom - where[0].start, left - where[1].start : right - where[1].start
        ]
        seen[top - rows.start : bottom - rows.start, left - columns.start : right - columns.start] *= 1 - over


def draw(
    photographs: Sequence[Pixels],
    rng: np.random.Generator,
    *,
    height: int = 192,
    width: int = 320,
    density: float = 1.0,
) -> Scene:
    """Draw a scene of a few figures, or none, with camera effects.

    Args:
        photographs: photographs for backgrounds, each uint8 [H, W, 3] RGB.
        rng: the generator of all choices.
        height, width: the size of the picture, in pixels.
        density: the number of figures over the usual number.
    """
    bars = _bars(rng, height, width)
    inner = (height - 2 * bars[0], width - 2 * bars[1])
    background = ground(photographs, inner, rng)
    if rng.random() < 0.7:
        clutter(background, rng)
    layers = _layers(background, rng, density)
    scene = compose(background, layers)
    picture = np.full((height, width, 3), GREY, np.uint8)
    picture[bars[0] : bars[0] + inner[0], bars[1] : bars[1] + inner[1]] = degrade(scene.picture, rng)
    return Scene(picture=picture, figures=tuple(_moved(figure, bars) for figure in scene.figures))


def _bars(rng: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    """Return the height of the bars above and below, and the width of those at the sides."""
    kind = rng.random()
    if kind < 0.25:
        return int(rng.integers(1, height // 5)), 0
    if kind < 0.35:
        return 0, int(rng.integers(1, width // 4))
    return 0, 0


def _moved(figure: Figure, bars: tuple[int, int]) -> Figure:
    left, top, right, bottom = figure.box
    return replace(figure, box=(left + bars[1], top + bars[0], right + bars[1], bottom + bars[0]))


def _layers(background: Pixels, rng: np.random.Generator, density: float) -> list[Layer]:
    """Choose the layers of a scene, the farthest first; draw their shadows into the background."""
    height, width = background.shape[:2]
    typical = math.exp(rng.uniform(math.log(0.26), math.log(0.85))) * height
    crowded = rng.random() < 0.35  # all in a small part of the picture, so that they hide each other
    middle = rng.uniform(0.2, 0.8) * width
    depth = typical * rng.uniform(0.05, 0.5)
    strength = float(rng.choice([0.0, 0.25, 0.45]))
    layers: list[tuple[float, Layer]] = []
    counts = (
        rng.poisson(2.6 * density) if rng.random() < 0.9 else 0,
        rng.poisson(0.9 * density),
        rng.poisson(0.9 * density),
        rng.poisson(0.7),
        rng.poisson(0.6),
    )
    base = rng.uniform(0.45, 1.05) * height
    for kind, count in enumerate(counts):
        for _ in range(min(int(count), 7)):
            x = rng.normal(middle, 0.7 * typical) if crowded else rng.uniform(-0.05, 1.05) * width
            y = base + rng.uniform(-1, 1) * depth if rng.random() < 0.7 else rng.uniform(0.3, 1.1) * height
            # Figures higher up are farther away, and smaller.
            size = max(
                0.18 * height, typical * math.exp(rng.normal(0, 0.2)) * (1 + 0.5 * (y - base) / height)
            )
            layer = _one(kind, (float(x), float(y)), float(size), rng)
            if strength and layer.number is not None and (kind == PERSON or rng.random() < 0.7):
                shadow(background, (float(x), float(y)), 0.45 * size, strength)
            layers.append((float(y), layer))
    if rng.random() < _CROSSING:
        layers += _crossing(background, rng, base, typical)
    for _ in range(int(rng.poisson(_DISTRACTORS)) if rng.random() < 0.7 else 0):
        foot = (float(rng.uniform(0, 1) * width), float(rng.uniform(0.35, 1.1) * height))
        thing = distractors.draw(rng, foot=foot, height_px=typical * math.exp(rng.normal(-0.1, 0.35)))
        layers.append((foot[1], Layer(sprite=thing)))
    return [layer for _, layer in sorted(layers, key=lambda pair: pair[0])]


def _crossing(
    background: Pixels, rng: np.random.Generator, base: float, typical: float
) -> list[tuple[float, Layer]]:
    """Draw two or three people who pass each other, some at a pillar, each with the y of their feet."""
    height, width = background.shape[:2]
    x, y = rng.uniform(0.08, 0.92) * width, max(base, 0.5 * height)
    layers = []
    for _ in range(2 if rng.random() < 0.75 else 3):
        size = max(0.18 * height, typical * math.exp(rng.normal(0, 0.12)))
        foot = (float(x + rng.normal(0, 0.22) * typical), float(y + rng.normal(0, 0.06) * typical))
        layers.append((foot[1], _one(PERSON, foot, size, rng)))
    if rng.random() < 0.3:
        foot = (float(x + rng.normal(0, 0.2) * typical), float(y + rng.normal(0, 0.04) * typical))
        layers.append((foot[1], _one(_PILLAR, foot, typical, rng)))
    return layers


def _one(kind: int, foot: tuple[float, float], size: float, rng: np.random.Generator) -> Layer:
    """Draw one thing where it stands; `size` is the height of a person there, in pixels."""
    x, y = foot
    if kind == PERSON:
        sprite = people.draw(
            casting.person(rng),
            foot=foot,
            height_px=size,
            phase=float(rng.random()),
            facing=int(rng.choice([-1, 1])),
        )
        return Layer(sprite=sprite, number=PERSON)
    if kind == BALL:
        radius = float(np.clip(size * rng.uniform(0.07, 0.18), 5, 45))
        lift = rng.exponential(size * 0.5) if rng.random() < 0.4 else 0.0
        sprite = things.draw_ball(
            casting.ball(rng),
            centre=(x, y - radius - lift),
            radius_px=radius,
            angle=float(rng.uniform(0, 2 * math.pi)),
        )
        return Layer(sprite=sprite, number=BALL)
    if kind == BOX:
        wide = float(np.clip(size * rng.uniform(0.18, 0.6), 12, 150))
        return Layer(sprite=things.draw_box(casting.box(rng), bottom=foot, width_px=wide), number=BOX)
    if kind == _PILLAR:
        wide, tall = size * rng.uniform(0.1, 0.5), size * rng.uniform(1.2, 4)
        pillar = things.draw_pillar(bottom=foot, width_px=wide, height_px=tall, colour=colour(rng))
        return Layer(sprite=pillar)
    way = np.cumsum(rng.normal(0, size * 0.35, (int(rng.integers(2, 5)), 2)), axis=0)
    points = [(x + float(dx), y - size * 0.5 + float(dy)) for dx, dy in way]
    return Layer(sprite=things.draw_odds(points, width_px=size * rng.uniform(0.03, 0.12), colour=colour(rng)))
