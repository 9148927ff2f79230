"""Runs one tritonserver for its owner, and removes all its processes, shared memory and files at the end.

This is a separate program, which needs the standard library only. It reads its instructions from standard
input (a line of JSON, see `main`), because any user may read a command line. The owner is gone when all
processes that hold the other end of that pipe are. The reaper outlives it, to clean up even after a killed
one (SIGKILL, out of memory). It starts tritonserver from its only thread, because Linux signals a child when
the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

from orchestrator.triton import launch

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>

OWNER_CHECK_S = 0.25
CHILDREN_CHECK_S = 5.0
HARDLY_RUN_S = 0.05
_WAKE = {signal.SIGTERM, signal.SIGCHLD}


def main(instructions: str) -> int:
    """Run the command until it ends, its owner is gone or SIGTERM comes; then end all processes and clean up.

    The command is also ended if a process that it started was killed immediately: tritonserver 2.51, and
    every client that loads that model, would wait for it for ever.

    Args:
        instructions: JSON object of `command` (list) and `key` (see `launch.start`), `search` (folders to put
            first in environment variables, as {"PATH": [folder, ...], ...}), `grace_s` (between SIGTERM and
            SIGKILL), `segments` (prefix of names in /dev/shm) and `scratch` (a folder). The last two are
            removed at the end.

    Returns:
        The exit status of the command, in the form a shell uses.
    """
    order = json.loads(instructions)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_WAKE, signal.SIGINT, signal.SIGHUP})
    # Orphaned processes of the server become our children, which we can end, and not those of process 1.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
    for variable, folders in order["search"].items():
        os.environ[variable] = ":".join(filter(None, [*folders, os.environ.get(variable)]))
    # onnxruntime's wheel sends usage counts to Microsoft unless this is set before its import.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    before = _unused_folders()
    try:
        server = launch.start(order["command"], key=order["key"])
        suspects: set[str] = set()
        next_check_s = time.monotonic() + CHILDREN_CHECK_S
        while server.poll() is None and not _owner_is_gone():
            if _next_signal(OWNER_CHECK_S) == signal.SIGTERM:
                break
            if time.monotonic() > next_check_s:
                next_check_s += CHILDREN_CHECK_S
                earlier, suspects = suspects, _children_killed_at_start(server.pid)
                if earlier & suspects:
                    print("the process of a model was killed as it started: the server is ended", flush=True)  # noqa: T201  its log
                    break
        _end(server, order["grace_s"])
    finally:
        for segment in Path("/dev/shm").glob(order["segments"] + "*"):  # noqa: S108  Linux keeps it there
            segment.unlink(missing_ok=True)
        shutil.rmtree(order["scratch"], ignore_errors=True)
        for folder in _unused_folders() - before:
            with contextlib.suppress(OSError):
                folder.rmdir()  # only an empty one goes
    return server.returncode if server.returncode >= 0 else 128 - server.returncode


def _owner_is_gone() -> bool:
    return bool(select.select([sys.stdin], [], [], 0)[0])


def _unused_folders() -> set[Path]:
    """Return the empty folders that the Python backend creates for packed environments, unused here."""
    folders = Path("/tmp").glob("python_env_*")  # noqa: S108  the place is fixed in its library
    with contextlib.suppress(OSError):
        return {folder for folder in folders if folder.stat().st_uid == os.getuid()}
    return set()


def _end(server: subprocess.Popen[bytes], grace_s: float) -> None:
    """Send SIGTERM, wait, kill the process group with the backends' processes, and reap them all."""
    deadline = time.monotonic() + grace_s
    if server.poll() is None:
        server.terminate()
    while server.poll() is None and time.monotonic() < deadline:
        _next_signal(0.05)
    # The backends' processes may outlive the server in the group.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _children_killed_at_start(pid: int) -> set[str]:
    """Return the ids of zombie children of `pid` that used less than HARDLY_RUN_S of CPU time.

    The process of a model needs 0.2 s of CPU time to get ready. tritonserver waits for ever for one that is
    killed in its first 0.03 s (measured); it notices the death of one that is killed later by itself.
    """
    killed = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that ended
            for child in children.read_text().split():
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2].split()
                state, user, system = fields[0], int(fields[11]), int(fields[12])  # see proc(5)
                if state == "Z" and (user + system) / os.sysconf("SC_CLK_TCK") < HARDLY_RUN_S:
                    killed.add(child)
    return killed


def _next_signal(timeout_s: float) -> int | None:
    received = signal.sigtimedwait(_WAKE, timeout_s)
    return received.si_signo if received else None
