"""Draws a person from the side or the front, in any phase of a step.

Lengths are shares of the height, roughly those of an adult.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.lite_detector.sprites import Colour, Pen, Point, Sprite

_THIGH, _SHIN, _ANKLE = 0.245, 0.235, 0.04
_UPPER_ARM, _FOREARM = 0.165, 0.16
_HIP, _SHOULDER, _HEAD = 0.52, 0.815, 0.915

SKINS: tuple[Colour, ...] = (
    (246, 214, 190),
    (232, 190, 160),
    (205, 155, 120),
    (165, 115, 80),
    (120, 80, 55),
    (82, 54, 38),
)
HAIRS: tuple[Colour, ...] = (
    (25, 20, 18),
    (60, 40, 28),
    (110, 72, 40),
    (190, 150, 90),
    (150, 60, 30),
    (180, 180, 180),
)


@dataclass(frozen=True, kw_only=True)
class Person:
    """The appearance of a person.

    Attributes:
        view: side or front.
        build: width of the body over the usual width.
        swing: how far the legs swing, in radians; 0 for a standing person.
        arms: how far the arms are spread or lifted, in radians.
        lean: how far the whole body leans, in radians.
        skin, hair, top, bottom, shoes: colours.
        stripes: the second colour of the top; None for a plain top.
        sleeves: whether the sleeves are long.
        wear: the garment on the legs.
        head: the hair or hat.
        bag: the kind of bag and its colour; None for none.
        light: how much brighter the right side is than the left, -1..1.
    """

    view: Literal["side", "front"] = "side"
    build: float = 1.0
    swing: float = 0.45
    arms: float = 0.15
    lean: float = 0.0
    skin: Colour = SKINS[1]
    hair: Colour = HAIRS[0]
    top: Colour = (40, 80, 160)
    bottom: Colour = (50, 50, 60)
    shoes: Colour = (30, 30, 30)
    stripes: Colour | None = None
    sleeves: bool = True
    wear: Literal["trousers", "shorts", "skirt", "coat"] = "trousers"
    head: Literal["short", "long", "hat", "bald"] = "short"
    bag: tuple[Literal["backpack", "suitcase", "bag"], Colour] | None = None
    light: float = 0.3


def draw(person: Person, *, foot: Point, height_px: float, phase: float, facing: int = 1) -> Sprite:
    """Draw a person.

    Args:
        person: their appearance.
        foot: where they stand, in pixels of the picture.
        height_px: from the ground to the top of the head.
        phase: the phase of walking, 0..1; a cycle is two steps.
        facing: 1 to the right, -1 to the left.
    """
    return _Drawing(person, foot, height_px, phase, facing).sprite()


class _Drawing:
    def __init__(self, person: Person, foot: Point, height_px: float, phase: float, facing: int) -> None:
        self.person, self.foot, self.height_px, self.facing = person, foot, height_px, facing
        reach = 0.62 * height_px
        self.pen = Pen(foot[0] - reach, foot[1] - 1.2 * height_px, foot[0] + reach, foot[1] + 0.2 * height_px)
        turn = 2 * math.pi * phase
        self.legs = [self._leg(turn, 1), self._leg(turn + math.pi, -1)]
        lowest = min(leg[2][1] for leg in self.legs)
        self.rise = _ANKLE - lowest  # the lower foot is on the ground
        self.turn = turn

    def sprite(self) -> Sprite:
        person = self.person
        width = 0.085 * (0.5 + 0.5 * person.build)
        self._arm(self.turn + math.pi, -1)
        if person.bag and person.bag[0] == "suitcase":
            self._suitcase(person.bag[1])
        self._draw_leg(self.legs[1], width, dark=0.8)
        if person.bag and person.bag[0] == "backpack":
            self._backpack(person.bag[1])
        self._draw_leg(self.legs[0], width, dark=1.0)
        self._trunk()
        self._draw_head()
        self._arm(self.turn, 1)
        if person.bag and person.bag[0] == "bag":
            self._bag(person.bag[1])
        side = person.light * 0.35
        self.pen.shade(np.array([[1.05 - side, 1.05 + side], [0.9 - side, 0.9 + side]], np.float32))
        return self.pen.sprite()

    def _leg(self, turn: float, side: int) -> list[Point]:
        """Return hip, knee, ankle and toe, in shares of the height, before the body is raised."""
        person = self.person
        if person.view == "front":
            lift = 0.09 * person.swing * max(0.0, math.sin(turn))
            out = side * 0.05 * person.build
            return [
                (out, _HIP),
                (out * 1.15, _HIP - _THIGH + lift * 0.6),
                (out * 1.2, _HIP - _THIGH - _SHIN + lift),
                (out * 1.5, _HIP - _THIGH - _SHIN - 0.025 + lift),
            ]
        angle = person.swing * math.sin(turn)
        bend = 0.06 + 1.3 * person.swing * max(0.0, math.cos(turn))
        knee = (_THIGH * math.sin(angle), _HIP - _THIGH * math.cos(angle))
        ankle = (knee[0] + _SHIN * math.sin(angle - bend), knee[1] - _SHIN * math.cos(angle - bend))
        toe = (
            ankle[0] + 0.09 * math.cos(angle - bend),
            ankle[1] - 0.02 + 0.09 * math.sin(angle - bend) * 0.5,
        )
        return [(0.0, _HIP), knee, ankle, toe]

    def _draw_leg(self, leg: list[Point], width: float, *, dark: float) -> None:
        person = self.person
        cloth = _times(person.bottom, dark)
        skin = _times(person.skin, dark)
        hip, knee, ankle, toe = leg
        bare = person.wear in {"shorts", "skirt"}
        self._limb([knee, ankle], width * (0.72 if bare else 0.85), skin if bare else cloth)
        self._limb([hip, knee], width, skin if person.wear == "skirt" else cloth)
        self._limb([ankle, toe], 0.048, _times(person.shoes, dark))

    def _trunk(self) -> None:
        person = self.person
        across = (0.125 if person.view == "front" else 0.088) * person.build
        waist = across * 0.82
        hem = 0.34 if person.wear == "coat" else _HIP - 0.02
        flare = 1.15 if person.wear == "coat" else 1.0
        if person.wear == "skirt":
            self._polygon(
                [(-waist, 0.58), (waist, 0.58), (waist * 1.75, 0.3), (-waist * 1.75, 0.3)], person.bottom
            )
        outline = [
            (-across * 0.55, 0.85),
            (across * 0.55, 0.85),
            (across, 0.80),
            (waist, 0.62),
            (waist * 1.05 * flare, hem),
            (-waist * 1.05 * flare, hem),
            (-waist, 0.62),
            (-across, 0.80),
        ]
        self._limb([(0.0, 0.82), (0.0, 0.88)], 0.055, person.skin)
        self._polygon(outline, person.top)
        if person.stripes:
            for level in np.arange(hem + 0.03, 0.8, 0.07):
                reach = waist * 0.98
                band = [(-reach, level), (reach, level), (reach, level + 0.03), (-reach, level + 0.03)]
                self._polygon(band, person.stripes)

    def _draw_head(self) -> None:
        person = self.person
        wide = 0.058 if person.view == "side" else 0.054
        top = (-0.012 if person.view == "side" else 0.0, _HEAD + 0.022)
        if person.head == "long":
            self._polygon(
                [
                    (top[0] - wide, 0.93),
                    (top[0] + wide * 0.8, 0.93),
                    (top[0] + wide * 0.7, 0.81),
                    (-wide, 0.8),
                ],
                person.hair,
            )
        if person.head != "bald":
            self._ellipse(top, (wide * 1.08, 0.066), person.hair)
        self._ellipse(
            (0.008 if person.view == "side" else 0.0, _HEAD - 0.006), (wide * 0.88, 0.07), person.skin
        )
        if person.head != "bald":
            cap = [
                (top[0] + wide * math.cos(a), 0.935 + 0.055 * math.sin(a)) for a in np.linspace(0.1, 3.1, 9)
            ]
            self._polygon(cap, person.hair)
        if person.head == "hat":
            brim = person.stripes or person.bottom
            self._polygon([(-0.06, 0.945), (0.06, 0.945), (0.045, 1.01), (-0.045, 1.01)], brim)
            self._limb([(-0.08, 0.945), (0.09, 0.945)], 0.018, brim)

    def _arm(self, turn: float, side: int) -> None:
        person = self.person
        if person.view == "front":
            angle = side * (person.arms + 0.08)
            start = (side * 0.115 * person.build, _SHOULDER - 0.025)
            bend = angle + side * 0.2 * person.arms + 0.12 * person.swing * math.sin(turn)
        else:
            angle = -0.85 * person.swing * math.sin(turn) + (person.arms if side > 0 else 0.0)
            start = (0.0, _SHOULDER - 0.025)
            bend = angle + 0.35 + 0.4 * person.swing
        elbow = (start[0] + _UPPER_ARM * math.sin(angle), start[1] - _UPPER_ARM * math.cos(angle))
        hand = (elbow[0] + _FOREARM * math.sin(bend), elbow[1] - _FOREARM * math.cos(bend))
        dark = 0.82 if side < 0 else 0.93
        sleeve, skin = _times(person.top, dark), _times(person.skin, dark)
        wide = 0.058 * (0.5 + 0.5 * person.build)
        self._limb([elbow, hand], wide * 0.8, sleeve if person.sleeves else skin)
        self._limb([start, elbow], wide, sleeve)
        self._ellipse(hand, (0.024, 0.024), skin)
        self.hand = hand

    def _backpack(self, colour: Colour) -> None:
        if self.person.view == "side":
            self._ellipse((-0.125, 0.7), (0.07, 0.12), colour)
        else:
            self._ellipse((0.0, 0.72), (0.16 * self.person.build, 0.13), colour)

    def _suitcase(self, colour: Colour) -> None:
        behind = -0.3 if self.person.view == "side" else 0.26
        low = -self.rise
        self._limb([(behind, 0.3 + low), self.hand], 0.014, (70, 70, 70))
        self._polygon(
            [
                (behind - 0.09, 0.02 + low),
                (behind + 0.09, 0.02 + low),
                (behind + 0.09, 0.32 + low),
                (behind - 0.09, 0.32 + low),
            ],
            colour,
        )

    def _bag(self, colour: Colour) -> None:
        x, y = self.hand
        self._polygon(
            [(x - 0.05, y - 0.05), (x + 0.05, y - 0.05), (x + 0.07, y - 0.2), (x - 0.07, y - 0.2)], colour
        )
        self._limb([(x - 0.04, y - 0.05), (x, y), (x + 0.04, y - 0.05)], 0.012, colour)

    def _place(self, point: Point) -> Point:
        """Convert shares of the height, y upwards, to pixels of the picture."""
        x, y = point[0] * self.facing, point[1] + self.rise
        lean = self.person.lean
        x, y = x * math.cos(lean) + y * math.sin(lean), y * math.cos(lean) - x * math.sin(lean)
        return self.foot[0] + x * self.height_px, self.foot[1] - y * self.height_px

    def _limb(self, points: list[Point], width: float, colour: Colour) -> None:
        self.pen.limb([self._place(point) for point in points], width * self.height_px, colour)

    def _polygon(self, points: list[Point], colour: Colour) -> None:
        self.pen.polygon([self._place(point) for point in points], colour)

    def _ellipse(self, centre: Point, radii: Point, colour: Colour) -> None:
        size = (radii[0] * self.height_px, radii[1] * self.height_px)
        self.pen.ellipse(self._place(centre), size, colour)


def _times(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(level * factor)) for level in colour)
    return red, green, blue
