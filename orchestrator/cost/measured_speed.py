"""Finds and reads the speed of a model that `framewright models measure` recorded beside the built model."""

from __future__ import annotations

from pathlib import Path

from orchestrator.cost.price_table import PriceTable, Speed
from orchestrator.machine import cores, processor


def speed_file(repository: Path, model: str) -> Path:
    """Return the path of the record; another build of the model removes it.

    Args:
        repository: the model repository.
        model: the name of a built model.
    """
    return repository / model / "1" / "speed.json"


def source_here() -> str:
    """Return the `source` of speeds that are measured on this machine: the command, processor and cores."""
    return f"`framewright models measure` on {processor()}, {cores()} cores"


def measured_speed(repository: Path, model: str) -> Speed | None:
    """Return the recorded speed of a model; None if there is none, or if it is from another machine.

    Args:
        repository: the model repository.
        model: the name of the model.
    """
    try:
        speed = Speed.model_validate_json(speed_file(repository, model).read_bytes())
    except (OSError, ValueError):
        return None
    return speed if (speed.model, speed.source) == (model, source_here()) else None


def with_measured_speed(table: PriceTable, speed: Speed | None) -> PriceTable:
    """Return the table with a speed in place of its own speeds of that task and model on that GPU.

    Args:
        table: the known prices and speeds.
        speed: a speed of this machine; None returns the table as it is.
    """
    if speed is None:
        return table
    replaced = (speed.task, speed.model, speed.gpu)
    others = tuple(row for row in table.speeds if (row.task, row.model, row.gpu) != replaced)
    return table.model_copy(update={"speeds": (speed, *others)})
