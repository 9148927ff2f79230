"""Put a finished file to an http(s) address: streamed from the disk, and tried again from its beginning.

An object appears when the server has all of it: a PUT that fails leaves nothing. It does NOT know how a file
is made; uploading begins when it is whole.
"""

from __future__ import annotations

import hashlib
from typing import IO, TYPE_CHECKING

from orchestrator.containers import by_suffix
from orchestrator.errors import OutputTooLarge, ServiceError, UploadFailed
from orchestrator.redaction import redacted
from orchestrator.storage.checksum import etag_md5
from orchestrator.storage.http_errors import STORED_STATUS, output_refused
from orchestrator.storage.retry import TryAgain
from orchestrator.storage.url import parse

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.storage.transfer import Advance, Transfer

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


def publish(path: Path, url: str, *, transfer: Transfer, advance: Advance) -> None:
    """Put a file in one request.

    Args:
        path: of the file, whole and not written to any more; its suffix gives the Content-Type.
        url: http(s) address that takes a PUT.
        transfer: its limits and its end.
        advance: is told the bytes that are sent, and the bytes of the whole file.

    Raises:
        AddressRefused: the address may not be touched.
        OutputForbidden: the server does not take the file.
        OutputTooLarge: the file is too large for one request.
        UploadFailed: the network failed after all tries, or the time is over.
        Cancelled: a stop was asked for.
    """
    size = path.stat().st_size
    if size > transfer.limits.single_put_bytes:
        raise OutputTooLarge(
            f"the output has {size} bytes, and one PUT takes {transfer.limits.single_put_bytes}; give "
            "output_parts for a multipart upload"
        )
    with path.open("rb") as file:
        transfer.persist(
            lambda: put(
                transfer, url, UploadBody(file, 0, size, size, advance), media_type=content_type(path)
            ),
            what=f"put the output to {redacted(url)}",
            failed=UploadFailed,
        )


class UploadBody:
    """A section of a file, as the body of one request; it tells how far it is.

    Args:
        file: open for reading, binary.
        start: first byte of the section.
        size: its bytes.
        whole: bytes of the file.
        advance: is told the bytes of the file that are sent.
    """

    def __init__(self, file: IO[bytes], start: int, size: int, whole: int, advance: Advance) -> None:
        self._file = file
        self._done = start
        self._end = start + size
        self._whole = whole
        self._advance = advance
        self.size = size
        self.md5 = hashlib.md5(usedforsecurity=False)
        file.seek(start)

    def read(self, size: int = -1, /) -> bytes:
        """Give up to `size` bytes, all that are left if it is negative; none at the end."""
        self._advance(self._done, self._whole)
        left = self._end - self._done
        try:
            data = self._file.read(left if size < 0 else min(size, left))
        except OSError as exc:
            raise ServiceError(f"the output cannot be read: {exc.strerror}; look after the disk") from exc
        self._done += len(data)
        self.md5.update(data)
        return data


def put(transfer: Transfer, url: str, section: UploadBody, *, media_type: str | None) -> str:
    """Put a section of a file, once.

    Returns:
        The ETag that the server gave; empty where it gave none.

    Raises:
        TryAgain, AddressRefused, OutputForbidden, Cancelled, OutOfTime: see `publish`.
    """
    headers = {"Content-Length": str(section.size)}
    if media_type:
        headers["Content-Type"] = media_type
    with transfer.request("PUT", url, headers=headers, body=section) as answer:
        if answer.status not in STORED_STATUS:
            output_refused(answer, url, sent=headers)
        stored = etag_md5(parse(url), answer.headers)
        if stored is not None and stored != section.md5.digest():
            raise TryAgain("the server stored other bytes than were sent")
        return str(answer.headers.get("ETag", ""))
