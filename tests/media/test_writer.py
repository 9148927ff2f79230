"""Tests that a written file has every frame at its time, and the other streams and tags of the source."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadRequest, DiskFull, EncodeFailed, OutputPathRefused
from orchestrator.frames import Frame
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write import encoder_selection as encoder
from orchestrator.media.write.writer import VideoWriter
from orchestrator.media_containers import MKV, MP4, MediaContainer, container_for
from tools.fixtures.clips import make_clip, number_of, numbered

SHARED = Path(__file__).parents[3] / "shared" / "real" / "media"
MICROSECOND = Fraction(1, 90_000)


def through(source: Path, output: Path, *, scale: int = 1, **options: Any) -> VideoWriter:
    """Write the video again, each pixel `scale` times as large."""
    info = probe(source)
    width, height = info.width * scale, info.height * scale
    with (
        VideoReader(source, info) as reader,
        VideoWriter(output, source=source, info=info, width=width, height=height, **options) as writer,
    ):
        for frame in reader.frames():
            writer.write(replace(frame, pixels=np.repeat(np.repeat(frame.pixels, scale, 0), scale, 1)))
        writer.finish()
    assert writer.frames == reader.frames_read
    return writer


def times(path: Path) -> list[Fraction]:
    """When each picture is shown, in seconds, by PyAV alone."""
    with av.open(str(path)) as container:
        tick = container.streams.video[0].time_base
        assert tick is not None
        return [frame.pts * tick for frame in container.decode(video=0) if frame.pts is not None]


def packets(path: Path, kind: str, index: int = 0) -> list[bytes]:
    with av.open(str(path)) as container:
        stream = [stream for stream in container.streams if stream.type == kind][index]
        return [bytes(packet) for packet in container.demux(stream) if packet.size]


def streams(path: Path) -> list[tuple[str, str | None, str | None]]:
    with av.open(str(path)) as container:
        return [(s.type, s.codec_context.name, s.language) for s in container.streams if s.codec_context]


# --- time


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("source", ["mp4", "mkv", "ts", "avi"])
def test_every_picture_is_written_at_its_time(tmp_path: Path, source: str, suffix: str) -> None:
    path = make_clip(tmp_path / f"in.{source}", 40, codec="mpeg4" if source == "avi" else "libx264")
    writer = through(path, tmp_path / f"out.{suffix}", scale=2)
    start_s = times(path)[0] if source == "ts" else 0  # its clock starts at any moment
    assert times(tmp_path / f"out.{suffix}") == [time_s - start_s for time_s in times(path)]
    assert writer.duration_s == pytest.approx(1.6)
    with VideoReader(tmp_path / f"out.{suffix}", probe(tmp_path / f"out.{suffix}")) as reader:
        assert [number_of(frame.pixels) for frame in reader.frames()] == list(range(40))


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    gaps=st.lists(st.integers(1, 200_000), min_size=1, max_size=30),
    last=st.integers(1, 200_000),
    suffix=st.sampled_from(["mp4", "mov"]),
)
def test_any_variable_frame_rate_is_kept_exactly_and_the_last_picture_as_long(
    tmp_path: Path, gaps: list[int], last: int, suffix: str
) -> None:
    pts = [sum(gaps[:n]) for n in range(len(gaps) + 1)]
    source = make_clip(
        tmp_path / "in.mp4",
        len(pts),
        pts=pts,
        time_base=MICROSECOND,
        last_duration=last,
        options={"bf": "0", "preset": "ultrafast"},
    )
    writer = through(source, tmp_path / f"out.{suffix}")
    assert times(tmp_path / f"out.{suffix}") == [p * MICROSECOND for p in pts]
    length_s = float((pts[-1] + last) * MICROSECOND)
    assert writer.duration_s == pytest.approx(length_s)
    usual_s = length_s / len(pts)
    assert probe(tmp_path / f"out.{suffix}").duration_s == pytest.approx(length_s, abs=usual_s)


@pytest.mark.parametrize("suffix", ["mkv", "webm"])
def test_matroska_and_webm_keep_variable_times_to_their_millisecond(tmp_path: Path, suffix: str) -> None:
    pts = [0, 1000, 1500, 7000, 7100, 20_000, 40_000, 90_000]
    source = make_clip(tmp_path / "in.mp4", len(pts), pts=pts, time_base=MICROSECOND)
    through(source, tmp_path / f"out.{suffix}")
    for got, wanted in zip(times(tmp_path / f"out.{suffix}"), pts, strict=True):
        assert abs(got - wanted * MICROSECOND) <= Fraction(1, 2000)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("codec", ["aac", "ac3", "libopus"])
def test_a_picture_that_starts_late_stays_late_against_the_sound(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        40,
        pts=list(range(30, 70)),
        time_base=Fraction(1, 25),
        audio=[{"seconds": 2.5, "codec": codec}],
    )
    through(source, tmp_path / f"out.{suffix}")
    assert times(tmp_path / f"out.{suffix}") == times(source)
    # An encoder's run-in before zero cannot be kept in Matroska: the first packet fades in.
    lost_s = 0.012 if suffix in {"mkv", "webm"} else 0.001
    assert _onset_s(tmp_path / f"out.{suffix}") == pytest.approx(_onset_s(source), abs=lost_s)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_a_transport_stream_in_the_middle_of_its_clock_starts_at_zero_in_sync(
    tmp_path: Path, suffix: str
) -> None:
    pts = [90_000 * 3600 + 3600 * n for n in range(40)]
    source = make_clip(
        tmp_path / "in.ts", 40, pts=pts, time_base=MICROSECOND, audio=[{"seconds": 1, "start": 3600.4}]
    )
    writer = through(source, tmp_path / f"out.{suffix}")
    assert any("clock starts at 3600" in note for note in writer.notes)
    before, after = times(source), times(tmp_path / f"out.{suffix}")
    assert after[0] == 0
    assert [time - before[0] for time in before] == after
    sound_s = _onset_s(source) - float(before[0])
    assert _onset_s(tmp_path / f"out.{suffix}") == pytest.approx(sound_s, abs=0.003)


def _onset_s(path: Path, index: int = 0) -> float:
    """When the tone becomes audible, in seconds."""
    with av.open(str(path)) as container:
        stream = container.streams.audio[index]
        for frame in container.decode(stream):
            resampled = av.AudioResampler("flt", "mono").resample(frame)[0].to_ndarray().ravel()
            loud = np.flatnonzero(np.abs(resampled) > 0.1)
            if len(loud) and frame.time is not None:
                return frame.time + float(loud[0]) / frame.sample_rate
    return math.nan


# --- sound


@pytest.mark.parametrize(
    ("suffix", "codec"),
    [
        ("mp4", "aac"),
        ("mp4", "libopus"),
        ("mov", "pcm_s16le"),
        ("mkv", "aac"),
        ("mkv", "flac"),
        ("mkv", "libopus"),
        ("webm", "libopus"),
    ],
)
def test_sound_that_the_container_takes_is_copied_to_the_byte(
    tmp_path: Path, suffix: str, codec: str
) -> None:
    video = "libvpx-vp9" if suffix == "webm" else "libx264"
    source = make_clip(tmp_path / f"in.{suffix}", 50, codec=video, audio=[{"seconds": 2, "codec": codec}])
    writer = through(source, tmp_path / f"out.{suffix}")
    assert packets(tmp_path / f"out.{suffix}", "audio") == packets(source, "audio")
    assert writer.notes == []


@pytest.mark.parametrize(
    ("source", "suffix", "track"),
    [
        ("in.mov", "mp4", {"codec": "pcm_mulaw", "rate": 8000, "layout": "mono"}),
        ("in.mkv", "mov", {"codec": "libopus"}),
        ("in.mkv", "mov", {"codec": "flac", "layout": "5.1"}),
        ("in.avi", "mkv", {"codec": "adpcm_ms", "rate": 22_050}),
        ("in.mkv", "mp4", {"codec": "pcm_s24le", "layout": "5.1"}),
        ("in.mkv", "mov", {"codec": "wavpack", "rate": 37_800}),
        ("in.mp4", "webm", {"codec": "aac", "rate": 22_050, "layout": "mono"}),
        ("in.mkv", "webm", {"codec": "flac", "layout": "5.1"}),
    ],
)
def test_other_sound_is_transcoded_in_time_and_noted(
    tmp_path: Path, source: str, suffix: str, track: dict[str, Any]
) -> None:
    path = make_clip(
        tmp_path / source,
        100,
        codec="mpeg4",
        audio=[{"seconds": 2, "start": 1.0, "language": "fra", **track}],
    )
    writer = through(path, tmp_path / f"out.{suffix}")
    codec = "opus" if suffix == "webm" else "aac"
    assert any(f"and is {codec}" in note for note in writer.notes)
    assert ("audio", codec) in [stream[:2] for stream in streams(tmp_path / f"out.{suffix}")]
    assert _onset_s(tmp_path / f"out.{suffix}") == pytest.approx(_onset_s(path), abs=0.005)
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        sound = container.streams.audio[0]
        assert sound.codec_context.layout.name == track.get("layout", "stereo")
        samples = sum(frame.samples for frame in container.decode(sound))
    assert samples / sound.codec_context.sample_rate == pytest.approx(2, abs=0.2)


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_every_sound_track_is_kept_with_its_language_title_and_disposition(
    tmp_path: Path, suffix: str
) -> None:
    commentary = av.stream.Disposition.comment
    source = make_clip(
        tmp_path / "in.mkv",
        50,
        audio=[
            {"seconds": 2, "language": "eng", "disposition": av.stream.Disposition.default},
            {"seconds": 2, "language": "fra", "codec": "ac3", "layout": "5.1", "hz": 880},
            {"seconds": 2, "language": "deu", "title": "Director", "disposition": commentary},
        ],
    )
    through(source, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        sound = container.streams.audio
        assert [stream.language for stream in sound] == ["eng", "fra", "deu"]
        assert [stream.codec_context.name for stream in sound] == ["aac", "ac3", "aac"]
        assert "Director" in sound[2].metadata.values()
        assert sound[2].disposition & commentary


def test_sound_is_written_along_with_the_pictures_not_before_or_after(tmp_path: Path) -> None:
    """Sound must neither pile up in memory nor at one end of the file."""
    source = make_clip(
        tmp_path / "in.mkv",
        200,
        rate=1,
        options={"preset": "ultrafast"},
        audio=[{"seconds": 200, "codec": "pcm_s16le", "rate": 24_000}],
    )
    info = probe(source)
    output = tmp_path / "out.mkv"
    sizes = []
    with (
        VideoReader(source, info) as reader,
        VideoWriter(output, source=source, info=info, width=96, height=64) as writer,
    ):
        for frame in reader.frames():
            writer.write(frame)
            sizes.append(output.stat().st_size if output.exists() else 0)
        writer.finish()
    total = output.stat().st_size
    for at in (80, 120, 160):
        assert at / 200 - 0.25 < sizes[at] / total < at / 200 + 0.05
    with av.open(str(output)) as container:
        seen = {"video": 0.0, "audio": 0.0}
        for packet in container.demux():
            if packet.pts is not None:
                seen[packet.stream.type] = float(packet.pts * packet.time_base)
                assert seen["audio"] - seen["video"] < 3


def test_sound_longer_than_the_pictures_is_kept_whole(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 10, audio=[{"seconds": 5}])
    through(source, tmp_path / "out.mp4")
    assert packets(tmp_path / "out.mp4", "audio") == packets(source, "audio")


# --- everything else

LINES = [(0.2, 0.8, "Hello"), (1.0, 1.5, "two\nlines"), (4.0, 4.5, "late")]


def _captions(path: Path) -> list[tuple[float, str]]:
    with av.open(str(path)) as container:
        stream = container.streams.subtitles[0]
        found = []
        for packet in container.demux(stream):
            captions = stream.decode2(packet) if packet.size and packet.pts is not None else None
            for caption in captions or ():
                assert isinstance(caption, av.subtitles.subtitle.AssSubtitle)
                text = caption.dialogue.decode()
                if text and packet.pts is not None:
                    found.append((float(packet.pts * packet.time_base), text))
        return found


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize(
    ("source", "codec"), [("in.mkv", "subrip"), ("in.mkv", "ass"), ("in.mp4", "mov_text")]
)
def test_subtitles_are_kept_or_converted(tmp_path: Path, source: str, codec: str, suffix: str) -> None:
    path = make_clip(
        tmp_path / source,
        125,
        subtitles=[{"codec": codec, "lines": LINES, "language": "eng"}],
        audio=[{"seconds": 5}],
    )
    writer = through(path, tmp_path / f"out.{suffix}")
    assert _captions(tmp_path / f"out.{suffix}") == [(start, text) for start, _, text in LINES]
    assert ("subtitle", "eng") in [
        (kind, language) for kind, _, language in streams(tmp_path / f"out.{suffix}")
    ]
    converted = suffix == "webm" or (codec == "mov_text") != (suffix != "mkv")
    assert any("styling may be lost" in note for note in writer.notes) is converted


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm"])
@pytest.mark.parametrize("source", ["in.mp4", "in.mkv"])
def test_chapters_and_metadata_are_kept(tmp_path: Path, source: str, suffix: str) -> None:
    chapters: list[Any] = [
        {"id": 1, "start": 0, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
        {"id": 2, "start": 800, "end": 2000, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
    ]
    path = make_clip(
        tmp_path / source,
        50,
        chapters=chapters,
        metadata={"title": "A film", "artist": "Somebody", "comment": "é"},
    )
    writer = through(path, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        found = [
            (c["start"] * (c["time_base"] or 0), c["end"] * (c["time_base"] or 0), c["metadata"]["title"])
            for c in container.chapters()
        ]
        metadata = {key.lower(): value for key, value in container.metadata.items()}
    assert found == [(0, Fraction(4, 5), "One"), (Fraction(4, 5), 2, "Two")]
    assert metadata["title"] == "A film"
    assert metadata["artist"] == "Somebody"
    assert metadata["comment"] == "é"
    assert writer.notes == []


def test_metadata_that_the_container_does_not_keep_is_noted(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", 2, metadata={"projector": "Bauer"})
    assert any("PROJECTOR" in note for note in through(source, tmp_path / "out.mp4").notes)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_the_shape_of_a_pixel_is_kept(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mp4", 3, aspect=Fraction(16, 11))
    through(source, tmp_path / f"out.{suffix}", scale=4)
    assert probe(tmp_path / f"out.{suffix}").sample_aspect_ratio == Fraction(16, 11)


def test_a_turned_source_is_written_upright_with_its_pixels_turned(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 3, rotation=90, aspect=Fraction(4, 3))
    through(source, tmp_path / "out.mp4")
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.rotation) == (64, 96, 0)
    assert info.sample_aspect_ratio == Fraction(3, 4)


@pytest.mark.parametrize(
    ("source", "suffix", "kept"),
    [
        ("in.mp4", "mp4", True),
        ("in.mkv", "mkv", True),
        ("in.mkv", "mp4", True),
        ("in.mp4", "mkv", True),
        ("in.mp4", "mov", False),
        ("in.mp4", "webm", False),
    ],
)
def test_a_cover_picture_is_kept_or_noted(tmp_path: Path, source: str, suffix: str, *, kept: bool) -> None:
    path = make_clip(tmp_path / source, 3, cover=True)
    writer = through(path, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        covers = [s for s in container.streams.video if s.disposition & av.stream.Disposition.attached_pic]
        assert len(covers) == int(kept)
    assert any("was dropped" in note for note in writer.notes) is not kept
    if kept:
        assert packets(tmp_path / f"out.{suffix}", "video", 1) == packets(path, "video", 1)


def test_attachments_stay_in_matroska_and_are_noted_elsewhere(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", 3, attachment=("font.ttf", "font/ttf", b"glyphs"))
    assert through(source, tmp_path / "out.mkv").notes == []
    with av.open(str(tmp_path / "out.mkv")) as container:
        [font] = container.streams.attachments
        assert (font.name, font.mimetype, font.data) == ("font.ttf", "font/ttf", b"glyphs")
    assert any(
        "font.ttf" in note and "dropped" in note for note in through(source, tmp_path / "out.mp4").notes
    )


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_a_time_code_is_kept(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mov", 25, video_metadata={"timecode": "01:02:03:04"})
    writer = through(source, tmp_path / f"out.{suffix}")
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        assert container.streams.video[0].metadata["timecode"] == "01:02:03:04"
    assert writer.notes == []


def test_a_second_video_stream_is_noted(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mkv"), "w") as output:
        pair = [output.add_stream("libx264", rate=25, width=96, height=64) for _ in range(2)]
        for stream in pair:
            assert isinstance(stream, av.VideoStream)
            frame = av.VideoFrame.from_ndarray(numbered(5), "rgb24").reformat(format="yuv420p")
            frame.pts = 0
            output.mux([*stream.encode(frame), *stream.encode(None)])
    assert any(
        "video 1 (h264) was dropped" in n for n in through(tmp_path / "in.mkv", tmp_path / "out.mp4").notes
    )


# --- encoding


@pytest.mark.parametrize(
    ("width", "height", "expected"),
    [
        (96, 64, "libx264"),
        (4096, 2304, "libx264"),
        (2304, 4096, "libx264"),
        (4098, 2304, "libx265"),
        (4096, 2320, "libx265"),
        (8192, 4320, "libx265"),
        (5000, 20, "libx264"),
    ],
)
def test_h264_up_to_4096_and_its_level_hevc_above(width: int, height: int, expected: str) -> None:
    if encoder.probe_nvenc("h264_nvenc"):
        expected = {"libx264": "h264_nvenc", "libx265": "hevc_nvenc"}[expected] if height > 160 else expected
    assert encoder.choose(MP4, width=width, height=height, quality="high").encoder == expected


@pytest.mark.slow
def test_a_picture_wider_than_4096_is_written_as_hevc(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", [numbered(n, 128, 64) for n in range(3)])
    assert through(source, tmp_path / "out.mp4", scale=40).encoder in {"libx265", "hevc_nvenc"}
    info = probe(tmp_path / "out.mp4")
    assert (info.codec, info.width, info.height) == ("hevc", 5120, 2560)
    assert times(tmp_path / "out.mp4") == times(source)


def test_a_picture_larger_than_any_encoder_takes_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 1)
    with pytest.raises(BadRequest, match="20000x64"):
        VideoWriter(tmp_path / "out.mp4", source=source, info=probe(source), width=20_000, height=64)


@pytest.mark.parametrize(
    ("width", "height", "scale"), [(1, 1, 4), (7, 5, 4), (1, 1, 1), (7, 5, 1), (7, 6, 1), (3, 2, 2)]
)
@pytest.mark.parametrize("suffix", ["mp4", "mkv", "webm"])
def test_the_smallest_and_odd_pictures_are_written(
    tmp_path: Path, width: int, height: int, scale: int, suffix: str
) -> None:
    picture = np.full((height, width, 3), (180, 90, 60), np.uint8)
    source = make_clip(tmp_path / "in.mkv", [picture] * 3, codec="ffv1", pix_fmt="bgr0")
    writer = through(source, tmp_path / f"out.{suffix}", scale=scale)
    info = probe(tmp_path / f"out.{suffix}")
    out_width, out_height = width * scale, height * scale
    assert (info.width, info.height) == (out_width + out_width % 2, out_height + out_height % 2)
    odd = bool(out_width % 2 or out_height % 2)
    assert any("even sizes" in note for note in writer.notes) is odd
    with VideoReader(tmp_path / f"out.{suffix}", info) as reader:
        frames = [frame.pixels for frame in reader.frames()]
    assert len(frames) == 3
    assert np.abs(frames[0].astype(int) - (180, 90, 60)).max() <= 6


def test_quality_trades_bytes(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    pictures = [random.integers(0, 255, (64, 96, 3), np.uint8) for _ in range(10)]
    source = make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    sizes = []
    for quality in ("high", "medium", "low"):
        through(source, tmp_path / "out.mp4", quality=quality)
        sizes.append((tmp_path / "out.mp4").stat().st_size)
    assert sizes[0] > sizes[1] * 1.2 > sizes[2] * 1.4


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_the_index_comes_before_the_samples(tmp_path: Path, suffix: str) -> None:
    through(make_clip(tmp_path / "in.mp4", 10, audio=[{"seconds": 1}]), tmp_path / f"out.{suffix}")
    data = (tmp_path / f"out.{suffix}").read_bytes()
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_picture_format_is_the_one_that_players_take(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", 3, codec="ffv1", pix_fmt="yuv444p10le")
    through(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        assert container.streams.video[0].pix_fmt == "yuv420p"


# --- failures


@pytest.mark.parametrize(
    "name", ["out.mp4", "OUT.MP4", "out.m4v", "out.mov", "out.mkv", "out.webm", "out.gif"]
)
def test_these_outputs_can_be_written(name: str) -> None:
    assert container_for(Path(name))


@pytest.mark.parametrize("name", ["out", "out.wmv", "out.avi", "out.mp4.txt", "mp4"])
def test_another_suffix_is_refused_and_says_which_there_are(name: str) -> None:
    with pytest.raises(OutputPathRefused, match=r"ends in \.mp4, \.m4v, \.mov, \.webm, \.mkv or \.gif$"):
        container_for(Path(name))


@pytest.mark.parametrize("container", [MP4, MKV], ids=["mp4", "mkv"])
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the device that is always full is not here")
def test_a_full_disk_is_reported_as_such(tmp_path: Path, container: MediaContainer) -> None:
    source = make_clip(tmp_path / "in.mp4", 30)
    with pytest.raises(DiskFull, match="no space is left"):
        through(source, Path("/dev/full"), scale=4, container=container)


def test_a_folder_that_is_not_there_is_an_error_of_ours(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 3)
    with pytest.raises(EncodeFailed) as caught:
        through(source, tmp_path / "none" / "out.mp4")
    assert "\n" not in str(caught.value)


def test_a_frame_of_another_size_is_refused(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 3)
    with (
        VideoWriter(tmp_path / "out.mp4", source=source, info=probe(source), width=96, height=64) as writer,
        pytest.raises(EncodeFailed, match="48x32, not 96x64"),
    ):
        writer.write(Frame(index=0, pts=0, pixels=numbered(0, 48, 32)))


def test_a_writer_that_is_left_early_closes_its_files(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 30, audio=[{"seconds": 1}])
    writer = VideoWriter(tmp_path / "out.mp4", source=source, info=probe(source), width=96, height=64)

    class StoppedError(Exception):
        pass

    with pytest.raises(StoppedError), writer:
        writer.write(Frame(index=0, pts=0, pixels=numbered(0)))
        raise StoppedError
    held = [link.readlink() for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
    assert not [path for path in held if tmp_path in path.parents]


@pytest.mark.slow
@pytest.mark.skipif(not SHARED.is_dir(), reason="the real clips are not here")
def test_a_real_clip_keeps_every_time_and_its_sound(tmp_path: Path) -> None:
    source = SHARED / "onepiece_demo.mp4"
    writer = through(source, tmp_path / "out.mp4", scale=2)
    assert writer.frames == 181
    assert times(tmp_path / "out.mp4") == times(source)
    assert packets(tmp_path / "out.mp4", "audio") == packets(source, "audio")
    before, after = probe(source), probe(tmp_path / "out.mp4")
    assert after.duration_s == pytest.approx(before.duration_s or 0, abs=0.001)
    assert writer.notes == []
