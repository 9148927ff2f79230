"""Reads an MP4 file without its media data: only the index of the file is fetched.

FFmpeg lists the packets of an MP4 file from its index, and reads the data of each as it goes. Here it gets
zeros instead of the data, so that times and sizes of an hour of film cost a few megabytes of reading.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, BinaryIO, Literal

from orchestrator.media.read.file_bytes import box_head, open_bytes
from orchestrator.video_source import Stat, VideoSource, expect

if TYPE_CHECKING:
    from typing_extensions import Buffer

MOST_BOXES = 1000
"""Most boxes at the top of a file that are walked; usual files have four."""


class IndexOnly:
    """A `VideoSource` that gives zeros in place of the media data once `skips_data` is set.

    Args:
        source: the file.
        data: where its media data are: the first byte of each part and the one after its last, in order.

    Attributes:
        skips_data: whether zeros are given. FFmpeg looks at the first data when it opens a file.
    """

    def __init__(self, source: VideoSource, data: tuple[tuple[int, int], ...]) -> None:
        self.skips_data = False
        self._source = source
        self._data = data

    def __str__(self) -> str:
        return str(self._source)

    @property
    def name(self) -> str:
        """The last part of the file's name."""
        return self._source.name

    def exists(self) -> bool:
        """Return whether the file exists."""
        return self._source.exists()

    def is_file(self) -> bool:
        """Return whether it is a file."""
        return self._source.is_file()

    def stat(self) -> Stat:
        """Return the size of the file."""
        return self._source.stat()

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open the file for reading."""
        return io.BufferedReader(_Handle(self, self._source.open(mode), self._source.stat().st_size))

    def expect(self, first_byte: int, end_byte: int) -> None:
        """Announce that a part of the file will be read."""
        expect(self._source, first_byte, end_byte)

    def zeros_from(self, place: int) -> tuple[int, int]:
        """Return how many bytes from a place on are given as zeros, or else how many are given as they are.

        One of the two is 0. The second ends at the next part of the media data, or is very large.
        """
        if not self.skips_data:
            return 0, io.DEFAULT_BUFFER_SIZE * 1024
        for first, end in self._data:
            if place < first:
                return 0, first - place
            if place < end:
                return end - place, 0
        return 0, io.DEFAULT_BUFFER_SIZE * 1024


class _Handle(io.RawIOBase):
    """Reads the file, and jumps over the media data."""

    def __init__(self, source: IndexOnly, file: BinaryIO, size: int) -> None:
        super().__init__()
        self._source, self._file, self._size = source, file, size
        self._place = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        self._place = max(base + offset, 0)
        return self._place

    def tell(self) -> int:
        return self._place

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        zeros, others = self._source.zeros_from(self._place)
        if zeros:
            count = min(len(target), zeros, max(self._size - self._place, 0))
            target[:count] = bytes(count)
        else:
            self._file.seek(self._place)
            data = self._file.read(min(len(target), others))
            count = len(data)
            target[:count] = data
        self._place += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def index_only(source: VideoSource) -> IndexOnly | None:
    """Return a source without the media data; None if the file is no MP4 with one index for all of it.

    A fragmented file has none: each fragment has its own index.
    """
    data, has_index = [], False
    with open_bytes(source) as file:
        place, boxes = 0, 0
        while place < file.length:
            kind, size, content = box_head(file, place)
            boxes += 1
            if kind == b"moof" or not kind.isascii() or boxes > MOST_BOXES or 0 < size < content - place:
                return None
            if boxes == 1 and kind not in {b"ftyp", b"moov", b"mdat", b"free", b"skip", b"wide"}:
                return None
            end = place + size if size else file.length
            has_index |= kind == b"moov"
            if kind == b"mdat":
                data.append((content, min(end, file.length)))
            place = end
    return IndexOnly(source, tuple(data)) if has_index else None
