"""Tests how segments are handed out, tried again and repeated, with workers that are threads."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from pathlib import Path
from typing import Any, cast

import av
import distributed
import pytest
from distributed.protocol import pickle

from orchestrator.errors import BadMedia, DiskFull, EncodeFailed, JobKilled, WorkerError
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film.piece_maker import MOST_FAILURES, PieceMaker, SegmentTask
from orchestrator.film_driver import cluster
from orchestrator.pipeline.progress import Progress
from tests.support.film import film_clip, stored_piece, tiny_plan

SEGMENTS = 8


class Threads:
    """Workers that are threads of this process.

    Args:
        make: makes the piece of a segment; it raises what the segment fails with.
        slots: how many there are.
    """

    def __init__(self, make: Callable[[int], None], slots: int = 2) -> None:
        self._make = make
        self._slots = slots
        self._pool = ThreadPoolExecutor(slots)
        self.submitted: list[int] = []
        self.most_at_once = 0
        self._open: set[Future[None]] = set()

    def slots(self) -> int:
        return self._slots

    def submit(self, task: SegmentTask) -> Future[None]:
        self.submitted.append(task.number)
        self._open = {future for future in self._open if not future.done()}
        future = self._pool.submit(self._make, task.number)
        self._open.add(future)
        self.most_at_once = max(self.most_at_once, len(self._open))
        return future

    def wait(self, futures: Iterable[Future[None]], timeout_s: float) -> set[Future[None]]:
        return wait(list(futures), timeout=timeout_s / 10, return_when="FIRST_COMPLETED").done

    def error_of(self, future: Future[None]) -> WorkerError | None:
        return cast("WorkerError | None", future.exception())

    def frames_of(self, run: str) -> dict[int, int]:
        assert run
        return {}

    def cancel(self, futures: Iterable[Future[None]]) -> None:
        for future in futures:
            future.cancel()


@pytest.fixture
def pieces(tmp_path: Path) -> PieceFolder:
    source = film_clip(tmp_path / "in.mp4", SEGMENTS)
    return PieceFolder.create(tmp_path / "pieces", tiny_plan(source, SEGMENTS))


def maker(
    pieces: PieceFolder, threads: Threads, moments: list[Progress] | None = None
) -> PieceMaker[Future[None]]:
    return PieceMaker(
        pieces,
        Path("in.mp4"),
        threads,
        triton_url=None,
        on_progress=(moments if moments is not None else []).append,
    )


def test_each_segment_is_handed_out_once_and_progress_ends_at_the_last_frame(pieces: PieceFolder) -> None:
    moments: list[Progress] = []
    threads = Threads(lambda number: stored_piece(pieces, number))
    maker(pieces, threads, moments).make(range(SEGMENTS))
    assert threads.submitted == list(range(SEGMENTS))
    assert threads.most_at_once <= 2
    frames = [moment.frames for moment in moments]
    assert frames == sorted(frames)
    assert frames[-1] == moments[-1].total == sum(segment.frames for segment in pieces.plan.segments)


def test_pieces_that_are_there_are_not_made_again(pieces: PieceFolder) -> None:
    for number in (0, 3, 4):
        stored_piece(pieces, number)
    threads = Threads(lambda number: stored_piece(pieces, number))
    maker(pieces, threads).make(range(SEGMENTS))
    assert threads.submitted == [1, 2, 5, 6, 7]


@pytest.mark.parametrize("kind", [EncodeFailed, JobKilled])
def test_a_segment_that_fails_twice_is_made_at_the_third_time(
    pieces: PieceFolder, kind: type[WorkerError]
) -> None:
    tries: Counter[int] = Counter()

    def make(number: int) -> None:
        tries[number] += 1
        if number == 5 and tries[5] < MOST_FAILURES:
            raise kind("it failed")
        stored_piece(pieces, number)

    maker(pieces, Threads(make)).make(range(SEGMENTS))
    assert tries == Counter(range(SEGMENTS)) + Counter({5: 2})


def test_a_segment_that_always_fails_fails_the_film_with_its_cause_and_keeps_the_pieces(
    pieces: PieceFolder,
) -> None:
    def make(number: int) -> None:
        if number == 5:
            raise EncodeFailed("the encoder broke")
        stored_piece(pieces, number)

    threads = Threads(make)
    with pytest.raises(
        EncodeFailed, match=r"segment 5 failed 3 times: the encoder broke; \d of 8 pieces are"
    ):
        maker(pieces, threads).make(range(SEGMENTS))
    assert threads.submitted.count(5) == MOST_FAILURES
    assert pieces.has(0)
    assert not pieces.has(5)


def test_an_error_of_the_caller_is_not_tried_again(pieces: PieceFolder) -> None:
    def make(number: int) -> None:
        raise BadMedia(f"frame {number} is damaged")

    threads = Threads(make, slots=1)
    with pytest.raises(BadMedia, match=r"segment 0 failed: frame 0 is damaged$"):
        maker(pieces, threads).make(range(SEGMENTS))
    assert threads.submitted == [0]


def test_a_segment_whose_worker_hangs_is_made_by_another(tmp_path: Path) -> None:
    """A film of 30 segments: its budget of 5 % allows for one of them, and no second, to be made twice."""
    hangs = threading.Event()
    tries: Counter[int] = Counter()

    def make(number: int) -> None:
        tries[number] += 1
        if number == 2 and tries[2] == 1:
            hangs.wait()
            return
        time.sleep(0.01)
        stored_piece(many, number)

    many = PieceFolder.create(tmp_path / "pieces", tiny_plan(film_clip(tmp_path / "in.mp4", 30), 30))
    try:
        maker(many, Threads(make)).make(range(30))
        assert tries[2] == 2
        assert sum(tries.values()) == 31
        stop_files = list(many.folder.glob("stop-*"))
        assert len(stop_files) == 1  # the one that hangs is told to stop
    finally:
        hangs.set()


def test_a_slow_segment_whose_copy_fails_is_left_to_the_first_worker(tmp_path: Path) -> None:
    goes_on = threading.Event()
    tries: Counter[int] = Counter()

    def make(number: int) -> None:
        tries[number] += 1
        if number == 2 and tries[2] == 1:
            goes_on.wait()
        elif number == 2:
            threading.Timer(0.3, goes_on.set).start()
            raise JobKilled("the worker was killed")
        time.sleep(0.01)
        stored_piece(many, number)

    many = PieceFolder.create(tmp_path / "pieces", tiny_plan(film_clip(tmp_path / "in.mp4", 30), 30))
    try:
        maker(many, Threads(make)).make(range(30))
        assert tries == Counter(range(30)) + Counter({2: 1})
    finally:
        goes_on.set()


@pytest.fixture(autouse=True)
def no_threads_remain() -> Iterator[None]:
    before: Any = threading.active_count()
    yield
    assert threading.active_count() <= before + 2


def test_an_error_keeps_its_type_on_its_way_to_the_driver(
    pieces: PieceFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise DiskFull("no space is left") from av.error.OSError(28, "full", "out.mp4")

    monkeypatch.setattr(cluster, "make_piece", full)
    monkeypatch.setattr(distributed, "get_worker", lambda: None)
    task = SegmentTask(
        source=Path("in.mp4"),
        folder=pieces.parent,
        plan_hash=pieces.plan_hash,
        number=0,
        triton_url=None,
        run="a",
    )
    with pytest.raises(DiskFull) as caught:
        cluster.run_segment_task(task)
    received = pickle.loads(pickle.dumps(caught.value))
    assert (type(received), str(received)) == (DiskFull, "no space is left")
