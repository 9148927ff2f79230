"""Tests films with the real worker: the plan, the pieces and the assembled film through the API."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from orchestrator.film.assemble import assemble
from orchestrator.film.document import read_plan
from orchestrator.film.segment import make_segment
from orchestrator.pipeline.context import JobContext
from tests.cloud.conftest import Cloud
from tests.cloud.test_films import steps_of
from tests.support.flow import MODELS, SAMPLE
from tests.support.track_film import LocalPieces, no_triton
from tools.cloud import service
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing
from tools.fixtures import clips
from tools.stand_ins.processes import COMMAND
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.worker_process import WorkerProcess, wait, working

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FRAMES = 300
SOURCE = {"width": 96, "height": 64, "frames": FRAMES, "fps": 25.0}
LONGER: dict[str, Any] = {**SOURCE, "frames": 4500}
"""A video whose export has three segments: without a model, each has 1,500 frames."""

LOW_LIMITS = {"FILM_SECONDS": "1", "SEGMENT_SECONDS": "1", "WORKERS": "2", "FILM_WAIT_S": "5", "GPU": "cpu"}

QUOTED = {"UPSCALE_MODEL": "lite-x4", "YOLOV8": "lite-detector"}


@pytest.fixture(scope="module")
def films() -> Iterator[Cloud]:
    """The API, to which a job of more than a second is a film, made of segments of a second of work."""
    try:
        with service.running(
            RunPodApi(webhook_retry_s=0.2, rates={}), variables=LOW_LIMITS | QUOTED
        ) as parts:
            yield Cloud(parts)
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def worker(films: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    with working(tmp_path_factory.mktemp("jobs"), **MODELS | films.runpod.worker.environment) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """300 numbered pictures of 96 by 64 with a keyframe every ten, and sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return clips.make_clip(path, FRAMES, options={"g": "10"}, audio=[{"seconds": 12.0}])


def finished(user: ApiUser, clip: Path, task: str, source: dict[str, Any] = SOURCE) -> dict[str, Any]:
    """Run a job to its end; return the job object."""
    upload = user.upload(clip.read_bytes())
    job = done(user.debit(task=task, upload_id=upload, params={}, source=source))
    assert job["quote"]["film"]["segments"] > 1
    seen: list[dict[str, Any]] = [job]

    def has_ended() -> bool:
        seen.append(done(user.get(f"/status/{job['id']}")))
        return seen[-1]["ended_at"] is not None

    wait(has_ended, 600)
    return seen[-1]


def pts_of(path: Path) -> list[int]:
    """Return when the frames of a video are shown, in microseconds."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [round(1e6 * frame.time) for frame in container.decode(stream) if frame.time is not None]


def test_an_upscaled_film_is_whole_and_paid_as_quoted(
    films: Cloud, worker: WorkerProcess, clip: Path, tmp_path: Path
) -> None:
    user = films.new_user(100)
    job = finished(user, clip, "upscale")
    assert job["state"] == "completed", job["error"]
    assert job["film"]["segments"] == job["film"]["done"] > 1, "the video was made in parts"
    assert job["charge"] == job["quote"]["expected"]
    assert job["result"]["stats"]["frames"] == FRAMES
    output = tmp_path / "film.mp4"
    output.write_bytes(requests.get(job["links"]["output"], timeout=60).content)
    assert pts_of(output) == pts_of(clip)
    with av.open(str(output)) as container:
        assert (container.streams.video[0].width, container.streams.video[0].height) == (384, 256)
        assert len(container.streams.audio) == 1
    for piece in job["film"]["pieces"]:
        path = tmp_path / f"{piece['number']}.mp4"
        path.write_bytes(requests.get(piece["url"], timeout=60).content)
        assert len(pts_of(path)) == pytest.approx(25 * (piece["end_sec"] - piece["start_sec"]), abs=0.01)
    kinds = [run.input["task"] for run in steps_of(films, job["id"])]
    assert kinds.count("plan") == kinds.count("assemble") == 1
    assert kinds.count("segment") == job["film"]["segments"]
    worker.idle()


def test_an_exported_film_is_the_file_that_one_process_makes(
    films: Cloud, worker: WorkerProcess, tmp_path: Path
) -> None:
    """Its parts are listed while others are being made, and its bytes are those of the same plan."""
    user = films.new_user(100)
    sound = [{"seconds": LONGER["frames"] / 25}]
    clip = clips.make_clip(tmp_path / "in.mp4", LONGER["frames"], options={"g": "25"}, audio=sound)
    crop = {"x": 8, "y": 0, "w": 64, "h": 64}
    params = {"crop": crop, "quality": "lossless"}
    upload = user.upload(clip.read_bytes())
    job = done(user.debit(task="export", upload_id=upload, params=params, source=LONGER))
    shown: list[tuple[int, list[str]]] = []

    def has_ended() -> bool:
        listed = user.get(f"/jobs/{job['id']}/playlist")
        lines = done(listed)["m3u"].splitlines()
        shown.append((job_of()["film"]["done"], [line for line in lines[1:] if not line.startswith("#")]))
        return job_of()["ended_at"] is not None

    def job_of() -> dict[str, Any]:
        return dict(done(user.get(f"/status/{job['id']}")))

    wait(has_ended, 600)
    film = job_of()
    assert film["state"] == "completed", film["error"]
    segments = film["film"]["segments"]
    assert segments > 2
    assert all(len(urls) <= count for count, urls in shown), "only finished parts are listed"
    early = next(urls for count, urls in shown if 0 < len(urls) < segments)
    (row,) = films.sql("SELECT plan_key, plan_hash FROM films WHERE job_id = ?", film["id"])
    document = films.door.get(row["plan_key"]) or b""
    assert hashlib.sha256(document).hexdigest() == row["plan_hash"]
    plan = read_plan(document, expected_hash=row["plan_hash"])
    context, pieces = JobContext(connect=no_triton), LocalPieces(tmp_path)
    for number in range(len(plan.segments)):
        make_segment(clip, plan, number, pieces.path(number), context, plan_hash=row["plan_hash"])
    assemble(clip, plan, pieces, tmp_path / "film.mp4", context, plan_hash=row["plan_hash"])
    assert requests.get(film["links"]["output"], timeout=60).content == (tmp_path / "film.mp4").read_bytes()
    payloads = [pieces.path(n).read_bytes()[: pieces.manifest(n).payload_bytes] for n in range(segments)]
    for url in early:
        piece = requests.get(url, timeout=60).content
        assert any(piece.startswith(payload) for payload in payloads), (
            "each listed part is one of these pieces"
        )
    worker.idle()


def test_the_tracks_of_a_film_are_those_of_one_job(
    films: Cloud, worker: WorkerProcess, tmp_path: Path
) -> None:
    job = finished(films.new_user(100), SAMPLE, "track", {"width": 320, "height": 180, "frames": 144})
    assert job["state"] == "completed", job["error"]
    assert job["film"]["done"] == job["film"]["segments"] == 2, "the sample has two keyframes"
    output = tmp_path / "tracks.json"
    command = [str(COMMAND), "track", str(SAMPLE), "-o", str(output), "--model", "lite-detector"]
    subprocess.run(command, check=True, capture_output=True)
    expected = json.loads(output.read_text())
    assert len(expected["tracks"]) > 1
    found = job["result"]
    if "tracks" not in found:
        found = requests.get(job["links"]["output"], timeout=60).json()
    assert found["tracks"] == expected["tracks"]
    assert job["charge"] == job["quote"]["expected"]
    worker.idle()


def test_a_video_that_the_plan_does_not_split_is_made_as_one_job(
    films: Cloud, worker: WorkerProcess, tmp_path: Path
) -> None:
    """One keyframe is too few for two segments."""
    clip = clips.make_clip(tmp_path / "clip.mp4", 100, options={"g": "1000", "sc_threshold": "0"})
    job = finished(films.new_user(100), clip, "upscale", {**SOURCE, "frames": 200})
    assert job["state"] == "completed", job["error"]
    assert job["film"] is None
    kinds = [run.input["task"] for run in steps_of(films, job["id"])]
    assert kinds == ["plan", "upscale"]
    output = tmp_path / "output.mp4"
    output.write_bytes(requests.get(job["links"]["output"], timeout=60).content)
    assert pts_of(output) == pts_of(clip)
    whole = steps_of(films, job["id"])[1]
    assert job["charge"] == -(-(whole.execution_ms or 0) * job["quote"]["price_per_s"] // 1000)
    worker.idle()
