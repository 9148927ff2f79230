"""Draws things that are no figures but look a little like people: lamps, trees, bottles, furniture.

They teach the network what a person is not, and they hide figures that stand behind them. Lengths are
shares of the height.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from training.lite_detector.colours import colour
from training.lite_detector.sprites import Pen

if TYPE_CHECKING:
    from collections.abc import Callable

    from training.lite_detector.sprites import Colour, Point, Sprite


def draw(rng: np.random.Generator, *, foot: Point, height_px: float) -> Sprite:
    """Draw a random thing.

    Args:
        rng: the generator of all choices.
        foot: where it stands, in pixels of the picture.
        height_px: its height.
    """
    drawing = _Drawing(rng, foot, height_px)
    _KINDS[int(rng.integers(len(_KINDS)))](drawing)
    side = float(rng.uniform(-0.35, 0.35))
    drawing.pen.shade(np.array([[1.05 - side, 1.05 + side], [0.85 - side, 0.85 + side]], np.float32))
    return drawing.pen.sprite()


class _Drawing:
    def __init__(self, rng: np.random.Generator, foot: Point, height_px: float) -> None:
        self.rng, self.foot, self.height_px = rng, foot, height_px
        reach = 0.8 * height_px
        self.pen = Pen(
            foot[0] - reach, foot[1] - 1.25 * height_px, foot[0] + reach, foot[1] + 0.1 * height_px
        )

    def between(self, low: float, high: float) -> float:
        return float(self.rng.uniform(low, high))

    def tint(self) -> Colour:
        return colour(self.rng)

    def polygon(self, points: list[Point], tint: Colour) -> None:
        self.pen.polygon([self._place(point) for point in points], tint)

    def limb(self, points: list[Point], width: float, tint: Colour) -> None:
        self.pen.limb([self._place(point) for point in points], width * self.height_px, tint)

    def ellipse(self, centre: Point, radii: Point, tint: Colour) -> None:
        size = (radii[0] * self.height_px, radii[1] * self.height_px)
        self.pen.ellipse(self._place(centre), size, tint)

    def block(self, x: float, low: float, half: float, high: float, tint: Colour) -> None:
        self.polygon([(x - half, low), (x + half, low), (x + half, high), (x - half, high)], tint)

    def _place(self, point: Point) -> Point:
        return self.foot[0] + point[0] * self.height_px, self.foot[1] - point[1] * self.height_px


def _lamp(it: _Drawing) -> None:
    pole, head = it.tint(), it.tint()
    it.limb([(0, 0), (0, 0.85)], it.between(0.02, 0.08), pole)
    it.limb([(-0.1, 0.01), (0.1, 0.01)], 0.03, pole)
    if it.rng.random() < 0.5:
        it.ellipse((0, 0.9), (it.between(0.03, 0.06), it.between(0.09, 0.14)), head)
    else:
        wide = it.between(0.1, 0.25)
        it.polygon([(-wide, 0.75), (wide, 0.75), (wide * 0.5, 1), (-wide * 0.5, 1)], head)


def _tree(it: _Drawing) -> None:
    trunk, leaves = it.tint(), it.tint()
    it.limb([(0, 0), (it.between(-0.05, 0.05), 0.7)], it.between(0.04, 0.15), trunk)
    for _ in range(int(it.rng.integers(1, 7))):
        radii = (it.between(0.08, 0.28), it.between(0.08, 0.25))
        it.ellipse((it.between(-0.2, 0.2), it.between(0.55, 0.9)), radii, leaves)


def _bottle(it: _Drawing) -> None:
    glass, label = it.tint(), it.tint()
    half, shoulder = it.between(0.08, 0.25), it.between(0.5, 0.75)
    it.block(0, 0, half, shoulder, glass)
    it.polygon(
        [(-half, shoulder), (half, shoulder), (0.05, shoulder + 0.12), (-0.05, shoulder + 0.12)], glass
    )
    it.block(0, shoulder + 0.1, it.between(0.03, 0.08), 1.0, glass)
    if it.rng.random() < 0.6:
        it.block(0, it.between(0.1, 0.2), half, it.between(0.3, 0.45), label)


def _chair(it: _Drawing) -> None:
    wood, seat = it.tint(), it.tint()
    half, thick = it.between(0.12, 0.3), it.between(0.03, 0.07)
    for x in (-half, half):
        it.limb([(x, 0), (x * 0.9, 0.5)], thick, wood)
    for x in (-half * 0.6, half * 0.6):
        it.limb([(x, 0.06), (x, 0.5)], thick, wood)
    it.block(0, 0.46, half * 1.1, 0.54, seat)
    back = (-half, half) if it.rng.random() < 0.5 else (half * 0.9, half)
    it.polygon([(back[0], 0.5), (back[1], 0.5), (back[1], 1), (back[0], 1)], seat)


def _post(it: _Drawing) -> None:
    tint, band = it.tint(), it.tint()
    half = it.between(0.04, 0.2)
    it.block(0, 0, half, 0.93, tint)
    it.ellipse((0, 0.93), (half, it.between(0.02, 0.1)), tint)
    for level in it.rng.uniform(0.05, 0.9, int(it.rng.integers(0, 4))):
        it.block(0, float(level), half, float(level) + it.between(0.03, 0.15), band)


def _sign(it: _Drawing) -> None:
    it.limb([(0, 0), (0, 0.8)], it.between(0.02, 0.06), it.tint())
    face, mark = it.tint(), it.tint()
    half = it.between(0.1, 0.25)
    if it.rng.random() < 0.5:
        it.block(0, 0.65, half, 1, face)
    else:
        it.polygon([(-half, 0.65), (half, 0.65), (0, 1.0)], face)
    it.block(0, 0.74, half * 0.5, 0.8, mark)


def _bag(it: _Drawing) -> None:
    cloth, strap = it.tint(), it.tint()
    half = it.between(0.2, 0.45)
    it.polygon([(-half, 0), (half, 0), (half * 0.8, 0.65), (-half * 0.8, 0.65)], cloth)
    arch = [(half * 0.5 * math.cos(a), 0.65 + 0.3 * math.sin(a)) for a in np.linspace(0, math.pi, 9)]
    it.limb(arch, it.between(0.02, 0.06), strap)
    if it.rng.random() < 0.5:
        it.ellipse((0, 0.3), (half * 0.5, 0.12), strap)


def _coat_stand(it: _Drawing) -> None:
    it.limb([(0, 0), (0, 1)], it.between(0.02, 0.05), it.tint())
    it.limb([(-0.12, 0.02), (0.12, 0.02)], 0.03, it.tint())
    for _ in range(int(it.rng.integers(0, 3))):
        x, wide = it.between(-0.12, 0.12), it.between(0.06, 0.12)
        low = it.between(0.3, 0.6)
        it.polygon(
            [(x - wide, low), (x + wide, low), (x + wide * 0.5, 0.92), (x - wide * 0.5, 0.92)], it.tint()
        )


def _table(it: _Drawing) -> None:
    wood = it.tint()
    half, thick = it.between(0.2, 0.6), it.between(0.03, 0.08)
    top = it.between(0.5, 0.7)
    for x in (-half * 0.9, half * 0.9):
        it.limb([(x, 0), (x, top)], thick, wood)
    it.block(0, top - 0.05, half, top + 0.02, wood)
    for _ in range(int(it.rng.integers(0, 4))):
        x, tall = it.between(-half, half) * 0.8, it.between(0.05, 0.35)
        it.block(x, top, it.between(0.02, 0.08), top + tall, it.tint())


def _bush(it: _Drawing) -> None:
    for _ in range(int(it.rng.integers(3, 12))):
        place = (it.between(-0.35, 0.35), it.between(0.1, 0.85))
        it.ellipse(place, (it.between(0.04, 0.2), it.between(0.08, 0.25)), it.tint())


def _pile(it: _Drawing) -> None:
    """Draw blocks of several colours on each other, in the proportions of clothes but without limbs."""
    low = 0.0
    while low < 0.95:
        high = min(1.0, low + it.between(0.08, 0.5))
        it.block(it.between(-0.04, 0.04), low, it.between(0.05, 0.22), high, it.tint())
        low = high


_KINDS: tuple[Callable[[_Drawing], None], ...] = (
    _lamp,
    _tree,
    _bottle,
    _chair,
    _post,
    _sign,
    _bag,
    _coat_stand,
    _table,
    _bush,
    _pile,
)
