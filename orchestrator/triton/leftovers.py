"""Removes what a tritonserver leaves when its reaper was killed: processes, shared memory, folders.

A reaper (`server_reaper.py`) that is not killed cleans up itself, whatever happens to its owner or server.
"""

from __future__ import annotations

import contextlib
import os
import select
import shutil
import signal
import tempfile
from pathlib import Path

from orchestrator.triton import posix_shared_memory as shared_memory

_EXIT_TIMEOUT_S = 5.0


def remove_leftovers() -> None:
    """Remove the shared memory and the folders of processes that are gone."""
    shared_memory.remove_leftovers()
    for folder in Path(tempfile.gettempdir()).glob("framewright-*"):
        if shared_memory.is_leftover(folder.name):
            shutil.rmtree(folder, ignore_errors=True)


def clean_up(*, segments: str, scratch: Path) -> None:
    """Kill what is left of one server, and remove its shared memory and its folder.

    Args:
        segments: prefix of the server's names in /dev/shm, which no other server has.
        scratch: the server's folder.
    """
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):  # the process is gone, or another user's
            _kill(int(folder.name), if_named=segments.encode())
    shared_memory.remove(segments)
    shutil.rmtree(scratch, ignore_errors=True)


def _kill(pid: int, *, if_named: bytes) -> None:
    """Kill a process if its command line contains `if_named`, as those of a server and its backends do."""
    process = os.pidfd_open(pid)  # protects another process that may get this id meanwhile
    try:
        if if_named in Path(f"/proc/{pid}/cmdline").read_bytes():
            signal.pidfd_send_signal(process, signal.SIGKILL)
            ended = select.poll()
            ended.register(process, select.POLLIN)
            ended.poll(_EXIT_TIMEOUT_S * 1000)
    finally:
        os.close(process)
