"""Retries the requests of one transfer within its limits, until it is stopped."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Self, TypeVar

from orchestrator.errors import WorkerError
from orchestrator.settings import Settings
from orchestrator.storage.address_guard import AddressGuard
from orchestrator.storage.deadline import OutOfTime, TransferDeadline
from orchestrator.storage.request_sender import RequestSender
from orchestrator.storage.retryable_errors import ResponseLost, TryAgain

T = TypeVar("T")
OnBytes = Callable[[int, int | None], None]
"""Called in the transfer's thread with the bytes transferred so far, and the file's size if it is known."""
OnRetry = Callable[[str], None]
"""Called with one line, without secrets, for each failure that is tried again."""

SINGLE_PUT_BYTES = 5 * 2**30 - 5 * 2**20
"""Largest object of one PUT in R2 (Cloudflare R2, Limits); S3's is 5 GiB."""
PROGRESS_BYTES = 1 << 20
"""A try that transferred this much shows that the network works: the count of failures starts over."""
LOST_RESPONSES = 2
"""After so many complete uploads without a response there is no further try: each costs as much as the
first, and the server may have stored the file."""


@dataclass(frozen=True, kw_only=True)
class TransferLimits:
    """Limits of one transfer. docs/storage.md gives the reasons.

    Attributes:
        max_bytes, min_free_bytes, connect_s, read_s, answer_s, total_s: see `Settings.max_input_bytes`,
            `min_free_disk_bytes`, `connect_timeout_s`, `read_timeout_s`, `answer_timeout_s` and
            `transfer_timeout_s`.
        tries: maximum number of failures in a row without progress.
        backoff_s: wait after the first failure; doubled after each further one, and multiplied by a random
            factor of 0.5 to 1, so that workers that failed together do not retry together.
        longest_wait_s: longest wait; if a server asks for more (Retry-After), the transfer fails.
        single_put_bytes: largest file that is sent in one PUT.
        part_bytes: size of the parts of a multipart upload to s3://.
    """

    max_bytes: int = Settings.max_input_bytes
    min_free_bytes: int = Settings.min_free_disk_bytes
    connect_s: float = Settings.connect_timeout_s
    read_s: float = Settings.read_timeout_s
    answer_s: float = Settings.answer_timeout_s
    total_s: float = Settings.transfer_timeout_s
    tries: int = 6
    backoff_s: float = 1.0
    longest_wait_s: float = 60.0
    single_put_bytes: int = SINGLE_PUT_BYTES
    part_bytes: int = 64 * 2**20


class RetryingTransfer:
    """One transfer of a file. A context manager, for one thread.

    Args:
        guard: checks addresses, also those of redirects.
        limits: limits of bytes, time and tries.
        stop: ends the transfer within a second when it is set.
        on_retry: see `OnRetry`.
    """

    def __init__(
        self, *, guard: AddressGuard, limits: TransferLimits, stop: threading.Event, on_retry: OnRetry
    ) -> None:
        self.guard = guard
        self.limits = limits
        self._deadline = TransferDeadline(stop, total_s=limits.total_s)
        self.request = RequestSender(guard=guard, limits=limits, deadline=self._deadline).request
        self._on_retry = on_retry

    def __enter__(self) -> Self:
        self._deadline.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._deadline.__exit__()

    def retry(
        self,
        attempt: Callable[[], T],
        *,
        what: str,
        failed: type[WorkerError],
        progress: Callable[[], int] = lambda: 0,
    ) -> T:
        """Call `attempt` until it succeeds; return its value.

        Args:
            attempt: raises TryAgain if another attempt may succeed.
            what: what is attempted, for messages: "fetch https://host/name".
            failed: error to raise when no tries or no time are left.
            progress: returns the bytes that need not be transferred again.

        Raises:
            Cancelled: `stop` was set.
            WorkerError: `failed`; and all other errors that `attempt` raises.
        """
        failures, lost, wait_s = 0, 0, 0.0
        while True:
            before = progress()
            try:
                self._deadline.sleep(wait_s)
                return attempt()
            except TryAgain as exc:
                failures = 1 if progress() - before >= PROGRESS_BYTES else failures + 1
                lost += isinstance(exc, ResponseLost)
                if lost == LOST_RESPONSES:
                    raise failed(
                        f"cannot {what}: {exc}, for the second time; it may be there all the same, so look "
                        "before you try again"
                    ) from exc
                wait_s = self._wait_s(exc, failures, what, failed)
                self._on_retry(f"cannot {what}: {exc}; trying again in {wait_s:.0f} s")
            except OutOfTime as exc:
                raise failed(f"cannot {what} within {self.limits.total_s:g} s; try again later") from exc

    def _wait_s(self, failure: TryAgain, failures: int, what: str, failed: type[WorkerError]) -> float:
        """Return the seconds to wait before the next try. Raises `failed` if there must be none."""
        limits = self.limits
        if failures >= limits.tries:
            raise failed(f"cannot {what}: {failure}, {failures} times in a row; try again later") from failure
        wait_s = failure.wait_s
        if wait_s is None:
            longest_s = min(limits.backoff_s * 2.0 ** (failures - 1), limits.longest_wait_s)
            wait_s = longest_s * random.uniform(0.5, 1.0)  # noqa: S311  no secret
        if wait_s > min(limits.longest_wait_s, self._deadline.left_s):
            raise failed(
                f"cannot {what} now: {failure}, and the next try is {wait_s:.0f} s away; try again after that"
            ) from failure
        return wait_s
