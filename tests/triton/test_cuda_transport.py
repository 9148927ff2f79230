"""Tests when tensors travel over CUDA shared memory, and what happens if that fails, with a GPU's stand-in.

That they give the same pixels as other ways is in test_triton_client.py and pipeline/test_upscale.py.
"""

from __future__ import annotations

import ctypes
import logging
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tritonclient.utils import InferenceServerException

from orchestrator.frames import Planes
from orchestrator.inference.upscaler import TiledUpscaler
from orchestrator.installed_gpus import installed_gpus
from orchestrator.transport import Transport
from orchestrator.triton import transport_choice
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract, UpscaledPlanes
from orchestrator.triton.posix_shared_memory import unique_prefix
from orchestrator.triton.request_pool import RequestPool
from orchestrator.triton.server import TritonServer
from orchestrator.triton.supervisor import Supervisor
from tests.support import cuda_stand_in
from tests.support.cuda_stand_in import CudaStandIn, cudaMemcpyKind
from tests.support.nearest import enlarged, loaded, pictures
from tests.support.server_processes import kill, others_left_alone, tritonservers
from tools.fixtures import upscalers
from tools.fixtures.rgb_planes import FORMAT, REQUEST, fill, frames_of_pictures, images_of, pixels_of

TO_GPU, TO_HOST = cudaMemcpyKind.cudaMemcpyHostToDevice, cudaMemcpyKind.cudaMemcpyDeviceToHost


@pytest.fixture
def stand_in() -> Iterator[CudaStandIn]:
    with cuda_stand_in.installed() as stand_in:
        yield stand_in
        assert stand_in.mistakes == []


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[str]]:
    """The lines of the log that say how tensors travel."""
    found: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: found.append(record.getMessage())  # type: ignore[method-assign]
    log = logging.getLogger(transport_choice.__name__)
    log.addHandler(handler)
    with caplog.at_level(logging.INFO, log.name):
        yield found
    log.removeHandler(handler)


def pool_of(client: TritonClient, slots: int = 4) -> RequestPool[UpscaledPlanes]:
    contract = loaded(client, "nearest-x4")
    return client.request_pool(contract, batch=2, height=20, width=30, slots=slots, planes=REQUEST)


def run(pool: RequestPool[UpscaledPlanes], rounds: int = 2) -> None:
    """Send requests in all slots, several times, and compare the answers."""
    slots = pool._usable
    for number in range(rounds):
        requests = []
        for index in range(slots):
            request = pool.acquire(timeout_s=10)
            fill(request, pictures(2, 20, 30, seed=10 * number + index))
            request.submit(2)
            requests.append(request)
        for index, request in enumerate(requests):
            expected = enlarged(pictures(2, 20, 30, seed=10 * number + index))
            np.testing.assert_array_equal(images_of(*request.result()), expected)
            request.release()


def connected(
    stand_in: CudaStandIn, server: TritonServer, transport: Transport | None = "cuda_shared_memory"
) -> TritonClient:
    return stand_in.attached(TritonClient(server.url, infer_timeout_s=60, transport=transport))


@pytest.mark.parametrize("slower", ["system shared memory", "CUDA"])
def test_the_faster_way_is_measured_once_and_kept(
    triton: TritonServer,
    stand_in: CudaStandIn,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    slower: str,
) -> None:
    monkeypatch.setattr(transport_choice, "_LONGEST_REQUEST_S", 60)
    if slower == "CUDA":
        stand_in.copy_delay_s = 0.2
    else:
        stand_in.system_delay_s = 0.2
    with connected(stand_in, triton, None) as client:
        for _ in range(2):
            with pool_of(client) as pool:
                run(pool)
                assert pool.transport == ("shared_memory" if slower == "CUDA" else "cuda_shared_memory")
                assert bool(stand_in.regions) == (slower != "CUDA")
            stand_in.copy_delay_s, stand_in.system_delay_s = stand_in.system_delay_s, stand_in.copy_delay_s
        if slower == "CUDA":
            (line,) = lines
            assert "without CUDA shared memory: 3 requests took" in line
        else:
            assert set(lines) == {"the tensors of model 'nearest-x4' travel over CUDA shared memory"}
    assert not stand_in.regions


def test_a_slow_model_is_not_compared(
    triton: TritonServer, stand_in: CudaStandIn, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport_choice, "_LONGEST_REQUEST_S", 0)
    with connected(stand_in, triton, None) as client, pool_of(client) as pool:
        run(pool)
        assert pool.transport == "shared_memory"
    assert stand_in.copies[TO_HOST] == 0
    assert "take so long" in lines[0]


def test_a_single_request_is_not_compared(triton: TritonServer, stand_in: CudaStandIn) -> None:
    with connected(stand_in, triton, None) as client, pool_of(client, slots=1) as pool:
        run(pool)
        assert pool.transport == "shared_memory"
    assert set(stand_in.copies.values()) == {0}


def test_a_model_on_the_cpu_does_without_a_word(
    triton: TritonServer, stand_in: CudaStandIn, lines: list[str]
) -> None:
    with TritonClient(triton.url) as client, pool_of(client) as pool:
        assert client.contract("nearest-x4").gpu is None
        run(pool)
        assert pool.transport == "shared_memory"
    assert (lines, set(stand_in.copies.values())) == ([], {0})


@pytest.mark.skipif(bool(installed_gpus()), reason="this machine has a GPU")
def test_the_real_library_finds_no_gpu_here(triton: TritonServer, lines: list[str]) -> None:
    pytest.importorskip("cuda.bindings")
    with connected(CudaStandIn(), triton) as client:
        for _ in range(2):
            with pool_of(client) as pool:
                run(pool)
                assert pool.transport == "shared_memory"
    (line,) = lines
    assert "no memory can be allocated on GPU 0 (CUDA driver version is insufficient" in line


def test_the_package_is_missing(
    triton: TritonServer, lines: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(sys.modules, "tritonclient.utils.cuda_shared_memory", raising=False)
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    with connected(CudaStandIn(), triton) as client, pool_of(client) as pool:
        run(pool)
        assert pool.transport == "shared_memory"
    (line,) = lines
    assert "travel without CUDA shared memory: the package cuda-bindings cannot be loaded (" in line


def test_the_server_refuses_the_memory(triton: TritonServer, stand_in: CudaStandIn, lines: list[str]) -> None:
    stand_in.maps = False
    with connected(stand_in, triton) as client:
        for _ in range(2):
            with pool_of(client) as pool:
                run(pool)
                assert pool.transport == "shared_memory"
    assert not stand_in.regions
    (line,) = lines
    assert "the server does not accept memory of GPU 0 (" in line


@pytest.mark.parametrize("direction", [TO_GPU, TO_HOST])
@pytest.mark.parametrize("transport", ["cuda_shared_memory", None])
def test_one_wrong_byte_in_the_comparison_is_enough(
    triton: TritonServer,
    stand_in: CudaStandIn,
    lines: list[str],
    monkeypatch: pytest.MonkeyPatch,
    direction: cudaMemcpyKind,
    transport: Transport | None,
) -> None:
    monkeypatch.setattr(transport_choice, "_LONGEST_REQUEST_S", 60)

    def spoil(kind: cudaMemcpyKind, to: int, byte_size: int) -> None:
        if kind is direction:
            stand_in.cudaDeviceSynchronize()
            at = to + (7 if kind is TO_GPU else byte_size // 2 - byte_size // 2 % 4096 + 7)
            ctypes.memset(at, ctypes.string_at(at, 1)[0] ^ 1, 1)

    stand_in.on_copy = spoil
    with connected(stand_in, triton, transport) as client, pool_of(client) as pool:
        run(pool)
        assert pool.transport == "shared_memory"
    (line,) = lines
    assert "its answers were not those that come over system shared memory" in line
    assert not stand_in.regions


def test_an_answer_that_the_server_does_not_write_is_noticed(
    triton: TritonServer, stand_in: CudaStandIn, lines: list[str]
) -> None:
    """Whatever was in the memory before is no answer, even if it is the right one from the round before."""
    before: dict[int, bytes] = {}

    def keep_old(kind: cudaMemcpyKind, to: int, byte_size: int) -> None:
        if kind is TO_GPU:
            before[to] = ctypes.string_at(to, byte_size)
        elif before:
            ctypes.memset(to, 0xA5, byte_size)

    stand_in.on_copy = keep_old
    with connected(stand_in, triton) as client, pool_of(client) as pool:
        run(pool)
        assert pool.transport == "shared_memory"
    assert "its answers were not those" in lines[0]


@pytest.mark.parametrize("direction", [TO_GPU, TO_HOST])
def test_a_copy_that_fails_in_the_middle_loses_no_request_and_no_slot(
    triton: TritonServer, stand_in: CudaStandIn, lines: list[str], direction: cudaMemcpyKind
) -> None:
    with connected(stand_in, triton) as client:
        with pool_of(client) as pool:
            run(pool)
            assert pool.device_in_use is not None
            most = stand_in.copies[direction] + 2
            stand_in.fails = lambda kind: kind is direction and stand_in.copies[kind] >= most
            run(pool, rounds=3)
            assert pool.transport == "shared_memory"
            assert len(pool._free) == pool._usable == 4
        assert not stand_in.regions
        with pool_of(client) as pool:
            run(pool)
            assert pool.transport == "shared_memory"
    _, line = lines
    assert "without CUDA shared memory: a copy failed on GPU 0 (cudaErrorIllegalAddress)" in line


@pytest.mark.parametrize("error", [None, "out of memory", "illegal address"])
@pytest.mark.parametrize("later", [False, True])
def test_a_request_that_gets_no_answer_over_cuda_is_answered_without(
    triton: TritonServer, stand_in: CudaStandIn, lines: list[str], error: str | None, *, later: bool
) -> None:
    client = stand_in.attached(TritonClient(triton.url, infer_timeout_s=3, transport="cuda_shared_memory"))
    with client, pool_of(client, slots=2) as pool:
        if later:
            run(pool)
        stand_in.swallows = error is None
        if error is not None:
            stand_in.error = InferenceServerException(error, status="StatusCode.INTERNAL")
        run(pool)
        assert pool.transport == "shared_memory"
    assert (error or "no answer within 3 s") in lines[-1]


def test_several_pools_have_their_own_memory_and_leave_none(
    triton: TritonServer, stand_in: CudaStandIn
) -> None:
    with connected(stand_in, triton) as client, pool_of(client) as one, pool_of(client) as other:
        for pool in (one, other, one):
            run(pool)
        assert one.transport == other.transport == "cuda_shared_memory"
        assert len(stand_in.regions) == 2
        names = set(stand_in.registered)
        assert names < set(client._client.get_system_shared_memory_status().regions)
        one.close()
        assert len(stand_in.regions) == 1
        run(other)
        other.close()
        assert not names & set(client._client.get_system_shared_memory_status().regions)
    assert not stand_in.regions
    assert not list(cuda_stand_in.SHM.glob("framewright-*-device"))


def test_the_memory_of_a_killed_client_is_unregistered(triton: TritonServer, stand_in: CudaStandIn) -> None:
    leftover = unique_prefix().rsplit("-", 3)[0] + "-999999999-1-tensors-0"
    asked: list[str] = []
    with connected(stand_in, triton) as client:
        raw = client._client
        status, unregister = raw.get_cuda_shared_memory_status, raw.unregister_cuda_shared_memory

        def with_leftover(**options: object) -> object:
            answer = status(**options)
            answer.regions[leftover].name = leftover
            return answer

        def unregister_and_note(name: str, **options: object) -> None:
            asked.append(name)
            unregister(name, **options)

        raw.get_cuda_shared_memory_status = with_leftover
        raw.unregister_cuda_shared_memory = unregister_and_note
        with pool_of(client):
            assert asked == [leftover]


def test_memory_that_the_server_still_uses_is_not_freed(tmp_path: Path, stand_in: CudaStandIn) -> None:
    upscalers.write_slow(tmp_path, rounds=100_000)
    with TritonServer(tmp_path) as server, connected(stand_in, server) as client:
        contract = loaded(client, "slow")
        pool = client.request_pool(contract, batch=1, height=8, width=8, slots=1, planes=REQUEST)
        pool.device_in_use, pool._undecided = pool.device, False
        pool.acquire().submit(1)
        time.sleep(0.2)
        pool.close()
        assert len(stand_in.regions) == 1


@pytest.mark.parametrize("deaths", [1, 2])
def test_a_server_that_dies_in_the_middle_gets_the_memory_again_but_only_once(
    tmp_path: Path, stand_in: CudaStandIn, deaths: int
) -> None:
    upscalers.write_nearest_x4(tmp_path)
    shown = list(pictures(96, 48, 64))
    before = [40, 8] if deaths == 2 else [8]
    with others_left_alone(), Supervisor(TritonServer(tmp_path), restarts=5) as supervisor:
        client = stand_in.attached(
            TritonClient(
                supervisor.server.url,
                server=supervisor,
                recoveries=5,
                infer_timeout_s=60,
                transport="cuda_shared_memory",
            )
        )
        with client:
            client.load("nearest-x4")
            contract = client.contract("nearest-x4", UpscaleContract)
            transports: list[Transport] = []
            results: list[Planes] = []
            with TiledUpscaler(
                client, contract, height=48, width=64, planes=FORMAT, output=FORMAT
            ) as upscaler:
                for item in upscaler.run(frames_of_pictures(shown)):
                    results.append(item.pixels)
                    transports.append(upscaler.transport)
                    if before and len(results) == before[-1]:
                        before.pop()
                        kill(tritonservers())
                notes = upscaler.notes
    for picture, planes in zip(shown, results, strict=True):
        assert np.array_equal(pixels_of(planes), enlarged(picture[None])[0])
    assert ("once" if deaths == 1 else "2 times") in notes[0]
    assert transports[0] == "cuda_shared_memory"
    assert transports[-1] == ("cuda_shared_memory" if deaths == 1 else "shared_memory")
    assert not stand_in.regions
