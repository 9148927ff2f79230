"""Describes the machine of a benchmark, and pins the benchmark to some of its cores."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib import metadata
from typing import Any

from orchestrator.machine import processor

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PACKAGES = ("av", "numpy", "nvidia-pytriton", "onnxruntime", "torch", "ultralytics")


def pin_to_cores(cores: int) -> int:
    """Pin this process and its children to at most `cores` cores, with as many threads; return how many.

    Processes that start from now on read the number of threads from their environment.
    """
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    os.sched_setaffinity(0, allowed)
    os.environ |= dict.fromkeys(THREAD_VARIABLES, str(len(allowed)))
    return len(allowed)


def describe(cores: int) -> dict[str, Any]:
    """Return the processor, cores, memory, system and package versions, as JSON."""
    return {
        "processor": processor(),
        "cores": cores,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def one_line() -> str:
    """Return the processor, the number of cores and the load, for the head of a table."""
    return f"{processor()}, {os.cpu_count()} cores, load {load()}"


def today() -> str:
    """Return the date, in UTC."""
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"


def load() -> float:
    """Return the load average of the last minute; a value above the number of cores means a busy machine."""
    return round(os.getloadavg()[0], 1)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
