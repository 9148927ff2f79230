"""Keeps several inference requests of one fixed shape in flight, over shared memory or as gRPC bytes.

Both transports give the same pixels. Shared memory is used if the server is on this machine, /dev/shm has
room and the server can open it.
"""

from __future__ import annotations

import contextlib
import functools
import threading
import time
from collections import deque
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from typing import Any, Generic, Literal, Self

import numpy as np
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from orchestrator.errors import BadRequest, Cancelled, InferenceFailed, InferenceTimedOut
from orchestrator.triton import error_translation as failure
from orchestrator.triton.contract import RGB_LIKE, Answer, ModelContract, ModelTensor, RequestPlanes
from orchestrator.triton.model_control import ModelControl
from orchestrator.triton.registered_memory import RegisteredMemory

ANSWERS_TIMEOUT_S = 2.0
_PAGE_BYTES = 4096


class Request(Generic[Answer]):
    """One slot of a pool: fill `inputs`, call `submit`, then `result`, then `release`.

    Attributes:
        inputs: an array for each input tensor, with `batch` images in front, to be filled before `submit`;
            the `colour` of planes is there already.
    """

    def __init__(self, pool: RequestPool[Answer], index: int) -> None:
        self._pool = pool
        self._offsets: list[int] = []
        self._shared: list[NDArray[Any]] = []
        batch, offset = pool.shape[0], index * pool.slot_bytes
        for tensor in (*pool.inputs, *(pool.outputs if pool.memory is not None else ())):
            shape = (batch, *tensor.shape)
            if pool.memory is None:
                array: NDArray[Any] = np.empty(shape, _dtype(tensor))
            else:
                array = _view(pool.memory, _dtype(tensor), shape, offset)
            self._offsets.append(offset)
            self._shared.append(array)
            offset += _pages(array.nbytes)
        self.inputs = self._shared[: len(pool.inputs)]
        for array in self._shared[len(pool.inputs) :]:
            array.flags.writeable = False
        for tensor, array in zip(pool.inputs, self.inputs, strict=True):
            if tensor.name == "colour":
                array[:] = pool.planes.colour.tensor()
        self._count = 0
        self._call: Any = None
        self._answer: Future[Any] | None = None
        self._deadline = 0.0

    def submit(self, count: int) -> None:
        """Send the first `count` images of `inputs`; returns at once."""
        pool = self._pool
        inputs = [
            triton.InferInput(tensor.name, [count, *tensor.shape], tensor.datatype) for tensor in pool.inputs
        ]
        outputs = [triton.InferRequestedOutput(output.name) for output in pool.outputs]
        if pool.memory is None:
            for tensor, array in zip(inputs, self.inputs, strict=True):
                tensor.set_data_from_numpy(array[:count])
        else:
            region = pool.memory.region
            for tensor, array, offset in zip([*inputs, *outputs], self._shared, self._offsets, strict=True):
                tensor.set_shared_memory(region, array[:count].nbytes, offset)
        self._count = count
        self._answer = Future()
        self._call = pool.client.async_infer(
            pool.contract.name,
            inputs,
            functools.partial(_settle, self._answer),
            outputs=outputs,
        )
        self._deadline = time.monotonic() + pool.timeout_s

    @property
    def done(self) -> bool:
        """Whether `result` would return or raise at once."""
        return self._answer is not None and self._answer.done()

    def result(self, *, copied: bool = False) -> Answer:
        """Wait for the answer.

        Args:
            copied: whether the answer stays valid after `release`.

        Returns:
            The answer as described in the class of the contract; read-only unless `copied`.

        Raises:
            TritonUnavailable: the server died or was restarted.
            InferenceTimedOut: the server did not answer in time.
            InferenceFailed: the server answered with an error, or the answer breaks the contract.
            ModelOutOfMemory: the server had too little memory for the request.
            Cancelled: the pool was closed.
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
            # Raising `error` itself would make a reference cycle that keeps this request's memory alive.
            raise self._pool.control.request_failure(error, doing, self._pool.contract.name) from error
        answer = self._answer.result()
        self._pool.answered = True
        for output in self._pool.outputs:
            shape = (self._count, *output.shape)
            tensor = answer.get_output(output.name)
            if tensor is None or tuple(tensor.shape) != shape or tensor.datatype != output.datatype:
                described = f"{tensor.datatype} {list(tensor.shape)}" if tensor is not None else "nothing"
                raise InferenceFailed(
                    f"{doing}: it gave {described} as {output.name!r}, "
                    f"its contract says {output.datatype} {list(shape)}"
                )
        if self._pool.memory is not None:
            arrays = [view[: self._count] for view in self._shared[len(self.inputs) :]]
        else:
            arrays = [answer.as_numpy(output.name) for output in self._pool.outputs]
        return self._pool.contract.answer([array.copy() for array in arrays] if copied else arrays)

    def release(self) -> None:
        """Return the slot to the pool; an answer that was not copied is no longer valid."""
        answer, self._answer = self._answer, None
        reusable = self._pool.memory is None or answer is None or _is_from_server(answer)
        self._pool.take_back(self, reusable=reusable)

    def end(self, deadline: float) -> None:
        """Wait for the answer until `deadline`, a time of `time.monotonic`; then cancel the request."""
        if self._answer is None or self._answer.done():
            return
        try:
            self._answer.exception(max(deadline - time.monotonic(), 0))
        except TimeoutError:
            self._call.cancel()


class RequestPool(Generic[Answer]):
    """A fixed number of requests of one shape, created by `TritonClient.request_pool`.

    A context manager; thread-safe.

    Attributes:
        shape: (batch, height, width) of a full request.
        planes: the planes of an upscaler's requests.
        inputs, outputs: the tensors of a request and of an answer.
        stopped: done once the pool is closed.
        slot_bytes: size of a request in shared memory: whole pages for each input, then for each output.
        memory: the shared memory of all requests; None if tensors travel as gRPC bytes.
        answered: whether the server has answered any request.
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
        planes: RequestPlanes = RGB_LIKE,
    ) -> None:
        """Allocate the requests and register their memory with the server.

        Raises:
            BadRequest: the model does not take that shape.
            TritonUnavailable: the server does not answer.
        """
        _check_shape(contract, shape)
        self.client = client
        self.contract = contract
        self.shape = shape
        self.planes = planes
        self.inputs = contract.inputs(*shape[1:], planes)
        self.outputs = contract.outputs(*shape[1:], planes)
        self.slot_bytes = sum(
            _pages(_dtype(tensor).itemsize * shape[0] * int(np.prod(tensor.shape)))
            for tensor in (*self.inputs, *self.outputs)
        )
        self.timeout_s = timeout_s
        self.control = control
        self.answered = False
        self.closed = False
        self.stopped: Future[None] = Future()
        self.memory = (
            RegisteredMemory.share(slots * self.slot_bytes, client=client, control=control)
            if shared_memory
            else None
        )
        self._requests: list[Request[Answer]] = [Request(self, index) for index in range(slots)]
        self._free = deque(self._requests)
        self._usable = slots
        self._changed = threading.Condition()

    @property
    def transport(self) -> Literal["shared_memory", "grpc"]:
        """How the tensors travel."""
        return "grpc" if self.memory is None else "shared_memory"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def acquire(self, timeout_s: float | None = None) -> Request[Answer]:
        """Take a free slot, waiting for one to be released.

        Raises:
            TimeoutError: none was free for `timeout_s` seconds.
            Cancelled: the pool was closed.
            InferenceFailed: no slot can become free, as all belong to requests that timed out.
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
        """Make a slot free again, or retire it if the server may still write into its memory."""
        with self._changed:
            if request in self._free:
                raise RuntimeError("release() of a request that is free")
            if reusable:
                self._free.append(request)
            else:
                self._usable -= 1
            self._changed.notify_all()

    def close(self) -> None:
        """End the requests in flight and free the memory. `result` in other threads raises Cancelled."""
        with self._changed:
            if self.closed:
                return
            self.closed = True
            self._changed.notify_all()
        self.stopped.set_result(None)
        # Requests are cancelled only as a last resort and carry no gRPC deadline, because tritonserver 2.51
        # sometimes crashes (signal 11), for all its clients, when a request in flight is cancelled.
        deadline = time.monotonic() + ANSWERS_TIMEOUT_S
        for request in self._requests:
            request.end(deadline)
        if self.memory is not None:
            self.memory.unregister()
            self._requests.clear()
            self._free.clear()
            with contextlib.suppress(BufferError):  # freed with the last view that somebody holds
                self.memory.bytes.close()


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
    answer.set_result(result) if error is None else answer.set_exception(error)


def _is_from_server(answer: Future[Any]) -> bool:
    """Whether the server has finished the request. It may not have if we stopped waiting."""
    if not answer.done():
        return False
    error = answer.exception()
    return not (isinstance(error, InferenceServerException) and error.status() in failure.GIVEN_UP)


def _pages(byte_size: int) -> int:
    return -(-byte_size // _PAGE_BYTES) * _PAGE_BYTES


def _dtype(tensor: ModelTensor) -> np.dtype[Any]:
    dtype: np.dtype[Any] = np.dtype(triton_to_np_dtype(tensor.datatype))
    return dtype


def _view(
    memory: RegisteredMemory, dtype: np.dtype[Any], shape: tuple[int, ...], offset: int
) -> NDArray[Any]:
    return np.frombuffer(memory.bytes, dtype, int(np.prod(shape)), offset).reshape(shape)
