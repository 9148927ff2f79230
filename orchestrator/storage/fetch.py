"""Downloads a file from an http(s) address, resumes it after failures, and verifies its length and checksum.

Resuming is RFC 9110, section 14: Range, and If-Range if the server sent a validator. If it sent none, the
length must be the same.
"""

from __future__ import annotations

import errno
import os
import re
from http.client import HTTPResponse
from pathlib import Path

from orchestrator.errors import DiskFull, DownloadFailed, InputFileTooLarge, ServiceError
from orchestrator.redaction import redacted
from orchestrator.storage.checksum import Checksum, checksum_from_headers
from orchestrator.storage.content_encoding import CHUNK_HEAD_BYTES, has_chunked_label, refuse_chunks
from orchestrator.storage.http_errors import refuse_input
from orchestrator.storage.redirects import following_redirects
from orchestrator.storage.retryable_errors import TryAgain
from orchestrator.storage.retrying_transfer import OnBytes, RetryingTransfer
from orchestrator.storage.url import parse_url

CHUNK_BYTES = 1 << 18
DISK_CHECK_BYTES = 1 << 24
"""How much is received between two checks of the free disk space."""
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


def fetch(url: str, path: Path, *, transfer: RetryingTransfer, on_progress: OnBytes) -> int:
    """Download a file to a new path and return its length, in bytes; see `StorageClient.fetch`.

    Raises:
        ServiceError: the file cannot be written.
        OSError: the file cannot be created.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        fetch_rest(url, file, transfer=transfer, on_progress=on_progress)
        return length(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def fetch_rest(
    url: str,
    file: int,
    *,
    transfer: RetryingTransfer,
    on_progress: OnBytes,
    named: str | None = None,
) -> None:
    """Download the missing rest of a file; like `fetch`, but the received bytes stay after a failure.

    Args:
        url: see `fetch`.
        file: descriptor that is open for appending; it contains the start of the file, or nothing.
        transfer, on_progress: see `fetch`.
        named: the address in messages that say why it cannot be fetched; by default without its path, which
            may be a secret.
    """
    transfer.retry(
        _Download(url, file, transfer, on_progress).attempt,
        what=f"fetch {named or redacted(url)}",
        failed=DownloadFailed,
        progress=lambda: length(file),
    )


def length(file: int) -> int:
    """Return the length of an open file, in bytes."""
    return os.fstat(file).st_size


class _Download:
    """The state of a download over its tries."""

    def __init__(self, url: str, file: int, transfer: RetryingTransfer, on_progress: OnBytes) -> None:
        self._url = url
        self._file = file
        self._request = transfer.request
        self._limits = transfer.limits
        self._on_progress = on_progress
        self._whole: int | None = None
        self._is_chunked = False  # according to the server
        self._validator: str | None = None
        self._checksum: Checksum | None = None  # of the bytes from the first one on

    def attempt(self) -> None:
        """Make one request. When this returns, the file is complete."""
        done = length(self._file)
        if done and done == self._whole:
            return
        headers = {"Accept-Encoding": "identity"}
        if done:
            headers["Range"] = f"bytes={done}-"
            if self._validator:
                headers["If-Range"] = self._validator
        with following_redirects(self._request, self._url, headers) as (url, response):
            self._check_head(url, response, done)
            self._copy(response)
        if self._is_chunked:
            refuse_chunks(os.pread(self._file, CHUNK_HEAD_BYTES, 0), self._url)
        checksum = self._checksum
        if checksum and not checksum.matches():
            self._restart()
            raise TryAgain(f"the bytes that came do not have the {checksum.algorithm} that the server gave")

    def _check_head(self, url: str, response: HTTPResponse, done: int) -> None:
        """Check the head of a response; empty the file if the body starts from the first byte."""
        ranged = _RANGE.fullmatch(response.headers.get("Content-Range", ""))
        start = int(ranged[1]) if ranged and ranged[1] else None
        total = int(ranged[2]) if ranged and ranged[2] != "*" else None
        if response.status == 200:
            self._restart()
            total = response.length
            self._validator = _validator(response)
            self._checksum = checksum_from_headers(parse_url(url), response.headers)
        elif response.status in {206, 416} and done:
            whole_already = response.status == 416 and total == done
            same = (response.status == 206 and start == done) or whole_already
            if not same or self._is_another_file(total, response):
                self._restart()
                raise TryAgain(f"the server cannot go on at byte {done}")
        else:
            refuse_input(response, url)
        self._is_chunked = has_chunked_label(response, url)
        self._whole = total
        self._check_size_and_disk(length(self._file))

    def _is_another_file(self, total: int | None, response: HTTPResponse) -> bool:
        """Return whether a response is known to belong to another file than the bytes received so far."""
        known, validator = (self._whole, total), (self._validator, _validator(response))
        return any(None not in pair and pair[0] != pair[1] for pair in (known, validator))

    def _copy(self, response: HTTPResponse) -> None:
        done = length(self._file)
        checked = done
        self._on_progress(done, self._whole)
        while done != self._whole and (chunk := response.read1(CHUNK_BYTES)):
            self._append(chunk)
            done += len(chunk)
            if done > self._limits.max_bytes or done - checked >= DISK_CHECK_BYTES:
                checked = done
                self._check_size_and_disk(done)
            self._on_progress(done, self._whole)
        if self._whole is not None and done < self._whole:
            raise TryAgain(f"the connection ended at {done} of {self._whole} bytes")
        self._whole = done

    def _append(self, chunk: bytes) -> None:
        if self._checksum:
            self._checksum.update(chunk)
        rest = memoryview(chunk)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as exc:
            if exc.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
                raise _disk_full() from exc
            raise ServiceError(f"the input cannot be written: {exc.strerror}; check the disk") from exc

    def _check_size_and_disk(self, done: int) -> None:
        """Check the size of the file, as far as it is known, against the limit and the free disk space."""
        size = max(done, self._whole or 0)
        if size > self._limits.max_bytes:
            raise InputFileTooLarge(
                f"the input {redacted(self._url)} has {'' if self._whole else 'at least '}{size} bytes, and "
                f"no more than {self._limits.max_bytes} are taken; give a smaller file"
            )
        disk = os.fstatvfs(self._file)
        if size - done > disk.f_bavail * disk.f_frsize - self._limits.min_free_bytes:
            raise _disk_full()

    def _restart(self) -> None:
        if length(self._file):
            os.ftruncate(self._file, 0)
        self._whole = self._validator = self._checksum = None


def _validator(response: HTTPResponse) -> str | None:
    """Return the value for If-Range: a strong ETag, else the date of the last change."""
    etag = response.headers.get("ETag")
    return etag if etag and etag.startswith('"') else response.headers.get("Last-Modified")


def _disk_full() -> DiskFull:
    return DiskFull(
        "too little disk is free for the input; try again on a worker with more, or give a smaller file"
    )
