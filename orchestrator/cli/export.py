"""`framewright export`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from orchestrator.cli.exit_codes import ignore_signals
from orchestrator.cli.options import json_option, progress, say, settings_with, url_option, verbose_option
from orchestrator.containers import CONTAINERS, one_of
from orchestrator.errors import BadRequest, InputNotFound
from orchestrator.fidelity.report import report_files
from orchestrator.framing.subjects import Subjects, read_subjects
from orchestrator.jobs import ExportParams, ExportResult, parse
from orchestrator.safe_text import json_text
from orchestrator.worker import Worker

_NAMES = ("x", "y", "w", "h")
_MOST_KEYFRAME_BYTES = 64 << 20


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(path_type=Path))
@click.option(
    "--crop",
    metavar="X,Y,W,H|FILE",
    help="The part of the picture, in pixels as displayed; or a JSON file of keyframes, such as the "
    "result of an export that followed.  [default: all of it]",
)
@click.option("--clamp", is_flag=True, help="Move a crop that leaves the picture back into it.")
@click.option(
    "--follow", metavar="ID|main", help="Let the crop follow a track, or the subject that matters most."
)
@click.option(
    "--tracks", metavar="FILE|URL", help="What `framewright track` wrote, or an https address of it."
)
@click.option("--aspect", metavar="W:H", help="Shape of a crop that follows, such as 9:16.")
@click.option(
    "--zoom", type=float, help="How much smaller than possible a crop that follows is: 2 is half the width."
)
@click.option("--upscale", is_flag=True, help="Enlarge the crop with a model.")
@click.option(
    "--upscale-model", metavar="MODEL", help="Which; see `framewright models list`. Implies --upscale."
)
@click.option(
    "--size", metavar="WxH", help="Delivered size.  [default: the crop's own, times the model's scale]"
)
@click.option(
    "--format",
    "format_",
    metavar="FORMAT",
    help=f"{one_of(container.name for container in CONTAINERS)}.  [default: as OUT ends]",
)
@click.option("--quality", default="high", show_default=True, help="high, medium, low or lossless.")
@click.option("--start", type=float, metavar="SECONDS", help="From when on.  [default: the start]")
@click.option("--end", type=float, metavar="SECONDS", help="Until when.  [default: the end]")
@click.option("--tonemap", is_flag=True, help="Turn HDR into SDR.")
@click.option(
    "--reuse-tolerance",
    type=int,
    default=0,
    metavar="LEVELS",
    help="Keep what was inferred of a part of the picture while it differs by at most so many levels of "
    "0..255, up to 16: faster where little moves.  [default: 0, keep what is equal]",
)
@click.option(
    "--report",
    "report",
    metavar="JSON",
    type=click.Path(path_type=Path),
    help="Also write how true OUT is to IN: PSNR, SSIM, colours, times; and a picture of it beside, as .png.",
)
@click.option("--force", is_flag=True, help="Replace OUT, and the files of --report, if they exist.")
@json_option
@url_option("Use the Triton at this gRPC address instead of starting one. Without a model none is needed.")
@verbose_option
def export(
    source: Path,
    output: Path,
    *,
    report: Path | None,
    force: bool,
    as_json: bool,
    url: str | None,
    **choices: Any,
) -> None:
    """Cut a part out of the video IN, enlarge it if wanted, and deliver it as OUT.

    The crop comes first, so only what is wanted is upscaled. Sound, timing, colours, bit depth and HDR are
    kept, also in a part of the time; what could not be is said in the notes. OUT appears only when it is
    complete. Without --upscale no Triton is needed.

    \b
    Examples:
      framewright export in.mp4 out.mp4 --crop 100,50,1080,1920
      framewright export in.mp4 out.mp4 --crop 0,0,640,360 --upscale --size 1920x1080
      framewright export in.mp4 clip.webm --start 2.5 --end 9 --quality medium
      framewright export in.mp4 out.gif --start 1 --end 4 --size 480x270
      framewright export in.mp4 out.mp4 --crop 0,0,640,360 --report report.json
      framewright track in.mp4 -o tracks.json
      framewright export in.mp4 tall.mp4 --follow main --tracks tracks.json --aspect 9:16
    """  # noqa: D301  click reads the backspace as: keep these lines
    params, subjects = _params(choices)
    with Worker(settings_with(url)) as worker:
        with progress(source.name) as on_progress:
            result = worker.export(
                source,
                output,
                params,
                subjects=subjects,
                overwrite=force,
                report=report,
                on_progress=on_progress,
            )
        ignore_signals()  # it is done, and stopping Triton is brief
        say(json_text(result.model_dump(mode="json")) if as_json else _told(result, output, report))


def _params(choices: dict[str, Any]) -> tuple[ExportParams, Subjects | None]:
    """Make params of what was typed, and read the tracks.

    Raises:
        BadRequest: something is wrong in itself.
        InputNotFound: a file of tracks or keyframes is not there.
    """
    tracks: str | None = choices.pop("tracks")
    text, follow = choices.pop("crop"), choices.pop("follow")
    aspect, zoom = choices.pop("aspect"), choices.pop("zoom")
    values = {name.strip("_"): value for name, value in choices.items()}
    values["upscale"] = values["upscale"] or None
    if text is not None:
        values["crop"] = _crop(text)
    if follow is not None:
        number = int(follow) if follow.isascii() and follow.isdigit() else follow
        values["follow"] = {"track": number, "aspect": aspect, "zoom": zoom}
    elif aspect is not None or zoom is not None:
        raise BadRequest("--aspect and --zoom are for a crop that follows: add --follow, or give --crop")
    is_remote = tracks is not None and "://" in tracks
    if tracks is not None:
        values["tracks"] = tracks if is_remote else Path(tracks).absolute().as_uri()
    params = parse(ExportParams, values)
    return params, None if tracks is None or is_remote else _tracks(Path(tracks))


def _crop(text: str) -> object:
    """Read a crop: four numbers, or the name of a file of keyframes."""
    parts = text.split(",")
    try:
        numbers = [float(part) for part in parts]
    except ValueError:
        numbers = []
    if len(numbers) == len(_NAMES):
        return dict(zip(_NAMES, numbers, strict=True))
    path = Path(text)
    if numbers or (len(parts) > 1 and not path.exists()):
        raise BadRequest(
            f"crop {text!r} is refused: give left, top, width and height, as in 100,50,1080,1920"
        )
    try:
        content = json.loads(_read(path))
    except (ValueError, RecursionError) as exc:
        raise BadRequest(
            f"{path} is no JSON: give keyframes, or the result of an export that followed"
        ) from exc
    if isinstance(content, dict) and "keyframes" in content:
        return content["keyframes"]
    return content


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_KEYFRAME_BYTES)
    except OSError as exc:
        raise InputNotFound(f"{path} cannot be read: {exc.strerror}") from exc
    return content


def _tracks(path: Path) -> Subjects:
    try:
        with path.open("rb") as file:
            return read_subjects(file)
    except OSError as exc:
        raise InputNotFound(f"{path} cannot be read: {exc.strerror}") from exc


def _told(result: ExportResult, output: Path, report: Path | None) -> str:
    stats = result.stats
    size = f"{stats.frames} frames, {stats.width}x{stats.height}, {stats.duration_sec:.2f} s of video"
    model = f" with {stats.model}" if stats.model else ""
    lines = [f"{output}: {size} in {stats.wall_sec:.1f} s ({stats.fps:.1f} fps){model}, {stats.encoder}"]
    if result.keyframes:
        lines.append(f"the crop moved along {len(result.keyframes)} keyframes: --json prints them")
    if report is not None:
        told, drawn = report_files(report)
        lines.append(f"{told}, {drawn}: how true it is to the source")
    return "\n".join([*lines, *(f"note: {note}" for note in result.notes)])
