"""Tests that closed captions stay with their pictures, or that a note says that they are lost."""

from __future__ import annotations

import gc
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import av
import numpy as np
import pytest

from orchestrator.media.read.captions import has_text
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.closed_caption_inserter import with_captions
from tests.media.test_comparison import case, notes_of
from tools.fixtures.clips import numbered

LOST = "the closed captions of the source were left out"


def text_608(word: str) -> list[bytes]:
    """Pairs of letters of field 1 as EIA-608 has them, with odd parity; zeros to an even length."""
    letters = [*word.encode(), *([0] * (len(word) % 2))]
    odd = [letter | 0x80 * (letter.bit_count() % 2 == 0) for letter in letters]
    return [bytes([0xFC, *odd[at : at + 2]]) for at in range(0, len(odd), 2)]


def captions_of(path: Path) -> list[bytes]:
    """Return the captions that FFmpeg's decoder finds with each picture."""
    with av.open(str(path)) as container:
        return [
            b"".join(bytes(data) for data in cast("Any", frame.side_data) if data.type.name == "A53_CC")
            for frame in container.decode(video=0)
        ]


def captioned(path: Path, captions: list[bytes], *, codec: str = "libx264", gop: int = 250) -> Path:
    """Write numbered pictures with captions, one for each in the order in which they are shown."""
    kind = {"libx264": "h264", "libx265": "hevc"}[codec]
    with av.open(str(path), "w") as output:
        stream = cast("av.VideoStream", output.add_stream(codec, rate=25))
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        stream.codec_context.gop_size = gop
        stream.options = {"x265-params": "bframes=0:log-level=none"} if kind == "hevc" else {}
        pictures: list[Any] = [
            av.VideoFrame.from_ndarray(numbered(n), "rgb24").reformat(format="yuv420p")
            for n in range(len(captions))
        ]
        for number, picture in enumerate([*pictures, None]):
            if picture is not None:
                picture.pts, picture.time_base = number, Fraction(1, 25)
            for packet in stream.encode(picture):
                assert packet.pts is not None
                index = round(packet.pts * packet.time_base * 25)
                made: Any = av.Packet(with_captions(bytes(packet), captions[index], kind))
                made.pts, made.dts, made.time_base = packet.pts, packet.dts, packet.time_base
                made.is_keyframe, made.stream = packet.is_keyframe, stream
                output.mux(made)
    return path


@pytest.mark.parametrize("codec", ["libx264", "libx265"])
@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv"])
def test_captions_stay_with_their_pictures(tmp_path: Path, codec: str, suffix: str) -> None:
    rng = np.random.default_rng(1)
    lines = [b"".join(b"\xfc" + bytes(rng.integers(0, 4, 2, np.uint8)) for _ in range(n)) for n in range(12)]
    lines[5] = b"\xfc\x00\x00" * 40  # more than one message holds, and full of start codes
    source = captioned(tmp_path / "in.mkv", lines, codec=codec)
    assert captions_of(source) == lines
    assert notes_of(source, tmp_path / f"out.{suffix}") == []
    assert captions_of(tmp_path / f"out.{suffix}") == lines


def test_captions_of_a_part_are_those_of_its_pictures(tmp_path: Path) -> None:
    lines = [bytes([0xFC, 0x80 | n, n]) for n in range(50)]
    source = captioned(tmp_path / "in.mp4", lines)
    notes_of(source, tmp_path / "out.mp4", start=0.8, end=1.6)
    assert captions_of(tmp_path / "out.mp4") == lines[20:40]


def test_pictures_with_captions_are_let_go(tmp_path: Path) -> None:
    """PyAV makes a reference cycle of a picture and its side data, which only the garbage collector frees."""
    source = captioned(tmp_path / "in.mp4", [bytes([0xFC, 0x80 | n, n]) for n in range(100)])
    gc.collect()
    gc.disable()
    try:
        with VideoReader(source, probe(source), threads=1) as reader:
            captions = [frame.captions for frame in reader.frames()]
            held = [item for item in gc.get_objects() if isinstance(item, av.VideoFrame) and item.width > 16]
    finally:
        gc.enable()
    assert all(captions)
    assert len(held) < 20


@pytest.mark.parametrize(("suffix", "quality"), [("mkv", "lossless"), ("mp4", "high"), ("mov", "low")])
def test_the_word_of_a_real_recording_is_kept(tmp_path: Path, suffix: str, quality: str) -> None:
    source = case("captions-608.mp4")
    assert notes_of(source, tmp_path / f"out.{suffix}", quality=quality) == []
    written_captions = captions_of(tmp_path / f"out.{suffix}")
    assert written_captions == captions_of(source)
    letters = bytes(byte & 0x7F for line in written_captions for byte in line[1:])
    assert b"HELLO" in letters.replace(b"\0", b"")


@pytest.mark.parametrize("suffix", ["webm", "gif"])
def test_captions_that_cannot_be_written_are_noted(tmp_path: Path, suffix: str) -> None:
    source = captioned(tmp_path / "in.mp4", [b""] * 9 + text_608("HI") + [b""] * 2)
    assert LOST in notes_of(source, tmp_path / f"out.{suffix}")
    empty = captioned(tmp_path / "empty.mp4", [b"\xfc\x80\x80\xf8\x00\x00"] * 12)
    assert LOST not in notes_of(empty, tmp_path / f"empty.{suffix}")


def test_what_says_something() -> None:
    assert has_text(b"".join(text_608("HELLO")))
    assert has_text(b"\xff\x02\x21")
    assert not has_text(b"")
    assert not has_text(b"\xfc\x80\x80\xfd\x80\x80\xfa\x00\x00\xf8\x94\x2c")


def test_a_packet_without_a_slice_stays_as_it_is() -> None:
    assert with_captions(b"\0\0\0\1\x09\x10", b"\xfc\x41\x42", "h264") == b"\0\0\0\1\x09\x10"


def test_captions_in_the_user_data_of_mpeg_2_are_kept(tmp_path: Path) -> None:
    """As in broadcasts; FFmpeg's own encoder writes them from the side data of decoded pictures."""
    lines = [bytes([0xFC, 0x80 | n, n + 1]) for n in range(12)]
    with (
        av.open(str(captioned(tmp_path / "in.mp4", lines))) as given,
        av.open(str(tmp_path / "in.ts"), "w") as output,
    ):
        stream = output.add_stream("mpeg2video", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        for picture in given.decode(video=0):
            output.mux(stream.encode(picture))
        output.mux(stream.encode(None))
    assert captions_of(tmp_path / "in.ts") == lines
    assert LOST not in notes_of(tmp_path / "in.ts", tmp_path / "out.mp4")
    assert captions_of(tmp_path / "out.mp4") == lines
