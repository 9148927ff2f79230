"""Tests the speed that `framewright models measure` records, and who uses it."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path

import pytest

from export_onnx.repository import install, read_record
from orchestrator.cost.measured_speed import measured_speed, source_here, speed_file
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.measure_speed import measure_speed
from orchestrator.pipeline.progress import Progress
from orchestrator.settings import PROJECT_ROOT
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tests.support.command import assert_refused, framewright
from tests.support.model_builds import framewright_models
from tools.fixtures import clips


def test_the_speed_is_that_of_a_whole_job(client: TritonClient, tmp_path: Path) -> None:
    """The model takes at least a fifth of a second for a frame."""
    video = clips.make_clip(tmp_path / "in.mp4", 3)
    moments: list[Progress] = []
    context = JobContext(connect=lambda: client, on_progress=moments.append)
    started_s = time.monotonic()
    speed = measure_speed("slow", video, context, gpu="cpu")
    whole_s = time.monotonic() - started_s
    assert 3 / whole_s * 0.99 <= speed.fps < 30
    assert (speed.task, speed.model, speed.gpu, speed.measured) == ("upscale", "slow", "cpu", True)
    assert (speed.width, speed.height) == (clips.WIDTH, clips.HEIGHT)
    assert speed.source == source_here()
    assert moments[-1].frames == 3


def test_a_slow_model_is_stopped_after_a_frame(client: TritonClient, tmp_path: Path) -> None:
    video = clips.make_clip(tmp_path / "in.mp4", 20)
    moments: list[Progress] = []
    context = JobContext(connect=lambda: client, on_progress=moments.append)
    speed = measure_speed("slow", video, context, gpu="cpu", most_s=0.01)
    assert 1 <= moments[-1].frames < 20
    assert speed.fps > 0


def test_a_detector_is_measured_by_a_track(client: TritonClient, tmp_path: Path) -> None:
    video = clips.make_clip(tmp_path / "in.mp4", 6)
    speed = measure_speed("colour-finder", video, JobContext(connect=lambda: client), gpu="RTX 9")
    assert (speed.task, speed.gpu) == ("track", "RTX 9")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with lite-x4 alone."""
    shutil.copytree(PROJECT_ROOT / "model_repository" / "lite-x4", tmp_path / "models" / "lite-x4")
    speed_file(tmp_path / "models", "lite-x4").unlink(missing_ok=True)
    return tmp_path / "models"


def listed(repository: Path) -> dict[str, object]:
    rows = json.loads(framewright_models("list", "--json", MODEL_REPOSITORY=str(repository)).stdout)
    (row,) = [row for row in rows if row["name"] == "lite-x4"]
    return dict(row)


def test_the_command_records_it_and_the_list_and_the_estimate_use_it(
    repository: Path, tmp_path: Path
) -> None:
    video = clips.make_clip(tmp_path / "in.mp4", 8)
    places = {"MODEL_REPOSITORY": repository}
    assert listed(repository)["speed_here"] is None
    ended = framewright("models", "measure", "--video", video, "--json", FRAMEWRIGHT_GPU="cpu", **places)
    assert ended.code == 0, ended
    (measured,) = json.loads(ended.out)
    assert (measured["model"], measured["width"], measured["height"]) == (
        "lite-x4",
        clips.WIDTH,
        clips.HEIGHT,
    )
    here = listed(repository)["speed_here"]
    assert here == {
        "gpu": "cpu",
        "width": clips.WIDTH,
        "height": clips.HEIGHT,
        "fps": measured["fps"],
        "origin": f"measured by {source_here()}, {measured['date']}",
    }
    table = framewright_models("list", MODEL_REPOSITORY=str(repository)).stdout
    (line,) = [line for line in table.splitlines() if line.startswith("lite-x4 ")]
    assert f"{measured['fps']:g} fps of {clips.WIDTH}x{clips.HEIGHT}, this machine" in line
    ended = framewright("estimate", video, "--model", "lite-x4", "--gpu", "cpu", "--json", **places)
    assert json.loads(ended.out)["seconds"] == pytest.approx(8 / measured["fps"], abs=0.001)
    # Another build of the model removes the record.
    record = read_record(repository, "lite-x4")
    assert record is not None
    staged = tmp_path / "staged"
    shutil.copytree(repository / "lite-x4" / "1", staged)
    install(repository, staged, record)
    assert listed(repository)["speed_here"] is None


@pytest.mark.parametrize(
    "change",
    [
        {"source": "`framewright models measure` on another processor, 2 cores"},
        {"model": "other"},
        {"fps": -1},
        {"fps": "fast"},
        {"more": 1},
    ],
)
def test_a_record_of_another_machine_or_a_damaged_one_is_ignored(
    tmp_path: Path, change: dict[str, object]
) -> None:
    right = {
        "task": "upscale",
        "model": "lite-x4",
        "gpu": "cpu",
        "width": 320,
        "height": 180,
        "fps": 5.0,
        "source": source_here(),
        "date": "2026-11-30",
        "measured": True,
    }
    path = speed_file(tmp_path, "lite-x4")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(right))
    speed = measured_speed(tmp_path, "lite-x4")
    assert speed is not None
    assert speed.fps == 5
    path.write_text(json.dumps(right | change))
    assert measured_speed(tmp_path, "lite-x4") is None
    path.write_bytes(b"\xff{")
    assert measured_speed(tmp_path, "lite-x4") is None


def test_a_model_that_is_not_there_is_refused(triton: TritonServer, tmp_path: Path) -> None:
    places = {"TRITON_URL": triton.url, "MODEL_REPOSITORY": tmp_path}
    assert_refused(framewright("models", "measure", "no-such", **places), 2, "no-such")
    assert_refused(framewright("models", "measure", **places), 2, "no model is built")
    ended = framewright("models", "measure", "nearest-x4", "--video", tmp_path / "none.mp4", **places)
    assert_refused(ended, 2, "none.mp4")
    video = clips.make_clip(tmp_path / "in.mp4", 2)
    ended = framewright("models", "measure", "nearest-x4", "--video", video, **places)
    assert_refused(ended, 2, str(tmp_path))
