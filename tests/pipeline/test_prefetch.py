"""Tests the threads that run the stages of a job: order, bounds, failures and closing."""

from __future__ import annotations

import threading
from collections.abc import Generator

import pytest

from orchestrator.pipeline.prefetch import ahead


def test_items_come_in_order_through_several_stages() -> None:
    def double(items: object) -> Generator[int, None, None]:
        for item in items:  # type: ignore[attr-defined]
            yield item * 2

    with (
        ahead((i for i in range(1000)), items=3, name="a") as numbers,
        ahead(double(numbers), items=2, name="b") as doubled,
    ):
        assert list(doubled) == [2 * i for i in range(1000)]


def test_a_stage_never_runs_further_ahead_than_its_bound() -> None:
    made = 0

    def produce() -> Generator[int, None, None]:
        nonlocal made
        for i in range(100):
            made += 1
            yield i

    with ahead(produce(), items=4, name="producer") as items:
        for taken, _ in enumerate(items, 1):
            # taken by the consumer, 4 in the queue, 1 in the producer's hand
            assert made <= taken + 5


def test_items_that_wait_are_bounded_in_bytes_and_none_waits_outside_the_queue() -> None:
    made: list[int] = []

    def produce() -> Generator[bytes, None, None]:
        for i in range(100):
            made.append(i)
            yield bytes(10)

    with ahead(produce(), items=50, name="producer", most_bytes=35, size_of=len) as items:
        for taken, _ in enumerate(items, 1):
            assert len(made) <= taken + 3
    assert len(made) == 100


def test_an_item_larger_than_the_bound_passes_when_nothing_waits() -> None:
    with ahead((bytes(10) for _ in range(5)), items=9, name="p", most_bytes=1, size_of=len) as items:
        assert list(items) == [bytes(10)] * 5


def test_a_failure_is_raised_where_items_are_taken_after_those_before_it() -> None:
    def produce() -> Generator[int, None, None]:
        yield 1
        yield 2
        raise RuntimeError("broken")

    seen: list[int] = []
    with pytest.raises(RuntimeError, match="broken"), ahead(produce(), items=8, name="p") as items:
        for item in items:
            seen.append(item)  # noqa: PERF402  extend would lose what came before the failure
    assert seen == [1, 2]


def test_a_consumer_that_fails_stops_and_closes_the_producer() -> None:
    closed = threading.Event()

    def produce() -> Generator[int, None, None]:
        try:
            i = 0
            while True:
                yield i
                i += 1
        finally:
            closed.set()

    with pytest.raises(ValueError, match="enough"), ahead(produce(), items=1, name="endless") as items:
        next(items)
        raise ValueError("enough")
    assert closed.is_set()
    assert not [t for t in threading.enumerate() if t.name == "endless"]


def test_closing_passes_through_a_chain_of_stages() -> None:
    closed = []

    def source() -> Generator[int, None, None]:
        try:
            while True:
                yield 0
        finally:
            closed.append("source")

    def stage(items: object) -> Generator[int, None, None]:
        try:
            yield from items  # type: ignore[misc]
        finally:
            closed.append("stage")

    with ahead(source(), items=1, name="s") as first, ahead(stage(first), items=1, name="t") as second:
        next(second)
    assert closed == ["stage", "source"]
