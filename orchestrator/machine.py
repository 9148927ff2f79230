"""How much of this machine the process may use: a container sees more cores and memory than it has.

It also sets the limits that the kernel holds this process and its children to.
"""

from __future__ import annotations

import os
import resource
from pathlib import Path

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


def forbid_core_files() -> None:
    """Let no crash of this process or its children write their memory to disk: secrets, pictures."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(name: str) -> str:
    """Return what a file of the control group says; empty where there is none, or it says nothing."""
    try:
        return (_CGROUP / name).read_text().strip()
    except OSError:
        return ""
