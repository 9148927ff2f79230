"""Makes pieces of a film with processes of this machine, or with the workers of a dask scheduler."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.film.make_film import FilmJob
from orchestrator.film.piece_maker import PieceMaker
from orchestrator.film_driver.cluster import connected
from orchestrator.pipeline.progress import OnProgress
from orchestrator.worker import Worker


def make_pieces(
    film: FilmJob, numbers: Sequence[int], *, workers: int | str, worker: Worker, on_progress: OnProgress
) -> None:
    """Make the pieces of segments.

    Args:
        film: the film.
        numbers: the numbers of the segments, in the order in which they are handed out.
        workers: how many workers to start on this machine, or the address of a scheduler.
        worker: has the Triton that local workers share.
        on_progress: is called twice a second with the progress of the film.

    Raises:
        BadRequest: dask.distributed is not installed, or no worker can be reached.
        WorkerError: a segment failed too often, or cannot succeed. The finished pieces are kept.
    """
    is_local = isinstance(workers, int)
    url = worker.client().url if is_local and film.pieces.plan.model is not None else None
    lifeline = worker.lifeline()
    with connected(workers, inherited=() if lifeline is None else (lifeline,)) as cluster:
        PieceMaker(film.pieces, film.source, cluster, triton_url=url, on_progress=on_progress).make(numbers)
