"""Tests that audio, captions and chapters are trimmed to match the pictures."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import numpy as np
import pytest

from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.writer import VideoWriter
from tests.support.playback import IN_SYNC_S, beeps, flashes, sound
from tools.fixtures.clip_streams import jpeg
from tools.fixtures.clips import flashing, make_clip, number_of

if TYPE_CHECKING:
    from tests.conftest import WrittenOnce


def cut(source: Path, output: Path, start: float | None, end: float | None, **options: Any) -> VideoWriter:
    info = probe(source)
    span: Any = {
        "start_s": None if start is None else Fraction(start),
        "end_s": None if end is None else Fraction(end),
    }
    with (
        VideoReader(source, info, **span) as reader,
        VideoWriter(
            output, source=source, info=info, width=info.width, height=info.height, **span, **options
        ) as writer,
    ):
        for frame in reader.frames():
            writer.write(frame)
        writer.finish()
    assert writer.frames == reader.frames_read
    return writer


@pytest.mark.parametrize(
    "spans",
    [
        [(0.0, 2.5), (1.37, None), (1.993, 4.06)],
        pytest.param([(0.99, 3.2), (2.513, 4.7)], marks=pytest.mark.slow),
    ],
    ids=["first", "more"],
)
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize(
    ("source", "codec", "rate"),
    [
        ("mp4", "aac", 48_000),
        ("mp4", "aac", 22_050),
        ("mov", "pcm_s16le", 48_000),
        ("mkv", "aac", 44_100),
        ("mkv", "libopus", 48_000),
        ("mkv", "flac", 48_000),
        ("mkv", "ac3", 48_000),
        ("ts", "aac", 44_100),
        ("ts", "libmp3lame", 44_100),
        ("avi", "pcm_s16le", 44_100),
    ],
)
def test_beeps_stay_on_their_flashes(
    tmp_path: Path,
    written_once: WrittenOnce,
    source: str,
    codec: str,
    rate: int,
    suffix: str,
    spans: list[tuple[float, float | None]],
) -> None:
    path = written_once(
        f"beeps-{codec}-{rate}.{source}",
        lambda path: make_clip(
            path,
            flashing(125, 25),
            codec="mpeg4" if source == "avi" else "libx264",
            options={"g": "30"},
            audio=[{"seconds": 5, "codec": codec, "rate": rate, "beeps": True}],
        ),
    )
    in_source = beeps(path)[2] - flashes(path)[2]
    for start, end in spans:
        cut(path, tmp_path / f"out.{suffix}", start, end)
        seen, heard = flashes(tmp_path / f"out.{suffix}"), beeps(tmp_path / f"out.{suffix}")
        # Sound that is cut in the middle of a beep may fade in.
        seen = [flash for flash in seen if flash > 0.1]
        heard = [beep for beep in heard if beep > 0.1]
        assert len(seen) >= 2
        for flash, beep in zip(seen, heard, strict=True):
            assert abs(beep - flash - in_source) <= IN_SYNC_S


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize(
    ("source", "codec"), [("mp4", "aac"), ("mkv", "aac"), ("mkv", "libopus"), ("mov", "pcm_s16le")]
)
def test_sound_begins_and_ends_with_the_pictures(
    tmp_path: Path, written_once: WrittenOnce, source: str, codec: str, suffix: str
) -> None:
    path = written_once(
        f"sound-{codec}.{source}",
        lambda path: make_clip(path, 125, audio=[{"seconds": 5, "codec": codec}]),
    )
    out = tmp_path / f"out.{suffix}"
    for start, end, shown in [(1.2, 3.4, 2.2), (0.77, 4.013, 3.28), (2.0, 2.04, 0.04)]:
        writer = cut(path, out, start, end)
        assert writer.duration_s == pytest.approx(shown)
        first, samples, rate = sound(out)
        assert abs(first) <= IN_SYNC_S
        assert abs(first + len(samples) / rate - shown) <= IN_SYNC_S
        with av.open(str(out)) as container:
            times = [frame.time for frame in container.decode(video=0)]
        assert times[0] == 0
        assert times == pytest.approx([number / 25 for number in range(len(times))])


def test_sound_that_is_transcoded_is_cut_to_the_sample(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "in.ogv",
        125,
        codec="libx264",
        container="matroska",
        audio=[{"seconds": 5, "codec": "libopus"}],
    )
    writer = cut(path, tmp_path / "out.mov", 1.013, 3.02)
    assert any("and is" in note for note in writer.notes)
    first, samples, rate = sound(tmp_path / "out.mov")
    assert abs(first) < 0.001
    assert abs(len(samples) / rate - 2.04) <= IN_SYNC_S  # AAC comes in packets


def test_copied_sound_stays_the_same_packets(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", 125, audio=[{"seconds": 5}])
    cut(path, tmp_path / "out.mp4", 1.5, 3)
    with av.open(str(path)) as a, av.open(str(tmp_path / "out.mp4")) as b:
        source = [bytes(packet) for packet in a.demux(audio=0) if packet.size]
        output = [bytes(packet) for packet in b.demux(audio=0) if packet.size]
    place = source.index(output[3]) - 3
    assert source[place : place + len(output)] == output
    assert 1.5 / 0.02133 < len(output) < 1.65 / 0.02133


def captions(path: Path) -> list[tuple[float, float, str]]:
    made: list[tuple[float, float, str]] = []
    with av.open(str(path)) as container:
        for packet in container.demux(subtitles=0):
            if packet.size and packet.pts is not None and packet.duration:
                text = bytes(packet).decode(errors="replace")[-1]
                if text.isalpha():
                    start = float(packet.pts * packet.time_base)
                    made.append(
                        (round(start, 2), round(start + float(packet.duration * packet.time_base), 2), text)
                    )
    return made


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
@pytest.mark.parametrize(("source", "codec"), [("mkv", "subrip"), ("mp4", "mov_text")])
def test_captions_are_shifted_and_cut(tmp_path: Path, source: str, codec: str, suffix: str) -> None:
    lines = [(0.2, 0.8, "a"), (1.0, 2.4, "b"), (2.5, 3.0, "c"), (3.5, 4.6, "d"), (4.7, 4.9, "e")]
    path = make_clip(tmp_path / f"in.{source}", 125, subtitles=[{"codec": codec, "lines": lines}])
    cut(path, tmp_path / f"out.{suffix}", 2, 4)
    assert captions(tmp_path / f"out.{suffix}") == [(0, 0.4, "b"), (0.5, 1.0, "c"), (1.5, 2.0, "d")]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_chapters_are_shifted_and_cut(tmp_path: Path, suffix: str) -> None:
    chapters: list[Any] = [
        {
            "id": n,
            "start": n * 1500,
            "end": (n + 1) * 1500,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": t},
        }
        for n, t in enumerate("abc")
    ]
    path = make_clip(tmp_path / "in.mkv", 125, chapters=chapters)
    writer = cut(path, tmp_path / f"out.{suffix}", 1.6, 4)
    assert not any("chapter" in note for note in writer.notes)
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        made = container.chapters()
    assert [chapter["metadata"]["title"] for chapter in made] == ["b", "c"]
    edges = [
        float(chapter[edge] * (chapter["time_base"] or 0)) for chapter in made for edge in ("start", "end")
    ]
    assert edges == pytest.approx([0, 1.4, 1.4, 2.4])


def test_a_cover_and_the_sound_far_into_a_file_are_kept(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "in.mp4",
        1000,
        options={"preset": "ultrafast"},
        audio=[{"seconds": 40, "beeps": True}],
        cover=True,
    )
    cut(path, tmp_path / "out.mp4", 35.5, 37.5)
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert [bytes(p) for p in container.demux(container.streams.video[1]) if p.size] == [jpeg()]
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert number_of(next(container.decode(video=0)).to_rgb().to_ndarray().astype(np.uint8)) == 887
    assert beeps(tmp_path / "out.mp4") == pytest.approx([0.52, 1.52], abs=IN_SYNC_S)


def test_a_time_code_is_left_out_and_noted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mov", 50, video_metadata={"timecode": "01:00:00:00"})
    writer = cut(path, tmp_path / "out.mov", 1, None)
    assert "the time code 01:00:00:00 was left out: it counts from the start of the source" in writer.notes
    with av.open(str(tmp_path / "out.mov")) as container:
        assert "timecode" not in container.streams.video[0].metadata


def test_a_span_with_an_end_alone_keeps_the_times_of_the_source(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "in.mp4", 50, pts=list(range(10, 60)), time_base=Fraction(1, 25), audio=[{"seconds": 3}]
    )
    cut(path, tmp_path / "out.mp4", None, 1)
    assert probe(tmp_path / "out.mp4").frames == 15
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert next(container.decode(video=0)).time == pytest.approx(0.4)
    first, samples, rate = sound(tmp_path / "out.mp4")
    assert abs(first + len(samples) / rate - 1) <= IN_SYNC_S
