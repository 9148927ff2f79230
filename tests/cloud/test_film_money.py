"""Tests what films cost, against decimal arithmetic that is written down here once more."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal, localcontext
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud.money import TABLE
from tests.support.node_functions import NodeFunctions, node_functions
from tools.film_simulation import api_segment_s

RULES = {name: Decimal(str(row["value"])) for name, row in TABLE["quotes"].items() if isinstance(row, dict)}
OFTEN = settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

WORKS = st.fixed_dictionaries(
    {
        "pricePerS": st.integers(1, 10_000),
        "framesS": st.floats(0.001, 600_000),
        "downloadS": st.floats(0, 40_000),
        "segmentS": st.just(30),
        "workers": st.integers(1, 120),
        "durationS": st.none() | st.floats(0.1, 100_000),
        "isPreview": st.booleans(),
    }
)


@pytest.fixture(scope="module")
def api() -> Iterator[NodeFunctions]:
    with node_functions("api/film/film_price.ts") as functions:
        yield functions


def ceiling(value: Decimal) -> int:
    return int(value.to_integral_value(ROUND_CEILING))


@OFTEN
@given(work=WORKS)
def test_the_amounts_of_a_film_follow_from_its_work(api: NodeFunctions, work: dict[str, Any]) -> None:
    found = api.call("filmAmounts", work)
    film, price = found["film"], work["pricePerS"]
    frames_s = max(1, ceiling(Decimal(work["framesS"])))
    made_s = frames_s
    if work["isPreview"] and work["durationS"] is not None and work["durationS"] > 10:
        made_s = max(1, ceiling(Decimal(frames_s) * 10 / Decimal(work["durationS"])))
    overhead_s = ceiling(RULES["overhead_s"])
    assemble_s = 0 if work["isPreview"] else overhead_s + ceiling(Decimal(work["downloadS"]))
    assert film["frames_cost"] == frames_s * price
    assert film["plan_cost"] == overhead_s * price
    assert film["assemble_cost"] == assemble_s * price
    if abs(made_s - (found["expected_s"] - overhead_s - assemble_s)) <= 1:  # the division is binary there
        made_s = found["expected_s"] - overhead_s - assemble_s
    assert found["expected_s"] == overhead_s + made_s + assemble_s
    assert found["expected"] == found["expected_s"] * price
    assert found["hold"] == found["execution_timeout_s"] * price
    limit_s = max(int(RULES["max_timeout_s"]), found["expected_s"])
    assert found["execution_timeout_s"] == min(max(2 * found["expected_s"], 300), limit_s)
    assert found["expected"] <= found["hold"]
    assert film["segments"] == (1 if work["isPreview"] else ceiling(Decimal(frames_s) / film["work_sec"]))
    assert film["segments"] <= 240
    assert film["work_sec"] == api_segment_s(frames_s), "the division that was simulated"
    assert film["workers"] == min(work["workers"], film["segments"])
    assert found["ready_in_s"] >= made_s / film["workers"]


@OFTEN
@given(
    frames_cost=st.integers(0, 10**13),
    frames=st.integers(1, 10**7),
    cuts=st.lists(st.integers(0, 2 * 10**7), min_size=2, max_size=50),
)
def test_the_shares_of_segments_add_up_whatever_the_cuts_are(
    api: NodeFunctions, frames_cost: int, frames: int, cuts: list[int]
) -> None:
    terms = {"frames": frames, "film": {"frames_cost": frames_cost}}
    cuts = sorted({0, *(cut % (100 * frames) for cut in cuts)})
    charges = [api.call("chargeForFrames", terms, start, end - start) for start, end in pairwise(cuts)]
    with localcontext() as context:
        context.prec = 60
        total = Decimal(frames_cost) * cuts[-1] / frames
        exact = [Decimal(frames_cost) * (end - start) / frames for start, end in pairwise(cuts)]
        assert sum(charges) == int(total.to_integral_value(ROUND_FLOOR))
        assert all(abs(charge - share) < 1 for charge, share in zip(charges, exact, strict=True))
    assert all(charge >= 0 for charge in charges)


@OFTEN
@given(
    hold=st.integers(0, 10**10),
    segments=st.integers(0, 10**10),
    others=st.integers(0, 10**8),
    end=st.sampled_from(["completed", "cancelled", "caller", "worker"]),
)
def test_a_film_never_costs_more_than_its_hold(
    api: NodeFunctions, hold: int, segments: int, others: int, end: str
) -> None:
    charge = api.call("filmCharge", hold, {"segments": segments, "others": others}, end)
    owed = {"completed": segments + others, "cancelled": segments, "caller": segments, "worker": 0}[end]
    assert charge == min(hold, owed)
    assert 0 <= charge <= hold
