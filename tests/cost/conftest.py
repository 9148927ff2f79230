"""Fixtures: the functions of the API that quote."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.node_functions import NodeFunctions, node_functions


@pytest.fixture(scope="session")
def api() -> Iterator[NodeFunctions]:
    """The functions of api/quote.ts, in a Node process."""
    with node_functions("api/quote.ts") as functions:
        yield functions
