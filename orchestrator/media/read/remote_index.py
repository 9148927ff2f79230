"""Announces the index of an MP4 file that is read over HTTP, and hides the index of sound that is not read.

FFmpeg reads the whole index of an MP4 file when it opens it, and with sound about half of it is that of the
sound (ISO/IEC 14496-12, 8.1). FFmpeg passes over a box that is called `skip` without reading it, so the box
of a track (`trak`) is hidden by that name.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

from orchestrator.media.read.changed_view import ChangedView
from orchestrator.media.read.file_bytes import FileBytes, box_head, open_bytes
from orchestrator.video_source import RemoteSource, VideoSource

MOST_BOXES = 1000
"""Most boxes of one level that are walked. A file has a few, and a track for each of its streams."""

HIDDEN = b"skip"
"""The kind of a box that readers pass over."""

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


class _WithoutTracks(ChangedView):
    """A view in which the boxes whose kinds are at some places have the kind HIDDEN."""

    def __init__(self, source: VideoSource, hidden: list[int]) -> None:
        super().__init__(source)
        self._hidden = hidden

    def bytes_at(self, file: io.BufferedReader, place: int, count: int) -> bytes:
        """Return what the file has, with other names of the hidden boxes."""
        data = bytearray(file.read1(count))
        for hidden in self._hidden:
            first, end = max(hidden, place), min(hidden + len(HIDDEN), place + len(data))
            if first < end:
                data[first - place : end - place] = HIDDEN[first - hidden : end - hidden]
        return bytes(data)
