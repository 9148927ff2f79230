"""Finds and kills the processes of the Triton servers that this test process started."""

from __future__ import annotations

import contextlib
import os
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from orchestrator.triton.server import TritonServer

SHM = Path("/dev/shm")  # noqa: S108  where Linux keeps shared memory


_LEFT_ALONE: set[str] = set()


@contextlib.contextmanager
def others_left_alone() -> Iterator[None]:
    """Ignore all processes that run now, such as the server that tests of other modules share."""
    _LEFT_ALONE.update(left_behind())
    try:
        yield
    finally:
        _LEFT_ALONE.clear()


def tritonservers() -> set[psutil.Process]:
    return {process for name, process in _family() if name == "tritonserver"}


def stubs(model: str = "") -> set[psutil.Process]:
    """Return the backends' processes, of one model or of all."""
    found = set()
    for name, process in _family():
        with contextlib.suppress(psutil.Error):
            if name.startswith("triton_python_b") and any(model in part for part in process.cmdline()):
                found.add(process)
    return found


def stub_of(model: str) -> psutil.Process:
    """Return the backend's process of a model: the newest, since an unloaded one takes a moment to end."""
    return max(stubs(model), key=lambda stub: stub.create_time())


@contextlib.contextmanager
def suspended(server: TritonServer) -> Iterator[None]:
    """Let a server answer nothing until the block ends, however fast its models are."""
    assert server._reaper is not None
    (process,) = psutil.Process(server._reaper.pid).children()
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def kill(processes: set[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()


@contextlib.contextmanager
def killing(
    find: Callable[[], set[psutil.Process]], *, times: int | None = None, after_s: float = 0
) -> Iterator[list[int]]:
    """Kill the processes found `after_s` later, a number of times or repeatedly; yield the list of pids."""
    killed: list[int] = []
    done = threading.Event()
    before = {process.pid for process in find()}

    def hunt() -> None:
        while not done.wait(0.02) and (times is None or len(killed) < times):
            new = {process for process in find() if process.pid not in before.union(killed)}
            if new:
                done.wait(after_s)
                killed.extend(process.pid for process in new)
                kill(new)

    hunter = threading.Thread(target=hunt)
    hunter.start()
    try:
        yield killed
    finally:
        done.set()
        hunter.join()


@contextlib.contextmanager
def successor(first: TritonServer, repository: Path, *, after_s: float) -> Iterator[threading.Timer]:
    """Yield a timer that starts a server at the port of `first`; stop that server at the end."""
    second = TritonServer(repository, start_timeout_s=60, grpc_port=int(first.url.rpartition(":")[2]))
    later = threading.Timer(after_s, second.__enter__)
    try:
        yield later
    finally:
        later.join()
        second.stop()


def left_behind() -> set[str]:
    """Return the processes, shared memory and folders of this process and its servers."""
    own = f"framewright-*-{os.getpid()}-*"
    paths = [*SHM.glob(own), *Path(tempfile.gettempdir()).glob(own)]
    found = {str(path) for path in paths} | {f"{name} {process.pid}" for name, process in _family()}
    return found - _LEFT_ALONE


def until(condition: Callable[[], bool], *, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come true"
        time.sleep(0.02)


def _family() -> Iterator[tuple[str, psutil.Process]]:
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            name = process.name()
            if process.status() != psutil.STATUS_ZOMBIE and f"{name} {process.pid}" not in _LEFT_ALONE:
                yield name, process
