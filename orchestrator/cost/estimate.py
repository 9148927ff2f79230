"""How long a job will take and what it will cost, before it is done."""

from __future__ import annotations

import math

from orchestrator.cost.price_table import CPU, Price, Relation, Speed, Table, same_gpu
from orchestrator.jobs import Strict
from orchestrator.jobs.tasks import TASKS, TaskName


class Work(Strict):
    """What there is to do.

    Attributes:
        task: which.
        model: the model's name; empty for an export without one.
        frames: pictures that go in.
        width, height: of those pictures (of the crop, where there is one), in pixels.
    """

    task: TaskName
    model: str
    frames: int
    width: int
    height: int


class Estimate(Strict):
    """What a job will take.

    Attributes:
        work: what there is to do.
        gpu: where.
        seconds: without the start of a worker and the load of a model; None is unknown.
        dollars: `seconds` times the price; None is unknown.
        speed: the row that `seconds` came from.
        relations: the rows that made the speed of another model, or on another GPU, into this one's.
        price: the row that `dollars` came from.
        notes: where each number came from, and what is missing, one sentence each.
    """

    work: Work
    gpu: str
    seconds: float | None
    dollars: float | None
    speed: Speed | None
    relations: tuple[Relation, ...]
    price: Price | None
    notes: tuple[str, ...]


def estimate(table: Table, work: Work, gpu: str) -> Estimate:
    """Estimate a job: time grows with pixels and frames, and for tracking with frames alone.

    Args:
        table: what is known.
        work: what there is to do.
        gpu: the name of a GPU, or `cpu`.

    Raises:
        BadRequest: the table does not have the GPU.
    """
    gpu = table.gpu(gpu)
    price = table.price(gpu)
    speed, relations = _known(table, work, gpu)
    seconds = None if speed is None else _seconds(work, speed, relations)
    return Estimate(
        work=work,
        gpu=gpu,
        seconds=None if seconds is None else round(seconds, 3),
        dollars=None if seconds is None or price is None else round(seconds * price.dollars_per_s, 6),
        speed=speed,
        relations=relations,
        price=price,
        notes=(*_about_speed(table, work, gpu, speed, relations), *_about_price(gpu, price)),
    )


def _known(table: Table, work: Work, gpu: str) -> tuple[Speed | None, tuple[Relation, ...]]:
    """Return the speed to go by, and what makes it this model's and this GPU's; the fewest relations win."""
    model_like, gpu_like = table.relation(work.model), table.relation(gpu)
    for relations in ((), (model_like,), (gpu_like,), (model_like, gpu_like)):
        used = tuple(row for row in relations if row is not None)
        model = work.model if model_like not in used else model_like.like
        speed = _nearest(table, work, model, gpu if gpu_like not in used else gpu_like.like)
        if speed is not None:
            return speed, used
    return None, ()


def _nearest(table: Table, work: Work, model: str, gpu: str) -> Speed | None:
    """Return the speed that was found at the picture size nearest to the work's."""
    rows = [row for row in _speeds(table, work) if row.model == model and same_gpu(row.gpu, gpu)]
    pixels = work.width * work.height
    return min(rows, key=lambda row: abs(math.log(row.width * row.height / pixels)), default=None)


def _speeds(table: Table, work: Work) -> list[Speed]:
    """Return the speeds of work of this kind: to a model, an export is an upscale of the crop."""
    task = "upscale" if work.task == "export" and work.model else work.task
    return [row for row in table.speeds if row.task == task]


def _seconds(work: Work, speed: Speed, relations: tuple[Relation, ...]) -> float:
    seconds = work.frames / speed.fps
    if TASKS[work.task].time_per_pixel:
        seconds *= work.width * work.height / (speed.width * speed.height)
    return seconds * math.prod(row.times for row in relations)


def _about_speed(
    table: Table, work: Work, gpu: str, speed: Speed | None, relations: tuple[Relation, ...]
) -> list[str]:
    if speed is None:
        known = sorted({row.gpu for row in _speeds(table, work) if row.model == work.model})
        elsewhere = f" (known: {', '.join(known)})" if known else ""
        what = f"{work.task} with {work.model or 'no model'} is on {gpu}{elsewhere}"
        advice = "do one job there, and add its speed to the table"
        return [f"seconds are unknown: nobody has said how fast {what}; {advice}"]
    basis = f"{speed.fps:g} frames a second of {speed.width}x{speed.height}"
    return [
        f"speed: {basis} with {speed.model or 'no model'} on {speed.gpu}, {speed.origin}",
        *(
            f"scaled: {row.name} takes {row.times:g} times as long as {row.like}, {row.origin}"
            for row in relations
        ),
        "not in it: the start of a worker, and the load of the model",
    ]


def _about_price(gpu: str, price: Price | None) -> list[str]:
    if price is not None:
        return [f"price: ${price.dollars_per_s:g} a second on {gpu}, {price.origin}"]
    return [] if gpu == CPU else [f"dollars are unknown: the table has no price of {gpu}"]
