"""Tests colour conversion against the equations of ITU-T H.273, and through whole files."""

from __future__ import annotations

import ctypes
import mmap
from pathlib import Path

import av
import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.frames import Colour
from orchestrator.media.colour.frame_to_rgb import RgbConverter, output_colour
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.to_frame import RgbToFrame
from orchestrator.media.write.writer import VideoWriter
from tools.fixtures.clips import make_clip, plain

COEFFICIENTS = {
    1: (0.2126, 0.0722),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
}
"""KR and KB by matrix (H.273, table 4)."""

LEVELS = (0, 40, 128, 200, 255)
COLOURS = [(r, g, b) for r in LEVELS for g in LEVELS for b in LEVELS]
LOSSLESS = {"qp": "0", "preset": "ultrafast"}


def to_yuv(rgb: tuple[float, ...], matrix: int, *, full: bool, bits: int = 8) -> NDArray[np.float64]:
    """Y', C'B, C'R by H.273 equations 20 to 25, 38 to 40 and 44 to 46."""
    kr, kb = COEFFICIENTS[matrix]
    r, g, b = (value / 255 for value in rgb)
    y = kr * r + (1 - kr - kb) * g + kb * b
    cb, cr = (b - y) / (2 * (1 - kb)), (r - y) / (2 * (1 - kr))
    if full:
        top = 2**bits - 1
        return np.array([y * top, cb * top + 2 ** (bits - 1), cr * top + 2 ** (bits - 1)]).clip(0, top)
    step = 2 ** (bits - 8)
    return np.array([(219 * y + 16) * step, (224 * cb + 128) * step, (224 * cr + 128) * step])


def to_rgb(yuv: NDArray[np.float64], matrix: int, *, full: bool, bits: int = 8) -> NDArray[np.float64]:
    """R', G', B' in 0 to 255, by the inverse of the equations."""
    kr, kb = COEFFICIENTS[matrix]
    if full:
        y, cb, cr = (yuv - [0, 2 ** (bits - 1), 2 ** (bits - 1)]) / (2**bits - 1)
    else:
        y, cb, cr = (yuv / 2 ** (bits - 8) - [16, 128, 128]) / [219, 224, 224]
    r, b = y + 2 * (1 - kr) * cr, y + 2 * (1 - kb) * cb
    return 255 * np.array([r, (y - kr * r - kb * b) / (1 - kr - kb), b]).clip(0, 1)


def tags(matrix: int, *, full: bool) -> Colour:
    return Colour(matrix=matrix, primaries=matrix, transfer=1, full_range=full)


def solid(yuv: NDArray[np.float64], pix_fmt: str, bits: int) -> av.VideoFrame:
    frame = av.VideoFrame(64, 36, pix_fmt)
    for plane, value in zip(frame.planes, yuv, strict=True):
        kind = np.uint8 if bits == 8 else np.uint16
        plane.update(np.full(plane.buffer_size // kind().itemsize, round(value), kind).tobytes())
    return frame


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", COEFFICIENTS)
@pytest.mark.parametrize(
    "pix_fmt", ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
)
def test_decoded_colours_are_those_of_the_equations(pix_fmt: str, matrix: int, *, full: bool) -> None:
    bits = 10 if "10" in pix_fmt else 8
    convert = RgbConverter(tags(matrix, full=full), threads=1)
    for rgb in COLOURS:
        yuv = np.rint(to_yuv(rgb, matrix, full=full, bits=bits))
        pixels = convert(solid(yuv, pix_fmt, bits))
        assert (pixels == pixels[0, 0]).all()
        assert np.abs(pixels[0, 0] - np.rint(to_rgb(yuv, matrix, full=full, bits=bits))).max() <= 1


def first_samples(frame: av.VideoFrame) -> list[int]:
    kind = np.uint8 if frame.format.components[0].bits == 8 else np.uint16
    return [int(np.frombuffer(memoryview(plane), kind)[0]) for plane in frame.planes]


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("matrix", COEFFICIENTS)
@pytest.mark.parametrize("chroma", ["420", "422", "444"])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("bits", [8, 10, 12])
def test_encoded_colours_are_those_of_the_equations(
    matrix: int, chroma: str, bits: int, *, deep: bool, full: bool
) -> None:
    pix_fmt = f"yuv{chroma}p" + (f"{bits}le" if bits > 8 else "")
    convert = RgbToFrame(tags(matrix, full=full), pixel_format=pix_fmt, width=32, height=16, deep=deep)
    random = np.random.default_rng(1)
    top = 65_535 if deep else 255
    levels = [tuple(value * top // 255 for value in rgb) for rgb in COLOURS]
    levels += [tuple(random.integers(0, top + 1, 3)) for _ in range(60)]
    for rgb in levels:
        picture = np.full((16, 32, 3), rgb, np.uint16 if deep else np.uint8)
        expected = np.rint(to_yuv(tuple(value * 255 / top for value in rgb), matrix, full=full, bits=bits))
        # 12 bits are swscale's own precision; they are written where lossless is wanted.
        assert np.abs(first_samples(convert(picture)) - expected).max() <= (2 if bits == 12 else 1)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le"])
def test_every_pixel_makes_the_chroma(pix_fmt: str, *, deep: bool) -> None:
    """Alternating red and blue columns give purple in every chroma sample, as all pixels contribute."""
    picture = np.zeros((16, 32, 3), np.uint16 if deep else np.uint8)
    picture[:, ::2, 0] = picture[:, 1::2, 2] = 65_535 if deep else 255
    convert = RgbToFrame(tags(1, full=False), pixel_format=pix_fmt, width=32, height=16, deep=deep)
    middle = [
        np.frombuffer(memoryview(plane), np.uint16).reshape(plane.height, -1)[2, 4]
        for plane in convert(picture).planes[1:]
    ]
    red, blue = (to_yuv(rgb, 1, full=False, bits=10)[1:] for rgb in ((255, 0, 0), (0, 0, 255)))
    assert np.abs(np.array(middle, int) - (red + blue) / 2).max() <= 2


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize(("width", "height"), [(2, 2), (28, 20), (102, 64), (1918, 1080)])
def test_no_byte_behind_the_pixels_is_read(width: int, height: int, *, deep: bool, full: bool) -> None:
    """swscale's vector code reads past a row's end; here the page behind the last row may not be read."""
    kind = np.dtype(np.uint16 if deep else np.uint8)
    size = height * width * 3 * kind.itemsize
    pages = -(-size // mmap.PAGESIZE)
    memory = mmap.mmap(-1, (pages + 1) * mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    protected = ctypes.CDLL(None).mprotect(ctypes.c_void_p(address + pages * mmap.PAGESIZE), mmap.PAGESIZE, 0)
    assert protected == 0
    pixels = np.frombuffer(memory, kind, height * width * 3, pages * mmap.PAGESIZE - size)
    pixels = pixels.reshape(height, width, 3)
    convert = RgbToFrame(tags(1, full=full), pixel_format="yuv420p", width=width, height=height, deep=deep)
    convert(pixels)


def through(source: Path, output: Path) -> Path:
    """Read a video and write it unchanged."""
    info = probe(source)
    with (
        VideoReader(source, info) as reader,
        VideoWriter(output, source=source, info=info, width=info.width, height=info.height) as writer,
    ):
        for frame in reader.frames():
            writer.write(frame)
        writer.finish()
    return output


def mean_colours(path: Path, colour: Colour) -> list[NDArray[np.float64]]:
    """Read the stored YUV of each frame, and convert by the equations: no code of ours is in the way."""
    with av.open(str(path)) as container:
        stored = [
            np.array(
                [
                    np.frombuffer(memoryview(p), np.uint8)
                    .reshape(-1, p.line_size)[: p.height, : p.width]
                    .mean()
                    for p in f.planes
                ]
            )
            for f in container.decode(video=0)
        ]
    return [to_rgb(yuv, colour.matrix, full=colour.full_range) for yuv in stored]


PATCHES = [
    (200, 60, 50),
    (40, 160, 90),
    (50, 70, 190),
    (128, 128, 128),
    (235, 220, 30),
    (16, 16, 16),
    (250, 250, 250),
]


@pytest.mark.parametrize("container", ["mp4", "mov", "mkv"])
@pytest.mark.parametrize("range_", [0, 1, 2])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
def test_known_colours_come_back_within_two_levels_with_their_tags(
    tmp_path: Path, matrix: int, range_: int, container: str
) -> None:
    pictures = [plain(rgb) for rgb in PATCHES]
    transfer = 14 if matrix == 9 else 1 if matrix == 1 else 6
    source = make_clip(
        tmp_path / f"in.{container}",
        pictures,
        options=LOSSLESS,
        matrix=matrix,
        primaries=matrix,
        transfer=transfer,
        range_=range_,
    )
    output = through(source, tmp_path / f"out.{container}")
    colour = probe(output).colour
    assert colour == Colour(matrix=matrix, primaries=matrix, transfer=transfer, full_range=range_ == 2)
    for expected, got in zip(PATCHES, mean_colours(output, colour), strict=True):
        assert np.abs(np.array(expected) - got).max() <= 2


def test_an_untagged_small_source_is_tagged_in_the_output_as_it_was_read(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", [plain(rgb) for rgb in PATCHES], options=LOSSLESS)
    with av.open(str(through(source, tmp_path / "out.mp4"))) as container:
        stream = container.streams.video[0]
        assert (stream.colorspace, stream.color_primaries, stream.color_trc, stream.color_range) == (
            6,
            6,
            6,
            1,
        )
    for expected, got in zip(PATCHES, mean_colours(tmp_path / "out.mp4", tags(6, full=False)), strict=True):
        assert np.abs(np.array(expected) - got).max() <= 2


def test_10_bit_bt2020_colours_come_back(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        [plain(rgb) for rgb in PATCHES],
        codec="libx265",
        options={"x265-params": "log-level=none:lossless=1"},
        pix_fmt="yuv420p10le",
        matrix=9,
        primaries=9,
        transfer=14,
        range_=1,
    )
    output = through(source, tmp_path / "out.mp4")
    assert probe(output).colour == Colour(matrix=9, primaries=9, transfer=14, full_range=False)
    for expected, got in zip(PATCHES, mean_colours(output, probe(output).colour), strict=True):
        assert np.abs(np.array(expected) - got).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["bgr0", "bgra", "rgb48le", "gbrp10le"])
def test_an_rgb_source_becomes_tagged_bt709(tmp_path: Path, pix_fmt: str) -> None:
    source = make_clip(
        tmp_path / "in.mkv", [plain(rgb) for rgb in PATCHES], codec="ffv1", pix_fmt=pix_fmt, matrix=0
    )
    output = through(source, tmp_path / "out.mp4")
    colour = probe(output).colour
    assert (colour.matrix, colour.full_range) == (1, False)
    for expected, got in zip(PATCHES, mean_colours(output, colour), strict=True):
        assert np.abs(np.array(expected) - got).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["gray", "gray10le", "ya8"])
def test_grey_stays_grey_and_as_bright(tmp_path: Path, pix_fmt: str) -> None:
    greys = [0, 30, 128, 200, 255]
    codec, container = ("png", "mov") if pix_fmt == "ya8" else ("ffv1", "mkv")
    pictures = [plain((grey, grey, grey)) for grey in greys]
    source = make_clip(tmp_path / f"in.{container}", pictures, codec=codec, pix_fmt=pix_fmt)
    output = through(source, tmp_path / "out.mp4")
    for grey, got in zip(greys, mean_colours(output, probe(output).colour), strict=True):
        assert np.abs(got - grey).max() <= 2


def test_a_palette_source_keeps_its_colours(tmp_path: Path) -> None:
    source = tmp_path / "in.mov"
    with av.open(str(source), "w") as output:
        stream = output.add_stream("png", rate=25, width=96, height=64, pix_fmt="pal8")
        assert isinstance(stream, av.VideoStream)
        frame = av.VideoFrame(96, 64, "pal8")
        indices, palette = frame.planes
        indices.update(bytes([7]) * indices.buffer_size)
        palette.update(bytes([170, 73, 36, 255]) * 256)
        frame.pts = 0
        output.mux([*stream.encode(frame), *stream.encode(None)])
    assert (
        np.abs(
            mean_colours(through(source, tmp_path / "out.mp4"), tags(1, full=False))[0] - (36, 73, 170)
        ).max()
        <= 2
    )


def test_chroma_does_not_move(tmp_path: Path) -> None:
    """A red edge at equal brightness is carried by chroma alone: it must stay where it was."""
    picture = plain((0, 100, 128), 64, 64)
    picture[:, 32:] = (196, 0, 128)
    source = make_clip(tmp_path / "in.mkv", [picture], codec="ffv1", pix_fmt="bgr0")
    output = through(source, tmp_path / "out.mkv")
    with VideoReader(output, probe(output)) as reader:
        [frame] = reader.frames()
    moved_px = (frame.pixels[32, :, 0].sum() - picture[32, :, 0].sum()) / 196
    assert abs(moved_px) < 0.2


def test_for_output_keeps_yuv_as_it_is() -> None:
    colour = Colour(matrix=6, primaries=5, transfer=1, full_range=True)
    assert output_colour(colour) == colour
