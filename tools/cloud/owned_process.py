"""Starts a command whose processes all end with this process, even if it is killed."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil

from tools.cloud import process_reaper


class OwnedProcess:
    """A running command, with everything that it has started.

    Attributes:
        name: what the command is called in messages.
        log_path: the file that holds what it has printed.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        *,
        environment: dict[str, str],
        folder: Path,
        log_path: Path,
        cwd: Path | None = None,
        end_signal: signal.Signals = signal.SIGTERM,
        grace_s: float = 10.0,
    ) -> None:
        """Start the command.

        Args:
            name: what the command is called in messages.
            command: the command and its arguments, which other users of the machine can read: no secrets.
            environment: its environment variables.
            folder: a folder that is removed with all that it contains if this process ends without `stop`.
            log_path: the file to which its output is appended.
            cwd: the folder in which it runs.
            end_signal: the signal that asks it to end.
            grace_s: the time between that signal and SIGKILL, in seconds.
        """
        self.name = name
        self.log_path = log_path
        self._grace_s = grace_s
        reaper = [sys.executable, "-I", process_reaper.__file__]
        instructions = [psutil.Process().pid, end_signal.value, grace_s, folder, *command]
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [*reaper, *map(str, instructions)],
                env=environment,
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    @property
    def exit_status(self) -> int | None:
        """The exit status of the command as a shell gives it; None while it runs."""
        return self._process.poll()

    @property
    def descendants(self) -> list[psutil.Process]:
        """The command and all processes that it has started."""
        try:
            return psutil.Process(self._process.pid).children(recursive=True)
        except psutil.NoSuchProcess:
            return []

    def last_lines(self, count: int = 20) -> str:
        """Return the last lines that the command has printed."""
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-count:])

    def stop(self) -> None:
        """End the command and all its processes; return when none is left."""
        if self._process.poll() is None:
            self._process.terminate()
            self._process.wait(self._grace_s + 20)
