"""Draws boxes and labels on pictures, in a size that suits the picture, legible on any background."""

from __future__ import annotations

import colorsys
import itertools
import re
import unicodedata
from collections.abc import Sequence
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from orchestrator.drawing.label_places import Rectangle, place_label
from orchestrator.drawing.small_digits import DIGIT_HIGH_PX, DIGIT_WIDE_PX, SMALL_DIGITS
from orchestrator.frames import Pixels

Ink = tuple[int, int, int]
"""Red, green and blue, 0..255."""

DARK: Ink = (16, 16, 20)
"""Colour of rims and of text on bright labels."""

_LIGHT: Ink = (245, 245, 242)

FONT = cv2.FONT_HERSHEY_SIMPLEX

_GOLDEN_ANGLE = 180 * (3 - 5**0.5)
"""Degrees between successive hues: neighbours are far apart, and no hue comes twice."""

_DARKEST = 0.45
"""Luma (BT.709, 0..1) of the darkest colour that `colour_of` returns."""

_LONGEST_NAME = 24

_SMALLEST_TEXT_PX = 7.0
"""Least height of capital letters."""

_SMALL_DIGITS_BELOW_PX = 10.0
"""Digits of texts whose capital letters are lower are drawn from whole pixels (`small_digits.py`)."""

_MOST_OF_PICTURE = 1 / 8
"""A label that would cover more of the picture is shorter, or left out."""


@cache
def colour_of(number: int) -> Ink:
    """Return a bright colour for a number: dark text is legible on it, and neighbours look different.

    Saturated and lighter HSV colours alternate; colours that look dark (blues) are mixed with white.
    """
    hue = number * _GOLDEN_ANGLE % 360
    red, green, blue = colorsys.hsv_to_rgb(hue / 360, 0.88 if number % 2 else 0.6, 1.0)
    luma = 0.2126 * red + 0.7152 * green + 0.0722 * blue
    white = max(0.0, (_DARKEST - luma) / (1 - luma))
    red, green, blue = (round(255 * (part + white * (1 - part))) for part in (red, green, blue))
    return int(red), int(green), int(blue)


def to_ascii(name: str) -> str:
    """Convert a name to the ASCII that OpenCV's fonts have: accents are dropped, other characters become `?`.

    Names of more than 24 characters are cut.
    """
    bare = "".join(
        letter for letter in unicodedata.normalize("NFKD", name) if not unicodedata.combining(letter)
    )
    text = "".join(letter if letter.isascii() and letter.isprintable() else "?" for letter in bare)
    return text if len(text) <= _LONGEST_NAME else text[: _LONGEST_NAME - 2] + ".."


def text_scale(height_px: float) -> float:
    """Return the scale at which OpenCV draws capital letters of this height."""
    return height_px / cv2.getTextSize("H", FONT, 1, 1)[0][1]


class Pen:
    """Draws on pictures of one size.

    Args:
        width, height: size of the pictures, in pixels.

    Attributes:
        line_px: width of a line, without the dark rim of at least one pixel around it.
        edge_px: how far a line and its rim reach from its middle.
    """

    def __init__(self, *, width: int, height: int) -> None:
        longest = max(width, height)
        self.line_px = max(1, round(longest / 640))
        self._rim_px = max(1, round(longest / 2000))
        self.edge_px = (self.line_px + 1) // 2 + self._rim_px
        self._text_px = max(8.0, longest / 110)
        self._last = np.array([width - 1, height - 1, width - 1, height - 1])

    def box(self, pixels: Pixels, box: NDArray[np.float32], colour: Ink, *, dashed: bool = False) -> None:
        """Draw the edges of a box; dashed edges are thinner.

        Args:
            pixels: uint8 [H, W, 3] RGB, contiguous; modified.
            box: float32 [4], x1, y1, x2, y2 in pixels of the picture.
            colour: the colour of the edges.
            dashed: whether the edges have gaps.
        """
        x1, y1, x2, y2 = np.clip(np.rint(box), 0, self._last).astype(int).tolist()
        corners = np.array([(x1, y1), (x2, y1), (x2, y2), (x1, y2), (x1, y1)])
        thickness = max(1, round(self.line_px / 2)) if dashed else self.line_px
        lines = _dashes(corners, 6 * (self.line_px + self._rim_px)) if dashed else [corners]
        cv2.polylines(pixels, lines, isClosed=False, color=DARK, thickness=thickness + 2 * self._rim_px)
        cv2.polylines(pixels, lines, isClosed=False, color=colour, thickness=thickness)

    def label(
        self,
        pixels: Pixels,
        box: NDArray[np.float32],
        text: str,
        colour: Ink,
        *,
        small: str = "",
        short: str = "",
        avoid: Sequence[Rectangle] = (),
    ) -> Rectangle:
        """Draw a label at a box, and return where it is.

        It stands on the box, or elsewhere at the box if it would cover something to avoid (`label_places`),
        and stays inside the picture. In a tiny picture it is shorter, or left out: it covers at most an
        eighth of the picture.

        Args:
            pixels: uint8 [H, W, 3] RGB; modified.
            box: float32 [4], x1, y1, x2, y2 in pixels of the picture.
            text: the label, in ASCII.
            colour: background of the label.
            small: ASCII text in a smaller size after the label; left out first.
            short: ASCII text that stands for the label where there is no room for it; empty for none.
            avoid: parts of the picture that the label should not cover, such as heads and other labels.
        """
        picture_height, picture_width = pixels.shape[:2]
        plates = [self._plate(text, small, colour), self._plate(text, "", colour)]
        plates += [self._plate(short, "", colour)] if short else []
        most_px = _MOST_OF_PICTURE * picture_width * picture_height
        plate = next((plate for plate in plates if plate.shape[0] * plate.shape[1] <= most_px), None)
        if plate is None:
            return 0, 0, 0, 0
        height, width = plate.shape[:2]
        shrink = min(1, picture_width / width, picture_height / height)
        if shrink < 1:
            width, height = max(1, int(width * shrink)), max(1, int(height * shrink))
            plate = np.asarray(cv2.resize(plate, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        left, top = place_label(
            (width, height), box, edge_px=self.edge_px, picture=(picture_width, picture_height), avoid=avoid
        )
        pixels[top : top + height, left : left + width] = plate
        return left, top, left + width, top + height

    def caption(self, pixels: Pixels, text: str) -> None:
        """Write a caption in the upper left corner of a picture, no wider than the picture.

        Args:
            pixels: uint8 [H, W, 3] RGB; modified.
            text: the caption, in ASCII.
        """
        plate = self._plate(text, "", _LIGHT)
        height, width = plate.shape[:2]
        shrink = min(1, pixels.shape[1] / width, pixels.shape[0] / height)
        if shrink < 1:
            size = max(1, int(width * shrink)), max(1, int(height * shrink))
            plate = np.asarray(cv2.resize(plate, size, interpolation=cv2.INTER_AREA), np.uint8)
        pixels[: plate.shape[0], : plate.shape[1]] = plate

    def _plate(self, text: str, small: str, colour: Ink) -> Pixels:
        """Return the picture of a label, uint8 [h, w, 3]."""
        small_px = max(_SMALLEST_TEXT_PX, 0.75 * self._text_px)
        margin, gap = round(self._text_px * 0.5), round(self._text_px * 0.75)
        (_, high), below = cv2.getTextSize(text, FONT, text_scale(self._text_px), _thickness(self._text_px))
        wide = _text_width(text, self._text_px)
        small_wide = _text_width(small, small_px) + gap if small else 0
        size = (high + max(below, margin) + margin, wide + small_wide + 2 * margin, 3)
        plate = np.full(size, colour, np.uint8)
        base = margin + high
        _write(plate, text, (margin, base), self._text_px)
        _write(plate, small, (margin + wide + gap, base), small_px)
        cv2.rectangle(plate, (0, 0), (size[1] - 1, size[0] - 1), DARK, self._rim_px)
        return plate


def _thickness(height_px: float) -> int:
    """Return the thickness of the lines of text whose capital letters have this height, in pixels."""
    return max(1, round(height_px / 9))


def _parts(text: str, height_px: float) -> list[str]:
    """Divide a text into what is written at once: full stops, small digits, and what is between them."""
    apart = r"[.]|[0-9]" if height_px < _SMALL_DIGITS_BELOW_PX else r"[.]"
    return [part for part in re.split(f"({apart})", text) if part]


def _part_width(part: str, height_px: float) -> int:
    """Return by how much a part of a text moves the next one to the right, in pixels."""
    if part == ".":
        return _stop_px(height_px) + 2
    if _is_small_digit(part, height_px):
        return DIGIT_WIDE_PX + 1
    return int(cv2.getTextSize(part, FONT, text_scale(height_px), _thickness(height_px))[0][0])


def _text_width(text: str, height_px: float) -> int:
    """Return the width of a text that `_write` writes, in pixels."""
    return sum(_part_width(part, height_px) for part in _parts(text, height_px))


def _is_small_digit(part: str, height_px: float) -> bool:
    return height_px < _SMALL_DIGITS_BELOW_PX and len(part) == 1 and part in "0123456789"


def _stop_px(height_px: float) -> int:
    """Return the width and the height of a full stop, in pixels."""
    return max(2, round(1.2 * _thickness(height_px)))


def _write(plate: Pixels, text: str, at: tuple[int, int], height_px: float) -> None:
    """Write dark text whose capital letters have a height, from a point on its base line.

    Each full stop is a solid square: OpenCV draws it so faintly that 0.9 reads as 09.
    """
    (x, base), side = at, _stop_px(height_px)
    below = base if height_px < _SMALL_DIGITS_BELOW_PX else base + 1
    for part in _parts(text, height_px):
        if part == ".":
            plate[below - side : below, x + 1 : x + 1 + side] = DARK
        elif _is_small_digit(part, height_px):
            shape = plate[below - DIGIT_HIGH_PX : below, x : x + DIGIT_WIDE_PX]
            shape[SMALL_DIGITS[int(part)]] = DARK
        else:
            scale, thickness = text_scale(height_px), _thickness(height_px)
            cv2.putText(plate, part, (x, base), FONT, scale, DARK, thickness, cv2.LINE_AA)
        x += _part_width(part, height_px)


def _dashes(corners: NDArray[np.int64], dash_px: int) -> list[NDArray[np.int64]]:
    """Divide the lines between corners into dashes, int64 [2, 2] each; a line begins and ends with a dash."""
    dashes = []
    for begin, end in itertools.pairwise(corners):
        count = 2 * (round(float(np.abs(end - begin).max()) / dash_px) // 2) + 1
        stops = np.rint(np.linspace(begin, end, count + 1)).astype(np.int64)
        dashes += [stops[at : at + 2] for at in range(0, count, 2)]
    return dashes
