"""Measures what a GPU does and waits for during a job, as shares of the wall time.

Triton counts how long the model's instances execute and copy. On our side a thread samples, 500 times a
second, what the inference thread of the job does, and whether a request is in flight. Together they divide
the wall time:

    execute       the model runs, by Triton's statistics
    transfer      Triton copies inputs and outputs
    queue         requests are in flight but none executes: they wait, are batched, or travel
    decoding      no request is in flight, the thread waits for a decoded frame
    writing       no request is in flight, the thread waits for the writer or the tracker
    tiling        no request is in flight, the thread cuts, stitches or fills requests

The inference thread is found by its name, and what it waits for by the name of the function. The time of
several instances is divided by their number.
"""

from __future__ import annotations

import functools
import json
import sys
import threading
import time
import urllib.request
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import RGB_LIKE

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from orchestrator.triton.contract import Answer, ModelContract, RequestPlanes
    from orchestrator.triton.request_pool import RequestPool

PERIOD_S = 0.002
WAITS = {
    ("orchestrator.pipeline.prefetch", "wait_for_room"): "writing",
    ("orchestrator.pipeline.prefetch", "__iter__"): "decoding",
}
"""What a thread waits for, by module and function; anywhere else it works, or waits for the model."""


@dataclass(frozen=True, kw_only=True)
class Causes:
    """The shares of the wall time, 0..1; their sum is 1. See the module's docstring."""

    execute: float
    transfer: float
    queue: float
    decoding: float
    writing: float
    tiling: float


@dataclass(frozen=True)
class ExecutionTime:
    """The time of all instances of a model since it was loaded, in nanoseconds."""

    executing: int
    copying: int


def execution_time(http_url: str, model: str) -> ExecutionTime:
    """Read Triton's statistics over HTTP, which count each execution once, whatever its batch."""
    with urllib.request.urlopen(f"{http_url}/v2/models/{model}/stats", timeout=30) as answer:  # noqa: S310
        (stats,) = json.load(answer)["model_stats"]
    batches = stats.get("batch_stats", [])
    return ExecutionTime(
        executing=sum(int(batch["compute_infer"]["ns"]) for batch in batches),
        copying=sum(
            int(batch[key]["ns"]) for batch in batches for key in ("compute_input", "compute_output")
        ),
    )


class CountingClient(TritonClient):
    """A client that counts its requests in flight."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self.under_way = 0
        self._counting = threading.Lock()

    def request_pool(  # noqa: D102  as in its base
        self,
        contract: ModelContract[Answer],
        *,
        batch: int,
        height: int,
        width: int,
        slots: int,
        planes: RequestPlanes = RGB_LIKE,
    ) -> RequestPool[Answer]:
        pool = super().request_pool(
            contract, batch=batch, height=height, width=width, slots=slots, planes=planes
        )
        pool.client = _CountingInferClient(pool.client, self._count)
        return pool

    def _count(self, more: int) -> None:
        with self._counting:
            self.under_way += more


class _CountingInferClient:
    """Wraps tritonclient's client; counts requests when they are sent and when they are answered."""

    def __init__(self, client: Any, count: Callable[[int], None]) -> None:
        self._client = client
        self._count = count

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    def async_infer(self, model: str, inputs: Any, callback: Callable[..., None], **options: Any) -> Any:
        self._count(1)
        return self._client.async_infer(model, inputs, functools.partial(self._answered, callback), **options)

    def _answered(self, callback: Callable[..., None], result: Any, error: Any) -> None:
        self._count(-1)
        callback(result, error)


class Watch:
    """Observes a job; a context manager. Read `causes` afterwards.

    Args:
        client: the client of the job.
        thread: the name of its inference thread.
        http_url: the address of the server.
        model: the loaded model of the job.
        instances: how many instances the model has.
    """

    def __init__(
        self, client: CountingClient, *, thread: str, http_url: str, model: str, instances: int
    ) -> None:
        self._client = client
        self._thread = thread
        self._ask = functools.partial(execution_time, http_url, model)
        self._instances = instances
        self._seen: Counter[str] = Counter()
        self._left = threading.Event()
        self._looker = threading.Thread(target=self._look, name="causes", daemon=True)

    def __enter__(self) -> Self:
        self._before = self._ask()
        self._begun_s = time.perf_counter()
        self._looker.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wall_s = time.perf_counter() - self._begun_s
        self._left.set()
        self._looker.join()
        if error is None:
            self._after = self._ask()

    @property
    def causes(self) -> Causes:
        """The shares; available after the context has ended."""
        span_ns = self._wall_s * 1e9 * self._instances
        return shares(
            self._seen,
            execute=(self._after.executing - self._before.executing) / span_ns,
            transfer=(self._after.copying - self._before.copying) / span_ns,
        )

    def _look(self) -> None:
        while not self._left.wait(PERIOD_S):
            thread = next((each for each in threading.enumerate() if each.name == self._thread), None)
            if self._client.under_way > 0:
                self._seen["under way"] += 1
            elif thread is None or thread.ident is None:
                self._seen["decoding"] += 1  # it has not started, or has ended
            else:
                self._seen[activity_of(sys._current_frames().get(thread.ident))] += 1  # noqa: SLF001


def activity_of(frame: FrameType | None) -> str:
    """Return what a thread waits for, decoding or writing, from its innermost frame; else tiling."""
    while frame is not None:
        found = WAITS.get((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
        if found is not None:
            return found
        frame = frame.f_back
    return "tiling"


def shares(seen: Counter[str], *, execute: float, transfer: float) -> Causes:
    """Combine the samples with Triton's statistics.

    Args:
        seen: how often each cause was sampled, with `under way` for samples with a request in flight.
        execute, transfer: the share of the wall time in which an instance executed and copied, 0..1.
    """
    looks = sum(seen.values()) or 1
    idle = {cause: seen[cause] / looks for cause in ("decoding", "writing", "tiling")}
    served = 1 - sum(idle.values())
    # The two clocks never agree exactly: no instance can work for longer than requests are in flight.
    worked = execute + transfer
    shrink = min(1.0, served / worked) if worked > 0 else 1.0
    return Causes(
        execute=execute * shrink,
        transfer=transfer * shrink,
        queue=max(0.0, served - worked * shrink),
        **idle,
    )
