"""One HTTP request that brings a partial file nearer to its end (range requests: RFC 9110, section 14).

Does NOT repeat itself, and does not know what the file should contain.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

import urllib3

from orchestrator.errors import DownloadFailed, WeightsRefused

if TYPE_CHECKING:
    from collections.abc import Callable

CHUNK_BYTES = 64 << 10
REDIRECTS = 5
"""GitHub's release downloads redirect once; more than a few is a loop."""
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})
RETRY_STATUS = frozenset({408, 429, *range(500, 600)})


class TryAgain(Exception):
    """This request failed, another may not.

    Attributes:
        wait_s: what the server asked to wait, in seconds, if it did.
    """

    def __init__(self, reason: str, wait_s: float | None = None) -> None:
        super().__init__(reason)
        self.wait_s = wait_s


@dataclass(frozen=True, kw_only=True)
class Source:
    """Where a file comes from.

    Attributes:
        url: its address.
        file: its name, for messages.
        bytes: its length; None where that is not known.
        schemes: of the addresses that may be asked, also after a redirect.
    """

    url: str
    file: str
    bytes: int | None
    schemes: tuple[str, ...]


def receive(
    pool: urllib3.PoolManager, source: Source, file: int, advance: Callable[[int, int | None], None]
) -> None:
    """Append what a partial file lacks; when this returns, it is as long as it should be.

    Args:
        pool: makes the connection, with deadlines and without retries.
        source: of the file.
        file: descriptor, open for appending.
        advance: is told the bytes that are there and, once known, the bytes of the whole file.

    Raises:
        TryAgain: the file is not whole, but what came stays in it.
        WeightsRefused: the server has no such file, or one of another length.
        DownloadFailed: another request would fail as well.
        OSError: the file cannot be written.
    """
    done = length(file)
    if source.bytes is not None and done > source.bytes:
        done = _emptied(file)
    if done == source.bytes:
        return
    try:
        response = _request(pool, source, done)
        try:
            whole = _judge(response, source, file, done)
            done = length(file)
            advance(done, whole)
            if done == whole:
                return
            for chunk in response.stream(CHUNK_BYTES, decode_content=False):
                done += _append(file, chunk)
                if whole is not None and done > whole:
                    _emptied(file)
                    raise TryAgain("the server sent more than it announced")
                advance(done, whole)
        finally:
            response.close()
    except urllib3.exceptions.SSLError as exc:
        raise DownloadFailed(
            f"{urlsplit(source.url).hostname} cannot prove who it is: {exc}; "
            "check this machine's certificates and clock"
        ) from exc
    except urllib3.exceptions.HTTPError as exc:
        raise TryAgain(_reason(exc)) from exc
    if whole is not None and done < whole:
        raise TryAgain(f"the connection ended at {done} of {whole} bytes")


def length(file: int) -> int:
    """Bytes in an open file."""
    return os.fstat(file).st_size


def _request(pool: urllib3.PoolManager, source: Source, offset: int) -> urllib3.BaseHTTPResponse:
    """The answer to a GET from `offset` on, after at most REDIRECTS redirects."""
    headers = {"Accept-Encoding": "identity", "User-Agent": "framewright"}
    if offset:
        headers["Range"] = f"bytes={offset}-"
    url = source.url
    for _ in range(REDIRECTS + 1):
        if urlsplit(url).scheme not in source.schemes:
            raise DownloadFailed(f"{url} is not {' or '.join(source.schemes)}; get {source.file} elsewhere")
        response = pool.request("GET", url, headers=headers, redirect=False, preload_content=False)
        if response.status not in REDIRECT_STATUS or "Location" not in response.headers:
            return response
        url = urljoin(url, response.headers["Location"])
        response.close()
    raise DownloadFailed(f"{source.url} redirects more than {REDIRECTS} times; get {source.file} elsewhere")


def _judge(response: urllib3.BaseHTTPResponse, source: Source, file: int, offset: int) -> int | None:
    """Decide by the head of an answer whether its body is wanted; empty the file when the body starts anew.

    Returns:
        Length of the whole file, or None where neither the server nor the catalog tells.
    """
    status = response.status
    ranged = re.fullmatch(r"bytes (?:(\d+)-\d+|\*)/(\d+|\*)", response.headers.get("Content-Range", ""))
    start = int(ranged[1]) if ranged and ranged[1] else None
    total = int(ranged[2]) if ranged and ranged[2] != "*" else None
    if status == 200:
        announced = response.headers.get("Content-Length", "")
        total = int(announced) if announced.isdecimal() else None
        _emptied(file)
    elif status in {206, 416}:
        whole_already = status == 416 and total == offset
        if not whole_already and (status == 416 or start != offset):
            _emptied(file)
            raise TryAgain(f"the server cannot go on at byte {offset}")
    elif status in RETRY_STATUS:
        raise TryAgain(f"the server answered {status}", _retry_after_s(response.headers.get("Retry-After")))
    else:
        raise WeightsRefused(
            f"{source.url} answered {status}, the file is not to be had there; "
            f"get {source.file} elsewhere and put it into WEIGHTS_DIR"
        )
    if source.bytes is not None and total is not None and total != source.bytes:
        raise WeightsRefused(
            f"{source.url} is another file: it has {total} bytes, where the catalog says {source.bytes}; "
            f"get {source.file} elsewhere and put it into WEIGHTS_DIR"
        )
    return source.bytes if total is None else total


def _retry_after_s(value: str | None) -> float | None:
    """Seconds that a Retry-After header asks to wait: a number or a date (RFC 9110, section 10.2.3)."""
    if value is None:
        return None
    if value.strip().isdecimal():
        return float(value)
    try:
        when = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (when.astimezone(UTC) - datetime.now(UTC)).total_seconds())


def _append(file: int, chunk: bytes) -> int:
    rest = memoryview(chunk)
    while rest:
        rest = rest[os.write(file, rest) :]
    return len(chunk)


def _emptied(file: int) -> int:
    if length(file):
        os.ftruncate(file, 0)
    return 0


def _reason(exc: urllib3.exceptions.HTTPError) -> str:
    reasons: dict[type[urllib3.exceptions.HTTPError], str] = {
        urllib3.exceptions.NameResolutionError: "the server's name cannot be resolved",
        urllib3.exceptions.NewConnectionError: "the server cannot be reached",
        urllib3.exceptions.ConnectTimeoutError: "the server does not accept the connection in time",
        urllib3.exceptions.ReadTimeoutError: "the server fell silent",
        urllib3.exceptions.ProtocolError: "the connection broke",
    }
    return next((text for kind, text in reasons.items() if isinstance(exc, kind)), str(exc))
