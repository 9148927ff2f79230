"""Limits the memory of a job's process, and recognizes failures that the limit caused.

The limit is RLIMIT_DATA (getrlimit(2), Linux 4.7 and later): private memory that can be written. RLIMIT_AS
would also count the memory shared with Triton, and address space that is only reserved. Some libraries that
get no memory fail without saying why. So the parent also watches how close to the limit the process comes.
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
"""Share of the memory from which on a failure without a stated cause is attributed to the limit. It is not
higher because a library that allocates buffers for several pictures fails long before the last byte."""

_WATCH_S = 0.05

_LACK_OF_MEMORY = re.compile(
    r"bad_alloc|out of memory|insufficient memory|cannot allocate|malloc of size"
    r"|memory allocation of \d+ bytes|can't start new thread|failed to map segment"
    r"|thread-pool: resource temporarily unavailable",
    re.IGNORECASE,
)


def limit_memory(most_bytes: int | None) -> None:
    """Let this process allocate `most_bytes` more than it has now; None removes the limit."""
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    soft = hard if most_bytes is None else _data_bytes("self") + most_bytes
    resource.setrlimit(resource.RLIMIT_DATA, (soft, hard))


def exit_if_a_thread_cannot_start(wait_s: float = 30.0) -> None:
    """Watch, in a thread, whether new threads start; end this process with status 1 if one does not.

    CPython waits for ever for a thread that gets its stack and then no memory for its first frame
    (`Thread.start`). If a process ends that close to its memory limit, the parent assumes that the limit is
    the cause.

    Args:
        wait_s: time in which a thread starts, even on a busy machine.
    """
    threading.Thread(target=_watch_thread_starts, args=(wait_s,), name="thread-starts", daemon=True).start()


def _watch_thread_starts(wait_s: float) -> None:
    before: set[threading.Thread] = set()
    while True:
        time.sleep(wait_s)
        with contextlib.suppress(MemoryError, RuntimeError):  # the dictionary changes while it is read
            starting = set(threading._limbo)  # type: ignore[attr-defined]  # noqa: SLF001
            if before & starting:
                os._exit(1)
            before = starting


def is_lack_of_memory(error: BaseException) -> bool:
    """Return whether an error, or a cause of it, is a failed allocation of memory."""
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        if (
            isinstance(cause, MemoryError)
            or getattr(cause, "errno", None) == errno.ENOMEM
            or mentions_lack_of_memory(str(cause))
        ):
            return True
        cause = cause.__cause__ or cause.__context__
    return False


def mentions_lack_of_memory(text: str) -> bool:
    """Return whether the message of a library speaks of a failed allocation of memory."""
    return _LACK_OF_MEMORY.search(text) is not None


def out_of_memory(most_bytes: int) -> LimitExceeded:
    """Return the error of a job that reached its memory limit."""
    return LimitExceeded(
        f"the job needs more memory than the {most_bytes / 2**30:.3g} GiB that one may have here; ask for a "
        "smaller output, scale the source down, or set FRAMEWRIGHT_JOB_MEMORY_BYTES"
    )


class MemoryWatch:
    """Watches how close another process comes to the limit that it has set with `limit_memory`.

    Args:
        pid: id of the process.
        most_bytes: its limit; None watches nothing.

    Attributes:
        was_close: whether it came close.
    """

    def __init__(self, pid: int, most_bytes: int | None) -> None:
        self._pid = pid
        self._most_bytes = most_bytes
        self.was_close = False

    async def run(self) -> None:
        """Watch until this is cancelled or the process ends."""
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
    """Return the memory that RLIMIT_DATA counts, see proc_pid_status(5).

    Raises:
        LookupError: the process has ended.
    """
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmData:"):
            return int(line.split()[1]) * 1024
    raise LookupError
