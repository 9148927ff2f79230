"""Runs functions at set times on a clock that tests can advance, so that an hour passes in a moment."""

from __future__ import annotations

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Clock:
    """Counts seconds like `time.monotonic`, plus those by which it was advanced."""

    def __init__(self) -> None:
        self._ahead_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._closing = False

    def now_s(self) -> float:
        with self._changed:
            return time.monotonic() + self._ahead_s

    def after(self, delay_s: float, function: Callable[[], None]) -> None:
        """Call a function in the clock's thread once so many seconds have passed."""
        with self._changed:
            heapq.heappush(self._due, (self.now_s() + delay_s, next(self._order), function))
            self._changed.notify_all()

    def advance(self, seconds: float) -> None:
        """Let this time pass at once; what becomes due is called soon afterwards, in order."""
        with self._changed:
            self._ahead_s += seconds
            self._changed.notify_all()

    @contextmanager
    def running(self) -> Iterator[None]:
        thread = threading.Thread(target=self._run, daemon=True)
        thread.start()
        try:
            yield
        finally:
            with self._changed:
                self._closing = True
                self._changed.notify_all()
            thread.join()

    def _run(self) -> None:
        while (function := self._next()) is not None:
            function()

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closing:
                wait_s = self._due[0][0] - self.now_s() if self._due else None
                if wait_s is not None and wait_s <= 0:
                    return heapq.heappop(self._due)[2]
                self._changed.wait(wait_s)
            return None
