"""Tests that a tritonserver obeys only callers with its key, and that nobody else can read key or memory."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import stat
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
from tritonclient import grpc
from tritonclient.utils import InferenceServerException

from orchestrator.errors import BadRequest, InferenceFailed
from orchestrator.settings import PROJECT_ROOT, Settings
from orchestrator.triton import launch
from orchestrator.triton import posix_shared_memory as shared_memory
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from orchestrator.triton.find_servers import key_of
from orchestrator.triton.installation import find_installation
from orchestrator.triton.server import TritonServer
from tools.fixtures import upscalers
from tools.fixtures.rgb_planes import infer

SHM = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory
NOBODY = 65534
SECRETS = {
    "RUNPOD_API_KEY": "secret-of-runpod",
    "AWS_SECRET_ACCESS_KEY": "secret-of-aws",
    "FRAMEWRIGHT_S3_SECRET_ACCESS_KEY": "secret-of-s3",
    "INPUT_URL": "https://bucket.example/in.mp4?X-Amz-Signature=secret-signature",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A server whose owner has secrets in its environment; it has loaded `nearest-x4`."""
    repository = tmp_path_factory.mktemp("repository")
    upscalers.write_nearest_x4(repository)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in SECRETS.items():
            patch.setenv(name, value)
        with TritonServer(repository) as running, TritonClient(running.url) as client:
            client.load("nearest-x4")
            yield running


@pytest.fixture
def stranger(server: TritonServer) -> Iterator[grpc.InferenceServerClient]:
    """A client that knows only the port."""
    with grpc.InferenceServerClient(server.url) as client:
        yield client


def port_of(server: TritonServer) -> int:
    return int(server.url.rpartition(":")[2])


def known_key(server: TritonServer) -> str:
    key = key_of(port_of(server))
    assert key is not None
    return key


def family(server: TritonServer) -> dict[str, psutil.Process]:
    """Return the reaper, tritonserver and the process of the model."""
    assert server._reaper is not None
    reaper = psutil.Process(server._reaper.pid)
    found = {process.name(): process for process in reaper.children(recursive=True)}
    assert {"tritonserver", "triton_python_b"} <= {name[:15] for name in found}
    return {"reaper": reaper} | found


def ask(
    server: TritonServer, path: str, body: Any = None, *, key: str | None = None, method: str | None = None
) -> tuple[int, str]:
    """Send what a web page can send without asking the server first: text/plain, an Origin, any body."""
    headers = {"Content-Type": "text/plain", "Origin": "https://evil.example", "Host": "evil.example"}
    if key is not None:
        headers[launch.HEADER] = key
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(server.http_url + path, data, headers, method=method)  # noqa: S310  it is http
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as exc:
        return exc.code, exc.read().decode()


def code_that_writes(marker: Path) -> dict[str, Any]:
    """Return the parameters of a load that carries a model of Python code."""
    code = (
        f"open({str(marker)!r}, 'w').close()\nclass TritonPythonModel:\n    def execute(self, _): return []\n"
    )
    config = {
        "backend": "python",
        "max_batch_size": 1,
        "input": [{"name": "a", "data_type": "TYPE_UINT8", "dims": [1]}],
        "output": [{"name": "b", "data_type": "TYPE_UINT8", "dims": [1]}],
    }
    return {"config": json.dumps(config), "file:1/model.py": base64.b64encode(code.encode()).decode()}


@pytest.mark.parametrize("model", ["nearest-x4", "another"])
def test_code_sent_by_a_stranger_does_not_run(
    server: TritonServer, stranger: grpc.InferenceServerClient, tmp_path: Path, model: str
) -> None:
    marker = tmp_path / "it ran"
    parameters = code_that_writes(marker)
    path = f"/v2/repository/models/{model}/load"
    for key in (None, "", "wrong", known_key(server)[:-1]):
        status, answer = ask(server, path, {"parameters": parameters}, key=key)
        assert (status, "restricted" in answer) == (403, True)
    files = {"file:1/model.py": base64.b64decode(parameters["file:1/model.py"])}
    with pytest.raises(InferenceServerException, match="restricted"):
        stranger.load_model(model, config=parameters["config"], files=files)
    assert not marker.exists()


def test_code_in_a_model_does_not_run_even_for_who_has_the_key(server: TritonServer, tmp_path: Path) -> None:
    marker = tmp_path / "it ran"
    path = "/v2/repository/models/another/load"
    status, answer = ask(server, path, {"parameters": code_that_writes(marker)}, key=known_key(server))
    assert status == 400
    assert "unable to find backend library for backend 'python'" in answer
    assert not marker.exists()


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v2/repository/index", {}),
        ("/v2/repository/models/nearest-x4/load", {}),
        ("/v2/repository/models/nearest-x4/unload", {}),
        ("/v2/systemsharedmemory/status", None),
        ("/v2/systemsharedmemory/region/x/register", {"key": "/x", "offset": 0, "byte_size": 1}),
        ("/v2/systemsharedmemory/unregister", {}),
        ("/v2/cudasharedmemory/status", None),
        ("/v2/cudasharedmemory/unregister", {}),
        ("/v2/trace/setting", None),
        ("/v2/trace/setting", {"trace_file": "/tmp/x", "trace_level": ["TIMESTAMPS"]}),  # noqa: S108  never made
        ("/v2/models/nearest-x4/trace/setting", {"trace_rate": "1"}),
        ("/v2/logging", None),
        ("/v2/logging", {"log_verbose_level": 9}),
        ("/v2/models/nearest-x4/infer", {"inputs": []}),
        ("/v2/models/nearest-x4/generate", {}),
    ],
)
def test_what_changes_the_server_or_gives_it_work_is_refused_over_http(
    server: TritonServer, path: str, body: dict[str, Any] | None
) -> None:
    status, answer = ask(server, path, body)
    assert (status, "restricted" in answer) == (403, True)
    status, _ = ask(server, path, body, key="0" * 32)
    assert status == 403


def test_what_changes_the_server_or_gives_it_work_is_refused_over_grpc(
    stranger: grpc.InferenceServerClient,
) -> None:
    image = grpc.InferInput("image", [1, 1, 1, 3], "UINT8")
    image.set_data_from_numpy(np.zeros((1, 1, 1, 3), np.uint8))
    calls: list[Callable[[], Any]] = [
        stranger.get_model_repository_index,
        lambda: stranger.load_model("nearest-x4"),
        lambda: stranger.unload_model("nearest-x4"),
        stranger.get_system_shared_memory_status,
        lambda: stranger.register_system_shared_memory("x", "/x", 1),
        stranger.unregister_system_shared_memory,
        stranger.get_cuda_shared_memory_status,
        stranger.unregister_cuda_shared_memory,
        stranger.get_trace_settings,
        lambda: stranger.update_trace_settings(settings={"trace_rate": "1"}),
        stranger.get_log_settings,
        lambda: stranger.update_log_settings({"log_verbose_level": 9}),
        lambda: stranger.infer("nearest-x4", [image]),
    ]
    for call in calls:
        with pytest.raises(InferenceServerException, match="restricted"):
            call()


def test_what_only_tells_is_open_and_with_the_key_all_is(server: TritonServer) -> None:
    for path in (
        "",
        "/health/live",
        "/models/nearest-x4/ready",
        "/models/nearest-x4",
        "/models/nearest-x4/config",
        "/models/nearest-x4/stats",
    ):
        assert ask(server, f"/v2{path}")[0] == 200, path
    status, answer = ask(server, "/v2/repository/index", {}, key=known_key(server))
    assert status == 200
    assert [entry["name"] for entry in json.loads(answer)] == ["nearest-x4"]


def test_the_key_is_in_no_command_line_even_for_a_moment(tmp_path: Path) -> None:
    upscalers.write_nearest_x4(tmp_path)
    seen: set[bytes] = set()
    done = threading.Event()

    def look() -> None:
        while not done.is_set():
            for process in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    seen.add(process.read_bytes())
                except OSError:
                    continue

    looking = threading.Thread(target=look)
    looking.start()
    try:
        with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
            client.load("nearest-x4")
            key = known_key(server)
            ours = [line for line in seen if str(tmp_path).encode() in line]
            log = "\n".join(server.log_tail(1000))
    finally:
        done.set()
        looking.join()
    assert len(key) == 32
    assert any(b"tritonserver\0" in line for line in ours)
    assert not [line for line in seen if key.encode() in line]
    assert "nearest-x4" in log
    assert key not in log


def test_the_key_is_another_at_every_start(tmp_path: Path) -> None:
    with TritonServer(tmp_path) as one, TritonServer(tmp_path) as other:
        assert known_key(one) != known_key(other)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_another_user_finds_neither_the_key_nor_the_tensors(server: TritonServer) -> None:
    tritonserver = family(server)["tritonserver"].pid
    pools = [str(path) for path in SHM.glob(f"framewright-*-{os.getpid()}-*")]
    assert pools
    script = (
        "import sys\n"
        "for path in sys.argv[1:]:\n"
        "    try: print('read', path, len(open(path, 'rb').read(1)))\n"
        "    except PermissionError: print('refused', path)\n"
    )
    paths = [f"/proc/{tritonserver}/environ", *pools]
    ended = subprocess.run(
        ["/usr/bin/python3", "-c", script, *paths],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout.splitlines() == [f"refused {path}" for path in paths]


def test_shared_memory_is_for_its_own_user_only(server: TritonServer) -> None:
    with TritonClient(server.url) as client:
        contract = client.contract("nearest-x4", UpscaleContract)
        images = np.zeros((2, 512, 512, 3), np.uint8)  # 50 MB of output: the pool has to grow
        infer(client, contract, images)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in SHM.glob(f"framewright-*-{os.getpid()}-*")}
    assert modes
    assert set(modes.values()) == {0o600}, modes


def test_our_own_slots_are_for_our_own_user_only() -> None:
    before = os.umask(0)
    try:
        segment = shared_memory.Segment(4096)
    finally:
        os.umask(before)
    try:
        assert stat.S_IMODE((SHM / segment.key[1:]).stat().st_mode) == 0o600
    finally:
        segment.remove_name()
        segment.memory.close()


def test_a_region_has_a_name_that_cannot_be_guessed(server: TritonServer) -> None:
    """Otherwise, other clients could name the region in requests, and so read and write our tensors."""
    with TritonClient(server.url) as client:
        contract = client.contract("nearest-x4", UpscaleContract)
        with (
            client.request_pool(contract, batch=1, height=4, width=4, slots=1) as pool,
            client.request_pool(contract, batch=1, height=4, width=4, slots=1) as other,
        ):
            assert pool.memory is not None
            assert other.memory is not None
            assert pool.memory.region[-32:] != other.memory.region[-32:]
            assert int(pool.memory.region[-32:], 16) > 0


def test_no_secret_of_the_owner_reaches_the_server_and_none_writes_a_core_file(server: TritonServer) -> None:
    for name, process in family(server).items():
        variables = process.environ()
        assert variables["PATH"], name
        assert not [
            value for value in variables.values() if any(secret in value for secret in SECRETS.values())
        ], name
        if name != "reaper":
            assert process.rlimit(psutil.RLIMIT_CORE) == (0, 0), name


def test_a_client_is_given_the_key_where_it_cannot_be_found(
    server: TritonServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = known_key(server)
    monkeypatch.setattr("orchestrator.triton.server_key.key_of", lambda _port: None)
    with TritonClient(server.url, key=key) as client:
        client.load("nearest-x4")
        image = np.arange(12, dtype=np.uint8).reshape(1, 2, 2, 3)
        upscaled, report = infer(client, client.contract("nearest-x4", UpscaleContract), image)
        assert report.transport == "shared_memory"
        assert np.array_equal(np.asarray(upscaled), image.repeat(4, 1).repeat(4, 2))
    for wrong in (None, "0" * 32):
        with TritonClient(server.url, key=wrong) as client:
            for call in (
                client.index,
                lambda: client.load("nearest-x4"),
                lambda: client.unload("nearest-x4"),
            ):
                with pytest.raises(InferenceFailed, match="asks for its key: set FRAMEWRIGHT_TRITON_KEY"):
                    call()


def test_a_client_finds_the_key_of_the_server_that_comes_after(tmp_path: Path) -> None:
    upscalers.write_nearest_x4(tmp_path)
    with TritonServer(tmp_path) as first, TritonClient(first.url) as client:
        client.load("nearest-x4")
        first.stop()
        with TritonServer(tmp_path, grpc_port=port_of(first)):
            client.wait_ready(30)
            client.load("nearest-x4")
            assert [entry.state for entry in client.index()] == ["READY"]


def test_a_server_in_another_network_is_not_asked_for_its_key(tmp_path: Path) -> None:
    def process(number: str, network: str, key: str) -> None:
        folder = tmp_path / number
        (folder / "ns").mkdir(parents=True)
        (folder / "ns" / "net").symlink_to(network)
        (folder / "cmdline").write_text("/bin/tritonserver\0--grpc-port=8001\0")
        (folder / "environ").write_text(f"A=b\0FRAMEWRIGHT_TRITON_KEY={key}\0")

    process("11", "net:[2]", "container")
    process("self", "net:[1]", "")
    assert key_of(8001, tmp_path) is None
    process("12", "net:[1]", "here")
    assert key_of(8001, tmp_path) == "here"
    assert key_of(8002, tmp_path) is None


def test_a_setting_gives_the_key_of_a_server_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FRAMEWRIGHT_TRITON_KEY", "4f2a-_Z")
    settings = Settings.from_env()
    assert settings.triton_key == "4f2a-_Z"
    assert "4f2a" not in repr(settings)
    monkeypatch.setenv("FRAMEWRIGHT_TRITON_KEY", "with space")
    with pytest.raises(BadRequest, match="FRAMEWRIGHT_TRITON_KEY") as caught:
        Settings.from_env()
    assert "with space" not in str(caught.value)


SHOW = [
    sys.executable,
    "-c",
    "import sys, os; print(sys.argv[1:]); print(open('/proc/self/cmdline').read().count('k3' + 'y'))",
]
"""A program that says which options it has, and how often the key is in its command line."""

OPTIONS = [
    f"--{kind}=inference,shared-memory,model-repository,trace,logging:framewright-key=k3y"
    for kind in ("http-restricted-api", "grpc-restricted-protocol")
]
LAUNCH = [sys.executable, str(PROJECT_ROOT / "orchestrator" / "triton" / "launch.py")]


def test_in_a_container_the_launcher_gives_a_server_the_key_of_its_environment() -> None:
    ended = subprocess.run(
        [*LAUNCH, *SHOW, "--id=x"],
        env={launch.KEY_VARIABLE: "k3y"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ended.stdout == f"{['--id=x', *OPTIONS]}\n0\n"


def test_a_server_of_the_launcher_obeys_only_its_key(tmp_path: Path) -> None:
    """The server is started as in README.md and Dockerfile.triton."""
    repository, scratch = tmp_path / "models", tmp_path / "scratch"
    scratch.mkdir()
    upscalers.write_nearest_x4(repository)
    found = find_installation(scratch)
    with ExitStack() as held:
        ports = []
        for _ in range(3):
            listener = held.enter_context(socket.socket())
            listener.bind(("127.0.0.1", 0))
            ports.append(listener.getsockname()[1])
    options = [f"--{kind}-port={port}" for kind, port in zip(("grpc", "http", "metrics"), ports, strict=True)]
    command = [
        *LAUNCH,
        str(found.binary),
        f"--model-repository={repository}",
        f"--backend-directory={found.backends}",
        "--model-control-mode=explicit",
        "--disable-auto-complete-config",
        *options,
    ]
    environment = os.environ | {
        launch.KEY_VARIABLE: "k3y",
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": ":".join(map(str, found.libraries)),
    }
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT
    ) as server:
        try:
            with TritonClient(f"127.0.0.1:{ports[0]}") as client:
                client.wait_ready(60)
                client.load("nearest-x4")  # the key is found, since it is our own user's
                assert [entry.state for entry in client.index()] == ["READY"]
            with (
                grpc.InferenceServerClient(f"127.0.0.1:{ports[0]}") as stranger,
                pytest.raises(InferenceServerException, match="restricted"),
            ):
                stranger.unload_model("nearest-x4")
        finally:
            server.terminate()
        assert server.wait(30) == 0


@pytest.mark.parametrize("key", [None, "", "a b", "a=b"])
def test_the_launcher_starts_nothing_without_a_key(key: str | None) -> None:
    given = {} if key is None else {launch.KEY_VARIABLE: key}
    ended = subprocess.run([*LAUNCH, *SHOW], env=given, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert "set FRAMEWRIGHT_TRITON_KEY to a random one: openssl rand -hex 16" in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_launcher_passes_on_its_arguments_and_the_exit_code(number: signal.Signals) -> None:
    script = "trap 'echo told; exit 7' TERM; echo ready; while :; do sleep 0.05; done"
    with subprocess.Popen(
        [*LAUNCH, "sh", "-c", script],
        env=os.environ | {launch.KEY_VARIABLE: "k3y"},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        process.send_signal(number)
        assert process.stdout.readline() == "told\n"
        assert process.wait(10) == 7


def test_where_options_cannot_be_hidden_the_server_starts_and_its_log_says_so(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def refused(request: int, _pid: int) -> None:
        raise PermissionError(request)

    monkeypatch.setattr(launch, "_ptrace", refused)
    assert launch.start([*SHOW], key="k3y").wait(30) == 0
    ended = capfd.readouterr().out.splitlines()
    assert "whoever can list processes here can read Triton's key" in ended[0]
    assert ended[1:] == [str(OPTIONS), "2"]


def test_a_program_that_is_not_there_is_reported_as_such() -> None:
    with pytest.raises(FileNotFoundError):
        launch.start(["/nowhere/tritonserver"], key="k3y")
