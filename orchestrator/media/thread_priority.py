"""Resets the threads of this process to the usual priority after SVT-AV1 has raised it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def reset_thread_priority() -> None:
    """Set all threads of this process to the system's default scheduling (SCHED_OTHER).

    As root, SVT-AV1 turns its own threads and the thread that opens it into real-time threads of the highest
    priority (its `svt_create_thread`). Threads and processes that this thread starts later inherit that, and
    on a machine with few cores nothing else gets to run: neither Triton nor the next job.
    """
    for thread in (int(task.name) for task in Path("/proc/self/task").iterdir()):
        with contextlib.suppress(ProcessLookupError):  # the thread has ended
            if os.sched_getscheduler(thread) != os.SCHED_OTHER:
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
