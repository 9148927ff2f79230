"""Runs `framewright estimate`, which estimates the time and the cost of a job."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from orchestrator.cli import options
from orchestrator.cli.output import say
from orchestrator.cost.estimate import Estimate
from orchestrator.errors import BadRequest, LimitExceeded
from orchestrator.jobs.task_table import USER_TASKS

if TYPE_CHECKING:
    from orchestrator.cost.price_table import PriceTable
    from orchestrator.cost.quote import Quote


@click.command()
@options.source
@click.option("--task", type=click.Choice(list(USER_TASKS)), default="upscale", show_default=True)
@click.option("--model", help="The name of the model.  [default: the task's default; none for an export]")
@click.option(
    "--gpu", help="A GPU of the price table, or cpu.  [default: FRAMEWRIGHT_GPU, or this machine's]"
)
@click.option("--crop", metavar="X,Y,W,H", help="Export only: the part of the picture.")
@click.option("--start", type=float, metavar="SECONDS", help="Export only: where the part begins.")
@click.option("--end", type=float, metavar="SECONDS", help="Export only: where the part ends.")
@click.option(
    "--scale",
    type=click.FloatRange(min=0, min_open=True),
    help="Output size over input size: the encoder's time depends on it.  [default: 4 with a model, else 1]",
)
@options.as_json
@options.verbose
def estimate(
    source: Path,
    *,
    task: str,
    model: str | None,
    gpu: str | None,
    crop: str | None,
    start: float | None,
    end: float | None,
    scale: float | None,
    as_json: bool,
) -> None:
    """Estimate how long a job on the video IN will take, and what it will cost.

    Prices and speeds come from a table, where each number has its source; unknown ones are not guessed.
    FRAMEWRIGHT_COST_TABLE names a table of your own; `framewright models measure` records speeds of this
    machine, which count instead of the table's. No job is faster than the encoder of the GPU, as far as the
    table knows it. The quote is what users of the API would pay: it has a margin, and fallbacks for what is
    unknown, and does not know the encoder.

    \b
    Examples:
      framewright estimate in.mp4 --model RealESRGAN_x4plus --gpu "RTX 4090"
      framewright estimate in.mp4 --task track --model yolov8n --gpu cpu --json
      framewright estimate in.mp4 --task export --crop 0,0,640,360 --end 9 --model RealESRGAN_x4plus --gpu A40
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.cost.measured_speed import measured_speed, with_measured_speed
    from orchestrator.cost.price_table import CPU, read_table
    from orchestrator.installed_gpus import installed_gpus
    from orchestrator.pipeline.estimate import estimate as estimate_job
    from orchestrator.settings import Settings

    settings = Settings.from_env()
    table = read_table(settings.cost_table)
    model = settings.resolved(model) if model else USER_TASKS[task].default_model(settings)
    found = estimate_job(
        source,
        task=task,
        model=model,
        gpu=gpu or settings.gpu or next(iter(installed_gpus()), CPU),
        table=with_measured_speed(table, measured_speed(settings.model_repository, model)),
        crop=None if crop is None else _numbers(crop),
        start_s=start,
        end_s=end,
        scale=scale,
    )
    quoted = _quote(table, found, source)
    if as_json:
        answer = found.model_dump(mode="json")
        say(json.dumps(answer | {"quote": quoted.model_dump(mode="json") if quoted else None}))
    else:
        say("\n".join([*_summary(found, source), *_about_quote(quoted)]))


def _numbers(crop: str) -> tuple[float, float, float, float]:
    try:
        x, y, width, height = (float(part) for part in crop.split(","))
    except ValueError as exc:
        raise BadRequest(
            f"crop {crop!r} is refused: give left, top, width and height, as in 100,50,1080,1920"
        ) from exc
    return x, y, width, height


def _quote(table: PriceTable, found: Estimate, source: Path) -> Quote | None:
    """Return what the API would quote for the job; None if it would refuse it, or the table is too short."""
    from orchestrator.cost.quote import quote

    try:
        return quote(table, found.work, found.gpu, input_bytes=source.stat().st_size)
    except (BadRequest, LimitExceeded):
        return None


def _about_quote(quoted: Quote | None) -> list[str]:
    if quoted is None:
        return []
    from orchestrator.cost.price_table import FallbackSpeed
    from orchestrator.cost.quote import MICRO

    fallback = ", with a fallback for the unknown speed" if isinstance(quoted.speed, FallbackSpeed) else ""
    amounts = f"${quoted.expected / MICRO:.4f}, at most ${quoted.hold / MICRO:.4f}"
    return [f"quote of the API: {amounts}{fallback} (docs/billing.md)"]


def _summary(found: Estimate, source: Path) -> list[str]:
    work = found.work
    what = f"{work.task} with {work.model}" if work.model else work.task
    seconds = "seconds unknown" if found.seconds is None else f"about {_rounded(found.seconds)} s"
    dollars = "dollars unknown" if found.dollars is None else f"${found.dollars:.4f}"
    lines = [
        f"{source}: {work.frames} frames of {work.width}x{work.height}",
        f"{what} on {found.gpu}: {seconds}, {dollars}",
    ]
    return [*lines, *(f"note: {note}" for note in found.notes)]


def _rounded(seconds: float) -> str:
    return f"{seconds:.1f}" if seconds < 10 else f"{seconds:.0f}"
