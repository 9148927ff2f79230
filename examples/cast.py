"""Defines the figures of the sample clip and their paths."""

from __future__ import annotations

from training.lite_detector.people import HAIRS, SKINS, Person
from training.lite_detector.shots import Actor, Shot
from training.lite_detector.things import Ball, Box

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
