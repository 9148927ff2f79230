"""Announces the index of an MP4 file that is read over HTTP, and hides the index of sound that is not read.

FFmpeg reads the whole index of an MP4 file when it opens it, and with sound about half of it is that of the
sound (ISO/IEC 14496-12, 8.1). FFmpeg passes over a box that is called `skip` without reading it, so the box
of a track (`trak`) is hidden by that name.
"""

from __future__ import annotations

import io

from orchestrator.media.read.changed_view import ChangedView
from orchestrator.media.read.file_bytes import FileBytes, boxes, open_bytes
from orchestrator.video_source import RemoteSource, VideoSource

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
        for kind, start, inside, stop in boxes(data, 0, data.length):
            if kind != b"moov":
                continue
            needed = start
            for child, place, content, end in boxes(data, inside, stop):
                if child == b"trak" and not sound and _is_sound(data, content, end):
                    hidden.append(place + 4)
                    source.expect(needed, place + 8)
                    needed = end
            source.expect(needed, stop)
    return _WithoutTracks(source, hidden) if hidden else source


def _is_sound(data: FileBytes, start: int, end: int) -> bool:
    """Return whether the handler of a track (`mdia`, `hdlr`) is that of sound."""
    for kind, _, inside, stop in boxes(data, start, end):
        if kind == b"mdia":
            for child, _, content, _ in boxes(data, inside, stop):
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
