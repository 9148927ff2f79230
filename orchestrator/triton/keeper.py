"""Keep one tritonserver for its owner, and leave nothing behind: no process, no shared memory, no file.

A program of its own that needs the standard library only. It reads its plan from standard input (JSON, see
`main`), because any user may read a command line. It has to outlive its owner, so that a killed owner
(SIGKILL, out of memory) is cleaned up after too, and to start tritonserver from a thread that lives as long
as it does: Linux signals a child when the *thread* that started it ends (prctl(2), PR_SET_PDEATHSIG).
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.triton import launch

if TYPE_CHECKING:
    import subprocess

PR_SET_CHILD_SUBREAPER = 36  # <linux/prctl.h>

OWNER_CHECK_S = 0.25
CHILDREN_CHECK_S = 5.0
HARDLY_RUN_S = 0.05
_WAKE = {signal.SIGTERM, signal.SIGCHLD}


def main(plan: str) -> int:
    """Run the command until it ends, the owner is gone or SIGTERM comes; then end all of it and clean up.

    It is ended too when a process that it started was killed at once: tritonserver 2.51 would wait for the
    process of a model for ever, and so would everyone who loads that model.

    Args:
        plan: JSON object of `owner` (process id), `command` (list) and `key` (see `launch.start`), `search`
            (folders to put first in environment variables, as {"PATH": [folder, ...], ...}), `grace_s`
            (between SIGTERM and SIGKILL), `segments` (prefix of names in /dev/shm) and `scratch` (a folder):
            the last two are removed.

    Returns:
        The exit status of the command, as a shell tells it.
    """
    order = json.loads(plan)
    signal.pthread_sigmask(signal.SIG_BLOCK, {*_WAKE, signal.SIGINT, signal.SIGHUP})
    # Orphans of the server come to us, whom we know how to end, and not to process 1.
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1), 0, 0, 0)
    for variable, folders in order["search"].items():
        os.environ[variable] = ":".join(filter(None, [*folders, os.environ.get(variable)]))
    # onnxruntime's wheel counts its uses for Microsoft; set later than its import, this does nothing.
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"
    before = _unused_folders()
    try:
        server = launch.start(order["command"], key=order["key"])
        stillborn: set[str] = set()
        next_check_s = time.monotonic() + CHILDREN_CHECK_S
        while server.poll() is None and os.getppid() == order["owner"]:
            if _next_signal(OWNER_CHECK_S) == signal.SIGTERM:
                break
            if time.monotonic() > next_check_s:
                next_check_s += CHILDREN_CHECK_S
                known, stillborn = stillborn, _stillborn_children(server.pid)
                if known & stillborn:
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


def _unused_folders() -> set[Path]:
    """Return the folders that the Python backend makes for packed environments, which we have none of."""
    folders = Path("/tmp").glob("python_env_*")  # noqa: S108  the place is fixed in its library
    with contextlib.suppress(OSError):
        return {folder for folder in folders if folder.stat().st_uid == os.getuid()}
    return set()


def _end(server: subprocess.Popen[bytes], grace_s: float) -> None:
    """Ask once, wait, then kill the process group, backends' processes included, and reap them all."""
    deadline = time.monotonic() + grace_s
    if server.poll() is None:
        server.terminate()
    while server.poll() is None and time.monotonic() < deadline:
        _next_signal(0.05)
    # The group lives on in the backends' processes when the server is gone.
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()
    with contextlib.suppress(ChildProcessError):
        while True:
            os.waitpid(-1, 0)


def _stillborn_children(pid: int) -> set[str]:
    """Return the process ids of its children that have ended, hardly run, and that it has not asked for.

    The process of a model takes 0.2 s of the processor to get ready. One that is killed in its first 0.03 s
    is waited for in vain (measured); of one that is killed later tritonserver learns by itself.
    """
    found = set()
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):  # a thread that ended
            for child in children.read_text().split():
                fields = Path(f"/proc/{child}/stat").read_text().rpartition(") ")[2].split()
                state, user, system = fields[0], int(fields[11]), int(fields[12])  # see proc(5)
                if state == "Z" and (user + system) / os.sysconf("SC_CLK_TCK") < HARDLY_RUN_S:
                    found.add(child)
    return found


def _next_signal(timeout_s: float) -> int | None:
    received = signal.sigtimedwait(_WAKE, timeout_s)
    return received.si_signo if received else None
