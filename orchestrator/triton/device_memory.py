"""Registers memory of a GPU with a Triton (CUDA shared memory), and copies between it and host memory.

It needs `cuda-bindings` (`pip install 'framewright[cuda]'`) and an NVIDIA driver. What the calls promise is
in NVIDIA's "CUDA Runtime API", under "API synchronization behavior" and "cudaIpcGetMemHandle".
"""

from __future__ import annotations

import contextlib
import ctypes
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from tritonclient.utils import InferenceServerException

from orchestrator.errors import TritonUnavailable
from orchestrator.triton import error_translation as failure
from orchestrator.triton.registered_memory import (
    CONTROL_TIMEOUT_S,
    region_name,
    unregister,
    unregister_leftovers,
)

if TYPE_CHECKING:
    import tritonclient.grpc as triton

    from orchestrator.triton.model_control import ModelControl

_BLOCK_BYTES = 2 * 1024**2
"""Memory whose size is a multiple of this shares no block with other memory of the process, which the server
could otherwise read as well ("cudaIpcGetMemHandle")."""

_DLPACK_BYTE_OFFSET = 40
"""Where `byte_offset` is in DLPack's DLTensor on 64-bit machines; `data` is its first field."""

_log = logging.getLogger(__name__)


class CudaProblem(Exception):
    """Memory of the GPU cannot be used; the message says why."""


@dataclass(kw_only=True)
class DeviceMemory:
    """Memory of a GPU that the server has mapped and knows as `region`.

    Attributes:
        address: where it begins, for CUDA.
        gpu: CUDA's number of the GPU.
    """

    region: str
    address: int
    gpu: int
    client: triton.InferenceServerClient
    handle: Any
    cuda: Any
    runtime: Any

    @classmethod
    def share(
        cls, byte_size: int, *, gpu: int, client: triton.InferenceServerClient, control: ModelControl
    ) -> Self:
        """Allocate memory on that GPU and register it.

        Raises:
            CudaProblem: something that is needed is missing, or the server refuses.
            TritonUnavailable: the server does not answer.
        """
        region = region_name()
        whole = -(-byte_size // _BLOCK_BYTES) * _BLOCK_BYTES
        try:
            from cuda.bindings import runtime  # noqa: PLC0415  only a container for GPUs has it
            from tritonclient.utils import cuda_shared_memory as cuda  # noqa: PLC0415
        except Exception as exc:  # tritonclient raises RuntimeError where it is missing
            raise CudaProblem(f"the package cuda-bindings cannot be loaded ({_reason(exc)})") from exc
        try:
            handle = cuda.create_shared_memory_region(region, whole, gpu)
        except Exception as exc:  # tritonclient passes on what CUDA reports as plain exceptions
            raise CudaProblem(f"no memory can be allocated on GPU {gpu} ({_reason(exc)})") from exc
        try:
            address = _address(cuda.as_shared_memory_tensor(handle, "UINT8", [whole]))
            unregister_leftovers(client.get_cuda_shared_memory_status, client.unregister_cuda_shared_memory)
            client.register_cuda_shared_memory(
                region, cuda.get_raw_handle(handle), gpu, whole, client_timeout=CONTROL_TIMEOUT_S
            )
        except Exception as exc:
            # A server that answered too late may have mapped the memory.
            if unregister(region, client.unregister_cuda_shared_memory):
                _free(cuda, handle)
            handle = None
            if isinstance(exc, InferenceServerException):
                error = control.translate(exc, "cannot share memory of the GPU")
                if isinstance(error, TritonUnavailable):
                    raise error from exc
                raise CudaProblem(
                    f"the server does not accept memory of GPU {gpu} ({failure.one_line(exc)})"
                ) from exc
            raise CudaProblem(f"memory of GPU {gpu} cannot be shared ({_reason(exc)})") from exc
        _log.debug("%d bytes of GPU %d are shared with the server", whole, gpu)
        return cls(
            region=region,
            address=address,
            gpu=gpu,
            client=client,
            handle=handle,
            cuda=cuda,
            runtime=runtime,
        )

    def write(self, offset: int, host_address: int, byte_size: int) -> None:
        """Copy bytes of the host to the GPU; return when any process can read them there.

        Raises:
            CudaProblem: CUDA reports an error.
        """
        self._copy(self.address + offset, host_address, byte_size, "cudaMemcpyHostToDevice")

    def read(self, offset: int, host_address: int, byte_size: int) -> None:
        """Copy bytes of the GPU to the host; return when they are there.

        Raises:
            CudaProblem: CUDA reports an error.
        """
        self._copy(host_address, self.address + offset, byte_size, "cudaMemcpyDeviceToHost")

    def close(self) -> None:
        """Let the server unmap the memory, and free it.

        Memory that the server still uses is freed by the driver when this process ends: CUDA does not define
        what happens if the exporting process frees it before.
        """
        if unregister(self.region, self.client.unregister_cuda_shared_memory):
            _free(self.cuda, self.handle)
        self.handle = None

    def _copy(self, to: int, source: int, byte_size: int, kind: str) -> None:
        runtime = self.runtime
        for call, *arguments in (
            (runtime.cudaSetDevice, self.gpu),  # which is a state of each thread
            (runtime.cudaMemcpy, to, source, byte_size, getattr(runtime.cudaMemcpyKind, kind)),
            # From host memory that is not pinned, cudaMemcpy returns before the last bytes are on the GPU.
            # Later work of this process would wait for them, but the server is another.
            (runtime.cudaDeviceSynchronize,),
        ):
            try:
                (error, *_) = call(*arguments)
            except Exception as exc:
                raise CudaProblem(f"a copy failed on GPU {self.gpu} ({_reason(exc)})") from exc
            if error != runtime.cudaError_t.cudaSuccess:
                raise CudaProblem(f"a copy failed on GPU {self.gpu} ({error.name})")


def _free(cuda: Any, handle: Any) -> None:
    """Let go of memory; tritonclient frees it when nothing refers to the handle any more."""
    with contextlib.suppress(Exception):
        cuda.destroy_shared_memory_region(handle)


def _address(tensor: Any) -> int:
    """Return the address of the data of a DLPack tensor (dlpack.h: DLManagedTensor begins with DLTensor)."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, (ctypes.py_object, ctypes.c_char_p)
    capsule = tensor.__dlpack__()
    described = pointer(capsule, b"dltensor")
    data = ctypes.c_void_p.from_address(described).value
    byte_offset = ctypes.c_uint64.from_address(described + _DLPACK_BYTE_OFFSET).value
    if not data:
        raise CudaProblem("its DLPack tensor has no address")
    return data + byte_offset


def _reason(exc: BaseException) -> str:
    """Return what CUDA said: tritonclient wraps it, as bytes, into an exception of its own."""
    cause = exc.__cause__ or exc
    said = cause.args[0] if cause.args else str(cause)
    return said.decode(errors="replace") if isinstance(said, bytes) else str(said)
