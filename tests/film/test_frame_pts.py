"""Times of frames are the same after they were compressed into a plan and expanded again."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import PlanRefused
from orchestrator.film.frame_pts import MOST_FRAMES, compress, expand


@given(first=st.integers(-(2**40), 2**40), steps=st.lists(st.integers(1, 5), max_size=200))
def test_expand_inverts_compress(first: int, steps: list[int]) -> None:
    pts = np.cumsum([first, *steps]).astype(np.int64)
    pairs = compress(pts)
    assert expand(pairs).tolist() == pts.tolist()
    assert pairs[0] == (first, 1)
    assert sum(count for _, count in pairs) == len(pts)
    assert all(one[0] != other[0] for one, other in pairwise(pairs[1:]))


def test_a_constant_rate_takes_two_pairs() -> None:
    assert compress(np.arange(86_400, dtype=np.int64) * 1001 + 2002) == ((2002, 1), (1001, 86_399))
    assert compress(np.array([7], np.int64)) == ((7, 1),)


def test_a_change_of_the_rate_takes_one_pair_more() -> None:
    assert compress(np.array([0, 1, 2, 4, 6, 7], np.int64)) == ((0, 1), (1, 2), (2, 2), (1, 1))


@pytest.mark.parametrize(
    "pairs",
    [
        (),
        ((0, 2),),
        ((0, 1), (0, 3)),
        ((0, 1), (-5, 3)),
        ((0, 1), (1, 0)),
        ((0, 1), (1, -1)),
        ((0, 1), (1, MOST_FRAMES)),
        ((0, 1), (2**62, 1)),
        ((2**62, 1),),
        ((0, 1), (2**40, 2**23 - 1)),
    ],
)
def test_what_are_no_times_is_refused(pairs: tuple[tuple[int, int], ...]) -> None:
    with pytest.raises(PlanRefused):
        expand(pairs)
