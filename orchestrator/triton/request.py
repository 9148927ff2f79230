"""Sends a request of a pool and waits for its answer; sends it again without CUDA if that fails."""

from __future__ import annotations

import ctypes
import functools
import time
from concurrent.futures import FIRST_COMPLETED, Future
from concurrent.futures import wait as wait_for
from typing import TYPE_CHECKING, Any, Generic

import numpy as np
import tritonclient.grpc as triton
from numpy.typing import NDArray
from tritonclient.utils import InferenceServerException, triton_to_np_dtype

from orchestrator.errors import (
    Cancelled,
    InferenceFailed,
    InferenceTimedOut,
    ModelOutOfMemory,
    ModelProcessDied,
    TritonUnavailable,
)
from orchestrator.triton import error_translation as failure
from orchestrator.triton.contract import Answer, ModelTensor
from orchestrator.triton.device_memory import CudaProblem, DeviceMemory

if TYPE_CHECKING:
    from orchestrator.triton.request_pool import RequestPool

_PAGE_BYTES = 4096


class Request(Generic[Answer]):
    """One slot of a pool: fill `inputs`, call `submit`, then `result`, then `release`.

    Attributes:
        inputs: an array for each input tensor, with `batch` images in front, to be filled before `submit`;
            the `colour` of planes is there already.
        outputs: an array for each output tensor, in shared memory; read-only. Empty without shared memory.
    """

    def __init__(self, pool: RequestPool[Answer], index: int) -> None:
        self._pool = pool
        self._offsets: list[int] = []
        shared: list[NDArray[Any]] = []
        batch, offset = pool.shape[0], index * pool.slot_bytes
        for tensor in (*pool.inputs, *(pool.outputs if pool.memory is not None else ())):
            shape, dtype = (batch, *tensor.shape), dtype_of(tensor)
            if pool.memory is None:
                array: NDArray[Any] = np.empty(shape, dtype)
            else:
                array = np.frombuffer(pool.memory.bytes, dtype, int(np.prod(shape)), offset).reshape(shape)
            self._offsets.append(offset)
            shared.append(array)
            offset += whole_pages(array.nbytes)
        self.inputs, self.outputs = shared[: len(pool.inputs)], shared[len(pool.inputs) :]
        for array in self.outputs:
            array.flags.writeable = False
        for tensor, array in zip(pool.inputs, self.inputs, strict=True):
            if tensor.name == "colour":
                array[:] = pool.planes.colour.tensor()
        self._end = offset
        self._count = 0
        self._device: DeviceMemory | None = None
        self._call: Any = None
        self._answer: Future[Any] | None = None
        self._received: Any = None
        self._deadline = 0.0

    def submit(self, count: int) -> None:
        """Send the first `count` images of `inputs`; returns at once.

        If the pool might use CUDA shared memory, the first call sends its images several times, to prove and
        to measure that, and waits for their answers; it raises what `result` raises.
        """
        self._pool.choose_transport(self, count)
        try:
            self.send(count, self._pool.device_in_use)
        except CudaProblem as problem:
            self._pool.leave_device(str(problem))
            self.send(count, None)

    def send(self, count: int, device: DeviceMemory | None) -> None:
        """Send the first `count` images over this memory of the GPU; None stands for the way without CUDA.

        Raises:
            CudaProblem: the images cannot be copied to the GPU.
        """
        pool = self._pool
        self._count, self._device, self._answer, self._received = count, device, None, None
        inputs = [
            triton.InferInput(tensor.name, [count, *tensor.shape], tensor.datatype) for tensor in pool.inputs
        ]
        outputs = [triton.InferRequestedOutput(output.name) for output in pool.outputs]
        if pool.memory is None:
            for tensor, array in zip(inputs, self.inputs, strict=True):
                tensor.set_data_from_numpy(array[:count])
        else:
            region = pool.memory.region
            if device is not None:
                region = device.region
                begin, end = self._offsets[0], self._offsets[len(inputs)]
                device.write(begin, self.inputs[0].ctypes.data, end - begin)
            arrays = (*self.inputs, *self.outputs)
            for tensor, array, offset in zip([*inputs, *outputs], arrays, self._offsets, strict=True):
                tensor.set_shared_memory(region, array[:count].nbytes, offset)
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
        """Whether the server has answered, or failed."""
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
        try:
            self.receive()
        except CudaProblem as problem:
            self._pool.leave_device(str(problem))
            self.send(self._count, None)
            self.receive()
        self._pool.answered = True
        if self._pool.memory is not None:
            arrays = [view[: self._count] for view in self.outputs]
        else:
            arrays = [self._received.as_numpy(output.name) for output in self._pool.outputs]
        return self._pool.contract.answer([array.copy() for array in arrays] if copied else arrays)

    def receive(self) -> None:
        """Wait for the answer and, if it is on the GPU, copy it into `outputs`.

        Raises:
            CudaProblem: over CUDA shared memory, no right answer came from a server that still runs.
            WorkerError: as for `result`.
        """
        if self._answer is None:
            raise RuntimeError("result() before submit()")
        if self._received is not None:
            return
        try:
            answer = self._wait(self._answer)
        except (TritonUnavailable, ModelProcessDied):
            if self._device is not None:
                self._pool.choice.lost_server(self._pool.contract.name)
            raise
        except (InferenceFailed, ModelOutOfMemory) as exc:
            if self._device is not None:
                raise CudaProblem(str(exc)) from exc
            raise
        if self._device is not None:
            begin = self._offsets[len(self.inputs)]
            self._device.read(begin, self.outputs[0].ctypes.data, self._end - begin)
        self._received = answer

    def overwrite_outputs(self, byte: int) -> None:
        """Set every byte of `outputs`, so that one that the server does not write shows.

        `byte` is 0..255. Needs shared memory; over CUDA, the outputs are overwritten on the GPU as well.
        """
        begin = self._offsets[len(self.inputs)]
        ctypes.memset(self.outputs[0].ctypes.data, byte, self._end - begin)
        if self._pool.device is not None:
            self._pool.device.write(begin, self.outputs[0].ctypes.data, self._end - begin)

    def release(self) -> None:
        """Return the slot to the pool; an answer that was not copied is no longer valid."""
        pool = self._pool
        answer, self._answer, self._received = self._answer, None, None
        elsewhere = pool.memory is None or (self._device is not None and pool.device_in_use is None)
        pool.take_back(self, reusable=elsewhere or answer is None or _is_from_server(answer))

    def end(self, deadline: float) -> None:
        """Wait for the answer until `deadline`, a time of `time.monotonic`; then cancel the request."""
        if self._answer is None or self._answer.done():
            return
        try:
            self._answer.exception(max(deadline - time.monotonic(), 0))
        except TimeoutError:
            self._call.cancel()

    def _wait(self, future: Future[Any]) -> Any:
        """Return the answer, a tritonclient.grpc.InferResult of the right shapes."""
        _, height, width = self._pool.shape
        doing = f"model {self._pool.contract.name!r} on {self._count} x {width}x{height}"
        wait_for(
            [future, self._pool.stopped],
            max(self._deadline - time.monotonic(), 0),
            return_when=FIRST_COMPLETED,
        )
        if self._pool.closed:
            raise Cancelled(f"{doing}: cancelled")
        if not future.done():
            raise InferenceTimedOut(
                f"{doing}: no answer within {self._pool.timeout_s:g} s; raise the timeout or lighten the work"
            )
        error = future.exception()
        if isinstance(error, InferenceServerException):
            # Raising `error` itself would make a reference cycle that keeps this request's memory alive.
            raise self._pool.control.request_failure(error, doing, self._pool.contract.name) from error
        answer = future.result()
        for output in self._pool.outputs:
            shape = (self._count, *output.shape)
            tensor = answer.get_output(output.name)
            if tensor is None or tuple(tensor.shape) != shape or tensor.datatype != output.datatype:
                described = f"{tensor.datatype} {list(tensor.shape)}" if tensor is not None else "nothing"
                raise InferenceFailed(
                    f"{doing}: it gave {described} as {output.name!r}, "
                    f"its contract says {output.datatype} {list(shape)}"
                )
        return answer


def whole_pages(byte_size: int) -> int:
    """Return the bytes of the pages that hold so many bytes."""
    return -(-byte_size // _PAGE_BYTES) * _PAGE_BYTES


def dtype_of(tensor: ModelTensor) -> np.dtype[Any]:
    """Return numpy's type of a tensor's elements."""
    dtype: np.dtype[Any] = np.dtype(triton_to_np_dtype(tensor.datatype))
    return dtype


def _settle(answer: Future[Any], result: Any, error: InferenceServerException | None) -> None:
    answer.set_result(result) if error is None else answer.set_exception(error)


def _is_from_server(answer: Future[Any]) -> bool:
    """Whether the server has finished the request. It may not have if we stopped waiting."""
    if not answer.done():
        return False
    error = answer.exception()
    return not (isinstance(error, InferenceServerException) and error.status() in failure.GIVEN_UP)
