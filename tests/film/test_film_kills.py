"""Tests that a film survives the death of its workers and of its driver, and that no work is done twice."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import subprocess
import time
from pathlib import Path

import psutil
import pytest

from tests.support.film import Journal, film_clip, film_of_one_process
from tests.support.kills import KILLS
from tools.stand_ins.processes import COMMAND, environment, family

SEGMENTS = 40
WORKERS = 2

MOST_KILLS_A_PIECE = 5
"""Kills that one more piece must follow: workers that all die too early would never make one."""

log = logging.getLogger(__name__)


class Kills:
    """Makes films again and again, and kills a process of each at random moments.

    Attributes:
        again: how many segments may be computed again, for the kills so far.
    """

    def __init__(self, clip: Path, folder: Path, seed: int) -> None:
        self._clip = clip
        self._folder = folder
        self._random = random.Random(seed)
        self._victim = self._next_victim()
        self._orphans: list[psutil.Process] = []
        self.count = 0
        self.again = 0

    def make_film(self, name: str, most: int) -> tuple[Path, Journal]:
        """Make a film while processes are killed, at most so many; return it, and what its workers did."""
        out = self._folder / f"{name}.mp4"
        pieces = self._folder / f"{name}.mp4.pieces"
        before, until = self.count, self.count + most
        messages = self._folder / f"{name}.log"
        while not out.exists():
            driver = subprocess.Popen(
                [
                    *map(str, (COMMAND, "film", self._clip, out, "--task", "export", "--segments", SEGMENTS)),
                    *("--workers", str(WORKERS), "--keep-pieces"),
                ],
                env=environment(),
                stdout=subprocess.DEVNULL,
                stderr=messages.open("a"),
            )
            with driver:
                while driver.poll() is None:
                    time.sleep(self._random.uniform(0.02, 0.4))
                    allowed = before + MOST_KILLS_A_PIECE * (1 + len(list(pieces.glob("*/*.piece"))))
                    if self.count < min(until, allowed) and driver.poll() is None:
                        self._kill(driver, pieces)
            assert driver.returncode in {0, -9}, messages.read_text()
        _, alive = psutil.wait_procs(self._orphans, timeout=20)
        assert not alive
        return out, Journal(pieces)

    def _kill(self, driver: subprocess.Popen[bytes], pieces: Path) -> None:
        """Kill the next victim, if it runs by now: mostly a worker that makes a segment."""
        workers = {process.pid: process for process in family(driver.pid)[1:] if is_worker(process)}
        if self._victim == "driver" and len(workers) == WORKERS:
            self._orphans += workers.values()
            driver.kill()  # its workers finish their segments: nothing is computed again
        elif self._victim == "any worker" and workers:
            self._end(workers[self._random.choice(sorted(workers))])
        elif self._victim == "busy worker" and any(pieces.glob("*/journal.ndjson")):
            busy = Journal(pieces).working() & workers.keys()
            if not busy:
                return
            self._end(workers[self._random.choice(sorted(busy))])
        else:
            return
        self.count += 1
        self._victim = self._next_victim()

    def _next_victim(self) -> str:
        return self._random.choices(("busy worker", "any worker", "driver"), (6, 1, 1))[0]

    def _end(self, worker: psutil.Process) -> None:
        with contextlib.suppress(psutil.NoSuchProcess):
            worker.kill()
        self.again += 1


def is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "orchestrator.film_driver.local_worker" in process.cmdline()
    return False


def kill_and_check(folder: Path, *, kills: int, kills_of_a_film: int) -> int:
    """Make films under so many kills, and check them; return how many segments were computed again."""
    clip = film_clip(folder / "in.mp4", SEGMENTS, frames=25)
    expected = hashlib.sha256(film_of_one_process(clip, folder / "one.mp4", SEGMENTS).read_bytes())
    killer = Kills(clip, folder, seed=17)
    films = planned = started = repeated = 0
    while killer.count < kills:
        out, journal = killer.make_film(f"film{films}", kills_of_a_film)
        films += 1
        assert hashlib.sha256(out.read_bytes()).hexdigest() == expected.hexdigest()
        assert journal.computed_after_it_was_stored() == []
        planned += len(list(journal.folder.glob("*.piece")))
        started += len(journal.segments("started"))
        repeated += len(journal.segments("repeated"))
    again = started - planned
    log.info("%d films, %d kills, %d segments computed again", films, killer.count, again)
    assert again <= killer.again + repeated
    return again


def test_a_film_survives_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path, kills=6, kills_of_a_film=6)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_films_survive_many_kills(tmp_path: Path) -> None:
    assert kill_and_check(tmp_path, kills=KILLS, kills_of_a_film=min(KILLS, 40)) > 0
