"""Tests our onnxruntime backend, written in Python, in a real tritonserver."""

from __future__ import annotations

import os
import resource
import shutil
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import psutil
import pytest
import tritonclient.grpc as triton

from orchestrator.errors import InferenceFailed, ModelOutOfMemory
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tests.support.nearest import enlarged, loaded, pictures
from tools.fixtures import upscalers
from tools.fixtures.rgb_planes import REQUEST, fill, images_of, infer


def stubs(server: TritonServer) -> list[psutil.Process]:
    assert server._reaper is not None
    family = psutil.Process(server._reaper.pid).children(recursive=True)
    return [process for process in family if process.name().startswith("triton_python")]


def test_merges_concurrent_requests_and_gives_each_its_own_answer(tmp_path: Path) -> None:
    upscalers.write_nearest_x4(tmp_path, delay_us=100_000)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        contract = loaded(client, "nearest-x4")
        with client.request_pool(contract, batch=2, height=24, width=40, slots=8, planes=REQUEST) as pool:
            requests = [pool.acquire() for _ in range(8)]
            for seed, request in enumerate(requests):
                fill(request, pictures(2, 24, 40, seed))
                request.submit(2 - seed % 2)
            for seed, request in enumerate(requests):
                sent = pictures(2, 24, 40, seed)[: 2 - seed % 2]
                np.testing.assert_array_equal(images_of(*request.result()), enlarged(sent))
        figures = client.statistics("nearest-x4")
    assert (figures.requests, figures.images) == (8, 12)
    assert figures.executions < 8
    assert max(figures.batches) > 2


def test_answers_requests_of_different_shapes_that_come_together(client: TritonClient) -> None:
    contract = loaded(client, "nearest-x4")
    batches = [pictures(1, 8 + 2 * size, 16, size) for size in range(12)]
    with ThreadPoolExecutor(12) as threads:
        answers = list(threads.map(lambda images: infer(client, contract, images)[0], batches))
    for images, answer in zip(batches, answers, strict=True):
        np.testing.assert_array_equal(answer, enlarged(images))


def test_a_model_whose_answers_vary_with_the_values_is_answered_right(tmp_path: Path) -> None:
    upscalers.write_rows_as_told(tmp_path)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        client.load("rows-as-told")
        for rows in (3, 3, 5, 2, 3):
            sent = []
            for name, shape in (("luma", (1, 1, 4, 4)), ("chroma", (1, 2, 1, 4, 4)), ("colour", (1, 40))):
                tensor = triton.InferInput(name, list(shape), "FP32" if name == "colour" else "UINT8")
                tensor.set_data_from_numpy(np.full(shape, rows, np.float32 if name == "colour" else np.uint8))
                sent.append(tensor)
            answer = client._client.infer("rows-as-told", sent).as_numpy("upscaled_luma")
            np.testing.assert_array_equal(answer, np.full((1, 1, rows, 4), rows, np.uint8))


def test_goes_on_serving_after_a_request_did_not_fit_into_memory(tmp_path: Path) -> None:
    upscalers.write_memory_hungry(tmp_path)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        contract = loaded(client, "memory-hungry")
        (stub,) = stubs(server)
        limit = stub.memory_info().vms + 300 * 2**20
        resource.prlimit(stub.pid, resource.RLIMIT_AS, (limit, limit))
        for _ in range(3):
            with pytest.raises(ModelOutOfMemory, match=r"'memory-hungry' on 1 x 128x128.*too little memory"):
                infer(client, contract, pictures(1, 128, 128))
            answer, _ = infer(client, contract, pictures(1, 32, 32))
            np.testing.assert_array_equal(answer, pictures(1, 32, 32))
        assert stub.is_running()


def test_runs_requests_alone_that_do_not_fit_into_memory_together(tmp_path: Path) -> None:
    upscalers.write_memory_hungry(tmp_path, delay_us=200_000)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        contract = loaded(client, "memory-hungry")
        (stub,) = stubs(server)
        limit = stub.memory_info().vms + 300 * 2**20
        resource.prlimit(stub.pid, resource.RLIMIT_AS, (limit, limit))
        with client.request_pool(contract, batch=1, height=32, width=32, slots=8, planes=REQUEST) as pool:
            requests = [pool.acquire() for _ in range(8)]
            for seed, request in enumerate(requests):
                fill(request, pictures(1, 32, 32, seed))
                request.submit(1)
            for seed, request in enumerate(requests):
                np.testing.assert_array_equal(images_of(*request.result()), pictures(1, 32, 32, seed))
        assert max(client.statistics("memory-hungry").batches) > 4


def test_a_model_whose_process_was_killed_is_out_of_memory_and_comes_back(tmp_path: Path) -> None:
    upscalers.write_identity(tmp_path)
    with TritonServer(tmp_path) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        contract = loaded(client, "identity")
        (stub,) = stubs(server)
        os.kill(stub.pid, signal.SIGKILL)
        started = time.monotonic()
        with pytest.raises(ModelOutOfMemory, match=r"'identity'.*died"):
            infer(client, contract, pictures(1, 8, 8))
        assert time.monotonic() - started < 20  # not only after the timeout of the request
        answer, _ = infer(client, contract, pictures(1, 8, 8))
        np.testing.assert_array_equal(answer, pictures(1, 8, 8))


def test_takes_as_many_threads_as_the_config_says(tmp_path: Path) -> None:
    threads = {}
    for count in (1, 5):
        folder = upscalers.write_identity(tmp_path, f"identity-{count}")
        with (folder / "config.pbtxt").open("a") as file:
            file.write(f'parameters {{ key: "intra_op_thread_count" value {{ string_value: "{count}" }} }}\n')
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        for count in (1, 5):
            client.load(f"identity-{count}")
            (stub,) = stubs(server)
            threads[count] = stub.num_threads()
            client.unload(f"identity-{count}")
            psutil.wait_procs([stub], timeout=10)
    cores = len(os.sched_getaffinity(0))
    # A session has one thread less than an image, as that which asks works too: one for each image at once.
    wanted = {count: count - 1 + max(1, min(8, cores // count)) for count in threads}
    assert threads[5] - threads[1] == wanted[5] - wanted[1]


def test_refuses_a_model_whose_tensors_are_not_the_config_s(tmp_path: Path) -> None:
    folder = upscalers.write_identity(tmp_path)
    text = (folder / "config.pbtxt").read_text()
    (folder / "config.pbtxt").write_text(text.replace('"upscaled_luma"', '"enlarged"'))
    with (
        TritonServer(tmp_path) as server,
        TritonClient(server.url) as client,
        pytest.raises(InferenceFailed, match=r"'identity'.*outputs \['enlarged', .*has \['upscaled_luma', "),
    ):
        client.load("identity")


@pytest.mark.parametrize(
    "filename",
    ["../../secret.onnx", "1/../../secret.onnx", "/{root}/secret.onnx", "link.onnx", "folder/secret.onnx"],
)
def test_a_model_file_outside_of_its_version_s_folder_is_not_opened(tmp_path: Path, filename: str) -> None:
    folder = upscalers.write_identity(tmp_path / "models")
    secret = tmp_path / "models" / "secret.onnx"
    shutil.copy(folder / "1" / "model.onnx", secret)
    (folder / "1" / "link.onnx").symlink_to(secret)
    (folder / "1" / "folder").symlink_to(secret.parent)
    (folder / "1" / "1").mkdir()
    filename = filename.format(root=secret.parent)
    with (folder / "config.pbtxt").open("a") as file:
        file.write(f'default_model_filename: "{filename}"\n')
    with (
        TritonServer(tmp_path / "models") as server,
        TritonClient(server.url) as client,
        pytest.raises(InferenceFailed, match="is not in the folder of the model's version"),
    ):
        client.load("identity")


def test_a_model_file_of_another_name_and_a_linked_model_are_served(tmp_path: Path) -> None:
    named, linked = upscalers.write_identity(tmp_path, "named"), upscalers.write_identity(tmp_path, "linked")
    (named / "1" / "deeper").mkdir()
    (named / "1" / "model.onnx").rename(named / "1" / "deeper" / "other.onnx")
    with (named / "config.pbtxt").open("a") as file:
        file.write('default_model_filename: "deeper/other.onnx"\n')
    (linked / "1" / "model.onnx").rename(tmp_path / "on-a-volume.onnx")
    (linked / "1" / "model.onnx").symlink_to(tmp_path / "on-a-volume.onnx")
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        for name in ("named", "linked"):
            answer, _ = infer(client, loaded(client, name), pictures(1, 4, 4))
            np.testing.assert_array_equal(answer, pictures(1, 4, 4))


def test_serves_a_repository_whose_path_has_spaces(tmp_path: Path, model_repository: Path) -> None:
    spaced = tmp_path / "my own models"
    shutil.copytree(model_repository / "identity", spaced / "identity")
    with TritonServer(spaced) as server, TritonClient(server.url) as client:
        answer, _ = infer(client, loaded(client, "identity"), pictures(1, 4, 4))
    np.testing.assert_array_equal(answer, pictures(1, 4, 4))


def test_reports_nothing_to_onnxruntime_s_maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its telemetry would keep an identifier of the machine in the home folder."""
    (tmp_path / "home").mkdir()
    for name in ("XDG_CACHE_HOME", "CI", "ORT_DISABLE_TELEMETRY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    upscalers.write_identity(tmp_path / "models")
    with TritonServer(tmp_path / "models") as server, TritonClient(server.url) as client:
        infer(client, loaded(client, "identity"), pictures(1, 4, 4))
    assert list((tmp_path / "home").rglob("*")) == []
