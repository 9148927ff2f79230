"""Tests what `probe` reads from a file, and which files it refuses."""

from __future__ import annotations

import struct
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from orchestrator.errors import BadMedia, InputNotFound, UnsupportedMedia
from orchestrator.frames import Colour, HdrMetadata
from orchestrator.media.read.probe import probe
from tools.fixtures.clips import make_clip, numbered, truncate


def test_size_rate_length_and_codec_are_read(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mp4", 30, rate=Fraction(30_000, 1001)))
    assert (info.width, info.height, info.codec, info.bit_depth) == (96, 64, "h264", 8)
    assert info.average_rate == Fraction(30_000, 1001)
    assert info.frames == 30
    assert info.duration_s == pytest.approx(30 * 1001 / 30_000, abs=1e-4)
    assert info.sample_aspect_ratio == 1
    assert (info.rotation, info.mirrored, info.notes) == (0, False, ())


def test_matroska_length_and_count_are_those_of_the_video_alone(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mkv", 50, audio=[{"seconds": 4}]))
    assert info.duration_s == pytest.approx(2)
    assert info.frames == 50


@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
@pytest.mark.parametrize("mirrored", [False, True])
def test_sizes_and_aspect_are_those_of_the_upright_picture(
    tmp_path: Path, rotation: int, *, mirrored: bool
) -> None:
    path = make_clip(tmp_path / "a.mp4", 2, rotation=rotation, hflip=mirrored, aspect=Fraction(4, 3))
    info = probe(path)
    sideways = rotation in {90, 270}
    assert (info.width, info.height) == ((64, 96) if sideways else (96, 64))
    assert info.sample_aspect_ratio == (Fraction(3, 4) if sideways else Fraction(4, 3))
    assert info.mirrored is mirrored


def test_a_slanted_picture_is_left_as_it_is_and_noted(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mp4", 2, rotation=30))
    assert (info.rotation, info.width, info.height) == (0, 96, 64)
    assert any("turned by" in note for note in info.notes)


@pytest.mark.parametrize(("height", "expected"), [(480, 6), (576, 5), (718, 6), (720, 1), (1080, 1)])
def test_untagged_colour_is_taken_from_the_height(tmp_path: Path, height: int, expected: int) -> None:
    pictures = [np.zeros((height, 64, 3), np.uint8)]
    info = probe(make_clip(tmp_path / "a.mp4", pictures, options={"preset": "ultrafast"}))
    transfer = 1 if expected == 1 else 6
    assert info.colour == Colour(matrix=expected, primaries=expected, transfer=transfer, full_range=False)


def test_a_tagged_matrix_wins_over_the_height(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mp4", 2, matrix=1, range_=2))
    assert info.colour == Colour(matrix=1, primaries=1, transfer=1, full_range=True)


def test_a_missing_matrix_is_taken_from_the_primaries(tmp_path: Path) -> None:
    info = probe(make_clip(tmp_path / "a.mkv", 2, primaries=9))
    assert (info.colour.matrix, info.colour.transfer) == (9, 14)


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_read_and_bt2020_unless_it_says_otherwise(tmp_path: Path, transfer: int, name: str) -> None:
    info = probe(make_clip(tmp_path / "a.mkv", 2, codec="ffv1", pix_fmt="yuv420p10le", transfer=transfer))
    assert info.colour == Colour(matrix=9, primaries=9, transfer=transfer, full_range=False)
    assert info.colour.hdr_name == name
    assert info.hdr is None
    assert info.notes == ()


MASTERING = "G(13250,34500)B(7500,3000)R(34000,16000)WP(15635,16450)L(10000000,50)"
MASTERED = HdrMetadata(
    primaries=(
        (Fraction(17, 25), Fraction(8, 25)),
        (Fraction(53, 200), Fraction(69, 100)),
        (Fraction(3, 20), Fraction(3, 50)),
    ),
    white=(Fraction(3127, 10_000), Fraction(329, 1000)),
    luminance=(Fraction(1, 200), Fraction(1000)),
    max_cll=1000,
)


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "ts"])
def test_mastering_metadata_of_the_stream_are_read(tmp_path: Path, suffix: str) -> None:
    options = f"log-level=none:bframes=0:hdr10=1:master-display={MASTERING}:max-cll=1000,400"
    path = make_clip(
        tmp_path / f"a.{suffix}",
        2,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": options},
        matrix=9,
        primaries=9,
        transfer=16,
    )
    assert probe(path).hdr == replace(MASTERED, max_fall=400)


@pytest.mark.parametrize(("colour", "transfer"), [(2, 2), (9, 18)])
def test_dolby_vision_is_read_if_its_pictures_are_hdr_to_others_too(
    tmp_path: Path, colour: int, transfer: int
) -> None:
    path = make_clip(
        tmp_path / "a.mp4",
        2,
        codec="libx265",
        pix_fmt="yuv420p10le",
        options={"x265-params": "log-level=none:bframes=0"},
        matrix=colour,
        primaries=colour,
        transfer=transfer,
    )
    data = path.read_bytes()
    assert data.count(b"hev1") == 1
    path.write_bytes(data.replace(b"hev1", b"dvhe"))
    if transfer == 18:
        assert probe(path).colour.is_hdr
    else:
        with pytest.raises(UnsupportedMedia, match="Dolby Vision"):
            probe(path)


def in_sample_entry(path: Path, boxes: bytes) -> None:
    """Put boxes into the `avc1` of an MP4 whose index is behind its samples."""
    data = bytearray(path.read_bytes())
    assert data.index(b"mdat") < data.index(b"moov")
    entry = data.index(b"avc1", data.index(b"stsd"))
    at = entry - 4 + int.from_bytes(data[entry - 4 : entry])
    data[at:at] = boxes
    for name in (b"moov", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"avc1"):
        place = data.index(name, data.index(b"moov")) - 4
        data[place : place + 4] = (int.from_bytes(data[place : place + 4]) + len(boxes)).to_bytes(4)
    path.write_bytes(bytes(data))


def test_mastering_metadata_of_an_mp4_box_are_read(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 2, pix_fmt="yuv420p10le", matrix=9, primaries=9, transfer=16)
    mdcv = struct.pack(">8H2I", 13250, 34500, 7500, 3000, 34000, 16000, 15635, 16450, 10_000_000, 50)
    clli = struct.pack(">2H", 1000, 0)
    in_sample_entry(path, struct.pack(">I4s", 32, b"mdcv") + mdcv + struct.pack(">I4s", 12, b"clli") + clli)
    assert probe(path).hdr == MASTERED


def test_a_matrix_that_cannot_be_converted_is_refused(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", 2, codec="ffv1", pix_fmt="yuv444p", matrix=8)  # YCgCo
    with pytest.raises(UnsupportedMedia, match="colour matrix"):
        probe(path)


@pytest.mark.parametrize("pix_fmt", ["yuv420p10le", "yuv422p10le", "yuv444p12le"])
def test_bits_are_read(tmp_path: Path, pix_fmt: str) -> None:
    info = probe(make_clip(tmp_path / "a.mkv", 2, codec="ffv1", pix_fmt=pix_fmt))
    assert (info.pixel_format, info.bit_depth) == (pix_fmt, int(pix_fmt[-4:-2]))
    assert info.notes == ()


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="does not exist"):
        probe(tmp_path / "nothing.mp4")


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputNotFound, match="not a file"):
        probe(tmp_path)


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    with pytest.raises(BadMedia, match="is empty"):
        probe(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    "content", [b"hello\n" * 400, bytes(5000), b"\x00\x00\x00\x18ftypmp42" + bytes(3000)]
)
def test_a_file_that_is_no_video(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.mp4").write_bytes(content)
    with pytest.raises(BadMedia, match="cannot be opened as a video"):
        probe(tmp_path / "a.mp4")


def test_a_picture_file(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "a.png"), "w", format="image2") as output:
        stream = output.add_stream("png", width=32, height=32, pix_fmt="rgb24")
        assert isinstance(stream, av.VideoStream)
        output.mux(
            [*stream.encode(av.VideoFrame.from_ndarray(numbered(1, 32, 32), "rgb24")), *stream.encode()]
        )
    with pytest.raises(BadMedia):
        probe(tmp_path / "a.png")


def _sound(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=48_000, layout="stereo")
        assert isinstance(stream, av.AudioStream)
        frame = av.AudioFrame.from_ndarray(np.zeros((2, 1024), np.float32), "fltp", "stereo")
        frame.sample_rate = 48_000
        output.mux([*stream.encode(frame), *stream.encode()])
    return path


def test_sound_alone(tmp_path: Path) -> None:
    with pytest.raises(BadMedia, match="sound but no video"):
        probe(_sound(tmp_path / "a.mp4"))


def test_sound_with_a_cover_picture(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "full.mkv", 2, cover=True, audio=[{"seconds": 1}])
    with av.open(str(path)) as source, av.open(str(tmp_path / "a.mkv"), "w") as output:
        copied = output.add_stream_from_template(source.streams.audio[0])
        cover = next(s for s in source.streams.video if s.disposition)
        picture = next(bytes(packet) for packet in source.demux(cover) if packet.size)
        output.add_attachment("cover.jpg", "image/jpeg", picture)
        for packet in source.demux(source.streams.audio[0]):
            if packet.size:
                packet.stream = copied
                output.mux(packet)
    with pytest.raises(BadMedia, match="only a cover picture"):
        probe(tmp_path / "a.mkv")


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}, {"movflags": "frag_keyframe+empty_moov"}])
@pytest.mark.parametrize("kept", [0.3, 0.6, 0.97])
def test_an_mp4_cut_short_is_refused_before_any_work(
    tmp_path: Path, options: dict[str, str], kept: float
) -> None:
    path = make_clip(tmp_path / "a.mp4", 100, container_options=options, audio=[{"seconds": 4}])
    with pytest.raises(BadMedia, match="cut short"):
        probe(truncate(path, kept))


def test_every_error_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").write_bytes(b"hello\n" * 400)
    with pytest.raises(BadMedia) as caught:
        probe(tmp_path / "a.mp4")
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 2


@pytest.mark.parametrize("number", range(8))
def test_a_damaged_tag_at_the_beginning_is_an_error_of_the_file(tmp_path: Path, number: int) -> None:
    """Some of them stop FFmpeg, which reports the error while it reads."""
    path = make_clip(tmp_path / "a.flv", 25, audio=[{"seconds": 1.0}])
    content = bytearray(path.read_bytes())
    tag = 13  # behind the header and the size of no tag (Adobe's Video File Format 10.1, E.2)
    for _ in range(number):
        tag += 11 + int.from_bytes(content[tag + 1 : tag + 4]) + 4
    content[tag] = 0xCA
    path.write_bytes(content)
    try:
        assert probe(path).codec == "h264"
    except BadMedia as exc:
        assert "\n" not in str(exc)  # noqa: PT017  either is right
