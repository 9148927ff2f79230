"""Tests that a tritonserver that died is restarted, and that its remains are removed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from orchestrator.errors import TritonUnavailable
from orchestrator.triton import server
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from orchestrator.triton.supervisor import Supervisor
from tests.support.server_processes import kill, left_behind, others_left_alone, stubs, tritonservers, until
from tools.fixtures import upscalers


@pytest.fixture(scope="module", autouse=True)
def _alone() -> Iterator[None]:
    with others_left_alone():
        yield


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    upscalers.write_identity(tmp_path)
    return tmp_path


@pytest.fixture
def supervisor(repository: Path) -> Iterator[Supervisor]:
    others = left_behind()
    with Supervisor(TritonServer(repository, start_timeout_s=60), restarts=2) as running:
        yield running
    assert left_behind() <= others


def own_reaper(supervisor: Supervisor) -> psutil.Process:
    assert supervisor.server._reaper is not None
    return psutil.Process(supervisor.server._reaper.pid)


def own_server(supervisor: Supervisor) -> set[psutil.Process]:
    return set(own_reaper(supervisor).children())


def until_restarted(supervisor: Supervisor, times: int) -> None:
    until(lambda: supervisor.restarts == times and supervisor.state == "ready")


def load(supervisor: Supervisor) -> None:
    with TritonClient(supervisor.server.url) as client:
        client.wait_ready(10)
        client.load("identity")


def test_it_is_back_at_the_same_ports_and_the_dead_one_leaves_nothing(supervisor: Supervisor) -> None:
    server = supervisor.server
    urls = server.url, server.http_url, server.metrics_url
    for number in (1, 2):
        load(supervisor)
        dead = own_server(supervisor) | stubs()
        shared = left_behind()
        kill(own_server(supervisor))
        until_restarted(supervisor, number)
        assert (server.url, server.http_url, server.metrics_url) == urls
        assert not psutil.wait_procs(dead, timeout=30)[1]
        load(supervisor)
        assert len(left_behind()) == len(shared)


def test_it_is_back_when_its_reaper_is_killed_and_nothing_is_left_either(supervisor: Supervisor) -> None:
    load(supervisor)
    dead = own_server(supervisor) | stubs()
    shared = left_behind()
    own_reaper(supervisor).kill()
    until_restarted(supervisor, 1)
    assert not any(process.is_running() and process.status() != psutil.STATUS_ZOMBIE for process in dead)
    load(supervisor)
    assert len(left_behind()) == len(shared)


@pytest.mark.slow
def test_one_that_hangs_is_ended_and_started_again(supervisor: Supervisor) -> None:
    (hanging,) = own_server(supervisor)
    hanging.suspend()
    supervisor.restart()
    until_restarted(supervisor, 1)
    assert not hanging.is_running()
    load(supervisor)


@pytest.mark.slow
def test_after_the_bound_it_has_failed_and_says_so(supervisor: Supervisor) -> None:
    supervisor.check()
    waiting = threading.Thread(target=supervisor.wait)
    waiting.start()
    for number in range(3):
        assert waiting.is_alive()
        until_restarted(supervisor, number)
        kill(own_server(supervisor))
    waiting.join(30)
    assert not waiting.is_alive()
    assert supervisor.state == "failed"
    assert supervisor.restarts == 2
    with pytest.raises(
        TritonUnavailable, match=r"died 3 times within 10 minutes.*not started again"
    ) as caught:
        supervisor.check()
    assert "\n" not in str(caught.value)
    assert tritonservers() == set()


@pytest.mark.slow
def test_a_restart_that_does_not_succeed_counts_too(repository: Path) -> None:
    with Supervisor(TritonServer(repository, start_timeout_s=60), restarts=2) as supervisor:
        repository.rename(repository.with_name("elsewhere"))
        kill(own_server(supervisor))
        supervisor.wait()
        assert supervisor.state == "failed"
        assert supervisor.restarts == 2


def test_it_can_be_stopped_at_any_time(repository: Path) -> None:
    others = left_behind()
    for pause_s in (0, 0.02, 0.05, 0.1, 0.2, 0.4):
        with Supervisor(TritonServer(repository, start_timeout_s=60)) as supervisor:
            kill(own_server(supervisor))
            time.sleep(pause_s)
        assert supervisor.state == "stopped"
        assert left_behind() <= others
    supervisor.stop()
    with pytest.raises(TritonUnavailable, match="was stopped"):
        supervisor.check()


@pytest.mark.slow
def test_a_reaper_ends_a_server_that_waits_for_a_process_killed_as_it_started(tmp_path: Path) -> None:
    plan = {
        "command": ["sh", "-c", "sleep 0 & exec sleep 100"],  # one that ends at once and is never waited for
        "key": "k3y",
        "search": {},
        "grace_s": 0,
        "segments": f"framewright-test-{os.getpid()}-",
        "scratch": str(tmp_path / "scratch"),
    }
    command = [sys.executable, "-I", "-S", "-c", server._REAPER, str(server._PACKAGES)]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as reaper:
        assert reaper.stdin is not None
        assert reaper.stdout is not None
        print(json.dumps(plan), file=reaper.stdin, flush=True)  # open until the end: its owner lives
        output = reaper.stdout.read()
    assert reaper.returncode > 128, output
    assert "killed as it started" in output
    assert signal.Signals(reaper.returncode - 128) in {signal.SIGTERM, signal.SIGKILL}
    assert not list(Path(tempfile.gettempdir()).glob(f"framewright-test-{os.getpid()}-*"))
