"""What an HTTP answer means that is not the one that was wanted."""

from __future__ import annotations

import contextlib
import re
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING, NoReturn

from orchestrator.errors import InputForbidden, InputNotFound, OutputForbidden
from orchestrator.storage.address import redacted
from orchestrator.storage.retry import TryAgain, retry_after_s

if TYPE_CHECKING:
    from http.client import HTTPResponse

RETRY_STATUS = frozenset({408, 425, 429, *range(500, 600)})
RETRY_CODES = frozenset(
    {"RequestTimeout", "BadDigest", "IncompleteBody", "InternalError", "SlowDown", "OperationAborted"}
)
"""Of an S3 error document, whatever its status (Amazon S3 API Reference, Error responses)."""
DOCUMENT_BYTES = 1 << 16
_CODE = re.compile(rb"<Code>\s*([A-Za-z0-9.]{1,60})\s*</Code>")


def input_refused(answer: HTTPResponse, url: str) -> NoReturn:
    """Say why an input is not given.

    Raises:
        TryAgain: the server may give it later.
        InputNotFound, InputForbidden: it will not.
    """
    said = _said(answer)
    if answer.status in {HTTPStatus.NOT_FOUND, HTTPStatus.GONE}:
        raise InputNotFound(
            f"there is no input at {redacted(url)}: {said}; check the URL, or upload the file first"
        )
    raise InputForbidden(
        f"the input {redacted(url)} may not be read: {said}; give a URL that has not expired and allows GET"
    )


def output_refused(answer: HTTPResponse, url: str) -> NoReturn:
    """Say why an output is not taken.

    Raises:
        TryAgain: the server may take it later.
        OutputForbidden: it will not.
    """
    said = _said(answer)
    raise OutputForbidden(
        f"the output may not be put to {redacted(url)}: {said}; give a URL that has not expired, is signed "
        "for this request and its Content-Type, and does not redirect"
    )


def error_code(document: bytes) -> str:
    """The code of an S3 error document, such as NoSuchUpload; empty where there is none."""
    found = _CODE.search(document)
    return found[1].decode("ascii") if found else ""


def _said(answer: HTTPResponse) -> str:
    """The status, and the code of an S3 error document, which is all of it that is shown. Raises TryAgain."""
    code = ""
    with contextlib.suppress(
        OSError, HTTPException
    ):  # a server that refuses a body may hang up: the status counts
        code = error_code(answer.read(DOCUMENT_BYTES))
    said = f"the server answered {answer.status}{f' {code}' if code else ''}"
    if answer.status in RETRY_STATUS or code in RETRY_CODES:
        raise TryAgain(said, retry_after_s(answer.headers.get("Retry-After")))
    return said
