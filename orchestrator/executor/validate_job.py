"""Validates a job before any work is done for it."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NoReturn

from orchestrator.errors import BadRequest
from orchestrator.jobs import Job, parse_job
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient

DEEPEST = 32
"""Deepest nesting of objects and lists. No job needs more than ten levels."""

_TOO_DEEP = f"the job is nested too deeply: at most {DEEPEST} levels of objects and lists are taken"
_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"')
_ODD_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")
"""How NUL and surrogates are written in JSON; a pair of surrogates is a character."""
_ODD_TEXT = re.compile("[\\0\ud800-\udfff]")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def read_json(data: bytes) -> Any:
    """Parse the JSON of a job.

    It accepts what every parser of JSON reads alike; RFC 8259, sections 8 and 9, lets it refuse the rest.

    Raises:
        BadRequest: it is not JSON in UTF-8, has NaN or Infinity, a number that is too large for a float of 64
            bits, NUL or a lone surrogate in a string, or more than DEEPEST levels.
    """
    try:
        value = json.loads(
            data.decode(), parse_constant=_refuse, parse_float=_finite, parse_int=_finite_integer
        )
    except RecursionError as exc:
        raise BadRequest(_TOO_DEEP) from exc
    except ValueError as exc:
        raise BadRequest(f"the job's input is not JSON that can be read: {exc}") from exc
    if _is_too_deep(data):
        raise BadRequest(_TOO_DEEP)
    if _ODD_ESCAPE.search(data) and _has_odd_text(value):
        raise BadRequest("the job has NUL or half a surrogate pair in a string; leave it out")
    return value


def check_job(values: Any, *, settings: Settings, storage: StorageClient, needed_s: float) -> Job:
    """Validate a job: its values, its addresses and the size of its output.

    Args:
        values: the parsed JSON of the job.
        settings: settings of the worker.
        storage: checks the addresses.
        needed_s: how long presigned URLs of the output and the preview must stay valid, in seconds.

    Raises:
        BadRequest: a value is wrong.
        AddressRefused: the worker may not connect to an address.
        InputForbidden, OutputForbidden: a presigned URL cannot work.
        LimitExceeded: the job exceeds a limit of this worker.
    """
    try:
        job = parse_job(values)
    except RecursionError as exc:
        raise BadRequest(_TOO_DEEP) from exc
    for url in job.input_urls:
        storage.check_input(url)
    for destination in job.destinations:
        storage.check_output(destination, needed_s=needed_s, keep_existing=job.keeps_existing)
    if job.output_px is not None:
        settings.limits.check_output(*job.output_px)
    return job


def _is_too_deep(data: bytes) -> bool:
    """Return whether JSON has more than DEEPEST levels."""
    brackets = _STRING.sub(b"", data).translate(bytes.maketrans(b"{}", b"[]"), _NO_BRACKETS)
    for _ in range(DEEPEST):
        brackets = brackets.replace(b"[]", b"")  # removes the innermost level
    return bool(brackets)


def _has_odd_text(value: Any) -> bool:
    if isinstance(value, str):
        return _ODD_TEXT.search(value) is not None
    if isinstance(value, dict):
        return any(map(_has_odd_text, value)) or any(map(_has_odd_text, value.values()))
    return isinstance(value, list) and any(map(_has_odd_text, value))


def _finite(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError("a number has too many digits, or too large an exponent")
    return value


def _finite_integer(text: str) -> int:
    _finite(text)
    return int(text)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no number")
