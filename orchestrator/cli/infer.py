"""`framewright infer`: the per-model debugging client."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli.options import json_option, progress, settings_with, url_option, verbose_option
from orchestrator.drawing.files import check_picture_format, read_picture_and_notes, write_picture
from orchestrator.inference.detector import too_many
from orchestrator.pipeline.infer_picture import detect_picture, drawn, upscale_picture
from orchestrator.pipeline.progress import Progress
from orchestrator.storage.staged import check_writable
from orchestrator.triton.contract import UpscaleContract
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from orchestrator.frames import Detections


@click.command()
@click.argument("model")
@click.argument("image", type=click.Path(path_type=Path))
@click.option("-o", "--output", required=True, type=click.Path(path_type=Path), help="Where the result goes.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@json_option
@url_option("Use the Triton at this gRPC address instead of starting one.")
@verbose_option
def infer(model: str, image: Path, output: Path, *, force: bool, as_json: bool, url: str | None) -> None:
    """Send one picture to one model over gRPC; say shapes, batch statistics and times.

    The whole picture is one request: no tiles, no video. A detector is given the picture in the size that it
    was trained on; its boxes are listed, and drawn on a copy of the picture.

    \b
    Examples:
      framewright infer lite-x4 photo.png -o photo_x4.png
      framewright infer SwinIR_4x_GAN photo.png -o out.png --url gpu-box:8001
      framewright infer yolov8n photo.png -o boxes.png
    """  # noqa: D301  click reads the backspace as: keep these lines
    check_picture_format(output)
    check_writable(output, overwrite=force)
    settings = settings_with(url)
    picture, notes = read_picture_and_notes(image, most_px=settings.limits.source_px)
    model = settings.resolved(model)
    with Worker(settings) as worker, progress(image.name) as on_progress:
        on_progress(Progress(stage="starting"))
        client = worker.client()
        client.load(model)
        contract = client.contract(model)
        if isinstance(contract, UpscaleContract):
            on_progress(Progress(stage="upscaling"))
            result, went, sent = upscale_picture(client, contract, picture)
            got, about = f"uint8 {list(result.shape)}", f"x{contract.scale}"
            objects = None
        else:
            found, went, sent = detect_picture(client, contract, picture)
            notes += too_many(int(len(found) >= contract.max_detections), contract.max_detections)
            result = drawn(picture, found, contract.classes)
            objects = _objects(found, contract.classes)
            got, about = f"{len(objects)} objects", f"{len(contract.classes)} classes"
    write_picture(output, result, overwrite=force)
    if as_json:
        answer = {
            "status": "completed",
            "output_url": output.resolve().as_uri(),
            "model": {"task": contract.task, **asdict(contract)},
            "input_shape": sent,
            "output_shape": result.shape,
            **({} if objects is None else {"detections": objects}),
            **asdict(went),
            "notes": notes,
        }
        click.echo(json.dumps(answer))
        return
    click.echo(f"sent      uint8 {list(sent)} to {model} ({about}, {contract.precision})")
    for one in objects or []:
        box = " ".join(f"{value:8.2f}" for value in one["box"])
        click.echo(f"found     {one['score']:.2f}  {box}  {one['class']}")
    click.echo(f"got       {got} -> {output}")
    for note in notes:
        click.echo(f"note      {note}")
    figures = went.statistics
    click.echo(f"transport {went.transport}, {went.total_ms:.1f} ms there and back")
    click.echo(
        f"server    executions {figures.executions}, images in each {figures.mean_batch:g}, "
        f"{figures.queue_ms:.1f} ms in the queue, {figures.compute_ms:.1f} ms of compute"
    )


def _objects(detections: Detections, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """As data: class name, score, and x1, y1, x2, y2 in pixels of the picture."""
    return [
        {"class": classes[int(number)], "score": round(score, 4), "box": [round(value, 2) for value in box]}
        for *box, score, number in detections.tolist()
    ]
