"""Uploads a finished file in parts with presigned URLs (Amazon S3 API Reference, CompleteMultipartUpload).

Nothing appears at the destination before the upload is completed. If anything fails, the upload is aborted,
because parts that remain cost money.
"""

from __future__ import annotations

import html
import logging
import threading
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import IO

from orchestrator.errors import OutputTooLarge, UploadFailed, WorkerError
from orchestrator.jobs import OutputParts
from orchestrator.redaction import redacted
from orchestrator.storage.http_errors import DOCUMENT_BYTES, STORED_STATUS, error_code, refuse_output
from orchestrator.storage.publish import FileSection, put
from orchestrator.storage.retryable_errors import TryAgain
from orchestrator.storage.retrying_transfer import OnBytes, RetryingTransfer

ABORT_S = 3.0
"""Time limit of an abort: a worker that must stop has 5 s. A lifecycle rule of the bucket does the rest."""
_log = logging.getLogger(__name__)


def publish_parts(
    path: Path, parts: OutputParts, *, transfer: RetryingTransfer, on_progress: OnBytes
) -> None:
    """Upload a file in parts, one after the other; see `StorageClient.publish`.

    If that fails, aborting the upload may take ABORT_S after the end of the transfer.
    """
    try:
        with path.open("rb") as file:
            etags = _put_all(file, path.stat().st_size, parts, transfer, on_progress)
        completion = _Completion(transfer, parts.complete_url, etags)
        transfer.retry(completion.attempt, what=_what(parts), failed=UploadFailed)
    except BaseException:
        _abort(parts.abort_url, transfer)
        raise


def _put_all(
    file: IO[bytes], whole: int, parts: OutputParts, transfer: RetryingTransfer, on_progress: OnBytes
) -> list[str]:
    """Upload the parts and return their ETags, in order."""
    starts = range(0, whole, parts.part_bytes)
    if len(starts) > len(parts.urls):
        raise OutputTooLarge(
            f"the output has {whole} bytes, which is {len(starts)} parts of {parts.part_bytes}, and there "
            f"are {len(parts.urls)} part URLs; give more of them, or larger parts"
        )

    def put_part(url: str, start: int) -> str:
        section = FileSection(file, start, min(parts.part_bytes, whole - start), whole, on_progress)
        etag = put(transfer, url, section, media_type=None)
        if not etag:
            raise TryAgain("the server took a part and gave no ETag for it")
        return etag

    return [
        transfer.retry(partial(put_part, url, start), what=_what(parts), failed=UploadFailed)
        for url, start in zip(parts.urls, starts, strict=False)
    ]


class _Completion:
    """Completes the upload. The server may have done so even if its response was lost."""

    def __init__(self, transfer: RetryingTransfer, url: str, etags: list[str]) -> None:
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
        self._sent_before = False

    def attempt(self) -> None:
        """Send the request once."""
        headers = {"Content-Type": "application/xml"}
        sent_before, self._sent_before = self._sent_before, True
        with self._transfer.request("POST", self._url, headers=headers, body=self._document) as response:
            if response.status == 404 and sent_before:
                return  # the upload is gone: the request whose response was lost has completed it
            if response.status not in STORED_STATUS:
                refuse_output(response, self._url, sent=headers)
            # S3 starts its response before it knows the result: the body of a 200 may contain an error.
            if code := error_code(response.read(DOCUMENT_BYTES)):
                raise TryAgain(f"the server answered {code}")


def _abort(url: str, transfer: RetryingTransfer) -> None:
    """Remove the uploaded parts, even if the transfer was stopped."""
    limits = replace(
        transfer.limits, total_s=ABORT_S, connect_s=ABORT_S, read_s=ABORT_S, tries=2, backoff_s=0.2
    )
    with RetryingTransfer(
        guard=transfer.guard, limits=limits, stop=threading.Event(), on_retry=_log.info
    ) as brief:

        def attempt() -> None:
            with brief.request("DELETE", url, headers={}) as response:
                if response.status not in STORED_STATUS | {404}:
                    refuse_output(response, url)

        try:
            brief.retry(attempt, what=f"abort the upload to {redacted(url)}", failed=UploadFailed)
        except WorkerError as exc:
            _log.warning("%s", exc)


def _what(parts: OutputParts) -> str:
    return f"put the output to {redacted(parts.complete_url)}"
