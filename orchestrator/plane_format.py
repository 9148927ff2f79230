"""Describes how the samples of `Planes` are coded, and converts between them and RGB."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""Weights of red and blue in luma, by the code points of ITU-T H.273 (table 4)."""


@dataclass(frozen=True, kw_only=True)
class PlaneFormat:
    """How the planes of a video are coded.

    Attributes:
        matrix: the matrix, a code point of ITU-T H.273 in LUMA_WEIGHTS.
        full_range: whether levels span the whole depth, else the range of television.
        bits: bits of a sample, 8 to 16; samples of more than 8 bits are uint16.
        chroma: how many columns and rows of luma share a sample of chroma: (2, 2) in 4:2:0.
        siting: x and y of that sample: 0 is the first of the columns or rows that share it, 1 the last; 0
            along an axis that is not subsampled. In mirrored pictures of an odd size it is less: their first
            sample has the first column or row and one before it.
    """

    matrix: int
    full_range: bool
    bits: int
    chroma: tuple[int, int]
    siting: tuple[float, float]

    @property
    def most(self) -> int:
        """The largest level."""
        return (1 << self.bits) - 1

    @property
    def dtype(self) -> type[np.uint8 | np.uint16]:
        """The type of a sample."""
        return np.uint8 if self.bits == 8 else np.uint16

    def from_rgb(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return M [3, 3] and o [3] with (Y, Cb, Cr) = M @ (R, G, B) + o, RGB of 0..1 (ITU-T H.273, 8.3)."""
        kr, kb = LUMA_WEIGHTS[self.matrix]
        kg, step = 1 - kr - kb, 2.0 ** (self.bits - 8)
        luma = self.most if self.full_range else 219 * step
        chroma = self.most if self.full_range else 224 * step
        black = 0 if self.full_range else 16 * step
        unit = np.array(
            [
                [kr, kg, kb],
                [-kr / (2 * (1 - kb)), -kg / (2 * (1 - kb)), 0.5],
                [0.5, -kg / (2 * (1 - kr)), -kb / (2 * (1 - kr))],
            ]
        )
        return unit * np.array([[luma], [chroma], [chroma]]), np.array([black, 128 * step, 128 * step])

    def to_rgb(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return M [3, 3] and o [3] with (R, G, B) = M @ (Y, Cb, Cr) + o, RGB of 0..1."""
        matrix, offset = self.from_rgb()
        inverse = np.asarray(np.linalg.inv(matrix), np.float64)
        return inverse, -inverse @ offset
