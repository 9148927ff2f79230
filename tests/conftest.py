"""Fixtures for all tests: one real Triton and one S3 server per session, models, and clips."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before anything imports onnxruntime

from orchestrator.media.thread_priority import reset_thread_priority
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from orchestrator.triton.supervisor import Supervisor
from tools.fixtures import detectors, upscalers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tools.stand_ins.bucket import Bucket

    WrittenOnce = Callable[[str, Callable[[Path], object]], Path]

pytest.register_assert_rewrite("tests.support")

# Neither a busy machine nor the draw of the examples decides whether a test passes.
# `--hypothesis-profile=search` looks for new counterexamples; each that it finds is kept as an `@example`.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.register_profile("search", deadline=None, derandomize=False, max_examples=2000)
settings.load_profile("repeatable")


@pytest.fixture(autouse=True)
def usual_priority() -> Iterator[None]:
    """Reset the priority that SVT-AV1 gives this process if it runs as root; servers would inherit it."""
    yield
    if os.sched_getscheduler(0) != os.SCHED_OTHER:
        reset_thread_priority()


@pytest.fixture(scope="session")
def written_once(tmp_path_factory: pytest.TempPathFactory) -> WrittenOnce:
    """Return the file of a name, which `write(path)` makes when a test first asks; tests only read it."""
    folder = tmp_path_factory.mktemp("written_once")

    def file(name: str, write: Callable[[Path], object]) -> Path:
        path = folder / name
        if not path.exists():
            write(path)
        return path

    return file


@pytest.fixture(scope="session")
def bucket() -> Iterator[Bucket]:
    """A bucket of a real S3 server on loopback."""
    from tools.stand_ins import s3_door  # noqa: PLC0415  imports moto, which few tests need

    with s3_door.serving() as serving:
        yield serving


@pytest.fixture(scope="session")
def model_repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Nearly all models of `tools.fixtures`, built; add none to it, others read it."""
    repository = tmp_path_factory.mktemp("model_repository")
    upscalers.write_identity(repository)
    upscalers.write_nearest_x4(repository)
    upscalers.write_black(repository)
    upscalers.write_swapped(repository)
    upscalers.write_wrong_scale(repository)
    upscalers.write_slow(repository, rounds=upscalers.rounds_in(0.2))
    upscalers.write_memory_hungry(repository)
    detectors.write_detector(repository)
    detectors.write_colour_finder(repository)
    return repository


@pytest.fixture(scope="session")
def triton(model_repository: Path) -> Iterator[TritonServer]:
    """A server over `model_repository`; if a test crashes it, it is restarted for the next one."""
    with Supervisor(TritonServer(model_repository), restarts=10) as supervisor:
        yield supervisor.server


@pytest.fixture
def client(triton: TritonServer) -> Iterator[TritonClient]:
    """A client of `triton`; it loads nothing by itself."""
    with TritonClient(triton.url, infer_timeout_s=60) as connected:
        yield connected
