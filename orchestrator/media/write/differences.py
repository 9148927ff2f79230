"""Compares a finished output with its source, stream by stream and tag by tag, and names every difference.

Both files are opened and described in the same terms (`read_contents`). What every request changes, such as
the codec, is not a difference. Events on the way, such as a picture that could not be decoded, cannot be seen
in the files; the reader and the writer note those.
"""

from __future__ import annotations

import logging
import struct
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import av.error

from orchestrator.errors import WorkerError
from orchestrator.frames import HdrMetadata
from orchestrator.media.colour.code_points import BT470BG, HLG, PQ, RESERVED, RGB, SMPTE170M, UNSPECIFIED
from orchestrator.media.colour.pixel_format import rotated_chroma_name
from orchestrator.media.read.demux import open_source
from orchestrator.media.read.file_contents import (
    SIDE_DATA,
    FileContents,
    FirstPicture,
    Kind,
    StreamContents,
    read_contents,
)
from orchestrator.media.read.tag_filter import printable, same_language, same_value
from orchestrator.media.write.readback import open_headers
from orchestrator.media_containers import MediaContainer
from orchestrator.video_source import VideoSource

log = logging.getLogger(__name__)

MOST_NAMED = 10
"""Most tags that one sentence names."""

MOST_SENTENCES = 40
"""Most sentences; one more gives the number of those that are left out."""

_LIBRARY_ERRORS = (av.error.FFmpegError, OSError, ValueError, LookupError, ArithmeticError, struct.error)

_NUMBERED = {"sound": "sound", "subtitles": "subtitles", "video": "video", "data": "data stream"}
"""Kinds of streams that are named by a number."""

_UNSPECIFIED = {RGB, UNSPECIFIED, RESERVED}
_BT601 = {BT470BG, SMPTE170M}
"""BT.601 for 625 and for 525 lines, which have the same matrix and transfer."""

_OF_HDR = frozenset(
    SIDE_DATA[kind]
    for kind in ("DYNAMIC_HDR_PLUS", "DYNAMIC_HDR_VIVID", "DOVI_METADATA", "AMBIENT_VIEWING_ENVIRONMENT")
)
"""Side data that have no meaning once HDR has become SDR."""


@dataclass(frozen=True, kw_only=True)
class ExpectedContents:
    """What an output should contain, as far as the two files alone cannot tell.

    Attributes:
        packets: number of packets written, by index of the source's stream, of the streams that are copied.
        empty: indexes of the source's streams that hold no packet.
        chapters: titles of the chapters.
        is_cut: whether the output starts in the middle of the source.
        is_hdr: whether the written pictures are HDR.
        is_sideways: whether pictures and their chroma were rotated by 90 degrees.
        lost_captions: whether pictures had closed captions that the encoder cannot write.
    """

    packets: Mapping[int, int]
    empty: frozenset[int] = frozenset()
    chapters: Sequence[str] = ()
    is_cut: bool = False
    is_hdr: bool = False
    is_sideways: bool = False
    lost_captions: bool = False


def differences(
    source: VideoSource, output: Path, container: MediaContainer, expected: ExpectedContents
) -> list[str]:
    """Return one sentence for each difference that was not requested.

    It never fails: if a file cannot be read again, the only sentence says so.

    Args:
        source: file that was read.
        output: finished file.
        container: container of the output.
        expected: what the output should contain.
    """
    try:
        before = read_contents(source, open_source)
        after = read_contents(output, open_headers, sought=before.picture)
        sentences = list(_sentences(before, after, container, expected))
    except (*_LIBRARY_ERRORS, WorkerError) as exc:
        log.warning("the output could not be compared with its source: %s", exc)
        return ["what the output keeps of its source could not be compared: one of them cannot be read again"]
    if len(sentences) <= MOST_SENTENCES:
        return sentences
    return [*sentences[:MOST_SENTENCES], f"{len(sentences) - MOST_SENTENCES} more differences are not listed"]


def _sentences(
    before: FileContents, after: FileContents, container: MediaContainer, expected: ExpectedContents
) -> Iterator[str]:
    yield from _about_streams(before, after, container, expected)
    if before.picture is not None and after.picture is not None:
        has_palette = container.palette_colours is not None
        yield from _about_pictures(before.picture, after.picture, expected, has_palette=has_palette)
    yield from _about_tags("metadata", before.tags, after.tags, container.name)
    if (lost := len(expected.chapters) - len(after.chapters)) > 0:
        yield f"{lost} chapters were lost" if lost > 1 else "1 chapter was lost"
    elif list(expected.chapters) != list(after.chapters[: len(expected.chapters)]):
        yield "the titles of chapters are not all as in the source"
    if before.timecode and after.timecode != before.timecode:
        reason = ": it counts from the start of the source" if expected.is_cut else ""
        what = f"became {after.timecode}" if after.timecode else f"was left out{reason}"
        yield f"the time code {before.timecode} {what}"


# --- streams


def _about_streams(
    before: FileContents, after: FileContents, container: MediaContainer, expected: ExpectedContents
) -> Iterator[str]:
    partners = _partners(before.streams, after.streams, expected)
    counts: Counter[Kind] = Counter()
    for stream in before.streams:
        counts[stream.kind] += 1
        name = _name(stream, counts[stream.kind])
        partner = partners.get(stream.index)
        if partner is not None:
            # A tag that the whole file has as well, such as the date, is compared only once.
            tags = {key: value for key, value in stream.tags.items() if before.tags.get(key) != value}
            yield from _about_stream(name, replace(stream, tags=tags), partner, container.name)
        elif not _is_redundant(stream, expected, has_chapters=bool(before.chapters)):
            codec = f" ({stream.codec})" if stream.kind in _NUMBERED and stream.codec else ""
            reason = f": {container.name} holds pictures only" if container.pictures_only else ""
            yield f"{name}{codec} was dropped{reason}"


def _name(stream: StreamContents, number: int) -> str:
    if stream.kind == "attachment":
        return f"the attachment {printable(stream.name) or number}"
    if stream.kind in _NUMBERED:
        return f"{_NUMBERED[stream.kind]} {number}"
    return "the video" if stream.kind == "picture" else "the cover picture"


def _is_redundant(stream: StreamContents, expected: ExpectedContents, *, has_chapters: bool) -> bool:
    """Return whether a stream without a partner is empty, or holds only what is compared elsewhere.

    That is the time code, and the titles of chapters, which MP4 stores in a text track.
    """
    if stream.index in expected.empty or expected.packets.get(stream.index, 1) == 0:
        return True
    return stream.kind == "data" and (
        stream.timecode is not None or (has_chapters and stream.codec == "bin_data")
    )


def _partners(
    before: Sequence[StreamContents], after: Sequence[StreamContents], expected: ExpectedContents
) -> dict[int, StreamContents]:
    """Return the output's stream for each stream of the source, by index.

    Streams of one kind are in the same order in both files. MP4 has no track without a packet, Matroska has.
    """
    found: dict[int, StreamContents] = {}
    for kind in ("picture", "cover", "sound", "subtitles"):
        is_copied = kind in {"sound", "subtitles"}
        sources = [
            stream.index
            for stream in before
            if stream.kind == kind and (not is_copied or stream.index in expected.packets)
        ]
        outputs = [stream for stream in after if stream.kind == kind]
        if is_copied and len(outputs) < len(sources):
            sources = [index for index in sources if expected.packets[index]]
        found |= dict(zip(sources, outputs, strict=False))
    attached = {stream.name: stream for stream in after if stream.kind == "attachment"}
    found |= {
        stream.index: attached[stream.name]
        for stream in before
        if stream.kind == "attachment" and stream.name in attached
    }
    return found


def _about_stream(name: str, before: StreamContents, after: StreamContents, container: str) -> Iterator[str]:
    if before.kind == "sound":
        yield from _about_sound(name, before, after)
    if before.kind == "subtitles" and before.codec != after.codec:
        yield f"{name} were {before.codec} and are {after.codec} now: styling may be lost"
    if before.language and same_language(before.language) != same_language(after.language):
        became = f"became {printable(after.language)}" if after.language else "was lost"
        yield f"the language of {name} ({printable(before.language)}) {became}"
    yield from _about_tags(f"metadata of {name}", before.tags, after.tags, container)
    lost = before.dispositions - after.dispositions
    if before.kind == "picture":
        lost -= {"default"}  # there is only one
    if lost:
        yield f"{name} is no longer marked as {', '.join(sorted(lost))}: {container} does not keep it"


def _about_sound(name: str, before: StreamContents, after: StreamContents) -> Iterator[str]:
    facets = [
        (before.codec or "unknown", after.codec or "unknown"),
        (before.layout or f"{before.channels} channels", after.layout or f"{after.channels} channels"),
        (f"{before.rate} Hz", f"{after.rate} Hz"),
    ]
    if not before.rate:  # the stream begins only later in the file, and its header does not state it
        del facets[1:]
    elif before.channels == after.channels and not (before.layout and after.layout):
        del facets[1]
    changed = [pair for pair in facets if pair[0] != pair[1]]
    if changed:
        was, became = (", ".join(side) for side in zip(*changed, strict=True))
        yield f"{name} was {was} and is {became} now"


# --- pictures


def _about_pictures(
    before: FirstPicture, after: FirstPicture, expected: ExpectedContents, *, has_palette: bool
) -> Iterator[str]:
    if after.bits < before.bits:
        yield f"the source has {before.bits} bits per component; the output has {after.bits} bits"
    was = rotated_chroma_name(before.chroma) if expected.is_sideways else before.chroma
    if was not in {after.chroma, "gray"} and not has_palette:
        if was == "RGB":
            yield f"the source is RGB; the output stores colour as luma and {after.chroma} chroma"
        else:
            yield f"the chroma of the source is {was}; that of the output is {after.chroma}"
    if before.transparent and not after.transparent:
        yield "the source's transparency was dropped"
    is_tonemapped = before.transfer in {PQ, HLG} and not expected.is_hdr
    if not is_tonemapped and not has_palette:
        yield from _about_colours(before, after)
        yield from _about_hdr(before.hdr, after.hdr)
    lost = before.extras - after.extras
    for extra in sorted(lost - _OF_HDR if is_tonemapped else lost):
        yield f"the {extra} of the source was left out"
    if expected.lost_captions:
        yield "the closed captions of the source were left out"


def _about_colours(before: FirstPicture, after: FirstPicture) -> Iterator[str]:
    if before.chroma in {"RGB", "gray"}:
        return
    for aspect in ("matrix", "primaries", "transfer"):
        was, became = getattr(before, aspect), getattr(after, aspect)
        if was in _UNSPECIFIED or was == became or {was, became} <= _BT601:
            continue
        yield f"the colour {aspect} of the source (code {was} of ITU-T H.273) became {became}"
    if before.full_range is not None and after.full_range != before.full_range:
        names = {True: "full range", False: "limited range", None: "no stated range"}
        yield f"the source has {names[before.full_range]}; the output has {names[after.full_range]}"


def _about_hdr(before: HdrMetadata | None, after: HdrMetadata | None) -> Iterator[str]:
    parts = {"mastering display": ("primaries", "luminance"), "light levels": ("max_cll", "max_fall")}
    lost = [
        name
        for name, fields in parts.items()
        if any(getattr(before, key, None) is not None and getattr(after, key, None) is None for key in fields)
    ]
    if lost:
        yield f"the HDR metadata of the source ({', '.join(lost)}) was left out"


# --- tags


def _about_tags(
    what: str, before: Mapping[str, str], after: Mapping[str, str], container: str
) -> Iterator[str]:
    kept = {key.lower(): value for key, value in after.items()}
    lost = [key for key in before if key.lower() not in kept]
    changed = [
        key
        for key, value in before.items()
        if key.lower() in kept and not same_value(value, kept[key.lower()])
    ]
    if lost:
        yield f"{what} that {container} does not keep: {_listed(lost)}"
    if changed:
        yield f"{what} that {container} keeps in another form: {_listed(changed)}"


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*(printable(name) for name in names[:MOST_NAMED]), *more])
