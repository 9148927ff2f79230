"""Runs `framewright track`, which finds objects in a video and follows them."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import ignore_signals
from orchestrator.cli.output import console, say, say_pieces
from orchestrator.cli.progress import progress
from orchestrator.jobs import TrackParams, parse
from orchestrator.jobs.validation import LONGEST_NAME

if TYPE_CHECKING:
    from orchestrator.pipeline.link_detections import Tracked
    from orchestrator.pipeline.track import TrackOutputs

DEFAULTS = TrackParams()
_LISTED = 20
"""The most tracks in the printed list; the file and the JSON have all."""


def _names(_context: click.Context, _option: click.Parameter, values: tuple[str, ...]) -> list[str] | None:
    """Return the names as typed. Only the model's classes tell whether a comma is part of a name."""
    if not values:
        return None
    # A text that is too long for a name is a list, with commas between its names.
    lists = (text.split(",") if len(text) > LONGEST_NAME else [text] for text in values)
    return [name for name in chain.from_iterable(lists) if name.strip(" ,")]


@click.command(context_settings={"show_default": True})
@options.source
@click.option(
    "-o",
    "--output",
    type=options.FILE,
    help="The file for the tracks: .json, .json.gz, or .ndjson with one track on each line.",
)
@click.option(
    "--model",
    help="A built detector, or the alias yolov8.  [default: FRAMEWRIGHT_DETECTOR, otherwise yolov8]",
)
@click.option(
    "--classes",
    metavar="NAME,...",
    multiple=True,
    callback=_names,
    help="Report only tracks of these classes. Repeat the option for a name that contains a comma.  "
    "[default: all]",
)
@click.option(
    "--confidence",
    default=DEFAULTS.confidence,
    help="Report tracks whose detections score at least this on average, 0 to 1, or 0.05 more for a while.",
)
@click.option(
    "--tracker",
    type=click.Choice(["bytetrack", "botsort"]),
    default=DEFAULTS.tracker,
    help="botsort also compensates for a moving camera.",
)
@click.option(
    "--stride", default=DEFAULTS.stride, help="Detect on every k-th frame and interpolate between: faster."
)
@click.option(
    "--fill-gaps",
    "fill_gaps_sec",
    metavar="SECONDS",
    default=DEFAULTS.fill_gaps_sec,
    help="Interpolate through gaps of at most this length.",
)
@click.option(
    "--side",
    type=int,
    metavar="PIXELS",
    help="Longer side of the detector's pictures: larger finds smaller objects.  [default: the model's]",
)
@click.option("--batch", default=DEFAULTS.batch, help="The maximum number of frames in one request.")
@click.option(
    "--overlay",
    metavar="VIDEO",
    type=options.FILE,
    help="Also write the video with boxes, ids, trails and its sound.",
)
@click.option(
    "--timeline",
    metavar="PNG",
    type=options.FILE,
    help="Also write a chart of when each track is visible.",
)
@click.option("--force", is_flag=True, help="Replace outputs that exist.")
@options.as_json
@options.url()
@options.verbose
def track(
    source: Path,
    *,
    output: Path | None,
    overlay: Path | None,
    timeline: Path | None,
    force: bool,
    as_json: bool,
    url: str | None,
    **choices: Any,
) -> None:
    """Find objects in the video IN and follow each one through it.

    Each track has an id (from 1, in order of appearance), a class, and a box in each frame that shows it:
    [x, y, width, height] in pixels of the picture as displayed. Without -o and --json the tracks are listed.

    \b
    Examples:
      framewright track in.mp4 -o tracks.json
      framewright track in.mp4 -o tracks.json.gz --classes person,car --confidence 0.6
      framewright track in.mp4 --classes "bottle, green" --classes person
      framewright track in.mp4 --overlay out.mp4 --timeline out.png
      framewright track in.mp4 --json --stride 3 | jq '.tracks | length'
      framewright track drone.mp4 -o tracks.ndjson --tracker botsort --model yolov8m
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.pipeline.track import TrackOutputs
    from orchestrator.worker import Worker

    params = parse(TrackParams, choices)
    outputs = TrackOutputs(tracks=output, overlay=overlay, timeline=timeline, overwrite=force)
    with Worker(options.settings_with(url)) as worker:
        with progress(source.name) as on_progress:
            tracked = worker.track(source, params, outputs, on_progress=on_progress)
        ignore_signals()  # the job is done, and stopping Triton is brief
        if as_json:
            say_pieces(tracked.document().json())
        else:
            _say_summary(tracked, source, outputs)


def _say_summary(tracked: Tracked, source: Path, outputs: TrackOutputs) -> None:
    video, stats = tracked.result.video, tracked.result.stats
    size = f"{video.width}x{video.height}"
    many = "1 track" if stats.tracks == 1 else f"{stats.tracks} tracks"
    say(
        f"{source}: {many} in {video.frames} frames, {size}, {video.duration_sec:.2f} s "
        f"of video in {stats.wall_sec:.1f} s ({stats.fps:.1f} fps) with {stats.model}"
    )
    if not tracked.tracks and stats.unreported_tracks:
        left_out = "1 track is" if stats.unreported_tracks == 1 else f"{stats.unreported_tracks} tracks are"
        say(f"{left_out} not reported, of other classes or with lower scores: see --classes and --confidence")
    if outputs.tracks is None and tracked.tracks:
        say(_table(tracked))
        say("the boxes were not kept: -o tracks.json writes them, --json prints them")
    for path, what in (
        (outputs.tracks, "the tracks"),
        (outputs.overlay, "the video with boxes, ids and trails"),
        (outputs.timeline, "when each track is visible"),
    ):
        if path is not None:
            say(f"{path}: {what}")
    for note in tracked.result.notes:
        say(f"note: {note}")


def _table(tracked: Tracked) -> str:
    from rich.table import Table

    table = Table("id", "class", "from", "to", "frames", "score", box=None)
    for track_ in tracked.tracks[:_LISTED]:
        first_s, last_s = (float(int(pts) * tracked.time_base) for pts in (track_.pts[0], track_.pts[-1]))
        table.add_row(
            str(track_.id),
            tracked.classes[track_.class_number],
            f"{first_s:.2f} s",
            f"{last_s:.2f} s",
            str(len(track_)),
            f"{track_.mean_score:.2f}",
        )
    with (screen := console()).capture() as text:
        screen.print(table)
    more = len(tracked.tracks) - _LISTED
    return text.get().rstrip() + (f"\n   and {more} more" if more > 0 else "")
