"""Tests jobs through a whole worker: real process, real SDK, local job server, local S3 server, Triton."""

from __future__ import annotations

import contextlib
import gzip
import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.support.command import framewright
from tests.support.results import assert_failed, frames
from tests.support.slow_store import SlowStore
from tools.stand_ins import bucket as buckets
from tools.stand_ins.bucket import Bucket
from tools.stand_ins.processes import family
from tools.stand_ins.runpod_server import API_KEY, RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, wait, working

pytestmark = pytest.mark.usefixtures("worker")


@pytest.fixture(scope="module")
def runpod() -> Iterator[RunPodServer]:
    with RunPodServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, worker_models: dict[str, Any], runpod: RunPodServer
) -> Iterator[WorkerProcess]:
    """A worker that runs eight jobs at once and logs everything, for all tests that do not end it."""
    with working(
        tmp_path_factory.mktemp("jobs"),
        "-v",
        RUNPOD_LOG_LEVEL="DEBUG",
        FRAMEWRIGHT_CONCURRENCY=8,
        AWS_PROFILE="of somebody else",
        **worker_models,
        **runpod.environment,
    ) as running:
        wait(lambda: running.jobs)
        yield running


def test_upscale_comes_back_with_all_that_is_promised(
    worker: WorkerProcess, runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any]
) -> None:
    result = runpod.result(runpod.submit(upscale_job))
    assert set(result) == {"output"}, result
    output = result["output"]
    assert output["status"] == "completed"
    assert output["output_url"] == upscale_job["output_url"].partition("?")[0]
    stats = output["stats"]
    assert (stats["frames"], stats["width"], stats["height"], stats["scale"]) == (25, 384, 256, 4)
    assert (stats["model"], stats["transport"]) == ("nearest-x4", "shared_memory")
    key = upscale_job["output_url"].partition("?")[0].rpartition("/")[2]
    assert bucket.head(key)["ContentType"] == "video/mp4"
    video = bucket.get(key)
    assert video is not None
    assert frames(video) == list(range(25))
    worker.idle()


def test_the_container_is_the_one_that_the_address_names(
    runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any]
) -> None:
    runpod.result(runpod.submit(upscale_job | {"output_url": bucket.put_url("named.mkv")}))
    assert bucket.head("named.mkv")["ContentType"] == "video/x-matroska"
    runpod.result(runpod.submit(upscale_job | {"output_url": bucket.put_url("unnamed")}))
    assert bucket.head("unnamed")["ContentType"] == "video/mp4"


def test_track_answers_what_the_command_line_does(
    runpod: RunPodServer, bucket: Bucket, squares: Path, worker_models: dict[str, Any]
) -> None:
    result = runpod.result(runpod.submit({"task": "track", "input_url": bucket.put("squares.mp4", squares)}))
    local = framewright("track", squares, "--json", **worker_models)
    answer, document = result["output"], json.loads(local.out)
    for timed in (answer["stats"], document["stats"]):
        del timed["wall_sec"], timed["fps"]
    assert answer == document
    assert [track["class_name"] for track in answer["tracks"]] == ["red"]
    assert len(answer["tracks"][0]["frames"]) == 30


def test_export_delivers_the_part_that_was_asked_for(
    worker: WorkerProcess, runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any]
) -> None:
    params = {"crop": {"x": 0, "y": 0, "w": 96, "h": 64}, "start": 0.2, "end": 0.6, "size": "48x32"}
    job = upscale_job | {"task": "export", "params": params, "output_url": bucket.put_url("part.mov")}
    output = runpod.result(runpod.submit(job))["output"]
    assert output["output_url"] == f"{bucket.endpoint}/videos/part.mov"
    assert (output["stats"]["width"], output["stats"]["height"], output["stats"]["model"]) == (48, 32, None)
    assert bucket.head("part.mov")["ContentType"] == "video/quicktime"
    video = bucket.get("part.mov")
    assert video is not None
    assert frames(video) == list(range(5, 15))
    worker.idle()


@pytest.mark.parametrize("inline", [True, False])
def test_export_follows_tracks_that_come_along_or_are_fetched(
    runpod: RunPodServer, bucket: Bucket, squares: Path, tmp_path: Path, inline: bool
) -> None:
    video = bucket.put("squares.mp4", squares)
    document = runpod.result(runpod.submit({"task": "track", "input_url": video}))["output"]
    file = tmp_path / "tracks.json"
    file.write_text(json.dumps(document))
    follow = {"track": 1, "aspect": "1:1", "zoom": 2}
    params = {"follow": follow, "tracks": document if inline else bucket.put("tracks.json", file)}
    job = {"task": "export", "input_url": video, "output_url": bucket.put_url("followed.mp4")}
    output = runpod.result(runpod.submit(job | {"params": params}))["output"]
    assert (output["stats"]["width"], output["stats"]["height"]) == (32, 32)


def test_tracks_that_would_take_all_memory_are_refused(
    runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any], tmp_path: Path
) -> None:
    file = tmp_path / "tracks.json.gz"
    file.write_bytes(gzip.compress(b'{"tracks":[{"id":1,"frames":[' + b"[]," * 20_000_000))
    assert file.stat().st_size < 64_000
    params = {"follow": {"track": 1}, "tracks": bucket.put("bomb.json.gz", file)}
    assert_failed(
        runpod.result(runpod.submit(upscale_job | {"task": "export", "params": params})),
        "bad_request",
        retryable=False,
    )


def test_an_output_goes_in_parts_where_that_is_asked_for(
    runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any]
) -> None:
    del upscale_job["output_url"]
    result = runpod.result(runpod.submit(upscale_job | {"output_parts": bucket.parts("parts.mkv")}))
    assert result["output"]["output_url"] == f"{bucket.endpoint}/videos/parts.mkv"
    video = bucket.get("parts.mkv")
    assert video is not None
    assert frames(video) == list(range(25))


def test_progress_comes_in_order_not_too_often_and_never_after_the_result(
    runpod: RunPodServer, upscale_job: dict[str, Any], slow_store: SlowStore
) -> None:
    where = {"output_url": f"{slow_store.url}/out.mp4"}
    submitted_s = time.monotonic()
    job = runpod.submit(upscale_job | where | {"params": {"model": "slow"}})
    runpod.stage(job, "publishing")
    slow_store.go_on.set()
    runpod.result(job)
    time.sleep(2.5)  # an update that came late would come now
    messages = runpod.of(job)
    assert [one.is_update for one in messages] == [True] * (len(messages) - 1) + [False]
    updates = runpod.updates(job)
    assert len(updates) >= 3
    assert all(set(one) == {"stage", "frames", "total", "fps", "eta_s", "percent"} for one in updates)
    order = ["fetching", "starting", "upscaling", "finishing", "publishing"]
    stages = [order.index(one["stage"]) for one in updates]
    assert stages == sorted(stages)
    working = [one for one in updates if one["stage"] == "upscaling"]
    counts = [one["frames"] for one in working]
    assert counts == sorted(counts)
    assert all(one["total"] == 25 and one["percent"] == 4 * one["frames"] for one in working)
    received_s = [one.at_s for one in messages if one.is_update]
    assert 1.5 * (len(updates) - 1) < received_s[-1] - submitted_s  # one of them may be late, not all


def test_the_heartbeat_names_the_job_in_flight(
    runpod: RunPodServer, upscale_job: dict[str, Any], slow_store: SlowStore
) -> None:
    job = runpod.submit(upscale_job | {"input_url": f"{slow_store.url}/in.mp4"})
    runpod.wait(lambda: any(job in ping.get("job_id", [""])[0] for ping in runpod.pings))
    slow_store.go_on.set()
    runpod.result(job)


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"task": "dance"}, "bad_request", "task"),
        ({"input_url": None}, "bad_request", "input_url"),
        ({"params": {"model": "none-such"}}, "unknown_model", "none-such"),
        ({"params": {"model": "colour-finder"}}, "bad_request", "colour-finder"),
        ({"params": {"scale": 99}}, "bad_request", "scale"),
        ({"input_url": "ftp://example.com/in.mp4"}, "address_refused", "https"),
        ({"input_url": "http://169.254.169.254/in.mp4"}, "address_refused", "not a public"),
        ({"output_url": "file:///etc/passwd"}, "address_refused", "https"),
    ],
)
def test_a_job_that_is_wrong_is_refused(
    runpod: RunPodServer,
    upscale_job: dict[str, Any],
    change: dict[str, Any],
    code: str,
    words: str,
) -> None:
    assert_failed(runpod.result(runpod.submit(upscale_job | change)), code, words)


@pytest.mark.parametrize("values", [None, [], "text", 7, {}, {"task": None}])
def test_what_is_no_job_is_refused(runpod: RunPodServer, values: object) -> None:
    assert_failed(runpod.result(runpod.submit(values)), "bad_request")


def test_inputs_that_are_not_there_or_no_videos_are_refused(
    worker: WorkerProcess, runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any], tmp_path: Path
) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("this is not a video\n" * 100)
    result = runpod.result(runpod.submit(upscale_job | {"input_url": bucket.put("text.mp4", text)}))
    assert_failed(result, "bad_media", "input.mp4 cannot be opened as a video")
    result = runpod.result(runpod.submit(upscale_job | {"input_url": bucket.get_url("nothing.mp4")}))
    assert_failed(result, "input_not_found", "nothing.mp4")
    worker.idle()


@pytest.mark.parametrize("stage", ["fetch", "infer", "publish"])
def test_a_cancelled_job_stops_and_leaves_nothing(
    worker: WorkerProcess,
    runpod: RunPodServer,
    bucket: Bucket,
    upscale_job: dict[str, Any],
    long_job: dict[str, Any],
    slow_store: SlowStore,
    stage: str,
) -> None:
    match stage:
        case "fetch":
            upscale_job["input_url"] = f"{slow_store.url}/in.mp4"
        case "infer":
            upscale_job = long_job
        case "publish":
            upscale_job["output_url"] = f"{slow_store.url}/out.mp4"
    job = runpod.submit(upscale_job)
    if stage == "infer":
        runpod.stage(job, "upscaling")
    else:
        assert slow_store.reached.wait(60)
    runpod.cancel(job)
    worker.says(f"{job} | Job stopped.")
    worker.idle()
    slow_store.go_on.set()
    assert all(message.is_update for message in runpod.of(job))
    assert not slow_store.stored
    assert upscale_job["output_url"].partition("?")[0].rpartition("/")[2] not in bucket.names()


def test_a_job_that_is_cancelled_as_soon_as_it_is_taken_stops(
    worker: WorkerProcess, runpod: RunPodServer, long_job: dict[str, Any]
) -> None:
    job = runpod.submit(long_job)
    runpod.wait(lambda: job in runpod.taken)
    runpod.cancel(job)
    worker.says(f"{job} | Job stopped.")
    worker.idle()


def _fetching_from(store: SlowStore, worker: WorkerProcess) -> psutil.Process:
    """Return the process of the job that fetches its input there; another one may wait, or still end."""
    port = int(store.url.rpartition(":")[2])
    found = []
    for process in worker.jobs:
        with contextlib.suppress(psutil.NoSuchProcess):
            if any(one.raddr and one.raddr.port == port for one in process.net_connections("tcp")):
                found.append(process)
    (fetching,) = found
    return fetching


def test_a_job_that_hears_nothing_is_killed(
    worker: WorkerProcess, runpod: RunPodServer, upscale_job: dict[str, Any], slow_store: SlowStore
) -> None:
    job = runpod.submit(upscale_job | {"input_url": f"{slow_store.url}/in.mp4"})
    assert slow_store.reached.wait(60)
    _fetching_from(slow_store, worker).suspend()
    runpod.cancel(job)
    worker.says(f"{job} | Job stopped.")
    worker.idle()


@pytest.mark.parametrize(
    ("number", "code", "retryable"),
    [
        (signal.SIGSEGV, "job_crashed", False),
        (signal.SIGKILL, "job_killed", True),
        (signal.SIGTERM, "job_killed", True),
    ],
)
def test_a_job_whose_process_dies_fails_alone(
    worker: WorkerProcess,
    runpod: RunPodServer,
    upscale_job: dict[str, Any],
    slow_store: SlowStore,
    number: int,
    code: str,
    retryable: bool,
) -> None:
    job = runpod.submit(upscale_job | {"input_url": f"{slow_store.url}/in.mp4"})
    assert slow_store.reached.wait(60)
    _fetching_from(slow_store, worker).send_signal(number)
    assert_failed(runpod.result(job), code, "process of the job", retryable=retryable)
    worker.idle()


def test_no_more_processes_wait_after_jobs_that_came_together(
    worker: WorkerProcess, runpod: RunPodServer, upscale_job: dict[str, Any]
) -> None:
    worker.idle()
    for job in [runpod.submit(upscale_job) for _ in range(6)]:
        assert runpod.result(job)["output"]["status"] == "completed"
    worker.idle()


def test_a_waiting_process_that_dies_is_replaced(
    worker: WorkerProcess, runpod: RunPodServer, upscale_job: dict[str, Any]
) -> None:
    for process in worker.jobs:
        process.kill()
    assert runpod.result(runpod.submit(upscale_job))["output"]["status"] == "completed"


def test_a_job_ends_when_its_time_is_over(
    worker: WorkerProcess, runpod: RunPodServer, upscale_job: dict[str, Any], slow_store: SlowStore
) -> None:
    values = upscale_job | {"input_url": f"{slow_store.url}/in.mp4"}
    job = runpod.submit(values, policy={"executionTimeout": 1500})
    assert_failed(runpod.result(job), "timed_out", "1.5 s")
    worker.idle()


def test_a_result_that_is_not_taken_at_first_is_sent_again(
    runpod: RunPodServer, upscale_job: dict[str, Any]
) -> None:
    runpod.answers.append(500)
    assert runpod.result(runpod.submit(upscale_job))["output"]["status"] == "completed"


def test_jobs_that_no_parser_takes_are_answered_and_their_neighbours_are_done(
    worker: WorkerProcess, runpod: RunPodServer, upscale_job: dict[str, Any]
) -> None:
    odd = {
        "deep": b"[" * 5_000 + b"]" * 5_000,
        "digits": b'{"task": "upscale", "input_url": ' + b"7" * 5_000 + b"}",
        "surrogate": b'{"task": "\\ud800", "input_url": "\\udcff"}',
        "deep but short": b"[" * 970 + b"]" * 970,
        "not a number": b'{"task": NaN}',
        "odd/../id?": b"{}",
    }
    jobs = [b'{"id": %b, "input": %b}' % (json.dumps(name).encode(), value) for name, value in odd.items()]
    good = [json.dumps({"id": f"good {number}", "input": upscale_job}).encode() for number in range(2)]
    runpod.submit_raw(good[0], *jobs, b'{"id": "\\ud800", "input": {}}', b'{"input": {}}', good[1])
    for name in odd:
        assert_failed(runpod.result(name), "bad_request")
    for number in range(2):
        assert runpod.result(f"good {number}")["output"]["status"] == "completed"
    worker.idle()


def test_a_job_that_comes_again_while_it_is_in_hand_is_done_and_answered_once(
    worker: WorkerProcess,
    runpod: RunPodServer,
    bucket: Bucket,
    upscale_job: dict[str, Any],
    slow_store: SlowStore,
) -> None:
    first = json.dumps(
        {"id": "twice", "input": upscale_job | {"input_url": f"{slow_store.url}/in.mp4"}}
    ).encode()
    second = json.dumps(
        {"id": "twice", "input": upscale_job | {"output_url": bucket.put_url("second.mp4")}}
    ).encode()
    runpod.submit_raw(first, second)
    assert slow_store.reached.wait(60)
    runpod.submit_raw(second)
    worker.says("job twice came again while it is running")
    slow_store.go_on.set()
    assert runpod.result("twice")["output"]["output_url"] == upscale_job["output_url"].partition("?")[0]
    worker.idle()
    assert "second.mp4" not in bucket.names()
    assert len([message for message in runpod.of("twice") if not message.is_update]) == 1


@pytest.mark.slow
@pytest.mark.parametrize("shape", ["keyframes", "string", "parts"])
def test_a_job_of_10_mb_is_read_by_its_own_process(
    runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any], shape: str
) -> None:
    keyframe = {"at": 1.5, "x": 0, "y": 0, "w": 96, "h": 64}
    shapes: dict[str, dict[str, Any]] = {
        "keyframes": {"follow": {"keyframes": [keyframe] * 150_000}},
        "string": {"model": "x" * 10_000_000},
        "parts": {},
    }
    values = upscale_job | {"task": "export", "params": shapes[shape]}
    if shape == "parts":
        parts = bucket.parts("many-parts.mp4")
        del values["output_url"]
        values["output_parts"] = parts | {"urls": parts["urls"] * (10_000_000 // len(json.dumps(parts)))}
    output = runpod.result(runpod.submit(values))["output"]
    if shape == "parts":
        assert output["output_url"] == f"{bucket.endpoint}/videos/many-parts.mp4"
    else:
        assert output["code"] == "bad_request"


def test_the_process_that_the_sdk_forks_has_no_grpc_and_decodes_nothing(worker: WorkerProcess) -> None:
    loaded = Path(f"/proc/{worker.pid}/maps").read_text()
    assert "cygrpc" not in loaded
    assert "libavcodec" not in loaded


def test_processes_of_jobs_get_no_secret_of_the_worker(worker: WorkerProcess) -> None:
    for process in worker.jobs:
        given = process.environ()
        assert given["FRAMEWRIGHT_UPSCALE_MODEL"] == "nearest-x4"
        assert not {name for name in given if name.startswith(("RUNPOD_", "AWS_"))}
        assert API_KEY not in given.values()


def test_no_process_of_the_worker_writes_core_files(worker: WorkerProcess) -> None:
    members = family(worker.pid)
    assert {"tritonserver", "framewright"} <= {process.name() for process in members}
    assert {process.rlimit(psutil.RLIMIT_CORE) for process in members} == {(0, 0)}


def test_no_signature_and_no_secret_is_reported_or_logged(
    worker: WorkerProcess, runpod: RunPodServer, bucket: Bucket, upscale_job: dict[str, Any]
) -> None:
    upscale_job["input_url"] = bucket.get_url("nothing.mp4")
    assert_failed(runpod.result(runpod.submit(upscale_job)), "input_not_found")
    text = json.dumps([one.body for one in runpod.messages])
    for secret in (*bucket.signatures, buckets.SECRET, API_KEY):
        assert secret not in text
        assert secret not in worker.log
    assert "Traceback" not in text
