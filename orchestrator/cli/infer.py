"""`framewright infer`: the per-model debugging client."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click

from orchestrator.cli.shell import json_option, settings_with, url_option, verbose_option
from orchestrator.pipeline.picture import check_picture_format, infer_picture, read_picture, write_picture
from orchestrator.storage.publish import check_writable
from orchestrator.worker import Worker


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

    The whole picture is one request: no tiles, no video.

    \b
    Examples:
      framewright infer lite-x4 photo.png -o photo_x4.png
      framewright infer SwinIR_4x_GAN photo.png -o out.png --url gpu-box:8001
    """  # noqa: D301  click reads the backspace as: keep these lines
    check_picture_format(output)
    check_writable(output, overwrite=force)
    picture = read_picture(image)
    with Worker(settings_with(url)) as worker:
        client = worker.client()
        client.load(model)
        contract = client.contract(model)
        upscaled, went, sent = infer_picture(client, contract, picture)
    write_picture(output, upscaled, overwrite=force)
    if as_json:
        answer = {
            "status": "completed",
            "output_url": output.resolve().as_uri(),
            "model": asdict(contract),
            "input_shape": sent,
            "output_shape": upscaled.shape,
            **asdict(went),
        }
        click.echo(json.dumps(answer))
        return
    click.echo(f"sent      uint8 {list(sent)} to {model} (x{contract.scale}, {contract.precision})")
    click.echo(f"got       uint8 {list(upscaled.shape)} -> {output}")
    figures = went.statistics
    click.echo(f"transport {went.transport}, {went.total_ms:.1f} ms there and back")
    click.echo(
        f"server    {figures.executions} execution of {figures.mean_batch:g} images: "
        f"{figures.queue_ms:.1f} ms in the queue, {figures.compute_ms:.1f} ms of compute"
    )
