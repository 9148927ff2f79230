"""Tests that the API starts the same slow segments again as the worker's own rule says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.film.stragglers import Finished, Running, segments_to_repeat
from tests.support.node_functions import NodeFunctions, node_functions

NOW = 1_000_000
SEGMENT = st.fixed_dictionaries(
    {
        "state": st.sampled_from(["done", "done", "running", "running", "submitting"]),
        "frames": st.integers(1, 1000),
        "started_at": st.integers(0, NOW),
        "ran_ms": st.integers(1, 200_000),
        "is_repeated": st.sampled_from([False, False, False, True]),
    }
)


@pytest.fixture(scope="module")
def api() -> Iterator[NodeFunctions]:
    with node_functions("api/film/stragglers.ts") as functions:
        yield functions


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(segments=st.lists(SEGMENT, max_size=60), waiting=st.sampled_from([0, 0, 0, 1]))
def test_the_same_segments_are_repeated(
    api: NodeFunctions, segments: list[dict[str, Any]], waiting: int
) -> None:
    rows = [
        {
            "number": number,
            "state": one["state"],
            "frames": one["frames"],
            "started_at": one["started_at"] if one["state"] != "submitting" else None,
            "ran_ms": one["ran_ms"] if one["state"] == "done" else None,
            "earlier_id": "run" if one["is_repeated"] else None,
        }
        for number, one in enumerate(segments)
    ]
    rows += [
        {
            "number": 99,
            "state": "waiting",
            "frames": 0,
            "started_at": None,
            "ran_ms": None,
            "earlier_id": None,
        }
    ] * waiting
    running = [row for row in rows if row["state"] == "running" and row["earlier_id"] is None]
    expected = segments_to_repeat(
        [
            Running(number=row["number"], work=row["frames"], elapsed_s=(NOW - row["started_at"]) / 1000)
            for row in running
        ],
        [
            Finished(work=row["frames"], seconds=row["ran_ms"] / 1000)
            for row in rows
            if row["ran_ms"] is not None
        ],
        waiting=waiting,
        total_work=sum(row["frames"] for row in rows),
        repeated_work=sum(row["frames"] for row in rows if row["earlier_id"] is not None),
    )
    found = [row["number"] for row in api.call("segmentsToRepeat", rows, NOW)]
    assert set(found) == set(expected)
