"""Stands in for a GPU's memory, its driver and a Triton that maps it, on a machine without a GPU.

It takes the place of `tritonclient.utils.cuda_shared_memory` and `cuda.bindings.runtime` over segments in
/dev/shm, and lets a client register them with a real tritonserver as system shared memory. Like CUDA, a copy
to the GPU is complete only when the device is synchronized, and each thread has to say which GPU it uses.
"""

from __future__ import annotations

import base64
import contextlib
import ctypes
import enum
import functools
import mmap
import os
import sys
import threading
import time
import types
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tritonclient.grpc import model_config_pb2
from tritonclient.utils import InferenceServerException
from tritonclient.utils._shared_memory_tensor import SharedMemoryTensor

from orchestrator.triton.client import TritonClient
from orchestrator.triton.grpc_channel import TritonAddress
from orchestrator.triton.posix_shared_memory import unique_prefix

SHM = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory
GPU = 0


class cudaError_t(enum.Enum):  # noqa: N801  CUDA's name
    cudaSuccess = 0  # noqa: N815
    cudaErrorInvalidDevice = 101  # noqa: N815
    cudaErrorIllegalAddress = 700  # noqa: N815


class cudaMemcpyKind(enum.Enum):  # noqa: N801
    cudaMemcpyHostToDevice = 1  # noqa: N815
    cudaMemcpyDeviceToHost = 2  # noqa: N815


class Region:
    """Memory of the GPU: a segment of its own, freed with the last reference, as tritonclient's is."""

    def __init__(self, name: str, byte_size: int, on_free: Callable[[str], None]) -> None:
        self.name, self.byte_size = name, byte_size
        self.path = SHM / (unique_prefix() + "device")
        with self.path.open("w+b") as file:
            os.posix_fallocate(file.fileno(), 0, byte_size)
            self._bytes = mmap.mmap(file.fileno(), byte_size)
        self.address = ctypes.addressof(ctypes.c_char.from_buffer(self._bytes))
        weakref.finalize(self, _free, self.path, name, on_free)


def _free(path: Path, name: str, on_free: Callable[[str], None]) -> None:
    path.unlink()
    on_free(name)


class CudaStandIn:
    """The GPU, its driver and what the server does with its memory. See `installed`.

    Attributes:
        regions: memory that is allocated, by its address.
        registered: names of the regions that the server has mapped.
        mistakes: what CUDA does not allow, or leaves undefined.
        copies: how many copies there were, by their direction.
        on_copy: called with each direction after the copy; it may change bytes, or raise.
        fails: returns whether the next copy of that direction fails.
        maps: whether the server maps memory of this GPU; otherwise it gets the handle as it is, and refuses.
        swallows: whether requests over the memory of the GPU are lost.
        error: what the server answers to them instead.
        system_delay_s: how much longer a request over system shared memory takes.
        copy_delay_s: how much longer a copy takes.
    """

    def __init__(self) -> None:
        self.regions: weakref.WeakValueDictionary[int, Region] = weakref.WeakValueDictionary()
        self._allocated: list[Region] = []
        self.registered: set[str] = set()
        self.mistakes: list[str] = []
        self.copies = dict.fromkeys(cudaMemcpyKind, 0)
        self.on_copy: Callable[[cudaMemcpyKind, int, int], None] = lambda kind, to, size: None  # noqa: ARG005
        self.fails: Callable[[cudaMemcpyKind], bool] = lambda kind: False  # noqa: ARG005
        self.maps, self.swallows = True, False
        self.error: InferenceServerException | None = None
        self.system_delay_s = self.copy_delay_s = 0.0
        self._thread = threading.local()
        self._pending: list[tuple[int, bytes]] = []
        self._lock = threading.RLock()

    # tritonclient.utils.cuda_shared_memory

    def create_shared_memory_region(self, name: str, byte_size: int, device_id: int) -> Region:
        assert device_id == GPU
        region = Region(name, byte_size, self._freed)
        self.regions[region.address] = region
        self._allocated.append(region)
        return region

    def get_raw_handle(self, region: Region) -> bytes:
        return base64.b64encode(region.path.name.encode().ljust(64, b"\0"))

    def as_shared_memory_tensor(self, region: Region, datatype: str, shape: list[int]) -> Any:
        return SharedMemoryTensor(datatype, shape, region.address, 0, region.byte_size, GPU)

    def destroy_shared_memory_region(self, region: Region) -> None:
        self._allocated.remove(region)

    # cuda.bindings.runtime

    def cudaSetDevice(self, device_id: int) -> tuple[cudaError_t]:  # noqa: N802
        self._thread.device = device_id
        return (cudaError_t.cudaSuccess,)

    def cudaMemcpy(  # noqa: N802
        self, to: int, source: int, byte_size: int, kind: cudaMemcpyKind
    ) -> tuple[cudaError_t]:
        time.sleep(self.copy_delay_s)
        if getattr(self._thread, "device", None) != GPU:
            return (cudaError_t.cudaErrorInvalidDevice,)
        on_gpu = to if kind is cudaMemcpyKind.cudaMemcpyHostToDevice else source
        if not any(
            at <= on_gpu and on_gpu + byte_size <= at + region.byte_size
            for at, region in self.regions.items()
        ):
            return (cudaError_t.cudaErrorIllegalAddress,)
        if self.fails(kind):
            return (cudaError_t.cudaErrorIllegalAddress,)
        with self._lock:
            if kind is cudaMemcpyKind.cudaMemcpyHostToDevice:
                self._pending.append((to, ctypes.string_at(source, byte_size)))
            else:
                self.cudaDeviceSynchronize()
                ctypes.memmove(to, source, byte_size)
            self.copies[kind] += 1
            self.on_copy(kind, to, byte_size)
        return (cudaError_t.cudaSuccess,)

    def cudaDeviceSynchronize(self) -> tuple[cudaError_t]:  # noqa: N802
        with self._lock:
            for to, data in self._pending:
                ctypes.memmove(to, data, len(data))
            self._pending.clear()
        return (cudaError_t.cudaSuccess,)

    def _freed(self, name: str) -> None:
        if name in self.registered:
            self.mistakes.append("memory was freed that the server has mapped")

    # the server

    def attach(self, client: Any) -> Any:
        """Let a tritonclient.grpc.InferenceServerClient register memory of the GPU; return it."""
        model_config = client.get_model_config
        register_handle = client.register_cuda_shared_memory

        def register(name: str, raw_handle: bytes, device_id: int, byte_size: int, **options: Any) -> None:
            if not self.maps:
                register_handle(name, raw_handle, device_id, byte_size, **options)
            assert device_id == GPU
            key = base64.b64decode(raw_handle).rstrip(b"\0").decode()
            client.register_system_shared_memory(name, f"/{key}", byte_size, **options)
            self.registered.add(name)

        def unregister(name: str, **options: Any) -> None:
            try:
                client.unregister_system_shared_memory(name, **options)
            except InferenceServerException as exc:
                if exc.status() == "StatusCode.UNAVAILABLE":  # the server is gone, and its mappings with it
                    self.registered.discard(name)
                raise
            self.registered.discard(name)

        def on_gpu(*arguments: Any, **options: Any) -> Any:
            answer = model_config(*arguments, **options)
            del answer.config.instance_group[1:]
            group = answer.config.instance_group[0]
            group.kind, group.gpus[:] = model_config_pb2.ModelInstanceGroup.KIND_GPU, [GPU]
            return answer

        client.register_cuda_shared_memory = register
        client.unregister_cuda_shared_memory = unregister
        client.get_cuda_shared_memory_status = client.get_system_shared_memory_status
        client.get_model_config = on_gpu
        client.async_infer = functools.partial(self._infer, client.async_infer)
        return client

    def _infer(
        self,
        infer: Callable[..., Any],
        model: str,
        inputs: Any,
        callback: Callable[..., None],
        **options: Any,
    ) -> Any:
        parameters = inputs[0]._get_tensor().parameters
        named = "shared_memory_region" in parameters  # reading a key of protobuf's makes it
        over_cuda = named and parameters["shared_memory_region"].string_param in self.registered
        if over_cuda and self.error is not None:
            callback(None, self.error)
        if over_cuda and (self.swallows or self.error is not None):
            return types.SimpleNamespace(cancel=lambda: None)
        if named and not over_cuda:
            time.sleep(self.system_delay_s)
        return infer(model, inputs, callback, **options)

    def attached(self, client: TritonClient) -> TritonClient:
        """Let a client of ours use the GPU; return it."""
        self.attach(client._client)
        return client


@contextlib.contextmanager
def installed(*, every_client: bool = False) -> Iterator[CudaStandIn]:
    """Put a stand-in into place; `every_client` lets all clients that connect meanwhile use it."""
    stand_in = CudaStandIn()
    memory = types.ModuleType("tritonclient.utils.cuda_shared_memory")
    runtime = types.ModuleType("cuda.bindings.runtime")
    for module, names in (
        (
            memory,
            (
                "create_shared_memory_region",
                "get_raw_handle",
                "as_shared_memory_tensor",
                "destroy_shared_memory_region",
            ),
        ),
        (runtime, ("cudaSetDevice", "cudaMemcpy", "cudaDeviceSynchronize")),
    ):
        for name in names:
            setattr(module, name, getattr(stand_in, name))
    runtime.cudaError_t, runtime.cudaMemcpyKind = cudaError_t, cudaMemcpyKind  # type: ignore[attr-defined]
    bindings = types.ModuleType("cuda.bindings")
    bindings.runtime = runtime  # type: ignore[attr-defined]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "tritonclient.utils.cuda_shared_memory", memory)
        patch.setattr("tritonclient.utils.cuda_shared_memory", memory, raising=False)
        patch.setitem(sys.modules, "cuda.bindings", bindings)
        patch.setitem(sys.modules, "cuda.bindings.runtime", runtime)
        if every_client:
            connect = TritonAddress.connect
            patch.setattr(TritonAddress, "connect", lambda address: stand_in.attach(connect(address)))
        try:
            yield stand_in
        finally:
            stand_in.registered.clear()
            stand_in._allocated.clear()
