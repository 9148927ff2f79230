"""The machine that is measured: its cores, which are pinned, and what it is made of."""

from __future__ import annotations

import datetime as dt
import os
import platform
from importlib import metadata
from pathlib import Path
from typing import Any

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PACKAGES = ("av", "numpy", "nvidia-pytriton", "onnxruntime", "torch", "ultralytics")


def pin(cores: int) -> int:
    """Keep this process and all that it starts to so many cores, with as many threads; return how many.

    Libraries take the number of threads from the environment of the processes that are started from now on.
    """
    allowed = sorted(os.sched_getaffinity(0))[:cores]
    os.sched_setaffinity(0, allowed)
    os.environ |= dict.fromkeys(THREAD_VARIABLES, str(len(allowed)))
    return len(allowed)


def described(cores: int) -> dict[str, Any]:
    """Return what a reader needs to know of the machine, as JSON."""
    return {
        "processor": _processor(),
        "cores": cores,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def today() -> str:
    """Return the date, in UTC."""
    return f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M} UTC"


def load() -> float:
    """Return how many processes wanted to run in the last minute, on average; over the cores is busy."""
    return round(os.getloadavg()[0], 1)


def _processor() -> str:
    facts = Path("/proc/cpuinfo")
    lines = facts.read_text().splitlines() if facts.exists() else []
    return next(
        (line.partition(":")[2].strip() for line in lines if line.startswith("model name")),
        platform.machine(),
    )


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None
