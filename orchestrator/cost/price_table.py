"""The table of prices and speeds: `table.toml` beside this file, or one of your own."""

from __future__ import annotations

import datetime as dt  # noqa: TC003  pydantic reads it when the class is made
import tomllib
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from orchestrator.errors import BadRequest
from orchestrator.jobs import Strict, parse
from orchestrator.jobs.tasks import TaskName  # noqa: TC001  pydantic reads it when the class is made

if TYPE_CHECKING:
    from pathlib import Path

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Text = Annotated[str, Field(min_length=1)]

CPU = "cpu"
"""The name under which the table has the speed of a machine without a GPU."""


class Sourced(Strict):
    """A row of the table.

    Attributes:
        source: where the number came from: a command, a document, a person.
        date: when it was measured, or read there.
        measured: whether this project measured it; else it is somebody else's word.
    """

    source: Text
    date: dt.date
    measured: bool

    @property
    def origin(self) -> str:
        """Where the number came from, as a clause."""
        return f"{'measured by' if self.measured else 'taken from'} {self.source}, {self.date}"


class Price(Sourced):
    """What a second on a GPU costs.

    Attributes:
        gpu: its name, such as RTX 4090.
        dollars_per_s: US dollars.
    """

    gpu: Text
    dollars_per_s: Positive


class Speed(Sourced):
    """How fast a task went on a GPU.

    Attributes:
        task: which.
        model: the model's name; empty for an export without one.
        gpu: its name, or `cpu`.
        width, height: of the pictures that went in, in pixels.
        fps: pictures a second.
    """

    task: TaskName
    model: str
    gpu: Text
    width: Annotated[int, Field(gt=0)]
    height: Annotated[int, Field(gt=0)]
    fps: Positive


class Relation(Sourced):
    """How much longer a job takes with one model than with another, or on one GPU than on another.

    Attributes:
        name: of the one, a model or a GPU.
        like: the other, of which speeds are known.
        times: seconds with the one over seconds with the other.
    """

    name: Text
    like: Text
    times: Positive


class Table(Strict):
    """All that is known.

    Attributes:
        prices: one for a GPU at most.
        speeds: any number for a task, model and GPU: the one of the nearest picture size counts.
        relations: one for a model or a GPU at most.
    """

    prices: tuple[Price, ...] = ()
    speeds: tuple[Speed, ...] = ()
    relations: tuple[Relation, ...] = ()

    def price(self, gpu: str) -> Price | None:
        """Return what a second on the GPU costs, if that is known."""
        return next((row for row in self.prices if same_gpu(row.gpu, gpu)), None)

    def relation(self, name: str) -> Relation | None:
        """Return which other model a model is like, or which other GPU a GPU, if that is known."""
        return next((row for row in self.relations if row.name == name), None)

    def gpu(self, name: str) -> str:
        """Return the GPU's name as the table writes it.

        Raises:
            BadRequest: the table does not have it; the message lists what it has.
        """
        names = [row.gpu for row in self.prices] + [row.gpu for row in self.speeds]
        for known in names:
            if same_gpu(known, name):
                return known
        raise BadRequest(
            f"the table has no GPU {name!r}: it has {', '.join(dict.fromkeys(names))}; add a row to it"
        )


def same_gpu(one: str, other: str) -> bool:
    """Whether two names are of one kind of GPU, however the vendor, the family, case and gaps are written."""
    return _bare(one) == _bare(other)


def _bare(name: str) -> str:
    text = name.casefold()
    for word in ("nvidia", "geforce", "tesla", " ", "-", "_"):
        text = text.replace(word, "")
    return text


def read_table(path: Path) -> Table:
    """Read a table.

    Raises:
        BadRequest: it cannot be read, or a row is not whole; the message names it.
    """
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise BadRequest(f"the table of costs {path} cannot be read: {exc}") from exc
    try:
        table = parse(Table, values)
    except BadRequest as exc:
        raise BadRequest(f"the table of costs {path}: {exc}") from exc
    return table
