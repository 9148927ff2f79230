"""Describes what a video can be read from: a local file, or a file that is read over HTTP by ranges.

`pathlib.Path` is such a source without further ado; `storage.ranged.RangedFile` is another.
"""

from __future__ import annotations

import io
from typing import Literal, Protocol, runtime_checkable


class Stat(Protocol):
    """The part of `os.stat_result` that is used."""

    @property
    def st_size(self) -> int:
        """The size of the file, in bytes."""
        ...


class VideoSource(Protocol):
    """A file that can be opened for reading. `str()` names it in messages, without secrets."""

    @property
    def name(self) -> str:
        """The last part of its name."""
        ...

    def exists(self) -> bool:
        """Return whether it exists."""
        ...

    def is_file(self) -> bool:
        """Return whether it is a file, not a folder."""
        ...

    def stat(self) -> Stat:
        """Return its size."""
        ...

    def open(self, mode: Literal["rb"]) -> io.BufferedReader:
        """Open it for reading."""
        ...


@runtime_checkable
class RemoteSource(VideoSource, Protocol):
    """A `VideoSource` that is not on this machine."""

    def expect(self, first_byte: int, end_byte: int) -> None:
        """Announce that all bytes from `first_byte` to before `end_byte` will be read."""
        ...


def expect(source: VideoSource, first_byte: int, end_byte: int) -> None:
    """Announce that all bytes of a part of a source will be read, such as those of a segment.

    A source that is read over HTTP then takes few requests for the part, and none of them goes beyond it. All
    other bytes can be read as well. A local file ignores it.
    """
    if isinstance(source, RemoteSource):
        source.expect(first_byte, end_byte)
