"""A model whose requests come from one pool at a time, which anyone may end.

It does not know what is sent, nor in which order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, Literal, Self

from orchestrator.triton.contract import Answer

if TYPE_CHECKING:
    from types import TracebackType

    from orchestrator.triton.client import TritonClient
    from orchestrator.triton.contract import ModelContract
    from orchestrator.triton.requests import RequestPool


class PooledModel(Generic[Answer]):
    """Base of what runs frames through a model. A context manager: leaving it cancels what is in flight.

    It may be left in another thread than the one that runs frames, which then raises Cancelled.

    Args:
        client: of the server that has the model loaded.
        contract: of the model.

    Attributes:
        transport: how tensors reached the server, once frames have run; see `RequestPool`.
        notes: what a user should know, one sentence each.
    """

    def __init__(self, client: TritonClient, contract: ModelContract[Answer]) -> None:
        self.transport: Literal["shared_memory", "grpc"] = "grpc"
        self.notes: list[str] = []
        self._client = client
        self._contract = contract
        self._pool: RequestPool[Answer] | None = None
        self._cancelled = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancelled = True
        if self._pool is not None:
            self._pool.close()

    def _open_pool(self, *, batch: int, height: int, width: int, slots: int) -> RequestPool[Answer]:
        """Open the pool that the next frames go through; see `TritonClient.request_pool`."""
        self._pool = self._client.request_pool(
            self._contract, batch=batch, height=height, width=width, slots=slots
        )
        self.transport = self._pool.transport
        if self._cancelled:
            self._pool.close()
        return self._pool
