"""Runs `framewright models`: shows what Triton has loaded, and starts `export_onnx` for everything else."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import asdict

import click

from orchestrator.cli import options
from orchestrator.cli.output import console


@click.group()
def models() -> None:
    """List, fetch, build and verify models; show what a server has loaded.

    \b
    Examples:
      framewright models list
      framewright models fetch realesr-animevideov3
      framewright models build realesr-animevideov3 --precision fp16
      framewright models build --weights mine.pth --name mine
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
