"""Tests audio whose codec or channels change within a file, and streams that begin later.

What is written is decoded with PyAV alone: beeps stay on their flashes to the end.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from orchestrator.media.read.audio_packet_header import (
    AudioChangeDetector,
    AudioPacketHeader,
    read_audio_header,
)
from tests.media.test_clock_jumps import exported, shown
from tests.support.playback import IN_SYNC_S, beeps, flashes
from tools.fixtures.clips import flashing, make_clip

RATE, START_S = 25, 3


def part(path: Path, sound: dict[str, Any] | None, **made: Any) -> bytes:
    """Two seconds of a recording, with a flash and a beep each second."""
    first = START_S * RATE
    audio = [{"seconds": 2, "start": START_S, "beeps": True, **sound}] if sound else []
    make_clip(
        path,
        flashing(2 * RATE, RATE),
        options={"bf": "2", "g": "25", "sc_threshold": "0"},
        pts=[first + number for number in range(2 * RATE)],
        time_base=Fraction(1, RATE),
        audio=audio,
        **made,
    )
    return path.read_bytes()


AAC = {"codec": "aac"}
CHANGES: dict[str, list[dict[str, Any]]] = {
    "to 5.1": [AAC, {"codec": "aac", "layout": "5.1"}],
    "to mono": [AAC, {"codec": "aac", "layout": "mono"}],
    "mono to stereo": [{"codec": "aac", "layout": "mono"}, AAC],
    "rate": [AAC, {"codec": "aac", "rate": 44_100}],
    "to MP2": [AAC, {"codec": "mp2"}],
    "AC-3, MP2, AAC": [{"codec": "ac3"}, {"codec": "mp2"}, AAC],
}


@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
@pytest.mark.parametrize("sounds", CHANGES.values(), ids=CHANGES)
def test_sound_that_becomes_another_kind_is_heard_to_its_end(
    tmp_path: Path, sounds: list[dict[str, Any]], suffix: str
) -> None:
    source = tmp_path / "in.ts"
    source.write_bytes(b"".join(part(tmp_path / "part.ts", sound) for sound in sounds))
    notes = exported(source, tmp_path / f"out{suffix}")
    seen, heard = flashes(tmp_path / f"out{suffix}"), beeps(tmp_path / f"out{suffix}")
    assert len(seen) == len(heard) == 2 * len(sounds)
    # Sound that is transcoded is moved by up to half a packet at each join, which adds up; AC-3 has 32 ms.
    in_sync_s = IN_SYNC_S + 0.016 * (len(sounds) - 2)
    for flash, beep in zip(seen, heard, strict=True):
        assert abs(beep - flash) <= in_sync_s
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        layouts = {frame.layout.nb_channels for frame in container.decode(audio=0)}
    assert layouts == {1 if sounds[0].get("layout") == "mono" else 2}
    assert any("sound 1 changes in the source" in note for note in notes)


def test_sound_of_one_kind_is_copied_though_recordings_are_joined(tmp_path: Path) -> None:
    source = tmp_path / "in.ts"
    source.write_bytes(2 * part(tmp_path / "part.ts", AAC))
    notes = exported(source, tmp_path / "out.mp4")
    assert not any("sound" in note for note in notes)


def test_streams_that_begin_later_are_noted(tmp_path: Path) -> None:
    source = tmp_path / "in.ts"
    ids = {"mpegts_start_pid": "768", "mpegts_pmt_start_pid": "4352"}
    other = part(tmp_path / "other.ts", AAC, container_options=ids)
    source.write_bytes(part(tmp_path / "part.ts", AAC) + other)
    notes = exported(source, tmp_path / "out.mp4")
    assert len(shown(tmp_path / "out.mp4")) == 2 * RATE
    assert any("begin only after its start" in note for note in notes)


def test_sound_that_begins_with_a_later_part_is_not_said_to_be_changed(tmp_path: Path) -> None:
    source = tmp_path / "in.ts"
    source.write_bytes(part(tmp_path / "silent.ts", None) + part(tmp_path / "part.ts", AAC))
    notes = exported(source, tmp_path / "out.mp4")
    assert beeps(tmp_path / "out.mp4") == pytest.approx([2, 3], abs=IN_SYNC_S)
    assert not any("0 Hz" in note for note in notes)


def test_headers_are_read_as_the_standards_have_them() -> None:
    # AAC LC of 48 kHz (index 3) and two channels; MPEG-1 layer II and III; AC-3.
    assert read_audio_header(bytes.fromhex("fff14c80")) == AudioPacketHeader("aac", 3 << 3 | 2)
    assert read_audio_header(bytes.fromhex("fffda400")) == AudioPacketHeader("mpeg", 0)
    assert read_audio_header(bytes.fromhex("fffb9000")) == AudioPacketHeader("mpeg", 0)
    assert read_audio_header(bytes.fromhex("0b77abcd")) == AudioPacketHeader("ac3", 0)
    assert read_audio_header(b"\xff\xf1") is read_audio_header(bytes(4)) is None


def test_a_damaged_header_or_two_are_no_change() -> None:
    headers = AudioChangeDetector()
    for data in ["fff14c80"] * 9 + ["fff15080"] * 2 + ["00000000"] * 5:
        headers.take(1, bytes.fromhex(data))
    assert headers.changing == frozenset()
    headers.take(1, bytes.fromhex("fff15080"))
    assert headers.changing == {1}
