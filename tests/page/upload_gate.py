"""Holds the parts of uploads at the door of the bucket until a test lets them in, and counts them."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qs

from tools.stand_ins.s3_door import Door
from tools.stand_ins.s3_signature import S3Error

WAIT_S = 30.0
HOLD_S = 120.0
"""How long a request may wait to be let in: longer than a test waits for the page on a busy machine."""


class UploadGate:
    """The PUTs that reach the door, and what becomes of them.

    Attributes:
        asked: the number of the part of each PUT that has reached the door, in order; 1 for a whole file.
        arrived: the number of each part that the bucket has taken.
        ended: the number of each PUT's part with which the door has done, whether it arrived or was cut off.
        refusals: the errors that the next PUTs get.
        completions: the errors that the next requests to join parts get.
    """

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.arrived: list[int] = []
        self.ended: list[int] = []
        self.refusals: deque[S3Error] = deque()
        self.completions: deque[S3Error] = deque()
        self._permits = threading.Semaphore(0)

    def let_in(self, count: int) -> None:
        """Let the next `count` PUTs in."""
        self._permits.release(count)

    def open(self) -> None:
        """Let all PUTs in from now on."""
        self.let_in(10_000)

    def wait_for(self, true: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + WAIT_S
        while not true():
            assert time.monotonic() < deadline, f"{what}: asked {self.asked}, arrived {self.arrived}"
            time.sleep(0.02)

    def answer(self, environ: dict[str, Any], answer: Callable[[], Iterable[bytes]]) -> Iterable[bytes]:
        """Answer a request as `answer` does, but a PUT only after it was let in."""
        if (
            environ["REQUEST_METHOD"] == "POST"
            and "uploadId=" in environ["QUERY_STRING"]
            and self.completions
        ):
            raise self.completions.popleft()
        if environ["REQUEST_METHOD"] != "PUT":
            return answer()
        number = int(parse_qs(environ["QUERY_STRING"]).get("partNumber", ["1"])[0])
        self.asked.append(number)
        try:
            if self.refusals:
                raise self.refusals.popleft()
            if not self._permits.acquire(timeout=HOLD_S):
                raise S3Error(503, "SlowDown", "No test let this request in.")
            body = answer()
            self.arrived.append(number)
        finally:
            self.ended.append(number)
        return body


@contextmanager
def gate_before(door: Door) -> Iterator[UploadGate]:
    """Hold the PUTs that come to a door."""
    gate = UploadGate()
    original = door._answer
    door._answer = lambda environ, start: gate.answer(environ, lambda: original(environ, start))  # type: ignore[method-assign]
    try:
        yield gate
    finally:
        gate.open()
        door._answer = original  # type: ignore[method-assign]
