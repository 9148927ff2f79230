"""Tests that a stopped transfer ends wherever it is blocked, and leaves nothing."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.errors import Cancelled, WorkerError
from tests.support.transfers import LOOPBACK, PATIENT, Mover, parts_of
from tests.support.web import CONTENT, Handler, Server, dripping, mute, silent_after, status, stored

BIG = bytes(50_000_000)
"""More than the buffers of a connection hold."""


@pytest.fixture(autouse=True)
def patient(mover: Mover) -> None:
    mover.limits = PATIENT


def assert_stops(mover: Mover, work: Callable[[], object], blocked: Callable[[], object]) -> None:
    """Start some work, wait until it is blocked, set `stop`, and check that the work ends at once."""
    ended: list[BaseException | object] = []

    def run() -> None:
        try:
            ended.append(work())
        except WorkerError as exc:
            ended.append(exc)

    thread = threading.Thread(target=run)
    thread.start()
    blocked()
    assert ended == []
    mover.stop.set()
    thread.join(timeout=20)
    assert not thread.is_alive()
    assert isinstance(ended[0], Cancelled), ended


def some_time() -> None:
    time.sleep(0.3)


def unanswered(handler: Handler) -> None:
    """Read the whole body, and send no response."""
    handler.body()
    mute(handler)


@pytest.mark.parametrize(
    "answer",
    [mute, silent_after(0, 60), silent_after(1_000_000, 60), dripping(0.01), status(503, Retry_After="60")],
    ids=["no answer", "no body", "half a body", "dripping", "told to wait"],
)
def test_while_it_fetches(mover: Mover, server: Server, answer: Callable[[Handler], None]) -> None:
    server.script = [answer]
    assert_stops(mover, lambda: mover.fetch(server.url), some_time)


def test_while_it_waits_before_the_next_try(mover: Mover, server: Server) -> None:
    server.script = [status(500)]
    assert_stops(mover, lambda: mover.fetch(server.url), some_time)


def test_while_it_resolves_a_name(mover: Mover) -> None:
    asked, enough = threading.Event(), threading.Event()

    def resolve(_host: str, _port: int) -> list[str]:
        asked.set()
        enough.wait(60)
        return []

    mover.guard = replace(LOOPBACK, resolve=resolve)
    assert_stops(mover, lambda: mover.fetch("https://media.example.com/"), lambda: asked.wait(10))
    enough.set()


@contextmanager
def listening(*, full: bool) -> Iterator[int]:
    """Yield a port where nobody accepts connections; if it is full, the kernel does not either."""
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        waiting = []
        for _ in range(8 if full else 0):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(("127.0.0.1", port))
            waiting.append(client)
        yield port
        for client in waiting:
            client.close()


def test_while_it_connects(mover: Mover) -> None:
    with listening(full=True) as port:
        assert_stops(mover, lambda: mover.fetch(f"http://127.0.0.1:{port}/"), some_time)


def test_while_it_shakes_hands(mover: Mover) -> None:
    with listening(full=False) as port:
        assert_stops(mover, lambda: mover.fetch(f"https://127.0.0.1:{port}/"), some_time)


@pytest.mark.parametrize("answer", [mute, unanswered], ids=["not read", "not answered"])
def test_while_it_publishes(mover: Mover, server: Server, answer: Callable[[Handler], None]) -> None:
    server.script = [answer]
    assert_stops(mover, lambda: mover.publish(BIG, server.url), some_time)
    assert server.objects == {}


@pytest.mark.parametrize("place", ["a part", "the end"])
def test_while_it_publishes_parts_which_are_then_aborted(mover: Mover, server: Server, place: str) -> None:
    parts = parts_of(server, count=2)
    server.script = [stored, mute] if place == "a part" else [stored, stored, mute]
    assert_stops(mover, lambda: mover.publish(CONTENT * 3, parts), some_time)
    assert (server.requests[-1].method, server.requests[-1].path) == ("DELETE", "/abort?uploadId=u")


def test_before_it_begins(mover: Mover, server: Server) -> None:
    mover.stop.set()
    with pytest.raises(Cancelled):
        mover.fetch(server.url)
    with pytest.raises(Cancelled):
        mover.publish(CONTENT, server.url)
    assert server.requests == []


def test_transfers_leave_no_threads_and_no_descriptors(mover: Mover, server: Server) -> None:
    def descriptors() -> int:
        return len(list(Path("/proc/self/fd").iterdir()))

    mover.limits = replace(PATIENT, tries=2, backoff_s=0.01)
    mover.fetch(server.url)
    threads, files = threading.active_count(), descriptors()
    for _ in range(20):
        server.script = [status(500)]
        mover.fetch(server.url)
        mover.publish(CONTENT, server.url)
    for _ in range(300):  # the server's own threads end a little later
        if threading.active_count() <= threads and descriptors() <= files:
            break
        time.sleep(0.1)
    assert threading.active_count() <= threads
    assert descriptors() <= files
