"""The `framewright` command: one file a subcommand. Only `main` is for others."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from orchestrator.cli.exit_codes import Signalled, catch_signals, say_stopped
from orchestrator.machine import forbid_core_files

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; None takes the process's.

    Returns:
        The exit code.
    """
    catch_signals()
    forbid_core_files()
    try:
        # Not at the top: it takes up to a second, in which Ctrl-C must be understood already.
        from orchestrator.cli.commands import run  # noqa: PLC0415

        return run(arguments)
    except Signalled as exc:
        return say_stopped(exc.number, as_json="--json" in (sys.argv if arguments is None else arguments))
