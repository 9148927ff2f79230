"""The eye on a transfer: a stop that is asked for and the end of its time are noticed while it is blocked."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

from orchestrator.errors import Cancelled

if TYPE_CHECKING:
    from collections.abc import Iterator
    from types import TracebackType

LOOK_S = 0.1
"""Between two looks at the stop and the clock."""


class OutOfTime(Exception):
    """The whole time of the transfer is over."""


class TransferDeadline:
    """Shuts the connection of a transfer when a stop is asked for or its time is over.

    A blocked read or write then returns at once; `check` says why. A context manager, with its own thread.

    Args:
        stop: set by whoever wants the transfer to stop.
        total_s: the transfer's time, from now on.
    """

    def __init__(self, stop: threading.Event, *, total_s: float) -> None:
        self._stop = stop
        self._deadline = time.monotonic() + total_s
        self._done = threading.Event()
        self._lock = threading.Lock()
        self._connection: socket.socket | None = None
        self._thread = threading.Thread(target=self._look, name="transfer-watch", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        self._thread.join()

    @property
    def left_s(self) -> float:
        """Seconds that are left; negative afterwards."""
        return self._deadline - time.monotonic()

    def check(self) -> None:
        """Go on only if the transfer may.

        Raises:
            Cancelled: a stop was asked for.
            OutOfTime: its time is over.
        """
        if self._stop.is_set():
            raise Cancelled("the transfer was asked to stop; start it again if it is still wanted")
        if self.left_s <= 0:
            raise OutOfTime

    def sleep(self, seconds: float) -> None:
        """Wait, but not beyond a stop or the end of the time. Raises like `check`."""
        self._stop.wait(max(0.0, min(seconds, self.left_s)))
        self.check()

    @contextlib.contextmanager
    def over(self, connection: socket.socket) -> Iterator[None]:
        """Shut this connection down, within the block, if the transfer must end."""
        with self._lock:
            # A descriptor of its own: the other may be closed, or wrapped in TLS.
            self._connection = connection.dup()
        try:
            yield
        finally:
            with self._lock:
                self._connection.close()
                self._connection = None

    def _look(self) -> None:
        while not self._done.wait(LOOK_S):
            if self._stop.is_set() or self.left_s <= 0:
                with self._lock, contextlib.suppress(OSError):  # not connected yet, or no more
                    if self._connection is not None:
                        self._connection.shutdown(socket.SHUT_RDWR)
