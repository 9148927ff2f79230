"""Makes pieces with dask workers: those of a scheduler, or some that are started on this machine."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

from orchestrator.errors import BadRequest, JobKilled, ServiceError, WorkerError
from orchestrator.film.make_piece import make_piece
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film.piece_maker import SegmentTask
from orchestrator.film_driver.local_workers import LocalWorkers
from orchestrator.settings import Settings
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from distributed import Client, Future

GPU = "GPU"
"""The resource that a worker with a GPU may declare: `dask worker ... --resources "GPU=1"`."""

_CONNECT_S = 10
_FIRST_WORKER_S = 60
_CONFIG = {
    # Whoever kills a local worker says nothing about its segment.
    "distributed.scheduler.allowed-failures": 10,
    "distributed.worker.profile.enabled": False,
    "distributed.logging": dict.fromkeys(
        ("distributed", "tornado", "tornado.application", "asyncio"), "critical"
    ),
}
_starting_triton = threading.Lock()


def run_segment_task(task: SegmentTask) -> None:
    """Make a piece in a dask worker, and report the frames that are done to the driver."""
    from distributed import get_worker  # noqa: PLC0415  an extra

    dask_worker, failure = get_worker(), None
    try:
        pieces = PieceFolder.open(task.folder, task.plan_hash)
        url = task.triton_url or (None if pieces.plan.model is None else _triton_of_this_machine())
        with Worker(replace(Settings.from_env(), triton_url=url)) as worker:
            context = worker.context(
                lambda moment: dask_worker.log_event(task.run, (task.number, moment.frames))
            )
            stop = pieces.folder / task.run
            make_piece(task.source, pieces, task.number, context, stop=stop, repeat=task.repeat)
    except WorkerError as exc:
        failure = type(exc)(str(exc), **exc.details)
    if failure is not None:
        raise failure  # alone: dask sends the causes too, and errors of FFmpeg as a cause lose its type


def _triton_of_this_machine() -> str:
    with _starting_triton:
        return _worker_for_its_triton().client().url


@functools.cache
def _worker_for_its_triton() -> Worker:
    """Return a worker whose Triton, if it starts one, lives as long as this process."""
    return Worker(Settings.from_env())


class Cluster:
    """Workers that make pieces.

    Args:
        client: the client of a scheduler.
        local: its workers, if they were started on this machine for it.
    """

    def __init__(self, client: Client, local: LocalWorkers | None = None) -> None:
        self._client = client
        self._local = local

    def slots(self) -> int:
        """Return how many segments the workers make at once: one for each GPU, else for each thread."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return self._gpus() or sum(worker["nthreads"] for worker in workers)

    def submit(self, task: SegmentTask) -> Future:
        """Start a task that makes a piece."""
        resources = {GPU: 1} if self._gpus() else None
        return self._client.submit(run_segment_task, task, pure=False, resources=resources)

    def wait(self, futures: Collection[Future], timeout_s: float) -> set[Future]:
        """Wait at most so long until a task ends; return those that have ended.

        Raises:
            ServiceError: local workers died too often.
        """
        from distributed import wait  # noqa: PLC0415  an extra

        if self._local:
            self._local.restart_ended()
        if not futures:  # no worker is there yet
            time.sleep(timeout_s)
        with contextlib.suppress(TimeoutError):
            wait(list(futures), timeout=timeout_s, return_when="FIRST_COMPLETED")
        return {future for future in futures if future.done()}

    def error_of(self, future: Future) -> WorkerError | None:
        """Return why a task that has ended made no piece; None if it did.

        Raises:
            ServiceError: the scheduler is gone.
        """
        from distributed import KilledWorker  # noqa: PLC0415  an extra

        if future.cancelled() or self._client.status != "running":
            raise ServiceError(
                "the connection to the scheduler was lost; finished pieces are kept: run the same again"
            )
        error = future.exception()
        if error is None or isinstance(error, WorkerError):
            return error
        if isinstance(error, KilledWorker):
            return JobKilled("the processes of its workers ended, most likely for lack of memory")
        return ServiceError(f"{type(error).__name__}: {error}")

    def frames_of(self, run: str) -> dict[int, int]:
        """Return how many frames of each segment of a run are done; the dictionary follows the workers."""
        frames: dict[int, int] = {}
        self._client.subscribe_topic(run, lambda event: frames.update([event[1]]))
        return frames

    def cancel(self, futures: Iterable[Future]) -> None:
        """Take back tasks that have not begun."""
        with contextlib.suppress(Exception):  # the scheduler may be gone, and its tasks with it
            self._client.cancel(list(futures))

    def _gpus(self) -> int:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(int(worker["resources"].get(GPU, 0)) for worker in workers)


@contextmanager
def connected(workers: int | str, *, inherited: Collection[int] = ()) -> Iterator[Cluster]:
    """Connect to the scheduler at an address, or start a number of workers, each a process of this machine.

    Local workers end with the block. Anyone who can reach a scheduler can run code on its workers, so their
    connections use TLS with a certificate that exists in memory only.

    Args:
        workers: the address or the number.
        inherited: the file descriptors that local workers inherit.

    Raises:
        BadRequest: dask.distributed is not installed, no scheduler answers, or it has no workers.
    """
    try:
        import cryptography  # noqa: F401, PLC0415  an extra
        import dask  # noqa: PLC0415  an extra

        dask.config.set(_CONFIG)
        from distributed import Client, LocalCluster, Security  # noqa: PLC0415  an extra
    except ImportError as exc:
        raise BadRequest(
            "a film over many workers needs dask.distributed: pip install 'framewright[film]'"
        ) from exc
    if isinstance(workers, int):
        security = Security.temporary()
        tls = {name: getattr(security, name) for name in ("tls_ca_file", "tls_worker_cert", "tls_worker_key")}
        with (
            LocalCluster(
                n_workers=0,  # only its scheduler: its workers would end at once if this process were killed
                dashboard_address=None,
                # Without a dashboard, too, the scheduler listens: not at one port that another film has.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                security=security,
                silence_logs=logging.CRITICAL,
            ) as scheduler,
            Client(scheduler, security=security) as client,
            LocalWorkers(
                {"address": scheduler.scheduler_address, "tls": tls, "config": _CONFIG},
                workers,
                inherited=inherited,
            ) as local,
        ):
            yield Cluster(client, local)
        return
    try:
        client = Client(workers, timeout=_CONNECT_S)
    except (OSError, ValueError) as exc:
        raise BadRequest(
            f"no scheduler answers at {workers}: start one with `dask scheduler`, or give another address"
        ) from exc
    with client:
        try:
            client.wait_for_workers(1, timeout=_FIRST_WORKER_S)
        except TimeoutError as exc:
            raise BadRequest(
                f"the scheduler at {workers} has no workers: start some with `dask worker {workers}`"
            ) from exc
        yield Cluster(client)
