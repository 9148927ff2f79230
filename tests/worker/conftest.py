"""Fixtures of the worker tests: an S3 bucket, a clip, models, and a job that uses them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.slow_store import SlowStore
from tools.fixtures import clips, detectors, upscalers
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.runpod_server import RunPodServer


@pytest.fixture(scope="session")
def small_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """25 numbered pictures of 96 by 64, and sound."""
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", 25, audio=[{"seconds": 1.0}])


@pytest.fixture(scope="session")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """1500 numbered pictures of 96 by 64."""
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "long.mp4", 1500)


@pytest.fixture(scope="session")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """30 red pictures, in which the colour finder finds one object."""
    path = tmp_path_factory.mktemp("squares") / "squares.mp4"
    return clips.make_clip(path, [clips.plain((255, 0, 0))] * 30)


@pytest.fixture(scope="session")
def worker_models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Settings with nearest-x4, colour-finder, and `slow`, with 0.2 s for a picture on any machine."""
    folder = tmp_path_factory.mktemp("models")
    upscalers.write_nearest_x4(folder)
    detectors.write_colour_finder(folder)
    upscalers.write_slow(folder, rounds=upscalers.rounds_in(0.2), max_batch=1, tile=128)
    return {
        "MODEL_REPOSITORY": folder,
        "FRAMEWRIGHT_UPSCALE_MODEL": "nearest-x4",
        "FRAMEWRIGHT_YOLOV8": "colour-finder",
    }


@pytest.fixture
def runpod() -> Iterator[RunPodServer]:
    """A job server of its own for each test; modules that share a worker have one each."""
    with RunPodServer().running() as server:
        yield server


@pytest.fixture
def slow_store(small_clip: Path) -> Iterator[SlowStore]:
    with SlowStore(small_clip.read_bytes()).running() as store:
        yield store


@pytest.fixture
def upscale_job(bucket: Bucket, small_clip: Path, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A job on `small_clip`; its output is an object of this test's name."""
    return {
        "task": "upscale",
        "input_url": bucket.put("clip.mp4", small_clip),
        "output_url": bucket.put_url(f"{request.node.name}.mp4"),
    }


@pytest.fixture
def long_job(bucket: Bucket, long_clip: Path, upscale_job: dict[str, Any]) -> dict[str, Any]:
    """A job that takes about five minutes at least, for tests that end it."""
    return upscale_job | {"input_url": bucket.put("long.mp4", long_clip), "params": {"model": "slow"}}
