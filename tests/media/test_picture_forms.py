"""Tests the forms of decoded frames: 8-bit RGB, 16-bit RGB, and planes of unconverted samples."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from orchestrator.errors import UnsupportedMedia
from orchestrator.frames import DeepPixels, Planes
from orchestrator.media.colour.plane_reader import can_read_planes, to_planes
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.tiles.letterbox import letterbox
from tests.media.test_frame_to_rgb import COLOURS, to_rgb, to_yuv
from tools.fixtures.clips import IN_A_PIXEL, coded, damage, make_clip, number_of, numbered

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from orchestrator.frames import Pixels

    Noise = list[NDArray[Any]]

DOWN = {"420": (2, 2), "422": (2, 1), "440": (1, 2), "444": (1, 1)}


def noise(chroma: str, bits: int, *, width: int = 66, height: int = 38, seed: int = 1) -> Noise:
    """Return Y, Cb and Cr planes that contain all values."""
    random = np.random.default_rng(seed)
    across, down = DOWN[chroma]
    small = (-(-height // down), -(-width // across))
    kind = np.uint8 if bits == 8 else np.uint16
    return [random.integers(0, 2**bits, size, kind) for size in ((height, width), small, small)]


def read_planes(path: Path) -> list[Planes]:
    with VideoReader[Planes](path, probe(path), threads=2, form="planes") as reader:
        return [frame.pixels for frame in reader.frames()]


def read_deep(path: Path) -> list[DeepPixels]:
    with VideoReader[DeepPixels](path, probe(path), threads=2, form="deep_rgb") as reader:
        return [frame.pixels for frame in reader.frames()]


def read_rgb(path: Path) -> list[Pixels]:
    with VideoReader(path, probe(path), threads=2) as reader:
        return [frame.pixels for frame in reader.frames()]


def assert_same(planes: Planes, expected: Noise) -> None:
    for got, samples in zip((planes.y, planes.u, planes.v), expected, strict=True):
        assert got.dtype == samples.dtype
        assert got.flags.c_contiguous
        assert np.array_equal(got, samples)


@pytest.mark.parametrize(("width", "height"), [(66, 38), (67, 39), (7, 5)])
@pytest.mark.parametrize(
    ("chroma", "bits"),
    [(chroma, bits) for chroma in DOWN for bits in (8, 9, 10, 12) if (chroma, bits) != ("440", 9)],
)
def test_planes_are_the_samples_as_coded(
    tmp_path: Path, chroma: str, bits: int, width: int, height: int
) -> None:
    pix_fmt = f"yuv{chroma}p" + (f"{bits}le" if bits > 8 else "")
    pictures = [noise(chroma, bits, width=width, height=height, seed=seed) for seed in range(3)]
    path = make_clip(
        tmp_path / "a.mkv",
        [coded(planes, pix_fmt) for planes in pictures],
        codec="ffv1",
        pix_fmt=pix_fmt,
        options={"level": "1"},  # newer versions have no slices for odd sizes
    )
    assert probe(path).bit_depth == bits
    for got, expected in zip(read_planes(path), pictures, strict=True):
        assert_same(got, expected)


def woven(planes: Noise, pix_fmt: str) -> av.VideoFrame:
    y, u, v = planes
    if pix_fmt in {"nv12", "nv21", "p010le"}:
        pairs = np.stack([v, u] if pix_fmt == "nv21" else [u, v], axis=-1).reshape(len(u), -1)
        shift = 6 if pix_fmt == "p010le" else 0
        return coded([y << shift, pairs << shift], pix_fmt)
    parts = {"y": iter((y[:, ::2], y[:, 1::2])), "u": iter((u,)), "v": iter((v,))}
    row = np.stack([next(parts[name]) for name in pix_fmt[:4]], axis=-1).reshape(len(y), -1)
    return coded([row], pix_fmt)


@pytest.mark.parametrize("container", ["avi", "mkv"])
@pytest.mark.parametrize("pix_fmt", ["nv12", "nv21", "yuyv422", "uyvy422", "yvyu422"])
def test_samples_that_are_woven_are_taken_apart(tmp_path: Path, pix_fmt: str, container: str) -> None:
    expected = noise("420" if pix_fmt.startswith("nv") else "422", 8)
    frame = woven(expected, pix_fmt)
    path = make_clip(tmp_path / f"a.{container}", [frame], codec="rawvideo", pix_fmt=pix_fmt)
    assert probe(path).pixel_format == pix_fmt
    [planes] = read_planes(path)
    assert_same(planes, expected)


def test_10_bits_at_the_upper_end_of_16_are_moved_down() -> None:
    expected = noise("420", 10, width=67, height=39)
    assert_same(to_planes(woven(expected, "p010le")), expected)


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize(("chroma", "bits"), [("420", 8), ("422", 10), ("444", 8)])
def test_planes_are_upright(tmp_path: Path, chroma: str, bits: int, rotation: int, *, hflip: bool) -> None:
    planes = noise(chroma, bits)
    pix_fmt = f"yuv{chroma}p" + ("10le" if bits == 10 else "")
    path = make_clip(
        tmp_path / "a.mp4",
        [coded(planes, pix_fmt)],
        pix_fmt=pix_fmt,
        options={"qp": "0"},
        rotation=rotation,
        hflip=hflip,
    )
    info = probe(path)
    [got] = read_planes(path)
    turned = [np.rot90(plane, rotation // 90) for plane in planes]
    assert_same(got, [np.ascontiguousarray(plane[:, ::-1] if hflip else plane) for plane in turned])
    assert got.y.shape == (info.height, info.width)
    assert got.chroma == (DOWN[chroma][::-1] if rotation in {90, 270} else DOWN[chroma])


@pytest.mark.parametrize(
    ("pix_fmt", "codec"),
    [
        ("gray", "ffv1"),
        ("gray10le", "ffv1"),
        ("bgr0", "ffv1"),
        ("gbrp10le", "ffv1"),
        ("yuv411p", "ffv1"),
        ("yuv410p", "ffv1"),
        ("yuv420p16le", "ffv1"),
        ("pal8", "png"),
    ],
)
def test_what_is_no_planes_of_ycbcr_is_refused(tmp_path: Path, pix_fmt: str, codec: str) -> None:
    picture = av.VideoFrame(96, 64, "pal8") if pix_fmt == "pal8" else numbered(3)
    suffix = "mov" if codec == "png" else "mkv"
    path = make_clip(tmp_path / f"a.{suffix}", [picture], codec=codec, pix_fmt=pix_fmt)
    info = probe(path)
    assert info.pixel_format == pix_fmt
    assert not can_read_planes(info)
    with pytest.raises(UnsupportedMedia, match=f"its pixel format, {pix_fmt}, cannot be read as planes"):
        VideoReader(path, info, form="planes")


def test_samples_of_another_kind_in_the_middle_become_those_of_the_first(tmp_path: Path) -> None:
    first = make_clip(tmp_path / "a.ts", 10, codec="mpeg2video")
    rest = list(range(10, 20))
    second = make_clip(
        tmp_path / "b.ts",
        [numbered(n) for n in rest],
        codec="mpeg2video",
        pix_fmt="yuv422p",
        pts=rest,
        time_base=Fraction(1, 25),
    )
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    planes = read_planes(joined)
    assert len(planes) == len(read_rgb(joined)) >= 19
    assert {picture.chroma for picture in planes} == {(2, 2)}
    gray = np.repeat(planes[-1].y[..., None].astype(np.uint8), 3, axis=-1)
    assert number_of(gray) == 19


def test_planes_of_a_picture_that_is_lost_are_those_of_the_one_before(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mov", 8, codec="prores_ks", pix_fmt="yuv422p10le")
    whole = read_planes(path)
    planes = read_planes(damage(path, [4]))
    assert [(a.y == b.y).all() for a, b in zip(planes, whole, strict=True)] == [True] * 4 + [False] + [
        True
    ] * 3
    assert (planes[4].y == planes[3].y).all()


def test_planes_may_be_written_to(tmp_path: Path) -> None:
    """They are not the memory that the decoder refers to."""
    path = make_clip(tmp_path / "a.mp4", [numbered(5)] * 5)
    whole = read_planes(path)
    with VideoReader[Planes](path, probe(path), form="planes") as reader:
        for frame, expected in zip(reader.frames(), whole, strict=True):
            assert (frame.pixels.y == expected.y).all()
            frame.pixels.y[:] = 0
            frame.pixels.u[:] = 0


def test_only_rgb_of_8_bits_is_letterboxed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 2)
    box = letterbox(width=96, height=64, side=64, multiple=32)
    arguments: dict[str, Any] = {"form": "planes", "letterbox": box}
    with pytest.raises(ValueError, match="neither tone-mapped nor letterboxed"):
        VideoReader(path, probe(path), **arguments)


# --- colours


@pytest.mark.parametrize("range_", [1, 2])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("bits", [8, 10])
@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_every_form_has_the_colours_of_the_equations(
    tmp_path: Path, chroma: str, bits: int, matrix: int, range_: int
) -> None:
    full, pix_fmt = range_ == 2, f"yuv{chroma}p" + ("10le" if bits == 10 else "")
    colours = [np.rint(to_yuv(rgb, matrix, full=full, bits=bits)) for rgb in COLOURS[::3]]
    kind = np.uint8 if bits == 8 else np.uint16
    path = make_clip(
        tmp_path / "a.mkv",
        [
            coded(
                [np.full_like(plane, value) for plane, value in zip(noise(chroma, bits), yuv, strict=True)],
                pix_fmt,
            )
            for yuv in colours
        ],
        codec="ffv1",
        pix_fmt=pix_fmt,
        matrix=matrix,
        primaries=matrix,
        transfer=1,
        range_=range_,
    )
    assert (probe(path).colour.matrix, probe(path).colour.full_range) == (matrix, full)
    forms = zip(colours, read_planes(path), read_deep(path), read_rgb(path), strict=True)
    for yuv, planes, deep, rgb in forms:
        assert all(
            (plane == kind(value)).all()
            for plane, value in zip((planes.y, planes.u, planes.v), yuv, strict=True)
        )
        expected = to_rgb(yuv, matrix, full=full, bits=bits)
        assert deep.dtype == np.uint16
        assert deep.shape == rgb.shape
        assert np.abs(deep / 257 - expected).max() < 0.1
        assert np.abs(rgb.astype(int) - np.rint(expected)).max() <= 1


@pytest.mark.parametrize(
    ("pix_fmt", "planes", "bits"),
    [
        ("bgr0", 1, 8),
        ("bgra", 1, 8),
        ("gbrp10le", 3, 10),
        ("gbrp12le", 3, 12),
        ("rgb48le", 1, 16),
        ("gray", 1, 8),
        ("gray10le", 1, 10),
        ("gray16le", 1, 16),
    ],
)
def test_rgb_and_gray_are_deep_too(tmp_path: Path, pix_fmt: str, planes: int, bits: int) -> None:
    top = 2**bits - 1
    levels = [0, 1, top // 3, top // 2, top - 1, top]
    kind = np.uint8 if bits == 8 else np.uint16
    samples = [np.full((32, 48 * IN_A_PIXEL.get(pix_fmt, 1)), level, kind) for level in levels]
    path = make_clip(
        tmp_path / "a.mkv",
        [coded([plane] * planes, pix_fmt) for plane in samples],
        codec="ffv1",
        pix_fmt=pix_fmt,
    )
    for level, deep in zip(levels, read_deep(path), strict=True):
        assert np.abs(deep / 65535 - level / top).max() < 0.1 / 255


def test_a_ramp_of_10_bits_stays_one(tmp_path: Path) -> None:
    levels = np.arange(64, 941, dtype=np.uint16)[:876]
    luma = np.broadcast_to(levels, (32, 876))
    gray = np.full((16, 438), 512, np.uint16)
    path = make_clip(
        tmp_path / "a.mkv", [coded([luma, gray, gray], "yuv420p10le")], codec="ffv1", pix_fmt="yuv420p10le"
    )
    [deep] = read_deep(path)
    assert (np.ptp(deep, axis=2) == 0).all()
    assert all(int(after) - int(before) in range(70, 80) for before, after in pairwise(deep[3, :, 0]))
    assert len(np.unique(read_rgb(path)[0])) <= 256


@pytest.mark.parametrize("chroma", ["420", "422", "444"])
def test_deep_pictures_are_the_rgb_ones(tmp_path: Path, chroma: str) -> None:
    """Chroma is interpolated, not repeated, in both."""
    path = make_clip(tmp_path / "a.mkv", [numbered(7)], codec="ffv1", pix_fmt=f"yuv{chroma}p10le")
    assert np.abs(read_deep(path)[0] / 257 - read_rgb(path)[0]).max() < 1
