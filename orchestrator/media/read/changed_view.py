"""Shows FFmpeg a file with other bytes in some places, without changing or copying the file."""

from __future__ import annotations

import io
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Literal

from orchestrator.video_source import Stat, VideoSource, expect

if TYPE_CHECKING:
    from typing_extensions import Buffer


class ChangedView(ABC):
    """Base class: a `VideoSource` that shows another one with changes.

    Args:
        source: the file.
    """

    def __init__(self, source: VideoSource) -> None:
        self._source = source

    @abstractmethod
    def bytes_at(self, file: io.BufferedReader, place: int, count: int) -> bytes:
        """Return what is shown from a place on: `count` bytes or fewer, none only at the end of the file.

        Args:
            file: the file, open, and at this place.
            place: the position in bytes.
            count: at least 1.
        """

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

    def open(self, mode: Literal["rb"]) -> io.BufferedReader:
        """Open the file for reading."""
        return io.BufferedReader(_Handle(self, self._source.open(mode), self._source.stat().st_size))

    def expect(self, first_byte: int, end_byte: int) -> None:
        """Announce that a part of the file will be read."""
        expect(self._source, first_byte, end_byte)


class _Handle(io.RawIOBase):
    """An open view."""

    def __init__(self, view: ChangedView, file: io.BufferedReader, size: int) -> None:
        super().__init__()
        self._view, self._file, self._size = view, file, size
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
        self._file.seek(self._place)
        left = min(len(target), self._size - self._place)
        data = self._view.bytes_at(self._file, self._place, left) if left > 0 else b""
        target[: len(data)] = data
        self._place += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
