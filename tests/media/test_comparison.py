"""Tests that a note names each stream, tag and property of the source that the output lacks.

The outputs are read by PyAV alone, and where that is not enough byte by byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from pathlib import Path
from typing import Any, cast

import av
import pytest
from av.container import InputContainer
from av.packet import Packet

from orchestrator.media.read.demux import open_source
from orchestrator.media.read.file_contents import read_contents
from orchestrator.media.read.probe import probe
from orchestrator.media.read.tag_filter import printable
from orchestrator.media.write.differences import MOST_SENTENCES, ExpectedContents, differences
from orchestrator.media.write.readback import open_headers, open_written
from orchestrator.media_containers import MP4
from tests.support.exports import export_video
from tools.fixtures.clips import make_clip, numbered, truncate

CASES = Path(__file__).parents[3] / "shared" / "cases"

VIDEOS = ["mp4", "mov", "mkv", "webm"]


def notes_of(source: Path, output: Path, **params: Any) -> list[str]:
    return list(export_video(source, output, **params).notes)


def case(name: str) -> Path:
    if not (CASES / name).exists():
        pytest.skip("needs the cases beside the checkout")
    return CASES / name


# --- how files are read


@pytest.mark.parametrize(
    ("suffix", "codec", "pix_fmt"),
    [
        (".mp4", "libx264", "yuv420p"),
        (".mov", "libx265", "yuv420p10le"),
        (".mkv", "libx264", "yuv444p"),
        (".webm", "libvpx-vp9", "yuv420p"),
        (".webm", "libsvtav1", "yuv420p10le"),
        (".gif", "gif", "rgb8"),
    ],
)
def test_a_finished_file_is_described_without_decoding_it_at_opening(
    tmp_path: Path, suffix: str, codec: str, pix_fmt: str
) -> None:
    audio = [] if suffix == ".gif" else [{"seconds": 1, "codec": "libopus" if suffix == ".webm" else "aac"}]
    path = make_clip(tmp_path / f"a{suffix}", 12, codec=codec, pix_fmt=pix_fmt, audio=audio, matrix=1)
    described = read_contents(path, open_written)
    assert described.picture is not None
    assert read_contents(path, open_headers) == described
    assert read_contents(path, open_headers, sought=described.picture) == described


class CountingContainer:
    """An open file that counts the packets that are read of it."""

    def __init__(self, container: InputContainer) -> None:
        self._container = container
        self.packets = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def __enter__(self) -> CountingContainer:  # noqa: PYI034  nobody derives from it
        return self

    def __exit__(self, *_: object) -> None:
        self._container.close()

    def demux(self, *streams: Any) -> Iterator[Packet[Any]]:
        for packet in self._container.demux(*streams):
            self.packets += 1
            yield packet


def test_one_picture_is_decoded_if_the_source_has_nothing_that_it_may_lack(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 12)
    plain = read_contents(path, open_source).picture
    assert plain is not None
    read = []
    for sought in (plain, replace(plain, transparent=True), None):
        container = CountingContainer(open_headers(path))
        assert read_contents(path, partial(_opened, container), sought=sought).picture == plain
        read.append(container.packets)
    assert read[0] == 1
    assert read[1] == read[2] >= 5


def _opened(container: CountingContainer, _: Path) -> InputContainer:
    return cast("InputContainer", container)


# --- the picture


@pytest.mark.parametrize("suffix", [*VIDEOS, "gif"])
@pytest.mark.parametrize(
    ("pix_fmt", "chroma"), [("yuv444p", "4:4:4"), ("yuv422p", "4:2:2"), ("yuv440p", "4:4:0")]
)
def test_chroma_that_becomes_coarser_is_noted(tmp_path: Path, pix_fmt: str, chroma: str, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mkv", 2, codec="ffv1", pix_fmt=pix_fmt)
    note = f"the chroma of the source is {chroma}; that of the output is 4:2:0"
    notes = notes_of(source, tmp_path / f"out.{suffix}")
    assert notes == ([] if suffix == "gif" else [note])
    if suffix != "webm":  # VP9 has it, but its profile 1 is a matter of lossless only
        return
    assert notes_of(source, tmp_path / "lossless.webm", quality="lossless") == []


def test_4_4_4_to_mp4_is_noted(tmp_path: Path) -> None:
    notes = notes_of(case("444.mp4"), tmp_path / "out.mp4")
    assert notes == ["the chroma of the source is 4:4:4; that of the output is 4:2:0"]


def test_rgb_and_transparency_are_noted(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", 2, codec="ffv1", pix_fmt="bgra")
    assert notes_of(source, tmp_path / "out.mp4") == [
        "the source is RGB; the output stores colour as luma and 4:2:0 chroma",
        "the source's transparency was dropped",
    ]


def test_a_matrix_that_turns_nothing_is_no_turn(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", 2)
    data = source.read_bytes()
    # tkhd holds the matrix 40 bytes after its type (version 0): a, b, u, c, d, v, x, y, w.
    at = data.index(b"tkhd") + 4 + 40
    source.write_bytes(data[:at] + bytes(8) + data[at + 8 :])
    assert probe(source).notes == ()
    assert notes_of(source, tmp_path / "out.mp4") == []


# --- streams


@pytest.mark.parametrize("suffix", [*VIDEOS, "gif"])
def test_a_sound_stream_without_a_packet_is_neither_written_nor_noted(tmp_path: Path, suffix: str) -> None:
    notes = notes_of(case("empty-audio-pid.ts"), tmp_path / f"out.{suffix}")
    assert not any("ac3" in note or "sound 2" in note for note in notes)
    with av.open(str(tmp_path / f"out.{suffix}")) as container:
        assert len(container.streams.audio) == (0 if suffix == "gif" else 1)


def test_a_flood_of_streams_is_noted_in_a_bounded_number_of_sentences(tmp_path: Path) -> None:
    lines = [(0.1, 0.5, "a")]
    source = make_clip(
        tmp_path / "in.mkv", 5, subtitles=[{"codec": "subrip", "lines": lines} for _ in range(60)]
    )
    notes = notes_of(source, tmp_path / "out.gif")
    assert notes[0] == "subtitles 1 (subrip) was dropped: gif holds pictures only"
    assert len(notes) == MOST_SENTENCES + 1
    assert notes[-1] == "20 more differences are not listed"


TWO_CODES = "alb/sqi bur/mya cze/ces dut/nld fre/fra ger/deu gre/ell ice/isl mac/mkd rum/ron slo/slk"


@pytest.mark.parametrize("pair", TWO_CODES.split())
def test_a_language_with_two_codes_is_kept_in_mov(tmp_path: Path, pair: str) -> None:
    for code in pair.split("/"):
        source = make_clip(tmp_path / "in.mkv", 2, audio=[{"seconds": 0.1, "language": code}])
        output = tmp_path / f"{code}.mov"
        assert notes_of(source, output) == []
        with av.open(str(output)) as container:
            assert container.streams.audio[0].metadata["language"] in pair.split("/")


# --- tags


def test_tags_of_invalid_utf_8_are_shown_escaped(tmp_path: Path) -> None:
    notes = notes_of(case("meta_badutf8.mkv"), tmp_path / "out.mp4")
    assert r"metadata that mp4 does not keep: BAD\xff\xedKEY" in notes
    assert all(note.encode() for note in notes)


@pytest.mark.parametrize("container", VIDEOS)
def test_an_output_holds_tags_of_valid_utf_8_alone(tmp_path: Path, container: str) -> None:
    """PyAV, like other readers, refuses a file that holds anything else."""
    chapter: Any = {
        "id": 1,
        "start": 0,
        "end": 4,
        "time_base": Fraction(1, 25),
        "metadata": {"title": "one @@"},
    }
    source = make_clip(
        tmp_path / "in.mkv",
        5,
        metadata={"title": "t@@t", "BAD@@KEY": "value"},
        video_metadata={"title": "caf@@"},
        chapters=[chapter],
        audio=[{"seconds": 0.2}],
    )
    source.write_bytes(source.read_bytes().replace(b"@@", b"\xe9\xff"))
    notes = notes_of(source, tmp_path / f"out.{container}")
    with av.open(str(tmp_path / f"out.{container}")) as output:
        assert output.metadata["title"] == "t\ufffd\ufffdt"
        assert [found["metadata"]["title"] for found in output.chapters()] == ["one \ufffd\ufffd"]
        assert not [key for key in output.metadata if "BAD" in key.upper()]
    assert any(r"does not keep: BAD\xe9\xffKEY" in note for note in notes)
    assert any("in another form" in note and "title" in note for note in notes)


def test_names_of_tags_are_shown_on_one_line_and_not_too_long() -> None:
    assert printable("a\nb\udcff\x1b") == r"a\nb\xff\x1b"
    assert printable("x" * 500) == "x" * 57 + "..."


def test_a_flood_of_tags_is_named_in_part(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mkv", 2, metadata={f"tag {n}": "x" for n in range(500)})
    [note] = notes_of(source, tmp_path / "out.gif")
    assert note.endswith(", and 490 more")


# --- the comparison itself


def test_a_file_that_cannot_be_read_again_never_fails_a_job(tmp_path: Path) -> None:
    source = make_clip(tmp_path / "in.mp4", [numbered(0)])
    broken = make_clip(tmp_path / "out.mp4", [numbered(0)])
    truncate(broken, 0.4)
    [note] = differences(source, broken, MP4, ExpectedContents(packets={}))
    assert "could not be compared" in note


CAMERA = {
    "com.apple.quicktime.location.ISO6709": "+48.8577+002.2950+035.000/",
    "com.apple.quicktime.make": "Apple",
    "com.apple.quicktime.model": "iPhone 12",
    "com.apple.quicktime.software": "14.2",
    "com.apple.quicktime.creationdate": "2019-07-24T11:25:40+0300",
    "creation_time": "2019-07-24T08:25:40.000000Z",
    "title": "A day",
}


def metadata(path: Path) -> dict[str, str]:
    with av.open(str(path)) as container:
        return {key.lower(): value for key, value in container.metadata.items()}


@pytest.mark.parametrize("suffix", VIDEOS)
def test_tags_of_cameras_are_kept_in_every_container(tmp_path: Path, suffix: str) -> None:
    source = make_clip(
        tmp_path / "in.mov", 3, metadata=CAMERA, container_options={"movflags": "use_metadata_tags"}
    )
    assert {key.lower(): value for key, value in CAMERA.items()}.items() <= metadata(source).items()
    output = tmp_path / f"out.{suffix}"
    assert notes_of(source, output) == []
    assert {key.lower(): value for key, value in CAMERA.items()}.items() <= metadata(output).items()
    data = output.read_bytes()
    if suffix in {"mp4", "mov"}:  # a box `keys` of entries: size, `mdta`, name (QuickTime File Format)
        for key in CAMERA:
            assert (len(key) + 8).to_bytes(4, "big") + b"mdta" + key.encode() in data


@pytest.mark.parametrize("suffix", VIDEOS)
def test_the_tags_of_an_iphone_are_kept(tmp_path: Path, suffix: str) -> None:
    notes = notes_of(case("iphone-tags.mov"), tmp_path / f"out.{suffix}")
    assert notes == (["sound 1 was aac and is opus now"] if suffix == "webm" else [])
    kept = metadata(tmp_path / f"out.{suffix}")
    assert kept["com.apple.quicktime.location.iso6709"] == "+00.0000+000.0000+000.000/"
    assert kept["com.apple.quicktime.make"] == "Apple"
    assert kept["com.apple.quicktime.creationdate"] == "2019-07-24T11:25:40+0300"


@pytest.mark.parametrize("suffix", ["mp4", "mov"])
def test_a_title_stays_where_players_look_for_it(tmp_path: Path, suffix: str) -> None:
    source = make_clip(tmp_path / "in.mkv", 2, metadata={"title": "A film"})
    assert notes_of(source, tmp_path / f"out.{suffix}") == []
    assert b"\xa9nam" in (tmp_path / f"out.{suffix}").read_bytes()


@pytest.mark.parametrize("suffix", [".mp4", ".mov", ".mkv"])
def test_chapters_end_where_the_film_ends(tmp_path: Path, suffix: str) -> None:
    times = {"a": (0, 500), "long": (500, 60_000), "after": (120_000, 130_000)}
    chapters: list[Any] = [
        {
            "id": number,
            "start": start,
            "end": end,
            "time_base": Fraction(1, 1000),
            "metadata": {"title": title},
        }
        for number, (title, (start, end)) in enumerate(times.items(), 1)
    ]
    source = make_clip(tmp_path / "in.mkv", 25, chapters=chapters)
    notes = notes_of(source, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        assert (container.duration or 0) / av.time_base == pytest.approx(1, abs=0.002)
        kept = [
            (
                chapter["metadata"]["title"],
                float(chapter["start"] * (chapter["time_base"] or 1)),
                float(chapter["end"] * (chapter["time_base"] or 1)),
            )
            for chapter in container.chapters()
        ]
    assert kept == [("a", 0, 0.5), ("long", 0.5, pytest.approx(1, abs=0.002))]
    assert "1 chapter was lost" in notes


@pytest.mark.parametrize("suffix", [".mp4", ".mov"])
def test_chapters_that_begin_late_or_have_no_title_keep_their_times(tmp_path: Path, suffix: str) -> None:
    titles = {(200, 500): {"title": "a"}, (500, 700): {}, (700, 1000): {"title": "b"}}
    chapters: list[Any] = [
        {"id": number, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": tags}
        for number, ((start, end), tags) in enumerate(titles.items(), 1)
    ]
    source = make_clip(tmp_path / "in.mkv", 25, chapters=chapters)
    notes = notes_of(source, tmp_path / f"out{suffix}")
    with av.open(str(tmp_path / f"out{suffix}")) as container:
        kept = [
            (chapter["metadata"]["title"], float(chapter["start"] * (chapter["time_base"] or 1)))
            for chapter in container.chapters()
        ]
    assert kept == [("", 0), ("a", 0.2), ("", 0.5), ("b", 0.7)]
    assert not any("chapter" in note for note in notes)
