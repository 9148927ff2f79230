"""The process of one job: `python -P -m orchestrator.executor.child PARENT`.

The order is a line of JSON on standard input, never an argument: any process may read those, and URLs hold
signatures. What it is can be read in `JobProcess`. Messages are lines of JSON on standard output; nothing but
them gets there. It ends when the parent, process PARENT, ends.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import json
import logging
import os
import signal
import sys
import threading
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.errors import DiskFull, JobKilled, WorkerError
from orchestrator.redaction import without_paths

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
log = logging.getLogger("orchestrator.executor.child")


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
        self._line(b"progress", json.dumps(values))

    def result(self, text: str) -> None:
        """Tell the result, as JSON."""
        self._line(b"result", text)

    def error(self, error: WorkerError, folder: Path) -> None:
        """Tell why there is no result; files of the job's folder are called by their own names."""
        values = {"code": error.code, "message": without_paths(str(error), folder)}
        self._line(b"error", json.dumps(values))

    def _line(self, kind: bytes, text: str) -> None:
        self._file.write(b'{"%b":%b}\n' % (kind, text.encode()))
        self._file.flush()


def main(parent: int) -> int:
    """Do the job that comes on standard input, if one comes; return the exit code."""
    _end_with(parent)
    channel = Channel()
    # They take more than a second, in which the parent may end or need no job done.
    from orchestrator.executor.task import do  # noqa: PLC0415

    line = sys.stdin.buffer.readline()
    if not line:
        return 0
    order = json.loads(line)
    logging.basicConfig(format="%(levelname)s %(message)s", level=logging.WARNING)
    logging.getLogger("orchestrator").setLevel(order["log_level"])
    stop = threading.Event()
    sys.unraisablehook = lambda unraisable: log.debug("ignored: %s", unraisable.exc_type.__name__)
    _catch_sigterm(stop)
    try:
        _do(do, order, channel, stop)
    except Stopped:
        return 128 + signal.SIGTERM
    return 0


def _do(do: Callable[..., str], order: dict[str, Any], channel: Channel, stop: threading.Event) -> None:
    folder = Path(order["folder"])
    try:
        text = do(
            order["job"],
            folder=folder,
            triton_url=order["triton_url"],
            stop=stop,
            tell=channel.progress,
        )
    except Exception as exc:  # noqa: BLE001  the one place of this process where an unforeseen error is told
        _ignore_sigterm()
        channel.error(_told(exc), folder)
    else:
        _ignore_sigterm()
        channel.result(text)


def _told(exc: Exception) -> WorkerError:
    log.debug("failed", exc_info=exc)
    if isinstance(exc, WorkerError):
        return exc
    if isinstance(exc, OSError) and exc.errno in {errno.ENOSPC, errno.EDQUOT}:
        return DiskFull("no space is left for the job's files; try again on a worker with more disk")
    if isinstance(exc, MemoryError):
        return JobKilled("the job needs more memory than there is; try again on a larger machine")
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


def _end_with(parent: int) -> None:
    """End when the parent ends: by a signal from the kernel, prctl(2), or now if it is gone already."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


if __name__ == "__main__":
    code = main(int(sys.argv[1]))
    with contextlib.suppress(OSError):
        sys.stderr.flush()
    os._exit(code)  # all that matters is closed; libraries' threads are not waited for
