"""Makes pieces with dask workers: those of a scheduler, or some that are started on this machine."""

from __future__ import annotations

import contextlib
import logging
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrator.errors import BadRequest, Cancelled, JobKilled, OutputPathRefused, ServiceError, WorkerError
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film.segment import make_segment
from orchestrator.pipeline.progress import Progress
from orchestrator.settings import Settings
from orchestrator.storage.staged import staged
from orchestrator.worker import Worker

if TYPE_CHECKING:
    from distributed import Client, Future, LocalCluster

GPU = "GPU"
"""The resource that a worker with a GPU may declare: `dask worker ... --resources "GPU=1"`."""

_REPORT_EVERY_S = 0.5
_CONNECT_S = 30
_FIRST_WORKER_S = 60
_DEAD = {"failed", "closed"}
_MOST_RESTARTS = 200
_START_S = 30
"""How long a local worker may take to start; another one is started then."""
_CONFIG = {
    # The local workers are ours, and whoever kills one says nothing about its segment.
    "distributed.scheduler.allowed-failures": 10,
    "distributed.worker.profile.enabled": False,
    "distributed.logging": dict.fromkeys(
        ("distributed", "tornado", "tornado.application", "asyncio"), "critical"
    ),
}
_own = threading.local()
_triton: list[Worker] = []
_starting_triton = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Order:
    """A piece to make.

    Attributes:
        source: the video.
        folder: the folder of pieces.
        plan_hash: the hash of the plan.
        number: the number of the segment.
        triton_url: the Triton to use; None uses that of the worker's machine.
        run: names the run of the driver: its topic for progress, and the file that stops its tasks.
    """

    source: Path
    folder: Path
    plan_hash: str
    number: int
    triton_url: str | None
    run: str


def make_piece(order: Order, on_frames: Callable[[int], None]) -> None:
    """Make a piece, unless it is there. Work ends early if another worker stores it, or the driver stops.

    Raises:
        Cancelled: the driver stopped.
        WorkerError: the piece could not be made.
    """
    pieces = PieceFolder.open(order.folder, order.plan_hash)
    path, stop = pieces.path(order.number), pieces.folder / order.run
    if pieces.has(order.number):
        return
    pieces.note("started", order.number)
    next_s = 0.0

    def on_progress(moment: Progress) -> None:
        nonlocal next_s
        if time.monotonic() < next_s:
            return
        next_s = time.monotonic() + _REPORT_EVERY_S
        on_frames(moment.frames)
        if stop.exists() or path.exists():
            raise Cancelled(f"segment {order.number} is not needed any more")

    url = order.triton_url or (_triton_url() if pieces.plan.model is not None else None)
    worker: Worker | None = getattr(_own, "worker", None)
    if worker is None or _own.url != url:
        worker, _own.url = Worker(replace(Settings.from_env(), triton_url=url)), url
        _own.worker = worker
    try:
        with staged(path, overwrite=False) as temporary:
            context = worker.context(on_progress)
            make_segment(
                order.source, pieces.plan, order.number, temporary, context, plan_hash=order.plan_hash
            )
    except (Cancelled, OutputPathRefused):
        if not path.exists():
            raise
    else:
        pieces.note("stored", order.number)


def _triton_url() -> str:
    """Return the address of this machine's Triton. One that is started lives as long as the dask worker."""
    with _starting_triton:
        if not _triton:
            _triton.append(Worker(Settings.from_env()))
        return _triton[0].client().url


def _task(order: Order) -> None:
    """Make a piece in a dask worker, and report the frames that are done to the driver."""
    from distributed import get_worker  # noqa: PLC0415  an extra

    worker, failure = get_worker(), None
    try:
        make_piece(
            order, lambda frames: worker.log_event(order.run, {"segment": order.number, "frames": frames})
        )
    except WorkerError as exc:
        failure = type(exc)(str(exc))
    if failure is not None:
        raise failure  # alone: dask sends the causes too, and errors of FFmpeg as a cause lose its type


class Cluster:
    """Workers that make pieces.

    Args:
        client: the client of a scheduler.
        local: the cluster of workers to start on this machine; None if the scheduler has workers.
        count: how many to start.
    """

    def __init__(self, client: Client, local: LocalCluster | None = None, count: int = 0) -> None:
        self._client = client
        self._local = local
        self._count = count
        self._restarts = 0
        self._missing_s: dict[object, float] = {}  # since when a worker is not known to the scheduler
        if local is not None:
            # A terminal sends Ctrl-C to the workers, too, which would print where they were. They end with
            # the driver; as they are started from this thread, they get its mask. To start the process that
            # tracks multiprocessing's resources unblocks the signal, so that is done before.
            resource_tracker.ensure_running()
            local.loop.add_callback(signal.pthread_sigmask, signal.SIG_BLOCK, {signal.SIGINT})
            local.scale(count)  # returns at once

    def slots(self) -> int:
        """Return how many segments the workers make at once: one for each GPU, else for each thread."""
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return self._gpus() or sum(worker["nthreads"] for worker in workers)

    def submit(self, order: Order) -> Future:
        """Start a task that makes a piece."""
        resources = {GPU: 1} if self._gpus() else None
        return self._client.submit(_task, order, pure=False, resources=resources)

    def wait(self, futures: Collection[Future], timeout_s: float) -> set[Future]:
        """Wait at most so long until a task ends; return those that have ended."""
        from distributed import wait  # noqa: PLC0415  an extra

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

        def on_event(event: tuple[float, dict[str, int]]) -> None:
            frames[event[1]["segment"]] = event[1]["frames"]

        self._client.subscribe_topic(run, on_event)
        return frames

    def heal(self) -> None:
        """Start local workers in place of those that died as they started, which dask may not do.

        Raises:
            ServiceError: that has happened too often.
        """
        if self._local is None:
            return
        known = {worker["name"] for worker in self._client.scheduler_info(n_workers=-1)["workers"].values()}
        now_s = time.monotonic()
        self._missing_s = {
            name: self._missing_s.get(name, now_s) for name in self._local.workers if name not in known
        }
        dead = [
            name
            for name, nanny in self._local.workers.items()
            if nanny.status.name in _DEAD or now_s - self._missing_s.get(name, now_s) > _START_S
        ]
        for name in dead:
            del self._local.workers[name]
        self._restarts += len(dead)
        if self._restarts > _MOST_RESTARTS:
            raise ServiceError("the workers die as they start; finished pieces are kept: try fewer workers")
        if dead:
            self._local.scale(self._count)

    def cancel(self, futures: Iterable[Future]) -> None:
        """Take back tasks that have not begun."""
        with contextlib.suppress(Exception):  # the scheduler may be gone, and its tasks with it
            self._client.cancel(list(futures))

    def _gpus(self) -> int:
        workers = self._client.scheduler_info(n_workers=-1)["workers"].values()
        return sum(int(worker["resources"].get(GPU, 0)) for worker in workers)


@contextmanager
def connected(workers: int | str) -> Iterator[Cluster]:
    """Connect to the scheduler at an address, or start a number of workers, each a process of this machine.

    Local workers end with the block. Anyone who can reach a scheduler can run code on its workers, so their
    connections use TLS with a certificate that exists in memory only.

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
        with (
            LocalCluster(
                n_workers=0,
                threads_per_worker=1,
                dashboard_address=None,
                # Without a dashboard, too, the scheduler listens: not at one port that another film has.
                scheduler_kwargs={"dashboard_address": "127.0.0.1:0"},
                memory_limit=0,
                security=security,
                silence_logs=logging.CRITICAL,
            ) as local,
            Client(local, security=security) as client,
        ):
            yield Cluster(client, local, workers)
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
