"""Describes what a video can be read from: a local file, or a file that is read over HTTP by ranges.

`pathlib.Path` is such a source without further ado; `storage.ranged.RangedFile` is another.
"""

from __future__ import annotations

from typing import BinaryIO, Literal, Protocol


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

    def open(self, mode: Literal["rb"]) -> BinaryIO:
        """Open it for reading, with `seek` and `read`."""
        ...
