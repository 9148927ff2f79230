"""How much of this machine the process may use: a container sees more cores and memory than it has.

It also tells the kernel what holds for this process: limits, and when it ends.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
from pathlib import Path

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return the processor cores that this process may use, at least 1.

    Its affinity, and the quota of its control group (Linux kernel, cgroup-v2: `cpu.max`; v1: CFS bandwidth).
    """
    most = float(len(os.sched_getaffinity(0)))
    quota, _, period = _read("cpu.max").partition(" ")
    if not quota:
        quota, period = _read("cpu/cpu.cfs_quota_us"), _read("cpu/cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit() and int(period):
        most = min(most, int(quota) / int(period))
    return max(1, int(most))


def memory_bytes() -> int:
    """Return the memory that this process may use: the machine's, or the limit of its control group."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read("memory.max") or _read("memory/memory.limit_in_bytes")
    return min(whole, int(limit)) if limit.isdigit() else whole


def end_with(parent: int) -> None:
    """Kill this process when its parent ends: by a signal from the kernel, prctl(2), or now if it is gone.

    Args:
        parent: its process id. The thread of it that started this process must live as long as it does.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def forbid_core_files() -> None:
    """Let no crash of this process or its children write their memory to disk: secrets, pictures."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(name: str) -> str:
    """Return what a file of the control group says; empty where there is none, or it says nothing."""
    try:
        return (_CGROUP / name).read_text().strip()
    except OSError:
        return ""
