"""Reads JSON from a file piece by piece, so that a text of any length takes little memory.

`json` reads a whole text at once, and the resulting objects may take 25 times its length. Here the caller
walks through large arrays and objects, and only the values that it asks for are parsed, each of at most
WINDOW_CHARS characters. A text with too many bytes or values is refused while it is read.
"""

from __future__ import annotations

import codecs
import gzip
import json
import re
import zlib
from collections.abc import Iterator
from io import BufferedReader
from typing import TYPE_CHECKING, NoReturn

from orchestrator.errors import BadRequest

if TYPE_CHECKING:
    from _typeshed import SupportsRead

WINDOW_CHARS = 1 << 20
"""Longest value that is parsed at once."""
_READ_BYTES = 1 << 18
_DEEPEST = 100
"""Deepest nesting of arrays and objects that can be skipped."""
_SPACE = re.compile(r"[ \t\r\n]*")


class JsonStreamReader:
    """Walks through the JSON values of a file, which may be compressed with gzip.

    All methods raise BadRequest if the text is not JSON, is too long or has too many values.

    Args:
        file: the file, open for reading at its beginning.
        what: name of the content in messages, in the plural.
        most_bytes: longest text, uncompressed.
        most_values: most array elements and object members; those inside a value that `value` returns do not
            count.
    """

    def __init__(self, file: BufferedReader, *, what: str, most_bytes: int, most_values: int) -> None:
        self._what = what
        self._most_bytes = most_bytes
        self._most_values = most_values
        packed = file.peek(2)[:2] == b"\x1f\x8b"
        self._file: SupportsRead[bytes] = gzip.GzipFile(fileobj=file) if packed else file
        self._decode = codecs.getincrementaldecoder("utf-8-sig")().decode
        self._decode_value = json.JSONDecoder(parse_constant=_no_number).raw_decode
        self._text = ""
        self._place = 0
        self._bytes = 0
        self._values = 0
        self._ended = False

    def peek(self) -> str:
        """Return the next character that is not white space, without consuming it; empty at the end."""
        while True:
            found = _SPACE.match(self._text, self._place)
            self._place = found.end() if found else self._place
            if self._place < len(self._text):
                return self._text[self._place]
            if self._ended:
                return ""
            self._fill()

    def value(self) -> object:
        """Parse and return the next value."""
        self.peek()
        if not self._ended and len(self._text) - self._place < WINDOW_CHARS:
            self._fill()
        try:
            value, self._place = self._decode_value(self._text, self._place)
        except RecursionError as exc:
            raise BadRequest(f"the {self._what} are nested too deeply; make them again") from exc
        except ValueError as exc:
            self._refuse(exc.msg if isinstance(exc, json.JSONDecodeError) else str(exc), exc)
        if self._place == len(self._text) and not self._ended:
            self._refuse("a value is cut off")
        return value

    def elements(self) -> Iterator[None]:
        """Iterate over the array that comes next; the caller must consume each element."""
        return self._entries("[", "]")

    def members(self) -> Iterator[str]:
        """Yield each key of the object that comes next; the caller must consume its value."""
        for _ in self._entries("{", "}"):
            key = self.value()
            if not isinstance(key, str):
                self._refuse("a key is no text")
            self._take(":")
            yield key

    def _entries(self, first: str, last: str) -> Iterator[None]:
        """Yield before each entry of the array or object between two brackets."""
        self._take(first)
        more = self.peek() != last
        while more:
            self._count()
            yield
            more = self.peek() == ","
            self._place += more
        self._take(last)

    def skip(self, depth: int = 0) -> None:
        """Skip the next value, of any length."""
        kind = self.peek()
        if kind not in {"[", "{"}:
            self.value()
            return
        if depth == _DEEPEST:
            raise BadRequest(f"the {self._what} are nested too deeply; make them again")
        for _ in self.elements() if kind == "[" else self.members():
            self.skip(depth + 1)

    def _take(self, wanted: str) -> None:
        if self.peek() != wanted:
            self._refuse(f"{wanted!r} is missing")
        self._place += 1

    def _count(self) -> None:
        self._values += 1
        if self._values > self._most_values:
            raise BadRequest(
                f"the {self._what} hold more than {self._most_values} boxes and other values; give only what "
                "is needed"
            )

    def _fill(self) -> None:
        """Read until the window is full or the file ends."""
        pieces = [self._text[self._place :]]
        chars = len(pieces[0])
        while chars < 2 * WINDOW_CHARS and not self._ended:
            try:
                data = self._file.read(_READ_BYTES)
                pieces.append(self._decode(data, final=not data))
            except UnicodeDecodeError as exc:
                raise BadRequest(f"the {self._what} are no JSON: they are not UTF-8") from exc
            except (OSError, EOFError, zlib.error) as exc:
                raise BadRequest(f"the {self._what} cannot be unpacked: {exc}; make them again") from exc
            chars += len(pieces[-1])
            self._bytes += len(data)
            self._ended = not data
            if self._bytes > self._most_bytes:
                raise BadRequest(
                    f"the {self._what} are longer than {self._most_bytes >> 20} MiB; give only what is needed"
                )
        self._text = "".join(pieces)
        self._place = 0

    def _refuse(self, reason: str, cause: Exception | None = None) -> NoReturn:
        longest = "" if self._ended else f", or one value is longer than {WINDOW_CHARS >> 20} MiB"
        raise BadRequest(f"the {self._what} are no JSON{longest}: {reason[:100]}") from cause


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
