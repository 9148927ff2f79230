"""Tests that each container keeps each property that a source can have, or that a note names it.

The values are read by PyAV alone, from the source and from the output.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import av
import pytest
from av.container import InputContainer
from av.stream import Disposition

from tests.media.test_comparison import notes_of
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from tests.conftest import WrittenOnce

CAPTIONS = [(0.1, 0.6, "one"), (0.8, 1.2, "two")]
CHAPTERS: list[Any] = [
    {"id": 1, "start": 0, "end": 800, "time_base": Fraction(1, 1000), "metadata": {"title": "One"}},
    {"id": 2, "start": 800, "end": 2000, "time_base": Fraction(1, 1000), "metadata": {"title": "Two"}},
]
EQUAL_LANGUAGES = {"ger": "deu", "fre": "fra"}


@dataclass(frozen=True)
class Thing:
    """A property of a source: how to make it, how to read it, and what the note says if it is lost."""

    suffix: str
    clip: dict[str, Any]
    read: Callable[[InputContainer], object]
    note: str
    holder: str = "nothing"


def tag(name: str) -> Callable[[InputContainer], object]:
    return lambda file: {key.lower(): value for key, value in file.metadata.items()}.get(name.lower())


def of_stream(kind: str, name: str) -> Callable[[InputContainer], object]:
    def read(file: InputContainer) -> object:
        for stream in file.streams:
            if stream.type == kind:
                tags = {key.lower(): value for key, value in stream.metadata.items()}
                value = tags.get(name) or (tags.get("name") if name == "title" else None)
                return EQUAL_LANGUAGES.get(value or "", value)
        return None

    return read


def codec(kind: str) -> Callable[[InputContainer], object]:
    def read(file: InputContainer) -> object:
        stream = next((stream for stream in file.streams if stream.type == kind), None)
        return stream and stream.codec_context.codec.canonical_name

    return read


def marked(kind: str, mark: Disposition) -> Callable[[InputContainer], object]:
    return lambda file: [bool(stream.disposition & mark) for stream in file.streams if stream.type == kind]


def chapters(file: InputContainer) -> object:
    return [chapter["metadata"].get("title") for chapter in file.chapters()]


def timecode(file: InputContainer) -> object:
    tags = [file.metadata, *(stream.metadata for stream in file.streams)]
    return {value for found in tags for key, value in found.items() if key.lower() == "timecode"}


def bits(file: InputContainer) -> object:
    return max(component.bits for component in next(file.decode(video=0)).format.components)


def chroma(file: InputContainer) -> object:
    pixels = next(file.decode(video=0)).format
    return "RGB" if pixels.is_rgb else (pixels.chroma_width(16), pixels.chroma_height(16))


def alpha(file: InputContainer) -> object:
    """Whether pictures have alpha, or the header says that it lies beside them."""
    claims = file.streams.video[0].metadata.get("alpha_mode") == "1"
    return claims or next(file.decode(video=0)).format.name.startswith("yuva")


def colour(file: InputContainer) -> object:
    frame = next(file.decode(video=0))
    return frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range


def attachments(file: InputContainer) -> object:
    return [(one.name, one.mimetype, one.data) for one in file.streams.attachments]


def cover(file: InputContainer) -> object:
    covers = [stream for stream in file.streams.video if stream.disposition & Disposition.attached_pic]
    return [[bytes(packet) for packet in file.demux(stream) if packet.size] for stream in covers]


def sound(**track: Any) -> dict[str, Any]:
    return {"audio": [{"seconds": 1, **track}]}


THINGS = {
    **{
        name: Thing("mkv", {"metadata": {name: value}}, tag(name), name)
        for name, value in {
            "title": "A film",
            "artist": "Somebody",
            "comment": "é ü",
            "copyright": "me",
            "description": "long " * 300,
            "genre": "drama",
            "composer": "Bach",
            "album_artist": "all",
            "lyrics": "la la",
            "date": "2019-07-24",
            "creation_time": "2019-07-24T08:25:40.000000Z",
            "projector": "Bauer",
            "com.android.version": "13",
            "synopsis": "much ado",
        }.items()
    },
    "place": Thing("mp4", {"metadata": {"location": "+48.8577+002.2950/"}}, tag("location"), "location"),
    "camera": Thing("mov", {"metadata": {"make": "Canon", "model": "R5"}}, tag("make"), "make"),
    "title of the video": Thing(
        "mkv", {"video_metadata": {"title": "Angle 1"}}, of_stream("video", "title"), "title"
    ),
    "language of the video": Thing(
        "mkv", {"video_metadata": {"language": "ger"}}, of_stream("video", "language"), "language"
    ),
    "handler": Thing(
        "mp4",
        {"video_metadata": {"handler_name": "Mine"}},
        of_stream("video", "handler_name"),
        "handler_name",
    ),
    "tag of the video": Thing(
        "mkv", {"video_metadata": {"lens": "50 mm"}}, of_stream("video", "lens"), "lens"
    ),
    "language of sound": Thing(
        "mkv", sound(language="fre"), of_stream("audio", "language"), "language", "sound 1 (aac)"
    ),
    "language of captions": Thing(
        "mkv",
        {"subtitles": [{"codec": "subrip", "lines": CAPTIONS, "language": "ger"}]},
        of_stream("subtitle", "language"),
        "language of subtitles",
        "subtitles 1 (subrip)",
    ),
    "captions": Thing(
        "mkv", {"subtitles": [{"codec": "ass", "lines": CAPTIONS}]}, codec("subtitle"), "subtitles 1"
    ),
    "captions of mp4": Thing(
        "mp4", {"subtitles": [{"codec": "mov_text", "lines": CAPTIONS}]}, codec("subtitle"), "subtitles 1"
    ),
    **{
        name: Thing("mkv", sound(codec=name), codec("audio"), "sound 1")
        for name in ("aac", "libmp3lame", "ac3", "flac", "libopus", "pcm_s16le", "alac")
    },
    "5.1 sound": Thing(
        "mkv",
        sound(codec="flac", layout="5.1"),
        lambda file: [s.codec_context.layout.name for s in file.streams.audio],
        "5.1",
        "sound 1 (flac)",
    ),
    "sound of 96 kHz": Thing(
        "mkv",
        sound(codec="flac", rate=96_000),
        lambda file: [s.codec_context.sample_rate for s in file.streams.audio],
        "96000 hz",
        "sound 1 (flac)",
    ),
    **{
        f"sound marked as {mark.name}": Thing(
            "mkv",
            sound(codec="libopus", disposition=mark | Disposition.default),
            marked("audio", mark),
            f"marked as {mark.name}",
            "sound 1 (opus)",
        )
        for mark in (Disposition.comment, Disposition.visual_impaired, Disposition.original)
    },
    "chapters": Thing("mkv", {"chapters": CHAPTERS}, chapters, "chapter"),
    "chapters of mp4": Thing("mp4", {"chapters": CHAPTERS}, chapters, "chapter"),
    "time code": Thing("mov", {"video_metadata": {"timecode": "01:02:03:04"}}, timecode, "time code"),
    "time code of mkv": Thing("mkv", {"metadata": {"timecode": "10:00:00:00"}}, timecode, "time code"),
    "attachment": Thing(
        "mkv", {"attachment": ("a.ttf", "font/ttf", b"glyphs")}, attachments, "attachment a.ttf"
    ),
    "cover of mkv": Thing("mkv", {"cover": True}, cover, "cover picture"),
    "cover of mp4": Thing("mp4", {"cover": True}, cover, "cover picture"),
    **{
        pix_fmt: Thing("mkv", {"codec": "ffv1", "pix_fmt": pix_fmt}, read, note)
        for pix_fmt, read, note in (
            ("yuv420p10le", bits, "10 bits"),
            ("yuv420p12le", bits, "12 bits"),
            ("yuv422p", chroma, "4:2:2"),
            ("yuv440p", chroma, "4:4:0"),
            ("yuv444p", chroma, "4:4:4"),
            ("yuv411p", chroma, "4:1:1"),
            ("bgr0", chroma, "rgb"),
            ("yuva420p", alpha, "transparency"),
        )
    },
    "BT.2020": Thing("mp4", {"matrix": 9, "primaries": 9, "transfer": 14, "range_": 1}, colour, "colour"),
    "full range": Thing("mp4", {"matrix": 1, "primaries": 1, "transfer": 1, "range_": 2}, colour, "range"),
}


@pytest.mark.parametrize("suffix", ["mp4", "mov", "mkv", "webm", "gif"])
@pytest.mark.parametrize("name", THINGS)
def test_it_is_kept_or_named_in_a_note(
    tmp_path: Path, written_once: WrittenOnce, name: str, suffix: str
) -> None:
    thing = THINGS[name]
    source = written_once(f"{name}.{thing.suffix}", lambda path: make_clip(path, 10, rate=5, **thing.clip))
    output = tmp_path / f"out.{suffix}"
    notes = notes_of(source, output)
    with av.open(str(source)) as before, av.open(str(output)) as after:
        was, became = thing.read(before), thing.read(after)
    assert was, "the source has it"
    named = any(thing.note in note.lower() or f"{thing.holder} was dropped" in note for note in notes)
    # Of a gif, colours are those of a palette: that is what the format asks for.
    if suffix == "gif" and thing.read in {chroma, colour}:
        return
    assert (was == became) is not named, (was, became, notes)
    coded = ("sound 1 was", "subtitles 1 were")  # what holds it may have to be coded in another way
    others = [note for note in notes if thing.note not in note.lower() and not note.startswith(coded)]
    assert not others or suffix == "gif", "nothing else is lost"
