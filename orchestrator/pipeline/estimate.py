"""What a job on a video will take, before it is done: the video's size and the table's numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from orchestrator.cost.estimate import Estimate, Work
from orchestrator.cost.estimate import estimate as estimate_work
from orchestrator.errors import BadMedia
from orchestrator.media.probe import probe

if TYPE_CHECKING:
    from pathlib import Path

    from orchestrator.cost.table import Table, Task


def estimate(source: Path, *, task: Task, model: str, gpu: str, table: Table) -> Estimate:
    """Estimate a job on a video; nothing but its header is read.

    Args:
        source: a local video file.
        task: which.
        model: the model's name; empty for an export without one.
        gpu: the name of a GPU, or `cpu`.
        table: prices and speeds.

    Raises:
        CallerError: the video is refused, its length is not known, or the table does not have the GPU.
    """
    info = probe(source)
    if info.frames is None:
        raise BadMedia(f"{source}: it does not say how long it is, so nothing can be estimated")
    work = Work(task=task, model=model, frames=info.frames, width=info.width, height=info.height)
    return estimate_work(table, work, gpu)
