"""Ends a transfer at a stop or at its time limit, even while a read or a write is blocked."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Self

from orchestrator.errors import Cancelled

CHECK_EVERY_S = 0.1
"""Interval between two checks of the stop and of the clock."""


class OutOfTime(Exception):
    """The transfer has reached its time limit."""


class TransferDeadline:
    """Shuts down the connection of a transfer when it must end. A context manager with a thread of its own.

    A blocked read or write then returns at once, and `check` raises the reason.

    Args:
        stop: ends the transfer when it is set.
        total_s: time limit of the transfer, from now on.
    """

    def __init__(self, stop: threading.Event, *, total_s: float) -> None:
        self._stop = stop
        self._deadline = time.monotonic() + total_s
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._watch_for_end, name="transfer-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    @property
    def left_s(self) -> float:
        """Seconds until the time limit; negative after it."""
        return self._deadline - time.monotonic()

    def check(self) -> None:
        """Raise if the transfer must end.

        Raises:
            Cancelled: `stop` is set.
            OutOfTime: the time limit is reached.
        """
        if self._stop.is_set():
            raise Cancelled("the transfer was asked to stop; start it again if you still need it")
        if self.left_s <= 0:
            raise OutOfTime

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond a stop or the time limit. Raises like `check`."""
        self._stop.wait(max(0.0, min(seconds, self.left_s)))
        self.check()

    @contextlib.contextmanager
    def applied_to(self, connection: socket.socket) -> Iterator[None]:
        """Shut down this connection if the transfer must end within the block."""
        with self._lock:
            # A descriptor of its own: the other may be closed, or wrapped in TLS.
            self._connection = connection.dup()
        try:
            yield
        finally:
            with self._lock:
                self._connection.close()
                self._connection = None

    def _watch_for_end(self) -> None:
        while not self._done.wait(CHECK_EVERY_S):
            if self._stop.is_set() or self.left_s <= 0:
                with self._lock, contextlib.suppress(OSError):  # not connected, or no longer
                    if self._connection is not None:
                        self._connection.shutdown(socket.SHUT_RDWR)
