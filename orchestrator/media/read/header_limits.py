"""Refuses files whose headers hold too many or too large tags, chapters or attachments.

FFmpeg reads all of them into memory when it opens a file, attachments about four times, and compares each tag
with all others: 100,000 tags in a file of 3 MB take minutes. So this module first walks the headers of
Matroska and MP4 files, which may be of any size.
"""

from __future__ import annotations

from collections import Counter

from orchestrator.errors import LimitExceeded
from orchestrator.media.read.file_bytes import (
    ATTACHMENTS,
    CHAPTERS,
    CLUSTER,
    SEEK_HEAD,
    SEGMENT,
    TAGS,
    DamagedElement,
    FileBytes,
    box_head,
    ebml_head,
    open_bytes,
)
from orchestrator.video_source import VideoSource

MAX_TAGS = 2_000
"""Most tags of one stream or of the file. FFmpeg takes 0.05 s for them, four times that for twice as many."""

MAX_ALL_TAGS = 20_000
"""Most tags of all streams together: 1000 streams with the statistics of mkvmerge have 8,000."""

MAX_CHAPTERS = 10_000

MAX_ATTACHED_BYTES = 128 * 2**20
"""Largest size of attachments, covers and tags together. Subtitle fonts take some tens of megabytes."""

MAX_TEXT_BYTES = 16 * 2**20
"""Largest size of all tags, and of all chapters, of a Matroska file."""

MAX_INDEX = 10_000
"""Most entries of the index at the start of a Matroska file that are read; programs write fewer than ten."""

MAX_ATTACHMENTS = 900
"""FFmpeg silently ignores attachments after its thousandth stream."""

_TAG, _TARGETS, _SIMPLE_TAG = 0x7373, 0x63C0, 0x67C8
_EDITION, _CHAPTER, _ATTACHED_FILE = 0x45B9, 0xB6, 0x61A7
_SEEK, _SEEK_ID, _SEEK_POSITION = 0x4DBB, 0x53AB, 0x53AC
_PARENTS = frozenset({_TAG, _SIMPLE_TAG, _EDITION, _CHAPTER, _SEEK})
"""Elements of Matroska whose children are read (RFC 9559, 5.1)."""


class _HeaderCounts:
    """Counts the entries of a header, and raises LimitExceeded once there are too many."""

    def __init__(self, path: VideoSource) -> None:
        self._path = path
        self._tags: Counter[bytes] = Counter()
        self._all_tags = self._chapters = self._attachments = self._bytes = 0

    def tag(self, target: bytes) -> None:
        self._tags[target] += 1
        self._all_tags += 1
        if self._tags[target] > MAX_TAGS or self._all_tags > MAX_ALL_TAGS:
            self._refuse(f"more than {MAX_TAGS} tags", "tags")

    def chapter(self) -> None:
        self._chapters += 1
        if self._chapters > MAX_CHAPTERS:
            self._refuse(f"more than {MAX_CHAPTERS} chapters", "chapters")

    def attachment(self) -> None:
        self._attachments += 1
        if self._attachments > MAX_ATTACHMENTS:
            self._refuse(f"more than {MAX_ATTACHMENTS} attachments", "attachments")

    def content(self, size: int, *, is_text: bool) -> None:
        self._bytes += size
        if is_text and size > MAX_TEXT_BYTES:
            self._refuse(f"tags or chapters of {size >> 20} MiB", "tags and chapters")
        if self._bytes > MAX_ATTACHED_BYTES:
            self._refuse(
                f"attachments, covers and tags of {self._bytes >> 20} MiB, and at most "
                f"{MAX_ATTACHED_BYTES >> 20} MiB are taken",
                "attachments and tags",
            )

    def _refuse(self, what: str, which: str) -> None:
        raise LimitExceeded(f"{self._path} has {what}: copy the video without its {which}")


def check_header(path: VideoSource) -> None:
    """Check the header of a Matroska, WebM, MP4 or MOV file before FFmpeg opens it.

    Raises:
        LimitExceeded: it holds too many or too large tags, chapters, covers or attachments.
        OSError: the file cannot be read.
    """
    held = _HeaderCounts(path)
    with open_bytes(path) as data:
        try:
            if data.at(0, 4) == b"\x1a\x45\xdf\xa3":
                _matroska(data, held)
            elif data.at(4, 4) in {b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"}:
                _boxes(data, held)
        except DamagedElement:  # damaged here; FFmpeg does not read on either
            return


def _matroska(data: FileBytes, held: _HeaderCounts) -> None:
    """Check the elements of the segment before its first cluster, and those that its index names."""
    name, start = 0, 0
    while name != SEGMENT:
        name, size, inside = _element(data, start)
        start = inside if name == SEGMENT else inside + size
    segment, seen = start, set[int]()
    places = [segment]
    while places:
        start = places.pop()
        while start < data.length and start not in seen:
            seen.add(start)
            name, size, inside = _element(data, start)
            if name == SEEK_HEAD:
                places += [segment + place for place in _seek_places(data, inside, inside + size)]
            elif name in {ATTACHMENTS, TAGS, CHAPTERS}:
                held.content(size, is_text=name != ATTACHMENTS)
                _count(data, held, inside, inside + size)
            elif name == CLUSTER:
                break
            start = inside + size


def _element(data: FileBytes, start: int) -> tuple[int, int, int]:
    """Return an element's id, its size and the start of its content; the size of a live segment is 0."""
    if start >= data.length:
        raise DamagedElement
    name, size, inside = ebml_head(data, start)
    if size is None and name not in {SEGMENT, CLUSTER}:
        raise DamagedElement
    return name, size or 0, inside


def _count(data: FileBytes, held: _HeaderCounts, start: int, end: int) -> None:
    """Count tags, chapters and attachments among the elements between two positions, and inside those."""
    places = [(start, end, b"")]
    while places:
        start, end, target = places.pop()
        while start < end:
            name, size, inside = _element(data, start)
            if name == _TARGETS:
                target = data.at(inside, min(size, 64))
            elif name == _SIMPLE_TAG:
                held.tag(target)
            elif name == _CHAPTER:
                held.chapter()
            elif name == _ATTACHED_FILE:
                held.attachment()
            start = inside + size
            if name in _PARENTS:
                places.append((start, end, target))
                start, end = inside, min(start, end)


def _seek_places(data: FileBytes, start: int, end: int) -> list[int]:
    """Return the positions of elements in a segment's index, from the segment's start."""
    found: list[int] = []
    while start < end and len(found) < MAX_INDEX:
        name, size, inside = _element(data, start)
        if name == _SEEK_POSITION:
            found.append(data.number(inside, min(size, 8)))
        start = inside if name == _SEEK else inside + size
    return found


_BOXES = frozenset({b"moov", b"trak", b"udta", b"meta", b"ilst", b"moof", b"traf", b"mdia", b"minf"})
_TAG_BOXES = frozenset({b"udta", b"ilst"})


def _boxes(data: FileBytes, held: _HeaderCounts) -> None:
    """Count the tags of MP4 and MOV: the boxes in `udta` and in `ilst` (ISO/IEC 14496-12, 8.10)."""
    # Start and end of boxes, the kind of the box that holds them, and the position of their track.
    places = [(0, data.length, b"", 0)]
    while places:
        start, end, parent, track = places.pop()
        while start + 8 <= end:
            kind, size, inside = box_head(data, start)
            stop = min(start + size, end) if size else end
            if stop < inside:
                raise DamagedElement
            if parent in _TAG_BOXES and kind not in _BOXES:
                held.tag(str(track).encode())
                held.content(stop - inside, is_text=False)
            elif kind in _BOXES:
                # MP4 gives `meta` a version and flags, QuickTime does not.
                inside += 4 if kind == b"meta" and data.number(inside, 4) == 0 else 0
                places.append((stop, end, parent, track))
                track = start if kind == b"trak" else track
                start, end, parent = inside, stop, kind
                continue
            start = stop
