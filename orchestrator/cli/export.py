"""Runs `framewright export`, which exports a part of a video."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import ignore_signals
from orchestrator.cli.output import report_and_note_lines, say, video_line
from orchestrator.cli.progress import progress
from orchestrator.errors import BadRequest, InputNotFound
from orchestrator.media_containers import CONTAINERS, one_of
from orchestrator.utf8_json import json_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from orchestrator.framing.track_file_reader import SubjectTracks
    from orchestrator.jobs import FollowedStretch

_NAMES = ("x", "y", "w", "h")
_MOST_KEYFRAME_BYTES = 64 << 20
_EDGES = ("top", "bottom", "left", "right")
_MOST_SAFE = 0.4
_LISTED_STRETCHES = 12
_LONGEST_NAME = 60


@click.command()
@options.source
@options.output
@click.option(
    "--crop",
    metavar="X,Y,W,H|FILE",
    help="The part of the picture, in pixels as displayed; or a JSON file of keyframes, such as the result "
    "of an export with --follow.  [default: the whole picture]",
)
@click.option("--clamp", is_flag=True, help="Move a crop that leaves the picture back into it.")
@click.option(
    "--follow",
    metavar="ID|main|CLASS",
    help="Let the crop follow a track, the main subject, or the main subject of a class.",
)
@click.option(
    "--tracks",
    metavar="FILE|URL",
    help="The tracks to follow: the output of `framewright track`, or its URL.",
)
@click.option("--aspect", metavar="W:H", help="Shape of the crop that --follow moves, such as 9:16.")
@click.option(
    "--zoom",
    type=float,
    help="How much smaller that crop is than the largest that fits: 2 is half the width.",
)
@click.option(
    "--safe",
    metavar="EDGE:SHARE",
    help="Keep heads out from under captions: top, bottom, left or right, and a share of the crop's height "
    "or width, as in bottom:0.2,right:0.1.",
)
@click.option("--upscale", is_flag=True, help="Enlarge the crop with a model.")
@click.option(
    "--upscale-model", metavar="MODEL", help="The model; see `framewright models list`. Implies --upscale."
)
@click.option(
    "--size", metavar="WxH", help="Size of OUT.  [default: the crop's size times the model's scale]"
)
@click.option(
    "--format",
    "format_",
    metavar="FORMAT",
    help=f"{one_of(container.name for container in CONTAINERS)}.  [default: the suffix of OUT]",
)
@options.quality
@click.option("--start", type=float, metavar="SECONDS", help="Where the part begins.  [default: the start]")
@click.option("--end", type=float, metavar="SECONDS", help="Where the part ends.  [default: the end]")
@options.tonemap
@options.reuse_tolerance
@options.report
@click.option("--force", is_flag=True, help="Replace OUT, and the files of --report, if they exist.")
@options.as_json
@options.url("Use the Triton at this gRPC address instead of starting one. Only a model needs one.")
@options.verbose
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
    """Export a part of the video IN as OUT, enlarged by a model with --upscale.

    The crop comes first, so that the model enlarges nothing else. Sound, timing, colours, bit depth and HDR
    are kept; the notes list what could not be kept. OUT appears only when it is complete. Without --upscale
    no Triton is needed.

    \b
    Examples:
      framewright export in.mp4 out.mp4 --crop 100,50,1080,1920
      framewright export in.mp4 out.mp4 --crop 0,0,640,360 --upscale --size 1920x1080
      framewright export in.mp4 clip.webm --start 2.5 --end 9 --quality medium
      framewright export in.mp4 out.gif --start 1 --end 4 --size 480x270
      framewright export in.mp4 out.mp4 --crop 0,0,640,360 --report report.json
      framewright track in.mp4 -o tracks.json
      framewright export in.mp4 tall.mp4 --follow main --tracks tracks.json --aspect 9:16
      framewright export in.mp4 tall.mp4 --follow face --tracks tracks.json --aspect 9:16
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.jobs import ExportParams, parse
    from orchestrator.worker import Worker

    values, subjects = export_values(choices)
    params = parse(ExportParams, values)
    with Worker(options.settings_with(url)) as worker:
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
        ignore_signals()  # the job is done, and stopping Triton is brief
        if as_json:
            say(json_text(result.model_dump(mode="json")))
            return
        lines = [f"{video_line(output, result)}, {result.stats.encoder}"]
        if result.keyframes:
            lines.append(f"the crop moved along {len(result.keyframes)} keyframes: --json prints them")
        lines += followed_lines(result.followed or ())
        say("\n".join([*lines, *report_and_note_lines(report, result.notes)]))


def export_values(choices: dict[str, Any]) -> tuple[dict[str, Any], SubjectTracks | None]:
    """Return the parameters that the options stand for, and the subjects of a local file of tracks.

    Args:
        choices: the values of the options by their names, emptied of those that are not parameters.

    Raises:
        BadRequest: an option is wrong, or options do not fit together.
        InputNotFound: a file of tracks or keyframes does not exist.
    """
    tracks: str | None = choices.pop("tracks", None)
    text, follow = choices.pop("crop", None), choices.pop("follow", None)
    aspect, zoom, safe = (choices.pop(name, None) for name in ("aspect", "zoom", "safe"))
    values = {name.strip("_"): value for name, value in choices.items()}
    values["upscale"] = values.get("upscale") or None
    if text is not None:
        values["crop"] = _crop(text)
    if follow is not None:
        whom: dict[str, Any] = {"track": "main"}
        if follow.isascii() and follow.isdigit():
            whom = {"track": int(follow)}
        elif follow != "main":
            whom["class_name"] = follow
        values["follow"] = {**whom, "aspect": aspect, "zoom": zoom}
        if safe is not None:
            values["follow"]["safe"] = _safe(safe)
    elif aspect is not None or zoom is not None or safe is not None:
        raise BadRequest(
            "--aspect, --zoom and --safe are for a crop that follows: add --follow, or give --crop"
        )
    is_remote = tracks is not None and "://" in tracks
    if tracks is not None:
        values["tracks"] = tracks if is_remote else Path(tracks).absolute().as_uri()
    return values, None if tracks is None or is_remote else _tracks(Path(tracks))


def followed_lines(stretches: Sequence[FollowedStretch]) -> list[str]:
    """Return a line for each of the first stretches: whom the crop followed when, and why."""
    lines = []
    for stretch in stretches[:_LISTED_STRETCHES]:
        whom = "no subject" if stretch.track is None else f"{_printed(stretch.class_name)} {stretch.track}"
        beside = f" with {', '.join(map(str, stretch.beside))}" if stretch.beside else ""
        lines.append(f"  {stretch.start:.2f} to {stretch.end:.2f} s: {whom}{beside} ({stretch.reason})")
    if len(stretches) > _LISTED_STRETCHES:
        lines.append(f"  and {len(stretches) - _LISTED_STRETCHES} more: --json prints them")
    return lines


def _printed(class_name: str | None) -> str:
    """Return the name of a class, which may come from a stranger, without control characters."""
    from orchestrator.framing.subject_track_builder import brief

    name = class_name or "thing"
    return name if name.isprintable() and len(name) <= _LONGEST_NAME else brief(name)


def _safe(text: str) -> dict[str, float]:
    """Return the shares of `bottom:0.2,right:0.1` by their edges."""
    shares: dict[str, float] = {}
    for part in text.split(","):
        edge, colon, share = (word.strip() for word in part.partition(":"))
        try:
            number = float(share)
        except ValueError:
            number = -1.0
        if not colon or edge not in _EDGES or edge in shares or not 0 <= number <= _MOST_SAFE:
            raise BadRequest(
                f"--safe {text[:60]!r} is refused: give edges ({', '.join(_EDGES)}), each once, with "
                f"shares of the crop from 0 to {_MOST_SAFE}, as in bottom:0.2 or bottom:0.2,right:0.1"
            )
        shares[edge] = number
    return shares


def _crop(text: str) -> object:
    """Return the value of a crop: four numbers, or the content of a file of keyframes."""
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


def _tracks(path: Path) -> SubjectTracks:
    from orchestrator.framing.track_file_reader import read_tracks

    try:
        with path.open("rb") as file:
            return read_tracks(file)
    except OSError as exc:
        raise InputNotFound(f"{path} cannot be read: {exc.strerror}") from exc
