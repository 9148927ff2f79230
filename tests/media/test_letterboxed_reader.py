"""Tests that letterboxed frames are those of the full-size reader, scaled down and in the right place."""

from __future__ import annotations

from fractions import Fraction
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.errors import BadMedia
from orchestrator.frames import PADDING_LEVEL, Frame, Letterbox, Pixels
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.tiles.letterbox import letterbox
from tools.fixtures.clips import damage, make_clip, number_of, numbered, plain

SHARED = Path(__file__).parents[3] / "shared" / "real" / "media"
FINE = {"qp": "4", "preset": "ultrafast"}


def small(path: Path, side: int = 64, *, multiple: int = 32) -> tuple[list[Frame], Letterbox, list[str]]:
    info = probe(path)
    width, height = info.display_size
    box = letterbox(width=width, height=height, side=side, multiple=multiple)
    with VideoReader(path, info, threads=2, letterbox=box) as reader:
        frames = list(reader.frames())
        assert reader.frames_read == len(frames)
        return frames, box, reader.notes


def large(path: Path) -> tuple[list[Frame], list[str]]:
    with VideoReader(path, probe(path), threads=2) as reader:
        return list(reader.frames()), reader.notes


def inside(frame: Frame, box: Letterbox) -> Pixels:
    """Cut the picture out of its letterbox."""
    rows = slice(box.top, box.top + box.inner_height)
    return frame.pixels[rows, box.left : box.left + box.inner_width]


def times(frames: list[Frame]) -> list[tuple[int, int, int]]:
    return [(frame.index, frame.pts, frame.duration) for frame in frames]


def psnr(frame: Frame, whole: Frame, box: Letterbox) -> float:
    """Compare with the full-size picture, resized by another library, in dB."""
    size = (box.inner_width, box.inner_height)
    shrinks = box.inner_width < box.source_width
    expected = cv2.resize(whole.pixels, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    error = ((inside(frame, box).astype(float) - expected) ** 2).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-6)))


def scene(width: int, height: int) -> Pixels:
    """Return a uint8 [H, W, 3] picture of coloured waves, different in its four corners."""
    y, x = np.mgrid[0:height, 0:width] / max(width, height)
    red = 128 + 60 * np.sin(19 * x + 5 * y) + 40 * x
    green = 128 + 60 * np.cos(13 * y - 3 * x)
    blue = 160 - 80 * x * y + 40 * np.sin(25 * (x - y))
    return np.asarray(np.clip(np.stack([red, green, blue], axis=-1), 0, 255), np.uint8)


def spot(x: float, y: float, colour: tuple[int, int, int], width: int, height: int) -> Pixels:
    """Return a gray picture with a soft spot around a point, in pixels from the upper left corner."""
    rows, columns = np.mgrid[0:height, 0:width] + 0.5
    weight = np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * 12**2))[..., None]
    return np.asarray(np.rint(128 + weight * (np.array(colour) - 128.0)), np.uint8)


def centre(picture: Pixels) -> NDArray[np.float64]:
    """Return x, y of the spot, in pixels from the upper left corner."""
    weight = np.abs(picture.astype(float) - np.median(picture, axis=(0, 1))).sum(axis=-1)
    weight[weight < weight.max() / 4] = 0
    rows, columns = np.mgrid[0 : weight.shape[0], 0 : weight.shape[1]] + 0.5
    return np.array([(columns * weight).sum() / weight.sum(), (rows * weight).sum() / weight.sum()])


@pytest.mark.parametrize(
    ("width", "height", "side", "sizes"),
    [
        (320, 180, 128, (128, 96)),
        (180, 320, 128, (96, 128)),
        (321, 179, 160, (160, 96)),
        (333, 171, 96, (96, 64)),
        (640, 480, 96, (96, 96)),
        (192, 108, 192, (192, 128)),
    ],
)
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv422p10le", "bgr0"])
def test_it_is_the_picture_of_the_full_size_reader_made_small(
    tmp_path: Path, width: int, height: int, side: int, sizes: tuple[int, int], pix_fmt: str
) -> None:
    path = make_clip(tmp_path / "a.mkv", [scene(width, height)], codec="ffv1", pix_fmt=pix_fmt, matrix=6)
    [whole], _ = large(path)
    [frame], box, _ = small(path, side)
    assert (box.width, box.height) == sizes
    assert frame.pixels.shape == (box.height, box.width, 3)
    assert frame.pixels.dtype == np.uint8
    assert frame.pixels.flags.c_contiguous
    assert psnr(frame, whole, box) > 45


def test_a_smaller_picture_is_made_larger(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", [scene(96, 64)], options=FINE)
    [whole], _ = large(path)
    [frame], box, _ = small(path, 256)
    assert psnr(frame, whole, box) > 45


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_it_is_upright(tmp_path: Path, rotation: int, *, mirrored: bool) -> None:
    path = make_clip(tmp_path / "a.mp4", [scene(320, 180)], options=FINE, rotation=rotation, hflip=mirrored)
    [whole], _ = large(path)
    [frame], box, _ = small(path, 128)
    assert (box.width, box.height) == ((96, 128) if rotation in {90, 270} else (128, 96))
    assert psnr(frame, whole, box) > 45


@pytest.mark.parametrize("rotation", [0, 90])
def test_all_around_is_gray(tmp_path: Path, rotation: int) -> None:
    path = make_clip(tmp_path / "a.mp4", [plain((255, 0, 0), 320, 180)] * 2, rotation=rotation)
    for frame in small(path, 128)[0]:
        upright = frame.pixels if rotation == 0 else frame.pixels.transpose(1, 0, 2)
        assert upright.shape == (96, 128, 3)
        assert (upright[:12] == PADDING_LEVEL).all()
        assert (upright[84:] == PADDING_LEVEL).all()
        assert (upright[12:84, :, 0] > 240).all()
        assert (upright[12:84, :, 1:] < 15).all()


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("colour", [(250, 250, 250), (250, 60, 60), (60, 60, 250)])
@pytest.mark.parametrize(
    ("width", "height", "side"), [(480, 270, 160), (400, 226, 160), (384, 216, 320), (160, 90, 320)]
)
def test_a_place_in_it_is_the_place_in_the_source(
    tmp_path: Path, width: int, height: int, side: int, colour: tuple[int, int, int], rotation: int
) -> None:
    """Positions agree to a quarter of a small pixel, also in chroma (red, blue), which has half the size."""
    points = [(0.2, 0.25), (0.5, 0.5), (0.81, 0.7)]
    pictures = [spot(x * width, y * height, colour, width, height) for x, y in points]
    path = make_clip(tmp_path / "a.mp4", pictures, options=FINE, rotation=rotation)
    wholes, _ = large(path)
    frames, box, _ = small(path, side)
    small_pixel = width / max(box.inner_width, box.inner_height)
    for picture, frame, whole in zip(pictures, frames, wholes, strict=True):
        x, y = centre(inside(frame, box)) + np.array([box.left, box.top])
        found = box.to_source(np.array([[x, y, x, y]], np.float32))[0, :2]
        if colour == (250, 250, 250):
            drawn = centre(np.rot90(picture, rotation // 90))
            assert np.abs(found - drawn).max() < small_pixel / 4
        assert np.abs(found - centre(whole.pixels)).max() < small_pixel / 4


def test_pixels_that_are_not_square_get_the_shape_of_the_screen(tmp_path: Path) -> None:
    picture = plain((200, 200, 200), 180, 144)
    path = make_clip(tmp_path / "a.mp4", [picture], aspect=Fraction(64, 45))
    [frame], box, _ = small(path, 128)
    assert (box.inner_width, box.inner_height) == (128, 72)
    assert (frame.pixels[12:84] > 190).all()
    assert (frame.pixels[:12] == PADDING_LEVEL).all()


def test_stripes_too_fine_for_it_become_gray(tmp_path: Path) -> None:
    columns = np.where(np.arange(640) % 2, 235, 20).astype(np.uint8)
    picture = np.ascontiguousarray(np.broadcast_to(columns[None, :, None], (360, 640, 3)))
    for name, stripes in (("a.mkv", picture), ("b.mkv", picture.transpose(1, 0, 2))):
        [frame], box, _ = small(make_clip(tmp_path / name, [stripes], codec="ffv1", pix_fmt="yuv444p"), 160)
        pixels = inside(frame, box).astype(int)
        assert np.abs(pixels - 128).max() <= 4


@pytest.mark.parametrize("range_", [1, 2])
@pytest.mark.parametrize("matrix", [1, 5, 6, 9])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_are_right(tmp_path: Path, pix_fmt: str, matrix: int, range_: int) -> None:
    colours = [(200, 60, 50), (40, 160, 90), (50, 70, 190), (16, 16, 16), (255, 255, 255), (0, 0, 0)]
    pictures = [plain(colour, 160, 90) for colour in colours]
    path = make_clip(
        tmp_path / "a.mkv", pictures, codec="ffv1", pix_fmt=pix_fmt, matrix=matrix, range_=range_
    )
    frames, box, _ = small(path, 64)
    for frame, colour in zip(frames, colours, strict=True):
        assert np.abs(inside(frame, box).astype(int) - colour).max() <= 2


@pytest.mark.parametrize("pix_fmt", ["bgr0", "yuv420p", "yuv444p10le", "gray"])
@pytest.mark.parametrize(
    ("width", "height"), [(1, 1), (2, 3), (1, 5), (7, 5), (33, 1), (65, 31), (64, 64), (2000, 2), (2, 2000)]
)
def test_any_size_can_be_letterboxed(tmp_path: Path, width: int, height: int, pix_fmt: str) -> None:
    picture = plain((180, 180, 180), width, height)
    # The encoder writes such sizes in its oldest version only.
    frames, box, _ = small(
        make_clip(tmp_path / "a.mkv", [picture] * 2, codec="ffv1", pix_fmt=pix_fmt, options={"level": "1"}),
        64,
    )
    for frame in frames:
        assert frame.pixels.shape == (box.height, box.width, 3)
        assert np.abs(inside(frame, box).astype(int) - 180).max() <= 2
        assert (frame.pixels == PADDING_LEVEL).all(axis=-1).sum() == (
            box.width * box.height - box.inner_width * box.inner_height
        )


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "lost"),
    [
        ("a.mp4", "libx264", "yuv420p", []),
        ("a.webm", "libvpx-vp9", "yuv420p", []),
        ("a.avi", "mpeg4", "yuv420p", []),
        ("a.ts", "mpeg2video", "yuv420p", []),
        ("a.mov", "prores_ks", "yuv422p10le", [12, 13, 30]),
        ("a.mp4", "libx264", "yuv420p", [12, 13, 30]),
        ("a.mov", "mjpeg", "yuvj420p", [0, 20, 39]),
    ],
)
def test_count_times_and_notes_are_those_of_the_full_size_reader(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, lost: list[int]
) -> None:
    path = damage(make_clip(tmp_path / name, 40, codec=codec, pix_fmt=pix_fmt), lost)
    expected, expected_notes = large(path)
    frames, _, notes = small(path)
    assert times(frames) == times(expected)
    assert notes == expected_notes
    assert bool(notes) == bool(lost)


def test_a_variable_frame_rate_comes_back_exactly(tmp_path: Path) -> None:
    pts = [0, 3003, 3004, 90_000, 123_456]
    path = make_clip(tmp_path / "a.mp4", 5, pts=pts, time_base=Fraction(1, 90_000))
    assert times(small(path)[0]) == times(large(path)[0])


def test_a_picture_that_cannot_be_decoded_is_the_one_before_again(tmp_path: Path) -> None:
    path = damage(make_clip(tmp_path / "a.mov", 8, codec="mjpeg", pix_fmt="yuvj420p"), [0, 4])
    frames, box, _ = small(path, 96)
    assert [number_of(inside(frame, box)) for frame in frames] == [1, 1, 2, 3, 3, 5, 6, 7]


def test_a_video_of_which_nothing_can_be_decoded_is_an_error(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mov", 5, codec="mjpeg", pix_fmt="yuvj420p")
    info = probe(path)
    damage(path, range(5))
    box = letterbox(width=info.width, height=info.height, side=64, multiple=32)
    with (
        pytest.raises(BadMedia, match="no picture of it can be decoded"),
        VideoReader(path, info, letterbox=box) as reader,
    ):
        list(reader.frames())


def test_a_change_of_size_is_scaled_to_the_first(tmp_path: Path) -> None:
    """Both sizes would fill the same letterbox."""
    first = make_clip(tmp_path / "a.ts", 10)
    rest = list(range(10, 20))
    pictures = [numbered(n, 192, 128) for n in rest]
    second = make_clip(tmp_path / "b.ts", pictures, pts=rest, time_base=Fraction(1, 25))
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames, box, notes = small(joined)
    inner = [
        frame.pixels[box.top :][: box.inner_height, box.left :][:, : box.inner_width] for frame in frames
    ]
    assert [number_of(picture) for picture in inner] == list(range(20))
    assert "change their size or shape at 0." in notes[-1]


def test_frames_are_independent_arrays(tmp_path: Path) -> None:
    frames, box, _ = small(make_clip(tmp_path / "a.mp4", 3), 96)
    frames[0].pixels[:] = 0
    assert number_of(inside(frames[1], box)) == 1
    assert (frames[2].pixels[: box.top] == PADDING_LEVEL).all()


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real clips are not here")
def test_a_real_clip_gives_the_pictures_of_the_full_size_reader() -> None:
    path = SHARED / "one-by-one-person-detection.mp4"
    info = probe(path)
    box = letterbox(width=info.width, height=info.height, side=640, multiple=32)
    with VideoReader(path, info) as reader, VideoReader(path, info, letterbox=box) as small_reader:
        for whole, frame in islice(zip(reader.frames(), small_reader.frames(), strict=True), 50):
            assert frame.pts == whole.pts
            assert psnr(frame, whole, box) > 45
