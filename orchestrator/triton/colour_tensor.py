"""Makes the input `colour` of upscalers: the numbers that turn planes of Y'CbCr into RGB and back.

A model takes `luma` uint8 [N, B, H, W] and `chroma` uint8 [N, 2, B, h, w], Cb before Cr. B is 1, or 2 for
more than 8 bits: the plane of the low bytes, then that of the high bytes. It returns such planes, larger.
Their matrix and range stay as they are; the depth, the subsampling and the siting of the output are chosen
here.

Chroma is interpolated linearly between its samples, and filtered back by the shortest filter that undoes
that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from orchestrator.plane_format import LUMA_WEIGHTS, PlaneFormat

if TYPE_CHECKING:
    from numpy.typing import NDArray

COLOUR_FLOATS = 40
"""How many floats a graph reads; what follows them only makes shapes differ."""

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
_WEIGHTS = sorted(set(LUMA_WEIGHTS.values()))
_PLACES = ((0.0, 0.0), (0.5, 0.5), (1.0, 1.0), (1.0, 0.0), (-0.5, 0.5), (-1.0, 0.0))
"""The positions of samples along an axis before the model and behind it, in any order. Those that differ are
of mirrored pictures, which files cannot describe."""

FEWEST_BITS, MOST_BITS = 8, 16
_DEPTHS = MOST_BITS - FEWEST_BITS + 1

_COLOURS = (_DEPTHS + 1) * _DEPTHS * len(_WEIGHTS) * len(_PLACES) ** 2 * 2 * len(_SUBSAMPLINGS)
"""How many colours there are: depths of the output (or that of the input), depths, matrices, positions across
and down, ranges and subsamplings: 10 * 9 * 5 * 6 * 6 * 2 * 3 = 97,200."""

MOST_COLOUR_FLOATS = COLOUR_FLOATS + _COLOURS - 1
"""No tensor is longer: 97,239 floats, which are 380 KiB, because every colour has a length of its own (see
`PlaneColour.tensor`). Planes of 8 bits have at most 1119. The length follows from the colour alone; neither a
model nor its config changes it."""


@dataclass(frozen=True, kw_only=True)
class PlaneColour:
    """How the planes of a request are coded.

    Attributes:
        matrix: a code point of `LUMA_WEIGHTS`.
        full_range: whether levels span the whole depth, as in JPEG, or the range of television.
        bits: the depth of the samples, 8 to 16; of more than 8, each sample has two bytes.
        siting: x and y of a chroma sample among the columns and rows that share it: 0 is the first, 0.5 the
            middle, 1 the last. It counts along axes that are subsampled, on either side of the model.
        output_siting: the siting of the chroma that the model returns; None is that of the input.
        output_subsampling: how the model subsamples the chroma that it returns.
        output_bits: the depth of the samples that it returns; None is that of the input. They have as many
            bytes as those of the input, so it is 8 if that is 8.
    """

    matrix: int
    full_range: bool
    bits: int
    siting: tuple[float, float] = (0.0, 0.5)
    output_siting: tuple[float, float] | None = None
    output_subsampling: Subsampling = "420"
    output_bits: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a depth outside 8 to 16, with which the tensor would have any length."""
        for bits in (self.bits, self.output_bits):
            if bits is not None and not FEWEST_BITS <= bits <= MOST_BITS:
                raise ValueError(f"planes of {bits} bits: a sample has {FEWEST_BITS} to {MOST_BITS}")

    def levels(self, bits: int | None = None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return M [3, 3] and o [3] with (Y, Cb, Cr) = M @ (R, G, B) + o, RGB in 0..1 (ITU-T H.273, 8.3).

        Args:
            bits: the depth of the levels; None is that of the input.
        """
        return PlaneFormat(
            matrix=self.matrix,
            full_range=self.full_range,
            bits=bits or self.bits,
            chroma=(1, 1),
            siting=(0.0, 0.0),
        ).from_rgb()

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
        bits = self.output_bits or self.bits
        output_matrix, output_offset = self.levels(bits)
        (_, x), (_, y) = self._places()
        values = (
            inverse,
            -inverse @ offset,
            output_matrix,
            output_offset + 0.5,
            2**bits - 0.5,
            self.siting,
            np.array(FILTERS[x]) / 8,
            np.array(FILTERS[y]) / 8,
            _SUBSAMPLINGS.index(self.output_subsampling),
        )
        tensor = np.zeros((1, COLOUR_FLOATS + self._number()), np.float32)
        tensor[0, :COLOUR_FLOATS] = np.concatenate([np.ravel(value) for value in values])
        return tensor

    def _places(self) -> list[tuple[float, float]]:
        """Return the positions of samples before and behind the model, across and down."""
        return list(zip(self.siting, self.output_siting or self.siting, strict=True))

    def _number(self) -> int:
        """Return a number that no other colour has, below `_COLOURS`."""
        across, down = self._places()
        bits = self.output_bits or self.bits
        number = 0 if bits == self.bits else bits - FEWEST_BITS + 1
        for index, count in (
            (self.bits - FEWEST_BITS, _DEPTHS),
            (_WEIGHTS.index(LUMA_WEIGHTS[self.matrix]), len(_WEIGHTS)),
            (_PLACES.index(across), len(_PLACES)),
            (_PLACES.index(down), len(_PLACES)),
            (int(self.full_range), 2),
            (_SUBSAMPLINGS.index(self.output_subsampling), len(_SUBSAMPLINGS)),
        ):
            number = number * count + index
        return number
