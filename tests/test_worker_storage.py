"""What stores do to a job, through the whole worker: errors, breaks and traps on the way in and out.

The store is at 127.0.0.2, which the worker may reach; 127.0.0.1 and the rest of this machine it may not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.runpod_server import RunPodServer
from tests.told import assert_failed, frames
from tests.web import (
    Server,
    broken_after,
    cut_after,
    drained,
    mute,
    other_file,
    reset_after,
    serving,
    silent_after,
    status,
    with_headers,
)
from tests.workers import WorkerProcess, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.web import Handler

    Script = list[Callable[[Handler], None]]

EXPIRED = b"<Error><Code>ExpiredRequest</Code><Message>Request has expired</Message></Error>"
SIGNED = "?X-Amz-Signature=0123456789abcdef"


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
        FRAMEWRIGHT_TRANSFER_TIMEOUT_S=5,
        **worker_models,
        **runpod.environment,
    ) as running:
        yield running


@pytest.fixture
def store(small_clip: Path) -> Iterator[Server]:
    with serving("127.0.0.2", content=small_clip.read_bytes()) as server:
        yield server


def done(worker: WorkerProcess, runpod: RunPodServer, store: Server) -> dict[str, Any]:
    """Let the clip be upscaled; return what is answered, when nothing is left of the job."""
    base = f"http://127.0.0.2:{store.server_port}"
    job = {
        "task": "upscale",
        "input_url": f"{base}/clip.mp4{SIGNED}",
        "output_url": f"{base}/out.mp4{SIGNED}",
    }
    result = runpod.result(runpod.submit(job))
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
    ],
    ids=["500 twice", "429", "reset", "truncated", "silent", "moved"],
)
def test_what_passes_is_overcome(
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
def test_what_does_not_pass_is_told_by_its_code(
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


def whole_first(handler: Handler) -> None:
    """Answer the request for the input well."""
    handler.answer(200, handler.server.content)
