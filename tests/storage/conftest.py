"""Fixtures of the storage tests: a server that misbehaves on request, and a client with short time limits."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.transfers import Mover
from tests.support.web import Server, serving


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture
def mover(tmp_path: Path) -> Iterator[Mover]:
    yield Mover(tmp_path)
    assert list(tmp_path.iterdir()) == []
