"""Runs `framewright models`: handles signals, and turns every error into one line and an exit code."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from types import FrameType

PROGRAM = "framewright models"


class _SignalHandler:
    """Handles the first signal that asks this process to stop; ignores later ones, as clean-up is brief.

    Attributes:
        number: the number of the signal; 0 until it arrives.
    """

    def __init__(self) -> None:
        self.number = 0

    def __call__(self, number: int, _frame: FrameType | None) -> NoReturn:
        self.number = number
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, signal.SIG_IGN)
        raise KeyboardInterrupt

    def check(self) -> None:
        """Raise KeyboardInterrupt again if the signal came: a library may have swallowed the first one."""
        if self.number:
            raise KeyboardInterrupt

    def listen(self) -> None:
        """Handle the signals from now on."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, self)


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every error becomes one line on standard error and an exit code."""
    stop = _SignalHandler()
    stop.listen()
    try:
        message, code = _run(sys.argv[1:] if arguments is None else arguments, stop)
    except BaseException as exc:
        # Libraries turn the interrupt into errors of their own, so after a signal any error means: stopped.
        if not stop.number:
            raise
        message, code = str(exc), 1
    if stop.number and code:
        name = signal.Signals(stop.number).name
        message, code = f"stopped by {name}; run the same command again", 128 + stop.number
    if message:
        sys.stderr.write(f"error: {' '.join(message.split())}\n")
    sys.exit(code)


def _run(arguments: list[str], stop: _SignalHandler) -> tuple[str, int]:
    """Run a command; return the message of its failure, empty if there is none, and the exit code."""
    # Imported here because it takes up to a second, and Ctrl-C must work meanwhile.
    import click  # noqa: PLC0415

    from export_onnx.commands import models  # noqa: PLC0415
    from orchestrator.errors import BadRequest, WorkerError  # noqa: PLC0415

    try:
        # Not models.main(), which prints an empty line before it re-raises an interrupt.
        with models.make_context(PROGRAM, arguments, obj=stop.check) as context:
            models.invoke(context)
    except click.exceptions.Exit as exc:  # of --help
        return "", exc.exit_code
    except click.exceptions.NoArgsIsHelpError as exc:
        exc.show()
        return "", exc.exit_code
    except WorkerError as exc:
        return str(exc), exc.exit_code
    except click.ClickException as exc:
        called = getattr(exc, "ctx", None)
        command = called.command_path if called else PROGRAM
        return f"{exc.format_message().rstrip('.')}; see `{command} --help`", BadRequest.exit_code
    return "", 0


if __name__ == "__main__":
    main()
