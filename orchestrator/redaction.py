"""Take out of a text what must not leave the worker: signatures of URLs, secrets, names of its own files.

All that the worker prints goes through `RedactedStream`, so that it does not matter who prints it: we, the
SDK or a traceback. It does not know what is secret beyond what it is told and what it looks like.
"""

from __future__ import annotations

import re
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_URL = re.compile(r"\b(?P<scheme>[a-z][a-z0-9+.-]{1,15})://(?P<rest>[^\s\"'<>\\]*)", re.IGNORECASE)
_PARAMETER = re.compile(
    r"\b((?:X-Amz-|X-Goog-)[\w-]{1,60}|AWSAccessKeyId|Signature|Key-Pair-Id|Policy|sig|token)=[^&\s\"'<>\\]+",
    re.IGNORECASE,
)
_USER = re.compile(r"(?<![^\s\"'<>/\\@:])[^\s\"'<>/\\@:]+:(?![/\\])[^\s\"'<>@]{1,200}@")
"""User name and password, wherever they stand: in what is almost a URL too."""
_FILE_URL = re.compile(r"\bfile://[^\s\"']*/", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/.>~-])/(?:[\w.@+~-]+/)*[\w.@+~-]*[\w@+~-]")
_VALUE = re.compile(r"[?&][^=?&\s\"\\]{1,100}=([^&#\s\"\\]{20,})")
"""Shorter values are no signature: dates, lifetimes, names of algorithms."""

HIDDEN = "..."


class Redactor:
    """Hides secrets in texts: those it is told, and whatever looks like a signed URL. For several threads.

    Args:
        secrets: texts that are never shown.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._held = Counter(secrets)
        self._longest_first: tuple[str, ...] = ()
        self._sort()

    def __call__(self, text: str) -> str:
        """Return the text with `...` in the place of what is secret."""
        for secret in self._longest_first:
            text = text.replace(secret, HIDDEN)
        text = _USER.sub(f"{HIDDEN}@", _URL.sub(_without_query, text))
        return _PARAMETER.sub(rf"\1={HIDDEN}", text)

    @contextmanager
    def holding(self, secrets: Iterable[str]) -> Iterator[None]:
        """Hide these too, within the block."""
        more = Counter(secrets)
        self._held += more
        self._sort()
        try:
            yield
        finally:
            self._held -= more
            self._sort()

    def _sort(self) -> None:
        self._longest_first = tuple(sorted(self._held, key=len, reverse=True))


class RedactedStream:
    """A text stream that hides secrets in what is written to it; else it is the stream that it is made of."""

    def __init__(self, stream: TextIO, redact: Redactor) -> None:
        self._stream = stream
        self._redact = redact

    def write(self, text: str) -> int:
        """Write a text; what is secret must be in it whole."""
        self._stream.write(self._redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def secrets_of(text: str) -> set[str]:
    """Find the values in URLs' queries that may be signatures, as they are and decoded.

    Args:
        text: of a job, as JSON.
    """
    found = set(_VALUE.findall(text))
    return found | {unquote(value) for value in found}


def shown(url: str) -> str:
    """Return a URL without what is secret in it: query, fragment, user name and password."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def without_paths(text: str, folder: Path | None = None) -> str:
    """Return a message without the names of folders of this machine.

    Args:
        text: for whoever sent a job.
        folder: of the job; its files keep their own names.
    """
    if folder is not None:
        text = text.replace(f"{folder}/", "").replace(str(folder), "the job's folder")
    return _PATH.sub("(a path)", _FILE_URL.sub("", text))


def _without_query(found: re.Match[str]) -> str:
    rest = found["rest"]
    before = re.split(r"[?#]", rest, maxsplit=1)[0]
    authority, slash, path = before.partition("/")
    hidden = f"?{HIDDEN}" if len(before) < len(rest) else ""
    return f"{found['scheme']}://{authority.rpartition('@')[2]}{slash}{path}{hidden}"
