"""Defines the figures of the sample clip and their paths."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.lite_detector.people import HAIRS, SKINS, Person
from training.lite_detector.things import Ball, Box

if TYPE_CHECKING:
    from training.lite_detector.sprites import Colour, Point


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A figure, or a pillar that hides figures.

    Attributes:
        look: the appearance of a person, a ball or a box; or the colour of a pillar.
        start, end: its position at the start and the end of the shot, x and y in pixels of the photograph.
        size: height of a person, radius of a ball, width of a box or pillar, in the same pixels.
        identity: its number, from 1 on; 0 for a pillar.
        shadow: width of its shadow relative to its size.
    """

    look: Person | Ball | Box | Colour
    start: Point
    end: Point
    size: float
    identity: int = 0
    shadow: float = 0.0

    def place(self, done: float) -> Point:
        """Return its position; `done` goes from 0 to 1 during the shot."""
        (x1, y1), (x2, y2) = self.start, self.end
        return x1 + (x2 - x1) * done, y1 + (y2 - y1) * done

    def walked(self, done: float) -> float:
        """Return the distance that it has walked, in pixels of the photograph."""
        return math.dist(self.start, self.end) * done


@dataclass(frozen=True, kw_only=True)
class Shot:
    """A slow camera move over a photograph with figures on it.

    Attributes:
        picture: the name of a held-out picture.
        caption: the text in the upper left corner.
        start, end: left, top and width of the 16:9 view, in pixels of the photograph.
        frames: the number of frames.
        cast: its figures.
    """

    picture: str
    caption: str
    start: tuple[float, float, float]
    end: tuple[float, float, float]
    frames: int
    cast: tuple[Actor, ...]


_ANNA = Person(
    top=(205, 50, 55), bottom=(35, 45, 85), hair=HAIRS[2], skin=SKINS[1], head="long", swing=0.5, light=-0.4
)
_BEN = Person(
    top=(70, 125, 185),
    bottom=(70, 60, 50),
    stripes=(235, 235, 225),
    skin=SKINS[4],
    build=1.15,
    bag=("backpack", (50, 95, 60)),
)
_CLEO = Person(
    top=(230, 190, 60),
    bottom=(60, 60, 70),
    wear="skirt",
    hair=HAIRS[0],
    skin=SKINS[2],
    head="long",
    swing=0.4,
)
_DORA = Person(
    top=(90, 165, 105), bottom=(230, 225, 215), wear="shorts", hair=HAIRS[4], skin=SKINS[0], sleeves=False
)
_EMIL = Person(top=(45, 60, 125), bottom=(40, 40, 48), wear="coat", skin=SKINS[3], head="hat", swing=0.42)

SHOTS = (
    Shot(
        picture="chelsea",
        caption="Chelsea, 320 x 180",
        start=(0, 30, 440),
        end=(30, 47, 400),
        frames=84,
        cast=(
            Actor(look=_CLEO, start=(390, 240), end=(190, 240), size=108, identity=3, shadow=0.4),
            Actor(look=(150, 140, 130), start=(290, 247), end=(290, 247), size=44),
            Actor(look=_ANNA, start=(475, 252), end=(-70, 252), size=114, identity=1, shadow=0.4),
            Actor(look=_BEN, start=(-20, 262), end=(365, 262), size=120, identity=2, shadow=0.4),
            Actor(
                look=Ball(colour=(235, 235, 240), second=(200, 60, 40), pattern="patches"),
                start=(40, 268),
                end=(560, 268),
                size=13,
                identity=4,
                shadow=2.4,
            ),
        ),
    ),
    Shot(
        picture="coffee",
        caption="Espresso, 320 x 180",
        start=(60, 30, 500),
        end=(40, 22, 530),
        frames=60,
        cast=(
            Actor(look=_DORA, start=(60, 285), end=(520, 285), size=140, identity=5, shadow=0.4),
            Actor(
                look=Box(pattern="tape"),
                start=(345, 296),
                end=(345, 296),
                size=78,
                identity=7,
                shadow=1.3,
            ),
            Actor(look=_EMIL, start=(500, 304), end=(150, 304), size=150, identity=6, shadow=0.4),
            Actor(
                look=Ball(colour=(60, 120, 210), second=(245, 225, 90), pattern="band"),
                start=(250, 306),
                end=(640, 306),
                size=17,
                identity=8,
                shadow=2.4,
            ),
        ),
    ),
)
