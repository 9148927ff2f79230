"""Estimates how long a job will take and what it will cost."""

from __future__ import annotations

import math

from orchestrator.cost.encoder_limit import EncodedPictures, encoder_speed, encoding_seconds
from orchestrator.cost.price_table import (
    CPU,
    EncoderSpeed,
    FallbackSpeed,
    Price,
    PriceTable,
    Speed,
    TimeRatio,
    same_gpu,
)
from orchestrator.jobs import Strict
from orchestrator.jobs.task_table import USER_TASKS, TaskName


class Workload(Strict):
    """The amount of work in a job."""

    task: TaskName
    """The task."""
    model: str
    """The name of the model; empty for an export without one."""
    frames: int
    """The number of input frames."""
    width: int
    """The width of the input frames (of the crop, if there is one), in pixels."""
    height: int
    """The height of the input frames (of the crop, if there is one), in pixels."""


class Estimate(Strict):
    """How long a job will take, and what it will cost."""

    work: Workload
    """The amount of work in the job."""
    gpu: str
    """The GPU it runs on."""
    seconds: float | None
    """The time without the start of a worker and the load of a model; None if it is unknown."""
    dollars: float | None
    """`seconds` times the price; None if it is unknown."""
    speed: Speed | None
    """The row that `seconds` came from."""
    relations: tuple[TimeRatio, ...]
    """The rows that convert that speed to this model and this GPU."""
    encoder: EncoderSpeed | None
    """The row of the encoder, if it is slower than that speed and so decides `seconds`."""
    price: Price | None
    """The row that `dollars` came from."""
    notes: tuple[str, ...]
    """The source of each number, and what is missing, one sentence each."""


def estimate(
    table: PriceTable, work: Workload, gpu: str, *, pictures: EncodedPictures | None = None
) -> Estimate:
    """Estimate a job: time grows with pixels and frames, and for tracking with frames alone.

    No job is faster than the encoder of the GPU, as far as the table knows it.

    Args:
        table: the known prices and speeds.
        work: the amount of work in the job.
        gpu: the name of a GPU, or `cpu`.
        pictures: the pictures that the GPU encodes; None if it encodes none.

    Raises:
        BadRequest: the table does not have the GPU.
    """
    gpu = table.gpu(gpu)
    price = table.price(gpu)
    speed, relations = find_speed(table, work, gpu)
    seconds = None if speed is None else work_seconds(work, speed, relations)
    row = None if pictures is None else encoder_speed(table, pictures, gpu)
    encoding_s = None if row is None or pictures is None else encoding_seconds(row, pictures, work.frames)
    is_bound = encoding_s is not None and seconds is not None and encoding_s > seconds
    if is_bound:
        seconds = encoding_s
    return Estimate(
        work=work,
        gpu=gpu,
        seconds=None if seconds is None else round(seconds, 3),
        dollars=None if seconds is None or price is None else round(seconds * price.dollars_per_s, 6),
        speed=speed,
        relations=relations,
        encoder=row if is_bound else None,
        price=price,
        notes=(
            *_about_speed(table, work, gpu, speed, relations),
            *_about_encoder(gpu, row, pictures, encoding_s, is_bound=is_bound),
            *_about_price(gpu, price),
        ),
    )


def find_speed(table: PriceTable, work: Workload, gpu: str) -> tuple[Speed | None, tuple[TimeRatio, ...]]:
    """Return the known speed that needs the fewest relations to this model and GPU, and these relations."""
    model_like, gpu_like = table.relation(work.model), table.relation(gpu)
    for relations in ((), (model_like,), (gpu_like,), (model_like, gpu_like)):
        used = tuple(row for row in relations if row is not None)
        model = work.model if model_like not in used else model_like.like
        speed = _nearest(table, work, model, gpu if gpu_like not in used else gpu_like.like)
        if speed is not None:
            return speed, used
    return None, ()


def _nearest(table: PriceTable, work: Workload, model: str, gpu: str) -> Speed | None:
    """Return the speed with the picture size nearest to the work's."""
    rows = [row for row in _speeds(table, work) if row.model == model and same_gpu(row.gpu, gpu)]
    pixels = work.width * work.height
    return min(rows, key=lambda row: _ratio(row.width * row.height, pixels), default=None)


def _ratio(one: int, other: int) -> float:
    """Return the larger number divided by the smaller one."""
    return max(one, other) / min(one, other)


def _speeds(table: PriceTable, work: Workload) -> list[Speed]:
    return [row for row in table.speeds if row.task == speed_task(work)]


def speed_task(work: Workload) -> TaskName:
    """Return the task whose speeds count: to a model, an export is an upscale of the crop."""
    return "upscale" if work.task == "export" and work.model else work.task


def work_seconds(work: Workload, speed: Speed | FallbackSpeed, relations: tuple[TimeRatio, ...]) -> float:
    """Return how long the frames of a job take, in seconds."""
    seconds = work.frames / speed.fps
    if USER_TASKS[work.task].time_per_pixel:
        seconds *= work.width * work.height / (speed.width * speed.height)
    return seconds * math.prod(row.times for row in relations)


def _about_speed(
    table: PriceTable, work: Workload, gpu: str, speed: Speed | None, relations: tuple[TimeRatio, ...]
) -> list[str]:
    if speed is None:
        known = sorted({row.gpu for row in _speeds(table, work) if row.model == work.model})
        elsewhere = f" (known: {', '.join(known)})" if known else ""
        what = f"{work.task} with {work.model or 'no model'} on {gpu}{elsewhere}"
        return [
            f"seconds are unknown: the table has no speed for {what}; run one job there, and add its speed"
        ]
    basis = f"{speed.fps:g} frames a second of {speed.width}x{speed.height}"
    return [
        f"speed: {basis} with {speed.model or 'no model'} on {speed.gpu}, {speed.origin}",
        *(
            f"scaled: {row.name} takes {row.times:g} times as long as {row.like}, {row.origin}"
            for row in relations
        ),
        "not included: the start of a worker, and the load of the model",
    ]


def _about_encoder(
    gpu: str,
    row: EncoderSpeed | None,
    pictures: EncodedPictures | None,
    seconds: float | None,
    *,
    is_bound: bool,
) -> list[str]:
    if pictures is None or gpu == CPU:
        return []
    what = f"pictures of {pictures.width}x{pictures.height}"
    if row is None or seconds is None:
        unknown = f"not included: the table does not know how fast {gpu} encodes {what}"
        return [f"{unknown}; without NVENC, the processor encodes them (docs/deploy.md)"]
    basis = f"{row.encoder} on {row.gpu} encodes {row.fps:g} frames a second of {row.width}x{row.height}"
    bound = "slower than the rest, so that it decides the seconds" if is_bound else "that bounds no job here"
    return [f"encoder: {basis}, {row.origin}; {seconds:.1f} s for {what}, {bound}"]


def _about_price(gpu: str, price: Price | None) -> list[str]:
    if price is not None:
        return [f"price: ${price.dollars_per_s:g} a second on {gpu}, {price.origin}"]
    return [] if gpu == CPU else [f"dollars are unknown: the table has no price for {gpu}"]
