"""Announces the index of an MP4 file that is read over HTTP, and hides the index of sound that is not read.

FFmpeg reads the whole index of an MP4 file when it opens it, and with sound about half of it is that of the
sound (ISO/IEC 14496-12, 8.1). FFmpeg passes over a box that is called `skip` without reading it, so the box
of a track (`trak`) is hidden by that name.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, BinaryIO, Literal

from orchestrator.media.read.file_bytes import FileBytes, box_head, open_bytes
from orchestrator.video_source import RemoteSource, Stat, VideoSource

if TYPE_CHECKING:
    from typing_extensions import Buffer

MOST_BOXES = 1000
"""Most boxes of one level that are walked. A file has a few, and a track for each of its streams."""

_HIDDEN = b"skip"
_FIRST_BOXES = frozenset({b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip"})


def prepare_index(source: RemoteSource, *, sound: bool) -> VideoSource:
    """Announce the parts of the index of an MP4 or MOV file that FFmpeg will read; other files have none.

    Args:
        source: the file.
        sound: whether its sound is read.

    Returns:
        The file, or a view of it without tracks of sound.
    """
    hidden: list[int] = []
    with open_bytes(source) as data:
        if data.at(4, 4) not in _FIRST_BOXES:
            return source
        for kind, start, inside, stop in _boxes(data, 0, data.length):
            if kind != b"moov":
                continue
            needed = start
            for child, place, content, end in _boxes(data, inside, stop):
                if child == b"trak" and not sound and _is_sound(data, content, end):
                    hidden.append(place + 4)
                    source.expect(needed, place + 8)
                    needed = end
            source.expect(needed, stop)
    return _WithoutTracks(source, hidden) if hidden else source


def _boxes(data: FileBytes, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the kind of each box, where it begins, where its content begins, and where it ends."""
    for _ in range(MOST_BOXES):
        if start + 8 > end:
            return
        kind, size, inside = box_head(data, start)
        stop = min(start + size, end) if size else end
        if stop < inside:
            return
        yield kind, start, inside, stop
        start = stop


def _is_sound(data: FileBytes, start: int, end: int) -> bool:
    """Return whether the handler of a track (`mdia`, `hdlr`) is that of sound."""
    for kind, _, inside, stop in _boxes(data, start, end):
        if kind == b"mdia":
            for child, _, content, _ in _boxes(data, inside, stop):
                if child == b"hdlr":
                    return data.at(content + 8, 4) == b"soun"
    return False


class _WithoutTracks:
    """A view of a file in which some boxes have another name; a `VideoSource`."""

    def __init__(self, source: VideoSource, hidden: list[int]) -> None:
        self._source = source
        self._hidden = hidden

    def __str__(self) -> str:
        return str(self._source)

    @property
    def name(self) -> str:
        return self._source.name

    def exists(self) -> bool:
        return self._source.exists()

    def is_file(self) -> bool:
        return self._source.is_file()

    def stat(self) -> Stat:
        return self._source.stat()

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        return io.BufferedReader(_Handle(self._source.open(mode), self._hidden, self.name))


class _Handle(io.RawIOBase):
    """A handle that gives the boxes at some places another name."""

    def __init__(self, file: BinaryIO, hidden: list[int], name: str) -> None:
        self._file = file
        self._hidden = hidden
        self.name = name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        start = self._file.tell()
        data = self._file.read(len(target))
        target[: len(data)] = data
        for place in self._hidden:
            first, end = max(place, start), min(place + len(_HIDDEN), start + len(data))
            if first < end:
                target[first - start : end - start] = _HIDDEN[first - place : end - place]
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
