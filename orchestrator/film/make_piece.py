"""Makes a piece in a folder of pieces, never while another process makes the same one."""

from __future__ import annotations

import time
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

from orchestrator.errors import Cancelled, OutputPathRefused
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film.segment import make_segment
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.progress import Progress
from orchestrator.storage.staged import staged

_REPORT_EVERY_S = 0.5


def make_piece(
    source: Path, pieces: PieceFolder, number: int, context: JobContext, *, stop: Path, repeat: bool = False
) -> None:
    """Make a piece, unless it is there. If another process makes it, wait until it is done, or has failed.

    Args:
        source: the video that the plan was made from.
        pieces: the folder of the pieces.
        number: the number of the segment.
        context: see `JobContext`. Progress is reported twice a second at most.
        stop: a file that ends the work when it appears.
        repeat: whether to make the piece although another process does, because that one is slow. The first
            of them to be done stores its piece, and the other one ends.

    Raises:
        Cancelled: the file `stop` appeared.
        WorkerError: the piece could not be made; see `make_segment`.
    """
    path, next_s = pieces.path(number), 0.0

    def check_needed() -> None:
        if stop.exists() or path.exists():
            raise Cancelled(f"segment {number} is not needed any more")

    def on_progress(moment: Progress) -> None:
        nonlocal next_s
        if time.monotonic() >= next_s:
            next_s = time.monotonic() + _REPORT_EVERY_S
            context.on_progress(moment)
            check_needed()

    if pieces.has(number):
        return
    try:
        with nullcontext() if repeat else pieces.claimed(number, while_waiting=check_needed):
            check_needed()
            pieces.write_journal("started", number)
            with staged(path, overwrite=False) as temporary:
                ours = replace(context, on_progress=on_progress)
                make_segment(source, pieces.plan, number, temporary, ours, plan_hash=pieces.plan_hash)
            pieces.write_journal("stored", number)
    except (Cancelled, OutputPathRefused):
        if not path.exists():
            raise
