"""Tests the worker without RunPod: one job, jobs over HTTP, and what it refuses."""

from __future__ import annotations

import gzip
import http.client
import json
import shutil
import signal
import socket
import subprocess
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.triton.server import TritonServer
from tests.support.command import Ended
from tests.support.results import assert_discreet, frames
from tests.support.small_disk import small_disk
from tools.fixtures import clips
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.processes import COMMAND, environment
from tools.stand_ins.worker_process import LOCAL, WorkerProcess, wait, working

ROOT = Path(__file__).resolve().parents[2]
MAX_RESULT_BYTES = 1500


class Api:
    def __init__(self, worker: WorkerProcess, port: int) -> None:
        self.worker = worker
        self.port = port
        self._base = f"http://127.0.0.1:{port}"

    def call(self, path: str, body: object) -> dict[str, Any]:
        request = urllib.request.Request(  # noqa: S310  our own address
            f"{self._base}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method="POST",
        )
        with urllib.request.urlopen(request, timeout=120) as answer:  # noqa: S310
            return dict(json.load(answer))

    def refusal(self, values: dict[str, Any]) -> str:
        answer = self.call("/runsync", {"input": values})
        assert set(answer) == {"id", "status", "error"}, answer
        assert answer["status"] == "FAILED"
        assert_discreet(answer["error"])
        return str(answer["error"])


@pytest.fixture(scope="module")
def api(
    tmp_path_factory: pytest.TempPathFactory, triton: TritonServer, worker_models: dict[str, Any]
) -> Iterator[Api]:
    """A worker with small limits that uses a Triton of others."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    limits = {
        "FRAMEWRIGHT_MAX_RESULT_BYTES": MAX_RESULT_BYTES,
        "FRAMEWRIGHT_MAX_DURATION_S": 2,
        "FRAMEWRIGHT_MAX_FRAMES": 40,
        "FRAMEWRIGHT_MAX_SOURCE_PIXELS": 96 * 64,
        "FRAMEWRIGHT_MAX_OUTPUT_PIXELS": 4 * 96 * 4 * 64,
    }
    arguments = ("--rp_serve_api", "--rp_api_host", "127.0.0.1", "--rp_api_port", port)
    folder = tmp_path_factory.mktemp("jobs")
    with working(folder, *arguments, TRITON_URL=triton.url, **(worker_models | limits)) as worker:
        worker.says("Uvicorn running")
        yield Api(worker, port)
        worker.signal(signal.SIGINT)
        assert worker.ended() == 0


def test_jobs_over_http_are_done(api: Api, upscale_job: dict[str, Any]) -> None:
    answer = api.call("/runsync", {"input": upscale_job})
    assert answer["status"] == "COMPLETED"
    assert answer["output"]["stats"]["frames"] == 25
    began = api.call("/run", {"input": upscale_job})
    assert began["status"] == "IN_PROGRESS"
    answer = api.call(f"/status/{began['id']}", {})
    assert answer["output"]["status"] == "completed"
    api.worker.idle()


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),  # taken, and found to hold no job
        ({"Host": "localhost:{port}"}, 422),
        ({"Host": "[::1]:{port}"}, 422),
        ({"Host": "localhost:{port}", "Origin": "http://localhost:{port}"}, 422),
        ({"Host": "attacker.example:{port}"}, 421),
        ({"Host": "127.0.0.1.attacker.example:{port}"}, 421),
        ({"Host": "localhost@attacker.example:{port}"}, 421),
        ({"Host": "10.0.0.1:{port}"}, 421),
        ({"Host": "localhost"}, 421),
        ({"Host": "localhost:80"}, 421),
        ({"Host": ""}, 421),
        ({"Origin": "https://attacker.example"}, 403),
        ({"Origin": "http://localhost:1"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_only_own_names_and_own_pages_reach_the_api(api: Api, headers: dict[str, str], status: int) -> None:
    given = {name: value.format(port=api.port) for name, value in headers.items()}
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=30)
    connection.request("POST", "/run", body="{}", headers={"Content-Type": "application/json"} | given)
    assert connection.getresponse().status == status
    connection.close()


def test_a_wrong_job_over_http_fails(api: Api, upscale_job: dict[str, Any]) -> None:
    assert api.refusal(upscale_job | {"task": "dance"}).startswith("bad_request: ")


def test_tracks_that_are_too_large_go_to_the_output_url(api: Api, bucket: Bucket, squares: Path) -> None:
    job = {"task": "track", "input_url": bucket.put("squares.mp4", squares)}
    error = api.refusal(job)
    assert error.startswith("result_too_large: the result has ")
    size = int(error.split()[4])
    assert size > MAX_RESULT_BYTES
    answer = api.call("/runsync", {"input": job | {"output_url": bucket.put_url("tracks.json.gz")}})
    output = answer["output"]
    sizes = {"json_bytes", "gzip_bytes"}
    assert set(output) == {"status", "output_url", "preview_url", "video", "stats", "notes"} | sizes
    assert output["preview_url"] is None
    assert output["output_url"] == f"{bucket.endpoint}/videos/tracks.json.gz"
    stored = bucket.get("tracks.json.gz")
    assert stored is not None
    assert bucket.head("tracks.json.gz")["ContentType"] == "application/gzip"
    text = gzip.decompress(stored)
    assert (output["gzip_bytes"], output["json_bytes"]) == (len(stored), len(text))
    document = json.loads(text)
    (track,) = document["tracks"]
    assert len(track["frames"]) == 30
    assert document["stats"] == output["stats"]


def test_tracks_whose_url_ends_in_json_are_put_as_plain_json(api: Api, bucket: Bucket, squares: Path) -> None:
    job = {"task": "track", "input_url": bucket.put("squares.mp4", squares)}
    answer = api.call("/runsync", {"input": job | {"output_url": bucket.put_url("plain/tracks.json")}})
    output, stored = answer["output"], bucket.get("plain/tracks.json")
    assert stored is not None
    assert bucket.head("plain/tracks.json")["ContentType"] == "application/json"
    assert (output["gzip_bytes"], output["json_bytes"]) == (None, len(stored))
    assert len(json.loads(stored)["tracks"][0]["frames"]) == 30


def test_tracks_that_just_fit_are_answered(api: Api, bucket: Bucket, tmp_path: Path) -> None:
    short = clips.make_clip(tmp_path / "short.mp4", [clips.plain((255, 0, 0))] * 8)
    answer = api.call("/runsync", {"input": {"task": "track", "input_url": bucket.put("short.mp4", short)}})
    assert len(json.dumps({"output": answer["output"]})) <= MAX_RESULT_BYTES
    assert len(answer["output"]["tracks"]) == 1


@pytest.mark.parametrize(
    ("clip", "words"),
    [
        ({"pictures": 30, "rate": 10}, "lasts 3 s"),
        ({"pictures": 41}, "more than 40 frames"),
        ({"pictures": [clips.numbered(0, 98, 64)]}, "98x64"),
    ],
)
def test_more_than_a_worker_does_is_refused(
    api: Api, bucket: Bucket, upscale_job: dict[str, Any], tmp_path: Path, clip: dict[str, Any], words: str
) -> None:
    made = clips.make_clip(tmp_path / "much.mp4", clip.pop("pictures"), **clip)
    error = api.refusal(upscale_job | {"input_url": bucket.put("much.mp4", made)})
    assert error.startswith("limit_exceeded: ")
    assert words in error


def test_a_larger_output_than_a_worker_makes_is_refused(api: Api, upscale_job: dict[str, Any]) -> None:
    error = api.refusal(upscale_job | {"params": {"scale": 5}})
    assert error.startswith("limit_exceeded: the output would be 480x320")


def test_frames_are_counted_where_the_header_claims_fewer(
    api: Api, bucket: Bucket, upscale_job: dict[str, Any], tmp_path: Path
) -> None:
    made = clips.make_clip(tmp_path / "much.mkv", 60, rate=60)
    data = made.read_bytes()
    made.write_bytes(data.replace(b"DURATION", b"DURATI0N"))
    error = api.refusal(upscale_job | {"input_url": bucket.put("much.mkv", made)})
    assert error.startswith("limit_exceeded: the video has more than 40 frames")


def once(*arguments: object, folder: Path, **extra: object) -> Ended:
    done = subprocess.run(
        [COMMAND, "worker", *map(str, arguments)],
        cwd=folder,
        env=environment(**(LOCAL | extra)),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Ended(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def do(triton: TritonServer, worker_models: dict[str, Any], tmp_path: Path) -> Callable[..., Ended]:
    """Run a worker that does one job, with these settings."""

    def done(job: dict[str, Any], **extra: object) -> Ended:
        arguments = ("--test_input", json.dumps({"input": job}))
        return once(*arguments, folder=tmp_path, TRITON_URL=triton.url, **worker_models, **extra)

    return done


def test_one_job_is_done_and_reported(
    do: Callable[..., Ended], upscale_job: dict[str, Any], bucket: Bucket
) -> None:
    ended = do(upscale_job)
    assert ended.code == 0, ended
    assert "completed successfully" in ended.out
    assert bucket.get("test_one_job_is_done_and_reported.mp4")
    assert not any(signature in ended.out + ended.err for signature in bucket.signatures)


@pytest.mark.parametrize("options", ["size=64k", "size=1m,nr_inodes=4"])
def test_a_folder_for_temporary_files_that_is_too_small_is_disk_full(tmp_path: Path, options: str) -> None:
    """Triton cannot be started there; the files of the job are on another disk."""
    jobs = tmp_path / "jobs"
    jobs.mkdir()
    with small_disk(tmp_path / "small", options) as small:
        ended = once(
            *("--test_input", '{"input": {"task": "track"}}'),
            folder=tmp_path,
            TMPDIR=small,
            FRAMEWRIGHT_JOB_FOLDER=jobs,
        )
        assert ended.code == 1, ended
        assert ended.err.splitlines()[-1].startswith("error: no space is left for temporary files; ")
        assert not list(small.iterdir())


def test_an_answer_that_does_not_fit_is_found_before_the_output_is_published(
    do: Callable[..., Ended], upscale_job: dict[str, Any], bucket: Bucket
) -> None:
    ended = do(upscale_job, FRAMEWRIGHT_MAX_RESULT_BYTES=100)
    assert ended.code == 1
    assert "result_too_large: " in ended.out
    name = "test_an_answer_that_does_not_fit_is_found_before_the_output_is_published.mp4"
    assert name not in bucket.names()


def test_tags_that_are_no_utf8_never_fail_a_job(
    do: Callable[..., Ended], upscale_job: dict[str, Any], bucket: Bucket, tmp_path: Path
) -> None:
    name = "tags.mp4"
    made = clips.make_clip(tmp_path / "tags.mkv", 5, metadata={"BADXXKEY": "value", "other": "vaxxlue"})
    data = made.read_bytes()
    assert b"BADXXKEY" in data
    assert b"vaxxlue" in data
    made.write_bytes(data.replace(b"BADXXKEY", b"BAD\xff\xedKEY").replace(b"vaxxlue", b"va\xff\xedlue"))
    job = upscale_job | {"input_url": bucket.put("tags.mkv", made), "output_url": bucket.put_url(name)}
    ended = do(job)
    assert ended.code == 0, ended
    assert "completed successfully" in ended.out
    video = bucket.get(name)
    assert video is not None
    assert frames(video) == list(range(5))


def test_the_example_in_the_root_is_done_as_it_is_documented(tmp_path: Path, small_files: str) -> None:
    example = json.loads((ROOT / "test_input.json").read_text())
    example["input"]["input_url"] = example["input"]["input_url"].replace(
        "http://127.0.0.1:8900", small_files
    )
    (tmp_path / "test_input.json").write_text(json.dumps(example))
    ended = once(folder=tmp_path)
    assert ended.code == 0, ended
    assert "'tracks': [{" in ended.out
    assert "Traceback" not in ended.out + ended.err


@pytest.fixture
def small_files() -> Iterator[str]:
    """Serve the project's folder over HTTP, by the documented command."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        ["python", "-m", "http.server", str(port), "--bind", "127.0.0.1"],  # noqa: S607  as a user types it
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait(lambda: _answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        server.kill()
        server.wait()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), "test_input.json"),
        (("--test_input", "{"), "no JSON"),
        (("--test_input", "[]"), "has no input"),
        (("--test_input", "{}"), "has no input"),
        (("--rp_api_port", "0"), "rp_api_port"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused_in_one_line(
    arguments: tuple[str, ...], words: str, tmp_path: Path
) -> None:
    ended = once(*arguments, folder=tmp_path)
    assert ended.code == 2, ended
    last = ended.err.splitlines()[-1]
    assert last.startswith("error: ")
    assert words in last
    assert "Traceback" not in ended.err


def test_a_full_disk_fails_the_job_and_leaves_nothing(
    do: Callable[..., Ended], upscale_job: dict[str, Any], bucket: Bucket, tmp_path: Path
) -> None:
    ended = do(upscale_job, FRAMEWRIGHT_MIN_FREE_DISK_BYTES=shutil.disk_usage(tmp_path).total)
    assert ended.code == 1
    assert "disk_full: too little disk is free for the input" in ended.out

    with small_disk(tmp_path / "small", "size=32k") as small:
        ended = do(upscale_job, FRAMEWRIGHT_JOB_FOLDER=small, FRAMEWRIGHT_MIN_FREE_DISK_BYTES=0)
        assert ended.code == 1
        assert "disk_full: " in ended.out
        assert not list(small.iterdir())
    assert "test_a_full_disk_fails_the_job_and_leaves_nothing.mp4" not in bucket.names()


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
