"""One transfer of a file: where it may go, how long it may take, how often it is tried, who may stop it."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypeVar

from orchestrator.storage.connection import Connections
from orchestrator.storage.deadline import OutOfTime, TransferDeadline
from orchestrator.storage.retry import AnswerLost, TryAgain

if TYPE_CHECKING:
    import threading
    from types import TracebackType

    from orchestrator.errors import WorkerError
    from orchestrator.storage.address_guard import AddressGuard
    from orchestrator.storage.limits import TransferLimits

T = TypeVar("T")
Advance = Callable[[int, int | None], None]
"""Is told the bytes that are there and, once known, the bytes of the whole, in the transfer's thread."""
OnRetry = Callable[[str], None]
"""Is told what went wrong on the way, one line each, no secrets."""

PROGRESS_BYTES = 1 << 20
"""A try that brought this much shows that the network works: the count of failures starts over."""
ANSWERS_LOST = 2
"""After so many uploads that were sent whole and not answered, there is no further one: each costs as much as
the first, and the server may have what it got."""


class Transfer:
    """A context manager, for one thread.

    Args:
        guard: says which addresses may be touched, also after a redirect.
        limits: on bytes, time and tries.
        stop: ends the transfer within a second.
        on_retry: is told of every failure that is tried again.
    """

    def __init__(
        self, *, guard: AddressGuard, limits: TransferLimits, stop: threading.Event, on_retry: OnRetry
    ) -> None:
        self.guard = guard
        self.limits = limits
        self._watch = TransferDeadline(stop, total_s=limits.total_s)
        self.request = Connections(guard=guard, limits=limits, watch=self._watch).request
        self._on_retry = on_retry

    def __enter__(self) -> Self:
        self._watch.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._watch.__exit__(kind, error, trace)

    def persist(
        self,
        attempt: Callable[[], T],
        *,
        what: str,
        failed: type[WorkerError],
        progress: Callable[[], int] = lambda: 0,
    ) -> T:
        """Attempt something until it is done.

        Args:
            attempt: raises TryAgain when another attempt may go well.
            what: is done, for messages: "fetch https://host/name".
            failed: what is raised when it is given up.
            progress: bytes that need not be transferred again.

        Raises:
            Cancelled: a stop was asked for.
            WorkerError: `failed`, when tries or time are used up; and whatever else the attempt raises.
        """
        failures, lost, wait_s = 0, 0, 0.0
        while True:
            before = progress()
            try:
                self._watch.sleep(wait_s)
                return attempt()
            except TryAgain as exc:
                failures = 1 if progress() - before >= PROGRESS_BYTES else failures + 1
                lost += isinstance(exc, AnswerLost)
                if lost == ANSWERS_LOST:
                    raise failed(
                        f"cannot {what}: {exc}, for the second time; it may be there all the same, so look "
                        "before you try again"
                    ) from exc
                wait_s = self._wait_s(exc, failures, what, failed)
                self._on_retry(f"cannot {what}: {exc}; trying again in {wait_s:.0f} s")
            except OutOfTime as exc:
                raise failed(f"cannot {what} within {self.limits.total_s:g} s; try again later") from exc

    def _wait_s(self, failure: TryAgain, failures: int, what: str, failed: type[WorkerError]) -> float:
        """Seconds to wait before the next try. Raises `failed` when there should be none."""
        limits = self.limits
        if failures >= limits.tries:
            raise failed(f"cannot {what}: {failure}, {failures} times in a row; try again later") from failure
        wait_s = failure.wait_s
        if wait_s is None:
            longest_s = min(limits.backoff_s * 2.0 ** (failures - 1), limits.longest_wait_s)
            wait_s = longest_s * random.uniform(0.5, 1.0)  # noqa: S311  no secret
        if wait_s > min(limits.longest_wait_s, self._watch.left_s):
            raise failed(
                f"cannot {what} now: {failure}, and the next try is {wait_s:.0f} s away; try again after that"
            ) from failure
        return wait_s
