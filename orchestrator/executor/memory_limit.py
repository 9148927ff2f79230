"""The memory limit of a job's process, and how to tell that a failure came from it.

The limit is RLIMIT_DATA (getrlimit(2), Linux 4.7 and later): private memory that can be written. RLIMIT_AS
would also count the memory shared with Triton, and address space that is only reserved. A library that gets
no memory fails in its own way, and some do not say why. So the parent also watches how close to the limit the
process came.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import re
import resource
import threading
import time
from pathlib import Path

from orchestrator.errors import LimitExceeded

_CLOSE = 0.75
"""Part of its memory after which a failure without another cause is put down to the limit. It is not more
because a library that asks for the buffers of several pictures at once fails long before the last byte."""

_WATCH_S = 0.05

_SAID = re.compile(
    r"bad_alloc|out of memory|insufficient memory|cannot allocate|malloc of size"
    r"|memory allocation of \d+ bytes|can't start new thread|failed to map segment"
    r"|thread-pool: resource temporarily unavailable",
    re.IGNORECASE,
)


def limit_memory(most_bytes: int | None) -> None:
    """Let this process have so many bytes more than it has now; None lifts the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if most_bytes is None else _data_bytes("self") + most_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def end_if_a_thread_cannot_begin(wait_s: float = 30.0) -> None:
    """Watch, in a thread, that threads begin; where one does not, this process ends with status 1.

    CPython waits for ever for a thread that gets its stack and then no memory for its first frame
    (`Thread.start`). A process that is ended so close to its limit is put down to it by the parent.

    Args:
        wait_s: in which a thread begins, on a busy machine too.
    """
    threading.Thread(target=_watch_beginnings, args=(wait_s,), name="beginnings", daemon=True).start()


def _watch_beginnings(wait_s: float) -> None:
    before: set[threading.Thread] = set()
    while True:
        time.sleep(wait_s)
        with contextlib.suppress(MemoryError, RuntimeError):  # the dictionary changes while it is read
            beginning = set(threading._limbo)  # type: ignore[attr-defined]  # noqa: SLF001
            if before & beginning:
                os._exit(1)
            before = beginning


def is_lack_of_memory(error: BaseException) -> bool:
    """Say whether an error, or one that it was raised from, came from memory that could not be had."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if (
            isinstance(cause, MemoryError)
            or getattr(cause, "errno", None) == errno.ENOMEM
            or says_so(str(cause))
        ):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def says_so(text: str) -> bool:
    """Say whether a library's message speaks of memory that could not be had."""
    return _SAID.search(text) is not None


def out_of_memory(most_bytes: int) -> LimitExceeded:
    """Return the error of a job that came to its limit."""
    return LimitExceeded(
        f"the job needs more memory than the {most_bytes / 2**30:.3g} GiB that one may have here; ask for a "
        "smaller output, scale the source down, or set FRAMEWRIGHT_JOB_MEMORY_BYTES"
    )


class MemoryWatch:
    """Watches from outside how close a process comes to the limit that it set itself with `limit_memory`.

    Args:
        pid: of the process.
        most_bytes: that it has; None watches nothing.

    Attributes:
        was_close: whether it came close.
    """

    def __init__(self, pid: int, most_bytes: int | None) -> None:
        self._pid = pid
        self._most_bytes = most_bytes
        self.was_close = False

    async def run(self) -> None:
        """Watch until cancelled, or the process has ended."""
        while self._most_bytes is not None and not self.was_close:
            try:
                soft, _ = resource.prlimit(self._pid, resource.RLIMIT_DATA)
                left_bytes = soft - _data_bytes(str(self._pid))
            except (OSError, LookupError):
                return
            if soft != resource.RLIM_INFINITY:
                self.was_close = left_bytes < (1 - _CLOSE) * self._most_bytes
            await asyncio.sleep(_WATCH_S)


def _data_bytes(process: str) -> int:
    """Return what counts for RLIMIT_DATA, see proc_pid_status(5).

    Raises:
        LookupError: the process has no memory any more.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise LookupError
