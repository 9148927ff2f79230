"""How a run of the command line ends: on a signal, on an error, and what is said of it.

Standard library only: it is imported before anything that takes long to import.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

_CAUGHT = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Signalled(BaseException):
    """SIGINT, SIGTERM or SIGHUP, raised in the main thread so that every `with` is left in order.

    Attributes:
        number: of the signal.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.number = number


def catch_signals() -> None:
    """Turn the first signal into `Signalled`; later ones are ignored, as cleaning up is bounded in time."""

    def handle(number: int, _frame: FrameType | None) -> None:
        ignore_signals()
        raise Signalled(number)

    for number in _CAUGHT:
        signal.signal(number, handle)


def ignore_signals() -> None:
    """Let what is left be done: it is little."""
    for number in _CAUGHT:
        signal.signal(number, signal.SIG_IGN)


def say_stopped(number: int, *, as_json: bool) -> int:
    """Say that a signal ended the run; return the exit code."""
    message = f"stopped by {signal.Signals(number).name} before it was done"
    return say_failed("cancelled", message, exit_code=128 + number, retryable=True, as_json=as_json)


def say_failed(code: str, message: str, *, exit_code: int, as_json: bool, retryable: bool = False) -> int:
    """Say why the run failed, in one line on standard error; return the exit code.

    Args:
        code: of the error, for programs.
        message: what was wrong, and what to do.
        exit_code: to be returned.
        as_json: also print the failure as JSON on standard output.
        retryable: whether the same request may succeed later.
    """
    message = " ".join(message.split())
    if as_json:
        failure = {"status": "failed", "error": f"{code}: {message}", "code": code, "retryable": retryable}
        _print(json.dumps(failure), sys.stdout)
    _print(f"error: {message}", sys.stderr)
    return exit_code


def _print(line: str, stream: object) -> None:
    """Print, or be silent where nobody listens: the exit code still tells."""
    try:
        print(line, file=stream, flush=True)  # type: ignore[call-overload]  # None where it was closed
    except OSError:
        # Keep the interpreter from failing once more as it flushes at exit.
        with contextlib.suppress(OSError, AttributeError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())  # type: ignore[attr-defined]
