"""Draws round things that are no balls into a background: eyes, coins, cups, flowers, rings, soft spots."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.lite_detector.colours import colour

if TYPE_CHECKING:
    from training.lite_detector.sprites import Colour
    from training.lite_sr.pictures import Pixels

_SHIFT = 4  # fractional bits of OpenCV's coordinates


def draw_round_things(picture: Pixels, rng: np.random.Generator) -> None:
    """Draw up to about eight into a picture, uint8 [H, W, 3] RGB, in place; often several of one kind."""
    height, width = picture.shape[:2]
    kind, typical = int(rng.integers(6)), math.exp(rng.uniform(math.log(5), math.log(40)))
    for _ in range(1 + int(rng.poisson(1.5))):
        if rng.random() < 0.4:
            kind, typical = int(rng.integers(6)), math.exp(rng.uniform(math.log(5), math.log(40)))
        radius = typical * math.exp(rng.normal(0, 0.15))
        centre = (float(rng.uniform(0, width)), float(rng.uniform(0, height)))
        (_eye, _coin, _cup, _flower, _rings, _spot)[kind](picture, centre, radius, rng)


def _disc(
    picture: Pixels,
    centre: tuple[float, float],
    radii: tuple[float, float],
    tint: Colour,
    *,
    angle: float = 0.0,
    thickness: int = -1,
) -> None:
    place = (round(centre[0] * 2**_SHIFT), round(centre[1] * 2**_SHIFT))
    axes = (max(8, round(radii[0] * 2**_SHIFT)), max(8, round(radii[1] * 2**_SHIFT)))
    cv2.ellipse(picture, place, axes, angle, 0, 360, tint, thickness, cv2.LINE_AA, _SHIFT)


def _eye(picture: Pixels, centre: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    angle = float(rng.uniform(-30, 30))
    _disc(
        picture,
        centre,
        (radius * rng.uniform(1.2, 1.9), radius * rng.uniform(0.9, 1.2)),
        colour(rng),
        angle=angle,
    )
    _disc(picture, centre, (radius, radius), colour(rng))
    dark = int(rng.integers(0, 50))
    pupil = (radius * rng.uniform(0.15, 0.6), radius * rng.uniform(0.4, 0.8))
    _disc(picture, centre, pupil, (dark, dark, dark), angle=angle)
    glint = (
        centre[0] + radius * float(rng.uniform(-0.4, 0.4)),
        centre[1] - radius * float(rng.uniform(0, 0.5)),
    )
    _disc(picture, glint, (radius * 0.12, radius * 0.12), (235, 240, 245))


def _coin(picture: Pixels, centre: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    tint = np.array(colour(rng), np.float32)
    height, width = picture.shape[:2]
    top, bottom = (int(np.clip(centre[1] + way * (radius + 2), 0, height)) for way in (-1, 1))
    left, right = (int(np.clip(centre[0] + way * (radius + 2), 0, width)) for way in (-1, 1))
    if top >= bottom or left >= right:
        return
    size = (bottom - top, right - left)
    grid = max(2, int(radius / rng.uniform(1.5, 6)))
    relief = cv2.resize(rng.standard_normal((grid, grid), np.float32), (size[1], size[0]))
    relief = relief - np.roll(relief, 1, axis=1) * np.float32(rng.uniform(0, 1))
    face = tint * (1 + np.float32(rng.uniform(0.1, 0.45)) * relief[:, :, None])
    rows, columns = np.mgrid[top:bottom, left:right]
    away = np.hypot(rows + 0.5 - centre[1], columns + 0.5 - centre[0])
    cover = np.clip(radius - away + 0.5, 0, 1)[:, :, None]
    part = picture[top:bottom, left:right]
    part[:] = np.asarray((part * (1 - cover) + face * cover).clip(0, 255), np.uint8)
    if rng.random() < 0.5:
        _disc(picture, centre, (radius * 0.9, radius * 0.9), colour(rng), thickness=1)


def _cup(picture: Pixels, centre: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    flat, angle = float(rng.uniform(0.45, 1.0)), float(rng.uniform(-20, 20))
    china, coffee = colour(rng), colour(rng)
    if rng.random() < 0.5:
        _disc(picture, centre, (radius * 1.7, radius * 1.7 * flat), colour(rng), angle=angle)
    _disc(picture, centre, (radius, radius * flat), china, angle=angle)
    inner = float(rng.uniform(0.6, 0.9))
    _disc(picture, centre, (radius * inner, radius * inner * flat), coffee, angle=angle)
    if rng.random() < 0.5:
        foam = (radius * inner * 0.5, radius * inner * 0.5 * flat)
        _disc(picture, (centre[0] + foam[0] * 0.4, centre[1]), foam, colour(rng), angle=angle)


def _flower(picture: Pixels, centre: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    petal, count = colour(rng), int(rng.integers(5, 14))
    for turn in np.linspace(0, 2 * math.pi, count, endpoint=False) + rng.uniform(0, 1):
        place = (centre[0] + 0.6 * radius * math.cos(turn), centre[1] + 0.6 * radius * math.sin(turn))
        shade = float(rng.uniform(0.8, 1.15))
        red, green, blue = (min(255, int(level * shade)) for level in petal)
        size = (radius * 0.45, radius * 0.2)
        _disc(picture, place, size, (red, green, blue), angle=math.degrees(turn))
    _disc(picture, centre, (radius * 0.3, radius * 0.3), colour(rng))


def _rings(picture: Pixels, centre: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    flat, angle = float(rng.uniform(0.6, 1.0)), float(rng.uniform(0, 180))
    first, second = colour(rng), colour(rng)
    for number, share in enumerate(np.linspace(1, 0.15, int(rng.integers(2, 6)))):
        tint = (first, second)[number % 2]
        _disc(picture, centre, (radius * share, radius * share * flat), tint, angle=angle)


def _spot(picture: Pixels, centre: tuple[float, float], radius: float, rng: np.random.Generator) -> None:
    """Blend a soft disc of one colour into the picture, without an edge."""
    height, width = picture.shape[:2]
    rows, columns = np.mgrid[0:height, 0:width].astype(np.float32)
    away = ((columns - centre[0]) ** 2 + (rows - centre[1]) ** 2) / radius**2
    cover = np.float32(rng.uniform(0.4, 1)) * np.exp(-away * np.float32(rng.uniform(0.7, 2)))[:, :, None]
    tint = np.array(colour(rng), np.float32)
    picture[:] = np.asarray(picture * (1 - cover) + tint * cover, np.uint8)
