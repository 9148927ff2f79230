"""Runs a command for its owner, and ends all its processes when the command, or the owner, ends.

This is a separate program, which needs the standard library only: `wrangler dev` starts processes that
outlive it, and nothing else could end them after the owner was killed (SIGKILL, out of memory). It becomes
the parent of orphaned descendants (prctl(2), PR_SET_CHILD_SUBREAPER), so that none of them escapes, whatever
process group or session it has moved to.

usage: python process_reaper.py OWNER SIGNAL GRACE_S FOLDER COMMAND...
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36  # <linux/prctl.h>
_libc = ctypes.CDLL(None)

OWNER_CHECK_S = 0.2
ORPHANS_S = 5.0
"""How long the command's descendants may outlive it to clean up. Triton's reaper takes less than a second."""
_WAKE = {signal.SIGTERM, signal.SIGCHLD}
_BLOCKED = {*_WAKE, signal.SIGINT, signal.SIGHUP}


def main(owner: int, end_signal: int, grace_s: float, folder: Path, command: list[str]) -> int:
    """Run the command until it ends, the owner has ended or SIGTERM comes; then end all its processes.

    Ctrl-C, which a terminal sends to all processes of the group, is ignored here: the owner decides.

    Args:
        owner: the process id of the owner.
        end_signal: the signal that asks the command to end.
        grace_s: the time between that signal and SIGKILL, in seconds.
        folder: a folder that is removed if the owner ends first.
        command: the command and its arguments.

    Returns:
        The exit status of the command, in the form a shell uses.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, _BLOCKED)
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, preexec_fn=_prepare)  # noqa: PLW1509  one thread
    while child.poll() is None and os.getppid() == owner:
        received = signal.sigtimedwait(_WAKE, OWNER_CHECK_S)
        if received and received.si_signo == signal.SIGTERM:
            break
    deadline = time.monotonic() + grace_s
    if child.poll() is None:
        child.send_signal(end_signal)
        while child.poll() is None and time.monotonic() < deadline:
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)
        child.kill()
    status = child.wait()
    _end_descendants(min(deadline, time.monotonic() + ORPHANS_S))
    if os.getppid() != owner:
        shutil.rmtree(folder, ignore_errors=True)
    return status if status >= 0 else 128 - status


def _prctl(option: int, value: int) -> None:
    _libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0)


def _prepare() -> None:
    """Let the command receive signals, and die with this program."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _BLOCKED)


def _end_descendants(deadline: float) -> None:
    """Wait until the command's descendants have ended; after the deadline, kill what is left of them.

    Each becomes our child when its parent ends. A child that is killed leaves its children to us.
    """
    with contextlib.suppress(ChildProcessError):  # no child is left
        while True:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
            if time.monotonic() > deadline:
                for child in Path("/proc/self/task", str(os.getpid()), "children").read_text().split():
                    os.kill(int(child), signal.SIGKILL)
            signal.sigtimedwait({signal.SIGCHLD}, 0.05)


if __name__ == "__main__":
    _owner, _signal, _grace_s, _folder, *_command = sys.argv[1:]
    sys.exit(main(int(_owner), int(_signal), float(_grace_s), Path(_folder), _command))
