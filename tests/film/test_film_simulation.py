"""The simulation of many workers agrees with closed forms, and films use workers as well as is promised."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.film.stragglers import BUDGET
from tools.film_simulation import (
    API_LONGEST_SEGMENT_S,
    API_MOST_SEGMENTS,
    API_SEGMENT_S,
    NO_TROUBLE,
    Trouble,
    api_segment_s,
    film_of,
    simulate,
)

ROOT = Path(__file__).resolve().parents[2]
RESULTS = ROOT / "benchmarks" / "results" / "film.json"
CLOUDFLARE = ROOT / "deploy" / "cloudflare"


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


def test_a_dead_worker_is_replaced_and_its_segment_made_again() -> None:
    trouble = Trouble(slow_share=0, deaths_per_hour=20)
    result = simulate([40.0] * 50, workers=5, overhead_s=0, trouble=trouble, seed=3)
    assert result.deaths > 0
    assert result.worker_s > 50 * 40
    assert result.seconds > 50 * 40 / 5


def test_the_segments_of_a_simulated_film_are_those_of_a_plan() -> None:
    measured = [{"frames": 100, "cpu_s": 10.0}, {"frames": 50, "cpu_s": 5.5}]
    work_s = film_of(measured, frames=86_400, rate=24, work_s=4320, segment_s=30, seed=1)
    assert sum(work_s) == pytest.approx(4320)
    # 130 segments of 30 s, and in the last tenth up to 58 of 7.5 s, as far as keyframes allow.
    assert 130 <= len(work_s) <= 190
    assert np.mean(work_s[:100]) == pytest.approx(30, rel=0.1)
    assert np.mean(work_s[-20:]) < 15
    assert film_of(measured, frames=86_400, rate=24, work_s=4320, segment_s=30, seed=1) == work_s


@pytest.mark.parametrize("division", ["films", "api_films"])
def test_eight_workers_are_used_to_nine_tenths_and_thirty_two_to_eight(division: str) -> None:
    for film in json.loads(RESULTS.read_text())[division]:
        efficiency = {row["workers"]: row["efficiency"] for row in film["workers"]}
        assert efficiency[8] >= 0.9
        assert efficiency[32] >= 0.8
        assert max(row["repeated"] for row in film["workers"]) <= BUDGET


def test_an_upscale_by_two_processes_takes_at_most_a_twelfth_more_than_the_unsplit_job() -> None:
    upscales = [row for row in json.loads(RESULTS.read_text())["measured"].values() if row["model"]]
    assert len(upscales) == 2
    for measured in upscales:
        assert measured["over_unsplit"]["two processes"] <= 1.08


def test_the_cpu_time_of_a_segment_is_measured() -> None:
    results = json.loads(RESULTS.read_text())
    fitted = [row for row in results["measured"].values() if row["segment_cpu_s"] is not None]
    assert fitted
    for measured in fitted:
        assert measured["segment_cpu_s"] > 0
        assert measured["many"] >= 4 * len(measured["segments"])
    for film in results["films"] + results["api_films"]:
        assert film["overhead_s"] > 1


@pytest.mark.parametrize(
    ("frames_s", "segment_s"),
    [
        *((1, 30), (30 * 240, 30), (30 * 240 + 1, 40), (40 * 240 + 1, 60), (60 * 240 + 1, 80)),
        *((72_000, 320), (604_800, 2560), (1e9, 2560)),
    ],
)
def test_the_api_divides_a_film_into_at_most_240_segments_if_it_can(
    frames_s: float, segment_s: float
) -> None:
    assert api_segment_s(frames_s) == segment_s


def test_the_division_of_the_api_is_the_deployed_one() -> None:
    deployed = (CLOUDFLARE / "wrangler.jsonc").read_text()
    assert re.findall(r'"SEGMENT_SECONDS": "(\d+)"', deployed) == [f"{API_SEGMENT_S:g}"]
    price = (CLOUDFLARE / "api" / "film" / "film_price.ts").read_text()
    assert re.findall(r"MOST_SEGMENTS = (\d+)", price) == [str(API_MOST_SEGMENTS)]
    assert re.findall(r"LONGEST_SEGMENT_S = (\d+)", price) == [f"{API_LONGEST_SEGMENT_S:g}"]


def test_a_film_with_longer_segments_has_at_least_160_of_them() -> None:
    """Two thirds of the most that are allowed: with fewer, 32 workers wait long for the last one."""
    for frames_s in range(30 * 240 + 1, 604_800, 97):
        assert 160 <= frames_s / api_segment_s(frames_s) <= 240
