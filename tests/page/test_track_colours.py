"""Tests that the page gives tracks the colours that they have in the worker's overlay."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.drawing.pen import colour_of
from tests.support.node_functions import NodeFunctions, node_functions


@pytest.fixture(scope="module")
def colours() -> Iterator[NodeFunctions]:
    with node_functions("page/src/tracks/colour.ts") as functions:
        yield functions


@given(track=st.integers(1, 200_000))
def test_a_track_has_the_colour_of_the_workers_overlay(colours: NodeFunctions, track: int) -> None:
    drawn = [int(level) for level in re.findall(r"\d+", colours.call("colourOf", track))]
    # A level that lies between two integers may be rounded the other way.
    assert all(abs(one - other) <= 1 for one, other in zip(drawn, colour_of(track), strict=True))
