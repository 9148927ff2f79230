"""Draws balls and boxes, and distractors that hide figures: pillars and strips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from training.lite_detector.sprites import Colour, Pen, Point, Sprite


@dataclass(frozen=True, kw_only=True)
class Ball:
    """The appearance of a ball.

    Attributes:
        colour, second: the colours of its pattern.
        pattern: its pattern.
        light: the direction of the light, -1 left to 1 right.
    """

    colour: Colour = (220, 70, 40)
    second: Colour = (245, 240, 230)
    pattern: Literal["plain", "band", "patches", "seams"] = "plain"
    light: float = -0.5


@dataclass(frozen=True, kw_only=True)
class Box:
    """The appearance of a box with a visible front, top and side.

    Attributes:
        colour: the colour of the front.
        trim: the colour of tape or planks.
        pattern: the pattern of the front.
        shape: height over width of the front.
        depth: how far top and side reach back, over the width.
        turned: 1 shows the right side, -1 the left.
    """

    colour: Colour = (190, 145, 95)
    trim: Colour = (225, 200, 160)
    pattern: Literal["plain", "tape", "planks", "label"] = "tape"
    shape: float = 0.8
    depth: float = 0.3
    turned: int = 1


def draw_ball(ball: Ball, *, centre: Point, radius_px: float, angle: float) -> Sprite:
    """Draw a ball that has rolled by `angle` radians."""
    x, y = centre
    pen = Pen(x - radius_px - 2, y - radius_px - 2, x + radius_px + 2, y + radius_px + 2)
    pen.ellipse(centre, (radius_px, radius_px), ball.colour)
    degrees = math.degrees(angle)
    if ball.pattern == "band":
        pen.ellipse(centre, (radius_px, 0.3 * radius_px), ball.second, angle=degrees)
    elif ball.pattern == "patches":
        pen.ellipse(centre, (0.3 * radius_px, 0.3 * radius_px), ball.second)
        for number in range(5):
            turn = angle + number * 2 * math.pi / 5
            where = (x + 0.72 * radius_px * math.cos(turn), y + 0.72 * radius_px * math.sin(turn))
            pen.ellipse(where, (0.13 * radius_px, 0.24 * radius_px), ball.second, angle=math.degrees(turn))
    elif ball.pattern == "seams":
        for turn in (angle, angle + math.pi / 2):
            across = (radius_px * 0.98 * math.cos(turn), radius_px * 0.98 * math.sin(turn))
            line = [(x - across[0], y - across[1]), (x + across[0], y + across[1])]
            pen.limb(line, 0.1 * radius_px, ball.second)
    down, right = np.meshgrid(np.linspace(-1, 1, 24), np.linspace(-1, 1, 24), indexing="ij")
    toward = (right - 0.6 * ball.light) ** 2 + (down + 0.45) ** 2
    pen.shade(np.asarray(1.3 - 0.36 * toward + 0.5 * np.exp(-toward * 9), np.float32))
    return pen.sprite()


def draw_box(box: Box, *, bottom: Point, width_px: float) -> Sprite:
    """Draw a box that stands with the middle of its front's lower edge at `bottom`."""
    x, y = bottom
    half, tall = width_px / 2, width_px * box.shape
    back = (box.turned * box.depth * width_px, -0.55 * box.depth * width_px)
    reach = half + abs(back[0]) + 2
    pen = Pen(x - reach, y - tall + back[1] - 2, x + reach, y + 2)
    front = [(x - half, y), (x + half, y), (x + half, y - tall), (x - half, y - tall)]
    near = x + half * box.turned
    pen.polygon(_face((near, y), (near, y - tall), back), _times(box.colour, 0.62))
    pen.polygon(_face((x - half, y - tall), (x + half, y - tall), back), _times(box.colour, 1.22))
    pen.polygon(front, box.colour)
    if box.pattern == "tape":
        pen.polygon(_upright(x, y, 0.09 * width_px, tall), box.trim)
        pen.polygon(
            _face((x - 0.09 * width_px, y - tall), (x + 0.09 * width_px, y - tall), back),
            _times(box.trim, 1.1),
        )
    elif box.pattern == "planks":
        for level in np.linspace(0.08, 0.92, 4):
            pen.limb(
                [(x - half * 0.9, y - tall * level), (x + half * 0.9, y - tall * level)],
                0.05 * width_px,
                box.trim,
            )
        pen.limb([front[0], front[2]], 0.06 * width_px, _times(box.trim, 0.85))
    elif box.pattern == "label":
        pen.polygon(_upright(x + 0.15 * width_px, y - 0.4 * tall, 0.2 * width_px, 0.35 * tall), box.trim)
    return pen.sprite()


def draw_pillar(*, bottom: Point, width_px: float, height_px: float, colour: Colour) -> Sprite:
    """Draw a round pillar or a piece of wall, which hides figures behind it."""
    x, y = bottom
    pen = Pen(x - width_px, y - height_px - 2, x + width_px, y + 2)
    pen.polygon(_upright(x, y, width_px / 2, height_px), colour)
    across = np.cos(np.linspace(-1.3, 1.3, 16)) * 0.5 + 0.62
    pen.shade(np.asarray(np.repeat(across[None], 2, axis=0), np.float32))
    return pen.sprite()


def draw_odds(points: list[Point], *, width_px: float, colour: Colour) -> Sprite:
    """Draw a strip through the points, such as a branch or a pipe."""
    xs, ys = zip(*points, strict=True)
    pad = width_px + 2
    pen = Pen(min(xs) - pad, min(ys) - pad, max(xs) + pad, max(ys) + pad)
    pen.limb(points, width_px, colour)
    return pen.sprite()


def _face(one: Point, other: Point, back: Point) -> list[Point]:
    return [one, other, (other[0] + back[0], other[1] + back[1]), (one[0] + back[0], one[1] + back[1])]


def _upright(x: float, y: float, half: float, tall: float) -> list[Point]:
    return [(x - half, y), (x + half, y), (x + half, y - tall), (x - half, y - tall)]


def _times(colour: Colour, factor: float) -> Colour:
    red, green, blue = (min(255, round(level * factor)) for level in colour)
    return red, green, blue
