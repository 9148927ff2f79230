"""Runs `framewright infer`, which sends one picture to one model."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.progress import progress

if TYPE_CHECKING:
    from orchestrator.frames import Detections


@click.command()
@click.argument("model")
@click.argument("image", type=options.FILE)
@click.option("-o", "--output", required=True, type=options.FILE, help="The picture to write.")
@click.option("--force", is_flag=True, help="Replace the output if it exists.")
@options.as_json
@options.url()
@options.verbose
def infer(model: str, image: Path, output: Path, *, force: bool, as_json: bool, url: str | None) -> None:
    """Send one picture to one model over gRPC; print shapes, batch statistics and times.

    The whole picture is one request, without tiles. A detector gets the picture in the size that it was
    trained on; its boxes are listed, and drawn on a copy of the picture.

    \b
    Examples:
      framewright infer lite-x4 photo.png -o photo_x4.png
      framewright infer SwinIR_4x_GAN photo.png -o out.png --url gpu-box:8001
      framewright infer yolov8n photo.png -o boxes.png
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.drawing.picture_files import check_picture_format, read_picture, write_picture
    from orchestrator.inference.detector import crowded_notes
    from orchestrator.pipeline.progress import Progress
    from orchestrator.pipeline.single_image_inference import detect_picture, draw_detections, upscale_picture
    from orchestrator.storage.staged import check_writable
    from orchestrator.triton.contract import UpscaleContract
    from orchestrator.worker import Worker

    check_picture_format(output)
    check_writable(output, overwrite=force)
    settings = options.settings_with(url)
    picture, notes = read_picture(image, most_px=settings.limits.source_px)
    model = settings.resolved(model)
    with Worker(settings) as worker, progress(image.name) as on_progress:
        on_progress(Progress(stage="starting"))
        client = worker.client()
        client.load(model)
        contract = client.contract(model)
        if isinstance(contract, UpscaleContract):
            on_progress(Progress(stage="upscaling"))
            result, report, sent = upscale_picture(client, contract, picture)
            received, about = f"uint8 {list(result.shape)}", f"x{contract.scale}"
            objects = None
        else:
            detections, report, sent = detect_picture(client, contract, picture)
            notes += crowded_notes(int(len(detections) >= contract.max_detections), contract.max_detections)
            result = draw_detections(picture, detections, contract.classes)
            objects = _objects(detections, contract.classes)
            received, about = f"{len(objects)} objects", f"{len(contract.classes)} classes"
    write_picture(output, result, overwrite=force)
    if as_json:
        answer = {
            "status": "completed",
            "output_url": output.resolve().as_uri(),
            "model": {"task": contract.task, **asdict(contract)},
            "input_shape": sent,
            "output_shape": result.shape,
            **({} if objects is None else {"detections": objects}),
            **asdict(report),
            "notes": notes,
        }
        click.echo(json.dumps(answer))
        return
    tensor = "luma" if isinstance(contract, UpscaleContract) else "picture"
    click.echo(f"sent      {tensor} uint8 {list(sent)} to {model} ({about}, {contract.precision})")
    for one in objects or []:
        box = " ".join(f"{value:8.2f}" for value in one["box"])
        click.echo(f"found     {one['score']:.2f}  {box}  {one['class']}")
    click.echo(f"got       {received} -> {output}")
    for note in notes:
        click.echo(f"note      {note}")
    figures = report.statistics
    click.echo(f"transport {report.transport}, {report.total_ms:.1f} ms there and back")
    click.echo(
        f"server    executions {figures.executions}, images in each {figures.mean_batch:g}, "
        f"{figures.queue_ms:.1f} ms in the queue, {figures.compute_ms:.1f} ms of compute"
    )


def _objects(detections: Detections, classes: tuple[str, ...]) -> list[dict[str, Any]]:
    """Return class name, score, and the box as x1, y1, x2, y2 in pixels of the picture, for JSON."""
    return [
        {"class": classes[int(number)], "score": round(score, 4), "box": [round(value, 2) for value in box]}
        for *box, score, number in detections.tolist()
    ]
