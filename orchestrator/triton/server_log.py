"""What a tritonserver writes: kept in part, logged, and read for why it died."""

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
    """The last lines of one run of a server and its backends, read by a thread as they come.

    Args:
        stream: of the run; read to its end and closed.

    Attributes:
        end_is_expected: set when the server is told to end: it is no error then.
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

    def last_words(self) -> str:
        """Return the line that most likely says why it died."""
        telling = r"[EF]\d{4} |Signal |.*[Ee]rror"
        lines = [line for line in self._lines if re.match(telling, line)]
        return _message((lines or [*self._lines, "it wrote nothing"])[-1])

    def taken_port(self) -> str | None:
        """Return the address that another program listens on, if that is why the server cannot start."""
        for line in self._lines:
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
