"""Draws charts: bars, lines, text and pictures with smooth edges on a plain background."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from orchestrator.drawing.pen import FONT, Ink, text_scale
from orchestrator.frames import Pixels

FINER = 2
"""Charts are drawn this many times larger and scaled down, for smooth edges."""

PAPER: Ink = (250, 250, 248)
STRIPE: Ink = (243, 243, 240)
GRID: Ink = (222, 222, 218)
TEXT: Ink = (40, 42, 48)
FAINT: Ink = (120, 122, 128)


class Canvas:
    """A chart. All positions are in pixels of the finished picture and may be fractions.

    Args:
        width, height: size of the finished picture, in pixels.
    """

    def __init__(self, width: int, height: int) -> None:
        self._pixels = np.full((height * FINER, width * FINER, 3), PAPER, np.uint8)

    def bar(
        self,
        corner: tuple[float, float],
        opposite: tuple[float, float],
        ink: Ink,
        *,
        rounded: bool = False,
    ) -> None:
        """Fill a rectangle between its top-left and bottom-right corners."""
        (x1, y1), (x2, y2) = ([round(value * FINER) for value in point] for point in (corner, opposite))
        x2, y2 = max(x1, x2 - 1), max(y1, y2 - 1)
        radius = min(3 * FINER, (x2 - x1) // 2, (y2 - y1) // 2) if rounded else 0
        for cut_x, cut_y in ((radius, 0), (0, radius)):
            cv2.rectangle(self._pixels, (x1 + cut_x, y1 + cut_y), (x2 - cut_x, y2 - cut_y), ink, cv2.FILLED)
        for x in (x1 + radius, x2 - radius) if radius else ():
            for y in (y1 + radius, y2 - radius):
                cv2.circle(self._pixels, (x, y), radius, ink, cv2.FILLED, cv2.LINE_AA)

    def line(self, points: Sequence[tuple[float, float]], ink: Ink, *, wide: bool = False) -> None:
        """Draw a line through points, with a dot at each; a single point becomes a dot.

        A wide line can be seen on both sides of another one that is drawn over it.
        """
        thickness, dot = (9, 4 * FINER) if wide else (3, 2 * FINER)
        corners = np.rint(np.array(points) * FINER).astype(np.int32)
        cv2.polylines(
            self._pixels, [corners], isClosed=False, color=ink, thickness=thickness, lineType=cv2.LINE_AA
        )
        for x, y in corners.tolist():
            cv2.circle(self._pixels, (x, y), dot, ink, cv2.FILLED, cv2.LINE_AA)

    def text(
        self,
        words: str,
        at: tuple[float, float],
        size_px: float,
        *,
        ink: Ink = TEXT,
        align: float = 0,
        bold: bool = False,
        most_px: float | None = None,
    ) -> float:
        """Write one line of text; return its width in pixels.

        Args:
            words: the text, in ASCII.
            at: a point on the base line.
            size_px: height of capital letters.
            ink: colour of the text.
            align: the text begins at the point (0), is centred on it (0.5) or ends there (1).
            bold: whether strokes are thicker.
            most_px: wider text is shrunk to this width; None sets no limit.
        """
        scale, thickness = text_scale(size_px * FINER), round(size_px / (4 if bold else 6))
        wide = cv2.getTextSize(words, FONT, scale, thickness)[0][0] / FINER
        if most_px is not None and wide > most_px:
            scale, wide = scale * most_px / wide, most_px
        origin = round((at[0] - align * wide) * FINER), round(at[1] * FINER)
        cv2.putText(self._pixels, words, origin, FONT, scale, ink, thickness, cv2.LINE_AA)
        return wide

    def picture(self, pixels: Pixels | None, corner: tuple[float, float], size: tuple[int, int]) -> None:
        """Place a picture, stretched to a width and height; None leaves a gray rectangle."""
        left, top = (round(value * FINER) for value in corner)
        width, height = size[0] * FINER, size[1] * FINER
        place = self._pixels[top : top + height, left : left + width]
        if pixels is None:
            place[:] = GRID
            return
        larger = width > pixels.shape[1] or height > pixels.shape[0]
        kernel = cv2.INTER_CUBIC if larger else cv2.INTER_AREA
        place[:] = cv2.resize(pixels, (width, height), interpolation=kernel)

    def finished(self) -> Pixels:
        """Return the finished picture, uint8 [H, W, 3] RGB."""
        height, width = self._pixels.shape[0] // FINER, self._pixels.shape[1] // FINER
        return np.asarray(cv2.resize(self._pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
