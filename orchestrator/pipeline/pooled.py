"""A model whose requests come from one pool at a time, which anyone may end.

When Triton or the model's process dies, the pool dies with it: whoever sends requests asks `_same_again`, and
sends what was not answered through a new pool. It does not know what is sent, nor in which order.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Generic, Literal, Self

from orchestrator.errors import InferenceTimedOut, ModelOutOfMemory, ModelProcessDied, TritonUnavailable
from orchestrator.triton.contract import Answer

if TYPE_CHECKING:
    from types import TracebackType

    from orchestrator.triton.client import TritonClient
    from orchestrator.triton.contract import ModelContract
    from orchestrator.triton.requests import RequestPool

FAILURES = (TritonUnavailable, InferenceTimedOut, ModelOutOfMemory)
"""What a run can go on after, see `PooledModel._same_again`."""


class PooledModel(Generic[Answer]):
    """Base of what runs frames through a model. A context manager: leaving it cancels what is in flight.

    It may be left in another thread than the one that runs frames, which then raises Cancelled.

    Args:
        client: of the server that has the model loaded.
        contract: of the model.

    Attributes:
        transport: how tensors reached the server, once frames have run; see `RequestPool`.
    """

    def __init__(self, client: TritonClient, contract: ModelContract[Answer]) -> None:
        self.transport: Literal["shared_memory", "grpc"] = "grpc"
        self._client = client
        self._contract = contract
        self._pool: RequestPool[Answer] | None = None
        self._stopped: Future[None] = Future()
        self._recovery = client.recovery(contract.name, self._stopped)
        self._in_vain = 0
        self._short_of_memory: list[str] = []

    @property
    def notes(self) -> list[str]:
        """What a user should know, one sentence each."""
        count = self._recovery.count
        times = "once" if count == 1 else f"{count} times"
        restarted = [f"the inference server was restarted {times}: no frame was lost"] if count else []
        return [*self._short_of_memory, *restarted]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._stopped.done():
            self._stopped.set_result(None)
        if self._pool is not None:
            self._pool.close()

    def _open_pool(self, *, batch: int, height: int, width: int, slots: int) -> RequestPool[Answer]:
        """Open the pool that the next frames go through; see `TritonClient.request_pool`."""
        self._pool = None
        self._pool = self._client.request_pool(
            self._contract, batch=batch, height=height, width=width, slots=slots
        )
        self.transport = self._pool.transport
        if self._stopped.done():
            self._pool.close()
        return self._pool

    def _same_again(self, failure: TritonUnavailable | InferenceTimedOut | ModelOutOfMemory) -> bool:
        """After a failure, wait until what was not answered can be sent again. False: in smaller requests.

        A process that dies tells nobody why. The first time, and whenever it has answered requests since the
        last, it is taken to have been killed; when it dies again with nothing answered, to lack memory.

        Raises:
            TritonUnavailable, InferenceTimedOut: it has happened too often.
            Cancelled: the context was left.
        """
        if self._pool is not None and self._pool.answered:
            self._in_vain = 0
        if not isinstance(failure, TritonUnavailable):
            self._in_vain += 1
        died = isinstance(failure, ModelProcessDied)
        if died and (self._in_vain > 1 or self._recovery.spent):
            return False
        if isinstance(failure, ModelOutOfMemory) and not died:
            return False
        if isinstance(failure, InferenceTimedOut) and self._in_vain > 1:
            raise failure  # it does not hang: it is too slow
        self._recovery.after(failure)
        return True
