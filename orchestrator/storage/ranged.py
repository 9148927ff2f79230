"""Reads a file over HTTP by Range requests as if it were a local one, without storing it on a disk.

Each request goes through the address guard, as a download does. The blocks that came last are kept, so that a
file that is opened several times does not send its head several times.
"""

from __future__ import annotations

import bisect
import io
import threading
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from orchestrator.storage.range_requests import RangeRequests

if TYPE_CHECKING:
    from typing_extensions import Buffer

FIRST_BYTES = 8 << 10
"""The least that a request asks for at a new place. Readers jump to places where they need a few bytes."""
NEXT_BYTES = 32 << 10
"""The least that a request asks for where reading goes on."""
MOST_BYTES = 8 << 20
"""How much a request asks for at most, in an announced part or after a long stretch was read."""
KEPT_BYTES = 48 << 20
"""How much is kept in memory: the index of a film of hours, and a few blocks."""
NEAR_BYTES = 1 << 20
"""A jump forward by no more than this continues a stretch: a reader skips the packets of another stream.
Where a part is announced, little else is read, and the jump may be no longer than what was read before it:
with longer ones, a reader goes from box to box of an MP4 file."""
MOST_PARTS = 64
"""How many of the announced parts are remembered: that of the segment, and those of the index of the file."""
GROWTH = 8
"""Where it is not known how much will be read, a request asks for the stretch before it divided by this, so
that what is received in vain at its end is a small part."""


@dataclass(frozen=True)
class RangedStat:
    """What is known of a file without reading it."""

    st_size: int
    """The size of the file, in bytes."""


@dataclass
class _Block:
    """Bytes of the file that are kept in memory."""

    start: int
    data: bytes
    used: int
    """The number of the last read."""

    @property
    def end(self) -> int:
        return self.start + len(self.data)


class RangedFile:
    """A file that is read over HTTP by ranges; a `VideoSource`. Any number of threads may use it at once.

    All open handles share the blocks in memory. After a failure, each further read raises the same error.

    Args:
        file: sends the requests.
    """

    def __init__(self, file: RangeRequests) -> None:
        self._file = file
        self._parts: deque[tuple[int, int]] = deque(maxlen=MOST_PARTS)  # see `expect`
        self._lock = threading.RLock()
        self._blocks: list[_Block] = []  # in the order of their places; they do not overlap
        self._reads = 0

    def __str__(self) -> str:
        return self._file.shown

    @property
    def name(self) -> str:
        """The last part of its address, without the query."""
        return self._file.shown.rpartition("/")[2] or "video"

    @property
    def fetched_bytes(self) -> int:
        """Number of bytes received so far."""
        return self._file.fetched_bytes

    @property
    def requests(self) -> int:
        """Number of requests answered so far, without redirects."""
        return self._file.requests

    @property
    def etag(self) -> str | None:
        """The strong ETag with its quotes; None if the server sends none. Raises like `stat`."""
        with self._lock:
            if self._file.etag is None:
                self._ask_what_it_is()
            return self._file.etag

    def exists(self) -> bool:
        """Return True. Raises like `stat`, where the error says what the server answered."""
        self.stat()
        return True

    def is_file(self) -> bool:
        """Return True: there are no folders."""
        return True

    def stat(self) -> RangedStat:
        """Return the size of the file, which a request finds out if it was not given.

        Raises:
            AddressRefused: the address, or one that it redirects to, is forbidden.
            InputNotFound, InputFileTooLarge, BadMedia: the server has no usable file.
            InputForbidden: the file may not be read, or the server does not support Range requests.
            SourceChanged: the file is not the expected one, or was replaced since the first request.
            DownloadFailed: all tries failed, or the time limit is reached.
            Cancelled: `stop` was set.
        """
        with self._lock:
            if self._file.size is None:
                self._ask_what_it_is()
            return RangedStat(self._file.size or 0)

    def open(self, mode: Literal["rb"]) -> io.BufferedReader:  # noqa: ARG002  `Path.open` needs it
        """Return a new handle with a position of its own. Its reads raise like `stat`."""
        return io.BufferedReader(_Handle(self))

    def expect(self, first_byte: int, end_byte: int) -> None:
        """Announce that all bytes of a part will be read: see `video_source.expect`."""
        with self._lock:
            if (first_byte, end_byte) not in self._parts:
                self._parts.append((first_byte, end_byte))

    def read_at(self, place: int, count: int) -> bytes:
        """Return at least one and at most `count` bytes from a place on; none at the end of the file.

        Raises:
            WorkerError: see `stat`.
        """
        with self._lock:
            if place >= self.stat().st_size or count <= 0:
                return b""
            block = self._block(place, count)
            self._reads += 1
            block.used = self._reads
            return block.data[place - block.start :][:count]

    def _ask_what_it_is(self) -> None:
        """Fetch the head of the file, unless the server has answered before."""
        if not self._file.is_known and not self._blocks:
            data = self._file.fetch(0, FIRST_BYTES)
            if data:
                self._blocks.append(_Block(0, data, 0))

    def _block(self, place: int, count: int) -> _Block:
        """Return the block that holds a place where `count` bytes are read; fetch it if it is not kept."""
        index = bisect.bisect_right(self._blocks, place, key=lambda block: block.start)
        before = self._blocks[index - 1] if index else None
        if before is not None and place < before.end:
            return before
        end = min(place + self._length(place, count, index), self._file.size or 0)
        if index < len(self._blocks):
            end = min(end, self._blocks[index].start)
        block = _Block(place, self._file.fetch(place, end), self._reads)
        self._blocks.insert(index, block)
        self._forget(block)
        return block

    def _length(self, place: int, count: int, index: int) -> int:
        """Return how many bytes to ask for at a place, before the block at `index`."""
        left = max((end - place for first, end in self._parts if first <= place < end), default=0)
        if left:
            return min(left, MOST_BYTES)
        goes_on = index > 0 and self._blocks[index - 1].end == place
        least = NEXT_BYTES if goes_on else FIRST_BYTES
        return min(max(self._stretch(place, index) // GROWTH, least, count), MOST_BYTES)

    def _stretch(self, place: int, index: int) -> int:
        """Return how many bytes before a place were read without a long jump, as far as they are kept."""
        stretch, start = 0, place
        ends = {end for _, end in self._parts}
        for block in reversed(self._blocks[:index]):
            near = min(NEAR_BYTES, stretch + len(block.data)) if self._parts else NEAR_BYTES
            if start - block.end > near or block.end in ends:
                break
            stretch, start = stretch + len(block.data), block.start
        return stretch

    def _forget(self, newest: _Block) -> None:
        """Drop the blocks that were not read for longest, except the newest one."""
        kept = sum(len(block.data) for block in self._blocks)
        while kept > KEPT_BYTES:
            oldest = min(
                (block for block in self._blocks if block is not newest), key=lambda block: block.used
            )
            self._blocks.remove(oldest)
            kept -= len(oldest.data)


class _Handle(io.RawIOBase):
    """An open file: its position, and what `io` needs."""

    def __init__(self, source: RangedFile) -> None:
        self._source = source
        self._place = 0

    @property
    def name(self) -> str:
        return self._source.name

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        target = memoryview(buffer).cast("B")
        data = self._source.read_at(self._place, len(target))
        target[: len(data)] = data
        self._place += len(data)
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        if whence == io.SEEK_CUR:
            offset += self._place
        elif whence == io.SEEK_END:
            offset += self._source.stat().st_size
        if offset < 0:
            raise ValueError("a position cannot be negative")
        self._place = offset
        return offset

    def tell(self) -> int:
        return self._place
