"""Fetches parts of a file over HTTP by Range requests (RFC 9110, section 14), and checks that the file stays.

The size and the strong ETag of the first answer, or those that are expected, must be those of all others.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Callable
from http.client import HTTPResponse

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

_log = logging.getLogger(__name__)

_RANGE = re.compile(r"bytes (\d{1,19})-(\d{1,19})/(\d{1,19})")
_STRONG_ETAG = re.compile(r'"[\x21\x23-\x7e]{0,200}"')


class RangeRequests:
    """Sends the requests for parts of one file. It is not safe for use by several threads at once.

    Args:
        address: the address, for messages.
        sign: returns the http(s) URL of the next request.
        guard: checks addresses, also those of redirects.
        limits: limits of bytes, and of time and tries of each request.
        stop: ends a request within a second when it is set.
        expected_bytes: size of the file, if it is known.
        expected_etag: strong ETag of the file with its quotes, if it is known.

    Attributes:
        shown: the address without its secrets.
        size: the size of the file in bytes; None until it is known.
        etag: its strong ETag with the quotes; None until it is known, or if the server sends none.
        is_known: whether the server has answered.
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
        expected_bytes: int | None,
        expected_etag: str | None,
    ) -> None:
        if expected_etag is not None and not _STRONG_ETAG.fullmatch(expected_etag):
            raise BadRequest('the expected ETag of the source is not a strong one, such as "5d41402a"')
        self.shown = redacted(address)
        self.size = expected_bytes
        self.etag = expected_etag
        self.is_known = False
        self.fetched_bytes = self.requests = 0
        self._sign = sign
        self._guard = guard
        self._limits = limits
        self._stop = stop
        self._last_modified: str | None = None  # for servers without a strong ETag
        self._failure: WorkerError | None = None

    def fetch(self, start: int, end: int) -> bytes:
        """Return the bytes from `start` to before `end`; fewer only if the file ends there.

        Raises:
            WorkerError: see `RangedFile.stat`. After a failure, each further call raises the same error.
        """
        if self._failure is not None:
            raise self._failure
        try:
            with RetryingTransfer(
                guard=self._guard, limits=self._limits, stop=self._stop, on_retry=_log.warning
            ) as transfer:
                return transfer.retry(
                    lambda: self._attempt(transfer, start, end),
                    what=f"read {self.shown}",
                    failed=DownloadFailed,
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
        if self.etag is not None:
            headers["If-Match"] = self.etag
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
            WorkerError, TryAgain: see `RangedFile.stat`.
        """
        found = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        if response.status == 206 and found:
            first, last, size = (int(number) for number in found.groups())
        elif response.status == 200 and not start and response.length is not None and response.length <= end:
            first, last, size = 0, response.length - 1, response.length  # all of a short file
        elif response.status == 416 and not self.is_known and not start and self.size is None:
            return self._accept(response, 0, 0)  # an empty file has no range
        elif response.status in {412, 416}:
            raise self._other_file("it was replaced or removed")
        elif response.status == 206:
            raise TryAgain("the server sent a part of the file without its place")
        elif response.status == 200:
            raise InputForbidden(
                f"{self.shown} cannot be read in parts: its server does not answer Range requests; put the "
                "file into a store that does, such as R2 or S3, or run it as one ordinary job"
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
        if self.size is not None and size != self.size:
            raise self._other_file(f"it has {size} bytes instead of {self.size}")
        if strong != self.etag and (self.etag is not None or self.is_known):
            raise self._other_file("its ETag is another one")
        if self.is_known and strong is None and changed != self._last_modified:
            raise self._other_file("it was written again")
        if size > self._limits.max_bytes:
            raise InputFileTooLarge(
                f"the input {self.shown} has {size} bytes, and at most {self._limits.max_bytes} are allowed; "
                "give a smaller file"
            )
        if not self.is_known:
            self.size, self.etag, self._last_modified, self.is_known = size, strong, changed, True
        return length

    def _other_file(self, why: str) -> SourceChanged:
        return SourceChanged(
            f"the source {self.shown} has changed: {why}; put the same file back, or start again with the "
            "new one"
        )
