"""Keeps the threads of this process at the usual priority."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path


def end_real_time() -> None:
    """Give all threads of this process the system's usual scheduling (SCHED_OTHER) back.

    As root, SVT-AV1 makes its own threads and the one that opens it real-time threads of the highest priority
    (its `svt_create_thread`). What that thread starts later inherits this, and on a machine with few cores
    nothing else gets its turn: not Triton, not the next job.
    """
    for thread in (int(task.name) for task in Path("/proc/self/task").iterdir()):
        with contextlib.suppress(ProcessLookupError):  # it has ended meanwhile
            if os.sched_getscheduler(thread) != os.SCHED_OTHER:
                os.sched_setscheduler(thread, os.SCHED_OTHER, os.sched_param(0))
