"""Tests planes in the memory of frames, planes that are made of RGB, and planes that are resized."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.frames import Colour, Crop, Planes
from orchestrator.media.colour.frame_planes import PlanesRecycler, empty_planes, frame_of
from orchestrator.media.colour.frame_to_rgb import samples_of
from orchestrator.media.colour.made_planes import made_format, made_planes, rgb_pixels
from orchestrator.media.colour.resize_planes import resize_planes
from orchestrator.media.write.to_frame import PlanesToFrame
from orchestrator.plane_format import PlaneFormat
from orchestrator.tiles.colour_change import rgb_change

BT709 = Colour(matrix=1, primaries=1, transfer=1, full_range=False)
SITINGS = [(0.0, 0.5), (0.5, 0.5), (0.0, 0.0), (0.0, 1.0)]


def format_of(chroma: tuple[int, int], bits: int, siting: tuple[float, float] = (0.0, 0.5)) -> PlaneFormat:
    at = (siting[0] if chroma[0] == 2 else 0.0, siting[1] if chroma[1] == 2 else 0.0)
    return PlaneFormat(matrix=1, full_range=False, bits=bits, chroma=chroma, siting=at)


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("chroma", [(2, 2), (2, 1), (1, 1)])
@pytest.mark.parametrize(("width", "height"), [(34, 18), (33, 17)])
def test_an_encoder_is_given_the_frame_that_planes_were_written_to(
    chroma: tuple[int, int], bits: int, width: int, height: int
) -> None:
    planes = format_of(chroma, bits)
    picture = empty_planes(planes, width=width, height=height)
    random = np.random.default_rng(1)
    for samples in picture:
        samples[:] = random.integers(0, planes.most + 1, samples.shape)
    copies = Planes(y=picture.y.copy(), u=picture.u.copy(), v=picture.v.copy())
    frame = frame_of(picture)
    assert frame is not None
    size = {"width": frame.width, "height": frame.height, "out_width": frame.width}
    convert = PlanesToFrame(BT709, planes, pixel_format=frame.format.name, **size)
    assert convert(picture) is frame
    assert convert(copies) is not frame
    for one, other in zip(frame.planes, convert(copies).planes, strict=True):
        np.testing.assert_array_equal(samples_of(one, bits), samples_of(other, bits))
    part = picture.crop(x=0, y=0, width=16, height=8)
    size = {"width": 16, "height": 8, "out_width": 16}
    cut = PlanesToFrame(BT709, planes, pixel_format=frame.format.name, **size)(part)
    assert (cut.width, cut.height) == (16, 8)
    np.testing.assert_array_equal(samples_of(cut.planes[0], bits), copies.y[:8, :16])


def addresses(picture: Planes) -> list[int]:
    return [samples.ctypes.data for samples in picture]


@pytest.mark.parametrize("bits", [8, 10])
def test_planes_that_nobody_refers_to_are_used_again(bits: int) -> None:
    planes = format_of((2, 2), bits)
    recycler = PlanesRecycler(planes, width=33, height=17)
    first, second = recycler.empty_planes(), recycler.empty_planes()
    assert not set(addresses(first)) & set(addresses(second))
    memory, row = addresses(first), first.v[3:4]
    frame = frame_of(first)
    assert frame is not None
    frame.pict_type = 2
    row[:] = 77
    del first, frame
    third = recycler.empty_planes()
    assert not set(memory) & set(addresses(third))  # a view of one of its planes is alive
    assert (row == 77).all()
    del row
    again = recycler.empty_planes()
    assert addresses(again) == memory
    assert [samples.shape for samples in again] == [(17, 33), (9, 17), (9, 17)]
    reused = frame_of(again)
    assert reused is not None
    assert reused.pict_type == 0
    recycler.clear()
    assert not set(addresses(recycler.empty_planes())) & {*memory, *addresses(second), *addresses(third)}


def test_planes_that_ffmpeg_still_reads_are_not_written_again() -> None:
    recycler = PlanesRecycler(format_of((2, 2), 8), width=32, height=16)
    picture = recycler.empty_planes()
    for samples in picture:
        samples[:] = 50
    graph = av.filter.Graph()
    entry = graph.add_buffer(width=32, height=16, format=av.VideoFormat("yuv420p"), time_base=Fraction(1, 25))
    graph.link_nodes(entry, graph.add("buffersink")).configure()
    frame = frame_of(picture)
    assert frame is not None
    frame.pts = 0
    graph.push(frame)
    del picture, frame
    other = recycler.empty_planes()
    for samples in other:
        samples[:] = 200
    kept = graph.pull()
    assert isinstance(kept, av.VideoFrame)
    assert (kept.to_ndarray() == 50).all()


@pytest.mark.parametrize("matrix", [1, 4, 6, 7, 9])
@pytest.mark.parametrize("full", [False, True])
def test_made_planes_hold_every_colour_of_eight_bits(matrix: int, *, full: bool) -> None:
    planes = made_format(replace(BT709, matrix=matrix, full_range=full))
    levels = np.array([0, 1, 2, 3, 51, 127, 128, 200, 252, 253, 254, 255], np.uint8)
    pixels = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(36, 48, 3)
    made = made_planes(pixels, planes)
    np.testing.assert_array_equal(rgb_pixels(made, planes), pixels)
    matrix_, offset = planes.from_rgb()
    exact = pixels / 255 @ matrix_.T + offset
    for number, samples in enumerate(made):
        assert np.abs(samples - exact[..., number]).max() < 0.51
    deep = made_planes((pixels.astype(np.uint16) * 257), planes)
    assert all(np.abs(one.astype(int) - two).max() <= 1 for one, two in zip(made, deep, strict=True))


@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("chroma", [(2, 2), (2, 1), (1, 2), (1, 1)])
@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("to", [None, (1, 1)])
def test_resized_chroma_is_where_its_samples_are(
    bits: int, chroma: tuple[int, int], siting: tuple[float, float], to: tuple[int, int] | None
) -> None:
    """A slope of luma and of chroma is the same slope afterwards, at the position of each sample."""
    planes = format_of(chroma, bits, siting)
    result = planes if to is None else format_of(to, bits)
    unit = 1 << (bits - 8)

    def slope(used: PlaneFormat, box: Crop, width: int, height: int, *, is_chroma: bool) -> NDArray[Any]:
        (across, down), (x, y) = (used.chroma, used.siting) if is_chroma else ((1, 1), (0.0, 0.0))
        columns = np.arange(-(-width // across)) * across + x + 0.5
        rows = np.arange(-(-height // down)) * down + y + 0.5
        at = box.x + columns[None] * box.w / width, box.y + rows[:, None] * box.h / height
        return np.asarray((40 + at[0] * 0.9 + at[1] * 0.7) * unit)

    whole = Crop(x=0, y=0, w=120, h=80)
    y, u = (
        np.rint(slope(planes, whole, 120, 80, is_chroma=is_chroma)).astype(
            np.uint8 if bits == 8 else np.uint16
        )
        for is_chroma in (False, True)
    )
    box = Crop(x=10.25, y=7.5, w=97.5, h=61.25)
    for width, height in ((151, 95), (70, 40), (97, 61)):
        picture = Planes(y=y, u=u, v=u)
        resized = resize_planes(picture, planes, width=width, height=height, box=box, to=to and result)
        for number, samples in enumerate(resized):
            wanted = slope(result, box, width, height, is_chroma=number > 0)
            assert samples.shape == wanted.shape
            assert np.abs(samples - wanted)[4:-4, 4:-4].max() <= 1.2 * unit


def test_resizing_never_leaves_the_levels_of_the_depth() -> None:
    planes = format_of((1, 1), 10)
    edge = np.zeros((32, 32), np.uint16)
    edge[:, 16:] = planes.most
    picture = Planes(y=edge, u=edge, v=edge)
    resized = resize_planes(picture, planes, width=77, height=32, box=Crop(x=0, y=0, w=32, h=32))
    assert max(int(samples.max()) for samples in resized) == planes.most


@given(seed=st.integers(0, 999), bits=st.sampled_from([8, 10]))
def test_a_change_of_colour_is_that_of_rgb(seed: int, bits: int) -> None:
    random = np.random.default_rng(seed)
    planes = format_of((1, 1), bits)
    before, after = (random.integers(60, 190, (9, 12, 3), np.uint8) for _ in range(2))
    change = rgb_change(made_planes(before, planes), made_planes(after, planes), planes)
    assert np.abs(change - (after.astype(int) - before)).max() < 4 / (1 << (bits - 8))
    half = format_of((2, 2), bits)
    small = [made_planes(part[::2, ::2], planes) for part in (before, after)]
    large = [made_planes(part, planes) for part in (before, after)]
    mixed = [Planes(y=one.y, u=two.u, v=two.v) for one, two in zip(large, small, strict=True)]
    repeated = [
        Planes(y=one.y, **{n: getattr(two, n).repeat(2, 0).repeat(2, 1)[:9, :12] for n in "uv"})
        for one, two in zip(large, small, strict=True)
    ]
    (first, second), (third, fourth) = mixed, repeated
    np.testing.assert_array_equal(rgb_change(first, second, half), rgb_change(third, fourth, planes))
