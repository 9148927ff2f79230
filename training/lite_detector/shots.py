"""Draws shots of a clip: figures that walk, roll or stand in front of a photograph, with exact labels."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from training.lite_detector import people, things
from training.lite_detector.grounds import shadow
from training.lite_detector.scenes import BALL, BOX, PERSON, Layer, Scene, compose

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.lite_detector.sprites import Colour, Point
    from training.lite_sr.pictures import Pixels

WIDTH, HEIGHT = 320, 180
"""The size of the frames, in pixels."""

_STEPS = 1.05  # heights that a walker advances in two steps


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

    look: people.Person | things.Ball | things.Box | Colour
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


def frames(shot: Shot, photograph: Pixels) -> Iterator[Scene]:
    """Yield every frame of a shot, uint8 [180, 320, 3] RGB, with its labels.

    Args:
        shot: what to draw.
        photograph: the picture behind the figures, uint8 [H, W, 3] RGB.
    """
    behind = Image.fromarray(photograph)
    for index in range(shot.frames):
        yield _frame(shot, behind, index / (shot.frames - 1))


def _frame(shot: Shot, photograph: Image.Image, done: float) -> Scene:
    """Draw one frame of a shot; `done` goes from 0 to 1."""
    eased = done * done * (3 - 2 * done)
    left, top, width = (a + (b - a) * eased for a, b in zip(shot.start, shot.end, strict=True))
    scale = WIDTH / width
    view = photograph.resize(
        (WIDTH, HEIGHT),
        Image.Resampling.LANCZOS,
        box=(left, top, left + width, top + width * HEIGHT / WIDTH),
    )
    pen = ImageDraw.Draw(view)
    font = ImageFont.load_default(size=13)
    pen.text((11, 9), shot.caption, font=font, fill=(0, 0, 0))
    pen.text((10, 8), shot.caption, font=font, fill=(255, 255, 255))
    background = np.array(view, np.uint8)
    layers = []
    for actor in sorted(shot.cast, key=lambda actor: actor.place(done)[1]):
        x, y = actor.place(done)
        foot = ((x - left) * scale, (y - top) * scale)
        if actor.shadow:
            shadow(background, foot, actor.shadow * actor.size * scale, 0.35)
        layers.append(_layer(actor, foot, scale, actor.walked(done)))
    return compose(background, layers)


def _layer(actor: Actor, foot: tuple[float, float], scale: float, walked: float) -> Layer:
    """Draw an actor with their foot at this position."""
    size = actor.size * scale
    if isinstance(actor.look, people.Person):
        facing = 1 if actor.end[0] >= actor.start[0] else -1
        phase = walked / (_STEPS * actor.size) % 1
        sprite = people.draw(actor.look, foot=foot, height_px=size, phase=phase, facing=facing)
        return Layer(sprite=sprite, number=PERSON, identity=actor.identity)
    if isinstance(actor.look, things.Ball):
        angle = math.copysign(walked / actor.size, actor.end[0] - actor.start[0])
        centre = (foot[0], foot[1] - size)
        sprite = things.draw_ball(actor.look, centre=centre, radius_px=size, angle=angle)
        return Layer(sprite=sprite, number=BALL, identity=actor.identity)
    if isinstance(actor.look, things.Box):
        sprite = things.draw_box(actor.look, bottom=foot, width_px=size)
        return Layer(sprite=sprite, number=BOX, identity=actor.identity)
    sprite = things.draw_pillar(bottom=foot, width_px=size, height_px=2 * HEIGHT, colour=actor.look)
    return Layer(sprite=sprite)
