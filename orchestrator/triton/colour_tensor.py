"""Makes the input `colour` of upscalers: the numbers that turn planes of Y'CbCr into RGB and back.

A model takes `luma` uint8 [N, B, H, W] and `chroma` uint8 [N, 2, B, h, w], Cb before Cr. B is 1, or 2 for
more than 8 bits: the plane of the low bytes, then that of the high bytes. It returns such planes, larger.
Their matrix, range, depth and siting stay as they are; the subsampling of the output is chosen here.

Chroma is interpolated linearly between its samples, and filtered back by the shortest filter that undoes
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOUR_FLOATS = 40
"""How many floats a graph reads; what follows them only makes shapes differ."""

MATRICES: dict[int, tuple[float, float]] = {
    1: (0.2126, 0.0722),  # BT.709
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 BG
    6: (0.299, 0.114),  # BT.601
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, non-constant luminance
}
"""The weights of red and blue in luma by the code points of ITU-T H.273, table 4."""

FILTERS: dict[float, tuple[int, ...]] = {
    0.0: (-1, 2, 6, 2, -1, 0),
    0.5: (0, -2, 6, 6, -2, 0),
    1.0: (0, -1, 2, 6, 2, -1),
}
"""The filter before chroma is subsampled, by the position of its samples: the weights, in eighths, of the
columns -2 to 3 from the first of the two that share a sample. It undoes linear interpolation. For samples at
the first column it is the low-pass of the 5/3 wavelet (Le Gall and Tabatabai, "Sub-band coding of digital
images using symmetric short kernel filters and arithmetic coding techniques", ICASSP 1988)."""

Subsampling = Literal["420", "422", "444"]
_SUBSAMPLINGS: tuple[Subsampling, ...] = ("420", "422", "444")
_WEIGHTS = sorted(set(MATRICES.values()))
_PLACES = tuple(FILTERS)
MOST_BITS = 16

MOST_COLOUR_FLOATS = COLOUR_FLOATS + (MOST_BITS - 7) * len(_WEIGHTS) * len(_PLACES) ** 2 * 2 * 3 - 1
"""The length of the longest tensor."""


@dataclass(frozen=True, kw_only=True)
class PlaneColour:
    """How the planes of a request are coded.

    Attributes:
        matrix: a code point of `MATRICES`.
        full_range: whether levels span the whole depth, as in JPEG, or the range of television.
        bits: the depth of the samples, 8 to 16; of more than 8, each sample has two bytes.
        siting: x and y of a chroma sample among the columns and rows that share it: 0 is the first, 0.5 the
            middle, 1 the last. It counts along axes that are subsampled, on either side of the model.
        output_subsampling: how the model subsamples the chroma that it returns.
    """

    matrix: int
    full_range: bool
    bits: int
    siting: tuple[float, float] = (0.0, 0.5)
    output_subsampling: Subsampling = "420"

    def levels(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return M [3, 3] and o [3] with (Y, Cb, Cr) = M @ (R, G, B) + o, RGB in 0..1 (ITU-T H.273, 8.3)."""
        kr, kb = MATRICES[self.matrix]
        kg = 1 - kr - kb
        step, most = 2.0 ** (self.bits - 8), 2.0**self.bits - 1
        luma, chroma, black = (most, most, 0.0) if self.full_range else (219 * step, 224 * step, 16 * step)
        blue, red = chroma / (2 * (1 - kb)), chroma / (2 * (1 - kr))
        matrix = np.array(
            [
                [luma * kr, luma * kg, luma * kb],
                [-blue * kr, -blue * kg, blue * (1 - kb)],
                [red * (1 - kr), -red * kg, -red * kb],
            ]
        )
        return matrix, np.array([black, 128 * step, 128 * step])

    def tensor(self) -> NDArray[np.float32]:
        """Return the input `colour` for one picture.

        Returns:
            float32 [1, 40 + k]: the inverse matrix (9) and its offset (3), the matrix (9) and its offset (3),
            the largest level, the siting (2), the filters across (6) and down (6), and the number of the
            output's subsampling. One half is added to the second offset and to the largest level: conversion
            to integers truncates. Triton joins requests of equal shapes to a batch, and a graph reads the
            values of its first picture: k zeros follow, and k differs for every other colour.
        """
        matrix, offset = self.levels()
        inverse = np.linalg.inv(matrix)
        x, y = self.siting
        values = (
            inverse,
            -inverse @ offset,
            matrix,
            offset + 0.5,
            2**self.bits - 0.5,
            self.siting,
            np.array(FILTERS[x]) / 8,
            np.array(FILTERS[y]) / 8,
            _SUBSAMPLINGS.index(self.output_subsampling),
        )
        tensor = np.zeros((1, COLOUR_FLOATS + self._number()), np.float32)
        tensor[0, :COLOUR_FLOATS] = np.concatenate([np.ravel(value) for value in values])
        return tensor

    def _number(self) -> int:
        """Return a number that no other colour has, from 0 to 2429."""
        number = 0
        for index, count in (
            (self.bits - 8, MOST_BITS - 7),
            (_WEIGHTS.index(MATRICES[self.matrix]), len(_WEIGHTS)),
            (_PLACES.index(self.siting[0]), len(_PLACES)),
            (_PLACES.index(self.siting[1]), len(_PLACES)),
            (int(self.full_range), 2),
            (_SUBSAMPLINGS.index(self.output_subsampling), len(_SUBSAMPLINGS)),
        ):
            number = number * count + index
        return number
