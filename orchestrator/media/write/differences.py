"""Compares a finished output with its source, stream by stream and tag by tag, and names every difference.

Both files are opened and described in the same terms (`contents`). What a request always changes (the size
of the picture, its codec) is no difference. What happened on the way (a picture that could not be decoded)
cannot be seen in the files: the part that saw it says so.
"""

from __future__ import annotations

import logging
import re
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import av.error

from orchestrator.errors import WorkerError
from orchestrator.media.colour.code_points import HLG, PQ
from orchestrator.media.read.contents import SIDE_DATA, read_contents
from orchestrator.media.read.source import open_source
from orchestrator.media.read.tags import same_language, shown
from orchestrator.media.write.readback import open_written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from orchestrator.containers import Container
    from orchestrator.frames import HdrMetadata
    from orchestrator.media.read.contents import FileContents, Kind, PictureContents, StreamContents

log = logging.getLogger(__name__)

MOST_NAMED = 10
"""How many tags one sentence names."""

MOST_SENTENCES = 40
"""How many sentences there are at most; how many more there would be is said in one."""

_LIBRARY_ERRORS = (av.error.FFmpegError, OSError, ValueError, LookupError, ArithmeticError, struct.error)

_LABELS: dict[Kind, str] = {
    "sound": "sound",
    "subtitles": "subtitles",
    "video": "video",
    "data": "data stream",
}

_COLOURS = ("matrix", "primaries", "transfer")
_UNSAID = {0, 2, 3}
"""Code points of ITU-T H.273 that say nothing of a colour: RGB (as a matrix), unspecified, reserved."""

_SAME_COLOURS = ({5, 6},)
"""BT.601 of 625 and of 525 lines: one matrix and one transfer under two numbers."""

_PLACE = re.compile(r"([+-][\d.]+)([+-][\d.]+)([+-][\d.]+)?(?:CRS\w+)?/?$")
"""Latitude, longitude and height of ISO 6709."""

_OF_HDR = frozenset(
    SIDE_DATA[kind]
    for kind in ("DYNAMIC_HDR_PLUS", "DYNAMIC_HDR_VIVID", "DOVI_METADATA", "AMBIENT_VIEWING_ENVIRONMENT")
)
"""What has no meaning once HDR has become SDR."""


@dataclass(frozen=True, kw_only=True)
class Carried:
    """What was meant to be in an output, and what of it was asked for: the files alone cannot tell.

    Attributes:
        packets: by index of a stream of the source that is carried, how many packets of it were written.
        empty: indexes of streams of the source that hold nothing.
        chapters: titles of the chapters that are in the wanted part.
        is_cut: whether the output starts in the middle of the source.
        is_hdr: whether the pictures that were written are HDR.
        is_sideways: whether pictures were turned by 90 degrees, and their chroma with them.
        lost_captions: whether pictures came with closed captions that the encoder cannot write.
    """

    packets: Mapping[int, int]
    empty: frozenset[int] = frozenset()
    chapters: Sequence[str] = ()
    is_cut: bool = False
    is_hdr: bool = False
    is_sideways: bool = False
    lost_captions: bool = False


def differences(source: Path, output: Path, container: Container, carried: Carried) -> list[str]:
    """Return one sentence for each difference that was not asked for.

    It never fails: where a file cannot be read again, the sentence is that nothing could be compared.

    Args:
        source: the file that was read.
        output: the finished file.
        container: of the output.
        carried: what was meant to be in it.
    """
    try:
        before = read_contents(source, open_source)
        after = read_contents(output, open_written)
        sentences = list(_sentences(before, after, container, carried))
    except (*_LIBRARY_ERRORS, WorkerError) as exc:
        log.warning("the output could not be compared with its source: %s", exc)
        return ["what the output keeps of its source could not be compared: one of them cannot be read again"]
    if len(sentences) <= MOST_SENTENCES:
        return sentences
    return [*sentences[:MOST_SENTENCES], f"{len(sentences) - MOST_SENTENCES} more differences are not listed"]


def _sentences(
    before: FileContents, after: FileContents, container: Container, carried: Carried
) -> Iterator[str]:
    yield from _about_streams(before, after, container, carried)
    if before.picture is not None and after.picture is not None:
        yield from _about_pictures(
            before.picture, after.picture, carried, is_palette=container.palette_colours is not None
        )
    yield from _about_tags("metadata", before.tags, after.tags, container.name)
    yield from _about_chapters(carried.chapters, after.chapters)
    if before.timecode and after.timecode != before.timecode:
        reason = ": it counts from the start of the source" if carried.is_cut else ""
        yield (
            f"the time code {before.timecode} became {after.timecode}"
            if after.timecode
            else f"the time code {before.timecode} was left out{reason}"
        )


# --- streams


def _about_streams(
    before: FileContents, after: FileContents, container: Container, carried: Carried
) -> Iterator[str]:
    partners = _partners(before.streams, after.streams, carried)
    counts: dict[Kind, int] = {}
    chapter_tracks = bool(before.chapters)
    for stream in before.streams:
        counts[stream.kind] = counts.get(stream.kind, 0) + 1
        name = _name(stream, counts[stream.kind])
        partner = partners.get(stream.index)
        if partner is not None:
            # What the whole file says as well, such as when it was filmed, is compared once.
            tags = {key: value for key, value in stream.tags.items() if before.tags.get(key) != value}
            yield from _about_stream(name, replace(stream, tags=tags), partner, container.name)
        elif not _is_covered(stream, carried, has_chapters=chapter_tracks):
            codec = f" ({stream.codec})" if stream.kind in _LABELS and stream.codec else ""
            reason = f": {container.name} holds pictures only" if container.pictures_only else ""
            yield f"{name}{codec} was dropped{reason}"


def _name(stream: StreamContents, number: int) -> str:
    if stream.kind == "picture":
        return "the video"
    if stream.kind == "cover":
        return "the cover picture"
    if stream.kind == "attachment":
        return f"the attachment {shown(stream.name) or number}"
    return f"{_LABELS[stream.kind]} {number}"


def _is_covered(stream: StreamContents, carried: Carried, *, has_chapters: bool) -> bool:
    """Whether a stream without a partner holds nothing, or nothing but what is compared elsewhere.

    Those are the time code, and the titles of chapters, which MP4 keeps in a text track.
    """
    if stream.index in carried.empty or (
        stream.index in carried.packets and not carried.packets[stream.index]
    ):
        return True
    return stream.kind == "data" and (
        stream.timecode is not None or (has_chapters and stream.codec == "bin_data")
    )


def _partners(
    before: Sequence[StreamContents], after: Sequence[StreamContents], carried: Carried
) -> dict[int, StreamContents]:
    """Return the output's stream for each of the source's, by index: those of a kind are in one order.

    MP4 has no track without a packet, Matroska has.
    """
    found: dict[int, StreamContents] = {}
    for kind in ("picture", "sound", "subtitles"):
        sources = [
            stream.index
            for stream in before
            if stream.kind == kind and (kind == "picture" or stream.index in carried.packets)
        ]
        outputs = [stream for stream in after if stream.kind == kind]
        if len(outputs) < len(sources):
            sources = [index for index in sources if carried.packets.get(index, 1)]
        found |= dict(zip(sources, outputs, strict=False))
    covers = [stream for stream in after if stream.kind == "cover"]
    found |= dict(zip((stream.index for stream in before if stream.kind == "cover"), covers, strict=False))
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
        became = f"became {shown(after.language)}" if after.language else "was lost"
        yield f"the language of {name} ({shown(before.language)}) {became}"
    yield from _about_tags(f"metadata of {name}", before.tags, after.tags, container)
    marks = before.dispositions - after.dispositions
    if before.kind == "picture":
        marks -= {"default"}  # it is the only one there is
    if lost := sorted(marks):
        yield f"{name} is no longer marked as {', '.join(lost)}: {container} does not keep it"


def _about_sound(name: str, before: StreamContents, after: StreamContents) -> Iterator[str]:
    facets = [
        (before.codec or "unknown", after.codec or "unknown"),
        (before.layout or f"{before.channels} channels", after.layout or f"{after.channels} channels"),
        (f"{before.rate} Hz", f"{after.rate} Hz"),
    ]
    if not before.rate:  # the stream begins only later in the file, and its header does not tell
        del facets[1:]
    elif before.channels == after.channels and not (before.layout and after.layout):
        del facets[1]
    changed = [pair for pair in facets if pair[0] != pair[1]]
    if changed:
        was, became = (", ".join(side) for side in zip(*changed, strict=True))
        yield f"{name} was {was} and is {became} now"


# --- pictures


def _about_pictures(
    before: PictureContents, after: PictureContents, carried: Carried, *, is_palette: bool
) -> Iterator[str]:
    if after.bits < before.bits:
        yield f"the source has {before.bits} bits per component; the output has {after.bits} bits"
    was = {"4:2:2": "4:4:0", "4:4:0": "4:2:2"}.get(before.chroma, before.chroma)
    was = was if carried.is_sideways else before.chroma
    if was not in {after.chroma, "gray"} and not is_palette:
        if was == "RGB":
            yield f"the source is RGB; the output stores colour as luma and {after.chroma} chroma"
        else:
            yield f"the chroma of the source is {was}; that of the output is {after.chroma}"
    if before.transparent and not after.transparent:
        yield "the source's transparency was dropped"
    is_tonemapped = before.transfer in {PQ, HLG} and not carried.is_hdr
    if not is_tonemapped and not is_palette:
        yield from _about_colours(before, after)
        yield from _about_hdr(before.hdr, after.hdr)
    lost = before.extras - after.extras
    for extra in sorted(lost - _OF_HDR if is_tonemapped else lost):
        yield f"the {extra} of the source was left out"
    if carried.lost_captions:
        yield "the closed captions of the source were left out"


def _about_colours(before: PictureContents, after: PictureContents) -> Iterator[str]:
    if before.chroma in {"RGB", "gray"}:
        return
    for aspect in _COLOURS:
        was, became = getattr(before, aspect), getattr(after, aspect)
        if was in _UNSAID or was == became or any({was, became} <= same for same in _SAME_COLOURS):
            continue
        yield f"the colour {aspect} of the source (code {was} of ITU-T H.273) became {became}"
    if before.full_range is not None and after.full_range != before.full_range:
        names = {True: "full range", False: "limited range", None: "no stated range"}
        yield f"the source has {names[before.full_range]}; the output has {names[after.full_range]}"


def _about_hdr(before: HdrMetadata | None, after: HdrMetadata | None) -> Iterator[str]:
    if before is None:
        return
    display = after is not None and (after.primaries is not None or before.primaries is None)
    display = display and after is not None and (after.luminance is not None or before.luminance is None)
    light = after is not None and (before.max_cll is None or after.max_cll is not None)
    light = light and after is not None and (before.max_fall is None or after.max_fall is not None)
    lost = [name for name, kept in (("mastering display", display), ("light levels", light)) if not kept]
    if lost:
        yield f"the HDR metadata of the source ({', '.join(lost)}) was left out"


# --- tags and chapters


def _about_tags(
    what: str, before: Mapping[str, str], after: Mapping[str, str], container: str
) -> Iterator[str]:
    kept = {key.lower(): value for key, value in after.items()}
    lost = [key for key in before if key.lower() not in kept]
    changed = [
        key for key, value in before.items() if key.lower() in kept and not _is_same(value, kept[key.lower()])
    ]
    if lost:
        yield f"{what} that {container} does not keep: {_listed(lost)}"
    if changed:
        yield f"{what} that {container} keeps in another form: {_listed(changed)}"


def _is_same(before: str, after: str) -> bool:
    """Whether two values of a tag are equal; places are compared as numbers, as muxers round their digits."""
    if before.strip() == after.strip():
        return True
    places = [_PLACE.match(value) for value in (before, after)]
    if None in places:
        return False
    was, became = ([float(part or 0) for part in place.groups()] for place in places if place is not None)
    return all(abs(one - other) < 1e-4 for one, other in zip(was, became, strict=True))


def _listed(names: Sequence[str]) -> str:
    more = [f"and {len(names) - MOST_NAMED} more"] if len(names) > MOST_NAMED else []
    return ", ".join([*(shown(name) for name in names[:MOST_NAMED]), *more])


def _about_chapters(before: Sequence[str], after: Sequence[str]) -> Iterator[str]:
    if len(after) < len(before):
        lost = len(before) - len(after)
        yield f"{lost} chapters were lost" if lost > 1 else "1 chapter was lost"
    elif list(before) != list(after[: len(before)]):
        yield "the titles of chapters are not all as in the source"
