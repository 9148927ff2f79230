"""Keeps several inference requests of one fixed shape in flight.

Their tensors travel over system shared memory if the server is on this machine, /dev/shm has room and the
server can open it; as gRPC bytes otherwise. Over CUDA shared memory they travel in addition: the requests are
filled and answered in system shared memory as before, and copied from there to the GPU and back, so that any
request can still be sent the other way. All ways give the same pixels.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import deque
from concurrent.futures import Future
from typing import Any, Generic, Self

import numpy as np
import tritonclient.grpc as triton

from orchestrator.errors import BadRequest, Cancelled, InferenceFailed
from orchestrator.transport import Transport
from orchestrator.triton.contract import RGB_LIKE, Answer, ModelContract, RequestPlanes
from orchestrator.triton.device_memory import DeviceMemory
from orchestrator.triton.model_control import ModelControl
from orchestrator.triton.registered_memory import RegisteredMemory
from orchestrator.triton.request import Request, dtype_of, whole_pages
from orchestrator.triton.transport_choice import TransportChoice

ANSWERS_TIMEOUT_S = 2.0


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
        device: as much memory of the model's GPU, if tensors may travel over CUDA shared memory.
        device_in_use: that memory, once it has been proved, and until it fails.
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
        choice: TransportChoice,
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
            whole_pages(dtype_of(tensor).itemsize * shape[0] * int(np.prod(tensor.shape)))
            for tensor in (*self.inputs, *self.outputs)
        )
        self.timeout_s = timeout_s
        self.control = control
        self.answered = False
        self.closed = False
        self.stopped: Future[None] = Future()
        self.memory = (
            RegisteredMemory.share(slots * self.slot_bytes, client=client, control=control)
            if choice.shared_memory
            else None
        )
        self.choice = choice
        self.device = (
            choice.share_device(
                contract, slots * self.slot_bytes, slots=slots, client=client, control=control
            )
            if self.memory is not None
            else None
        )
        self.device_in_use: DeviceMemory | None = None
        self._undecided = self.device is not None
        self._requests: list[Request[Answer]] = [Request(self, index) for index in range(slots)]
        self._free = deque(self._requests)
        self._usable = slots
        self._changed = threading.Condition()

    @property
    def transport(self) -> Transport:
        """How the tensors travel now."""
        if self.device_in_use is not None:
            return "cuda_shared_memory"
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

    def acquire_free(self, most: int) -> list[Request[Answer]]:
        """Take up to so many slots that are free now."""
        with self._changed:
            return [self._free.popleft() for _ in range(min(most, len(self._free)))]

    def choose_transport(self, request: Request[Answer], count: int) -> None:
        """Decide with the pool's first request, which is filled, whether to use memory of the GPU.

        Requests of other threads do not wait for that, and go without.

        Raises:
            WorkerError: see `Request.result`.
        """
        with self._changed:
            undecided, self._undecided = self._undecided, False
        if self.device is None or not undecided:
            return
        if self.choice.proves(self, request, count):
            self.device_in_use = self.device
        else:
            self.device.close()
            self.device = None

    def leave_device(self, problem: str) -> None:
        """Send no further requests over the memory of the GPU, for the reason named."""
        self.device_in_use = None
        self.choice.reject(self.contract.name, problem)

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
        if self.device is not None:
            self.device.close()
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
