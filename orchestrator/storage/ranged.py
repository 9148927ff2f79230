"""Reads parts of a file over HTTP by Range requests (RFC 9110, section 14), without storing it on a disk.

Each request goes through the address guard, as a download does. The blocks that came last are kept, so that a
file that is opened several times does not send its head several times.
"""

from __future__ import annotations

import bisect
import io
import logging
import re
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.client import HTTPResponse
from typing import TYPE_CHECKING, BinaryIO, Literal

from orchestrator.errors import (
    BadRequest,
    Cancelled,
    DownloadFailed,
    InputFileTooLarge,
    InputForbidden,
    SourceChanged,
    WorkerError,
)
from orchestrator.redaction import redacted
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.content_encoding import CHUNK_HEAD_BYTES, has_chunked_label, refuse_chunks
from orchestrator.storage.http_errors import refuse_input
from orchestrator.storage.redirects import following_redirects
from orchestrator.storage.retryable_errors import TryAgain
from orchestrator.storage.retrying_transfer import RetryingTransfer, TransferLimits

if TYPE_CHECKING:
    from typing_extensions import Buffer

_log = logging.getLogger(__name__)

FIRST_BYTES = 1 << 15
"""How much a request asks for at a new place. FFmpeg reads as much at a time."""
MOST_BYTES = 8 << 20
"""How much a request asks for at most, in an announced part or after a long stretch was read."""
KEPT_BYTES = 48 << 20
"""How much is kept in memory: the index of a film of hours, and a few blocks."""
NEAR_BYTES = 1 << 20
"""A jump forward by no more than this continues a stretch: a reader skips the packets of another stream."""
MOST_PARTS = 64
"""How many of the announced parts are remembered: that of the segment, and those of the index of the file."""
GROWTH = 8
"""Where it is not known how much will be read, a request asks for the stretch before it divided by this, so
that what is received in vain at its end is a small part."""

_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')


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
        address: the address, for messages.
        sign: returns the http(s) URL of the next request.
        guard: checks addresses, also those of redirects.
        limits: limits of bytes, and of time and tries of each request.
        stop: ends a request within a second when it is set.
        expected_bytes: size of the file, if it is known.
        expected_etag: strong ETag of the file with its quotes, if it is known.

    Attributes:
        fetched_bytes: number of bytes received so far.
        requests: number of requests answered so far, without redirects.

    Raises:
        BadRequest: `expected_etag` is not a strong ETag.
    """

    def __init__(
        self,
        address: str,
        *,
        sign: Callable[[], str],
        guard: AddressGuard,
        limits: TransferLimits,
        stop: threading.Event,
        expected_bytes: int | None = None,
        expected_etag: str | None = None,
    ) -> None:
        if expected_etag is not None and not _STRONG_ETAG.fullmatch(expected_etag):
            raise BadRequest('the expected ETag of the source is not a strong one, such as "5d41402a"')
        self.fetched_bytes = self.requests = 0
        self._shown = redacted(address)
        self._sign = sign
        self._guard = guard
        self._limits = limits
        self._stop = stop
        self._size = expected_bytes
        self._etag = expected_etag
        self._parts: deque[tuple[int, int]] = deque(maxlen=MOST_PARTS)  # see `expect`
        self._last_modified: str | None = None  # for servers without a strong ETag
        self._is_known = False  # the server has answered
        self._failure: WorkerError | None = None
        self._lock = threading.RLock()
        self._blocks: list[_Block] = []  # in the order of their places; they do not overlap
        self._reads = 0

    def __str__(self) -> str:
        return self._shown

    @property
    def name(self) -> str:
        """The last part of its address, without the query."""
        return self._shown.rpartition("/")[2] or "video"

    @property
    def etag(self) -> str | None:
        """The strong ETag with its quotes; None if the server sends none. Raises like `stat`."""
        with self._lock:
            if self._etag is None:
                self._know()
            return self._etag

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
            if self._size is None:
                self._know()
            return RangedStat(self._size or 0)

    def open(self, mode: Literal["rb"]) -> BinaryIO:  # noqa: ARG002  `Path.open` needs it
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
            block = self._block(place)
            self._reads += 1
            block.used = self._reads
            return block.data[place - block.start :][:count]

    def _know(self) -> None:
        """Fetch the head of the file, unless the server has answered before."""
        if not self._is_known and not self._blocks:
            data = self._fetch(0, FIRST_BYTES)
            if data:
                self._blocks.append(_Block(0, data, 0))

    def _block(self, place: int) -> _Block:
        """Return the block that holds a place, and fetch it if it is not kept."""
        index = bisect.bisect_right(self._blocks, place, key=lambda block: block.start)
        before = self._blocks[index - 1] if index else None
        if before is not None and place < before.end:
            return before
        end = min(place + self._length(place, index), self._size or 0)
        if index < len(self._blocks):
            end = min(end, self._blocks[index].start)
        block = _Block(place, self._fetch(place, end), self._reads)
        self._blocks.insert(index, block)
        self._forget(block)
        return block

    def _length(self, place: int, index: int) -> int:
        """Return how many bytes to ask for at a place, before the block at `index`."""
        left = max((end - place for first, end in self._parts if first <= place < end), default=0)
        if left:
            return min(left, MOST_BYTES)
        return min(max(self._stretch(place, index) // GROWTH, FIRST_BYTES), MOST_BYTES)

    def _stretch(self, place: int, index: int) -> int:
        """Return how many bytes before a place were read without a long jump, as far as they are kept."""
        stretch, start = 0, place
        ends = {end for _, end in self._parts}
        for block in reversed(self._blocks[:index]):
            if start - block.end > NEAR_BYTES or block.end in ends:
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

    def _fetch(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`; fewer only if the file ends there."""
        if self._failure is not None:
            raise self._failure
        try:
            with RetryingTransfer(
                guard=self._guard, limits=self._limits, stop=self._stop, on_retry=_log.warning
            ) as transfer:
                return transfer.retry(
                    lambda: self._attempt(transfer, start, end), what=f"read {self}", failed=DownloadFailed
                )
        except WorkerError as exc:
            self._failure = exc
            if self._stop.is_set() and not isinstance(exc, Cancelled):
                # The stop cut off the answer.
                self._failure = Cancelled(
                    "the transfer was asked to stop; start it again if you still need it"
                )
                raise self._failure from exc
            raise

    def _attempt(self, transfer: RetryingTransfer, start: int, end: int) -> bytes:
        headers = {"Accept-Encoding": "identity", "Range": f"bytes={start}-{end - 1}"}
        if self._etag is not None:
            headers["If-Match"] = self._etag
        with following_redirects(transfer.request, self._sign(), headers) as (url, response):
            self.requests += 1
            length = self._check(response, url, start, end)
            is_chunked = has_chunked_label(response, url)
            data = response.read(length) if length else b""
            self.fetched_bytes += len(data)
        if len(data) < length:
            raise TryAgain(f"the connection ended at {len(data)} of {length} bytes")
        if is_chunked and start == 0:
            refuse_chunks(data[:CHUNK_HEAD_BYTES], url)
        return data

    def _check(self, response: HTTPResponse, url: str, start: int, end: int) -> int:
        """Check the head of an answer, and return the length of its body.

        Raises:
            WorkerError, TryAgain: see `stat`.
        """
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status == 206 and found:
            first, last, size = (int(number) for number in found.groups())
        elif response.status == 200 and not start and response.length is not None and response.length <= end:
            first, last, size = 0, response.length - 1, response.length  # all of a short file
        elif response.status == 416 and not self._is_known and not start and self._size is None:
            return self._accept(response, 0, 0)  # an empty file has no range
        elif response.status in {412, 416}:
            raise self._other_file("it was replaced or removed")
        elif response.status == 206:
            raise TryAgain("the server sent a part of the file without its place")
        elif response.status == 200:
            raise InputForbidden(
                f"{self} cannot be read in parts: its server does not answer Range requests; put the file "
                "into a store that does, such as R2 or S3, or run it as one ordinary job"
            )
        else:
            refuse_input(response, url)
        length = last + 1 - first
        if first != start or last >= end or length < min(end, size) - start:
            raise TryAgain("the server sent another part of the file than was asked for")
        return self._accept(response, size, length)

    def _accept(self, response: HTTPResponse, size: int, length: int) -> int:
        """Check that an answer belongs to the expected file, and return `length`."""
        etag = response.headers.get("ETag", "")
        strong = etag if _STRONG_ETAG.fullmatch(etag) else None
        changed = response.headers.get("Last-Modified")
        if self._size is not None and size != self._size:
            raise self._other_file(f"it has {size} bytes instead of {self._size}")
        if strong != self._etag and (self._etag is not None or self._is_known):
            raise self._other_file("its ETag is another one")
        if self._is_known and strong is None and changed != self._last_modified:
            raise self._other_file("it was written again")
        if size > self._limits.max_bytes:
            raise InputFileTooLarge(
                f"the input {self} has {size} bytes, and at most {self._limits.max_bytes} are allowed; "
                "give a smaller file"
            )
        if not self._is_known:
            self._size, self._etag, self._last_modified, self._is_known = size, strong, changed, True
        return length

    def _other_file(self, why: str) -> SourceChanged:
        return SourceChanged(
            f"the source {self} has changed: {why}; put the same file back, or start again with the new one"
        )


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
