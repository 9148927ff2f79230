"""Measures the ways on which tensors reach Triton beside each other, with a model that costs nothing."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple, get_args

from benchmarks.bench import free_model
from orchestrator.transport import Transport
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.server import TritonServer

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.bench.part import ReportWriter
    from orchestrator.triton.contract import UpscaledPlanes
    from orchestrator.triton.request_pool import RequestPool

IMAGES = 2
SLOTS = (3, 9)
ROUNDS = 5
NEEDED: dict[Transport, str] = {
    "cuda_shared_memory": "the model does not run on one GPU, or there is no system shared memory",
    "shared_memory": "there is too little room in /dev/shm, or the server cannot open it",
    "grpc": "it should always work",
}
"""What a way needs, where nothing more is known of why it was not taken."""

_WINDOW_PX = free_model.TILE_PX + 2 * free_model.HALO_PX


class Rate(NamedTuple):
    """Images a second, and the CPU time of this process for an image, which includes our copies."""

    images_s: float
    cpu_ms: float


def measure_transports(report: ReportWriter, repository: Path, *, seconds: float) -> None:
    """Add a table of all transports, which take turns, and why one of them is missing.

    Args:
        report: receives the table.
        repository: an empty folder for the model.
        seconds: how long each round takes.
    """
    free_model.write_free_model(repository)
    rows: list[list[str]] = []
    missing: dict[str, None] = {}
    with TritonServer(repository) as server, ExitStack() as stack:
        clients = {
            way: stack.enter_context(TritonClient(server.url, transport=way)) for way in get_args(Transport)
        }
        for client in clients.values():
            client.load(free_model.NAME)
        for slots in SLOTS:
            with ExitStack() as pools:
                opened = {way: pools.enter_context(_pool(client, slots)) for way, client in clients.items()}
                for way, pool in list(opened.items()):
                    _run(pool, 0)
                    if pool.transport != way:
                        reason = pool.choice.why_not(free_model.NAME) or NEEDED[way]
                        missing[f"{way} is not measured: {reason}."] = None
                        del opened[way]
                rates: dict[Transport, list[Rate]] = {way: [] for way in opened}
                for _ in range(ROUNDS):
                    for way, pool in opened.items():
                        rates[way].append(_run(pool, seconds))
            medians = {
                way: Rate(*(statistics.median(figures) for figures in zip(*found, strict=True)))
                for way, found in rates.items()
            }
            system = medians.get("shared_memory")
            for way, rate in medians.items():
                ratio = f"{rate.images_s / system.images_s:.2f}" if system else ""
                rows.append([way, str(slots), f"{rate.images_s:.0f}", ratio, f"{rate.cpu_ms:.2f}"])
    columns = [
        "transport",
        "requests in flight",
        "images a second",
        "to system shared memory",
        "CPU-ms an image",
    ]
    report.table(columns, rows)
    report.note(
        f"Requests of {IMAGES} images of {_WINDOW_PX}x{_WINDOW_PX}, x4; the model repeats each sample. The "
        f"ways take turns; medians of {ROUNDS} rounds are shown. CPU time is that of the job's process."
    )
    for sentence in missing:
        report.note(sentence)


def _pool(client: TritonClient, slots: int) -> RequestPool[UpscaledPlanes]:
    contract = client.contract(free_model.NAME, UpscaleContract)
    return client.request_pool(contract, batch=IMAGES, height=_WINDOW_PX, width=_WINDOW_PX, slots=slots)


def _run(pool: RequestPool[UpscaledPlanes], seconds: float) -> Rate:
    """Keep all requests of a pool in flight; the first time, this proves CUDA shared memory as well."""
    requests = pool.acquire_free(max(SLOTS))
    for request in requests:
        request.submit(IMAGES)
    started, cpu_started, done = time.perf_counter(), time.process_time(), 0
    while not done or time.perf_counter() - started < seconds:
        for request in requests:
            request.result()
            request.submit(IMAGES)
            done += IMAGES
    taken, cpu = time.perf_counter() - started, time.process_time() - cpu_started
    for request in requests:
        request.result()
        request.release()
    return Rate(done / taken, cpu * 1e3 / done)
