"""Tests the input `colour`: its matrices against known ones, and that no two colours have equal shapes."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import get_args

import numpy as np
import pytest

from orchestrator.plane_format import LUMA_WEIGHTS
from orchestrator.triton.colour_tensor import (
    COLOUR_FLOATS,
    FILTERS,
    MOST_COLOUR_FLOATS,
    PlaneColour,
    Subsampling,
)


def test_levels_of_pure_colours_are_those_of_the_standards() -> None:
    # ITU-R BT.709, 3.4 and 3.5, in 8 bits: colour bars of 100 %.
    matrix, offset = PlaneColour(matrix=1, full_range=False, bits=8).levels()
    bars = np.array([[1, 1, 1], [1, 1, 0], [0, 1, 1], [0, 1, 0], [1, 0, 1], [1, 0, 0], [0, 0, 1], [0, 0, 0]])
    levels = np.rint(bars @ matrix.T + offset).astype(int).tolist()
    assert levels == [
        [235, 128, 128],
        [219, 16, 138],
        [188, 154, 16],
        [173, 42, 26],
        [78, 214, 230],
        [63, 102, 240],
        [32, 240, 118],
        [16, 128, 128],
    ]
    # JFIF: Y = 0.299 R + 0.587 G + 0.114 B, Cb = -0.1687 R - 0.3313 G + 0.5 B + 128.
    matrix, offset = PlaneColour(matrix=5, full_range=True, bits=8).levels()
    np.testing.assert_allclose(matrix[:2] / 255, [[0.299, 0.587, 0.114], [-0.1687, -0.3313, 0.5]], atol=5e-5)
    assert offset.tolist() == [0, 128, 128]


@pytest.mark.parametrize("bits", [8, 10, 16])
def test_the_tensor_holds_a_matrix_and_its_inverse(bits: int) -> None:
    tensor = PlaneColour(matrix=9, full_range=False, bits=bits).tensor()
    assert tensor.dtype == np.float32
    inverse, inverse_offset = tensor[0, :9].reshape(3, 3), tensor[0, 9:12]
    matrix, offset = tensor[0, 12:21].reshape(3, 3), tensor[0, 21:24]
    levels = np.array([200.0, 100.0, 150.0]) * 2 ** (bits - 8)
    back = matrix.astype(float) @ (inverse.astype(float) @ levels + inverse_offset) + offset
    np.testing.assert_allclose(back, levels + 0.5, rtol=1e-6)
    assert tensor[0, 24] == 2**bits - 0.5


def test_filters_keep_what_is_flat_and_undo_linear_interpolation() -> None:
    samples = np.array([3.0, 7, 1, 4, 9, 9, 2, 0])
    for place, weights in FILTERS.items():
        assert sum(weights) == 8
        at = np.arange(len(samples)) * 2 + place
        columns = np.interp(np.arange(-2, 2 * len(samples) + 4), at, samples)
        back = [np.dot(weights, columns[2 * n : 2 * n + 6]) / 8 for n in range(len(samples))]
        np.testing.assert_allclose(back, samples)


def test_other_colours_have_other_shapes_and_equal_ones_equal_tensors() -> None:
    places = (0.0, 0.5, 1.0)
    shapes: dict[int, bytes] = {}
    for matrix, full, bits, x, y, kind in itertools.product(
        LUMA_WEIGHTS, (False, True), range(8, 17), places, places, get_args(Subsampling)
    ):
        tensor = PlaneColour(
            matrix=matrix, full_range=full, bits=bits, siting=(x, y), output_subsampling=kind
        ).tensor()
        assert tensor.shape[1] >= COLOUR_FLOATS
        assert shapes.setdefault(tensor.shape[1], tensor.tobytes()) == tensor.tobytes()
    assert len(shapes) == 5 * 2 * 9 * 9 * 3  # BT.470 BG and BT.601 have one matrix
    for bits, output_bits in itertools.product(range(8, 17), repeat=2):
        if bits != output_bits:
            colour = PlaneColour(matrix=1, full_range=False, bits=bits, output_bits=output_bits)
            assert colour.tensor().shape[1] not in shapes
            shapes[colour.tensor().shape[1]] = colour.tensor().tobytes()
    for place, output in (((1.0, 0.5), (0.0, 0.5)), ((1.0, 1.0), (0.0, 1.0)), ((-0.5, -0.5), (0.5, 0.5))):
        tensor = PlaneColour(matrix=1, full_range=False, bits=8, siting=place, output_siting=output).tensor()
        assert tensor.shape[1] not in shapes
        shapes[tensor.shape[1]] = tensor.tobytes()


def test_tensors_have_a_greatest_length_and_depths_that_do_not_exist_are_refused() -> None:
    last = PlaneColour(
        matrix=4,
        full_range=True,
        bits=15,
        output_bits=16,
        siting=(-1, -1),
        output_siting=(0, 0),
        output_subsampling="444",
    )
    lengths = [replace(last, matrix=matrix).tensor().shape[1] for matrix in LUMA_WEIGHTS]
    assert max(lengths) <= MOST_COLOUR_FLOATS == 97_239
    assert replace(last, bits=8, output_bits=8).tensor().shape[1] <= 1119
    for bits in (-1, 7, 17, 10**9):
        with pytest.raises(ValueError, match="8 to 16"):
            replace(last, bits=bits)
        with pytest.raises(ValueError, match="8 to 16"):
            replace(last, output_bits=bits)
