"""The process of one job: `python -P -m orchestrator.executor.job_main PARENT`.

The order comes on standard input, never as an argument: any process may read those, and URLs hold signatures.
It is a line of JSON, described in `JobProcess`, followed by the job as it came; the line has its length.
Messages are lines of JSON on standard output; nothing but them gets there. It ends when the parent, process
PARENT, ends.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from orchestrator.errors import JobKilled, LimitExceeded, WorkerError, disk_full_error
from orchestrator.executor.memory_limit import (
    end_if_a_thread_cannot_begin,
    is_lack_of_memory,
    limit_memory,
    out_of_memory,
)
from orchestrator.executor.preflight import read_json
from orchestrator.machine import die_with_parent
from orchestrator.redaction import RedactedStream, Redactor, secrets_of, without_paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType
    from typing import TextIO

    from orchestrator.executor.raw_json import Answer

_READ_CHARS = 20_000
"""Of a message: how much is looked at. It may quote what came, which may be long."""

log = logging.getLogger("orchestrator.executor.job_main")


class Stopped(BaseException):
    """SIGTERM, raised in the main thread so that every `with` is left in order."""


class Channel:
    """Messages to the parent."""

    def __init__(self) -> None:
        """Take over standard output; what others print there goes to standard error from now on."""
        self._file = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def progress(self, values: dict[str, Any]) -> None:
        """Tell how far the job is."""
        self._line(b"progress", json.dumps(values).encode())

    def result(self, answer: Answer) -> None:
        """Tell the result, first in short."""
        if answer.short is not None:
            self._line(b"short", answer.short.data)
        self._line(b"result", answer.whole.data)

    def error(self, error: WorkerError, folder: Path, redact: Redactor) -> None:
        """Tell why there is no result; files of the job's folder are called by their own names."""
        values = {"code": error.code, "message": redact(without_paths(str(error)[:_READ_CHARS], folder))}
        self._line(b"error", json.dumps(values).encode())

    def _line(self, kind: bytes, text: bytes) -> None:
        self._file.write(b'{"%b":%b}\n' % (kind, text))
        self._file.flush()


def main(parent: int) -> int:
    """Do the job that comes on standard input, if one comes; return the exit code."""
    die_with_parent(parent)
    channel = Channel()
    # These imports take time, in which the parent may end or need no job done.
    from orchestrator.executor.run_job import run  # noqa: PLC0415

    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    order = json.loads(line)
    data = sys.stdin.buffer.read(order["bytes"])
    redact = Redactor()
    sys.stderr = cast("TextIO", RedactedStream(sys.stderr, redact))
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("orchestrator").setLevel(order["log_level"])
    stop = threading.Event()
    sys.unraisablehook = lambda unraisable: log.debug("ignored: %s", unraisable.exc_type.__name__)
    _catch_sigterm(stop)
    try:
        _run(run, order, data, redact=redact, channel=channel, stop=stop)
    except Stopped:
        return 128 + signal.SIGTERM
    return 0


def _run(
    run: Callable[..., Answer],
    order: dict[str, Any],
    data: bytes,
    *,
    redact: Redactor,
    channel: Channel,
    stop: threading.Event,
) -> None:
    folder, memory_bytes = Path(order["folder"]), order["memory_bytes"]
    end_if_a_thread_cannot_begin()
    limit_memory(memory_bytes)
    with contextlib.ExitStack() as secrets:
        try:
            values = read_json(data)
            secrets.enter_context(redact.holding(secrets_of(json.dumps(values))))
            answer = run(
                values,
                folder=folder,
                triton_url=order["triton_url"],
                needed_s=order["needed_s"],
                stop=stop,
                tell=channel.progress,
            )
        except Exception as exc:  # noqa: BLE001  the one place of this process where an unforeseen error is told
            _ignore_sigterm()
            limit_memory(None)
            channel.error(_told(exc, memory_bytes), folder, redact)
        else:
            _ignore_sigterm()
            channel.result(answer)


def _told(exc: Exception, memory_bytes: int | None) -> WorkerError:
    log.debug("failed", exc_info=exc)
    if is_lack_of_memory(exc) and not isinstance(exc, LimitExceeded):
        if memory_bytes is not None:
            return out_of_memory(memory_bytes)
        return JobKilled("the job needs more memory than there is; try again on a larger machine")
    if (full := disk_full_error(exc)) is not None:
        return full
    if isinstance(exc, WorkerError):
        return exc
    frame = traceback.extract_tb(exc.__traceback__)[-1]
    log.error(
        "%s at %s, line %s of %s", type(exc).__name__, frame.name, frame.lineno, Path(frame.filename).name
    )
    return WorkerError(f"{type(exc).__name__}: {exc}; this is a fault of ours, please report it")


def _catch_sigterm(stop: threading.Event) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        _ignore_sigterm()
        stop.set()
        raise Stopped

    signal.signal(signal.SIGTERM, handle)


def _ignore_sigterm() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)


if __name__ == "__main__":
    code = main(int(sys.argv[1]))
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)  # all that matters is closed; libraries' threads are not waited for
