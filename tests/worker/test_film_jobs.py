"""Tests the three jobs of a film through real workers, a real S3 door and a real Triton.

What they store is compared with what the pure functions make of the same file.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import shutil
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import psutil
import pytest
from pydantic import TypeAdapter

from orchestrator.executor import run_job
from orchestrator.film.assemble import assemble
from orchestrator.film.document import FilmPlan, PieceManifest, document, hash_of, read_plan
from orchestrator.film.piece import read_manifest
from orchestrator.film.plan import plan_film
from orchestrator.film.segment import make_segment
from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.jobs import TrackParams
from orchestrator.jobs.film import FilmParams
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.settings import PROJECT_ROOT, Settings
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tests.support.results import assert_failed
from tests.support.web import serving
from tools.fixtures import clips
from tools.stand_ins.bucket import NAME, Bucket
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import LOCAL, WorkerProcess, wait, working

FRAMES = 60
EXPORT = {"task": "export", "segments": 4, "params": {"quality": "low"}}
TRACK_PARAMS: dict[str, Any] = {"model": "colour-finder", "batch": 2}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory, worker_models: dict[str, Any]) -> Path:
    """The models of the other worker tests, and lite-x4."""
    folder = tmp_path_factory.mktemp("film_models")
    shutil.copytree(worker_models["MODEL_REPOSITORY"], folder, dirs_exist_ok=True)
    shutil.copytree(PROJECT_ROOT / "model_repository" / "lite-x4", folder / "lite-x4")
    return folder


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Numbered pictures with a keyframe every 5 frames, B-frames and sound."""
    path = tmp_path_factory.mktemp("film") / "clip.mp4"
    options = {"g": "5", "bf": "2", "sc_threshold": "0"}
    return clips.make_clip(path, FRAMES, options=options, audio=[{"seconds": FRAMES / 25}])


@pytest.fixture(scope="module")
def context(repository: Path) -> Iterator[JobContext]:
    """The context of the pure functions, with a Triton of their own."""
    settings = Settings(model_repository=repository, upscale_model="lite-x4", yolov8="colour-finder")
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        yield JobContext(
            connect=lambda: client, default_model=settings.upscale_model, resolve=settings.resolved
        )


@pytest.fixture(scope="module")
def environment(repository: Path, worker_models: dict[str, Any]) -> dict[str, Any]:
    return worker_models | {"MODEL_REPOSITORY": repository, "FRAMEWRIGHT_CONCURRENCY": 2}


@pytest.fixture(scope="module")
def runpod() -> Iterator[RunPodServer]:
    with RunPodServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, Any], runpod: RunPodServer
) -> Iterator[WorkerProcess]:
    with working(tmp_path_factory.mktemp("jobs"), **environment, **runpod.environment) as running:
        yield running


@dataclass
class Film:
    """A film in the bucket, and the jobs that make it."""

    bucket: Bucket
    runpod: RunPodServer
    worker: WorkerProcess
    clip: Path
    prefix: str
    params: dict[str, Any] = field(default_factory=lambda: EXPORT)
    plan_hash: str = ""
    segments: int = 0

    def key(self, name: str) -> str:
        return f"{self.prefix}/{name}"

    @property
    def input_url(self) -> str:
        return self.bucket.get_url(self.key("clip.mp4"))

    @property
    def stored_plan(self) -> FilmPlan:
        return read_plan(self.bucket.get(self.key("plan.json")) or b"", expected_hash=self.plan_hash)

    def piece_key(self, number: int) -> str:
        return self.key(f"{self.plan_hash}/{number}.piece")

    def plan_job(self, **changed: Any) -> dict[str, Any]:
        urls = {"input_url": self.input_url, "output_url": self.bucket.put_url(self.key("plan.json"))}
        return {"task": "plan", **urls, "params": self.params, **changed}

    def segment_job(self, number: int, **changed: Any) -> dict[str, Any]:
        return {
            "task": "segment",
            "input_url": self.input_url,
            "plan_url": self.bucket.get_url(self.key("plan.json")),
            "piece_url": self.bucket.get_url(self.piece_key(number)),
            "output_url": self.bucket.put_url(self.piece_key(number)),
            "params": {"plan_hash": self.plan_hash, "number": number},
            **changed,
        }

    def assemble_job(self, name: str = "out.mp4", **changed: Any) -> dict[str, Any]:
        return {
            "task": "assemble",
            "input_url": self.input_url,
            "plan_url": self.bucket.get_url(self.key("plan.json")),
            "piece_urls": [self.bucket.get_url(self.piece_key(number)) for number in range(self.segments)],
            "output_url": self.bucket.put_url(self.key(name)),
            "params": {"plan_hash": self.plan_hash},
            **changed,
        }

    def run(self, *jobs: dict[str, Any]) -> list[dict[str, Any]]:
        """Run jobs at once; return their results when nothing is left of them."""
        submitted = [self.runpod.submit(job) for job in jobs]
        results = [self.runpod.result(job_id) for job_id in submitted]
        self.worker.idle()
        return results

    def outputs(self, *jobs: dict[str, Any]) -> list[dict[str, Any]]:
        results = self.run(*jobs)
        for result in results:
            assert "error" not in result, result
            assert result["output"]["status"] == "completed"
        return [result["output"] for result in results]

    def plan(self) -> dict[str, Any]:
        (output,) = self.outputs(self.plan_job())
        self.plan_hash, self.segments = output["plan_hash"], len(output["segments"])
        return output

    def make_pieces(self) -> list[dict[str, Any]]:
        return self.outputs(*(self.segment_job(number) for number in range(self.segments)))

    def failure(self, job: dict[str, Any]) -> dict[str, Any]:
        (result,) = self.run(job)
        return result

    def stored(self) -> set[str]:
        """Return the names of the objects of the film, without those of its source."""
        names = {name.removeprefix(f"{self.prefix}/") for name in self.bucket.names() if self.prefix in name}
        return names - {"clip.mp4", "tracks.json"}

    def replace_piece(self, number: int, change: Callable[[bytearray], object]) -> None:
        data = bytearray(self.bucket.get(self.piece_key(number)) or b"")
        assert data
        change(data)
        self.bucket.client.put_object(Bucket=NAME, Key=self.piece_key(number), Body=bytes(data))


@pytest.fixture
def film(
    bucket: Bucket, runpod: RunPodServer, worker: WorkerProcess, clip: Path, request: pytest.FixtureRequest
) -> Film:
    prefix = "films/" + hashlib.sha256(request.node.name.encode()).hexdigest()[:16]
    bucket.put(f"{prefix}/clip.mp4", clip)
    return Film(bucket, runpod, worker, clip, prefix)


@dataclass(frozen=True)
class LocalPieces:
    """The pieces that the pure functions made."""

    folder: Path

    def path(self, number: int) -> Path:
        return self.folder / f"{number}.piece"

    def manifest(self, number: int) -> PieceManifest:
        return read_manifest(self.path(number))

    @contextmanager
    def opened(self, number: int) -> Iterator[Path]:
        yield self.path(number)


@contextmanager
def names_in_job_folders(worker: WorkerProcess) -> Iterator[set[str]]:
    """Yield a set that grows with the names of all files that jobs have in their folders."""
    seen: set[str] = set()
    ended = threading.Event()

    def look() -> None:
        while not ended.wait(0.005):
            with contextlib.suppress(FileNotFoundError):  # a folder is removed meanwhile
                seen.update(path.name for path in worker.folder.rglob("*") if path.is_file())

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()


def decoded_pts(data: bytes, folder: Path) -> list[int]:
    path = folder / "pts.bin"
    path.write_bytes(data)
    with av.open(str(path)) as container:
        return [frame.pts or 0 for frame in container.decode(video=0)]


SUBJECT = {
    "video": {"width": 96, "height": 64, "frames": FRAMES, "fps": "25/1", "cuts": []},
    "tracks": [
        {
            "id": 1,
            "class_name": "thing",
            "frames": [{"frame": n, "bbox": [n / 2, 10, 20, 30], "confidence": 0.9} for n in range(FRAMES)],
        }
    ],
}

FILMS: dict[str, tuple[dict[str, Any], str]] = {
    "upscale": ({"task": "upscale", "segments": 3, "params": {"model": "lite-x4", "scale": 2}}, "out.mp4"),
    "export": (
        {
            "task": "export",
            "segments": 4,
            "params": {
                "crop": [
                    {"x": 0, "y": 0, "w": 48, "h": 48, "t": 0},
                    {"x": 40, "y": 8, "w": 48, "h": 48, "t": 2},
                ],
                "format": "mkv",
                "start": 0.3,
                "quality": "low",
            },
        },
        "out.mkv",
    ),
    "follow": (
        {
            "task": "export",
            "segments": 4,
            "params": {"follow": {"track": 1, "aspect": "1:1"}, "format": "mov", "quality": "low"},
        },
        "out.mov",
    ),
}


@pytest.mark.parametrize("name", FILMS)
def test_a_film_is_made_of_three_jobs_as_the_pure_functions_make_it(
    film: Film, context: JobContext, tmp_path: Path, name: str
) -> None:
    film.params, output = FILMS[name]
    subjects = None
    if name == "follow":
        (tmp_path / "tracks.json").write_text(json.dumps(SUBJECT))
        tracks = film.bucket.put(film.key("tracks.json"), tmp_path / "tracks.json")
        film.params = {**film.params, "params": {**film.params["params"], "tracks": tracks}}
        subjects = parse_tracks(SUBJECT)
    with names_in_job_folders(film.worker) as seen:
        planned = film.plan()
        pieces = film.make_pieces()
        (done,) = film.outputs(film.assemble_job(output))

    params = TypeAdapter(FilmParams).validate_python(film.params)
    etag = film.bucket.head(film.key("clip.mp4"))["ETag"]
    plan = plan_film(film.clip, params, context, etag=etag, subjects=subjects)
    stored = film.stored_plan
    assert stored.source.etag == etag
    assert "X-Amz" not in document(stored).decode()
    assert plan.model_copy(update={"segments": ()}) == stored.model_copy(update={"segments": ()})
    assert [one.model_copy(update={"work_sec": None}) for one in plan.segments] == [
        one.model_copy(update={"work_sec": None}) for one in stored.segments
    ]
    assert (
        planned["frames"]
        == sum(one["frames"] for one in planned["segments"])
        == sum(one.frames for one in stored.segments)
    )
    assert planned["segments"][-1]["end_sec"] == planned["duration_sec"]
    assert len(pieces) >= 2

    plan_hash = film.plan_hash
    local = LocalPieces(tmp_path)
    for number, piece in enumerate(pieces):
        assert (piece["number"], piece["already"]) == (number, False)
        made = make_segment(film.clip, stored, number, local.path(number), context, plan_hash=plan_hash)
        assert piece["frames"] == made.frames
        data = film.bucket.get(film.piece_key(number)) or b""
        assert hashlib.sha256(data[: made.payload_bytes]).hexdigest() == made.payload_sha256
        assert film.bucket.head(film.piece_key(number))["ContentType"] == "video/mp4"
    expected = tmp_path / output
    result = assemble(film.clip, stored, local, expected, context, plan_hash=plan_hash)
    delivered = film.bucket.get(film.key(output))
    assert delivered == expected.read_bytes()
    assert done["stats"]["frames"] == result.stats.frames == planned["frames"]
    assert len(decoded_pts(delivered, tmp_path)) == planned["frames"]
    assert not [name for name in seen if name.startswith("input") or "clip" in name], seen
    assert done["output_url"] == film.bucket.put_url(film.key(output)).partition("?")[0]
    if name == "follow":
        assert [stretch["track"] for stretch in done["followed"]] == [1]


def test_a_film_is_tracked_as_by_one_job(film: Film, context: JobContext, tmp_path: Path) -> None:
    film.params = {"task": "track", "segments": 3, "params": TRACK_PARAMS}
    film.clip = clips.make_clip(
        tmp_path / "red.mp4",
        [clips.plain((255, 0, 0))] * 20 + [clips.plain((0, 0, 255))] * 5 + [clips.plain((255, 0, 0))] * 20,
        options={"g": "5", "sc_threshold": "0"},
    )
    film.bucket.put(film.key("clip.mp4"), film.clip)
    film.plan()
    film.make_pieces()
    job = film.assemble_job(output_url=None, preview_url=film.bucket.put_url(film.key("preview.json")))
    (done,) = film.outputs(job)
    whole = track(film.clip, TrackParams(**TRACK_PARAMS), TrackOutputs(), context)
    expected = json.loads("".join(whole.document().json()))
    assert done["tracks"] == expected["tracks"]
    assert done["tracks"]
    assert done["video"] == expected["video"]
    preview = json.loads(film.bucket.get(film.key("preview.json")) or b"")
    assert len(preview["stills"]) == 8
    content_type = film.bucket.head(film.piece_key(0))["ContentType"]
    assert content_type == "application/octet-stream"


def test_a_short_video_is_a_completed_job_without_a_plan(film: Film) -> None:
    film.params = {"task": "export"}
    (output,) = film.outputs(film.plan_job())
    assert output["unsplit"].endswith("it is processed as one job")
    assert (output["output_url"], output["plan_hash"], output["segments"]) == (None, None, [])
    assert film.stored() == set()


def test_a_plan_with_fewer_segments_than_asked_for_says_why(film: Film) -> None:
    film.params = {"task": "export", "segments": 50}
    (output,) = film.outputs(film.plan_job())
    assert 2 <= len(output["segments"]) < 50
    assert any(note.startswith("50 segments are asked for, and the film has") for note in output["notes"])


def test_a_piece_that_is_there_is_not_made_again(
    film: Film, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film.params = FILMS["upscale"][0]
    film.plan()
    film.make_pieces()
    before = film.bucket.head(film.piece_key(1))
    for name, value in LOCAL.items():
        monkeypatch.setenv(name, value)
    job = film.segment_job(1, input_url="http://127.0.0.1:1/no-such-server.mp4")
    result = run_job.run(
        job,
        folder=tmp_path,
        triton_url="127.0.0.1:1",  # nobody listens there
        needed_s=60,
        stop=threading.Event(),
        on_progress=lambda _: None,
    )
    output = json.loads(result.whole.data)
    assert (output["already"], output["number"]) == (True, 1)
    after = film.bucket.head(film.piece_key(1))
    assert (after["ETag"], after["LastModified"]) == (before["ETag"], before["LastModified"])
    assert list(tmp_path.iterdir()) == []


def shares_tensors(process: psutil.Process) -> bool:
    """Whether a process has tensors in memory that it shares with Triton; their name is removed at once."""
    with contextlib.suppress(OSError):  # it ended meanwhile
        return "-tensors" in Path(f"/proc/{process.pid}/maps").read_text()
    return False


def process_that_makes_a_piece(worker: WorkerProcess) -> psutil.Process:
    """Wait until a job of this worker has found no piece and sends pictures to Triton; return its process."""
    found: list[psutil.Process] = []

    def is_found() -> bool:
        found[:] = [process for process in worker.jobs if shares_tensors(process)]
        return bool(found)

    wait(is_found)
    return found[0]


def test_two_workers_that_make_one_segment_at_once_both_succeed(
    film: Film, environment: dict[str, Any], tmp_path: Path
) -> None:
    film.params = {"task": "upscale", "segments": 3, "params": {"model": "slow"}}
    film.plan()
    with RunPodServer().running() as other, working(tmp_path, **environment, **other.environment) as second:
        jobs = [(film.runpod, film.segment_job(0)), (other, film.segment_job(0))]
        ids = [server.submit(job) for server, job in jobs]
        first = process_that_makes_a_piece(film.worker)
        first.suspend()  # the other worker has yet to start, and must not find its piece
        try:
            process_that_makes_a_piece(second)
        finally:
            first.resume()
        outputs = [server.result(job_id)["output"] for (server, _), job_id in zip(jobs, ids, strict=True)]
        second.idle()
    film.worker.idle()
    assert sorted(output["already"] for output in outputs) == [False, True]
    assert film.stored() == {"plan.json", f"{film.plan_hash}/0.piece"}
    assert outputs[0]["frames"] == outputs[1]["frames"] == film.stored_plan.segments[0].frames


def test_a_killed_job_stores_nothing_and_its_retry_succeeds(film: Film) -> None:
    film.params = {"task": "upscale", "segments": 3, "params": {"model": "slow"}}
    film.plan()
    job_id = film.runpod.submit(film.segment_job(1))
    process_that_makes_a_piece(film.worker).send_signal(signal.SIGKILL)
    assert_failed(film.runpod.result(job_id), "job_killed", retryable=True)
    film.worker.idle()
    assert film.stored() == {"plan.json"}
    (output,) = film.outputs(film.segment_job(1))
    assert output["already"] is False
    assert film.stored() == {"plan.json", f"{film.plan_hash}/1.piece"}


def changed_plan(film: Film, **changed: Any) -> dict[str, Any]:
    """Store a plan with other values; return the part of a job that names it."""
    data = json.dumps({**json.loads(document(film.stored_plan)), **changed}).encode()
    film.bucket.client.put_object(Bucket=NAME, Key=film.key("changed.json"), Body=data)
    params = {"plan_hash": hash_of(data), "number": 1}
    return {"plan_url": film.bucket.get_url(film.key("changed.json")), "params": params}


def test_a_plan_of_another_version_is_refused(film: Film) -> None:
    film.plan()
    job = film.segment_job(1, **changed_plan(film, version=1))
    assert_failed(film.failure(job), "plan_refused", "another version", "plan the film again")
    assert film.stored() == {"plan.json", "changed.json"}


def test_a_plan_with_another_hash_is_refused(film: Film) -> None:
    film.plan()
    for job in (film.segment_job(1), film.assemble_job()):
        job["params"]["plan_hash"] = "0" * 64
        assert_failed(film.failure(job), "plan_refused", "its hash differs")
    assert film.stored() == {"plan.json"}


def test_a_plan_that_is_too_large_is_not_fetched(film: Film) -> None:
    film.plan()
    with serving(content=b"0" * (64 * 2**20 + 1)) as server:
        assert_failed(film.failure(film.segment_job(1, plan_url=server.url)), "input_too_large")


def test_a_plan_that_is_not_there_is_said(film: Film) -> None:
    film.plan()
    job = film.segment_job(1, plan_url=film.bucket.get_url(film.key("nothing.json")))
    assert_failed(film.failure(job), "input_not_found", "nothing.json")


def test_a_source_that_changed_after_the_plan_is_refused(film: Film, tmp_path: Path) -> None:
    film.plan()
    film.make_pieces()
    changed = bytearray(film.clip.read_bytes())
    changed[-1] ^= 1  # of the same size, so that the ETag alone tells
    film.bucket.client.put_object(Bucket=NAME, Key=film.key("clip.mp4"), Body=bytes(changed))
    film.bucket.client.delete_object(Bucket=NAME, Key=film.piece_key(0))
    assert_failed(film.failure(film.segment_job(0)), "source_changed")
    assert_failed(film.failure(film.assemble_job()), "piece_damaged", "piece 0 is missing", piece=0)
    (tmp_path / "clip.mp4").write_bytes(film.clip.read_bytes())
    film.bucket.put(film.key("clip.mp4"), tmp_path / "clip.mp4")
    film.outputs(film.segment_job(0))
    film.bucket.client.put_object(Bucket=NAME, Key=film.key("clip.mp4"), Body=bytes(changed))
    assert_failed(film.failure(film.assemble_job()), "source_changed")
    assert "out.mp4" not in film.stored()


def flip(place: int) -> Callable[[bytearray], object]:
    def change(data: bytearray) -> None:
        data[place] ^= 0xFF

    return change


@pytest.mark.parametrize(
    "change",
    [flip(200), flip(-1), flip(-40), bytearray.clear, lambda data: data.__delitem__(slice(100))],
    ids=["payload", "length", "manifest", "empty", "cut"],
)
def test_a_damaged_piece_is_named_and_made_again_once_it_is_deleted(
    film: Film, change: Callable[[bytearray], object]
) -> None:
    film.plan()
    film.make_pieces()
    right = film.bucket.get(film.piece_key(2))
    film.replace_piece(2, change)
    assert_failed(film.failure(film.assemble_job()), "piece_damaged", "piece 2 ", piece=2)
    assert "out.mp4" not in film.stored()
    film.bucket.client.delete_object(Bucket=NAME, Key=film.piece_key(2))
    film.outputs(film.segment_job(2))
    manifest_free = [bytes(data or b"")[:500] for data in (right, film.bucket.get(film.piece_key(2)))]
    assert manifest_free[0] == manifest_free[1]
    film.outputs(film.assemble_job())


def test_a_piece_of_another_segment_is_refused_wherever_it_is_met(film: Film) -> None:
    film.plan()
    film.make_pieces()
    other = film.bucket.get(film.piece_key(0))
    film.bucket.client.put_object(Bucket=NAME, Key=film.piece_key(1), Body=other)
    for job in (film.assemble_job(), film.segment_job(1)):
        assert_failed(film.failure(job), "piece_damaged", "piece 1 ", piece=1)


def test_a_number_beyond_the_last_segment_is_refused(film: Film) -> None:
    film.plan()
    number = film.segments
    assert_failed(film.failure(film.segment_job(number)), "bad_request", f"0 to {number - 1}")
    assert film.stored() == {"plan.json"}


def test_an_assembly_needs_a_piece_of_every_segment_and_a_destination(film: Film) -> None:
    film.plan()
    job = film.assemble_job()
    fewer = {**job, "piece_urls": job["piece_urls"][1:]}
    assert_failed(film.failure(fewer), "bad_request", "piece_urls", f"{film.segments} segments")
    assert_failed(film.failure({**job, "output_url": None}), "bad_request", "output_url is missing")
    assert_failed(film.failure(job), "piece_damaged", "piece 0 is missing", piece=0)
    assert film.stored() == {"plan.json"}


def test_the_jobs_report_their_stages_and_fetch_no_film(film: Film) -> None:
    film.params = FILMS["upscale"][0]
    film.plan()
    film.make_pieces()
    film.bucket.client.delete_object(Bucket=NAME, Key=film.piece_key(0))
    reported = []
    for job in (film.plan_job(), film.segment_job(0), film.assemble_job()):
        job_id = film.runpod.submit(job)
        film.runpod.result(job_id)
        reported.append({update["stage"] for update in film.runpod.updates(job_id)})
    film.worker.idle()
    allowed = [{"planning"}, {"starting", "upscaling", "finishing"}, {"assembling", "finishing"}]
    for stages, expected in zip(reported, allowed, strict=True):
        assert stages
        assert stages <= expected | {"publishing"}


def test_a_server_without_ranges_is_said_before_anything_is_made(film: Film) -> None:
    with serving(content=film.clip.read_bytes() + bytes(100_000)) as server:
        server.script = [lambda handler: handler.answer(200, handler.server.content)]
        result = film.failure(film.plan_job(input_url=server.url))
    assert_failed(result, "input_forbidden", "Range")
    assert film.stored() == set()
