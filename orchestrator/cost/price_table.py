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


class EncoderSpeed(SourcedRow):
    """How fast the video encoder of a GPU (NVENC) encodes."""

    encoder: Text
    """FFmpeg's name of the encoder, such as `h264_nvenc`."""
    gpu: Text
    """The name of the GPU."""
    width: Annotated[int, Field(gt=0)]
    """The width of the encoded frames, in pixels."""
    height: Annotated[int, Field(gt=0)]
    """The height of the encoded frames, in pixels."""
    fps: Positive
    """Frames per second of one video."""


class FallbackSpeed(SourcedRow):
    """A speed on the safe side, for a quote of a job whose speed is unknown."""

    task: TaskName
    """The task."""
    on_cpu: bool
    """Whether it is for a machine without a GPU."""
    width: Annotated[int, Field(gt=0)]
    """The width of the input frames, in pixels."""
    height: Annotated[int, Field(gt=0)]
    """The height of the input frames, in pixels."""
    fps: Positive
    """Frames per second."""


class Figure(SourcedRow):
    """A number that a quote uses."""

    value: Positive
    """The number, in the unit that the name of the figure states."""


class Factor(SourcedRow):
    """A number that a quote multiplies with."""

    value: Annotated[float, Field(ge=1, allow_inf_nan=False)]
    """At least 1."""


class QuoteRules(Strict):
    """What a quote adds to an estimate; docs/billing.md explains each figure."""

    price_margin: Factor
    """The price that users pay divided by the price of the GPU."""
    cold_start_s: Figure
    """How long a worker takes to start, in seconds. Users wait for it and do not pay for it."""
    overhead_s: Figure
    """How many seconds a run takes beside the frames and the download."""
    download_bytes_per_s: Figure
    """How fast a worker downloads its input."""
    timeout_factor: Factor
    """The longest run that is allowed, divided by the expected one."""
    min_timeout_s: Figure
    """The shortest `executionTimeout`, in seconds."""
    max_timeout_s: Figure
    """The longest `executionTimeout`, in seconds."""
    assumed_width: Figure
    """The width of a video that nobody has described, in pixels."""
    assumed_height: Figure
    """The height of a video that nobody has described, in pixels."""
    assumed_fps: Figure
    """The frames per second of a video that nobody has described."""
    assumed_bits_per_s: Figure
    """The bit rate of a video that nobody has described: its length follows from the size of the file."""
    fallback_speeds: tuple[FallbackSpeed, ...]
    """One for each task with a GPU, and one without."""

    def fallback_speed(self, task: TaskName, gpu: str) -> FallbackSpeed:
        """Return the speed that a quote uses where the table has none.

        Raises:
            BadRequest: there is none for the task either.
        """
        for row in self.fallback_speeds:
            if row.task == task and row.on_cpu == (gpu == CPU):
                return row
        raise BadRequest(f"the table has no fallback speed for {task} on {gpu}: add one to it")


class PriceTable(Strict):
    """All known prices and speeds."""

    prices: tuple[Price, ...] = ()
    """At most one for each GPU."""
    speeds: tuple[Speed, ...] = ()
    """Any number for a task, model and GPU; the one with the nearest picture size counts."""
    relations: tuple[TimeRatio, ...] = ()
    """At most one for each model or GPU."""
    encoders: tuple[EncoderSpeed, ...] = ()
    """Any number for an encoder and GPU; the one with the nearest picture size counts."""
    quotes: QuoteRules | None = None
    """What a quote adds to an estimate; None in a table that is for estimates alone."""

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
        known = self.known_gpu(name)
        if known is None:
            names = ", ".join(dict.fromkeys(self._gpus()))
            raise BadRequest(f"the table has no GPU {name!r}: it has {names}; add a row to it")
        return known

    def known_gpu(self, name: str) -> str | None:
        """Return the name of a GPU as the table writes it; None if the table does not have it."""
        return next((known for known in self._gpus() if same_gpu(known, name)), None)

    def _gpus(self) -> list[str]:
        return [row.gpu for row in self.prices] + [row.gpu for row in self.speeds]


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
