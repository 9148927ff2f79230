"""Draws synthetic pictures of text, lines and flat shapes, which photographs rarely contain."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

if TYPE_CHECKING:
    from training.lite_sr.pictures import Pixels

_SIZE_PX = 384
_FINE = 2  # shapes are drawn this many times larger and then reduced, so that their edges are smooth
_CHARACTERS = string.ascii_letters + string.digits + " .,:;!?-+%&()"


def draw(rng: np.random.Generator) -> Pixels:
    """Draw one picture: a colour gradient, shapes, lines, and lines of random text.

    Returns:
        uint8 [384, 384, 3], RGB, 0..255.
    """
    side = _SIZE_PX * _FINE
    corners = rng.integers(0, 256, (2, 2, 3)).astype(np.float32)
    gradient = cv2.resize(corners, (side, side), interpolation=cv2.INTER_LINEAR)
    picture = Image.fromarray(np.asarray(gradient, np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(rng.integers(4, 16)):
        points = rng.integers(0, side, (int(rng.integers(3, 6)), 2))
        colour = _colour(rng)
        kind = rng.integers(0, 4)
        if kind == 0:
            pen.polygon([tuple(map(int, point)) for point in points], fill=colour)
        elif kind == 1:
            (left, right), (top, bottom) = np.sort(points[:2].T)
            pen.ellipse((int(left), int(top), int(right), int(bottom)), fill=colour)
        else:
            pen.line(
                [tuple(map(int, point)) for point in points], fill=colour, width=int(rng.integers(1, 16))
            )
    for _ in range(rng.integers(3, 10)):
        words = "".join(rng.choice(list(_CHARACTERS), int(rng.integers(4, 24))))
        where = (int(rng.integers(-40, side - 100)), int(rng.integers(0, side - 40)))
        font = ImageFont.load_default(size=int(rng.integers(24, 120)))  # Aileron, which comes inside Pillow
        pen.text(where, words, fill=_colour(rng), font=font)
    return np.asarray(picture.resize((_SIZE_PX, _SIZE_PX), Image.Resampling.BOX), np.uint8)


def _colour(rng: np.random.Generator) -> tuple[int, int, int]:
    red, green, blue = rng.integers(0, 256, 3)
    return int(red), int(green), int(blue)
