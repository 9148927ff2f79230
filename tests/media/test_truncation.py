"""Tests that truncated files are detected, and whole files accepted, whatever their headers claim."""

from __future__ import annotations

import struct
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image

from orchestrator.errors import BadMedia
from orchestrator.frames import Frame
from orchestrator.media.read.missing_bytes import missing_bytes
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from tests.media.test_formats import through
from tools.fixtures.clips import make_clip, number_of, numbered, truncate

CASES = Path(__file__).parents[3] / "shared" / "cases"
MILLISECOND = Fraction(1, 1000)

CLIPS: dict[str, dict[str, Any]] = {
    "a.mkv": {"audio": [{"seconds": 4}]},
    "a.webm": {"codec": "libvpx-vp9"},
    "a.avi": {"codec": "mjpeg", "pix_fmt": "yuvj420p"},
    "a.flv": {"audio": [{"seconds": 4}]},
    "a.mxf": {"codec": "mpeg2video"},
    "a.wmv": {"codec": "wmv2"},
    "a.ogg": {"codec": "libvpx"},
    "a.mp4": {"audio": [{"seconds": 4}]},
    "a.mov": {"container_options": {"movflags": "faststart"}},
    "fragments.mp4": {"container_options": {"movflags": "frag_keyframe+empty_moov"}, "options": {"g": "10"}},
}


class Pipe:
    """Behaves like a pipe: a program that writes into it cannot go back and fill in sizes."""

    def __init__(self) -> None:
        self.written = bytearray()

    def write(self, data: bytes) -> int:
        self.written += data
        return len(data)


def piped(path: Path, source: Path, container: str) -> Path:
    """Copy a video to `path` as if through a pipe."""
    pipe = Pipe()
    with av.open(str(source)) as reading, av.open(pipe, "w", format=container) as output:
        streams = {s.index: output.add_stream_from_template(s) for s in reading.streams}
        for packet in reading.demux():
            if packet.size:
                packet.stream = streams[packet.stream.index]
                output.mux(packet)
    path.write_bytes(pipe.written)
    return path


def live(folder: Path, suffix: str) -> Path:
    """Make a recording of 30 pictures that was written into a pipe."""
    codec = {"avi": "mpeg4", "webm": "libvpx-vp9", "wmv": "wmv2"}.get(suffix, "libx264")
    container = {"mkv": "matroska", "wmv": "asf"}.get(suffix, suffix)
    options = {"g": "10", "bf": "0"} if codec == "libx264" else {"g": "10"}
    sounds: dict[str, list[dict[str, Any]]] = {
        "avi": [{"seconds": 1.2, "codec": "mp3"}],
        "mkv": [{"seconds": 1.2}],
    }
    between = {"avi": "avi", "wmv": "wmv", "webm": "webm"}.get(suffix, "mkv")
    source = make_clip(
        folder / f"between.{between}", 30, codec=codec, options=options, audio=sounds.get(suffix, [])
    )
    return piped(folder / f"live.{suffix}", source, container)


def patch(path: Path, before: bytes, value: bytes) -> Path:
    """Write `value` after the only occurrence of `before`."""
    data = bytearray(path.read_bytes())
    assert data.count(before) == 1
    place = data.index(before) + len(before)
    data[place : place + len(value)] = value
    path.write_bytes(data)
    return path


def read(path: Path) -> tuple[list[Frame], list[str], float]:
    """Return the pictures, the notes, and when the last one ends, in seconds."""
    info = probe(path)
    with VideoReader(path, info, threads=1) as reader:
        frames = list(reader.frames())
        end_s = float((frames[-1].pts + frames[-1].duration) * info.time_base)
        return frames, [*info.notes, *reader.notes], end_s


def assert_numbered(frames: list[Frame], count: int) -> None:
    assert [number_of(frame.pixels) for frame in frames] == list(range(count))


@pytest.mark.parametrize("suffix", ["mkv", "webm", "mp4", "mov"])
def test_a_last_picture_that_stays_is_kept_for_its_time(tmp_path: Path, suffix: str) -> None:
    path = make_clip(
        tmp_path / f"in.{suffix}",
        25,
        codec="libvpx-vp9" if suffix == "webm" else "libx264",
        pts=[40 * n for n in range(25)],
        time_base=MILLISECOND,
        last_duration=5000,
        options={} if suffix == "webm" else {"bf": "0"},
    )
    frames, notes, end_s = read(path)
    assert_numbered(frames, 25)
    assert end_s == pytest.approx(5.96)
    assert notes == []
    for out in ("out.mp4", "out.mkv"):
        assert through(path, tmp_path / out).duration_s == pytest.approx(5.96)
        assert probe(tmp_path / out).duration_s == pytest.approx(5.96)


def test_a_header_of_flv_that_says_more_is_noted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.flv", 50, options={"bf": "0"})
    frames, notes, _ = read(patch(path, b"duration\0", struct.pack(">d", 60)))
    assert_numbered(frames, 50)
    assert notes == ["the source's header says 60 s, but it ends at 2.00 s: all that it holds was taken"]


@pytest.mark.parametrize("says_s", [60, 36_000])
def test_a_header_of_matroska_that_says_more_is_noted_and_no_picture_is_frozen(
    tmp_path: Path, says_s: int
) -> None:
    path = make_clip(tmp_path / "in.mkv", 50, options={"bf": "0"})
    frames, notes, end_s = read(patch(path, b"\x44\x89\x88", struct.pack(">d", says_s * 1000)))
    assert_numbered(frames, 50)
    assert end_s == pytest.approx(2)
    assert notes == [
        f"the source's header says {says_s} s, but it ends at 2.00 s: all that it holds was taken"
    ]


def test_a_header_of_mp4_that_says_more_is_of_no_account(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", 50)
    start = path.read_bytes().index(b"mvhd") + 4
    timescale = path.read_bytes()[start + 12 : start + 16]
    data = bytearray(path.read_bytes())
    data[start + 16 : start + 20] = (60 * int.from_bytes(timescale)).to_bytes(4)
    path.write_bytes(data)
    frames, notes, end_s = read(path)
    assert_numbered(frames, 50)
    assert notes == []
    assert end_s == pytest.approx(2)


@pytest.mark.parametrize("suffix", ["avi", "mkv", "webm", "flv", "wmv"])
def test_a_recording_that_was_written_into_a_pipe_is_whole(tmp_path: Path, suffix: str) -> None:
    path = live(tmp_path, suffix)
    assert missing_bytes(path, {"mkv": "matroska", "webm": "matroska", "wmv": "asf"}.get(suffix, suffix)) == 0
    frames, notes, _ = read(path)
    assert_numbered(frames, 30)
    assert notes == []
    through(path, tmp_path / "out.mp4")
    assert_numbered(read(tmp_path / "out.mp4")[0], 30)


@pytest.mark.parametrize("junk", [bytes(1000), b"hello world " * 50])
@pytest.mark.parametrize("name", CLIPS)
def test_what_follows_a_whole_file_is_of_no_account(tmp_path: Path, name: str, junk: bytes) -> None:
    path = make_clip(tmp_path / name, 20, **CLIPS[name] | {"audio": ()})
    path.write_bytes(path.read_bytes() + junk)
    frames, notes, _ = read(path)
    assert_numbered(frames, 20)
    assert notes == []


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF, 0x7FFFFFFF])
def test_an_avi_of_unknown_size_without_an_index_is_whole(tmp_path: Path, size: int) -> None:
    data = bytearray(make_clip(tmp_path / "in.avi", 30, codec="mpeg4").read_bytes())
    del data[data.index(b"idx1") :]
    data[4:8] = data[data.index(b"movi") - 4 : data.index(b"movi")] = size.to_bytes(4, "little")
    (tmp_path / "in.avi").write_bytes(data)
    frames, notes, _ = read(tmp_path / "in.avi")
    assert_numbered(frames, 30)
    assert notes == []


def test_an_avi_that_lacks_only_its_index_is_whole(tmp_path: Path) -> None:
    data = make_clip(tmp_path / "in.avi", 30, codec="mpeg4").read_bytes()
    (tmp_path / "in.avi").write_bytes(data[: data.index(b"idx1")])
    frames, notes, _ = read(tmp_path / "in.avi")
    assert_numbered(frames, 30)
    assert notes == []


@pytest.mark.parametrize("kept", [0.5, 0.8, 0.93])
@pytest.mark.parametrize("name", CLIPS)
def test_a_file_cut_short_is_refused_before_any_work(tmp_path: Path, name: str, kept: float) -> None:
    path = make_clip(tmp_path / name, 100, **CLIPS[name])
    assert len(read(path)[0]) == 100
    with pytest.raises(BadMedia, match=r"cut short"):
        probe(truncate(path, kept))


@pytest.mark.parametrize("suffix", ["avi", "mkv", "webm", "flv"])
def test_a_live_recording_cut_within_an_element_is_refused(tmp_path: Path, suffix: str) -> None:
    path = live(tmp_path, suffix)
    data = path.read_bytes()
    taken = 0
    for length in range(len(data) // 2, len(data) - 4, 97):
        path.write_bytes(data[:length])
        with suppress(BadMedia):
            probe(path)
            taken += 1  # an edge between two elements, or within the sizes that follow a tag of FLV
    assert taken <= 2
    path.write_bytes(data[:-30])
    with pytest.raises(BadMedia, match=r"is cut short: \d+ bytes or more are missing"):
        probe(path)


@pytest.mark.parametrize("suffix", ["gif", "png", "dv", "y4m"])
def test_a_sequence_of_pictures_cut_short_is_refused(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"in.{suffix}"
    if suffix == "dv":
        make_clip(path, [numbered(n, 720, 576) for n in range(4)], codec="dvvideo")
    elif suffix == "y4m":
        picture = av.VideoFrame.from_ndarray(numbered(1), "rgb24").reformat(format="yuv420p")
        path.write_bytes(b"YUV4MPEG2 W96 H64 F25:1\n" + 4 * (b"FRAME\n" + picture.to_ndarray().tobytes()))
    else:
        first, *rest = [Image.fromarray(numbered(n)) for n in range(4)]
        first.save(path, save_all=True, append_images=rest, duration=100)
    assert len(read(path)[0]) == 4
    with pytest.raises(BadMedia, match="cut short"):
        probe(truncate(path, 0.8))


def test_a_media_data_box_without_a_size_is_held_against_the_index(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.mp4", 100, container_options={"movflags": "faststart"})
    data = bytearray(path.read_bytes())
    place = data.index(b"mdat") - 4
    data[place : place + 4] = bytes(4)
    path.write_bytes(data)
    assert_numbered(read(path)[0], 100)
    with pytest.raises(BadMedia, match="cut short"):
        probe(truncate(path, 0.9))


def test_a_cut_between_two_elements_is_found_by_the_header_alone_and_noted(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "in.flv", 100, options={"bf": "0"})
    data = path.read_bytes()
    place, pictures = 13, 0
    while pictures < 51:  # the first tag holds the parameters
        pictures += data[place] == 9
        place += 11 + int.from_bytes(data[place + 1 : place + 4]) + 4
    path.write_bytes(data[:place])
    assert missing_bytes(path, "flv") == 0
    frames, notes, end_s = read(path)
    assert_numbered(frames, 50)
    assert end_s == pytest.approx(2)
    assert notes == ["the source's header says 4 s, but it ends at 2.00 s: all that it holds was taken"]


@pytest.mark.parametrize(("name", "codec"), [("a.mkv", "libx264"), ("a.flv", "libx264"), ("a.avi", "mpeg4")])
def test_a_download_that_was_filled_up_with_zeros_is_refused(tmp_path: Path, name: str, codec: str) -> None:
    """The structure cannot be followed there: then the header counts."""
    path = make_clip(tmp_path / name, 100, codec=codec, options={"g": "10"})
    data = path.read_bytes()
    half = len(data) // 2
    path.write_bytes(data[:half] + bytes(len(data) - half))
    with pytest.raises(BadMedia, match=r"cut short: it ends at \d\.\d\d s|damaged"):
        read(path)


@pytest.mark.skipif(not CASES.is_dir(), reason="the shared cases are not here")
@pytest.mark.parametrize(
    ("name", "pictures", "end_s"), [("ends-with-still.mkv", 25, 5.96), ("wrong-duration.flv", 50, 2.021)]
)
def test_real_files_whose_headers_and_packets_differ(name: str, pictures: int, end_s: float) -> None:
    frames, notes, ends_s = read(CASES / name)
    assert len(frames) == pictures
    assert ends_s == pytest.approx(end_s)
    assert len(notes) <= 1
