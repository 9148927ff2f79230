"""Tests starting and stopping a tritonserver, also after kills, and that it leaves nothing behind."""

from __future__ import annotations

import logging
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from orchestrator.errors import BadRequest, TritonUnavailable
from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tools.fixtures import upscalers

SHM = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory


def family(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def reaper(server: TritonServer) -> psutil.Process:
    assert server._reaper is not None
    return psutil.Process(server._reaper.pid)


def traces(pid: int) -> set[Path]:
    """Return the shared memory of this process and its servers in /dev/shm."""
    return set(SHM.glob(f"framewright-*-{pid}-*"))


def scratch_folders(pid: int) -> list[Path]:
    return list(Path(tempfile.gettempdir()).glob(f"framewright-*-{pid}-*"))


def is_alive(server: TritonServer) -> bool:
    return server.alive


@pytest.fixture
def slow_repository(tmp_path: Path) -> Path:
    upscalers.write_slow(tmp_path, rounds=100_000)
    return tmp_path


@pytest.fixture
def owner(slow_repository: Path) -> Iterator[subprocess.Popen[str]]:
    """A process with a server and a request in flight, alone in its process group as in a terminal."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.server_owner", str(slow_repository)],
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("127.0.0.1:")
        yield process
        process.kill()


def test_runs_on_loopback_and_leaves_nothing_behind(tmp_path: Path) -> None:
    upscalers.write_identity(tmp_path)
    folders, segments = scratch_folders(os.getpid()), traces(os.getpid())
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        client.load("identity")
        processes = [reaper(server), *family(reaper(server).pid)]
        names = {process.name()[:15] for process in processes}
        assert {"tritonserver", "triton_python_b"} <= names
        addresses = {
            connection.laddr.ip.removeprefix("::ffff:")
            for process in processes
            for connection in process.net_connections()
            if connection.status == psutil.CONN_LISTEN
        }
        assert addresses == {"127.0.0.1"}
        assert is_alive(server)
        assert traces(os.getpid()) > segments
        with urllib.request.urlopen(server.metrics_url, timeout=5) as answer:  # noqa: S310  it is http
            assert b"nv_inference_request_success" in answer.read()
        with urllib.request.urlopen(f"{server.http_url}/v2/health/ready", timeout=5) as answer:  # noqa: S310
            assert answer.status == 200
    assert not is_alive(server)
    assert not any(process.is_running() for process in processes)
    assert scratch_folders(os.getpid()) == folders
    assert traces(os.getpid()) == segments


@pytest.mark.parametrize(("room", "large"), [(2**30, True), (64 * 2**20, False)], ids=["1 GiB", "64 MiB"])
def test_takes_a_large_pool_where_shared_memory_has_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int, *, large: bool
) -> None:
    upscalers.write_identity(tmp_path)
    monkeypatch.setattr("orchestrator.triton.posix_shared_memory.free_bytes", lambda: room)
    before = traces(os.getpid())
    with TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        client.load("identity")
        pools = [path.stat().st_size for path in traces(os.getpid()) - before]
    assert (max(pools) >= 32 * 2**20) is large


def test_two_servers_run_side_by_side(model_repository: Path) -> None:
    with TritonServer(model_repository) as one, TritonServer(model_repository) as other:
        assert one.url != other.url
        with TritonClient(one.url) as client:
            client.load("identity")
        with TritonClient(other.url) as client:
            assert {entry.state for entry in client.index()} == {""}


def test_says_which_port_is_taken(model_repository: Path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        with pytest.raises(TritonUnavailable, match=rf"127\.0\.0\.1:{port} is already in use") as caught:
            TritonServer(model_repository, grpc_port=port).__enter__()
    assert "\n" not in str(caught.value)


def test_a_repository_that_is_not_there_is_the_callers_mistake(tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="there is no model repository"):
        TritonServer(tmp_path / "nothing").__enter__()


def test_says_in_one_line_why_the_server_died_and_logs_its_last_lines(
    model_repository: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        caplog.at_level(logging.ERROR),
        pytest.raises(TritonUnavailable, match="died as it started") as caught,
    ):
        TritonServer(
            model_repository, host="203.0.113.1", grpc_port=1, http_port=1, metrics_port=1
        ).__enter__()
    assert "\n" not in str(caught.value)
    assert "203.0.113.1" in caplog.text


def test_a_server_that_is_killed_is_noticed_and_its_backends_end(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    upscalers.write_identity(tmp_path)
    with caplog.at_level(logging.ERROR), TritonServer(tmp_path) as server, TritonClient(server.url) as client:
        client.load("identity")
        processes = family(reaper(server).pid)
        reaper(server).children()[0].kill()
        assert server.wait() == 128 + signal.SIGKILL
        assert not server.alive
        assert psutil.wait_procs(processes, timeout=30)[1] == []
        assert any("identity" in line for line in server.log_tail())
        deadline = time.monotonic() + 30  # a thread reads the log to its end
        while "ended by itself" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.05)
    assert "ended by itself" in caplog.text


def test_lives_on_when_the_thread_that_started_it_ends(model_repository: Path) -> None:
    server = TritonServer(model_repository)
    thread = threading.Thread(target=server.__enter__)
    thread.start()
    thread.join()
    try:
        with TritonClient(server.url) as client:
            client.load("identity")
        assert server.alive
    finally:
        server.stop()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGHUP])
def test_nothing_is_left_when_the_owner_is_ended_by(
    owner: subprocess.Popen[str], number: signal.Signals
) -> None:
    assert scratch_folders(owner.pid)
    processes = family(owner.pid)
    assert len(processes) >= 3
    os.killpg(owner.pid, number)
    owner.wait(30)
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    assert traces(owner.pid) == set()
    assert scratch_folders(owner.pid) == []


def test_the_server_ends_with_its_reaper_and_the_next_start_removes_what_is_left(
    owner: subprocess.Popen[str], model_repository: Path
) -> None:
    guard, *processes = family(owner.pid)
    assert guard.ppid() == owner.pid
    owner.send_signal(signal.SIGSTOP)  # or it would clean up itself
    guard.kill()
    assert psutil.wait_procs(processes, timeout=30)[1] == []
    owner.kill()
    owner.wait()
    assert traces(owner.pid)
    assert scratch_folders(owner.pid)
    with TritonServer(model_repository):
        assert traces(owner.pid) == set()
        assert scratch_folders(owner.pid) == []


def test_segments_of_living_processes_are_left_alone(
    owner: subprocess.Popen[str], model_repository: Path
) -> None:
    before = traces(owner.pid)
    assert before
    with TritonServer(model_repository):
        assert traces(owner.pid) == before
