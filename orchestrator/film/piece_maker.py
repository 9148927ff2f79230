"""Makes the missing pieces of a film: hands out segments, tries failed ones again, repeats slow ones."""

from __future__ import annotations

import secrets
import time
from collections import Counter, deque
from collections.abc import Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from orchestrator.errors import CallerError, WorkerError
from orchestrator.film.piece_folder import PieceFolder
from orchestrator.film.progress import FilmProgress
from orchestrator.film.stragglers import Finished, Running, segments_to_repeat
from orchestrator.pipeline.progress import OnProgress

MOST_FAILURES = 3
"""How often a segment may fail before the film does."""

RunningTask = TypeVar("RunningTask", bound=Hashable)

_POLL_S = 0.5


@dataclass(frozen=True, kw_only=True)
class SegmentTask:
    """A segment for a worker to make; see `make_piece`.

    Attributes:
        source: the video.
        folder: the folder of pieces.
        plan_hash: the hash of the plan.
        number: the number of the segment.
        triton_url: the Triton to use; None uses that of the worker's machine.
        run: names the run of the driver: its progress, and the file in the folder that stops its tasks.
        repeat: whether to make the piece although another worker does.
    """

    source: Path
    folder: Path
    plan_hash: str
    number: int
    triton_url: str | None
    run: str
    repeat: bool = False


class Workers(Protocol[RunningTask]):
    """Workers that make pieces: an engine such as dask, or threads in a test."""

    def slots(self) -> int:
        """Return how many segments the workers make at once; they may come and go."""

    def submit(self, task: SegmentTask) -> RunningTask:
        """Start a task."""

    def wait(self, running: Collection[RunningTask], timeout_s: float) -> set[RunningTask]:
        """Wait at most so long until a task ends; return those that have ended."""

    def error_of(self, ended: RunningTask) -> WorkerError | None:
        """Return why a task that has ended made no piece; None if it did."""

    def frames_of(self, run: str) -> Mapping[int, int]:
        """Return how many frames of each segment of a run are done, in a mapping that keeps up."""

    def cancel(self, running: Iterable[RunningTask]) -> None:
        """Take back tasks that have not begun."""


@dataclass(frozen=True, kw_only=True)
class _Attempt:
    number: int
    started_s: float


class PieceMaker(Generic[RunningTask]):
    """Makes pieces with workers.

    Args:
        pieces: the folder of the pieces.
        source: the video, under the path that it has for all workers.
        workers: the workers.
        triton_url: the Triton that all workers use; None lets each machine use its own.
        on_progress: is called twice a second with the progress of the film.
    """

    def __init__(
        self,
        pieces: PieceFolder,
        source: Path,
        workers: Workers[RunningTask],
        *,
        triton_url: str | None,
        on_progress: OnProgress,
    ) -> None:
        self._pieces = pieces
        self._work = {segment.number: segment.frames for segment in pieces.plan.segments}
        self._workers = workers
        self._on_progress = on_progress
        self._task = SegmentTask(
            source=source.absolute(),
            folder=pieces.parent.absolute(),
            plan_hash=pieces.plan_hash,
            number=0,
            triton_url=triton_url,
            run=f"stop-{secrets.token_hex(8)}",
        )
        self._waiting: deque[int] = deque()
        self._attempts: dict[RunningTask, _Attempt] = {}
        self._failures: Counter[int] = Counter()
        self._finished: list[Finished] = []
        self._repeated: set[int] = set()

    def make(self, numbers: Iterable[int]) -> None:
        """Make the pieces of segments, in this order, as far as there are none yet.

        Raises:
            WorkerError: a segment failed too often, or cannot succeed. The finished pieces are kept.
        """
        self._waiting.extend(numbers)
        progress, frames = FilmProgress(self._pieces.plan), self._workers.frames_of(self._task.run)
        try:
            while self._waiting or any(not self._is_made(one.number) for one in self._attempts.values()):
                self._submit()
                for ended in self._workers.wait(self._attempts, _POLL_S):
                    self._end(ended, self._attempts.pop(ended))
                self._repeat_slow()
                done = [number for number in self._work if self._is_made(number)]
                self._on_progress(progress.at(done, frames))
        finally:
            if self._attempts:  # the driver stops, or another worker was faster
                (self._pieces.folder / self._task.run).touch()
                self._workers.cancel(self._attempts)

    def _is_made(self, number: int) -> bool:
        return self._pieces.path(number).exists()

    def _submit(self) -> None:
        free = self._workers.slots() - len(self._attempts)
        while self._waiting and free > 0:
            number = self._waiting.popleft()
            if not self._is_made(number):  # another driver may have made it
                self._start(number)
                free -= 1

    def _start(self, number: int, *, repeat: bool = False) -> None:
        running = self._workers.submit(replace(self._task, number=number, repeat=repeat))
        self._attempts[running] = _Attempt(number=number, started_s=time.monotonic())

    def _end(self, ended: RunningTask, attempt: _Attempt) -> None:
        error, number = self._workers.error_of(ended), attempt.number
        if error is None:
            seconds = time.monotonic() - attempt.started_s
            self._finished.append(Finished(work=self._work[number], seconds=seconds))
        elif not self._is_made(number):
            self._failures[number] += 1
            if isinstance(error, CallerError) or self._failures[number] >= MOST_FAILURES:
                raise self._failure(number, error)
            if number not in (other.number for other in self._attempts.values()):  # its copy may succeed
                self._waiting.appendleft(number)

    def _failure(self, number: int, error: WorkerError) -> WorkerError:
        times, done = self._failures[number], sum(map(self._is_made, self._work))
        often = "" if times == 1 else f" {times} times"
        kept = f"; {done} of {len(self._work)} pieces are done and kept in {self._pieces.parent}"
        message = f"segment {number} failed{often}: {error}{kept if done else ''}"
        return type(error)(message, **error.details)

    def _repeat_slow(self) -> None:
        now_s = time.monotonic()
        running = [
            Running(number=one.number, work=self._work[one.number], elapsed_s=now_s - one.started_s)
            for one in self._attempts.values()
            if one.number not in self._repeated
        ]
        for number in segments_to_repeat(
            running,
            self._finished,
            waiting=len(self._waiting),
            total_work=sum(self._work.values()),
            repeated_work=sum(self._work[number] for number in self._repeated),
        ):
            self._repeated.add(number)
            self._pieces.write_journal("repeated", number)
            self._start(number, repeat=True)
