"""Catches signals, prints failures, and returns the exit code of each.

It imports only the standard library, because signals must be caught before anything slow is imported.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from types import FrameType

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class SignalReceived(BaseException):
    """Raised in the main thread on SIGINT, SIGTERM or SIGHUP, so that every `with` block cleans up.

    Attributes:
        number: the number of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def catch_signals() -> None:
    """Raise `SignalReceived` on the first signal, and ignore later ones: cleaning up takes a bounded time."""

    def handle(number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise SignalReceived(number)

    for number in _CAUGHT:
        signal.signal(number, handle)


def ignore_signals() -> None:
    """Ignore signals from now on, because little is left to do."""
    for number in _CAUGHT:
        signal.signal(number, signal.SIG_IGN)


def say_stopped(number: int, *, as_json: bool) -> int:
    """Print that a signal ended the run; return the exit code."""
    message = f"stopped by {signal.Signals(number).name} before it was done"
    return say_failed("cancelled", message, exit_code=128 + number, retryable=True, as_json=as_json)


def say_failed(
    code: str,
    message: str,
    *,
    exit_code: int,
    as_json: bool,
    retryable: bool = False,
    details: Mapping[str, int] | None = None,
) -> int:
    """Print why the run failed, as one line on standard error; return the exit code.

    Args:
        code: the code of the error, for programs.
        message: what was wrong, and what to do.
        exit_code: the exit code to return.
        as_json: whether to print the failure as JSON on standard output too.
        retryable: whether the same request may succeed later.
        details: further facts about the error, which the JSON has too.
    """
    message = " ".join(message.split())
    if as_json:
        failure = {"status": "failed", "error": f"{code}: {message}", "code": code, "retryable": retryable}
        _print(json.dumps(failure | dict(details or {})), sys.stdout)
    _print(f"error: {message}", sys.stderr)
    return exit_code


def _print(line: str, stream: object) -> None:
    """Print a line, if the stream is still open; the exit code reports the failure anyway."""
    try:
        print(line, file=stream, flush=True)  # type: ignore[call-overload]  # None where it was closed
    except OSError:
        # Keep the interpreter from failing once more as it flushes at exit.
        with contextlib.suppress(OSError, AttributeError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
