"""What a GPU waits for while a job runs: the share of the wall time that each cause takes.

Two clocks are laid side by side. The server counts how long the model's instances execute, and copy what
comes and goes. On our side a thread looks, 500 times a second, at what the job's inference thread does, and
whether a request is under way. So the wall time falls apart, without a rest:

    execute       the model runs, seen from Triton
    transfer      Triton copies inputs and outputs
    queue         requests are under way and none executes: they wait, are merged, or travel
    decoding      no request is under way, the thread waits for a picture to be decoded
    writing       no request is under way, the thread waits for the writer, or the tracker, to take a picture
    tiling        no request is under way, the thread cuts, stitches or fills requests

The inference thread is known by its name, what it waits in by the name of the function. Time of several
instances is divided by their number.
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

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

    from orchestrator.triton.contract import Answer, ModelContract
    from orchestrator.triton.request_pool import RequestPool

PERIOD_S = 0.002
WAITS = {
    ("orchestrator.pipeline.flow", "put"): "writing",
    ("orchestrator.pipeline.flow", "__iter__"): "decoding",
}
"""Where a thread waits: module and function; anywhere else it works, or waits for the model."""


@dataclass(frozen=True, kw_only=True)
class Causes:
    """Shares of the wall time, 0..1, together 1; see above."""

    execute: float
    transfer: float
    queue: float
    decoding: float
    writing: float
    tiling: float


@dataclass(frozen=True)
class Executed:
    """What a server's instances of one model did since it was loaded, in nanoseconds, all together."""

    executing: int
    copying: int


def executed(http_url: str, model: str) -> Executed:
    """Ask a Triton's HTTP service, whose statistics count each execution once, whatever its batch."""
    with urllib.request.urlopen(f"{http_url}/v2/models/{model}/stats", timeout=30) as answer:  # noqa: S310
        (stats,) = json.load(answer)["model_stats"]
    batches = stats.get("batch_stats", [])
    return Executed(
        executing=sum(int(batch["compute_infer"]["ns"]) for batch in batches),
        copying=sum(
            int(batch[key]["ns"]) for batch in batches for key in ("compute_input", "compute_output")
        ),
    )


class CountingClient(TritonClient):
    """A client that knows how many of its requests are under way."""

    def __init__(self, url: str, **options: Any) -> None:
        super().__init__(url, **options)
        self.under_way = 0
        self._counting = threading.Lock()

    def request_pool(  # noqa: D102  as in its base
        self, contract: ModelContract[Answer], *, batch: int, height: int, width: int, slots: int
    ) -> RequestPool[Answer]:
        pool = super().request_pool(contract, batch=batch, height=height, width=width, slots=slots)
        pool.client = _Counted(pool.client, self._count)
        return pool

    def _count(self, more: int) -> None:
        with self._counting:
            self.under_way += more


class _Counted:
    """tritonclient's client, its requests counted as they go and as they are answered."""

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
    """Looks at a job. A context manager; `causes` tells what was seen in it.

    Args:
        client: that the job uses.
        thread: name of its inference thread.
        http_url: of the server.
        model: that it uses; loaded already.
        instances: of the model.
    """

    def __init__(
        self, client: CountingClient, *, thread: str, http_url: str, model: str, instances: int
    ) -> None:
        self._client = client
        self._thread = thread
        self._ask = functools.partial(executed, http_url, model)
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
        """What was seen; once the context was left."""
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
                self._seen["decoding"] += 1  # it has not begun, or has ended: there is nothing to do
            else:
                self._seen[doing(sys._current_frames().get(thread.ident))] += 1  # noqa: SLF001


def doing(frame: FrameType | None) -> str:
    """Return what a thread does, from its innermost frame: decoding or writing it waits for, else tiling."""
    while frame is not None:
        found = WAITS.get((frame.f_globals.get("__name__", ""), frame.f_code.co_name))
        if found is not None:
            return found
        frame = frame.f_back
    return "tiling"


def shares(seen: Counter[str], *, execute: float, transfer: float) -> Causes:
    """Lay the two clocks side by side.

    Args:
        seen: how often each cause was seen, with `under way` for all times when a request was.
        execute, transfer: share of the wall time that an instance executed and copied, 0..1.
    """
    looks = sum(seen.values()) or 1
    idle = {cause: seen[cause] / looks for cause in ("decoding", "writing", "tiling")}
    served = 1 - sum(idle.values())
    # Two clocks never agree to the last: no instance worked for longer than requests were under way.
    worked = execute + transfer
    shrink = min(1.0, served / worked) if worked > 0 else 1.0
    return Causes(
        execute=execute * shrink,
        transfer=transfer * shrink,
        queue=max(0.0, served - worked * shrink),
        **idle,
    )
