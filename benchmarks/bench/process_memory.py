"""Measures the peak memory of a command with all the processes that it starts.

It is the sum of their proportional set sizes (PSS of proc(5)), in which memory that processes share counts
once, sampled while the command runs.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tools.stand_ins.processes import family

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SAMPLED_EVERY_S = 0.1


def peak_bytes(
    command: Sequence[object], *, environment: Mapping[str, str] | None = None, request: str = ""
) -> int:
    """Run a command; return the largest sum of the PSS of its processes that was sampled.

    Args:
        command: the program and its arguments.
        environment: variables in addition to those of this process.
        request: what it reads from its standard input.

    Raises:
        RuntimeError: the command failed.
    """
    arguments = [str(argument) for argument in command]
    process = subprocess.Popen(
        arguments,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdin is not None  # it is a pipe
    with process.stdin as stdin:
        stdin.write(request)
    peak = 0
    while process.poll() is None:
        peak = max(peak, sum(pss_bytes(member.pid) for member in family(process.pid)))
        time.sleep(SAMPLED_EVERY_S)
    if process.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed")
    return peak


def pss_bytes(pid: int) -> int:
    """Return the proportional set size of a process; 0 if it has ended."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0
