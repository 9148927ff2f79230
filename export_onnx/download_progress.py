"""Shows the progress of a download on standard error: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LINES = 10
"""The most plain lines for one download, not counting its retries."""


@contextlib.contextmanager
def show_progress(label: str) -> Iterator[tuple[Callable[[str], None], Callable[[int, int | None], None]]]:
    """Yield the `on_retry` and `advance` callbacks of `download.fetch`."""
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda line: console.print(line, soft_wrap=True, markup=False), _plain(console, label)
        return
    columns = (
        "{task.description}",
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task(label, total=None)
        yield (
            lambda line: progress.console.print(line, soft_wrap=True, markup=False),
            lambda done, whole: progress.update(task, completed=done, total=whole),
        )


def _plain(console: Console, label: str) -> Callable[[int, int | None], None]:
    step = -1

    def advance(done: int, whole: int | None) -> None:
        nonlocal step
        reached = done * LINES // whole if whole else done >> 23
        if reached == step:
            return
        step = reached
        share = f" of {whole / 1e6:.1f} MB ({done / whole:.0%})" if whole else " MB"
        console.print(f"{label}: {done / 1e6:.1f}{share}", soft_wrap=True, markup=False)

    return advance
