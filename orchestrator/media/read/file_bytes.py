"""Reads a few bytes at any place of a file, and the heads of Matroska's elements."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from orchestrator.video_source import VideoSource

EBML, SEGMENT, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1F43B675
SEEK_HEAD, TAGS, CHAPTERS, ATTACHMENTS = 0x114D9B74, 0x1254C367, 0x1043A770, 0x1941A469
"""Ids of Matroska's elements (RFC 9559, 5.1)."""

MOST_BOXES = 1000
"""Most boxes of one level of an MP4 file that are walked. It has a few, and a track for each stream."""


class DamagedElement(Exception):
    """The bytes at a position are not an element: the file is damaged there, or has another format."""


class FileBytes:
    """Reads a file a few bytes at a time, at any place.

    Args:
        file: the open file.
        length: its size in bytes.

    Attributes:
        length: size of the file in bytes.
    """

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._descriptor: int | None = None
        with suppress(OSError):  # a file that is read over HTTP has none
            self._descriptor = file.fileno()
        self.length = length

    def at(self, place: int, count: int) -> bytes:
        """Return `count` bytes, or as many as there are."""
        if place >= self.length:
            return b""
        if self._descriptor is not None:
            return os.pread(self._descriptor, count, place)
        self._file.seek(place)
        return self._file.read(count)

    def number(self, place: int, count: int, order: str = "big") -> int:
        """Return an unsigned integer of `count` bytes."""
        return int.from_bytes(self.at(place, count), "little" if order == "little" else "big")


@contextmanager
def open_bytes(path: VideoSource) -> Iterator[FileBytes]:
    """Open a file for reading at any place."""
    with path.open("rb") as file:
        yield FileBytes(file, path.stat().st_size)


def box_head(data: FileBytes, start: int) -> tuple[bytes, int, int]:
    """Return the kind and the size of a box of MP4, and the position of its content (ISO/IEC 14496-12, 4.2).

    A size of 0 is that of the last box, up to the end of the file.
    """
    size, kind = data.number(start, 4), data.at(start + 4, 4)
    return (kind, data.number(start + 8, 8), start + 16) if size == 1 else (kind, size, start + 8)


def boxes(data: FileBytes, start: int, end: int) -> Iterator[tuple[bytes, int, int, int]]:
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


def ebml_head(data: FileBytes, start: int) -> tuple[int, int | None, int]:
    """Return an element's id, its size or None, and the position of its content (RFC 8794, 4 to 6)."""
    head = data.at(start, 12)
    name_length = 9 - head[0].bit_length()
    if name_length > 4:
        raise DamagedElement
    if len(head) <= name_length:
        return EBML, 0, start + name_length + 1
    size_length = 9 - head[name_length].bit_length()
    if size_length > 8:
        raise DamagedElement
    name = int.from_bytes(head[:name_length])
    size = int.from_bytes(head[name_length : name_length + size_length]) - (1 << 7 * size_length)
    is_unknown = size == (1 << 7 * size_length) - 1
    return name, None if is_unknown else size, start + name_length + size_length
