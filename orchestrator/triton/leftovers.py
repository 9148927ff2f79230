"""Remove what dead owners and dead keepers of a tritonserver left: processes, shared memory, folders.

A keeper cleans up by itself, whatever happens to its owner or its server. This is for when the keeper was
killed. It does not know how a server is started.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import tempfile
from pathlib import Path

from orchestrator.triton import shared_memory

_EXIT_TIMEOUT_S = 5.0


def remove_leftovers() -> None:
    """Remove the segments and folders of owners that are gone."""
    shared_memory.remove_leftovers()
    for folder in Path(tempfile.gettempdir()).glob("framewright-*"):
        if shared_memory.is_leftover(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def clean_up(*, segments: str, scratch: Path) -> None:
    """Do a keeper's work for one that was killed: nothing of its server is left when this returns.

    Args:
        segments: prefix of the server's names in /dev/shm, which no other server has.
        scratch: its folder.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # it is gone, or somebody else's
            _kill(int(folder.name), naming=segments.encode())
    shared_memory.remove(segments)
    shutil.rmtree(scratch, ignore_errors=True)


def _kill(pid: int, *, naming: bytes) -> None:
    """Kill a process if its command line has `naming`, as those of a server and of its backends have."""
    process = os.pidfd_open(pid)  # so that another that gets this number meanwhile is left alone
    try:
        if naming in Path(f"/proc/{pid}/cmdline").read_bytes():
            signal.pidfd_send_signal(process, signal.SIGKILL)
            ended = select.poll()
            ended.register(process, select.POLLIN)
            ended.poll(_EXIT_TIMEOUT_S * 1000)
    finally:
        os.close(process)
