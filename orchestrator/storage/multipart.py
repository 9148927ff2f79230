"""Put a finished file in parts, by presigned addresses (Amazon S3 API Reference, CompleteMultipartUpload).

Nothing appears at the destination before all parts are there and the upload is completed; when anything
fails, the upload is aborted, so that no parts are left to be paid for.
"""

from __future__ import annotations

import html
import logging
import threading
from dataclasses import replace
from functools import partial
from typing import IO, TYPE_CHECKING

from orchestrator.errors import OutputTooLarge, UploadFailed, WorkerError
from orchestrator.redaction import redacted
from orchestrator.storage.http_errors import DOCUMENT_BYTES, STORED_STATUS, error_code, output_refused
from orchestrator.storage.publish import UploadBody, put
from orchestrator.storage.retry import TryAgain
from orchestrator.storage.transfer import Transfer

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.jobs import OutputParts
    from orchestrator.storage.transfer import Advance

ABORT_S = 3.0
"""An abort that takes longer is left to the bucket's lifecycle rule: a worker that must stop has 5 s."""
_log = logging.getLogger(__name__)


def publish_parts(path: Path, parts: OutputParts, *, transfer: Transfer, advance: Advance) -> None:
    """Put a file in parts, one after the other.

    Args:
        path: of the file, whole and not written to any more.
        parts: where to. Its Content-Type was given when the upload was created.
        transfer: its limits and its end; an abort takes ABORT_S more at most.
        advance: is told the bytes that are sent, and the bytes of the whole file.

    Raises:
        OutputTooLarge: there are too few part addresses.
        AddressRefused, OutputForbidden, UploadFailed, Cancelled: see `publish.publish`.
    """
    try:
        with path.open("rb") as file:
            etags = _put_all(file, path.stat().st_size, parts, transfer, advance)
        completion = _Completion(transfer, parts.complete_url, etags)
        transfer.persist(completion.attempt, what=_what(parts), failed=UploadFailed)
    except BaseException:
        _abort(parts.abort_url, transfer)
        raise


def _put_all(
    file: IO[bytes], whole: int, parts: OutputParts, transfer: Transfer, advance: Advance
) -> list[str]:
    """Put the parts and give their ETags, in order."""
    starts = range(0, whole, parts.part_bytes)
    if len(starts) > len(parts.urls):
        raise OutputTooLarge(
            f"the output has {whole} bytes, which is {len(starts)} parts of {parts.part_bytes}, and there "
            f"are {len(parts.urls)} part URLs; give more of them, or larger parts"
        )

    def put_part(url: str, start: int) -> str:
        section = UploadBody(file, start, min(parts.part_bytes, whole - start), whole, advance)
        etag = put(transfer, url, section, media_type=None)
        if not etag:
            raise TryAgain("the server took a part and gave no ETag for it")
        return etag

    return [
        transfer.persist(partial(put_part, url, start), what=_what(parts), failed=UploadFailed)
        for url, start in zip(parts.urls, starts, strict=False)
    ]


class _Completion:
    """Joins the parts. A server may have done so although its answer was lost."""

    def __init__(self, transfer: Transfer, url: str, etags: list[str]) -> None:
        self._transfer = transfer
        self._url = url
        self._document = (
            "<CompleteMultipartUpload>"
            + "".join(
                f"<Part><PartNumber>{number}</PartNumber><ETag>{html.escape(etag, quote=False)}</ETag></Part>"
                for number, etag in enumerate(etags, start=1)
            )
            + "</CompleteMultipartUpload>"
        ).encode()
        self._asked_before = False

    def attempt(self) -> None:
        """Ask once."""
        headers = {"Content-Type": "application/xml"}
        asked_before, self._asked_before = self._asked_before, True
        with self._transfer.request("POST", self._url, headers=headers, body=self._document) as answer:
            if answer.status == 404 and asked_before:
                return  # no such upload any more: the request whose answer was lost has joined the parts
            if answer.status not in STORED_STATUS:
                output_refused(answer, self._url, sent=headers)
            # S3 begins its answer before it knows: an error may stand in the body of a 200.
            if code := error_code(answer.read(DOCUMENT_BYTES)):
                raise TryAgain(f"the server answered {code}")


def _abort(url: str, transfer: Transfer) -> None:
    """Drop the parts that are there, in spite of a stop that was asked for."""
    limits = replace(
        transfer.limits, total_s=ABORT_S, connect_s=ABORT_S, read_s=ABORT_S, tries=2, backoff_s=0.2
    )
    with Transfer(guard=transfer.guard, limits=limits, stop=threading.Event(), on_retry=_log.info) as brief:

        def attempt() -> None:
            with brief.request("DELETE", url, headers={}) as answer:
                if answer.status not in STORED_STATUS | {404}:
                    output_refused(answer, url)

        try:
            brief.persist(attempt, what=f"abort the upload to {redacted(url)}", failed=UploadFailed)
        except WorkerError as exc:
            _log.warning("%s", exc)


def _what(parts: OutputParts) -> str:
    return f"put the output to {redacted(parts.complete_url)}"
