"""Chooses random appearances for the figures of a scene."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from training.lite_detector import people, things
from training.lite_detector.colours import colour

if TYPE_CHECKING:
    import numpy as np

    from training.lite_detector.sprites import Colour


def person(rng: np.random.Generator) -> people.Person:
    """Choose the appearance of a person."""
    stands = rng.random() < 0.25
    bag = rng.random()
    return people.Person(
        view="side" if rng.random() < 0.65 else "front",
        build=float(rng.uniform(0.8, 1.35)),
        swing=0.03 if stands else float(rng.uniform(0.25, 0.65)),
        arms=float(rng.uniform(0.05, 0.3) if rng.random() < 0.85 else rng.uniform(0.5, 2.6)),
        lean=float(rng.normal(0, 0.05)),
        skin=_choice(people.SKINS, rng),
        hair=_choice(people.HAIRS, rng),
        top=colour(rng),
        bottom=colour(rng),
        shoes=colour(rng),
        stripes=colour(rng) if rng.random() < 0.25 else None,
        sleeves=bool(rng.random() < 0.6),
        wear=_wear(rng),
        head=_head(rng),
        bag=None if bag > 0.3 else (("backpack", "suitcase", "bag")[int(bag * 10)], colour(rng)),
        light=float(rng.uniform(-1, 1)),
    )


def ball(rng: np.random.Generator) -> things.Ball:
    """Choose the appearance of a ball."""
    patterns: tuple[Literal["plain", "band", "patches", "seams"], ...] = ("plain", "band", "patches", "seams")
    return things.Ball(
        colour=colour(rng),
        second=colour(rng),
        pattern=patterns[int(rng.integers(4))],
        light=float(rng.uniform(-1, 1)),
    )


def box(rng: np.random.Generator) -> things.Box:
    """Choose the appearance of a box."""
    patterns: tuple[Literal["plain", "tape", "planks", "label"], ...] = ("plain", "tape", "planks", "label")
    paper = things.Box()
    coloured = rng.random() < 0.5
    return things.Box(
        colour=colour(rng) if coloured else paper.colour,
        trim=colour(rng) if coloured else paper.trim,
        pattern=patterns[int(rng.integers(4))],
        shape=float(rng.uniform(0.45, 1.4)),
        depth=float(rng.uniform(0.15, 0.5)),
        turned=int(rng.choice([-1, 1])),
    )


def _choice(colours: tuple[Colour, ...], rng: np.random.Generator) -> Colour:
    shade = rng.uniform(0.85, 1.1)
    red, green, blue = (min(255, int(level * shade)) for level in colours[int(rng.integers(len(colours)))])
    return red, green, blue


def _wear(rng: np.random.Generator) -> Literal["trousers", "shorts", "skirt", "coat"]:
    wear: tuple[Literal["trousers", "shorts", "skirt", "coat"], ...] = ("trousers", "shorts", "skirt", "coat")
    return wear[int(rng.choice(4, p=(0.5, 0.2, 0.15, 0.15)))]


def _head(rng: np.random.Generator) -> Literal["short", "long", "hat", "bald"]:
    heads: tuple[Literal["short", "long", "hat", "bald"], ...] = ("short", "long", "hat", "bald")
    return heads[int(rng.choice(4, p=(0.45, 0.3, 0.15, 0.1)))]
