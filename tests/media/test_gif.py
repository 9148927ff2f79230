"""Tests GIF outputs: times, colours, and notes of what GIF cannot hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from orchestrator.errors import BadRequest
from orchestrator.frames import Colour, Frame, Pixels, VideoInfo
from orchestrator.jobs import ExportParams, ExportResult, parse
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.gif import GifFrameSelector
from orchestrator.media.write.writer import VideoWriter
from orchestrator.media_containers import GIF, MP4, check_limits
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.export import export
from orchestrator.triton.client import TritonClient
from tests.media.test_formats import through
from tests.media.test_frame_to_rgb import PATCHES
from tools.fixtures.clips import make_clip, number_of, numbered, plain

CASES = Path(__file__).parents[3] / "shared" / "cases"
MICROSECOND = Fraction(1, 90_000)
INFO = VideoInfo(
    width=1,
    height=1,
    rotation=0,
    mirrored=False,
    sample_aspect_ratio=Fraction(1),
    time_base=MICROSECOND,
    average_rate=None,
    frames=None,
    duration_s=None,
    codec="h264",
    pixel_format="yuv420p",
    bit_depth=8,
    colour=Colour(matrix=1, primaries=1, transfer=1, full_range=False),
)


def run_export(source: Path, output: Path, **params: Any) -> ExportResult:
    def no_model() -> TritonClient:
        raise AssertionError("no model was asked for")

    return export(source, output, parse(ExportParams, params), JobContext(connect=no_model))


def shown(path: Path) -> tuple[list[Pixels], list[int]]:
    """Return the pictures as a browser composes them, and how many ms each is shown."""
    with Image.open(path) as image:
        frames = [
            (np.array(frame.convert("RGB")), frame.info["duration"])
            for frame in ImageSequence.Iterator(image)
        ]
    return [pixels for pixels, _ in frames], [round(duration) for _, duration in frames]


@pytest.mark.parametrize("rate", [25, 30, 50, 12, Fraction(24_000, 1001), Fraction(30_000, 1001)])
def test_times_are_to_the_hundredth_and_do_not_drift(tmp_path: Path, rate: Fraction) -> None:
    writer = through(make_clip(tmp_path / "in.mp4", 30, rate=rate), tmp_path / "out.gif")
    pictures, delays = shown(tmp_path / "out.gif")
    assert [number_of(picture) for picture in pictures] == list(range(30))
    ends = np.cumsum(delays) / 1000
    assert np.abs(ends - [float((n + 1) / Fraction(rate)) for n in range(30)]).max() <= 0.005
    assert writer.duration_s == pytest.approx(30 / float(rate), abs=0.005)
    assert writer.notes == []


@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1800, 90_000), min_size=1, max_size=20),
    first=st.integers(0, 100_000),
    last=st.integers(1800, 90_000),
)
def test_any_variable_frame_rate_is_kept_to_the_hundredth(
    tmp_path: Path, gaps: list[int], first: int, last: int
) -> None:
    pts = [first + sum(gaps[:n]) for n in range(len(gaps) + 1)]
    source = make_clip(
        tmp_path / "in.mp4",
        len(pts),
        pts=pts,
        time_base=MICROSECOND,
        last_duration=last,
        options={"bf": "0", "preset": "ultrafast"},
    )
    through(source, tmp_path / "out.gif")
    ends = np.cumsum(shown(tmp_path / "out.gif")[1]) / 1000
    expected = [float((p - first) * MICROSECOND) for p in [*pts[1:], pts[-1] + last]]
    assert np.abs(ends - expected).max() <= 0.01


def delays_of(path: Path) -> list[int]:
    """Return the delay of each picture in 1/100 s, read from the blocks of the file (GIF89a, 23)."""
    data = path.read_bytes()
    place = 13 + (3 * 2 ** ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    delays = []
    while data[place] != 0x3B:
        if data[place] == 0x2C:
            flags = data[place + 9]
            place += 11 + (3 * 2 ** ((flags & 7) + 1) if flags & 0x80 else 0)
        else:
            if data[place + 1] == 0xF9:
                delays.append(int.from_bytes(data[place + 4 : place + 6], "little"))
            place += 2
        while data[place]:
            place += 1 + data[place]
        place += 1
    return delays


def assert_on_screen(path: Path, begins_s: Sequence[float], end_s: float) -> list[int]:
    """Check that the source shows each picture at that time, to the hundredth; return their numbers."""
    pictures, _ = shown(path)
    delays = delays_of(path)
    numbers = [number_of(picture) for picture in pictures]
    assert len(delays) == len(numbers)
    assert numbers == sorted(set(numbers))
    assert min(delays) >= 2
    ends_s = [*begins_s[1:], end_s]
    for number, begin in zip(numbers, np.cumsum([0, *delays]) / 100, strict=False):
        assert begins_s[number] - 0.0051 <= begin < ends_s[number] + 0.0051
        assert begin - begins_s[number] <= 0.0151
    assert sum(delays) / 100 == pytest.approx(end_s, abs=0.0151)
    return numbers


@pytest.mark.parametrize(
    ("rate", "count"),
    [
        (Fraction(60), 50),
        (Fraction(60_000, 1001), 50),
        (Fraction(120), 50),
        (Fraction(100), 50),
        (Fraction(90), 50),
        (Fraction(72), 50),
        (Fraction(51), 50),
        (Fraction(1000), 50),
    ],
)
def test_at_most_fifty_pictures_a_second_are_shown_and_those_at_their_time(
    tmp_path: Path, rate: Fraction, count: int
) -> None:
    frames = round(rate)
    source = make_clip(tmp_path / "in.mp4", frames, rate=rate, options={"bf": "0", "preset": "ultrafast"})
    writer = through(source, tmp_path / "out.gif")
    numbers = assert_on_screen(
        tmp_path / "out.gif", [float(n / rate) for n in range(frames)], float(frames / rate)
    )
    assert len(numbers) == pytest.approx(count, abs=1)
    assert writer.frames == len(numbers)


@pytest.mark.parametrize("rate", [50, 48, 25])
def test_no_picture_is_left_out_where_all_have_room(tmp_path: Path, rate: int) -> None:
    source = make_clip(tmp_path / "in.mp4", rate, rate=rate)
    selector = GifFrameSelector(probe(source))
    with VideoReader(source, probe(source)) as reader:
        kept = [number_of(frame.pixels) for frame in selector.run(reader.frames())]
    assert (kept, selector.left_out, selector.notes) == (list(range(rate)), 0, [])


@settings(max_examples=300)
@given(
    gaps=st.lists(st.one_of(st.integers(1, 2000), st.integers(1, 90_000)), max_size=40),
    first=st.integers(-100_000, 100_000),
    last=st.integers(0, 5000),
    rate=st.sampled_from([None, Fraction(60), Fraction(25)]),
)
def test_any_times_are_kept_as_well_as_a_gif_can(
    gaps: list[int], first: int, last: int, rate: Fraction | None
) -> None:
    pts = np.cumsum([first, *gaps]).tolist()
    selector = GifFrameSelector(replace(INFO, time_base=MICROSECOND, average_rate=rate, frames=len(pts)))
    frames = [
        Frame(index=n, pts=moment, pixels=np.full((1, 1, 3), n, np.uint8), duration=last)
        for n, moment in enumerate(pts)
    ]
    kept = list(selector.run(iter(frames)))
    assert [frame.index for frame in kept] == list(range(len(kept)))
    assert len(kept) + selector.left_out == len(pts)
    begins_s = [(moment - first) / 90_000 for moment in pts]
    for frame, after in zip(kept, [*kept[1:], None], strict=True):
        number = int(frame.pixels[0, 0, 0])
        begin_s = (frame.pts - kept[0].pts) / 100
        assert begin_s <= begins_s[number] + 0.0151
        assert begin_s >= begins_s[number] - 0.0051
        if number + 1 < len(pts):
            assert begin_s < begins_s[number + 1] + 0.0051
        if after is not None:
            assert frame.duration == after.pts - frame.pts >= 2
        elif last or rate:
            assert frame.duration >= 2


def test_pictures_that_are_left_out_are_noted(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 30, rate=60)
    notes = run_export(source, tmp_path / "out.gif").notes
    assert notes == (
        "5 pictures were left out: browsers play at most 50 a second of a gif; mp4 and webm keep all",
    )
    assert len(delays_of(tmp_path / "out.gif")) == 25


def test_of_pictures_that_crowd_within_a_hundredth_the_last_one_is_shown(tmp_path: Path) -> None:
    pts = [0, 100, 200, 9000, 18_000, 27_000]
    source = make_clip(tmp_path / "in.mp4", 6, pts=pts, time_base=MICROSECOND, options={"bf": "0"})
    through(source, tmp_path / "out.gif")
    pictures, delays = shown(tmp_path / "out.gif")
    assert [number_of(picture) for picture in pictures] == [2, 3, 4, 5]
    assert delays[:3] == [100, 100, 100]


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
def test_a_real_screen_recording_at_60_a_second(tmp_path: Path) -> None:
    source = CASES / "obs-60fps.mkv"
    with av.open(str(source)) as container:
        pts = sorted(packet.pts for packet in container.demux(video=0) if packet.pts is not None)
    result = run_export(source, tmp_path / "out.gif")
    delays = delays_of(tmp_path / "out.gif")
    assert min(delays) >= 2
    assert len(delays) == result.stats.frames < len(pts)
    assert sum(delays) / 100 == pytest.approx((pts[-1] - pts[0] + 17) / 1000, abs=0.015)
    assert any("were left out: browsers play at most 50 a second" in note for note in result.notes)
    with av.open(str(source)) as container:
        originals = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    for picture, begin in zip(shown(tmp_path / "out.gif")[0], np.cumsum([0, *delays]), strict=False):
        on_screen = [
            n
            for n, moment in enumerate(pts)
            if moment - pts[0] <= 10 * begin + 5.1
            and (n + 1 == len(pts) or pts[n + 1] - pts[0] > 10 * begin - 5.1)
        ]
        errors = [float(np.square(picture.astype(float) - original).mean()) for original in originals]
        assert min(errors[n] for n in on_screen) <= min(errors) * 1.02


def test_a_gif_is_played_for_ever(tmp_path: Path) -> None:
    through(make_clip(tmp_path / "in.mp4", 3), tmp_path / "out.gif")
    with Image.open(tmp_path / "out.gif") as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("quality", ["high", "medium", "low"])
def test_colours_come_out_as_they_are(tmp_path: Path, quality: str) -> None:
    """Write a chart of few colours, then pictures of one colour each."""
    chart = np.concatenate([plain(rgb, 16, 32) for rgb in PATCHES], axis=1)
    pictures = [chart, *(plain(rgb, 16 * len(PATCHES), 32) for rgb in PATCHES), chart]
    source = make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0", matrix=0)
    through(source, tmp_path / "out.gif", quality=quality)
    for got, expected in zip(shown(tmp_path / "out.gif")[0], pictures, strict=True):
        assert np.abs(got.astype(int) - expected).max() <= 1


def test_gradients_that_move_are_close(tmp_path: Path) -> None:
    rows, columns = np.mgrid[0:90, 0:160]
    pictures = [
        np.stack([(columns + 3 * n) % 256, rows * 2 + n, 200 - columns // 2], axis=-1).astype(np.uint8)
        for n in range(8)
    ]
    source = make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0", matrix=0)
    sizes = []
    for quality, worst in (("high", 34), ("medium", 33), ("low", 28)):
        through(source, tmp_path / "out.gif", quality=quality)
        sizes.append((tmp_path / "out.gif").stat().st_size)
        for got, expected in zip(shown(tmp_path / "out.gif")[0], pictures, strict=True):
            assert 10 * np.log10(255**2 / np.mean((got.astype(float) - expected) ** 2)) > worst
    assert sizes[0] > sizes[2]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (2, 1), (7, 5), (97, 65)])
def test_any_size_is_kept(tmp_path: Path, width: int, height: int) -> None:
    picture = np.full((height, width, 3), (180, 90, 60), np.uint8)
    source = make_clip(tmp_path / "in.mkv", [picture, 255 - picture, picture], codec="ffv1", pix_fmt="bgr0")
    assert through(source, tmp_path / "out.gif").notes == []
    for got, expected in zip(shown(tmp_path / "out.gif")[0], [picture, 255 - picture, picture], strict=True):
        assert got.shape == expected.shape
        assert np.abs(got.astype(int) - expected).max() <= 1


def test_pictures_that_do_not_change_are_all_kept(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", [numbered(7)] * 10)
    through(source, tmp_path / "out.gif")
    pictures, delays = shown(tmp_path / "out.gif")
    assert delays == [40] * 10
    assert [number_of(picture) for picture in pictures] == [7] * 10


def test_a_part_of_a_video_with_a_single_picture(tmp_path: Path) -> None:
    through(make_clip(tmp_path / "in.mp4", 1), tmp_path / "out.gif")
    with Image.open(tmp_path / "out.gif") as image:
        assert number_of(np.array(image.convert("RGB"))) == 0


def test_what_a_gif_does_not_hold_is_noted(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mkv",
        25,
        audio=[{"seconds": 1}],
        subtitles=[{"codec": "subrip", "lines": [(0.1, 0.5, "a")]}],
        metadata={"title": "A film"},
        chapters=[{"id": 1, "start": 0, "end": 500, "time_base": Fraction(1, 1000), "metadata": {}}],
    )
    notes = through(source, tmp_path / "out.gif").notes
    assert notes[:2] == [
        "sound 1 (aac) was dropped: gif holds pictures only",
        "subtitles 1 (subrip) was dropped: gif holds pictures only",
    ]
    assert "metadata that gif does not keep: title" in notes[2].lower()
    assert notes[3] == "1 chapter was lost"


def test_limits_are_reported_before_any_work() -> None:
    size: Any = {"width": 320, "height": 240}
    check_limits(GIF, quality="high", duration_s=GIF.max_duration_s, **size)
    check_limits(MP4, quality="lossless", duration_s=36_000, **size)
    with pytest.raises(BadRequest, match=r"a gif of 600 s is too long: at most 60 s .* or mp4 or webm"):
        check_limits(GIF, quality="high", duration_s=600, **size)
    with pytest.raises(BadRequest, match=r"lossless is not for gif.*choose high, medium or low"):
        check_limits(GIF, quality="lossless", **size)
    check_limits(GIF, quality="high", width=1080, height=1920)
    with pytest.raises(BadRequest, match="2160x1080 is too large: at most 2073600 pixels"):
        check_limits(GIF, quality="high", width=2160, height=1080)


def write_for(source: Path, output: Path, seconds: int) -> VideoWriter:
    """Write one picture a second."""
    info = probe(source)
    with VideoWriter(output, source=source, info=info, width=96, height=64) as writer:
        for n in range(seconds):
            writer.write(Frame(index=n, pts=round(n / info.time_base), pixels=plain((n, 0, 0))))
        writer.finish()
    return writer


def test_a_long_gif_is_noted_and_one_that_is_too_long_stops(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 2, rate=1)
    assert write_for(source, tmp_path / "out.gif", 15).notes == []
    [note] = write_for(source, tmp_path / "out.gif", 60).notes
    assert note == "a gif of 60 s is large: as mp4 or webm it would be a small part of that"
    with pytest.raises(BadRequest, match="too long: at most 60 s"):
        write_for(source, tmp_path / "out.gif", 100)
