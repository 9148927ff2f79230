"""Runs `framewright film`, which makes a long video in pieces with many workers."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from orchestrator.cli import options
from orchestrator.cli.exit_handling import SignalReceived, ignore_signals
from orchestrator.cli.film_params import film_params, task_of
from orchestrator.cli.film_text import plan_json, plan_text, preview_text
from orchestrator.cli.output import say, video_line
from orchestrator.cli.progress import progress
from orchestrator.errors import BadRequest
from orchestrator.utf8_json import json_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from orchestrator.film.assemble_folder import FilmResult
    from orchestrator.film.document import FilmPlan
    from orchestrator.film.piece_folder import PieceFolder
    from orchestrator.framing.track_file_reader import SubjectTracks
    from orchestrator.jobs.film import FilmParams
    from orchestrator.worker import Worker


@click.command()
@options.source
@options.output
@click.option(
    "--workers",
    metavar="N|ADDRESS",
    help="How many workers to start on this machine, or the address of a dask scheduler, such as "
    "tcp://scheduler:8786.  [default: FRAMEWRIGHT_CONCURRENCY]",
)
@click.option(
    "--task",
    type=click.Choice(["upscale", "export", "track"]),
    help="What to make.  [default: track if OUT ends in .json, .json.gz or .ndjson, else upscale]",
)
@click.option("--model", help="The model; an export has none by default.")
@click.option("--scale", type=float, help="Upscale only: output size divided by input size, 1 to 16.")
@click.option("--quality", help="high, medium, low or lossless.  [default: high]")
@click.option("--crop", metavar="X,Y,W,H|FILE", help="Export only: the part of the picture, or keyframes.")
@click.option("--size", metavar="WxH", help="Export only: the size of OUT.")
@click.option("--start", type=float, metavar="SECONDS", help="Export only: where the part begins.")
@click.option("--end", type=float, metavar="SECONDS", help="Export only: where the part ends.")
@click.option(
    "--follow",
    metavar="ID|main|CLASS",
    help="Export only: let the crop follow a track, the main subject, or the main subject of a class.",
)
@click.option("--tracks", metavar="FILE|URL", help="Export only: the tracks to follow.")
@click.option("--aspect", metavar="W:H", help="Export only: shape of the crop that --follow moves.")
@click.option(
    "--zoom", type=float, help="Export only: how much smaller that crop is than the largest that fits."
)
@click.option(
    "--safe", metavar="EDGE:SHARE", help="Export only: where captions cover that crop, as bottom:0.2."
)
@click.option(
    "--params",
    metavar="JSON",
    type=options.FILE,
    help="A file with all parameters of the task, as docs/jobs.md lists them; options replace its values.",
)
@click.option("--segments", type=int, help="About how many segments to plan.  [default: by --work-sec]")
@click.option(
    "--work-sec", type=float, help="About how many seconds of work a segment is, by the table.  [default: 30]"
)
@click.option(
    "--gpu", help="The GPU of the workers, for estimates.  [default: FRAMEWRIGHT_GPU, or this machine's]"
)
@click.option(
    "--pieces", metavar="FOLDER", type=options.FILE, help="Where pieces are kept.  [default: OUT.pieces]"
)
@click.option("--keep-pieces", is_flag=True, help="Keep the pieces of a film that is finished.")
@click.option("--dry-run", is_flag=True, help="Only print the plan: segments, time and cost, hardest part.")
@click.option("--preview", is_flag=True, help="Only make the hardest part, to watch it; OUT uses it again.")
@click.option("--force", is_flag=True, help="Replace OUT if it exists.")
@options.as_json
@options.url("The Triton that local workers share, instead of one that the command starts.")
@options.verbose
def film(
    source: Path,
    output: Path,
    *,
    workers: str | None,
    task: str | None,
    params: Path | None,
    gpu: str | None,
    pieces: Path | None,
    keep_pieces: bool,
    dry_run: bool,
    preview: bool,
    force: bool,
    as_json: bool,
    url: str | None,
    **choices: Any,
) -> None:
    """Make OUT from the long video IN with many workers, in pieces: upscaled, exported, or its tracks.

    The video is planned in segments, each worker makes one segment after another, and the pieces are
    assembled. OUT does not depend on how many workers there were. Whatever ends early (Ctrl-C, a crash, a
    dead worker) leaves the finished pieces in OUT.pieces: the same command continues there, a day later too.
    A video that is too short to split, or cannot be split, is processed as one job, with a note on why.

    Workers on this machine share one Triton. Those of a scheduler, one `dask worker` for each GPU, need IN
    and the folder of pieces on a file system that they share with this machine, under the same paths; each
    uses the Triton of its TRITON_URL, or starts one. This needs: pip install 'framewright[film]'

    \b
    Examples:
      framewright film in.mp4 out.mp4 --workers 4
      framewright film in.mp4 out.mp4 --dry-run --gpu "RTX 4090"           the plan, its time and its cost
      framewright film in.mp4 out.mp4 --workers 4 --preview                first the hardest ten seconds
      framewright film in.mp4 out.mp4 --workers tcp://scheduler:8786 --model RealESRGAN_x4plus
      framewright film in.mp4 tall.mp4 --task export --crop 656,0,608,1080 --start 60
      framewright film in.mp4 tall.mp4 --task export --follow main --tracks tracks.json --zoom 1.5
      framewright film in.mp4 tracks.json --params track.json              track.json: {"confidence": 0.4}
    """  # noqa: D301  click reads the backspace as: keep these lines
    from orchestrator.film.make_film import FilmJob, make_film, make_preview
    from orchestrator.film.piece_folder import PieceFolder
    from orchestrator.film.plan import Unsplit
    from orchestrator.film_driver.make_pieces import make_pieces
    from orchestrator.worker import Worker

    settings = options.settings_with(url)
    asked, subjects = film_params(task or task_of(output), output, params, choices)
    if preview and asked.task == "track":
        raise BadRequest("a film that is tracked has no picture to preview: leave --preview out")
    count = _workers(workers, default=settings.concurrency)
    _check_output(asked, source, output, overwrite=force)
    with Worker(settings) as worker:
        try:
            plan = _plan(source, asked, worker, subjects=subjects, gpu=gpu)
        except Unsplit as exc:
            if dry_run or preview:
                say(json_text({"unsplit": exc.reason}) if as_json else f"note: {exc.reason}")
                return
            _run_unsplit(
                source, output, asked, worker, subjects, reason=exc.reason, force=force, as_json=as_json
            )
            return
        if dry_run:
            say(plan_json(plan) if as_json else plan_text(plan, source, worker, count))
            return
        folder = pieces or output.with_name(f"{output.name}.pieces")
        if folder.resolve() == output.resolve():
            raise BadRequest(f"--pieces {folder} is also the output: name another folder")
        kept = PieceFolder.create(folder, plan)
        job = FilmJob(source=source, output=output, pieces=kept, overwrite=force, keep_pieces=keep_pieces)
        with _hint_of(kept), progress(source.name) as on_progress:

            def make(numbers: Sequence[int]) -> None:
                make_pieces(job, numbers, workers=count, worker=worker, on_progress=on_progress)

            if preview:
                preview_file = make_preview(job, make)
            else:
                result = make_film(job, make, worker.context(on_progress))
        ignore_signals()  # the job is done, and stopping Triton is brief
        if preview:
            say(preview_text(plan, preview_file, as_json=as_json))
        else:
            _say_result(output, result, len(plan.segments), (), as_json=as_json)


def _workers(text: str | None, *, default: int) -> int | str:
    """Return how many workers to start, or the address of a scheduler."""
    if text is None:
        return default
    if text.isascii() and text.isdigit() and len(text) <= 3 and 1 <= int(text) <= 256:
        return int(text)
    if text.startswith(("tcp://", "tls://", "ucx://", "ws://", "wss://")):
        return text
    raise BadRequest(
        f"--workers {text!r} is refused: give a number from 1 to 256, or an address such as tcp://scheduler:8786"
    )


def _check_output(asked: FilmParams, source: Path, output: Path, *, overwrite: bool) -> None:
    """Refuse an output that cannot be written, before any work is done for it."""
    from orchestrator.pipeline.track import TrackOutputs
    from orchestrator.storage.staged import check_outputs

    if asked.task == "track":
        TrackOutputs(tracks=output, overwrite=overwrite).check(source)
    else:
        check_outputs(source, [output], overwrite=overwrite)


def _plan(
    source: Path, asked: FilmParams, worker: Worker, *, subjects: SubjectTracks | None, gpu: str | None
) -> FilmPlan:
    from orchestrator.cost.price_table import CPU, read_table
    from orchestrator.film.plan import plan_film
    from orchestrator.film.same_source import local_etag
    from orchestrator.installed_gpus import installed_gpus
    from orchestrator.settings import Settings

    settings = Settings.from_env()
    if asked.task == "export" and subjects is None:
        subjects = worker.subjects(asked.params)
    return plan_film(
        source,
        asked,
        worker.context(lambda _: None),
        etag=local_etag(source) if source.is_file() else None,  # one that is missing is refused when read
        subjects=subjects,
        table=read_table(settings.cost_table),
        gpu=gpu or settings.gpu or next(iter(installed_gpus()), CPU),
    )


def _run_unsplit(
    source: Path,
    output: Path,
    asked: FilmParams,
    worker: Worker,
    subjects: SubjectTracks | None,
    *,
    reason: str,
    force: bool,
    as_json: bool,
) -> None:
    """Run the ordinary job of a film that cannot or need not be split."""
    from orchestrator.pipeline.track import TrackOutputs

    result: FilmResult
    with progress(source.name) as on_progress:
        if asked.task == "upscale":
            result = worker.upscale(source, output, asked.params, overwrite=force, on_progress=on_progress)
        elif asked.task == "export":
            result = worker.export(
                source, output, asked.params, subjects=subjects, overwrite=force, on_progress=on_progress
            )
        else:
            outputs = TrackOutputs(tracks=output, overwrite=force)
            result = worker.track(source, asked.params, outputs, on_progress=on_progress).result
    ignore_signals()  # the job is done, and stopping Triton is brief
    _say_result(output, result, 1, (reason,), as_json=as_json)


@contextmanager
def _hint_of(pieces: PieceFolder) -> Iterator[None]:
    """Print, when a signal ends the block, what is kept."""
    try:
        yield
    except SignalReceived:
        numbers = range(len(pieces.plan.segments))
        done = sum(pieces.path(number).exists() for number in numbers)
        if done:
            click.echo(
                f"note: {done} of {len(numbers)} pieces are kept in {pieces.parent}; "
                "the same command continues",
                err=True,
            )
        raise


def _say_result(
    output: Path, result: FilmResult, pieces: int, notes: Sequence[str], *, as_json: bool
) -> None:
    from orchestrator.jobs import TrackResult

    notes = (*notes, *result.notes)
    if as_json:
        say(json_text(result.model_dump(mode="json") | {"notes": notes}))
        return
    if isinstance(result, TrackResult):
        many = "1 track" if result.stats.tracks == 1 else f"{result.stats.tracks} tracks"
        line = f"{output}: {many} in {result.video.frames} frames with {result.stats.model}"
    else:
        line = video_line(output, result)
    line += f", from {pieces} pieces" if pieces > 1 else ""
    say("\n".join([line, *(f"note: {note}" for note in notes)]))
