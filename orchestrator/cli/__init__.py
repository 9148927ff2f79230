"""Runs the `framewright` command; each subcommand is a module of its own."""

from __future__ import annotations

import sys
from collections.abc import Sequence

from orchestrator.cli.exit_handling import SignalReceived, catch_signals, say_stopped
from orchestrator.machine import forbid_core_files


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; None uses those of the process.

    Returns:
        The exit code.
    """
    catch_signals()
    forbid_core_files()
    try:
        from orchestrator.cli.commands import run  # after signals are caught, because it takes time

        return run(arguments)
    except SignalReceived as exc:
        return say_stopped(exc.number, as_json="--json" in (sys.argv if arguments is None else arguments))
