"""Refuses presigned URLs whose query shows that they cannot work, before any work is done for them.

Version 4 has X-Amz-Date, X-Amz-Expires and X-Amz-SignedHeaders (Amazon S3 API Reference, Authenticating
requests: query parameters); Google Cloud Storage has the same with X-Goog-. Version 2 and CloudFront have
Expires and Signature. A URL shows when it expires and which headers are signed, but not the values that the
headers must have.
"""

from __future__ import annotations

import calendar
import re
import time
from collections.abc import Set as AbstractSet
from urllib.parse import unquote_plus

from orchestrator.errors import CallerError, InputForbidden, OutputForbidden
from orchestrator.redaction import redacted

GET_HEADERS = frozenset({"host", "accept-encoding"})
"""Headers of a download that may be signed."""
PUT_HEADERS = frozenset({"host", "content-type", "content-length"})
"""Headers of an upload in one PUT, and of the completion of a multipart upload, that may be signed."""
FIRST_PUT_HEADERS = PUT_HEADERS | {"if-none-match"}
"""Headers of an upload that keeps an object which is already there."""
PART_HEADERS = frozenset({"host", "content-length"})
ABORT_HEADERS = frozenset({"host"})

LONGEST_S = 7 * 24 * 3600
"""Longest lifetime of a URL of version 4: S3, R2 and Google refuse a longer one."""
SKEW_S = 900
"""How far in the future S3 accepts the date of a signature."""
INPUT_GRACE_S = 5
"""An input URL that has just expired is used nevertheless: our clock may be wrong, and the store answers at
once."""
_SHOWN_HEADERS = 5

_PARAMETER = re.compile(
    r"[?&](X-(?:Amz|Goog)-(?:Algorithm|Date|Expires|SignedHeaders|Signature)|Expires|Signature|x-amz-checksum-[a-z0-9]+)=([^&#]*)",
    re.IGNORECASE,
)
_VERSION_4 = ("Date", "Expires", "SignedHeaders", "Signature")
"""Parameters that a URL of version 4 has besides its Algorithm."""
_DATE = re.compile(r"[0-9]{8}T[0-9]{6}Z")
_EPOCH = re.compile(r"[0-9]{1,11}")
_SECONDS = re.compile(r"[0-9]{1,9}")
_HEADER = re.compile(r"[a-z0-9_-]{1,80}")
_NO_CHECKSUM = {"x-amz-checksum-mode", "x-amz-checksum-type", "x-amz-checksum-algorithm"}


def check_input(url: str) -> None:
    """Refuse a presigned URL for GET that has expired, or is signed with headers that are not sent.

    Raises:
        InputForbidden: the URL cannot work.
    """
    values = _parameters(url)
    _check_whole(values, f"the input URL {redacted(url)}", InputForbidden)
    _check_headers(values, GET_HEADERS, f"the input URL {redacted(url)}", InputForbidden)
    left_s = _left_s(values, f"the input URL {redacted(url)}", InputForbidden)
    if left_s is not None and left_s < -INPUT_GRACE_S:
        raise InputForbidden(
            f"the input URL {redacted(url)} expired {-left_s:.0f} s ago; sign it anew, for as long as "
            "the job may wait for its turn"
        )


def check_output(url: str, *, headers: AbstractSet[str], needed_s: float) -> None:
    """Refuse a presigned output URL that expires too early, or is signed with headers that are not sent.

    Args:
        url: http(s) address.
        headers: names of the headers that are sent, in lower case.
        needed_s: how long the URL must stay valid from now on, in seconds.

    Raises:
        OutputForbidden: the URL cannot work.
    """
    values = _parameters(url)
    _check_whole(values, f"the output URL {redacted(url)}", OutputForbidden)
    _check_headers(values, headers, f"the output URL {redacted(url)}", OutputForbidden)
    left_s = _left_s(values, f"the output URL {redacted(url)}", OutputForbidden)
    if left_s is None or left_s >= needed_s:
        return
    when = f"expired {-left_s:.0f} s ago" if left_s <= 0 else f"expires in {left_s:.0f} s"
    raise OutputForbidden(
        f"the output URL {redacted(url)} {when}, and the job may take {needed_s:.0f} s; sign it for longer "
        "than that and its wait for a turn, or give the job a shorter executionTimeout"
    )


def pinned_checksum(url: str) -> str | None:
    """Return the name of the query parameter that fixes the checksum of the body; None if there is none."""
    return next(
        (
            name
            for name in _parameters(url)
            if name.startswith("x-amz-checksum-") and name not in _NO_CHECKSUM
        ),
        None,
    )


def _parameters(url: str) -> dict[str, str]:
    """Return the parameters of the query by their names in lower case; the first of equal names counts."""
    found: dict[str, str] = {}
    for name, value in _PARAMETER.findall(url.partition("#")[0]):
        found.setdefault(name.lower(), unquote_plus(value))
    return found


def _check_whole(values: dict[str, str], shown: str, error: type[CallerError]) -> None:
    """Refuse a URL of version 4 that was cut off, for example by a shell at an unquoted `&`."""
    for family in ("x-amz", "x-goog"):
        missing = [name for name in _VERSION_4 if f"{family}-{name.lower()}" not in values]
        if f"{family}-algorithm" in values and missing:
            raise error(
                f"{shown} has lost a part of its signature: {family.title()}-{missing[0]} is missing; give "
                "all of the URL (in quotes in a shell, and with & instead of &amp;)"
            )


def _left_s(values: dict[str, str], shown: str, error: type[CallerError]) -> float | None:
    """Return the seconds until a URL expires, negative if it has expired; None if the URL does not say."""
    for family in ("x-amz", "x-goog"):
        date, lasts = values.get(f"{family}-date"), values.get(f"{family}-expires")
        if date is None or lasts is None:
            continue
        begins = _time(date)
        if begins is None or not _SECONDS.fullmatch(lasts):
            raise error(f"the date or the lifetime in {shown} is malformed; sign it again")
        if int(lasts) > LONGEST_S:
            raise error(f"{shown} is signed for {lasts} s, and stores take {LONGEST_S} s; sign it for less")
        early_s = begins - time.time()
        if early_s > SKEW_S:
            raise error(f"{shown} is not good before {early_s:.0f} s from now; set the clock of who signs it")
        return begins + int(lasts) - time.time()
    if "signature" in values and _EPOCH.fullmatch(values.get("expires", "")):
        return int(values["expires"]) - time.time()
    return None


def _time(date: str) -> float | None:
    """Return the seconds since 1970 of a date of version 4; None if it is malformed."""
    if not _DATE.fullmatch(date):
        return None
    try:
        return calendar.timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))
    except ValueError:
        return None


def _check_headers(
    values: dict[str, str], sent: AbstractSet[str], shown: str, error: type[CallerError]
) -> None:
    for family in ("x-amz", "x-goog"):
        signed = values.get(f"{family}-signedheaders", "").lower().split(";")
        missing = sorted({name.strip() for name in signed} - {""} - sent)
        if missing:
            named = [name if _HEADER.fullmatch(name) else "(no header's name)" for name in missing]
            more = ", ..." if len(named) > _SHOWN_HEADERS else ""
            raise error(
                f"{shown} is signed with headers that are not sent with it: "
                f"{', '.join(named[:_SHOWN_HEADERS])}{more}; sign it without them"
            )
