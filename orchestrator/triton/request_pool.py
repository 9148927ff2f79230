"""Inference requests of one fixed shape, several in flight, over shared memory or as gRPC bytes.

Both ways give the same pixels. Shared memory is taken where the server is on this machine, /dev/shm has room
and the server can open it. It does not know which part of which frame an image is.
"""

from __future__ import annotations

import contextlib
import functools
import logging
import secrets
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Any, Generic, Literal, Self

import numpy as np
import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from orchestrator.errors import BadRequest, Cancelled, InferenceFailed, InferenceTimedOut, TritonUnavailable
from orchestrator.triton import error_translation as failure
from orchestrator.triton.contract import INPUT, Answer, ModelContract, Output
from orchestrator.triton.shared_memory import Segment, is_leftover

if TYPE_CHECKING:
    from types import TracebackType

    from numpy.typing import NDArray

    from orchestrator.triton.model_control import ModelControl

ANSWERS_TIMEOUT_S = 2.0
CLOSE_TIMEOUT_S = 2.0
_CONTROL_TIMEOUT_S = 10.0
_PAGE_BYTES = 4096
_CHANNELS = 3
_log = logging.getLogger(__name__)


class Request(Generic[Answer]):
    """One slot of a pool: fill `input`, `submit`, take the `result`, `release`.

    Attributes:
        input: uint8 [batch, H, W, 3] RGB, to be written to before `submit`.
    """

    def __init__(self, pool: RequestPool[Answer], index: int, segment: Segment | None) -> None:
        self._pool = pool
        shape = (*pool.shape, _CHANNELS)
        if segment is None:
            self.input: NDArray[np.uint8] = np.empty(shape, np.uint8)
        else:
            self._input_offset = index * pool.slot_bytes
            self.input = _view(segment, np.dtype(np.uint8), shape, self._input_offset)
            self._shared: list[tuple[int, NDArray[Any]]] = []
            offset = self._input_offset + _pages(self.input.nbytes)
            for output in pool.outputs:
                view = _view(segment, _dtype(output), (pool.shape[0], *output.shape), offset)
                view.flags.writeable = False
                self._shared.append((offset, view))
                offset += _pages(view.nbytes)
        self._count = 0
        self._call: Any = None
        self._answer: Future[Any] | None = None
        self._deadline = 0.0

    def submit(self, count: int) -> None:
        """Send the first `count` images of `input`; returns at once."""
        pool = self._pool
        tensor = triton.InferInput(INPUT, [count, *self.input.shape[1:]], "UINT8")
        wanted = [triton.InferRequestedOutput(output.name) for output in pool.outputs]
        if pool.region is None:
            tensor.set_data_from_numpy(self.input[:count])
        else:
            tensor.set_shared_memory(pool.region, self.input[:count].nbytes, self._input_offset)
            for output, (offset, view) in zip(wanted, self._shared, strict=True):
                output.set_shared_memory(pool.region, view[:count].nbytes, offset)
        self._count = count
        self._answer = Future()
        self._call = pool.client.async_infer(
            pool.contract.name,
            [tensor],
            functools.partial(_settle, self._answer),
            outputs=wanted,
        )
        self._deadline = time.monotonic() + pool.timeout_s

    @property
    def done(self) -> bool:
        """Whether `result` would return or raise at once."""
        return self._answer is not None and self._answer.done()

    def result(self, *, copied: bool = False) -> Answer:
        """Wait for the answer.

        Args:
            copied: whether it stays valid after `release`.

        Returns:
            What the contract says an answer is: see its class; read-only unless `copied`.

        Raises:
            TritonUnavailable: the server died, or was restarted meanwhile.
            InferenceTimedOut: it did not answer in time.
            InferenceFailed: it answered with an error, or broke the contract.
            ModelOutOfMemory: it had too little memory for the request.
            Cancelled: the pool was closed meanwhile.
        """
        if self._answer is None:
            raise RuntimeError("result() before submit()")
        _, height, width = self._pool.shape
        doing = f"model {self._pool.contract.name!r} on {self._count} x {width}x{height}"
        wait_for(
            [self._answer, self._pool.stopped],
            max(self._deadline - time.monotonic(), 0),
            return_when=FIRST_COMPLETED,
        )
        if self._pool.closed:
            raise Cancelled(f"{doing}: cancelled")
        if not self._answer.done():
            raise InferenceTimedOut(
                f"{doing}: no answer within {self._pool.timeout_s:g} s; raise the timeout or lighten the work"
            )
        error = self._answer.exception()
        if isinstance(error, InferenceServerException):
            # Not raised itself: it would refer to us as we do to it, and our memory would stay for a while.
            raise self._pool.control.request_failure(error, doing, self._pool.contract.name) from error
        answer = self._answer.result()
        self._pool.answered = True
        for output in self._pool.outputs:
            shape = (self._count, *output.shape)
            found = answer.get_output(output.name)
            if found is None or tuple(found.shape) != shape or found.datatype != output.datatype:
                described = f"{found.datatype} {list(found.shape)}" if found is not None else "nothing"
                raise InferenceFailed(
                    f"{doing}: it gave {described} as {output.name!r}, "
                    f"its contract says {output.datatype} {list(shape)}"
                )
        if self._pool.region is not None:
            arrays = [view[: self._count] for _, view in self._shared]
        else:
            arrays = [answer.as_numpy(output.name) for output in self._pool.outputs]
        return self._pool.contract.answer([array.copy() for array in arrays] if copied else arrays)

    def release(self) -> None:
        """Give the slot back; what `result` gave is no longer valid."""
        answer, self._answer = self._answer, None
        self._pool.take_back(
            self, reusable=self._pool.region is None or answer is None or _is_from_server(answer)
        )

    def end(self, deadline: float) -> None:
        """Let the server finish until `deadline`, a moment of `time.monotonic`; then cancel."""
        if self._answer is None or self._answer.done():
            return
        try:
            self._answer.exception(max(deadline - time.monotonic(), 0))
        except TimeoutError:
            self._call.cancel()


class RequestPool(Generic[Answer]):
    """Requests of a fixed shape, made by `TritonClient.request_pool`.

    A context manager; its methods may be called from several threads.

    Attributes:
        contract: of the model they go to.
        shape: (batch, height, width) of a full request.
        outputs: the tensors of an answer.
        stopped: done once the pool is closed.
        slot_bytes: of shared memory that a request takes: whole pages of input, then of each output.
        transport: how the tensors travel.
        control: of the same connection.
        answered: whether the server answered any of them.
    """

    def __init__(
        self,
        client: triton.InferenceServerClient,
        contract: ModelContract[Answer],
        *,
        shape: tuple[int, int, int],
        slots: int,
        timeout_s: float,
        shared_memory: bool,
        control: ModelControl,
    ) -> None:
        """Allocate the slots and register their memory with the server.

        Raises:
            BadRequest: the model does not take that shape.
            TritonUnavailable: the server does not answer.
        """
        _check_shape(contract, shape)
        self.client = client
        self.contract = contract
        self.shape = shape
        self.outputs = contract.outputs(*shape[1:])
        sizes = [_dtype(output).itemsize * shape[0] * int(np.prod(output.shape)) for output in self.outputs]
        self.slot_bytes = sum(map(_pages, [int(np.prod(shape)) * _CHANNELS, *sizes]))
        self.timeout_s = timeout_s
        self.control = control
        self.answered = False
        self.closed = False
        self.stopped: Future[None] = Future()
        self.region: str | None = None
        self._segment = self._share(slots) if shared_memory else None
        self._requests: list[Request[Answer]] = [
            Request(self, index, self._segment) for index in range(slots)
        ]
        self._free = deque(self._requests)
        self._usable = slots
        self._changed = threading.Condition()

    @property
    def transport(self) -> Literal["shared_memory", "grpc"]:  # noqa: D102  described in the class
        return "grpc" if self.region is None else "shared_memory"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def acquire(self, timeout_s: float | None = None) -> Request[Answer]:
        """Take a free slot, waiting for one to be released.

        Raises:
            TimeoutError: none was free for `timeout_s` seconds.
            Cancelled: the pool was closed.
            InferenceFailed: no slot can become free: each still belongs to a request that timed out.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: self._free or self.closed or not self._usable, timeout_s):
                raise TimeoutError(f"no request was free for {timeout_s} s")
            if self.closed:
                raise Cancelled("the requests were closed")
            if not self._free:
                raise InferenceFailed(f"model {self.contract.name!r} still works on requests that timed out")
            return self._free.popleft()

    def take_back(self, request: Request[Answer], *, reusable: bool) -> None:
        """Make a slot free again, or retire it while the server may still write into its memory."""
        with self._changed:
            if request in self._free:
                raise RuntimeError("release() of a request that is free")
            if reusable:
                self._free.append(request)
            else:
                self._usable -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """Let go of what is in flight and free the memory. `result` in other threads raises Cancelled."""
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self._changed.notify_all()
        self.stopped.set_result(None)
        # Cancelling is the last resort, and there is no deadline on the wire: now and then tritonserver 2.51
        # crashes (signal 11) when a request in flight is cancelled, and fails all its clients.
        deadline = time.monotonic() + ANSWERS_TIMEOUT_S
        for request in self._requests:
            request.end(deadline)
        if self._segment is not None:
            self._unregister()
            self._requests.clear()
            self._free.clear()
            with contextlib.suppress(BufferError):  # someone still holds a view: freed with the last one
                self._segment.memory.close()

    def _share(self, slots: int) -> Segment | None:
        """Allocate the slots in shared memory and register it; None where that is not possible."""
        try:
            segment = Segment(slots * self.slot_bytes)
        except OSError as exc:
            _log.debug("tensors go as gRPC bytes: %s", exc)
            return None
        try:
            self._unregister_leftovers()
            # A name that nobody guesses: whoever may send requests could name it in his own, to read our
            # tensors or to write over them. The name in /dev/shm can be listed.
            region = f"{segment.key[1:]}-{secrets.token_hex(16)}"
            self.client.register_system_shared_memory(
                region, segment.key, len(segment.memory), client_timeout=_CONTROL_TIMEOUT_S
            )
        except InferenceServerException as exc:
            segment.memory.close()
            error = self.control.translate(exc, "cannot share memory")
            if isinstance(error, TritonUnavailable):
                raise error from exc
            _log.debug("tensors go as gRPC bytes: %s", failure.one_line(exc))
            return None
        finally:
            segment.remove_name()
        self.region = region
        _log.debug("tensors go over %d bytes of shared memory", slots * self.slot_bytes)
        return segment

    def _unregister_leftovers(self) -> None:
        """Let the server unmap the memory of clients that were killed in the middle of a request."""
        status = self.client.get_system_shared_memory_status(client_timeout=_CONTROL_TIMEOUT_S)
        for name in filter(is_leftover, status.regions):
            with contextlib.suppress(InferenceServerException):  # another client was quicker, or it is in use
                self.client.unregister_system_shared_memory(name, client_timeout=_CONTROL_TIMEOUT_S)

    def _unregister(self) -> None:
        """Let the server unmap the memory. It refuses while a request uses it, and a moment longer."""
        deadline = time.monotonic() + CLOSE_TIMEOUT_S
        while True:
            try:
                self.client.unregister_system_shared_memory(self.region, client_timeout=CLOSE_TIMEOUT_S)
            except InferenceServerException as exc:
                if exc.status() == failure.UNAVAILABLE or time.monotonic() > deadline:
                    _log.debug("the server keeps the memory of closed requests: %s", failure.one_line(exc))
                    return
                time.sleep(0.02)
            else:
                return


def _check_shape(contract: ModelContract[Any], shape: tuple[int, int, int]) -> None:
    batch, height, width = shape
    multiple = contract.size_multiple
    if not 1 <= batch <= contract.max_batch:
        raise BadRequest(
            f"model {contract.name!r} takes 1 to {contract.max_batch} images in a request, not {batch}"
        )
    if height < 1 or width < 1 or height % multiple or width % multiple:
        raise BadRequest(
            f"model {contract.name!r} takes sizes in multiples of {multiple}, not {width}x{height}"
        )


def _settle(answer: Future[Any], result: Any, error: InferenceServerException | None) -> None:
    if error is not None:
        answer.set_exception(error)
    else:
        answer.set_result(result)


def _is_from_server(answer: Future[Any]) -> bool:
    """Whether the server is done with the request: not when we gave up on it."""
    if not answer.done():
        return False
    error = answer.exception()
    return not (isinstance(error, InferenceServerException) and error.status() in failure.GIVEN_UP)


def _pages(byte_size: int) -> int:
    return -(-byte_size // _PAGE_BYTES) * _PAGE_BYTES


def _dtype(output: Output) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(triton_to_np_dtype(output.datatype))
    return dtype


def _view(segment: Segment, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int) -> NDArray[Any]:
    return np.frombuffer(segment.memory, dtype, int(np.prod(shape)), offset).reshape(shape)
