"""Makes backgrounds and shadows, and applies camera and encoder effects to a finished picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

import cv2
import numpy as np

from training.lite_detector.colours import colour
from training.lite_detector.round_things import draw_round_things
from training.lite_detector.textures import caption, texture

if TYPE_CHECKING:
    from collections.abc import Sequence

    from training.lite_sr.pictures import Pixels


def ground(photographs: Sequence[Pixels], size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    """Make a background: part of a photograph, a texture, a floor before a wall, or colours with shapes.

    Args:
        photographs: the photographs to choose from, each uint8 [H, W, 3] RGB.
        size: height and width in pixels.
        rng: the generator of all choices.

    Returns:
        uint8 [height, width, 3], RGB.
    """
    kind = rng.random()
    if kind < 0.45:
        return _recoloured(_cut(photographs, size, rng), rng)
    if kind < 0.65:
        return texture(size, rng)
    if kind < 0.87:
        wall, floor = (_surface(photographs, size, rng) for _ in range(2))
        horizon = int(rng.uniform(0.25, 0.75) * size[0])
        calm = rng.uniform(0.2, 1.0)
        flat = wall.mean(axis=(0, 1), keepdims=True)
        wall = np.asarray(wall * calm + flat * (1 - calm), np.uint8)
        return np.concatenate([wall[:horizon], floor[horizon:]])
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
    picture = np.asarray(cv2.resize(corners, (size[1], size[0])), np.uint8)
    coarse = rng.normal(0, rng.uniform(0, 25), (size[0] // 4, size[1] // 4, 1))
    grain = cv2.resize(np.asarray(coarse, np.float32), (size[1], size[0]))[:, :, None]
    picture = np.asarray(np.clip(picture + grain, 0, 255), np.uint8)
    for _ in range(int(rng.integers(2, 12))):
        _shape(picture, rng)
    return picture


def clutter(picture: Pixels, rng: np.random.Generator) -> None:
    """Draw flat shapes, and sometimes round things and a line of text, into a background, in place."""
    for _ in range(int(rng.integers(0, 6))):
        _shape(picture, rng)
    if rng.random() < 0.6:
        draw_round_things(picture, rng)
    if rng.random() < 0.4:
        caption(picture, rng)


def shadow(picture: Pixels, foot: tuple[float, float], width_px: float, strength: float) -> None:
    """Darken a soft ellipse on the ground, in place.

    Args:
        picture: uint8 [H, W, 3] RGB.
        foot: the centre of the ellipse, in pixels.
        width_px: the width of the ellipse.
        strength: how much darker it gets, 0..1.
    """
    height, width = picture.shape[:2]
    reach_x, reach_y = width_px * 0.6, max(1.0, width_px * 0.16)
    left, right = (int(np.clip(foot[0] + way * reach_x * 1.5, 0, width)) for way in (-1, 1))
    top, bottom = (int(np.clip(foot[1] + way * reach_y * 1.5, 0, height)) for way in (-1, 1))
    if left >= right or top >= bottom:
        return
    rows, columns = np.mgrid[top:bottom, left:right]
    far = ((columns + 0.5 - foot[0]) / reach_x) ** 2 + ((rows + 0.5 - foot[1]) / reach_y) ** 2
    light = 1 - strength * np.clip(1.4 - far, 0, 1)
    part = picture[top:bottom, left:right]
    part[:] = np.asarray(part * light[:, :, None], np.uint8)


def degrade(picture: Pixels, rng: np.random.Generator) -> Pixels:
    """Blur, relight, add noise and compress, each at random; input and result are uint8 [H, W, 3] RGB."""
    if rng.random() < 0.5:
        picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), rng.uniform(0.3, 1.3)), np.uint8)
    elif rng.random() < 0.15:
        picture = np.asarray(cv2.blur(picture, (int(rng.integers(2, 5)), 1)), np.uint8)
    levels = np.linspace(0, 1, 256) ** rng.uniform(0.7, 1.4)
    levels = (levels - 0.5) * rng.uniform(0.6, 1.15) + 0.5 + rng.uniform(-0.12, 0.12)
    picture = np.asarray(np.clip(levels * 255, 0, 255), np.uint8)[picture]
    if rng.random() < 0.5:
        noise = rng.standard_normal(picture.shape, np.float32) * np.float32(rng.uniform(0, 9))
        picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    if rng.random() < 0.6:
        quality = int(rng.integers(30, 95))
        _, data = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
        picture = np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
    return picture


def _surface(photographs: Sequence[Pixels], size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    if rng.random() < 0.3:
        return texture(size, rng)
    return _recoloured(_cut(photographs, size, rng), rng)


def _cut(photographs: Sequence[Pixels], size: tuple[int, int], rng: np.random.Generator) -> Pixels:
    picture = photographs[int(rng.integers(len(photographs)))]
    largest = min(picture.shape[0] / size[0], picture.shape[1] / size[1])
    scale = largest * rng.uniform(0.35, 1.0)
    height, width = (int(side * scale) for side in size)
    top = int(rng.integers(picture.shape[0] - height + 1))
    left = int(rng.integers(picture.shape[1] - width + 1))
    part = picture[top : top + height, left : left + width]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    way = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(np.ascontiguousarray(part), (size[1], size[0]), interpolation=way), np.uint8)


def _recoloured(picture: Pixels, rng: np.random.Generator) -> Pixels:
    curves = np.linspace(0.0, 1.0, 256)[:, None] ** rng.uniform(0.6, 1.6, 3)
    table = np.rint(curves * 255).astype(np.uint8)
    channels = rng.permutation(3) if rng.random() < 0.4 else np.arange(3)
    return np.stack([table[picture[:, :, source], source] for source in channels], axis=2)


def _shape(picture: Pixels, rng: np.random.Generator) -> None:
    """Draw a triangle, a line or a long ellipse, none of which is a figure."""
    height, width = picture.shape[:2]
    points = np.stack([rng.integers(0, width, 3), rng.integers(0, height, 3)], axis=1).astype(np.int32)
    kind, tint = int(rng.integers(3)), colour(rng)
    if kind == 0:
        cv2.fillPoly(picture, [points], tint, cv2.LINE_AA)
    elif kind == 1:
        cv2.polylines(picture, [points], False, tint, int(rng.integers(1, 12)), cv2.LINE_AA)  # noqa: FBT003
    else:
        axes = (int(rng.integers(15, 70)), int(rng.integers(3, 14)))
        place = (int(points[0, 0]), int(points[0, 1]))
        cv2.ellipse(picture, place, axes, float(rng.uniform(0, 180)), 0, 360, tint, -1, cv2.LINE_AA)
