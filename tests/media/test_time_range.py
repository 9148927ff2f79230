"""Tests that a time range selects exactly the pictures shown in it, wherever decoding begins."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadMedia, BadRequest
from orchestrator.frames import Frame
from orchestrator.media.read.demux import main_video, open_source
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.read.seek import packets_from
from tools.fixtures.clips import damage, make_clip, number_of, truncate

QUIET = "log-level=none"
KINDS: list[tuple[str, str, dict[str, str]]] = [
    ("a.mp4", "libx264", {"g": "12"}),
    ("b.mp4", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1:b-pyramid=normal"}),
    ("c.mp4", "libx265", {"x265-params": f"{QUIET}:keyint=12:min-keyint=12:open-gop=1:bframes=4"}),
    ("d.mp4", "libx264", {"g": "250"}),
    ("a.mov", "prores_ks", {}),
    ("a.mkv", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
    ("b.mkv", "libx265", {"x265-params": f"{QUIET}:keyint=12:min-keyint=12:open-gop=1:bframes=4"}),
    ("a.webm", "libvpx-vp9", {"g": "12"}),
    ("b.webm", "libvpx", {"auto-alt-ref": "1", "lag-in-frames": "16", "g": "20"}),
    ("a.ts", "libx264", {"g": "12", "bf": "3", "x264-params": "open-gop=1"}),
    ("b.ts", "mpeg2video", {"bf": "2", "g": "12"}),
    ("c.ts", "libx264", {"x264-params": "intra-refresh=1:keyint=25:bframes=0"}),
    ("a.mpg", "mpeg2video", {"bf": "2", "g": "12"}),
    ("a.flv", "libx264", {"g": "12"}),
    ("a.avi", "mpeg4", {"bf": "2", "g": "12"}),
    ("b.avi", "libx264", {"g": "12"}),
    ("a.mxf", "mpeg2video", {"bf": "2", "g": "12"}),
]


def read(path: Path, start: float | Fraction | None, end: float | Fraction | None) -> list[Frame]:
    start_s = None if start is None else Fraction(start)
    end_s = None if end is None else Fraction(end)
    with VideoReader(path, probe(path), threads=2, start_s=start_s, end_s=end_s) as reader:
        frames = list(reader.frames())
        assert [frame.index for frame in frames] == list(range(reader.frames_read))
        assert reader.notes == []
        return frames


def numbers(frames: list[Frame]) -> list[int]:
    return [number_of(frame.pixels) for frame in frames]


@pytest.mark.parametrize(("name", "codec", "options"), KINDS, ids=[kind[0] for kind in KINDS])
def test_the_pictures_of_a_span_are_those_of_the_whole_video(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    pix_fmt = "yuv422p10le" if codec == "prores_ks" else "yuv420p"
    path = make_clip(tmp_path / name, 150, codec=codec, options=options, pix_fmt=pix_fmt)
    info, whole = probe(path), read(path, None, None)
    for start, end in [(0, 1), (1.02, 2.5), (2.4, 2.6), (3.0, 4.3), (5.02, None), (5.9, 9)]:
        part = read(path, start, end)
        moments = [float(frame.pts * info.time_base - info.start_s) for frame in whole]
        first = sum(moment + 0.04 <= start + 0.001 for moment in moments)
        last = sum(end is None or moment < end - 0.001 for moment in moments)
        assert numbers(part) == list(range(first, last))
        assert [frame.pts for frame in part] == [frame.pts for frame in whole[first:last]]
        assert all((a.pixels == b.pixels).all() for a, b in zip(part, whole[first:last], strict=True))


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_decoding_begins_at_the_keyframe_before(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / f"a.{suffix}", 500, options={"g": "25", "preset": "ultrafast"})
    info = probe(path)
    with open_source(path) as container:
        stream = main_video(container, path)
        found = packets_from(container, stream, info.start_s + 15)
        assert found is not None
        keyframe_s = found[0] * info.time_base - info.start_s
    nearest = 15 if suffix != "ts" else 13  # MPEG-TS has no index
    assert nearest <= keyframe_s <= 15


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(400, 90_000), min_size=2, max_size=12),
    cut=st.tuples(st.integers(0, 400_000), st.integers(1, 400_000)),
    bframes=st.sampled_from(["0", "3"]),
)
def test_of_any_variable_frame_rate_come_the_pictures_that_are_shown(
    tmp_path: Path, gaps: list[int], cut: tuple[int, int], bframes: str
) -> None:
    """By definition, a picture is shown from its time to the next one's, for more than the rounding."""
    pts = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    path = make_clip(
        tmp_path / "a.mp4",
        len(pts),
        pts=pts,
        time_base=Fraction(1, 90_000),
        last_duration=3000,
        options={"bf": bframes, "g": "4"},
    )
    start, end = cut[0], cut[0] + cut[1]
    rounding = min(Fraction(90), Fraction(end - start, 4))
    with av.open(
        str(path)
    ) as container:  # the last packet is not the last picture's where there are B-frames
        *_, last = container.decode(video=0)
    stops = [*pts[1:], pts[-1] + last.duration]
    shown = [
        number
        for number, (begin, stop) in enumerate(zip(pts, stops, strict=True))
        if stop > start + rounding and begin < end - rounding
    ]
    if not shown:
        with pytest.raises(BadRequest, match="start is"):
            read(path, Fraction(start, 90_000), Fraction(end, 90_000))
        return
    frames = read(path, Fraction(start, 90_000), Fraction(end, 90_000))
    assert numbers(frames) == shown
    ticks = [round(frame.pts * probe(path).time_base * 90_000) for frame in frames]
    kept = [begin if start - begin <= 9000 else start for begin in (pts[number] for number in shown)]
    assert ticks == kept


def test_pictures_before_an_edit_list_are_not_in_a_span(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "a.mp4", 60, pts=list(range(-10, 50)), time_base=Fraction(1, 25), options={"g": "12"}
    )
    assert numbers(read(path, 0, 1)) == list(range(10, 35))
    assert numbers(read(path, 1, 1.2)) == list(range(35, 40))


def test_times_count_from_the_start_of_the_file(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.ts", 100, pts=list(range(90_000, 90_100)), time_base=Fraction(1, 25))
    assert probe(path).start_s > 3000
    assert numbers(read(path, 1, 2)) == list(range(25, 50))


def test_a_rounded_time_means_the_picture_that_it_was_rounded_from(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 60, rate=Fraction(30_000, 1001))
    moments = [round(number * 1001 / 30_000, 3) for number in range(60)]
    for first, last in [(1, 3), (13, 29), (44, 45)]:
        assert numbers(read(path, moments[first], moments[last])) == list(range(first, last))


def test_a_still_is_cut_where_the_span_is(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", 3, pts=[0, 10_000, 10_040], time_base=Fraction(1, 1000))
    assert [(frame.pts, frame.duration) for frame in read(path, 3, 7)] == [(3000, 4000)]
    assert [frame.pts for frame in read(path, 3, None)] == [3000, 10_000, 10_040]


def test_a_video_that_starts_late_has_no_picture_before(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "a.mp4", 50, pts=list(range(25, 75)), time_base=Fraction(1, 25), audio=[{"seconds": 3}]
    )
    assert numbers(read(path, 0.5, 1.2)) == list(range(5))
    with pytest.raises(BadRequest, match="no picture of the video is shown between start and end"):
        read(path, 0.1, 0.9)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts", "avi"])
def test_a_start_beyond_the_end_is_refused_with_both_times(tmp_path: Path, suffix: str) -> None:
    path = make_clip(tmp_path / f"a.{suffix}", 25, codec="mpeg4" if suffix == "avi" else "libx264")
    with pytest.raises(BadRequest, match=r"start is 1\.5 s, but the video ends at 1 s: choose an earlier"):
        read(path, 1.5, 2)


@pytest.mark.parametrize(("start", "end"), [(2, 1), (1, 1), (-1, 2), (None, 0)])
def test_an_empty_or_negative_span_is_refused(tmp_path: Path, start: int | None, end: int) -> None:
    path = make_clip(tmp_path / "a.mp4", 25)
    with pytest.raises(BadRequest, match=r"cannot be negative|not after start"):
        read(path, start, end)


def test_a_file_cut_short_is_an_error_only_where_the_span_reaches_the_cut(tmp_path: Path) -> None:
    path = truncate(make_clip(tmp_path / "a.mkv", 100, options={"g": "12"}), 0.6)
    info = probe(path, to_end=False)
    with VideoReader(path, info, start_s=Fraction(1, 2), end_s=Fraction(3, 2)) as reader:
        assert numbers(list(reader.frames())) == list(range(12, 38))
    with (
        VideoReader(path, info, start_s=Fraction(1, 2), end_s=Fraction(39, 10)) as reader,
        pytest.raises(BadMedia, match=r"cut short: it ends at \d\.\d\d s"),
    ):
        list(reader.frames())
    with pytest.raises(BadMedia, match="cut short"):
        probe(path)


def test_a_lost_picture_at_the_start_is_replaced_by_the_one_before(tmp_path: Path) -> None:
    path = damage(make_clip(tmp_path / "a.mov", 10, codec="mjpeg", pix_fmt="yuvj420p"), [4, 8])
    with VideoReader(path, probe(path), start_s=Fraction(4, 25), end_s=Fraction(7, 25)) as reader:
        frames = list(reader.frames())
        assert numbers(frames) == [3, 5, 6]
        assert [frame.pts * probe(path).time_base for frame in frames] == [Fraction(n, 25) for n in (4, 5, 6)]
        assert reader.notes == ["1 picture of the source could not be decoded: the one before is shown again"]
