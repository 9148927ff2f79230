"""Uploads a finished file to an http(s) address: streamed from the disk, and retried from the start.

An object appears when the server has all of it: a PUT that fails leaves nothing.
"""

from __future__ import annotations

import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import IO

from orchestrator.errors import OutputTooLarge, ServiceError, UploadFailed
from orchestrator.media_containers import by_suffix
from orchestrator.redaction import redacted
from orchestrator.storage.checksum import md5_from_etag
from orchestrator.storage.http_errors import STORED_STATUS, refuse_output
from orchestrator.storage.retryable_errors import TryAgain
from orchestrator.storage.retrying_transfer import OnBytes, RetryingTransfer
from orchestrator.storage.url import parse_url

DOCUMENT_TYPES = {
    ".json": "application/json",
    ".ndjson": "application/x-ndjson",
    ".gz": "application/gzip",
}
"""IANA media types of files that are not media, by the last suffix."""


def content_type(path: Path) -> str:
    """Return the Content-Type with which a file of this name is published."""
    if container := by_suffix(path.suffix):
        return container.media_type
    return DOCUMENT_TYPES.get(path.suffix.lower(), "application/octet-stream")


class ObjectExists(Exception):
    """The server has an object at that address, and kept it."""


def publish(
    path: Path, url: str, *, transfer: RetryingTransfer, on_progress: OnBytes, keep_existing: bool = False
) -> bool:
    """Upload a file in one request; see `StorageClient.publish`."""
    size = path.stat().st_size
    if size > transfer.limits.single_put_bytes:
        raise OutputTooLarge(
            f"the output has {size} bytes, and one PUT takes {transfer.limits.single_put_bytes}; give "
            "output_parts for a multipart upload"
        )

    def attempt() -> str:
        section = FileSection(file, 0, size, size, on_progress)
        return put(transfer, url, section, media_type=content_type(path), keep_existing=keep_existing)

    with path.open("rb") as file:
        try:
            transfer.retry(attempt, what=f"put the output to {redacted(url)}", failed=UploadFailed)
        except ObjectExists:
            return False
    return True


class FileSection:
    """A section of a file, as the body of a request. It reports progress when it is read.

    Args:
        file: open for reading in binary mode.
        start: offset of the section in the file, in bytes.
        size: size of the section, in bytes.
        whole: size of the file, in bytes.
        on_progress: see `OnBytes`.
    """

    def __init__(self, file: IO[bytes], start: int, size: int, whole: int, on_progress: OnBytes) -> None:
        self._file = file
        self._done = start
        self._end = start + size
        self._whole = whole
        self._on_progress = on_progress
        self.size = size
        self.md5 = hashlib.md5(usedforsecurity=False)
        file.seek(start)

    def read(self, size: int = -1, /) -> bytes:
        """Return up to `size` bytes, or the rest if `size` is negative; no bytes at the end."""
        self._on_progress(self._done, self._whole)
        left = self._end - self._done
        try:
            data = self._file.read(left if size < 0 else min(size, left))
        except OSError as exc:
            raise ServiceError(f"the output cannot be read: {exc.strerror}; check the disk") from exc
        self._done += len(data)
        self.md5.update(data)
        return data


def put(
    transfer: RetryingTransfer,
    url: str,
    section: FileSection,
    *,
    media_type: str | None,
    keep_existing: bool = False,
) -> str:
    """Upload a section of a file, once.

    Returns:
        The ETag of the response; empty if it has none.

    Raises:
        ObjectExists: there is an object, and `keep_existing` is set.
        TryAgain, AddressRefused, OutputForbidden, Cancelled, OutOfTime: see `publish`.
    """
    headers = {"Content-Length": str(section.size)}
    if media_type:
        headers["Content-Type"] = media_type
    if keep_existing:
        headers["If-None-Match"] = "*"  # RFC 9110, section 13.1.2
    with transfer.request("PUT", url, headers=headers, body=section) as response:
        if keep_existing and response.status == HTTPStatus.PRECONDITION_FAILED:
            raise ObjectExists
        if response.status not in STORED_STATUS:
            refuse_output(response, url, sent=headers)
        stored = md5_from_etag(parse_url(url), response.headers)
        if stored is not None and stored != section.md5.digest():
            raise TryAgain("the server stored other bytes than were sent")
        return str(response.headers.get("ETag", ""))
