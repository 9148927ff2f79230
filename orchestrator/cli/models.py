"""Runs `framewright models`: tries built models with Triton, and starts `export_onnx` for everything else."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli import options
from orchestrator.cli.output import console, say
from orchestrator.cli.progress import progress
from orchestrator.errors import BadRequest
from orchestrator.settings import PROJECT_ROOT, Settings


@click.group()
def models() -> None:
    """List, fetch, build and verify models; show what they do, how fast, and what a server has loaded.

    \b
    Examples:
      framewright models list
      framewright models fetch realesr-animevideov3
      framewright models build realesr-animevideov3 --precision fp16
      framewright models build --weights mine.pth --name mine
      framewright models sample -o samples.png
      framewright models measure realesr-animevideov3
      framewright models status --url localhost:8001
    """  # noqa: D301  click reads the backspace as: keep these lines


def _add_export_command(name: str, text: str) -> None:
    @models.command(
        name,
        help=text,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    )
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def run(arguments: tuple[str, ...]) -> None:
        sys.stdout.flush()
        os.execv(sys.executable, [sys.executable, "-m", "export_onnx", name, *arguments])  # noqa: S606


_add_export_command("list", "List all models, and which are fetched and built.")
_add_export_command("fetch", "Download official weights into WEIGHTS_DIR and verify them.")
_add_export_command("build", "Export weights to ONNX, prove parity, and install into the model repository.")
_add_export_command("verify", "Check weight files and built models against the catalog.")


@models.command()
@options.url("The Triton to ask.  [default: TRITON_URL, else localhost:8001]")
@options.as_json
@options.verbose
def status(*, url: str | None, as_json: bool) -> None:
    """Show what a running Triton has loaded, with its queue, compute and batch figures."""
    from rich.table import Table

    from orchestrator.triton.client import TritonClient

    settings = options.settings_with(url)
    with TritonClient(
        settings.triton_url or "localhost:8001",
        infer_timeout_s=settings.infer_timeout_s,
        key=settings.triton_key,
    ) as client:
        client.wait_ready()
        entries = client.index()
        figures = {e.name: client.statistics(e.name) for e in entries if e.state == "READY"}
    if as_json:
        rows = [
            asdict(e) | {"statistics": asdict(figures[e.name]) if e.name in figures else None}
            for e in entries
        ]
        click.echo(json.dumps(rows))
        return
    table = Table(
        *("model", "version", "state", "requests", "images"),
        *("mean batch", "queue ms/request", "compute ms/request"),
    )
    for entry in entries:
        figure = figures.get(entry.name)
        cells = (
            []
            if figure is None
            else [
                str(figure.requests),
                str(figure.images),
                f"{figure.mean_batch:.2f}",
                f"{figure.queue_ms / max(figure.requests, 1):.2f}",
                f"{figure.compute_ms / max(figure.requests, 1):.2f}",
            ]
        )
        table.add_row(entry.name, entry.version, entry.state, *cells)
    console().print(table)


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("-o", "--output", required=True, type=options.FILE, help="The picture to write.")
@click.option("--image", type=options.FILE, help="Use this picture.  [default: pictures of the project]")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@options.as_json
@options.url()
@options.verbose
def sample(
    *, names: tuple[str, ...], output: Path, image: Path | None, force: bool, as_json: bool, url: str | None
) -> None:
    """Draw what built models make of the same picture, side by side; all of them if none is named.

    Upscalers enlarge the middle of the picture four times, beside bicubic; detectors draw what they find.

    \b
    Examples:
      framewright models sample -o samples.png
      framewright models sample realesr-animevideov3 RealESRGAN_x4plus --image photo.jpg -o samples.png
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.drawing.picture_files import check_picture_format, read_picture, write_picture
    from orchestrator.pipeline.model_samples import sample_sheet
    from orchestrator.pipeline.progress import Progress
    from orchestrator.storage.staged import check_writable
    from orchestrator.worker import Worker

    check_picture_format(output)
    check_writable(output, overwrite=force)
    settings = options.settings_with(url)
    picture, notes = (None, []) if image is None else read_picture(image, most_px=settings.limits.source_px)
    chosen = _chosen(names, settings)
    with Worker(settings) as worker, progress(output.name) as on_progress:
        on_progress(Progress(stage="starting"))
        client = worker.client()
        on_progress(Progress(stage="drawing"))
        sheet = sample_sheet(client, chosen, picture)
    write_picture(output, sheet, overwrite=force)
    if as_json:
        answer = {"status": "completed", "output_url": output.resolve().as_uri(), "models": chosen}
        say(json.dumps(answer | {"notes": notes}))
        return
    say("\n".join([f"{output}: {', '.join(chosen)}", *(f"note: {note}" for note in notes)]))


@models.command()
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.option("--video", type=options.FILE, help="Measure with this video.  [default: the sample clip]")
@options.as_json
@options.url()
@options.verbose
def measure(*, names: tuple[str, ...], video: Path | None, as_json: bool, url: str | None) -> None:
    """Measure how fast built models are on this machine; all of them if none is named.

    Each model runs a job, from file to file, for about 20 seconds; a large model on a CPU takes longer, as it
    finishes at least one frame. The speed is recorded beside the built model: `framewright models list` and
    `framewright estimate` use it on this machine. The sample clip is short and small, so for a GPU name a
    video like yours.

    \b
    Examples:
      framewright models measure lite-x4
      framewright models measure RealESRGAN_x4plus --video in.mp4
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.cost.measured_speed import speed_file
    from orchestrator.cost.price_table import CPU
    from orchestrator.installed_gpus import installed_gpus
    from orchestrator.pipeline.measure_speed import measure_speed
    from orchestrator.storage.staged import staged
    from orchestrator.worker import Worker

    settings = options.settings_with(url)
    gpu = settings.gpu or next(iter(installed_gpus()), CPU)
    source = video or PROJECT_ROOT / "examples" / "sample.mp4"
    speeds = []
    with Worker(settings) as worker:
        for name in _chosen(names, settings):
            with progress(name) as on_progress:
                speed = measure_speed(name, source, worker.context(on_progress), gpu=gpu)
            with staged(speed_file(settings.model_repository, name), overwrite=True) as temporary:
                temporary.write_text(speed.model_dump_json(indent=2) + "\n", encoding="utf-8")
            speeds.append(speed)
            if not as_json:
                say(f"{name}: {speed.fps:g} fps of {speed.width}x{speed.height}, {speed.gpu}")
    if as_json:
        say(json.dumps([speed.model_dump(mode="json") for speed in speeds]))


def _chosen(names: tuple[str, ...], settings: Settings) -> list[str]:
    """Return the models of these names; all models that are built if there are none.

    Raises:
        BadRequest: none is named, and none is built.
    """
    repository = settings.model_repository
    built = sorted(path.parents[1].name for path in repository.glob("*/1/model.onnx"))
    if not names and not built:
        raise BadRequest(f"no model is built in {repository}; run `framewright models build NAME`")
    return list(dict.fromkeys(map(settings.resolved, names))) if names else built
