"""Tests that a film tracked in pieces has the very tracks of the ordinary job, whatever the segments are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tests.support.track_film import (
    assert_same_tracks,
    cuttings,
    planned,
    track_at_once,
    track_in_pieces,
    track_params,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"


@pytest.fixture(scope="module")
def lite() -> Iterator[TritonClient]:
    """A client of a server that has the detector of the repository."""
    repository = ROOT / "model_repository"
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=60) as connected:
        yield connected


@pytest.mark.parametrize("stride", [1, 3])
def test_the_sample(lite: TritonClient, tmp_path: Path, stride: int) -> None:
    params = track_params(stride=stride)
    starts = cuttings(SAMPLE)
    ordinary = track_at_once(SAMPLE, params, lite)
    assert len(ordinary.tracks)
    film = track_in_pieces(SAMPLE, planned(SAMPLE, params, lite, starts), tmp_path, lite)
    assert_same_tracks(film, ordinary)
