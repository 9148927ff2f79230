"""Runs a job in a process of its own: `python -P -m orchestrator.executor.job_main PARENT`.

The job comes on standard input, not as an argument, because any process may read the arguments of others and
URLs contain signatures. The first line is JSON with instructions (see `JobProcess.run`), among them the
length of the JSON of the job, which follows. Messages to the parent are lines of JSON on standard output, and
nothing else is written there. The process ends when the parent (process id PARENT) ends.
"""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, TextIO, cast

from orchestrator.errors import JobKilled, LimitExceeded, WorkerError, disk_full_error
from orchestrator.executor.memory_limit import (
    exit_if_a_thread_cannot_start,
    is_lack_of_memory,
    limit_memory,
    out_of_memory,
)
from orchestrator.executor.raw_json import EncodedResult
from orchestrator.executor.validate_job import read_json
from orchestrator.machine import die_with_parent
from orchestrator.redaction import RedactedStream, Redactor, secrets_of, without_paths

_READ_CHARS = 20_000
"""How much of an error message is processed. It may quote a long value of the job."""

log = logging.getLogger("orchestrator.executor.job_main")


class Stopped(BaseException):
    """Raised in the main thread at SIGTERM, so that every `with` block is left in order."""


class MessageWriter:
    """Writes messages to the parent."""

    def __init__(self) -> None:
        """Take over standard output: what others print there goes to standard error from now on."""
        self._file = os.fdopen(os.dup(1), "wb")
        os.dup2(2, 1)

    def progress(self, values: dict[str, Any]) -> None:
        """Write the progress of the job."""
        self._line(b"progress", json.dumps(values).encode())

    def result(self, result: EncodedResult) -> None:
        """Write the result, its short form first."""
        if result.short is not None:
            self._line(b"short", result.short.data)
        self._line(b"result", result.whole.data)

    def error(self, error: WorkerError, folder: Path, redact: Redactor) -> None:
        """Write the error that ended the job, without the paths of folders and without secrets."""
        message = redact(without_paths(str(error)[:_READ_CHARS], folder))
        values = {"code": error.code, "message": message, "details": error.details}
        self._line(b"error", json.dumps(values).encode())

    def _line(self, kind: bytes, text: bytes) -> None:
        self._file.write(b'{"%b":%b}\n' % (kind, text))
        self._file.flush()


def main(parent: int) -> int:
    """Run the job on standard input, if there is one; return the exit code."""
    die_with_parent(parent)
    messages = MessageWriter()
    # These imports take half a second; the parent may end meanwhile, or have no job. They leave no garbage.
    gc.disable()
    from orchestrator.executor.run_job import run  # noqa: PLC0415

    gc.freeze()
    gc.enable()
    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    instructions = json.loads(line)
    data = sys.stdin.buffer.read(instructions["bytes"])
    redact = Redactor()
    sys.stderr = cast("TextIO", RedactedStream(sys.stderr, redact))
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("orchestrator").setLevel(instructions["log_level"])
    stop = threading.Event()
    sys.unraisablehook = lambda unraisable: log.debug("ignored: %s", unraisable.exc_type.__name__)
    _catch_sigterm(stop)
    try:
        _run(run, instructions, data, redact=redact, messages=messages, stop=stop)
    except Stopped:
        return 128 + signal.SIGTERM
    return 0


def _run(
    run: Callable[..., EncodedResult],
    instructions: dict[str, Any],
    data: bytes,
    *,
    redact: Redactor,
    messages: MessageWriter,
    stop: threading.Event,
) -> None:
    folder, memory_bytes = Path(instructions["folder"]), instructions["memory_bytes"]
    exit_if_a_thread_cannot_start()
    limit_memory(memory_bytes)
    with contextlib.ExitStack() as secrets:
        try:
            values = read_json(data)
            secrets.enter_context(redact.holding(secrets_of(json.dumps(values))))
            result = run(
                values,
                folder=folder,
                triton_url=instructions["triton_url"],
                needed_s=instructions["needed_s"],
                stop=stop,
                on_progress=messages.progress,
            )
        except Exception as exc:  # noqa: BLE001  nothing else in this process reports errors
            _ignore_sigterm()
            limit_memory(None)
            messages.error(_as_worker_error(exc, memory_bytes), folder, redact)
        else:
            _ignore_sigterm()
            messages.result(result)


def _as_worker_error(exc: Exception, memory_bytes: int | None) -> WorkerError:
    """Return the error to report: lack of memory, a full disk, the WorkerError itself, or an internal one."""
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
    os._exit(code)  # everything is closed; do not wait for threads of libraries
