"""Tests that a film survives the death of its workers and of its driver, and that no work is done twice."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import random
import subprocess
import time
from collections import Counter
from pathlib import Path

import psutil
import pytest

from tests.support.film import Journal, film_clip, film_of_one_process
from tools.stand_ins.processes import COMMAND, environment, family

SEGMENTS = 40
WORKERS = 2

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
        self.count = 0
        self.again = 0

    def make_film(self, name: str, most: int) -> tuple[Path, Journal]:
        """Make a film while processes are killed, at most so many; return it, and what its workers did."""
        out = self._folder / f"{name}.mp4"
        pieces = self._folder / f"{name}.mp4.pieces"
        until = self.count + most
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
                    time.sleep(self._random.uniform(0.05, 1.5))
                    if self.count < until and driver.poll() is None:
                        self._kill(driver)
            assert driver.returncode in {0, -9}, messages.read_text()
        return out, Journal(pieces)

    def _kill(self, driver: subprocess.Popen[bytes]) -> None:
        """Kill the driver, one time in eight, or one of its workers."""
        workers = [process for process in family(driver.pid)[1:] if is_worker(process)]
        if workers and self._random.random() > 1 / 8:
            with contextlib.suppress(psutil.NoSuchProcess):
                self._random.choice(workers).kill()
                self.count += 1
                self.again += 1
        elif len(workers) == WORKERS:
            children = family(driver.pid)[1:]
            driver.kill()
            self.count += 1
            self.again += WORKERS  # they end with their driver
            _, alive = psutil.wait_procs(children, timeout=20)
            assert not alive


def is_worker(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "spawn_main" in " ".join(process.cmdline())
    return False


def kill_and_check(folder: Path, *, kills: int, kills_of_a_film: int) -> None:
    clip = film_clip(folder / "in.mp4", SEGMENTS)
    expected = hashlib.sha256(film_of_one_process(clip, folder / "one.mp4", SEGMENTS).read_bytes())
    killer = Kills(clip, folder, seed=17)
    films = started = 0
    repeated: Counter[int] = Counter()
    while killer.count < kills:
        out, journal = killer.make_film(f"film{films}", kills_of_a_film)
        films += 1
        assert hashlib.sha256(out.read_bytes()).hexdigest() == expected.hexdigest()
        assert journal.computed_after_it_was_stored() == []
        started += len(journal.segments("started"))
        repeated.update(journal.segments("repeated"))
    again = started - films * SEGMENTS
    log.info("%d films, %d kills, %d segments computed again", films, killer.count, again)
    assert again <= killer.again + repeated.total()


def test_a_film_survives_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path, kills=6, kills_of_a_film=6)


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_films_survive_two_hundred_kills(tmp_path: Path) -> None:
    kill_and_check(tmp_path, kills=200, kills_of_a_film=40)
