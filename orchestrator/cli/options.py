"""What the subcommands share: options that several have, logging, and how progress is shown."""

from __future__ import annotations

import logging
import sys
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from orchestrator.safe_text import safe_text
from orchestrator.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from orchestrator.pipeline.progress import OnProgress, Progress

LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
_LINE_EVERY_S = 5.0


@dataclass
class Shell:
    """How this call of the command line talks: set by options, read where errors are printed.

    Attributes:
        json: errors are also printed as JSON on standard output.
    """

    json: bool = False


class OutputLost(Exception):
    """The job is done, but its result could not be printed."""


def say(text: str) -> None:
    """Print a line to standard output.

    Raises:
        OutputLost: nobody listens: a closed pipe, a full disk.
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


def _set_json(context: click.Context, _option: click.Parameter, value: bool) -> bool:  # noqa: FBT001  click's form
    context.ensure_object(Shell).json = value
    return value


def _set_verbose(_context: click.Context, _option: click.Parameter, value: bool) -> None:  # noqa: FBT001
    level = logging.DEBUG if value else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format=LOG_FORMAT, force=True)
    logging.getLogger("orchestrator").setLevel(level)


verbose_option = click.option(
    "-v",
    "--verbose",
    is_flag=True,
    expose_value=False,
    callback=_set_verbose,
    help="Say what is done, and how.",
)
json_option = click.option(
    "--json", "as_json", is_flag=True, is_eager=True, callback=_set_json, help="Print the result as JSON."
)


def url_option(text: str) -> Callable[[Any], Any]:
    """Make the option that names a running Triton."""
    return click.option("--url", metavar="HOST:PORT", help=text)


def console() -> Console:
    """Make a console for tables, wide enough for them where the output goes to a file or a pipe."""
    return Console() if sys.stdout.isatty() else Console(width=160)


def settings_with(url: str | None) -> Settings:
    """Read the settings, of which the command line may replace the Triton."""
    settings = Settings.from_env()
    return settings if url is None else replace(settings, triton_url=url)


@contextmanager
def progress(title: str) -> Iterator[OnProgress]:
    """Show a job's progress on standard error: a bar on a terminal, a line every few seconds otherwise.

    Args:
        title: of the job, such as the file's name.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        with _bar(title) as on_progress:
            yield on_progress
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[fps]:.1f} fps"),
        TimeRemainingColumn(),
    )
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(title, total=None, fps=0.0)

        def on_progress(moment: Progress) -> None:
            bar.update(
                task,
                description=f"{moment.stage} {title}",
                completed=moment.frames,
                total=moment.total,
                fps=moment.fps,
            )

        yield on_progress


def _lines(title: str) -> OnProgress:
    last_stage = ""
    next_s = 0.0

    def on_progress(moment: Progress) -> None:
        nonlocal last_stage, next_s
        now_s = time.monotonic()
        if moment.stage == last_stage and now_s < next_s:
            return
        last_stage, next_s = moment.stage, now_s + _LINE_EVERY_S
        line = f"{moment.stage} {title}"
        if moment.frames:
            line += f": frame {moment.frames}"
            line += f" of {moment.total}" if moment.total else ""
            line += f", {moment.fps:.1f} fps" if moment.fps else ""
            line += f", {moment.eta_s:.0f} s left" if moment.eta_s is not None else ""
        click.echo(line, err=True)

    return on_progress
