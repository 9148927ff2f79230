"""Tests jobs with stores that fail: errors, broken connections and traps, through the whole worker.

The store is at 127.0.0.2, which the worker may reach; 127.0.0.1 and the rest of this machine it may not.
"""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.results import assert_failed, frames
from tests.support.web import (
    Server,
    broken_after,
    cut_after,
    drained,
    mute,
    other_file,
    reset_after,
    serving,
    silent_after,
    slow_to_answer,
    status,
    with_headers,
)
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.web import Handler

    Script = list[Callable[[Handler], None]]

EXPIRED = b"<Error><Code>ExpiredRequest</Code><Message>Request has expired</Message></Error>"
SIGNED = "?X-Amz-Signature=0123456789abcdef"


def whole_first(handler: Handler) -> None:
    """Answer the request for the input without a fault."""
    handler.answer(200, handler.server.content)


def accepted(handler: Handler) -> None:
    """Keep the upload, and answer 202 Accepted."""
    handler.server.objects["/out.mp4"] = handler.body()
    handler.answer(202)


@pytest.fixture(scope="module")
def runpod() -> Iterator[RunPodServer]:
    with RunPodServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, worker_models: dict[str, Any], runpod: RunPodServer
) -> Iterator[WorkerProcess]:
    with working(
        tmp_path_factory.mktemp("jobs"),
        FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS="127.0.0.2/32",
        FRAMEWRIGHT_READ_TIMEOUT_S=1,
        FRAMEWRIGHT_ANSWER_TIMEOUT_S=5,
        FRAMEWRIGHT_TRANSFER_TIMEOUT_S=8,
        **worker_models,
        **runpod.environment,
    ) as running:
        yield running


@pytest.fixture
def store(small_clip: Path) -> Iterator[Server]:
    with serving("127.0.0.2", content=small_clip.read_bytes()) as server:
        yield server


def done(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, *, signed: str = "", **more: Any
) -> dict[str, Any]:
    """Upscale the clip; return the result once nothing is left of the job."""
    base = f"http://127.0.0.2:{store.server_port}"
    job = {
        "task": "upscale",
        "input_url": f"{base}/clip.mp4{SIGNED}",
        "output_url": f"{base}/out.mp4{SIGNED}{signed}",
    }
    result = runpod.result(runpod.submit(job, **more))
    worker.idle()
    assert SIGNED.rpartition("=")[2] not in worker.log
    return result


@pytest.mark.parametrize(
    "script",
    [
        [status(500), status(500)],
        [status(429, Retry_After="1")],
        [cut_after(3000)],
        [broken_after(3000)],
        [silent_after(3000, 5)],
        [status(302, Location="/elsewhere/clip.mp4")],
        [with_headers(Content_Encoding="aws-chunked")],
        [whole_first, slow_to_answer(2.0)],
        [whole_first, accepted],
    ],
    ids=["500 twice", "429", "reset", "truncated", "silent", "moved", "aws-chunked", "slow to answer", "202"],
)
def test_a_fault_that_passes_does_not_fail_the_job(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, script: Script
) -> None:
    store.script = list(script)
    assert done(worker, runpod, store)["output"]["status"] == "completed"
    assert frames(store.objects["/out.mp4"]) == list(range(25))


@pytest.mark.parametrize(
    ("script", "code", "retryable"),
    [
        ([status(403, EXPIRED)], "input_forbidden", False),
        ([status(403)], "input_forbidden", False),
        ([status(404)], "input_not_found", False),
        ([status(500)] * 9, "download_failed", True),
        ([broken_after(0)] * 9, "download_failed", True),
        ([mute] * 9, "download_failed", True),
        ([with_headers(Content_MD5="AAAAAAAAAAAAAAAAAAAAAA==")] * 9, "download_failed", True),
        ([other_file], "bad_media", False),
        ([status(307, Location="http://127.0.0.1:80/")], "address_refused", False),
        ([status(302, Location="http://169.254.169.254/latest/meta-data/")], "address_refused", False),
    ],
    ids=["expired", "403", "404", "500", "truncated", "mute", "checksum", "zeros", "loopback", "metadata"],
)
def test_a_fault_that_stays_fails_the_job_with_its_code(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, script: Script, code: str, retryable: bool
) -> None:
    store.script = list(script)
    assert_failed(done(worker, runpod, store), code, retryable=retryable)
    assert store.objects == {}


@pytest.mark.parametrize(
    "script",
    [[drained(500), drained(503)], [reset_after(100)]],
    ids=["500, then 503", "reset"],
)
def test_an_output_is_put_again(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, script: Script
) -> None:
    store.script = [whole_first, *script]
    assert done(worker, runpod, store)["output"]["status"] == "completed"
    assert frames(store.objects["/out.mp4"]) == list(range(25))


@pytest.mark.parametrize(
    ("script", "code", "retryable"),
    [([drained(403, EXPIRED)], "output_forbidden", False), ([drained(500)] * 9, "upload_failed", True)],
    ids=["expired", "500"],
)
def test_an_output_that_is_not_taken_fails_the_job(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, script: Script, code: str, retryable: bool
) -> None:
    store.script = [whole_first, *script]
    assert_failed(done(worker, runpod, store), code, retryable=retryable)
    assert store.objects == {}


def lasting(seconds: int, *, ago_s: float = 0.0, headers: str = "host") -> str:
    """Return further parameters of a presigned URL."""
    date = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() - ago_s))
    return f"&X-Amz-Date={date}&X-Amz-Expires={seconds}&X-Amz-SignedHeaders={headers}"


@pytest.mark.parametrize(
    ("signed", "limit_ms", "said"),
    [
        (lambda: lasting(60, ago_s=3600), None, r"expired 35\d\d s ago"),
        (lambda: lasting(10), None, r"expires in \d+ s, and the job may take 60 s"),
        (lambda: lasting(3600), 7_200_000, r"expires in 3\d\d\d s, and the job may take 7200 s"),
        (lambda: f"&Signature=abc&Expires={time.time() + 300:.0f}", 600_000, "the job may take 600 s"),
        (lambda: lasting(3600, headers="host;x-amz-acl%3Bcache-control"), None, "cache-control, x-amz-acl"),
    ],
    ids=["expired", "soon", "before the time limit", "version 2", "headers"],
)
def test_an_output_url_that_cannot_work_is_refused_before_anything_is_fetched(
    worker: WorkerProcess,
    runpod: RunPodServer,
    store: Server,
    signed: Callable[[], str],
    limit_ms: int | None,
    said: str,
) -> None:
    more = {} if limit_ms is None else {"policy": {"executionTimeout": limit_ms}}
    result = done(worker, runpod, store, signed=signed(), **more)
    assert_failed(result, "output_forbidden", retryable=False)
    assert re.search(said, result["error"])
    assert store.requests == []


@pytest.mark.parametrize(
    ("lasts_s", "limit_ms"), [(3600, None), (3600, 600_000)], ids=["no limit", "shorter"]
)
def test_an_output_url_that_lasts_as_long_as_the_job_is_taken(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, lasts_s: int, limit_ms: int | None
) -> None:
    """A URL that is valid for an hour is enough where no time limit is set."""
    more = {} if limit_ms is None else {"policy": {"executionTimeout": limit_ms}}
    result = done(worker, runpod, store, signed=lasting(lasts_s, headers="content-length%3Bhost"), **more)
    assert result["output"]["status"] == "completed"
    (put,) = (request for request in store.requests if request.method == "PUT")
    assert put.headers["content-length"] == str(len(store.objects["/out.mp4"]))


def test_a_url_with_the_checksum_of_nothing_is_tried_once(
    worker: WorkerProcess, runpod: RunPodServer, store: Server
) -> None:
    store.script = [whole_first, *[drained(400, b"<Error><Code>BadDigest</Code></Error>")] * 9]
    result = done(worker, runpod, store, signed="&x-amz-checksum-crc32=AAAAAA%3D%3D")
    assert_failed(result, "output_forbidden", retryable=False)
    assert "x-amz-checksum-crc32 of another body" in result["error"]
    assert [request.method for request in store.requests] == ["GET", "PUT"]
