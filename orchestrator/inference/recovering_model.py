"""Defines the base class of models, which reopens request pools and resends frames after Triton dies.

When Triton or the model's process dies, its request pools die with it. The subclass then asks `_can_resend`,
and sends the unanswered frames through new pools.
"""

from __future__ import annotations

from collections.abc import Generator
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from typing import Generic, NamedTuple, Self

from orchestrator.errors import InferenceTimedOut, ModelOutOfMemory, ModelProcessDied, TritonUnavailable
from orchestrator.transport import Transport, slowest
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import RGB_LIKE, Answer, ModelContract, RequestPlanes
from orchestrator.triton.request_pool import RequestPool

FAILURES = (TritonUnavailable, InferenceTimedOut, ModelOutOfMemory)
"""Errors after which a run can continue; see `RecoveringModel._can_resend`."""


class RequestPoolShape(NamedTuple):
    """Shape and number of the requests in a pool; see `TritonClient.request_pool`."""

    batch: int
    height: int
    width: int
    slots: int
    planes: RequestPlanes = RGB_LIKE


class RecoveringModel(Generic[Answer]):
    """Base class of models that run frames. A context manager: its exit cancels requests in flight.

    Another thread may exit the context; the thread that runs frames then raises Cancelled.

    Args:
        client: the client of the Triton that has the model loaded.
        contract: the contract of the model.
    """

    def __init__(self, client: TritonClient, contract: ModelContract[Answer]) -> None:
        self._client = client
        self._contract = contract
        self._pools: list[RequestPool[Answer]] = []
        self._stopped: Future[None] = Future()
        self._recovery = client.recovery(contract.name, self._stopped)
        self._in_vain = 0
        self._short_of_memory: list[str] = []

    @property
    def transport(self) -> Transport:
        """How tensors reached Triton, once frames have run."""
        pools = [pool for pool in self._pools if pool.answered] or self._pools
        return slowest(pool.transport for pool in pools) or "grpc"

    @property
    def notes(self) -> list[str]:
        """One sentence for each thing that the user should know."""
        count = self._recovery.count
        times = "once" if count == 1 else f"{count} times"
        restarted = [f"the inference server was restarted {times}: no frame was lost"] if count else []
        return [*self._short_of_memory, *restarted]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)
        for pool in list(self._pools):
            pool.close()

    @contextmanager
    def _open_pools(self, *shapes: RequestPoolShape) -> Generator[list[RequestPool[Answer]], None, None]:
        self._pools = []
        with ExitStack() as stack:
            for shape in shapes:
                pool = stack.enter_context(self._client.request_pool(self._contract, **shape._asdict()))
                self._pools.append(pool)
                if self._stopped.done():
                    pool.close()
            yield self._pools

    def _can_resend(self, failure: TritonUnavailable | InferenceTimedOut | ModelOutOfMemory) -> bool:
        """Wait after a failure until unanswered frames can be sent again; False if requests must be smaller.

        A model's process does not say why it died. The first time, and if it has answered requests since its
        last death, it counts as killed; if it dies again without an answer, it counts as short of memory.

        Raises:
            TritonUnavailable, InferenceTimedOut: it has happened too often.
            Cancelled: the context has exited.
        """
        if any(pool.answered for pool in self._pools):
            self._in_vain = 0
        if not isinstance(failure, TritonUnavailable):
            self._in_vain += 1
        died = isinstance(failure, ModelProcessDied)
        if died and (self._in_vain > 1 or self._recovery.spent):
            return False
        if isinstance(failure, ModelOutOfMemory) and not died:
            return False
        if isinstance(failure, InferenceTimedOut) and self._in_vain > 1:
            raise failure  # the model does not hang: it is too slow
        self._recovery.after(failure)
        return True
