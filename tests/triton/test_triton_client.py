"""Tests the Triton client: transports, pools, loading of models, and errors."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.errors import (
    BadRequest,
    Cancelled,
    InferenceFailed,
    ModelNotBuilt,
    TritonUnavailable,
    UnknownModel,
    WorkerError,
)
from orchestrator.settings import PROJECT_ROOT
from orchestrator.transport import Transport
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import DetectContract, UpscaleContract
from orchestrator.triton.installation import find_installation
from orchestrator.triton.server import TritonServer
from tests.support import cuda_stand_in
from tests.support.nearest import enlarged, loaded, pictures
from tests.support.server_processes import suspended, until
from tools.fixtures import detectors, upscalers
from tools.fixtures.rgb_planes import REQUEST, fill, images_of, infer

SHM = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory


def own_segments() -> list[str]:
    return [path.name for path in SHM.glob(f"framewright-*-{os.getpid()}-*-tensors")]


@pytest.fixture(scope="module")
def ways(triton: TritonServer) -> Iterator[dict[Transport, TritonClient]]:
    """A client for each way of the tensors; CUDA shared memory is a stand-in's."""
    with (
        cuda_stand_in.installed() as stand_in,
        stand_in.attached(TritonClient(triton.url, transport="cuda_shared_memory")) as cuda,
        TritonClient(triton.url, transport="shared_memory") as local,
        TritonClient(triton.url, transport="grpc") as remote,
    ):
        local.load("nearest-x4")
        yield {"cuda_shared_memory": cuda, "shared_memory": local, "grpc": remote}
        assert stand_in.copies[cuda_stand_in.cudaMemcpyKind.cudaMemcpyDeviceToHost] > 50
        assert stand_in.mistakes == []
        assert not stand_in.regions


@settings(max_examples=25)
@given(
    batch=st.integers(1, 8),
    height=st.integers(1, 35).map(lambda half: 2 * half),
    width=st.integers(1, 35).map(lambda half: 2 * half),
    slots=st.integers(1, 4),
    seed=st.integers(0, 2**32),
)
def test_all_transports_give_the_same_pixels_at_any_shape(
    ways: dict[Transport, TritonClient], batch: int, height: int, width: int, slots: int, seed: int
) -> None:
    for transport, client in ways.items():
        contract = client.contract("nearest-x4", UpscaleContract)
        shape = {"batch": batch, "height": height, "width": width}
        with client.request_pool(contract, **shape, slots=slots, planes=REQUEST) as pool:
            requests = [pool.acquire() for _ in range(slots)]
            for index, request in enumerate(requests):
                fill(request, pictures(batch, height, width, seed + index))
                request.submit(1 + seed % batch)
            for index, request in enumerate(requests):
                sent = pictures(batch, height, width, seed + index)[: 1 + seed % batch]
                np.testing.assert_array_equal(images_of(*request.result()), enlarged(sent))
                request.release()
            assert pool.transport == transport
    assert own_segments() == []


@pytest.mark.parametrize("transport", ["cuda_shared_memory", "shared_memory", "grpc"])
def test_a_slot_serves_again_and_again_from_several_threads(
    ways: dict[Transport, TritonClient], transport: Transport
) -> None:
    client = ways[transport]
    contract = loaded(client, "nearest-x4")
    wrong: list[int] = []

    def work(seed: int) -> None:
        for _ in range(20):
            request = pool.acquire()
            fill(request, pictures(1, 20, 30, seed))
            request.submit(1)
            if not np.array_equal(images_of(*request.result()), enlarged(pictures(1, 20, 30, seed))):
                wrong.append(seed)
            request.release()

    with client.request_pool(contract, batch=1, height=20, width=30, slots=3, planes=REQUEST) as pool:
        threads = [threading.Thread(target=work, args=(seed,)) for seed in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(60)
        assert not any(thread.is_alive() for thread in threads)
    assert wrong == []


def test_tensors_go_as_grpc_bytes_when_shared_memory_has_no_room(client: TritonClient) -> None:
    contract = loaded(client, "nearest-x4")
    status = os.statvfs(SHM)
    slot_bytes = 8 * 512 * 512 * 2 * 3 * 17
    slots = status.f_bavail * status.f_frsize // slot_bytes + 1
    with client.request_pool(contract, batch=8, height=512, width=512, slots=slots, planes=REQUEST) as pool:
        assert pool.transport == "grpc"
        request = pool.acquire()
        fill(request, pictures(1, 512, 512))
        request.submit(1)
        np.testing.assert_array_equal(images_of(*request.result()), enlarged(pictures(1, 512, 512)))


def test_tensors_go_as_grpc_bytes_to_a_server_that_cannot_open_our_memory(tmp_path: Path) -> None:
    apart = ["unshare", "--map-root-user", "--mount"]
    if subprocess.run([*apart, "true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this machine does not let a test have mounts of its own")
    upscalers.write_slow(tmp_path, rounds=100_000)
    upscalers.write_identity(tmp_path)
    own_shm = ["sh", "-c", 'mount -t tmpfs tmpfs /dev/shm && exec "$@"', "sh"]
    command = [*apart, *own_shm, sys.executable, "-m", "tests.support.server_owner", str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True) as owner:
        assert owner.stdout is not None
        try:
            with TritonClient(owner.stdout.readline().strip()) as client:
                answer, report = infer(client, loaded(client, "identity"), pictures(1, 6, 8))
        finally:
            owner.kill()
    assert report.transport == "grpc"
    np.testing.assert_array_equal(answer, pictures(1, 6, 8))


def test_an_answer_of_many_megabytes_comes_as_grpc_bytes(triton: TritonServer) -> None:
    with TritonClient(triton.url, transport="grpc") as client:
        answer, report = infer(client, loaded(client, "nearest-x4"), pictures(2, 640, 640))
    assert report.transport == "grpc"
    np.testing.assert_array_equal(answer, enlarged(pictures(2, 640, 640)))


def test_the_memory_of_a_killed_client_is_freed_by_the_next(
    triton: TritonServer, client: TritonClient
) -> None:
    program = (
        "import os, sys; from orchestrator.triton.client import TritonClient;"
        "client = TritonClient(sys.argv[1]);"
        "client.load('identity'); contract = client.contract('identity');"
        "pool = client.request_pool(contract, batch=1, height=64, width=64, slots=1);"
        "print(pool.memory.region, flush=True); os.kill(os.getpid(), 9)"
    )
    killed = subprocess.run(
        [sys.executable, "-c", program, triton.url], capture_output=True, text=True, check=False, timeout=60
    )
    region = killed.stdout.strip()
    assert region in client._client.get_system_shared_memory_status().regions
    assert not (SHM / region).exists()
    infer(client, loaded(client, "identity"), pictures(1, 4, 4))
    assert region not in client._client.get_system_shared_memory_status().regions


def test_a_result_cannot_be_written_to(ways: dict[Transport, TritonClient]) -> None:
    for client in ways.values():
        with client.request_pool(
            client.contract("nearest-x4", UpscaleContract), batch=1, height=4, width=4, slots=1
        ) as pool:
            request = pool.acquire()
            request.submit(1)
            assert not any(plane.flags.writeable for plane in request.result())


def test_infer_reports_what_the_server_counted(client: TritonClient) -> None:
    answer, report = infer(client, loaded(client, "nearest-x4"), pictures(3, 10, 20))
    assert answer.shape == (3, 40, 80, 3)
    assert report.transport == "shared_memory"
    assert report.total_ms > 0
    assert report.statistics.compute_ms > 0
    assert (report.statistics.requests, report.statistics.images) == (1, 3)
    assert report.statistics.batches == {3: 1}
    assert report.statistics.mean_batch == 3


def test_acquire_waits_until_a_slot_is_released(client: TritonClient) -> None:
    contract = loaded(client, "identity")
    with client.request_pool(contract, batch=1, height=4, width=4, slots=1, planes=REQUEST) as pool:
        request = pool.acquire()
        with pytest.raises(TimeoutError):
            pool.acquire(timeout_s=0.05)
        threading.Timer(0.1, request.release).start()
        assert pool.acquire(timeout_s=10) is request


def test_closing_a_pool_wakes_those_who_wait_and_leaves_no_memory(
    triton: TritonServer, client: TritonClient
) -> None:
    contract = loaded(client, "identity")
    caught: list[WorkerError] = []

    def expect_cancelled(wait: object) -> None:
        try:
            wait()  # type: ignore[operator]
        except WorkerError as exc:
            caught.append(exc)

    pool = client.request_pool(contract, batch=1, height=8, width=8, slots=1)
    request = pool.acquire()
    with suspended(triton):
        request.submit(1)
        waiting = [
            threading.Thread(target=expect_cancelled, args=(wait,)) for wait in (request.result, pool.acquire)
        ]
        for thread in waiting:
            thread.start()
        time.sleep(0.05)
        assert all(thread.is_alive() for thread in waiting)
        closing = threading.Thread(target=pool.close)
        closing.start()
        for thread in waiting:  # they do not wait for the answer
            thread.join(30)
        assert [type(exc) for exc in caught] == [Cancelled, Cancelled]
    closing.join(30)
    assert not closing.is_alive()
    assert own_segments() == []
    answer, _ = infer(client, contract, pictures(1, 8, 8))
    np.testing.assert_array_equal(answer, pictures(1, 8, 8))


def test_a_request_that_takes_too_long_fails_and_its_memory_is_not_used_again(triton: TritonServer) -> None:
    with TritonClient(triton.url, infer_timeout_s=0.05) as client:
        contract = loaded(client, "identity")
        with client.request_pool(contract, batch=1, height=8, width=8, slots=1, planes=REQUEST) as pool:
            request = pool.acquire()
            with suspended(triton):
                request.submit(1)
                with pytest.raises(InferenceFailed, match=r"'identity' on 1 x 8x8: no answer within"):
                    request.result()
                request.release()
                with pytest.raises(InferenceFailed, match="still works on requests that timed out"):
                    pool.acquire(timeout_s=5)


def test_an_answer_that_breaks_the_contract_is_refused(ways: dict[Transport, TritonClient]) -> None:
    for client in ways.values():
        contract = loaded(client, "wrong-scale")
        with pytest.raises(
            InferenceFailed, match=r"'wrong-scale'.*\[1, 2, 20, 40\].*says UINT8 \[1, 2, 40, 80\]"
        ):
            infer(client, contract, pictures(1, 10, 20))


@pytest.mark.parametrize(
    ("count", "height", "width", "complaint"),
    [(9, 8, 8, "1 to 8 images"), (1, 12, 8, "multiples of 8"), (1, 8, 0, "multiples of 8")],
)
def test_refuses_a_shape_that_the_model_does_not_take(
    tmp_path: Path, count: int, height: int, width: int, complaint: str
) -> None:
    upscalers.write_identity(tmp_path, size_multiple=8)
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        contract = loaded(client, "identity")
        with pytest.raises(BadRequest, match=complaint):
            client.request_pool(contract, batch=count, height=height, width=width, slots=1)


def test_says_how_to_list_the_models_if_there_are_many_and_one_is_unknown(tmp_path: Path) -> None:
    for number in range(11):
        upscalers.write_identity(tmp_path, f"identity-{number}")
    complaint = "no model 'quux'; `framewright models list` shows all"
    with (
        TritonServer(tmp_path) as server,
        TritonClient(server.url) as client,
        pytest.raises(UnknownModel, match=complaint),
    ):
        client.load("quux")


def test_says_which_model_may_be_meant_when_one_is_unknown(client: TritonClient) -> None:
    with pytest.raises(UnknownModel, match=r"no model 'nearest-x2'; did you mean 'nearest-x4'\?"):
        client.load("nearest-x2")
    with pytest.raises(UnknownModel, match="no model 'quux'; there are: black, colour-finder, "):
        client.load("quux")
    with pytest.raises(UnknownModel, match="not loaded"):
        client.contract("nearest-x2")
    with pytest.raises(UnknownModel, match="not loaded"):
        client.statistics("nearest-x2")


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "../outside", "identity/../../outside", "identity\0", "identity\n", "a\ud800"],
    ids=ascii,
)
def test_a_name_that_leaves_the_repository_or_ends_early_is_refused(tmp_path: Path, name: str) -> None:
    """Triton treats the name as a path, and ends it at a NUL."""
    upscalers.write_identity(tmp_path, "outside")
    upscalers.write_identity(tmp_path / "models")
    with TritonServer(tmp_path / "models") as server, TritonClient(server.url) as client:
        with pytest.raises(BadRequest, match="cannot name a model") as caught:
            client.load(name)
        assert str(caught.value).isprintable()
        assert [entry.state for entry in client.index()] == [""]


def test_says_why_a_model_cannot_be_loaded(tmp_path: Path) -> None:
    for name in ("no-version", "no-file", "broken-file", "broken-config"):
        upscalers.write_identity(tmp_path, name)
    (tmp_path / "no-version" / "1" / "model.onnx").unlink()
    (tmp_path / "no-version" / "1").rmdir()
    (tmp_path / "no-file" / "1" / "model.onnx").unlink()
    (tmp_path / "broken-file" / "1" / "model.onnx").write_bytes(b"not a model")
    (tmp_path / "broken-config" / "config.pbtxt").write_text("name: nonsense {")
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        for name, _ in itertools.product(("no-version", "no-file"), range(2)):
            with pytest.raises(ModelNotBuilt, match=f"framewright models build {name}"):
                client.load(name)
        with pytest.raises(InferenceFailed, match=r"'broken-file'.*INVALID_PROTOBUF") as caught:
            client.load("broken-file")
        assert "\n" not in str(caught.value)
        with pytest.raises(InferenceFailed, match=r"'broken-config'.*config.pbtxt"):
            client.load("broken-config")
        states = {entry.name: entry.state for entry in client.index()}
    assert states["broken-file"] == "UNAVAILABLE"


def test_loads_only_what_it_is_asked_to_and_unloads_it(tmp_path: Path) -> None:
    upscalers.write_identity(tmp_path)
    upscalers.write_nearest_x4(tmp_path)
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        client.load("identity")
        client.load("identity")
        assert {entry.name: entry.state for entry in client.index()} == {
            "identity": "READY",
            "nearest-x4": "",
        }
        client.unload("identity")
        deadline = time.monotonic() + 60
        while any(entry.state == "READY" for entry in client.index()):
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_loading_again_takes_a_model_that_was_built_anew(tmp_path: Path) -> None:
    folder = upscalers.write_identity(tmp_path, "mine")
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        assert loaded(client, "mine").scale == 1
        shutil.rmtree(folder)
        upscalers.write_nearest_x4(tmp_path, "mine")
        contract = loaded(client, "mine")
        answer, _ = infer(client, contract, pictures(1, 6, 8))
    np.testing.assert_array_equal(answer, enlarged(pictures(1, 6, 8)))


def test_notices_a_server_that_starts_later(tmp_path: Path) -> None:
    with TritonServer(tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
    ready = threading.Event()

    def wait() -> None:
        client.wait_ready(60)
        ready.set()

    with TritonClient(f"127.0.0.1:{port}") as client:
        waiting = threading.Thread(target=wait)
        waiting.start()
        time.sleep(2)
        with TritonServer(tmp_path, grpc_port=port):
            waiting.join(30)
    assert ready.is_set()


def test_uses_a_server_that_loads_its_models_itself(tmp_path: Path, model_repository: Path) -> None:
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "identity").symlink_to(model_repository / "identity")
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    installation = find_installation(scratch)
    with TritonServer(repository) as ours:
        port = int(ours.url.rpartition(":")[2])
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": ":".join(map(str, installation.libraries)),
    }
    server = subprocess.Popen(
        [
            installation.binary,
            f"--model-repository={repository}",
            f"--backend-directory={installation.backends}",
            f"--grpc-port={port}",
            "--allow-http=false",
            "--allow-metrics=false",
        ],
        env=environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        with TritonClient(f"127.0.0.1:{port}") as client:
            client.wait_ready(30)
            answer, _ = infer(client, loaded(client, "identity"), pictures(1, 6, 8))
            np.testing.assert_array_equal(answer, pictures(1, 6, 8))
            with pytest.raises(UnknownModel, match="'nearest-x4'; there are: identity"):
                client.load("nearest-x4")
    finally:
        server.terminate()
        server.wait(60)


def test_a_server_killed_in_the_middle_of_a_request_is_unavailable_at_once(tmp_path: Path) -> None:
    upscalers.write_slow(tmp_path, rounds=100_000)
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        contract = loaded(client, "slow")
        with client.request_pool(contract, batch=1, height=8, width=8, slots=1, planes=REQUEST) as pool:
            request = pool.acquire()
            request.submit(1)
            time.sleep(0.2)
            assert server._reaper is not None
            (process,) = psutil.Process(server._reaper.pid).children()
            process.kill()
            started = time.monotonic()
            with pytest.raises(TritonUnavailable, match=r"died or cannot be reached"):
                request.result()
            assert time.monotonic() - started < 60  # the request may take 600 s
        with pytest.raises(TritonUnavailable):
            client.load("slow")
        assert time.monotonic() - started < 60


def test_says_that_no_server_answers() -> None:
    with TritonClient("127.0.0.1:9") as client:
        assert not client.live()
        with pytest.raises(TritonUnavailable, match=r"no Triton answers at 127\.0\.0\.1:9"):
            client.wait_ready(0.3)


@pytest.mark.parametrize(
    "url", ["", "localhost", "http://localhost:8001", "localhost:", "a b:1", "host:99999999"]
)
def test_refuses_what_is_not_an_address(url: str) -> None:
    with pytest.raises(BadRequest, match="HOST:PORT"):
        TritonClient(url)


def marked(*pixels: tuple[int, int, int]) -> NDArray[np.uint8]:
    """Return images for `detectors.write_detector`, each with its first pixel."""
    images = pictures(len(pixels), 32, 64)
    images[:, 0, 0] = pixels
    return images


def wait_for_images(client: TritonClient, model: str, count: int) -> None:
    """Wait until Triton has counted that many images; it may count a request after it has answered it."""
    until(lambda: client.statistics(model).images == count)


@pytest.mark.parametrize("transport", ["cuda_shared_memory", "shared_memory", "grpc"])
def test_a_detectors_answer_is_the_boxes_of_each_image_over_any_transport(
    ways: dict[Transport, TritonClient], transport: Transport
) -> None:
    client = ways[transport]
    client.load("detector")
    contract = client.contract("detector", DetectContract)
    before = client.statistics("detector")
    with client.request_pool(contract, batch=4, height=32, width=64, slots=2) as pool:
        for count in (4, 3):
            request = pool.acquire()
            request.inputs[0][:] = marked((3, 0, 7), (0, 0, 1), (255, 45, 79), (1, 1, 0))
            request.submit(count)
            found = request.result()
            assert [boxes.shape for boxes in found] == [(3, 6), (0, 6), (300, 6), (2, 6)][:count]
            np.testing.assert_allclose(found[0][1], [1, 1, 11, 21, 0.999, 7], rtol=1e-6)
            assert {boxes.dtype for boxes in found} == {np.dtype(np.float32)}
            assert set(found[2][:, 5]) == {79}
            assert not found[0].flags.writeable
            request.release()
        assert pool.transport == transport
    compared = 4 * 4 if transport == "cuda_shared_memory" else 0  # two requests, both ways
    wait_for_images(client, "detector", before.images + 7 + compared)
    (kept,), report = client.infer(contract, marked((5, 0, 2)))
    assert len(kept) == 5
    assert report.statistics.images == (3 if compared else 1)
    assert own_segments() == []


@pytest.mark.parametrize(
    ("pixel", "complaint"),
    [
        ((5, 0, 255), "values that are no numbers"),
        ((0, 0, 255), "values that are no numbers"),
        ((255, 60, 0), "315 boxes in an image, not 0 to 300"),
        ((5, 0, 80), "class 80, not 0 to 79"),
    ],
)
def test_a_detector_that_gives_nonsense_fails_by_name(
    client: TritonClient, pixel: tuple[int, int, int], complaint: str
) -> None:
    client.load("detector")
    contract = client.contract("detector", DetectContract)
    with pytest.raises(InferenceFailed, match=f"'detector'.*{complaint}") as caught:
        client.infer(contract, marked((1, 0, 0), pixel))
    assert "\n" not in str(caught.value)


def test_a_model_for_another_task_is_refused_by_name(client: TritonClient) -> None:
    for model, kind in (("detector", UpscaleContract), ("identity", DetectContract)):
        client.load(model)
        with pytest.raises(BadRequest, match=f"'{model}' is for the task .* not '{kind.task}'"):
            client.contract(model, kind)


def test_a_detector_whose_graph_is_not_its_config_does_not_get_ready(tmp_path: Path) -> None:
    detectors.write_detector(tmp_path, "short", rows=100)
    folder = detectors.write_detector(tmp_path, "promises-less", rows=100)
    text = (folder / "config.pbtxt").read_text()
    (folder / "config.pbtxt").write_text(text.replace("[ 300, 6 ]", "[ 100, 6 ]"))
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        with pytest.raises(InferenceFailed, match=r"'short'.*'detections'.*\[-1, 100, 6\]"):
            client.load("short")
        client.load("promises-less")
        assert client.contract("promises-less", DetectContract).max_detections == 100
