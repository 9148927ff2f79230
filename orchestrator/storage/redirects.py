"""Follows the redirects of an input: at most five, and none from https to http."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager
from http.client import HTTPResponse
from typing import Protocol
from urllib.parse import urljoin

from orchestrator.errors import AddressRefused
from orchestrator.redaction import redacted
from orchestrator.storage.url import parse_url

REDIRECTS = 5
"""GitHub's release downloads redirect once; more than a few redirects are a loop."""
REDIRECT_STATUS = frozenset({301, 302, 303, 307, 308})


class Request(Protocol):
    """`RequestSender.request`."""

    def __call__(
        self, method: str, url: str, *, headers: Mapping[str, str]
    ) -> AbstractContextManager[HTTPResponse]:
        """Send a request."""
        ...


@contextlib.contextmanager
def following_redirects(
    request: Request, url: str, headers: Mapping[str, str]
) -> Iterator[tuple[str, HTTPResponse]]:
    """Send a GET request, and yield the last address with its response.

    Raises:
        AddressRefused: an address is malformed or forbidden, or there are too many.
        TryAgain, Cancelled, OutOfTime: see `RequestSender.request`.
    """
    first = url
    for _ in range(REDIRECTS + 1):
        with request("GET", url, headers=headers) as response:
            location = response.headers.get("Location")
            if response.status not in REDIRECT_STATUS or location is None:
                yield url, response
                return
        url = _redirected(url, location)
    raise AddressRefused(f"{redacted(first)} redirects more than {REDIRECTS} times; give the last address")


def _redirected(url: str, location: str) -> str:
    """Return the target of a redirect. Raises AddressRefused if it is malformed or not https any more."""
    try:
        target = urljoin(url, location)
    except ValueError as exc:
        raise AddressRefused(
            f"{redacted(url)} redirects to an invalid address; give the last address"
        ) from exc
    if parse_url(url).scheme == "https" != parse_url(target).scheme:
        raise AddressRefused(
            f"{redacted(url)} redirects from https to http; give the https address of the file"
        )
    return target
