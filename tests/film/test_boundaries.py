"""Segments begin at keyframes, are nearly even, and the hardest ten seconds are found."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.film.boundaries import (
    CUT_REACH,
    MOST_EXTRA,
    PREVIEW_RANGE_S,
    PREVIEW_S,
    PREVIEW_SHARE,
    SHORTEST,
    TAPERED_FROM,
    Division,
    begin_shots,
    divide,
    hardest_stretch,
)

RATE = 25


@st.composite
def films(draw: st.DrawFn) -> dict[str, Any]:
    """Return the arguments of `divide` for a random film of at most some minutes."""
    gaps = draw(st.lists(st.integers(1, 300), min_size=1, max_size=60))
    keys = np.cumsum([0, *gaps])
    frames = int(keys[-1]) + draw(st.integers(1, 300))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    seconds = rng.integers(1, 4, frames) / RATE if draw(st.booleans()) else np.full(frames, 1 / RATE)
    return {
        "times_s": np.append(0, np.cumsum(seconds)),
        "sizes": rng.integers(1, 10_000, frames),
        "keys": keys,
        "length": draw(st.floats(1, frames)),
    }


@settings(deadline=None)
@given(film=films())
def test_segments_partition_the_film_and_begin_at_keyframes(film: dict[str, Any]) -> None:
    division = divide(**film)
    begins = division.begins
    assert begins[0] == 0
    assert all(one < other for one, other in pairwise(begins))
    assert set(begins) <= set(film["keys"].tolist())
    assert 0 <= division.hardest < len(begins)
    assert divide(**film) == division


@settings(deadline=None)
@given(film=films())
def test_no_segment_is_short_unless_all_of_its_part_of_the_film_is(film: dict[str, Any]) -> None:
    frames, length = len(film["sizes"]), film["length"]
    division = divide(**film)
    own = hardest_stretch(**film)
    parts = [(0, frames)] if own is None else [(0, own[0]), own, (own[1], frames)]
    for first, end in parts:
        inside = [begin for begin in division.begins if first <= begin < end]
        count = max(1, round((end - first) / length))
        for begin, stop in pairwise([*inside, end] if inside else []):
            assert stop - begin >= SHORTEST * (end - first) / count or len(inside) == 1


@settings(deadline=None)
@given(film=films(), share=st.floats(0, 2), tapered=st.booleans())
def test_no_segment_needs_much_from_before_it(film: dict[str, Any], share: float, tapered: bool) -> None:
    keys, sizes = film["keys"], film["sizes"]
    groups = np.add.reduceat(sizes, keys)
    extra = np.append(0, (groups[:-1] * share).astype(np.int64))
    division = divide(**film, extra=extra, tapered=tapered)
    assert division.begins[0] == 0
    assert set(division.begins) <= set(keys.tolist())
    assert 0 <= division.hardest < len(division.begins)
    for begin, end in pairwise([*division.begins, len(sizes)]):
        assert extra[keys.tolist().index(begin)] <= MOST_EXTRA * sizes[begin:end].sum()
    if not share:
        assert division == divide(**film, tapered=tapered)


def test_where_each_segment_needs_the_group_before_it_has_five_groups_also_the_hardest() -> None:
    sizes = np.full(RATE * 400, 1000)
    sizes[RATE * 100 : RATE * 120] = 3000
    keys = np.arange(0, len(sizes), RATE * 2)
    division = divide(
        times_s=np.arange(len(sizes) + 1) / RATE,
        sizes=sizes,
        keys=keys,
        length=RATE * 4,
        extra=np.append(0, np.add.reduceat(sizes, keys)[:-1]),
    )
    seconds = [begin // RATE for begin in division.begins]
    lengths = np.diff([*seconds, 400]).tolist()
    assert min(lengths[1:]) >= 10
    assert max(lengths) <= 16
    assert 100 <= seconds[division.hardest] <= 110
    assert lengths[division.hardest] == 10


@settings(deadline=None)
@given(film=films())
def test_a_tapered_film_is_divided_alike_and_only_its_end_is_finer(film: dict[str, Any]) -> None:
    frames, length = len(film["sizes"]), film["length"]
    plain, tapered = divide(**film), divide(**film, tapered=True)
    assert tapered.begins[0] == 0
    assert all(one < other for one, other in pairwise(tapered.begins))
    assert set(tapered.begins) <= set(film["keys"].tolist())
    assert divide(**film, tapered=True) == tapered
    if frames < TAPERED_FROM * length:
        assert tapered == plain
    own = hardest_stretch(**film)
    if own is not None:
        assert tapered.begins[tapered.hardest] == own[0]


@pytest.mark.parametrize("segments", [20, 150, 1000])
def test_the_last_tenth_of_a_long_film_has_segments_of_a_quarter(segments: int) -> None:
    frames = segments * 40
    division = divide(
        times_s=np.arange(frames + 1) / 1e6,  # too short for a preview of its own
        sizes=np.ones(frames, np.int64),
        keys=np.arange(frames),
        length=40,
        tapered=True,
    )
    begins = [*range(0, frames * 9 // 10, 40), *range(frames * 9 // 10, frames, 10)]
    assert division.begins == tuple(begins)


def test_a_film_of_fewer_than_twenty_segments_is_not_tapered() -> None:
    division = _divide(list(range(0, 1990, 10)), frames=1990, length=100, tapered=True)
    assert np.diff([*division.begins, 1990]).min() >= 90


def test_the_end_is_tapered_around_the_hardest_ten_seconds() -> None:
    frames = RATE * 1000
    sizes = np.full(frames, 1000)
    sizes[RATE * 930 : RATE * 940] = 3000
    division = divide(
        times_s=np.arange(frames + 1) / RATE,
        sizes=sizes,
        keys=np.arange(0, frames, RATE),
        length=RATE * 20,
        tapered=True,
    )
    seconds = [begin // RATE for begin in division.begins]
    assert seconds == [*range(0, 900, 20), *range(900, 930, 5), 930, *range(940, 1000, 5)]
    assert seconds[division.hardest] == 930


@given(frames=st.integers(1, 20_000), length=st.floats(1, 20_000))
def test_where_every_frame_is_a_keyframe_segments_are_even(frames: int, length: float) -> None:
    division = divide(
        times_s=np.arange(frames + 1) / 1e6,  # too short for a preview of its own
        sizes=np.ones(frames, np.int64),
        keys=np.arange(frames),
        length=length,
    )
    lengths = np.diff([*division.begins, frames])
    assert lengths.max() - lengths.min() <= 1
    assert len(lengths) == max(1, round(frames / length))


def test_the_end_is_no_segment_of_its_own_if_it_is_short() -> None:
    division = _divide([0, 100, 200, 290], frames=300, length=100)
    assert division.begins == (0, 100, 200)


def test_sparse_keyframes_make_long_segments_and_one_makes_one() -> None:
    assert _divide([0, 500], frames=1000, length=100).begins == (0, 500)
    assert _divide([0], frames=1000, length=100).begins == (0,)


def test_a_boundary_moves_to_a_cut_that_is_near() -> None:
    regular = [0, 50, 100, 150, 200, 250, 300, 350]
    assert _divide(regular, frames=400, length=100).begins == (0, 100, 200, 300)
    # A keyframe at frame 120 begins a shot; one at frame 170 would be too far from frame 100 and 200.
    assert _divide(sorted([*regular, 120]), frames=400, length=100).begins == (0, 120, 200, 300)
    far = 100 + int(CUT_REACH * 100) + 1
    assert _divide(sorted([*regular, far]), frames=400, length=100).begins == (0, 100, 200, 300)


def test_keyframes_off_the_grid_begin_shots() -> None:
    x264 = np.array([0, 250, 500, 560, 810, 830, 1080])  # counts from the last keyframe
    assert np.flatnonzero(begin_shots(x264)).tolist() == [3, 5]
    fixed = np.array([0, 50, 100, 130, 150, 200, 207, 250])  # cuts do not move the grid
    assert np.flatnonzero(begin_shots(fixed)).tolist() == [3, 6]
    assert not begin_shots(np.arange(1000)).any()
    assert not begin_shots(np.array([0])).any()
    uneven = np.cumsum([0, 48, 47, 48, 48, 47])  # two seconds at 23.976
    assert not begin_shots(uneven).any()


@settings(deadline=None, max_examples=60)
@given(film=films())
def test_the_hardest_stretch_is_that_of_the_closed_form(film: dict[str, Any]) -> None:
    assert hardest_stretch(**film) == _hardest_by_search(**film)


def _hardest_by_search(
    times_s: NDArray[np.float64], sizes: NDArray[np.int64], keys: NDArray[np.int64], length: float
) -> tuple[int, int] | None:
    """Do what the docstring of `hardest_stretch` says, one keyframe after the other."""
    frames, best, found = len(sizes), -1.0, None
    stops = [*keys.tolist(), frames]
    for key in keys.tolist():
        wanted = times_s[key] + PREVIEW_S
        end = min(
            (stop for stop in stops if stop > key), key=lambda stop: (abs(times_s[stop] - wanted), stop)
        )
        seconds = times_s[end] - times_s[key]
        longest_s = min(PREVIEW_RANGE_S[1], PREVIEW_SHARE * (times_s[-1] - times_s[0]))
        if not PREVIEW_RANGE_S[0] <= seconds <= longest_s:
            continue
        if any(0 < rest < SHORTEST * length for rest in (key, frames - end)):
            continue
        rate = int(sizes[key:end].sum()) / seconds
        if rate > best:
            best, found = rate, (key, end)
    return found


def test_the_hardest_ten_seconds_are_a_segment_of_their_own() -> None:
    sizes = np.full(RATE * 100, 1000)
    sizes[RATE * 42 : RATE * 52] = 3000
    division = divide(
        times_s=np.arange(len(sizes) + 1) / RATE,
        sizes=sizes,
        keys=np.arange(0, len(sizes), RATE * 2),
        length=RATE * 30,
    )
    first = division.begins[division.hardest]
    assert (first, division.begins[division.hardest + 1]) == (RATE * 42, RATE * 52)


def test_in_a_short_film_the_hardest_is_the_segment_with_the_most_bytes_a_second() -> None:
    sizes = np.full(200, 10)
    sizes[120:140] = 500
    division = divide(times_s=np.arange(201) / RATE, sizes=sizes, keys=np.arange(0, 200, 10), length=50)
    assert division == Division(begins=(0, 50, 100, 150), hardest=2)


@pytest.mark.parametrize("keyframes", [10_000, 1_000_000])
def test_many_keyframes_make_no_more_segments(keyframes: int) -> None:
    division = _divide(list(range(keyframes)), frames=keyframes, length=keyframes / 20)
    assert 20 <= len(division.begins) <= 23


def _divide(keys: list[int], *, frames: int, length: float, tapered: bool = False) -> Division:
    return divide(
        times_s=np.arange(frames + 1) / RATE,
        sizes=np.ones(frames, np.int64),
        keys=np.array(keys),
        length=length,
        tapered=tapered,
    )
