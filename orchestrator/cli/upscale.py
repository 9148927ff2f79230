"""`framewright upscale`."""

from __future__ import annotations

from pathlib import Path

import click

from orchestrator.cli.exit_codes import ignore_signals
from orchestrator.cli.options import json_option, progress, say, settings_with, url_option, verbose_option
from orchestrator.fidelity.report import report_files
from orchestrator.jobs import UpscaleParams, UpscaleResult, parse
from orchestrator.safe_text import json_text
from orchestrator.worker import Worker


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--model", help="A built model; see `framewright models list`.")
@click.option("--scale", type=float, help="Output size over input size, 1 to 16.  [default: the model's own]")
@click.option("--quality", default="high", show_default=True, help="high, medium, low or lossless.")
@click.option("--tonemap", is_flag=True, help="Turn HDR into SDR, which models know.")
@click.option(
    "--reuse-tolerance",
    type=int,
    default=0,
    metavar="LEVELS",
    help="Keep what was inferred of a part of the picture while it differs by at most so many levels of "
    "0..255, up to 16: faster where little moves.  [default: 0, keep what is equal]",
)
@click.option(
    "--compare",
    "comparison",
    metavar="PNG",
    type=click.Path(path_type=Path),
    help="Also write a picture from the middle of the video: bicubic left, ours right.",
)
@click.option(
    "--report",
    "report",
    metavar="JSON",
    type=click.Path(path_type=Path),
    help="Also write how true OUT is to IN: PSNR, SSIM, colours, times; and a picture of it beside, as .png.",
)
@click.option(
    "--force", is_flag=True, help="Replace OUT, and the files of --compare and --report, if they exist."
)
@json_option
@url_option("Use the Triton at this gRPC address instead of starting one.")
@verbose_option
def upscale(
    source: Path,
    output: Path,
    *,
    model: str | None,
    scale: float | None,
    quality: str,
    tonemap: bool,
    reuse_tolerance: int,
    comparison: Path | None,
    report: Path | None,
    force: bool,
    as_json: bool,
    url: str | None,
) -> None:
    """Upscale the video IN to OUT, in the format of its suffix (`framewright export --help` lists them).

    Sound, timing (also variable frame rate), colours, subtitles and chapters are kept; what could not be is
    said in the notes. OUT appears only when it is complete, and has been read back and found to show what it
    should.

    \b
    Examples:
      framewright upscale in.mp4 out.mp4
      framewright upscale in.mp4 out.mkv --model realesr-animevideov3 --scale 2
      framewright upscale in.mp4 out.mp4 --compare out.png --json
      framewright upscale in.mp4 out.mp4 --report report.json
      framewright upscale in.mp4 out.mp4 --url gpu-box:8001
    """  # noqa: D301  click reads the backspace as: keep these lines
    choices = {"model": model, "scale": scale, "quality": quality, "tonemap": tonemap}
    params = parse(UpscaleParams, choices | {"reuse_tolerance": reuse_tolerance})
    with Worker(settings_with(url)) as worker:
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
        ignore_signals()  # it is done, and stopping Triton is brief
        say(
            json_text(result.model_dump(mode="json"))
            if as_json
            else _told(result, output, comparison, report)
        )


def _told(result: UpscaleResult, output: Path, comparison: Path | None, report: Path | None) -> str:
    stats = result.stats
    size = f"{stats.frames} frames, {stats.width}x{stats.height}, {stats.duration_sec:.2f} s of video"
    lines = [f"{output}: {size} in {stats.wall_sec:.1f} s ({stats.fps:.1f} fps) with {stats.model}"]
    if comparison is not None:
        lines.append(f"{comparison}: bicubic left, {stats.model} right")
    if report is not None:
        told, drawn = report_files(report)
        lines.append(f"{told}, {drawn}: how true it is to the source")
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])
