"""Bring a file from an http(s) address: resumed, retried, limited, and whole when it is there.

Resuming is RFC 9110, section 14: Range, and If-Range where the server gave a validator. Where it gave none,
the length must be the same. It does NOT know what the file should contain.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from orchestrator.errors import (
    AddressRefused,
    BadMedia,
    DiskFull,
    DownloadFailed,
    InputFileTooLarge,
    ServiceError,
)
from orchestrator.redaction import redacted
from orchestrator.storage.checksum import Checksum, offered
from orchestrator.storage.http_errors import input_refused
from orchestrator.storage.retry import TryAgain
from orchestrator.storage.url import parse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse
    from pathlib import Path

    from orchestrator.storage.transfer import Advance, Transfer

CHUNK_BYTES = 1 << 18
DISK_LOOK_BYTES = 1 << 24
"""Between two looks at the free disk."""
REDIRECTS = 5
"""GitHub's release downloads redirect once; more than a few is a loop."""
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
PLAIN_ENCODINGS = frozenset({"", "identity", "aws-chunked"})
"""AWS SDKs upload with aws-chunked, which the store takes off. Some stores keep the label."""
_CHUNK = re.compile(rb"[0-9a-fA-F]{1,16}(?:;chunk-signature=[0-9a-f]{64})?\r\n")
"""How a body begins that is still in aws-chunked (Amazon S3 API Reference, Transferring in chunks)."""
CHUNK_HEAD_BYTES = 128
_RANGE = re.compile(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)")


def fetch(url: str, path: Path, *, transfer: Transfer, advance: Advance) -> int:
    """Bring a file.

    Args:
        url: http(s) address.
        path: of the new file; nothing is left there after a failure.
        transfer: its limits and its end.
        advance: is told the bytes that are there and, once known, the bytes of the whole file.

    Returns:
        Length of the file, in bytes.

    Raises:
        AddressRefused: the address, or one that it redirects to, may not be touched.
        InputNotFound, InputForbidden, InputFileTooLarge, BadMedia: the server does not give a usable file.
        DownloadFailed: the network failed after all tries, or the time is over.
        DiskFull: too little disk is free.
        Cancelled: a stop was asked for.
        ServiceError: the file cannot be written.
        OSError: it cannot be made.
    """
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        receive(url, file, transfer=transfer, advance=advance)
        return length(file)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)


def receive(url: str, file: int, *, transfer: Transfer, advance: Advance) -> None:
    """Append to an open file what it lacks; like `fetch`, but what came stays there after a failure.

    Args:
        url: see `fetch`, as for the others.
        file: descriptor, open for appending; what it holds is taken for the beginning.
        transfer, advance: see `fetch`.
    """
    transfer.persist(
        _Download(url, file, transfer, advance).attempt,
        what=f"fetch {redacted(url)}",
        failed=DownloadFailed,
        progress=lambda: length(file),
    )


def length(file: int) -> int:
    """Bytes in an open file."""
    return os.fstat(file).st_size


class _Download:
    """What is known about the file on its way here."""

    def __init__(self, url: str, file: int, transfer: Transfer, advance: Advance) -> None:
        self._url = url
        self._file = file
        self._request = transfer.request
        self._limits = transfer.limits
        self._advance = advance
        self._whole: int | None = None
        self._is_chunked = False  # as the server says
        self._validator: str | None = None
        self._checksum: Checksum | None = None  # of the file from its first byte on

    def attempt(self) -> None:
        """Make one request. When this returns, the file is whole."""
        done = length(self._file)
        if done and done == self._whole:
            return
        headers = {"Accept-Encoding": "identity"}
        if done:
            headers["Range"] = f"bytes={done}-"
            if self._validator:
                headers["If-Range"] = self._validator
        with self._following_redirects(headers) as (url, answer):
            self._begin(url, answer, done)
            self._copy(answer)
        if self._is_chunked and _CHUNK.match(os.pread(self._file, CHUNK_HEAD_BYTES, 0)):
            raise BadMedia(
                f"{redacted(self._url)} is stored in the chunks of its upload (aws-chunked), which its store "
                "did not take off; upload it again, without aws-chunked"
            )
        checksum = self._checksum
        if checksum and not checksum.matches():
            self._start_anew()
            raise TryAgain(f"the bytes that came do not have the {checksum.algorithm} that the server gave")

    @contextlib.contextmanager
    def _following_redirects(self, headers: dict[str, str]) -> Iterator[tuple[str, HTTPResponse]]:
        url = self._url
        for _ in range(REDIRECTS + 1):
            with self._request("GET", url, headers=headers) as answer:
                location = answer.headers.get("Location")
                if answer.status not in REDIRECT_STATUS or location is None:
                    yield url, answer
                    return
            url = _redirected(url, location)
        raise AddressRefused(
            f"{redacted(self._url)} redirects more than {REDIRECTS} times; give the last address"
        )

    def _begin(self, url: str, answer: HTTPResponse, done: int) -> None:
        """Judge by the head of an answer whether its body is wanted; empty the file when it starts anew."""
        ranged = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
        start = int(ranged[1]) if ranged and ranged[1] else None
        total = int(ranged[2]) if ranged and ranged[2] != "*" else None
        if answer.status == 200:
            self._start_anew()
            total = answer.length
            self._validator = _validator(answer)
            self._checksum = offered(parse(url), answer.headers)
        elif answer.status in {206, 416} and done:
            whole_already = answer.status == 416 and total == done
            same = (answer.status == 206 and start == done) or whole_already
            if not same or self._is_another(total, answer):
                self._start_anew()
                raise TryAgain(f"the server cannot go on at byte {done}")
        else:
            input_refused(answer, url)
        encodings = {name.strip().lower() for name in answer.headers.get("Content-Encoding", "").split(",")}
        if unknown := encodings - PLAIN_ENCODINGS:
            named = min(unknown)[:20]
            raise BadMedia(
                f"{redacted(url)} comes with Content-Encoding {named!r}; store the file without one"
            )
        self._is_chunked = "aws-chunked" in encodings
        self._whole = total
        self._check_room(length(self._file))

    def _is_another(self, total: int | None, answer: HTTPResponse) -> bool:
        """Whether a part belongs to another file than the part that is here, as far as can be told."""
        known, validator = (self._whole, total), (self._validator, _validator(answer))
        return any(None not in pair and pair[0] != pair[1] for pair in (known, validator))

    def _copy(self, answer: HTTPResponse) -> None:
        done = length(self._file)
        looked = done
        self._advance(done, self._whole)
        while done != self._whole and (chunk := answer.read1(CHUNK_BYTES)):
            self._append(chunk)
            done += len(chunk)
            if done > self._limits.max_bytes or done - looked >= DISK_LOOK_BYTES:
                looked = done
                self._check_room(done)
            self._advance(done, self._whole)
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
            raise ServiceError(f"the input cannot be written: {exc.strerror}; look after the disk") from exc

    def _check_room(self, done: int) -> None:
        """Whether the whole file, as far as its length is known, may be had and fits."""
        size = max(done, self._whole or 0)
        if size > self._limits.max_bytes:
            raise InputFileTooLarge(
                f"the input {redacted(self._url)} has {'' if self._whole else 'at least '}{size} bytes, and "
                f"no more than {self._limits.max_bytes} are taken; give a smaller file"
            )
        disk = os.fstatvfs(self._file)
        if size - done > disk.f_bavail * disk.f_frsize - self._limits.min_free_bytes:
            raise _disk_full()

    def _start_anew(self) -> None:
        if length(self._file):
            os.ftruncate(self._file, 0)
        self._whole = self._validator = self._checksum = None


def _validator(answer: HTTPResponse) -> str | None:
    """What If-Range can name: a strong ETag, else the date of the last change."""
    etag = answer.headers.get("ETag")
    return etag if etag and etag.startswith('"') else answer.headers.get("Last-Modified")


def _redirected(url: str, location: str) -> str:
    """The next address. Raises AddressRefused where it is none, or less safe than the one before."""
    try:
        target = urljoin(url, location)
    except ValueError as exc:
        raise AddressRefused(
            f"{redacted(url)} redirects to what is no address; give the last address"
        ) from exc
    if parse(url).scheme == "https" != parse(target).scheme:
        raise AddressRefused(
            f"{redacted(url)} redirects from https to http; give the https address of the file"
        )
    return target


def _disk_full() -> DiskFull:
    return DiskFull(
        "too little disk is free for the input; try again on a worker with more, or give a smaller file"
    )
