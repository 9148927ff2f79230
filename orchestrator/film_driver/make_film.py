"""Makes a film from its plan: the missing pieces with many workers, then the assembled file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import PieceDamaged
from orchestrator.film.assemble_folder import FilmResult, assemble_folder
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film_driver.cluster import connected
from orchestrator.film_driver.piece_maker import PieceMaker
from orchestrator.pipeline.progress import OnProgress
from orchestrator.worker import Worker


@dataclass(frozen=True, kw_only=True)
class FilmJob:
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


def make_film(film: FilmJob, worker: Worker, on_progress: OnProgress) -> FilmResult:
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
    pieces, context = film.pieces, worker.context(on_progress)
    numbers = range(len(pieces.plan.segments))

    def assembled() -> FilmResult:
        return assemble_folder(film.source, pieces, film.output, context, overwrite=film.overwrite)

    with pieces.shared() as folder:
        # A second driver begins at the end, so that both make different pieces until they meet.
        _make_missing(film, worker, numbers if folder.first else numbers[::-1], on_progress)
        try:
            result = assembled()
        except PieceDamaged:
            damaged = [number for number in numbers if not pieces.has_whole(number)]
            if not damaged:
                raise
            _make_missing(film, worker, damaged, on_progress)
            result = assembled()
        if not film.keep_pieces:
            folder.remove()
    return result


def make_preview(film: FilmJob, worker: Worker, on_progress: OnProgress) -> Path:
    """Make the film's hardest piece, which the whole film uses again; return a video that can be watched."""
    number = film.pieces.plan.hardest
    with film.pieces.shared():
        _make_missing(film, worker, [number], on_progress)
        return film.pieces.preview_file(number)


def _make_missing(film: FilmJob, worker: Worker, numbers: Sequence[int], on_progress: OnProgress) -> None:
    missing = [number for number in numbers if not film.pieces.has(number)]
    if not missing:
        return
    is_local = isinstance(film.workers, int)
    url = worker.client().url if is_local and film.pieces.plan.model is not None else None
    lifeline = worker.lifeline()
    with connected(film.workers, inherited=() if lifeline is None else (lifeline,)) as cluster:
        PieceMaker(film.pieces, film.source, cluster, triton_url=url, on_progress=on_progress).make(missing)
