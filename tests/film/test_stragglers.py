"""Slow segments are started again when no segment waits, within the budget."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.film.stragglers import BUDGET, Finished, Running, segments_to_repeat

USUAL = [Finished(work=100, seconds=40.0) for _ in range(20)]


def _again(running: list[Running], finished: list[Finished] = USUAL, **of_film: float) -> tuple[int, ...]:
    film = {"waiting": 0, "total_work": 10_000, "repeated_work": 0} | of_film
    return segments_to_repeat(running, finished, **film)  # type: ignore[arg-type]


def test_a_segment_is_slow_after_one_and_a_half_times_the_upper_quartile() -> None:
    finished = [Finished(work=1, seconds=seconds) for seconds in (10.0, 20.0, 30.0, 40.0, 50.0)]
    slow, usual = (Running(number=n, work=1, elapsed_s=s) for n, s in ((7, 60.1), (8, 59.9)))
    assert _again([usual, slow], finished) == (7,)


def test_time_counts_for_the_work_of_the_segment() -> None:
    long, short = (Running(number=n, work=w, elapsed_s=100.0) for n, w in ((1, 200), (2, 100)))
    assert _again([long, short]) == (2,)


def test_nothing_is_repeated_while_a_segment_waits() -> None:
    assert _again([Running(number=1, work=100, elapsed_s=1000.0)], waiting=1) == ()


def test_nothing_is_repeated_before_the_usual_time_is_known() -> None:
    assert _again([Running(number=1, work=100, elapsed_s=1000.0)], USUAL[:3]) == ()


def test_the_slowest_come_first_and_the_budget_ends_them() -> None:
    running = [Running(number=n, work=200, elapsed_s=200.0 + n) for n in range(5)]
    assert _again(running) == (4, 3)
    assert _again(running, repeated_work=150) == (4,)
    assert _again(running, repeated_work=301) == ()


@given(
    works=st.lists(st.floats(0.1, 500), max_size=40),
    seconds=st.lists(st.floats(0, 100), max_size=20),
    repeated=st.floats(0, 1000),
)
def test_the_budget_is_never_exceeded(works: list[float], seconds: list[float], repeated: float) -> None:
    running = [Running(number=n, work=work, elapsed_s=1e6) for n, work in enumerate(works)]
    finished = [Finished(work=1, seconds=each) for each in seconds]
    total = 10_000.0
    numbers = segments_to_repeat(running, finished, waiting=0, total_work=total, repeated_work=repeated)
    assert len(set(numbers)) == len(numbers)
    assert not numbers or sum(works[n] for n in numbers) + repeated <= BUDGET * total + 1e-6
