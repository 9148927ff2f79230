"""Tests that tiles cover a picture exactly once, with halos, and that cutting and stitching restore it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.frames import Planes
from orchestrator.tiles.cut_and_stitch import copy_interior, cut_window, paste_interior
from orchestrator.tiles.grid import Grid, plan_grid, subdivide

settings.register_profile("no deadline")
settings.load_profile("no deadline")

sizes = st.integers(1, 300)
grids = st.builds(
    plan_grid,
    height=sizes,
    width=sizes,
    tile=st.integers(4, 300),
    halo=st.integers(0, 40),
    multiple=st.sampled_from([2, 4, 8]),
)


@given(grids)
def test_interiors_cover_every_pixel_exactly_once(grid: Grid) -> None:
    seen = np.zeros((grid.height, grid.width), np.uint8)
    for tile in grid.tiles:
        seen[tile.y.first : tile.y.last, tile.x.first : tile.x.last] += 1
    assert (seen == 1).all()


@given(st.tuples(sizes, sizes), st.integers(1, 300), st.integers(0, 40), st.sampled_from([1, 2, 8]))
def test_windows_hold_the_halo_and_stay_inside_the_padded_picture(
    size: tuple[int, int], tile: int, halo: int, multiple: int
) -> None:
    grid = plan_grid(height=size[0], width=size[1], tile=tile, halo=halo, multiple=multiple)
    assert grid.tile_height % multiple == 0
    assert grid.tile_width % multiple == 0
    for length, window, axis in ((size[0], grid.tile_height, "y"), (size[1], grid.tile_width, "x")):
        padded = -(-length // multiple) * multiple
        for span in (getattr(tile, axis) for tile in grid.tiles):
            assert span.start % multiple == 0
            assert span.start >= 0
            assert span.start + window <= padded
            assert span.start <= max(span.first - halo, 0)
            assert span.start + window >= min(span.last + halo, length)


@given(sizes, sizes, st.integers(1, 300), st.integers(1, 90), st.integers(0, 40), st.sampled_from([1, 2, 8]))
def test_the_parts_of_a_tile_make_it_up_and_hold_the_halo(
    height: int, width: int, tile: int, part: int, halo: int, multiple: int
) -> None:
    grid = plan_grid(height=height, width=width, tile=tile, halo=halo, multiple=multiple)
    small, parts = subdivide(grid, tile=part, halo=halo, multiple=multiple)
    assert {one for inside in parts.values() for one in inside} == set(small.tiles)
    for whole, inside in parts.items():
        assert sum(one.area for one in inside) == whole.area
        for one in inside:
            for axis, window, length in (("y", small.tile_height, height), ("x", small.tile_width, width)):
                span, around = getattr(one, axis), getattr(whole, axis)
                assert around.first <= span.first < span.last <= around.last
                assert span.start <= max(span.first - halo, 0)
                assert span.start + window >= min(span.last + halo, length)


@given(sizes, sizes, st.integers(1, 300), st.integers(0, 40), st.sampled_from([1, 2, 8]))
def test_a_window_is_never_larger_than_was_allowed(
    height: int, width: int, tile: int, halo: int, multiple: int
) -> None:
    grid = plan_grid(height=height, width=width, tile=tile, halo=halo, multiple=multiple)
    interior = max(tile // multiple, 1) * multiple
    assert max(grid.tile_height, grid.tile_width) <= interior + 2 * -(-halo // multiple) * multiple


small_grids = st.builds(
    plan_grid,
    height=st.integers(1, 90),
    width=st.integers(1, 90),
    tile=st.integers(1, 40),
    halo=st.integers(0, 9),
    multiple=st.sampled_from([2, 4, 8]),
)


def planes(height: int, width: int, chroma: tuple[int, int], bits: int, seed: int) -> Planes:
    """Return a picture of noise."""
    random, (across, down) = np.random.default_rng(seed), chroma
    less = (-(-height // down), -(-width // across))
    kind = np.uint8 if bits == 8 else np.uint16
    y, u, v = (random.integers(0, 1 << bits, size, kind) for size in ((height, width), less, less))
    return Planes(y=y, u=u, v=v)


def window_of(grid: Grid, chroma: tuple[int, int], bits: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return `luma` and `chroma` of one image of a request."""
    (across, down), count = chroma, 1 if bits == 8 else 2
    height, width = grid.tile_height, grid.tile_width
    return (
        np.empty((count, height, width), np.uint8),
        np.empty((2, count, height // down, width // across), np.uint8),
    )


CHROMA = st.sampled_from([(2, 2), (2, 1), (1, 2), (1, 1)])


@given(small_grids, st.sampled_from([1, 2, 3]), CHROMA, st.sampled_from([8, 10]), st.integers(0, 2**32 - 1))
def test_cut_and_paste_give_back_the_picture(
    grid: Grid, scale: int, chroma: tuple[int, int], bits: int, seed: int
) -> None:
    picture = planes(grid.height, grid.width, chroma, bits, seed)
    out = planes(grid.height * scale, grid.width * scale, chroma, bits, seed + 1)
    copy = planes(grid.height * scale, grid.width * scale, chroma, bits, seed + 2)
    for tile in grid.tiles:
        luma, both = window_of(grid, chroma, bits)
        cut_window(picture, tile, luma, both)
        luma, both = (part.repeat(scale, -2).repeat(scale, -1) for part in (luma, both))
        paste_interior(luma, both, tile, out, scale)
        copy_interior(out, tile, copy, scale)
    for plane, small, copied in zip(out, picture, copy, strict=True):
        height, width = plane.shape
        assert np.array_equal(plane, small.repeat(scale, 0).repeat(scale, 1)[:height, :width])
        assert np.array_equal(plane, copied)


@pytest.mark.parametrize("chroma", [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize("bits", [8, 10])
def test_padding_repeats_the_last_row_and_column(chroma: tuple[int, int], bits: int) -> None:
    picture = planes(5, 3, chroma, bits, 0)
    grid = plan_grid(height=5, width=3, tile=64, halo=0, multiple=8)
    luma, both = window_of(grid, chroma, bits)
    cut_window(picture, grid.tiles[0], luma, both)
    for window, plane in ((luma, picture.y), (both[0], picture.u), (both[1], picture.v)):
        levels = sum(part.astype(int) << 8 * number for number, part in enumerate(window))
        height, width = window.shape[1:]
        padding = ((0, height - plane.shape[0]), (0, width - plane.shape[1]))
        assert np.array_equal(levels, np.pad(plane, padding, mode="edge"))


def test_samples_of_eight_bits_take_the_low_bytes_of_a_result() -> None:
    grid = plan_grid(height=4, width=6, tile=64, halo=0, multiple=2)
    luma, both = window_of(grid, (2, 2), 10)
    luma[0], luma[1], both[:, 0], both[:, 1] = 7, 0, 9, 0
    picture = planes(4, 6, (2, 2), 8, 0)
    paste_interior(luma, both, grid.tiles[0], picture, 1)
    assert [set(plane.ravel()) for plane in picture] == [{7}, {9}, {9}]


def test_a_small_picture_is_one_tile_without_halo() -> None:
    grid = plan_grid(height=90, width=160, tile=256, halo=18, multiple=1)
    assert (len(grid.tiles), grid.tile_height, grid.tile_width) == (1, 90, 160)


@pytest.mark.parametrize("bad", [{"height": 0}, {"width": -1}, {"tile": 0}, {"halo": -1}, {"multiple": 0}])
def test_impossible_arguments_are_refused(bad: dict[str, int]) -> None:
    good = {"height": 8, "width": 8, "tile": 8, "halo": 0, "multiple": 1}
    with pytest.raises(ValueError, match="no grid"):
        plan_grid(**(good | bad))
