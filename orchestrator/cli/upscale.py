"""Runs `framewright upscale`, which upscales a video."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import ignore_signals
from orchestrator.cli.output import report_and_note_lines, say, video_line
from orchestrator.cli.progress import progress
from orchestrator.utf8_json import json_text


@click.command()
@options.source
@options.output
@click.option("--model", help="A built model; see `framewright models list`.")
@click.option(
    "--scale", type=float, help="Output size divided by input size, 1 to 16.  [default: the model's]"
)
@options.quality
@options.tonemap
@options.reuse_tolerance
@options.stabilize
@click.option(
    "--compare",
    "comparison",
    metavar="PNG",
    type=options.FILE,
    help="Also write a frame from the middle of the video: bicubic left, the model right.",
)
@options.report
@click.option(
    "--force", is_flag=True, help="Replace OUT, and the files of --compare and --report, if they exist."
)
@options.as_json
@options.url()
@options.verbose
def upscale(
    source: Path,
    output: Path,
    *,
    comparison: Path | None,
    report: Path | None,
    force: bool,
    as_json: bool,
    url: str | None,
    **choices: Any,
) -> None:
    """Upscale the video IN to OUT, in the format of its suffix (`framewright export --help` lists them).

    Sound, timing (variable frame rates too), colours, subtitles and chapters are kept; the notes list what
    could not be kept. OUT appears only when it is complete and has been checked by reading it back.

    \b
    Examples:
      framewright upscale in.mp4 out.mp4
      framewright upscale in.mp4 out.mkv --model realesr-animevideov3 --scale 2
      framewright upscale in.mp4 out.mp4 --compare out.png --json
      framewright upscale in.mp4 out.mp4 --report report.json
      framewright upscale in.mp4 out.mp4 --url gpu-box:8001
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.jobs import UpscaleParams, parse
    from orchestrator.worker import Worker

    params = parse(UpscaleParams, choices)
    with Worker(options.settings_with(url)) as worker:
        with progress(source.name) as on_progress:
            result = worker.upscale(
                source,
                output,
                params,
                overwrite=force,
                comparison=comparison,
                report=report,
                on_progress=on_progress,
            )
        ignore_signals()  # the job is done, and stopping Triton is brief
        if as_json:
            say(json_text(result.model_dump(mode="json")))
            return
        lines = [video_line(output, result)]
        if comparison is not None:
            lines.append(f"{comparison}: bicubic left, {result.stats.model} right")
        say("\n".join([*lines, *report_and_note_lines(report, result.notes)]))
