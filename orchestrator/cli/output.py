"""Prints results on standard output: lines, JSON and tables."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.utf8_json import safe_text

if TYPE_CHECKING:
    from rich.console import Console

    from orchestrator.jobs import ExportResult, UpscaleResult


class OutputLost(Exception):
    """The job is done, but its result could not be printed."""


def say(text: str) -> None:
    """Print a line.

    Raises:
        OutputLost: standard output is a closed pipe or a file on a full disk.
    """
    say_pieces((text,))


def say_pieces(pieces: Iterable[str]) -> None:
    """Print a line that comes in pieces; see `say`."""
    try:
        for piece in pieces:
            click.echo(safe_text(piece), nl=False)
        click.echo()
        sys.stdout.flush()
    except OSError as exc:
        sys.stdout = None  # or the interpreter would fail once more at exit
        raise OutputLost(f"the work is done, but its result cannot be printed: {exc.strerror}") from exc


def console() -> Console:
    """Return a console for tables; it is wide enough for them where the output is a file or a pipe."""
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=160)


def video_line(output: Path, result: UpscaleResult | ExportResult) -> str:
    """Return one line about a finished video."""
    stats = result.stats
    size = f"{stats.frames} frames, {stats.width}x{stats.height}, {stats.duration_sec:.2f} s of video"
    model = f" with {stats.model}" if stats.model else ""
    return f"{output}: {size} in {stats.wall_sec:.1f} s ({stats.fps:.1f} fps){model}"


def report_and_note_lines(report: Path | None, notes: Iterable[str]) -> list[str]:
    """Return the last lines about a finished video: its report, and its notes."""
    from orchestrator.fidelity.report import report_files

    lines = [] if report is None else ["{}, {}: how true it is to the source".format(*report_files(report))]
    return [*lines, *(f"note: {note}" for note in notes)]
