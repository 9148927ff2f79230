"""Finds the processor, and how many cores and how much memory this process may use.

A container may have fewer cores and less memory than the machine.

It also asks the kernel to kill this process with its parent, and to write no core files.
"""

from __future__ import annotations

import ctypes
import os
import platform
import resource
import signal
from functools import cache
from pathlib import Path

PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
_CGROUP = Path("/sys/fs/cgroup")


def cores() -> int:
    """Return how many processor cores this process may use, at least 1.

    The process's affinity and the quota of its control group limit it (Linux kernel, cgroup-v2: `cpu.max`;
    v1: CFS bandwidth).
    """
    most = float(len(os.sched_getaffinity(0)))
    quota, _, period = _read("cpu.max").partition(" ")
    if not quota:
        quota, period = _read("cpu/cpu.cfs_quota_us"), _read("cpu/cpu.cfs_period_us")
    if quota.isdigit() and period.isdigit() and int(period):
        most = min(most, int(quota) / int(period))
    return max(1, int(most))


def memory_bytes() -> int:
    """Return how much memory this process may use: the machine's, or the limit of its control group."""
    whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _read("memory.max") or _read("memory/memory.limit_in_bytes")
    return min(whole, int(limit)) if limit.isdigit() else whole


def processor() -> str:
    """Return the name of the processor as Linux states it; elsewhere, the name of its architecture."""
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())


@cache
def has_avx512() -> bool:
    """Return whether the processor has AVX-512, as far as Linux says so."""
    facts = Path("/proc/cpuinfo")
    return facts.exists() and " avx512f" in facts.read_text()


def die_with_parent(parent: int) -> None:
    """Let the kernel kill this process when its parent ends (prctl(2)); exit at once if it has ended.

    Args:
        parent: the parent's process id. The parent's thread that started this process must outlive it.
    """
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, ctypes.c_ulong(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)


def forbid_core_files() -> None:
    """Stop this process and its children from writing their memory, secrets included, to disk in a crash."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _read(name: str) -> str:
    """Return the text of a file of the control group; empty where the file is missing or unreadable."""
    try:
        return (_CGROUP / name).read_text().strip()
    except OSError:
        return ""
