"""The simulation of many workers agrees with closed forms, and films use workers as well as is promised."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.film.stragglers import BUDGET
from tools.film_simulation import NO_TROUBLE, Trouble, film_of, overhead_of, simulate

RESULTS = Path(__file__).resolve().parents[2] / "benchmarks" / "results" / "film.json"


@given(segments=st.integers(1, 60), workers=st.integers(1, 40), overhead_s=st.floats(0, 5))
def test_even_segments_without_trouble_take_whole_rounds(
    segments: int, workers: int, overhead_s: float
) -> None:
    result = simulate([40.0] * segments, workers=workers, overhead_s=overhead_s, trouble=NO_TROUBLE, seed=0)
    rounds = math.ceil(segments / workers)
    assert result.seconds == pytest.approx(rounds * (40 + overhead_s))
    assert result.worker_s == pytest.approx(segments * (40 + overhead_s))
    assert result.efficiency == pytest.approx(segments * 40 / (workers * result.seconds))
    assert result.repeated == 0


@settings(deadline=None, max_examples=30)
@given(
    work_s=st.lists(st.floats(1, 100), min_size=1, max_size=60),
    workers=st.integers(1, 20),
    seed=st.integers(0, 1000),
)
def test_with_trouble_a_film_ends_within_its_budget(work_s: list[float], workers: int, seed: int) -> None:
    trouble = Trouble(slow_share=0.2, slow_times=(3, 20), deaths_per_hour=20)
    result = simulate(work_s, workers=workers, overhead_s=1, trouble=trouble, seed=seed)
    assert result.repeated <= BUDGET + 1e-9
    assert result.seconds >= sum(work_s) / workers
    assert simulate(work_s, workers=workers, overhead_s=1, trouble=trouble, seed=seed) == result


def test_slow_segments_are_started_again_and_the_film_ends_sooner() -> None:
    trouble = Trouble(slow_share=0.05, slow_times=(10, 10), deaths_per_hour=0)
    film = [40.0] * 100
    results = [simulate(film, workers=10, overhead_s=0, trouble=trouble, seed=seed) for seed in range(10)]
    assert max(result.repeated for result in results) > 0
    # Slow to the end, the last segment would take 400 s; started again, at most 80 s, a look, and 40 s.
    assert min(result.seconds for result in results) < 100 * 40 / 10 * 1.5


@pytest.mark.slow
def test_eight_workers_are_used_to_nine_tenths_and_thirty_two_to_eight() -> None:
    results = json.loads(RESULTS.read_text())
    film = results["films"][0]
    segments = results["measured"]["segments"]
    overhead_s = overhead_of(segments, whole_s=results["measured"]["cpu_s"]["unsplit"]) + 1
    for workers, least in ((8, 0.9), (32, 0.8)):
        work_s = film_of(segments, work_s=film["work_s"], segment_s=40, seed=7)
        result = simulate(work_s, workers=workers, overhead_s=overhead_s, trouble=Trouble(), seed=7)
        assert result.efficiency >= least
