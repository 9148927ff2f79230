"""Tests that every frame is read in order, upright and at its time, from damaged files too."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadMedia
from orchestrator.frames import Frame, Pixels
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tools.fixtures.clips import damage, make_clip, number_of, numbered

SHARED = Path(__file__).parents[3] / "shared" / "real" / "media"


def read(path: Path, *, threads: int = 2) -> tuple[list[Frame], list[str]]:
    with VideoReader(path, probe(path), threads=threads) as reader:
        frames = list(reader.frames())
        assert reader.frames_read == len(frames)
        assert [frame.index for frame in frames] == list(range(len(frames)))
        pts = [frame.pts for frame in frames]
        assert pts == sorted(set(pts))
        return frames, reader.notes


def numbers(frames: list[Frame]) -> list[int]:
    return [number_of(frame.pixels) for frame in frames]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", {}),
        ("a.mov", "libx264", {"bf": "0"}),
        ("a.mkv", "libx265", {"x265-params": "log-level=none"}),
        ("a.webm", "libvpx-vp9", {}),
        ("b.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16"}),
        ("a.avi", "mpeg4", {"bf": "2"}),
        ("b.avi", "libx264", {}),
        ("a.ts", "mpeg2video", {"bf": "2"}),
        ("a.mpg", "mpeg2video", {}),
        ("a.flv", "libx264", {}),
        ("a.mxf", "mpeg2video", {}),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
def test_every_picture_comes_once_in_order_to_the_last(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], threads: int
) -> None:
    frames, notes = read(make_clip(tmp_path / name, 40, codec=codec, options=options), threads=threads)
    assert numbers(frames) == list(range(40))
    assert len({b.pts - a.pts for a, b in pairwise(frames)}) == 1
    assert notes == []


def test_asf_keeps_its_milliseconds(tmp_path: Path) -> None:
    frames, _ = read(make_clip(tmp_path / "a.wmv", 40, codec="mpeg4", container="asf"))
    assert numbers(frames) == list(range(40))
    assert all(abs(frame.pts - frames[0].pts - 40 * frame.index) <= 1 for frame in frames)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gaps=st.lists(st.integers(1, 90_000), min_size=1, max_size=12), bframes=st.sampled_from(["0", "3"]))
def test_any_variable_frame_rate_comes_back_exactly(tmp_path: Path, gaps: list[int], bframes: str) -> None:
    pts = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    path = make_clip(
        tmp_path / "a.mp4", len(pts), pts=pts, time_base=Fraction(1, 90_000), options={"bf": bframes}
    )
    info = probe(path)
    frames, _ = read(path)
    assert [frame.pts * info.time_base for frame in frames] == [Fraction(p, 90_000) for p in pts]


def test_pictures_before_an_edit_list_are_not_shown(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 30, pts=list(range(-10, 20)), time_base=Fraction(1, 25))
    frames, notes = read(path)
    assert numbers(frames) == list(range(10, 30))
    assert notes == []


@pytest.mark.parametrize("hflip", [False, True])
@pytest.mark.parametrize("vflip", [False, True])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_pictures_come_upright(tmp_path: Path, rotation: int, *, hflip: bool, vflip: bool) -> None:
    picture = numbered(0b1011, 96, 64)
    picture[:20, :30] = (250, 20, 20)
    path = make_clip(tmp_path / "a.mp4", [picture], rotation=rotation, hflip=hflip, vflip=vflip)
    expected: Pixels = np.rot90(picture, rotation // 90)
    expected = expected[:, ::-1] if hflip else expected
    expected = expected[::-1] if vflip else expected
    [frame], _ = read(path)
    assert frame.pixels.shape == expected.shape
    assert frame.pixels.flags.c_contiguous
    assert np.abs(frame.pixels.astype(int) - expected).mean() < 6


@pytest.mark.parametrize(
    ("name", "codec", "pix_fmt"),
    [
        ("a.mp4", "libx264", "yuv420p"),
        ("a.mp4", "libx265", "yuv420p"),
        ("a.mov", "mjpeg", "yuvj420p"),
        ("a.mov", "prores_ks", "yuv422p10le"),
        ("a.mkv", "ffv1", "yuv420p"),
        ("a.avi", "mjpeg", "yuvj420p"),
    ],
)
@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("lost", [[20], [12, 13, 30], [39], [38, 39]])
def test_a_picture_that_cannot_be_decoded_is_replaced_at_its_own_time(
    tmp_path: Path, name: str, codec: str, pix_fmt: str, threads: int, lost: list[int]
) -> None:
    options = {"x265-params": "log-level=none"} if codec == "libx265" else {}
    whole = make_clip(tmp_path / name, 40, codec=codec, pix_fmt=pix_fmt, options=options)
    expected = [frame.pts for frame in read(whole)[0]]
    frames, notes = read(damage(whole, lost), threads=threads)
    assert [frame.pts for frame in frames] == expected
    assert any("could not be decoded" in note or "may be damaged" in note for note in notes)


def test_the_replacement_is_the_picture_before(tmp_path: Path) -> None:
    path = damage(make_clip(tmp_path / "a.mov", 10, codec="mjpeg", pix_fmt="yuvj420p"), [4])
    frames, notes = read(path)
    assert numbers(frames) == [0, 1, 2, 3, 3, 5, 6, 7, 8, 9]
    assert notes == ["1 picture of the source could not be decoded: the one before is shown again"]


def test_a_lost_first_picture_is_replaced_by_the_next(tmp_path: Path) -> None:
    path = damage(make_clip(tmp_path / "a.mov", 10, codec="mjpeg", pix_fmt="yuvj420p"), [0, 1])
    assert numbers(read(path)[0]) == [2, 2, 2, 3, 4, 5, 6, 7, 8, 9]


def test_a_lost_keyframe_leaves_every_time_in_place(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 40, options={"g": "12"})
    expected = [frame.pts for frame in read(path)[0]]
    frames, notes = read(damage(path, [12]))
    assert [frame.pts for frame in frames] == expected
    assert numbers(frames)[:8] == list(range(8))
    assert numbers(frames)[-8:] == list(range(32, 40))
    assert notes


def test_more_than_five_seconds_of_lost_pictures_are_an_error(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mov", 20, rate=2, codec="mjpeg", pix_fmt="yuvj420p")
    with pytest.raises(BadMedia, match=r"from 2\.00 s to 8\.00 s no picture can be decoded"):
        read(damage(path, range(4, 17)))


def test_a_video_of_which_nothing_can_be_decoded_is_an_error(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mov", 5, codec="mjpeg", pix_fmt="yuvj420p")
    with pytest.raises(BadMedia, match="no picture of it can be decoded"):
        read(damage(path, range(5)))


def test_a_hole_in_a_matroska_file_is_noted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", 40, codec="ffv1")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 3000] = b"\xa5" * 3000
    path.write_bytes(bytes(data))
    frames, notes = read(path)
    assert len(frames) < 40
    assert any("pictures may be missing" in note for note in notes)


@pytest.mark.parametrize("name", ["a.mkv", "a.flv"])
def test_sound_that_outlasts_the_video_is_not_taken_for_a_cut(tmp_path: Path, name: str) -> None:
    frames, _ = read(make_clip(tmp_path / name, 25, audio=[{"seconds": 3}]))
    assert len(frames) == 25


def test_a_slow_slide_show_is_not_taken_for_a_cut(tmp_path: Path) -> None:
    pts = [0, 10_000, 20_000]
    frames, _ = read(make_clip(tmp_path / "a.mkv", 3, pts=pts, time_base=Fraction(1, 1000)))
    assert [frame.pts for frame in frames] == pts


def test_pictures_without_a_time_of_their_own_are_put_after_the_one_before_and_noted(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "a.mkv", 5, codec="ffv1", pts=[0, 40, 40, 40, 160], time_base=Fraction(1, 1000)
    )
    frames, notes = read(path)
    assert [frame.pts for frame in frames] == [0, 40, 41, 42, 160]
    assert numbers(frames) == list(range(5))
    assert notes == ["2 pictures of the source had no usable time: shown right after the one before"]


def test_a_clock_that_jumps_by_hours_is_an_error(tmp_path: Path) -> None:
    pts = [0, 40, 80, 7 * 3_600_000, 7 * 3_600_000 + 40]
    path = make_clip(tmp_path / "a.mkv", 5, pts=pts, time_base=Fraction(1, 1000))
    with pytest.raises(BadMedia, match=r"clock jumps after 0\.08 s"):
        read(path)


def test_a_stream_that_appears_in_the_middle_is_no_obstacle(tmp_path: Path) -> None:
    """A recording may start before its sound does; its second half continues the clock."""
    first = make_clip(tmp_path / "a.ts", 300, options={"g": "25"})
    rest = list(range(300, 340))
    second = make_clip(tmp_path / "b.ts", 40, pts=rest, time_base=Fraction(1, 25), audio=[{"seconds": 13.6}])
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    frames, _ = read(joined)
    assert len(frames) == 340


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 2), (7, 5), (3, 9)])
def test_the_smallest_pictures_are_read(tmp_path: Path, width: int, height: int) -> None:
    picture = np.full((height, width, 3), (200, 100, 50), np.uint8)
    path = make_clip(tmp_path / "a.mkv", [picture] * 3, codec="ffv1", pix_fmt="bgr0")
    frames, _ = read(path)
    assert len(frames) == 3
    assert np.array_equal(frames[2].pixels, picture)


def test_frames_are_independent_arrays(tmp_path: Path) -> None:
    frames, _ = read(make_clip(tmp_path / "a.mp4", 3))
    frames[0].pixels[:] = 0
    assert number_of(frames[1].pixels) == 1


def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 1200, options={"preset": "ultrafast"}, audio=[{"seconds": 48}])
    process = psutil.Process()
    with VideoReader(path, probe(path), threads=2) as reader:
        frames = reader.frames()
        for _ in range(200):
            next(frames)
        tracemalloc.start()
        before = process.memory_info().rss
        for _ in frames:
            pass
        grown = process.memory_info().rss - before
        python_peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert grown < 4e6
    assert python_peak < 1e6


def test_a_wrong_size_is_never_delivered(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 3)
    other = make_clip(tmp_path / "b.mp4", [numbered(0, 128, 64)])
    with VideoReader(other, probe(path)) as reader:
        assert {frame.pixels.shape for frame in reader.frames()} == {(64, 96, 3)}


@pytest.mark.skipif(not SHARED.is_dir(), reason="the real clips are not here")
@pytest.mark.parametrize(
    ("name", "count"), [("onepiece_demo.mp4", 181), ("one-by-one-person-detection.mp4", 1394)]
)
def test_a_real_clip_gives_every_frame_at_its_time(name: str, count: int) -> None:
    path = SHARED / name
    with av.open(str(path)) as container:
        expected = sorted(packet.pts for packet in container.demux(video=0) if packet.pts is not None)
    info = probe(path)
    with VideoReader(path, info) as reader:
        pts = [frame.pts for frame in reader.frames()]
    assert info.frames == count
    assert pts == expected
    assert reader.notes == []
