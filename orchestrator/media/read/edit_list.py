"""Counts the parts of a video that the edit list of an MP4 file shows (ISO/IEC 14496-12, 8.6.6)."""

from __future__ import annotations

from orchestrator.media.read.file_bytes import FileBytes, boxes, open_bytes
from orchestrator.video_source import VideoSource

MOST_EDITS = 1000
"""Most entries of an edit list that are looked at: files have a few."""

_EMPTY = 0xFF
"""Each byte of the place of an entry that shows nothing, such as the one of a video that begins late."""


def most_parts_shown(source: VideoSource) -> int:
    """Return how many parts the edit list of a video track shows, the most of all video tracks.

    Args:
        source: an MP4 or MOV file; others have no such list.
    """
    with open_bytes(source) as file:
        for kind, _, inside, end in boxes(file, 0, file.length):
            if kind == b"moov":
                tracks = (box[2:] for box in boxes(file, inside, end) if box[0] == b"trak")
                return max((_parts(file, *track) for track in tracks if _is_video(file, *track)), default=0)
            if kind == b"moof":
                break
    return 0


def _is_video(file: FileBytes, start: int, end: int) -> bool:
    """Return whether the handler of a track (`mdia`, `hdlr`) is that of a video."""
    handlers = _inside(file, start, end, b"mdia", b"hdlr")
    return any(file.at(inside + 8, 4) == b"vide" for inside in handlers)


def _parts(file: FileBytes, start: int, end: int) -> int:
    """Return how many entries of a track's edit list (`edts`, `elst`) show something."""
    parts = 0
    for inside in _inside(file, start, end, b"edts", b"elst"):
        size = 8 if file.number(inside, 1) else 4
        for number in range(min(file.number(inside + 4, 4), MOST_EDITS)):
            place = inside + 8 + number * (2 * size + 4) + size
            parts += file.at(place, size) != bytes([_EMPTY]) * size
    return parts


def _inside(file: FileBytes, start: int, end: int, parent: bytes, child: bytes) -> list[int]:
    """Return where the content of boxes of one kind begins, in boxes of another kind."""
    parents = [box[2:] for box in boxes(file, start, end) if box[0] == parent]
    return [box[2] for part in parents for box in boxes(file, *part) if box[0] == child]
