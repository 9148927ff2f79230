"""Translates HTTP error responses into errors of the worker."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import NoReturn

from orchestrator.errors import InputForbidden, InputNotFound, OutputForbidden
from orchestrator.redaction import redacted
from orchestrator.storage.presigned_url_check import pinned_checksum
from orchestrator.storage.retryable_errors import TryAgain, retry_after_s

RETRY_STATUS = frozenset({408, 425, 429, *range(500, 600)} - {501, 505})
"""501 and 505 are permanent; R2 answers 501 to headers that it does not know."""
STORED_STATUS = frozenset({200, 201, 202, 203, 204, 205})
"""Success of an upload. 202 Accepted: the server has the file and writes it later."""
RETRY_CODES = frozenset(
    {
        "RequestTimeout",
        "BadDigest",
        "IncompleteBody",
        "InternalError",
        "SlowDown",
        "OperationAborted",
        "ConditionalRequestConflict",
    }
)
"""Temporary errors in S3 error documents of any status (Amazon S3 API Reference, Error responses)."""
DOCUMENT_BYTES = 1 << 16
_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,60})\s*</Code>")


def refuse_input(response: HTTPResponse, url: str) -> NoReturn:
    """Raise the error for a response that is not the requested input.

    Raises:
        TryAgain: the failure may be temporary.
        InputNotFound, InputForbidden: the failure is permanent.
    """
    said = _describe(response)
    if response.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise InputNotFound(
            f"there is no input at {redacted(url)}: {said}; check the URL, or upload the file first"
        )
    raise InputForbidden(
        f"the input {redacted(url)} may not be read: {said}; give a URL that has not expired and allows GET"
    )


def refuse_output(response: HTTPResponse, url: str, *, sent: Mapping[str, str] | None = None) -> NoReturn:
    """Raise the error for a response that refuses an output.

    Args:
        response: response of the server.
        url: URL of the request.
        sent: headers of the request, for the message.

    Raises:
        TryAgain: the failure may be temporary.
        OutputForbidden: the failure is permanent.
    """
    checksum = pinned_checksum(url)
    said = _describe(response, final_codes=frozenset({"BadDigest"} if checksum else ()))
    if checksum is not None and "BadDigest" in said:
        raise OutputForbidden(
            f"the output may not be put to {redacted(url)}: {said}, because the URL is signed with the "
            f"{checksum} of another body, such as the empty one that an SDK had when it signed; sign it "
            'without a checksum (requestChecksumCalculation "WHEN_REQUIRED" in AWS SDKs)'
        )
    headers = " and ".join(f"{name} {value}" for name, value in (sent or {}).items())
    raise OutputForbidden(
        f"the output may not be put to {redacted(url)}: {said}; "
        + (f"it was sent with {headers}; " if headers else "")
        + "give a URL that has not expired, is signed for this request and its Content-Type, and does not "
        "redirect"
    )


def error_code(document: bytes) -> str:
    """Return the code of an S3 error document, such as NoSuchUpload; empty if there is none."""
    found = _CODE.search(document)
    return found[1].decode("ascii") if found else ""


def _describe(response: HTTPResponse, *, final_codes: AbstractSet[str] = frozenset()) -> str:
    """Return the status and the code of an S3 error document; the rest of the document is never shown.

    Raises:
        TryAgain: the status or the code is temporary, and the code is not in `final_codes`.
    """
    code = ""
    with contextlib.suppress(OSError, HTTPException):  # a server that refuses a body may hang up
        code = error_code(response.read(DOCUMENT_BYTES))
    said = f"the server answered {response.status}{f' {code}' if code else ''}"
    if response.status in RETRY_STATUS or code in RETRY_CODES - final_codes:
        raise TryAgain(said, retry_after_s(response.headers.get("Retry-After")))
    return said
