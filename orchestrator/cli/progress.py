"""Shows a job's progress on standard error: a bar on a terminal, a line every few seconds elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import click

from orchestrator.pipeline.progress import OnProgress, Progress

_LINE_EVERY_S = 5.0


@contextmanager
def progress(title: str) -> Iterator[OnProgress]:
    """Return the display of a job's progress.

    Args:
        title: names the job, such as the name of its file.
    """
    if sys.stderr is not None and sys.stderr.isatty():
        with _bar(title) as on_progress:
            yield on_progress
    else:
        yield _lines(title)


@contextmanager
def _bar(title: str) -> Iterator[OnProgress]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn
    from rich.progress import Progress as Bar

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
