"""Reads the table of prices and speeds: `table.toml` beside this file, or a table of your own."""

from __future__ import annotations

import datetime as dt
import tomllib
from pathlib import Path
from typing import Annotated

from pydantic import Field

from orchestrator.errors import BadRequest
from orchestrator.jobs import Strict, parse
from orchestrator.jobs.task_table import TaskName

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]

CPU = "cpu"
"""Stands for a machine without a GPU in the table."""


class SourcedRow(Strict):
    """A row of the table, with the source of its number."""

    source: Text
    """Where the number came from: a command, a document, a person."""
    date: dt.date
    """When the number was measured, or read from its source."""
    measured: bool
    """Whether this project measured the number; if not, its source states it."""

    @property
    def origin(self) -> str:
        """The source of the number, as a clause of a sentence."""
        return f"{'measured by' if self.measured else 'taken from'} {self.source}, {self.date}"


class Price(SourcedRow):
    """What a second on a GPU costs."""

    gpu: Text
    """The name of the GPU, such as RTX 4090."""
    dollars_per_s: Positive
    """US dollars per second."""


class Speed(SourcedRow):
    """How fast a task ran on a GPU."""

    task: TaskName
    """The task."""
    model: str
    """The name of the model; empty for an export without one."""
    gpu: Text
    """The name of the GPU, or `cpu`."""
    width: Annotated[int, Field(gt=0)]
    """The width of the input frames, in pixels."""
    height: Annotated[int, Field(gt=0)]
    """The height of the input frames, in pixels."""
    fps: Positive
    """Frames per second."""


class TimeRatio(SourcedRow):
    """How much longer a job takes with one model than with another, or on one GPU than on another."""

    name: Text
    """A model or a GPU."""
    like: Text
    """Another model or GPU, whose speeds are known."""
    times: Positive
    """The seconds of a job with `name` divided by those with `like`."""


class PriceTable(Strict):
    """All known prices and speeds."""

    prices: tuple[Price, ...] = ()
    """At most one for each GPU."""
    speeds: tuple[Speed, ...] = ()
    """Any number for a task, model and GPU; the one with the nearest picture size counts."""
    relations: tuple[TimeRatio, ...] = ()
    """At most one for each model or GPU."""

    def price(self, gpu: str) -> Price | None:
        """Return the price of a GPU, if it is known."""
        return next((row for row in self.prices if same_gpu(row.gpu, gpu)), None)

    def relation(self, name: str) -> TimeRatio | None:
        """Return the relation of a model or a GPU to another one, if it is known."""
        return next((row for row in self.relations if row.name == name), None)

    def gpu(self, name: str) -> str:
        """Return the name of a GPU as the table writes it.

        Raises:
            BadRequest: the table does not have the GPU; the message lists those that it has.
        """
        names = [row.gpu for row in self.prices] + [row.gpu for row in self.speeds]
        for known in names:
            if same_gpu(known, name):
                return known
        raise BadRequest(
            f"the table has no GPU {name!r}: it has {', '.join(dict.fromkeys(names))}; add a row to it"
        )


def same_gpu(one: str, other: str) -> bool:
    """Return whether two names mean the same GPU; vendor, family, case and spaces are ignored."""
    return _normalised(one) == _normalised(other)


def _normalised(name: str) -> str:
    text = name.casefold()
    for word in ("nvidia", "geforce", "tesla", " ", "-", "_"):
        text = text.replace(word, "")
    return text


def read_table(path: Path) -> PriceTable:
    """Read a table.

    Raises:
        BadRequest: the file cannot be read, or a row is wrong; the message names it.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BadRequest(f"the table of costs {path} cannot be read: {exc}") from exc
    try:
        return parse(PriceTable, values)
    except BadRequest as exc:
        raise BadRequest(f"the table of costs {path}: {exc}") from exc
