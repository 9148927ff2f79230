"""Tests deinterlacing: one whole picture at the time of each interlaced one; others stay unchanged."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.frames import Frame, Pixels, Planes
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.tiles.letterbox import letterbox
from tools.fixtures.clips import damage, make_clip, number_of, numbered, stripes, woven

NOTE = "the source is interlaced: it was deinterlaced (bwdif)"
LOSSLESS = {"qp": "0"}


def read(path: Path, **options: Any) -> tuple[list[Frame], list[str]]:
    with VideoReader(path, probe(path), threads=2, **options) as reader:
        frames = list(reader.frames())
        assert [frame.index for frame in frames] == list(range(reader.frames_read))
        return frames, reader.notes


def read_planes(path: Path, **options: Any) -> tuple[list[Frame[Planes]], list[str]]:
    with VideoReader[Planes](path, probe(path), threads=2, form="planes", **options) as reader:
        return list(reader.frames()), reader.notes


def combing(pixels: Pixels) -> float:
    """Return how far lines are from the mean of those above and below, on average; 60 if interlaced."""
    luma = pixels[..., 1].astype(int)
    return float(np.abs(2 * luma[1:-1] - luma[:-2] - luma[2:]).mean())


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options"),
    [
        ("a.mp4", "libx264", "yuv420p", {}),
        ("a.mkv", "libx264", "yuv420p", {"bf": "3"}),
        ("a.ts", "libx264", "yuv422p10le", {}),
        ("a.mpg", "mpeg2video", "yuv420p", {"bf": "2"}),
        ("a.mxf", "mpeg2video", "yuv422p", {}),
        ("a.avi", "mpeg4", "yuv420p", {}),
        ("a.mov", "prores_ks", "yuv422p10le", {}),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_picture_becomes_whole_at_its_time(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, options: dict[str, str], threads: int
) -> None:
    pictures = [np.concatenate([picture, numbered(i)]) for i, picture in enumerate(woven(20))]
    path = make_clip(tmp_path / name, pictures, codec=codec, pix_fmt=pix_fmt, options=options, fields="tff")
    info = probe(path)
    assert info.interlaced
    with VideoReader(path, info, threads=threads) as reader:
        frames = list(reader.frames())
    assert reader.notes == [NOTE]
    assert [number_of(frame.pixels[64:]) for frame in frames] == list(range(20))
    assert len({b.pts - a.pts for a, b in pairwise(frames)}) == 1
    assert combing(pictures[5][:64]) > 30
    assert all(combing(frame.pixels[:60]) < 6 for frame in frames)


@pytest.mark.parametrize(("fields", "first"), [("tff", 0), ("bff", 1)])
def test_the_first_field_stays_to_the_bit(tmp_path: Path, fields: str, first: int) -> None:
    pictures = woven(8, bottom_first=first == 1)
    path = make_clip(tmp_path / "a.mp4", pictures, options=LOSSLESS, fields=fields)
    frames, _ = read_planes(path)
    coded = make_clip(tmp_path / "b.mp4", pictures, options=LOSSLESS)
    for number, (frame, as_coded) in enumerate(zip(frames, read_planes(coded)[0], strict=True)):
        assert (frame.pixels.y[first::2] == as_coded.pixels.y[first::2]).all()
        assert (frame.pixels.y[first::2] > 100).tolist() == [(stripes(2 * number) > 100).tolist()] * 32


def test_a_field_order_that_only_the_container_states_is_believed(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", woven(8, bottom_first=True), codec="ffv1", field_order=3)
    assert probe(path).interlaced
    frames, notes = read(path)
    assert notes == [NOTE]
    for number, frame in enumerate(frames):
        assert (np.abs(frame.pixels[5, :, 1].astype(int) - stripes(2 * number)) < 20).all()
        assert combing(frame.pixels) < 6


@pytest.mark.parametrize(
    ("name", "codec", "options", "field_order"),
    [
        ("a.mkv", "libx264", {}, 2),  # the container is wrong
        ("a.mp4", "libx264", {}, 0),
        ("a.mkv", "ffv1", {}, 1),
        ("a.ts", "mpeg2video", {}, 0),
    ],
)
def test_what_is_not_interlaced_is_left_alone(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], field_order: int
) -> None:
    """Even pictures that look interlaced stay unchanged, because pixels are not examined."""
    path = make_clip(tmp_path / name, woven(8), codec=codec, options=options, field_order=field_order)
    assert not probe(path).interlaced
    frames, notes = read(path)
    assert notes == []
    assert all(combing(frame.pixels) > 30 for frame in frames)


def joined(path: Path, first: Path, second: Path) -> Path:
    path.write_bytes(first.read_bytes() + second.read_bytes())
    return path


@pytest.mark.parametrize("whole", [3, 30])
def test_whole_pictures_among_them_stay_to_the_bit(tmp_path: Path, whole: int) -> None:
    plain = make_clip(tmp_path / "a.ts", whole, options=LOSSLESS)
    rest = list(range(whole, whole + 20))
    mixed = joined(
        tmp_path / "c.ts",
        plain,
        make_clip(
            tmp_path / "b.ts", woven(20), pts=rest, time_base=Fraction(1, 25), options=LOSSLESS, fields="tff"
        ),
    )
    assert probe(mixed).interlaced == (whole == 3)
    expected, no_notes = read_planes(plain)
    frames, notes = read_planes(mixed)
    assert no_notes == []
    assert notes[0] == NOTE
    assert len(frames) == whole + 20
    for frame, same in zip(frames, expected, strict=False):
        assert frame.pts == same.pts
        assert (frame.pixels.y == same.pixels.y).all()
        assert (frame.pixels.u == same.pixels.u).all()
    rgb, _ = read(mixed)
    assert all(combing(frame.pixels) < 6 for frame in rgb[whole:])


def test_whole_pictures_after_them_stay_to_the_bit(tmp_path: Path) -> None:
    pictures = [numbered(number) for number in range(20)]
    plain = make_clip(
        tmp_path / "a.ts", pictures, pts=list(range(20, 40)), time_base=Fraction(1, 25), options=LOSSLESS
    )
    mixed = joined(
        tmp_path / "c.ts", make_clip(tmp_path / "b.ts", woven(20), options=LOSSLESS, fields="tff"), plain
    )
    expected, _ = read_planes(plain)
    frames, _ = read_planes(mixed)
    assert len(frames) == 40
    for frame, same in zip(frames[20:], expected, strict=True):
        assert (frame.pixels.y == same.pixels.y).all()
        assert (frame.pixels.v == same.pixels.v).all()


def test_any_variable_frame_rate_comes_back(tmp_path: Path) -> None:
    pts = [0, 3003, 3004, 90_000, 123_456, 150_000]
    path = make_clip(
        tmp_path / "a.mp4", woven(6), pts=pts, time_base=Fraction(1, 90_000), options=LOSSLESS, fields="tff"
    )
    frames, _ = read(path)
    assert [frame.pts * probe(path).time_base for frame in frames] == [Fraction(p, 90_000) for p in pts]


@pytest.mark.parametrize("lost", [[0], [4], [4, 5, 6], [9], [0, 1, 5, 9]])
@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt", "options", "field_order"),
    [
        ("a.mov", "mjpeg", "yuvj420p", {"qmax": "2"}, 2),
        ("a.mov", "prores_ks", "yuv422p10le", {"flags": "+ildct"}, 3),
    ],
)
def test_lost_pictures_are_replaced_at_their_own_time(
    tmp_path: Path,
    name: str,
    codec: str,
    pix_fmt: str,
    options: dict[str, str],
    field_order: int,
    lost: list[int],
) -> None:
    pictures = [np.concatenate([picture, numbered(i)]) for i, picture in enumerate(woven(10))]
    path = make_clip(
        tmp_path / name, pictures, codec=codec, pix_fmt=pix_fmt, options=options, field_order=field_order
    )
    times = [frame.pts for frame in read(path)[0]]
    frames, notes = read(damage(path, lost))
    assert [frame.pts for frame in frames] == times
    assert notes[0] == NOTE
    if codec == "mjpeg":  # ProRes gives damaged pictures out
        assert "could not be decoded" in notes[1]
        found = [number for number in range(10) if number not in lost]
        shown = [max([n for n in found if n <= number], default=found[0]) for number in range(10)]
        assert [number_of(frame.pixels[64:]) for frame in frames] == shown
        assert all(combing(frame.pixels[:60]) < 10 for frame in frames)
        for number, before in zip(lost[1:] or lost, lost, strict=False):
            if number - 1 in lost:
                assert frames[number].pixels is frames[before].pixels


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
@pytest.mark.parametrize("lost", [[0], [20], [12, 13, 30], [39]])
def test_lost_references_leave_every_time_in_place(tmp_path: Path, name: str, lost: list[int]) -> None:
    path = make_clip(tmp_path / name, woven(40), options={"g": "12", "sc_threshold": "0"}, fields="tff")
    times = [frame.pts for frame in read(path)[0]]
    frames, notes = read(damage(path, lost))
    assert [frame.pts for frame in frames] == times
    assert any("could not be decoded" in note for note in notes)


def test_a_span_has_the_pictures_of_the_whole_video(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "a.mp4", woven(75), options=LOSSLESS | {"g": "25", "sc_threshold": "0"}, fields="tff"
    )
    whole, _ = read(path)
    for start, end in [(0.4, 1.2), (1, 2.5), (1.04, 2.5), (2.9, None)]:
        part, notes = read(path, start_s=Fraction(str(start)), end_s=end and Fraction(str(end)))
        assert notes == [NOTE]
        same = [frame for frame in whole if part[0].pts <= frame.pts <= part[-1].pts]
        assert len(part) == round(((end or 3) - start) * 25 + 0.4)
        for frame, expected in zip(part, same, strict=True):
            assert frame.pts == expected.pts
            assert (frame.pixels == expected.pixels).all()


def test_deep_and_letterboxed_pictures_are_whole_too(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.ts", woven(6), pix_fmt="yuv422p10le", fields="bff")
    info = probe(path)
    with VideoReader(path, info, form="deep_rgb") as reader:
        assert all(combing(np.asarray(frame.pixels >> 8, np.uint8)) < 6 for frame in reader.frames())
    box = letterbox(width=96, height=64, side=96, multiple=32)
    frames, notes = read(path, letterbox=box)
    assert notes == [NOTE]
    assert all(combing(frame.pixels) < 6 for frame in frames)


@pytest.mark.parametrize("count", [1, 2])
def test_the_shortest_videos_keep_their_pictures(tmp_path: Path, count: int) -> None:
    frames, notes = read(make_clip(tmp_path / "a.mp4", woven(count), options=LOSSLESS, fields="tff"))
    assert [frame.pixels.shape for frame in frames] == [(64, 96, 3)] * count
    assert notes == [NOTE]


@pytest.mark.parametrize(("width", "height"), [(16, 2), (4, 4), (2, 2), (18, 6)])
def test_pictures_too_small_for_it_stay_as_they_are(tmp_path: Path, width: int, height: int) -> None:
    pictures = woven(3, width=width, height=height)
    path = make_clip(tmp_path / "a.mkv", pictures, codec="ffv1", options={"level": "1"}, field_order=2)
    frames, _ = read(path)
    assert [frame.pixels.shape for frame in frames] == [(height, width, 3)] * 3


def test_fields_that_are_pictures_of_their_own_are_not_mixed(tmp_path: Path) -> None:
    options = {"x265-params": "log-level=none:interlace=tff:lossless=1"}
    path = make_clip(tmp_path / "a.mkv", 8, codec="libx265", options=options)
    info = probe(path)
    assert not info.interlaced
    assert any("each field" in note for note in info.notes)
    frames, notes = read(path)
    assert [number_of(frame.pixels) for frame in frames] == list(range(8))
    assert notes == []
