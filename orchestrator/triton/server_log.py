"""Reads what tritonserver writes: keeps the last lines, logs all, and finds out why it died."""

from __future__ import annotations

import collections
import logging
import re
import threading
from typing import IO

LOG_LINES = 200
TAIL_LINES = 15
_log = logging.getLogger(__name__)


class ServerLog:
    """Keeps the last lines of one run of a server and its backends. A thread reads them.

    Args:
        stream: the output of the run; it is read to its end and closed.

    Attributes:
        end_is_expected: set when the server is asked to end, which is then not logged as an error.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._lines: collections.deque[str] = collections.deque(maxlen=LOG_LINES)
        self._stream = stream
        self.end_is_expected = False
        self._reader = threading.Thread(target=self._read, name="tritonserver log", daemon=True)
        self._reader.start()

    def join(self, timeout_s: float) -> None:
        """Wait until the stream has ended."""
        self._reader.join(timeout_s)

    def tail(self, lines: int) -> list[str]:
        """Return the last lines, oldest first."""
        return list(self._lines)[-lines:]

    def last_error(self) -> str:
        """Return the line that most likely says why the server died."""
        error = r"[EF]\d{4} |Signal |.*[Ee]rror"
        lines = [line for line in list(self._lines) if re.match(error, line)]
        return _message((lines or [*self._lines, "it wrote nothing"])[-1])

    def port_in_use(self) -> str | None:
        """Return the address that another program uses, if that is why the server cannot start."""
        for line in list(self._lines):  # the reader may append meanwhile
            found = re.search(r"'(\S+:\d+)' already in use", line)
            if found:
                return found[1]
        return None

    def _read(self) -> None:
        with self._stream:
            for line in self._stream:
                self._lines.append(line.rstrip())
                _log.debug("tritonserver: %s", line.rstrip())
        if not self.end_is_expected:
            _log.error("tritonserver ended by itself; its last lines:\n%s", "\n".join(self.tail(TAIL_LINES)))


def _message(line: str) -> str:
    """Strip Triton's prefix (severity, time, process, source line) and quotes from a log line."""
    return re.sub(r"^[EFIW]\d{4} \S+ \d+ \S+\] ", "", line).strip().strip('"')
