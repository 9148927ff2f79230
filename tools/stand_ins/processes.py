"""Finds Framewright's command, its child processes and the shared memory that they hold."""

from __future__ import annotations

import contextlib
import os
import sys
from pathlib import Path

import psutil

COMMAND = Path(sys.executable).with_name("framewright")
SHM = Path("/dev/shm")  # noqa: S108  POSIX shared memory, by its names


def environment(**extra: object) -> dict[str, str]:
    return os.environ | {name: str(value) for name, value in extra.items()}


def family(pid: int) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        parent = psutil.Process(pid)
        return [parent, *parent.children(recursive=True)]
    return []


def segments_of(processes: list[psutil.Process]) -> set[str]:
    pids = {str(process.pid) for process in processes}
    names = [path.name.split("-") for path in SHM.glob("framewright-*")]
    return {"-".join(parts) for parts in names if parts[2] in pids}


def high_water_bytes(pid: int | str) -> int:
    """Return VmHWM of proc(5): the peak of this program, unlike ru_maxrss, which a new process inherits."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    return int(fields["VmHWM"].split()[0]) * 1024
