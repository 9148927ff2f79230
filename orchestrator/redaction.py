"""Hides secrets, URL signatures and the worker's own file names in texts and URLs.

Everything that the worker prints goes through `RedactedStream`, whoever prints it: we, the SDK or a
traceback. A secret is a text that the caller names, or one that looks like a part of a signed URL.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO
from urllib.parse import unquote

_URL = re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s\"'<>\\]*", re.IGNORECASE)
_PARAMETER = re.compile(
    r"\b((?:X-Amz-|X-Goog-)[\w-]{1,60}|AWSAccessKeyId|Signature|Key-Pair-Id|Policy|sig|token)=[^&\s\"'<>\\]+",
    re.IGNORECASE,
)
_USER = re.compile(r"(?<![^\s\"'<>/\\@:])[^\s\"'<>/\\@:]+:(?![/\\])[^\s\"'<>@]{1,200}@")
"""User name and password, also in a malformed URL."""
_FILE_URL = re.compile(r"\bfile://[^\s\"']*/", re.IGNORECASE)
_PATH = re.compile(r"(?<![\w/.>~-])/(?:[\w.@+~-]+/)*[\w.@+~-]*[\w@+~-]")
_VALUE = re.compile(r"[?&][^=?&\s\"\\]{1,100}=([^&#\s\"\\]{20,})")
"""Shorter values are no signatures, but dates, lifetimes and names of algorithms."""
_SCHEME = re.compile(r"[A-Za-z0-9+.-]{1,16}")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]{0,80}\]|[A-Za-z0-9._-]{0,253}")
_FILE_NAME = re.compile(r"[A-Za-z0-9._~+-]{0,80}")

HIDDEN = "..."


class Redactor:
    """Hides known secrets and the signatures of URLs in texts. Several threads may use it at once.

    Args:
        secrets: texts to hide.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._held = Counter(secrets)
        self._longest_first: tuple[str, ...] = ()
        self._sort()

    def __call__(self, text: str) -> str:
        """Return the text with `...` in place of every secret."""
        for secret in self._longest_first:
            text = text.replace(secret, HIDDEN)
        text = _USER.sub(f"{HIDDEN}@", _URL.sub(_mark_query, text))
        return _PARAMETER.sub(rf"\1={HIDDEN}", text)

    @contextmanager
    def holding(self, secrets: Iterable[str]) -> Iterator[None]:
        """Hide these secrets too, within the block."""
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
    """Wraps a text stream and hides secrets in every text that is written to it."""

    def __init__(self, stream: TextIO, redact: Redactor) -> None:
        self._stream = stream
        self._redact = redact

    def write(self, text: str) -> int:
        """Write a text. A secret that is split over two calls is not hidden."""
        self._stream.write(self._redact(text))
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        """Write several texts."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def secrets_of(text: str) -> set[str]:
    """Find the values of URL query parameters that may be signatures, encoded and decoded.

    Args:
        text: a job as JSON.
    """
    found = set(_VALUE.findall(text))
    return found | {unquote(value) for value in found}


def without_query(url: str) -> str:
    """Return a URL with its whole path, but without query, fragment, user name and password."""
    scheme, _, rest = url.partition("://")
    authority, slash, path = re.split(r"[?#]", rest, maxsplit=1)[0].partition("/")
    return f"{scheme}://{authority.rpartition('@')[2]}{slash}{path}"


def redacted(url: str) -> str:
    """Return only the scheme, host and file name of a URL, for messages that anybody may read."""
    scheme, separator, rest = url.partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        return "(no address)"
    authority, _, path = re.split(r"[?#\\]", rest, maxsplit=1)[0].partition("/")
    host = _HOST.match(authority.rpartition("@")[2])
    name = _FILE_NAME.match(path.rpartition("/")[2])
    return f"{scheme}://{host[0] if host else ''}/{name[0] if name else ''}"


def without_paths(text: str, folder: Path | None = None) -> str:
    """Return a message without names of this machine's folders.

    Args:
        text: a message for the sender of a job.
        folder: the job's folder; files in it keep their names.
    """
    if folder is not None:
        text = text.replace(f"{folder}/", "").replace(str(folder), "the job's folder")
    return _PATH.sub("(a path)", _FILE_URL.sub("", text))


def _mark_query(found: re.Match[str]) -> str:
    url = found[0]
    return without_query(url) + (f"?{HIDDEN}" if "?" in url or "#" in url else "")
