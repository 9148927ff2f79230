"""Splits a response of the job server into jobs, without parsing their inputs.

A parser fails as a whole: one job that is nested too deeply, or has a number of 5,000 digits, would fail all
jobs of its batch. This module looks at brackets, commas and strings only. It searches in short steps, so that
other threads are not held up.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from orchestrator.executor.raw_json import RawJson

_OUTER_MARK = re.compile(rb'["\[\]{},]')
_INNER_MARK = re.compile(rb'["\[\]{}]')
_WINDOW = 2**20
"""Bytes that one search covers."""

_MOST_VALUE_BYTES = 10_000
"""Longest value, other than the input, that is parsed."""

_MOST_ID_CHARS = 1_000
"""The id becomes part of a URL, of which servers accept about 8,000 bytes."""

_WHITESPACE = b" \t\r\n"
log = logging.getLogger(__name__)


def split_jobs(body: bytes) -> list[dict[str, Any]]:
    """Return the jobs of a response, which is an object or a list of objects.

    Returns:
        For each job its `id`, its `input` as RawJson, and its `policy` and `batchId` if it has them. A job
        without a usable id cannot be answered: it is logged and left out.
    """
    body = body.removeprefix(b"\xef\xbb\xbf").strip(_WHITESPACE)
    pieces = (
        [body[begin:end].strip(_WHITESPACE) for begin, end in _pieces(body)]
        if body.startswith(b"[")
        else [body]
    )
    jobs = [_job(piece) for piece in pieces if piece]
    return [job for job in jobs if job is not None]


def _job(text: bytes) -> dict[str, Any] | None:
    if not text.startswith(b"{"):
        log.error("the job server sent %d bytes that are no job: they are left out", len(text))
        return None
    values: dict[str, bytes] = {}
    for begin, end in _pieces(text):
        name, value = _member(text, begin, end)
        if name is not None:
            values[name] = value
    name = _id(_read(values.get("id", b"null")))
    if name is None:
        log.error("a job of %d bytes has no usable id and cannot be answered: it is left out", len(text))
        return None
    job: dict[str, Any] = {"id": name, "input": RawJson(values.get("input", b"null"))}
    policy, batch = _read(values.get("policy", b"null")), _read(values.get("batchId", b"null"))
    if isinstance(policy, dict):
        job["policy"] = policy
    if isinstance(batch, str):
        job["batchId"] = batch
    return job


def _id(value: object) -> str | None:
    """Return an id as text; None if it cannot be part of the path of a URL."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    if not isinstance(value, str) or not 0 < len(value) <= _MOST_ID_CHARS or value in {".", ".."}:
        return None
    try:
        value.encode()
    except UnicodeEncodeError:  # a lone surrogate
        return None
    return value


def _read(text: bytes) -> Any:
    """Parse a short value; None if it is long or not JSON."""
    if len(text) > _MOST_VALUE_BYTES:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _member(text: bytes, begin: int, end: int) -> tuple[str | None, bytes]:
    """Return the name and the value of `"name": value`; the name is None if it cannot be read."""
    while begin < end and text[begin] in _WHITESPACE:
        begin += 1
    if begin == end or text[begin] != ord('"'):
        return None, b""
    close = _string_end(text, begin, end)
    colon = text.find(b":", close, end)
    name = _read(text[begin:close])
    if colon < 0 or not isinstance(name, str):
        return None, b""
    return name, text[colon + 1 : end].strip(_WHITESPACE)


def _pieces(text: bytes) -> Iterator[tuple[int, int]]:
    """Yield the start and the end of each member of the object or list at the start of the text.

    What follows the object or list is ignored. If its end is missing, the last member ends with the text.
    """
    depth, at, begin = 1, 1, 1
    while (found := _next_mark(_OUTER_MARK if depth == 1 else _INNER_MARK, text, at)) >= 0:
        mark = text[found]
        at = found + 1
        if mark == ord('"'):
            at = _string_end(text, found, len(text))
        elif mark in b"[{":
            depth += 1
        elif mark in b"]}":
            depth -= 1
            if not depth:
                break
        else:
            yield begin, found
            begin = at
    end = found if found >= 0 else len(text)
    if text[begin:end].strip(_WHITESPACE):
        yield begin, end


def _next_mark(mark: re.Pattern[bytes], text: bytes, at: int) -> int:
    while at < len(text):
        if found := mark.search(text, at, at + _WINDOW):
            return found.start()
        at += _WINDOW
    return -1


def _string_end(text: bytes, begin: int, end: int) -> int:
    """Return the index after the closing quote of the string that begins at `begin`, or `end` without one."""
    close = begin
    while (close := text.find(b'"', close + 1, end)) >= 0:
        first = close
        while text[first - 1] == ord("\\"):
            first -= 1
        if (close - first) % 2 == 0:  # the quote is not escaped
            return close + 1
    return end
