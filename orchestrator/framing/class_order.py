"""Orders classes by how likely somebody who watches a video looks at them: people first, furniture never.

The names are those of COCO, and common names of people. Every other name is taken for something that may
move: a detector of one's own finds what its maker cares for.
"""

from __future__ import annotations

from enum import IntEnum


class ClassGroup(IntEnum):
    """A group of classes; a larger number is looked at before a smaller one."""

    STILL = 0
    """What never moves by itself: furniture, fixtures, and things that are carried or lie about."""
    MOVER = 1
    """Vehicles, balls, and all classes that are in no list."""
    ANIMAL = 2
    PERSON = 3


_PEOPLE_NAMES = """
person people pedestrian human man woman boy girl child baby player athlete face head body cyclist rider
driver worker speaker presenter dancer
"""
_ANIMAL_NAMES = "bird cat dog horse sheep cow elephant bear zebra giraffe"
_STILL_NAMES = """
traffic light, fire hydrant, stop sign, parking meter, bench, backpack, umbrella, handbag, tie, suitcase,
baseball bat, baseball glove, tennis racket, bottle, wine glass, cup, fork, knife, spoon, bowl, banana, apple,
sandwich, orange, broccoli, carrot, hot dog, pizza, donut, cake, chair, couch, potted plant, bed,
dining table, toilet, tv, laptop, mouse, remote, keyboard, cell phone, microwave, oven, toaster, sink,
refrigerator, book, clock, vase, scissors, teddy bear, hair drier, toothbrush,
shelf, table, sofa, cabinet, cupboard, wardrobe, desk, door, window, lamp, picture, mirror, plant, tree,
building, sign
"""

PEOPLE = frozenset(_PEOPLE_NAMES.split())
ANIMALS = frozenset(_ANIMAL_NAMES.split())
STILL = frozenset(name.strip() for name in _STILL_NAMES.split(","))
"""The classes of COCO that are furniture, fixtures or carried things; and other names of furniture."""

_MOVED_BY_PEOPLE_NAMES = """
backpack, umbrella, handbag, tie, suitcase, baseball bat, baseball glove, tennis racket, cell phone, bicycle,
motorcycle, skateboard, surfboard, skis, snowboard, frisbee, sports ball
"""
MOVED_BY_PEOPLE = frozenset(name.strip() for name in _MOVED_BY_PEOPLE_NAMES.split(","))
"""The classes of COCO that are carried, ridden or thrown."""

HEADS = frozenset({"face", "head"})
"""Classes whose box is a head, not a whole figure."""


def group_of(class_name: str) -> ClassGroup:
    """Return the group of a class; upper and lower case, and `_` and a space, count alike."""
    name = _plain(class_name)
    if name in PEOPLE:
        return ClassGroup.PERSON
    if name in ANIMALS:
        return ClassGroup.ANIMAL
    return ClassGroup.STILL if name in STILL else ClassGroup.MOVER


def is_head(class_name: str) -> bool:
    """Return whether a box of this class is a head, not a whole figure."""
    return _plain(class_name) in HEADS


def moves_with_a_person(class_name: str) -> bool:
    """Return whether a box of this class usually moves as a person's does: a head, or what is carried."""
    return _plain(class_name) in HEADS | MOVED_BY_PEOPLE


def is_figure(class_name: str) -> bool:
    """Return whether a box of this class is a whole person, with a head at its top."""
    return group_of(class_name) is ClassGroup.PERSON and not is_head(class_name)


def _plain(class_name: str) -> str:
    return class_name.strip().lower().replace("_", " ")
