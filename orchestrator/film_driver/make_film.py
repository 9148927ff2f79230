"""Makes a film from its plan: the missing pieces with many workers, then the assembled file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PieceDamaged
from orchestrator.film.assemble import assemble
from orchestrator.film.associate import associate
from orchestrator.film.piece import check_piece
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film_driver.cluster import connected
from orchestrator.film_driver.piece_maker import PieceMaker
from orchestrator.jobs import ExportResult, TrackResult, UpscaleResult
from orchestrator.pipeline.progress import OnProgress
from orchestrator.track_output.document import write_tracks
from orchestrator.worker import Worker

FilmResult = UpscaleResult | ExportResult | TrackResult

_RESULTS: dict[str, type[UpscaleResult | ExportResult | TrackResult]] = {
    "upscale": UpscaleResult,
    "export": ExportResult,
    "track": TrackResult,
}


@dataclass(frozen=True, kw_only=True)
class Film:
    """A film to make.

    Attributes:
        source: the video.
        output: the file to write; it appears only when it is complete.
        pieces: the folder of its pieces, with its plan.
        workers: how many workers to start on this machine, or the address of a scheduler.
        overwrite: whether to replace the output if it exists.
        keep_pieces: whether to keep the pieces of a finished film.
    """

    source: Path
    output: Path
    pieces: PieceFolder
    workers: int | str
    overwrite: bool = False
    keep_pieces: bool = False


def make_film(film: Film, worker: Worker, on_progress: OnProgress) -> FilmResult:
    """Make the pieces that are missing, and assemble all.

    A driver that is stopped leaves the finished pieces, and the next one continues with them. Another driver
    that makes the same film at the same time shares the pieces; the first to be done writes the output.

    Args:
        film: the film.
        worker: assembles the film; it has the Triton that local workers share.
        on_progress: is called with the progress.

    Raises:
        BadRequest: dask.distributed is not installed, or no worker can be reached.
        WorkerError: a segment failed too often, or the film cannot be assembled. Finished pieces are kept.
    """
    pieces = film.pieces
    numbers = range(len(pieces.plan.segments))
    with pieces.shared() as folder:
        # A second driver begins at the end, so that both make different pieces until they meet.
        _make_missing(film, worker, numbers if folder.first else numbers[::-1], on_progress)
        try:
            result = _assembled(film, worker, on_progress)
        except PieceDamaged:
            damaged = [number for number in numbers if _is_damaged(pieces, number)]
            if not damaged:
                raise
            _make_missing(film, worker, damaged, on_progress)
            result = _assembled(film, worker, on_progress)
        if not film.keep_pieces:
            folder.remove()
    return result


def make_preview(film: Film, worker: Worker, on_progress: OnProgress) -> Path:
    """Make the film's hardest piece, which the whole film uses again; return a video that can be watched."""
    number = film.pieces.plan.hardest
    with film.pieces.shared():
        _make_missing(film, worker, [number], on_progress)
        return film.pieces.watchable(number)


def _make_missing(film: Film, worker: Worker, numbers: Sequence[int], on_progress: OnProgress) -> None:
    missing = [number for number in numbers if not film.pieces.has(number)]
    if not missing:
        return
    is_local = isinstance(film.workers, int)
    url = worker.client().url if is_local and film.pieces.plan.model is not None else None
    lifeline = worker.lifeline()
    with connected(film.workers, inherited=() if lifeline is None else (lifeline,)) as cluster:
        PieceMaker(film.pieces, film.source, cluster, triton_url=url, on_progress=on_progress).make(missing)


def _assembled(film: Film, worker: Worker, on_progress: OnProgress) -> FilmResult:
    """Assemble the pieces, unless another driver has done so meanwhile; return the result."""
    pieces, context = film.pieces, worker.context(on_progress)
    done = pieces.result_of(film.output)
    with pieces.one_at_a_time():
        if done.exists():
            return _RESULTS[pieces.plan.film.task].model_validate_json(done.read_bytes())
        result: FilmResult
        if pieces.plan.film.task == "track":
            tracked = associate(pieces.plan, pieces, context, plan_hash=pieces.plan_hash)
            write_tracks(film.output, tracked.document(), overwrite=film.overwrite)
            result = tracked.result
        else:
            result = assemble(
                *(film.source, pieces.plan, pieces, film.output, context),
                plan_hash=pieces.plan_hash,
                overwrite=film.overwrite,
            )
        done.write_text(result.model_dump_json())
    return result


def _is_damaged(pieces: PieceFolder, number: int) -> bool:
    """Return whether a piece is not right when all of it is read; if so, remove it."""
    try:
        check_piece(pieces.path(number), pieces.manifest(number), pieces.plan, pieces.plan_hash, number)
    except PieceDamaged:
        pieces.discard(number)
        return True
    return False
