"""Tests that a container needs only its row in the table, and that the docs agree with the table."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import av

from orchestrator.media.write.encoder_selection import BITS, PROFILES
from orchestrator.media_containers import CONTAINERS
from tools.fixtures.clips import make_clip

MEDIA_PAGE = Path(__file__).resolve().parents[2] / "docs" / "media.md"

WITH_A_NEW_ROW = """
import sys
from pathlib import Path

from orchestrator import media_containers as containers

containers.CONTAINERS += (
    containers.MediaContainer(
        suffixes=(".nut",),
        media_type="video/x-nut",
        muxer="nut",
        demuxer="nut",
        encoders=("libx264",),
        copied_audio=frozenset({"mp3"}),
    ),
)

from orchestrator.cli import main
from orchestrator.storage.publish import content_type

assert content_type(Path(sys.argv[2])) == "video/x-nut"
main(["export", *sys.argv[1:], "--format", "nut", "--json"])
"""


def test_a_file_is_delivered_in_a_container_that_only_a_new_row_describes(tmp_path: Path) -> None:
    source = make_clip(
        tmp_path / "in.mp4",
        30,
        audio=[{"seconds": 1, "codec": codec} for codec in ("aac", "libmp3lame", "ac3")],
        subtitles=[{"codec": "mov_text", "lines": [(0.1, 0.9, "hello")]}],
    )
    done = subprocess.run(
        [sys.executable, "-c", WITH_A_NEW_ROW, source, tmp_path / "out.nut"],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert result["stats"]["frames"] == 30
    assert "subtitles 1 (mov_text) was dropped" in result["notes"]
    with av.open(tmp_path / "out.nut") as container:
        assert container.format.name == "nut"
        codecs = [stream.codec_context.codec.canonical_name for stream in container.streams]
    assert codecs == ["h264", "aac", "mp3", "aac"]


def test_rows_name_encoders_that_exist_and_the_bits_that_they_write() -> None:
    for row in CONTAINERS:
        assert set(row.encoders) <= set(PROFILES)
        assert row.most_bits == max(max(BITS.get(name, (8,))) for name in row.encoders)


def test_the_page_names_all_suffixes() -> None:
    [listed] = re.findall(r"The suffix of the output \((.*?)\)", MEDIA_PAGE.read_text())
    assert set(listed.split(", ")) == {f"`{suffix}`" for row in CONTAINERS for suffix in row.suffixes}


def test_the_page_says_which_audio_is_copied_where() -> None:
    codecs = {
        "AAC": {"aac"},
        "AC-3, E-AC-3": {"ac3", "eac3"},
        "ALAC": {"alac"},
        "Opus": {"opus"},
        "FLAC": {"flac"},
        "MP3": {"mp3"},
        "PCM": {"pcm_s16le", "pcm_s24le", "pcm_f32le"},
        "Vorbis": {"vorbis"},
    }
    table = [
        [cell.strip() for cell in line.strip("|").split("|")]
        for line in MEDIA_PAGE.read_text().partition("| audio | ")[2].splitlines()
    ]
    by_name = {row.name: row for row in CONTAINERS}
    names = table[0][:4]
    assert set(names) == {row.name for row in CONTAINERS if not row.pictures_only}
    checked = set()
    for sound, *cells in table[2 : 2 + len(codecs)]:
        for name, cell in zip(names, cells, strict=False):
            copied = by_name[name].copied_audio
            transcoded = {"aac": "AAC", "libopus": "Opus"}[str(by_name[name].audio_encoder)]
            assert cell == ("copied" if copied is None or codecs[sound] <= copied else transcoded)
        checked.add(sound)
    assert checked == set(codecs)
