"""Tests films with the real worker: the plan, the pieces and the assembled film through the API."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import pytest
import requests

from orchestrator.film.assemble import assemble
from orchestrator.film.document import document, read_plan
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.jobs.film import ExportFilm
from orchestrator.pipeline.context import JobContext
from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import put
from tests.cloud.job_steps import entries
from tests.cloud.test_films import steps_of
from tests.support.flow import MODELS, SAMPLE
from tests.support.track_film import LocalPieces, no_triton
from tools.cloud import service
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing
from tools.fixtures import clips
from tools.stand_ins.processes import COMMAND
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence
from tools.stand_ins.worker_process import WorkerProcess, wait, working

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

FRAMES = 300
SOURCE = {"width": 96, "height": 64, "frames": FRAMES, "fps": 25.0}
LONGER: dict[str, Any] = {**SOURCE, "frames": 4500}
"""A video whose export has three segments: without a model, each has 1,500 frames."""

LOW_LIMITS = {"FILM_SECONDS": "1", "SEGMENT_SECONDS": "1", "WORKERS": "2", "FILM_WAIT_S": "5", "GPU": "cpu"}

CROP = {"x": 8, "y": 0, "w": 64, "h": 64}

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


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip whose export has three segments, with sound."""
    path = tmp_path_factory.mktemp("long") / "clip.mp4"
    sound = [{"seconds": LONGER["frames"] / 25}]
    return clips.make_clip(path, LONGER["frames"], options={"g": "25"}, audio=sound)


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
    films: Cloud, worker: WorkerProcess, long_clip: Path, tmp_path: Path
) -> None:
    """Its parts are listed while others are being made, and its bytes are those of the same plan."""
    user = films.new_user(100)
    params = {"crop": CROP, "quality": "lossless"}
    upload = user.upload(long_clip.read_bytes())
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
    expected, pieces = film_of_one_process(films, film["id"], long_clip, tmp_path)
    assert requests.get(film["links"]["output"], timeout=60).content == expected
    payloads = [pieces.path(n).read_bytes()[: pieces.manifest(n).payload_bytes] for n in range(segments)]
    for url in early:
        piece = requests.get(url, timeout=60).content
        assert any(piece.startswith(payload) for payload in payloads), (
            "each listed part is one of these pieces"
        )
    worker.idle()


def film_of_one_process(films: Cloud, job_id: str, clip: Path, folder: Path) -> tuple[bytes, LocalPieces]:
    """Return the file that this process makes of the plan of a film, and its pieces."""
    (row,) = films.sql("SELECT plan_key, plan_hash FROM films WHERE job_id = ?", job_id)
    stored = films.door.get(row["plan_key"]) or b""
    assert hashlib.sha256(stored).hexdigest() == row["plan_hash"]
    plan = read_plan(stored, expected_hash=row["plan_hash"])
    context, pieces = JobContext(connect=no_triton), LocalPieces(folder)
    for number in range(len(plan.segments)):
        make_segment(clip, plan, number, pieces.path(number), context, plan_hash=row["plan_hash"])
    assemble(clip, plan, pieces, folder / "film.mp4", context, plan_hash=row["plan_hash"])
    return (folder / "film.mp4").read_bytes(), pieces


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


def start_export(user: ApiUser, upload: str) -> dict[str, Any]:
    job: dict[str, Any] = done(
        user.debit(task="export", upload_id=upload, params={"crop": CROP}, source=LONGER)
    )
    assert job["quote"]["film"]["segments"] > 1
    return job


def ended(user: ApiUser, job_id: str) -> dict[str, Any]:
    """Wait for the end of a job; return it."""
    wait(lambda: done(user.get(f"/status/{job_id}"))["ended_at"] is not None)
    return dict(done(user.get(f"/status/{job_id}")))


def hold_back(films: Cloud, is_held: Callable[[dict[str, Any]], bool]) -> None:
    """Let the jobs with these inputs hang at RunPod; the worker gets all others."""

    def pretence(job: Job) -> Pretence | None:
        return Pretence(run_s=3600) if is_held(job.input) else None

    films.runpod.pretend = pretence


def let_go(films: Cloud, job_id: str) -> None:
    """End the runs of a film that hang, as if their workers had died: the real worker gets them next."""
    films.runpod.pretend = lambda _job: None
    for run in steps_of(films, job_id):
        if not run.is_final:
            films.runpod.cancel(run.id)


def segments_of(films: Cloud, job_id: str) -> list[dict[str, Any]]:
    query = "SELECT * FROM film_steps WHERE job_id = ? AND kind = 'segment' ORDER BY number"
    return films.sql(query, job_id)


def check_account(films: Cloud, user: ApiUser, *jobs: dict[str, Any]) -> None:
    """Check that holds were released, each job was captured once, and no run goes on."""
    expected = []
    for job in jobs:
        hold = job["hold"]
        expected += [("hold", -hold), ("release", hold), ("capture", -job["charge"])]
    runs = [run for job in jobs for run in steps_of(films, job["id"])]
    films.runpod.wait(lambda: all(run.is_final for run in runs))
    assert entries(user)[1:] == expected
    assert done(user.get("/wallet"))["held"] == 0
    assert films.admin("GET", "/admin/ledger/check").json()["problems"] == []


def test_a_source_that_changes_between_segments_ends_the_film_and_the_next_is_planned_anew(
    films: Cloud, worker: WorkerProcess, long_clip: Path, tmp_path: Path
) -> None:
    """Its finished segments are charged, because the video is its owner's."""
    user = films.new_user(100)
    upload = user.upload(long_clip.read_bytes())
    hold_back(films, lambda job: job["params"].get("number") == 1)
    job = start_export(user, upload)

    def is_only_one_left() -> bool:
        rows = segments_of(films, job["id"])
        return [row["number"] for row in rows if row["state"] != "done"] == [1] and rows[1]["runs"] > 0

    wait(is_only_one_left)
    (row,) = films.sql("SELECT object_key FROM uploads WHERE id = ?", upload)
    other = clips.make_clip(tmp_path / "other.mp4", LONGER["frames"], options={"g": "25", "crf": "30"})
    films.door.put(row["object_key"], other)
    let_go(films, job["id"])
    failed = ended(user, job["id"])
    error = failed["error"]
    assert (failed["state"], error["code"], error["fault"]) == ("failed", "source_changed", "caller")
    assert "send the job again" in error["message"]
    assert error["retryable"]
    rows = segments_of(films, job["id"])
    assert [row["number"] for row in rows if row["state"] != "done"] == [1]
    assert failed["charge"] == sum(row["charge"] for row in rows if row["number"] != 1) > 0
    assert rows[1]["charge"] is None
    assert failed["links"]["output"] is None
    again = ended(user, start_export(user, upload)["id"])
    assert again["state"] == "completed", again["error"]
    assert (
        requests.get(again["links"]["output"], timeout=60).content
        == (film_of_one_process(films, again["id"], other, tmp_path)[0])
    )
    check_account(films, user, failed, again)
    worker.idle()


def test_a_plan_of_another_version_ends_the_film_at_no_cost_and_the_next_is_planned_anew(
    films: Cloud, worker: WorkerProcess, long_clip: Path
) -> None:
    """As if the worker had been replaced by a newer one after the plan was made."""
    plan = plan_film(
        long_clip, ExportFilm.model_validate({"task": "export"}), JobContext(connect=no_triton), etag=None
    )
    earlier = json.dumps(json.loads(document(plan)) | {"version": plan.version - 1}).encode()

    def earlier_worker(job: Job) -> Pretence | None:
        if job.input["task"] != "plan":
            return None
        put(job.input["output_url"], earlier, "application/json")
        segments = [
            {"number": one.number, "frames": one.frames, "start_sec": 60.0 * one.number, "end_sec": 60.0}
            for one in plan.segments
        ]
        output = {"plan_hash": hashlib.sha256(earlier).hexdigest(), "unsplit": None, "segments": segments}
        return Pretence(answer={"output": {"status": "completed", "hardest": 0} | output})

    user = films.new_user(100)
    upload = user.upload(long_clip.read_bytes())
    films.runpod.pretend = earlier_worker
    failed = ended(user, start_export(user, upload)["id"])
    films.runpod.pretend = lambda _job: None
    error = failed["error"]
    assert (failed["state"], error["code"], failed["charge"]) == ("failed", "plan_refused", 0)
    assert "another version" in error["message"]
    assert "send the job again" in error["message"]
    assert error["retryable"]
    again = ended(user, start_export(user, upload)["id"])
    assert again["state"] == "completed", again["error"]
    assert again["charge"] == sum(row["charge"] for row in segments_of(films, again["id"])) + sum(
        again["quote"]["film"][cost] for cost in ("plan_cost", "assemble_cost")
    )
    check_account(films, user, failed, again)
    worker.idle()


def test_a_piece_that_was_changed_is_made_once_more_and_charged_once(
    films: Cloud, worker: WorkerProcess, long_clip: Path, tmp_path: Path
) -> None:
    user = films.new_user(100)
    hold_back(films, lambda job: job["task"] == "assemble")
    job = start_export(user, user.upload(long_clip.read_bytes()))
    wait(lambda: any(run.input["task"] == "assemble" for run in steps_of(films, job["id"])))
    charges = [row["charge"] for row in segments_of(films, job["id"])]
    (row,) = films.sql("SELECT * FROM films WHERE job_id = ?", job["id"])
    (owner,) = films.sql("SELECT user_id FROM jobs WHERE id = ?", job["id"])
    key = f"film/{owner['user_id']}/{row['upload_id']}/{row['plan_hash']}/1.piece"
    content = bytearray(films.door.get(key) or b"")
    content[len(content) // 2] ^= 1
    (tmp_path / "changed").write_bytes(content)
    films.door.put(key, tmp_path / "changed")
    let_go(films, job["id"])
    after = ended(user, job["id"])
    assert after["state"] == "completed", after["error"]
    assert (
        requests.get(after["links"]["output"], timeout=60).content
        == (film_of_one_process(films, job["id"], long_clip, tmp_path)[0])
    )
    runs = [run.input["params"].get("number") for run in steps_of(films, job["id"])]
    assert [runs.count(number) for number in range(len(charges))] == [1, 2] + [1] * (len(charges) - 2)
    assert [row["charge"] for row in segments_of(films, job["id"])] == charges
    assert after["charge"] == sum(charges) + sum(
        job["quote"]["film"][cost] for cost in ("plan_cost", "assemble_cost")
    )
    check_account(films, user, after)
    worker.idle()
