"""Tests previews of jobs through a whole worker: where they go, and what becomes of a job without one."""

from __future__ import annotations

import base64
import json
import time
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest

from orchestrator.jobs import Preview
from tests.support.results import assert_failed, frames
from tests.support.web import Server, drained, reset_after, serving, slow_to_answer
from tests.worker.test_worker_storage import SIGNED, lasting, whole_first
from tools.fixtures import clips
from tools.stand_ins.runpod_server import RunPodServer
from tools.stand_ins.worker_process import WorkerProcess, working

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.support.web import Handler

    Script = list[Callable[[Handler], None]]


@pytest.fixture(scope="module")
def runpod() -> Iterator[RunPodServer]:
    with RunPodServer().running() as server:
        yield server


@pytest.fixture(scope="module")
def worker(
    tmp_path_factory: pytest.TempPathFactory, worker_models: dict[str, Any], runpod: RunPodServer
) -> Iterator[WorkerProcess]:
    """A worker that logs everything, and may reach 127.0.0.2 but not the rest of this machine."""
    with working(
        tmp_path_factory.mktemp("jobs"),
        "-v",
        FRAMEWRIGHT_ALLOW_PRIVATE_NETWORKS="127.0.0.2/32",
        FRAMEWRIGHT_ANSWER_TIMEOUT_S=3,
        FRAMEWRIGHT_TRANSFER_TIMEOUT_S=6,
        **worker_models,
        **runpod.environment,
    ) as running:
        yield running


@pytest.fixture
def store(small_clip: Path) -> Iterator[Server]:
    with serving("127.0.0.2", content=small_clip.read_bytes()) as server:
        yield server


def done(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, task: str = "upscale", **more: Any
) -> dict[str, Any]:
    """Run a job with a preview on the clip; return the result once nothing is left of the job."""
    base = f"http://127.0.0.2:{store.server_port}"
    suffix = "json" if task == "track" else "mp4"
    addresses = {"input": "clip.mp4", "output": f"out.{suffix}", "preview": "out.preview.json"}
    job = {f"{name}_url": f"{base}/{file}{SIGNED}" for name, file in addresses.items()}
    result = runpod.result(runpod.submit({"task": task, **job} | more))
    worker.idle()
    assert SIGNED.rpartition("=")[2] not in worker.log
    return result


def number_in(url: str | None) -> int:
    data = np.frombuffer(base64.b64decode((url or "").partition(",")[2]), np.uint8)
    return clips.number_of(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8))


@pytest.mark.parametrize("task", ["upscale", "export", "track"])
def test_every_task_uploads_a_preview(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, task: str
) -> None:
    output = done(worker, runpod, store, task)["output"]
    assert output["status"] == "completed"
    assert output["preview_url"] == f"http://127.0.0.2:{store.server_port}/out.preview.json"
    assert not [note for note in output["notes"] if "preview" in note]
    puts = [request for request in store.requests if request.method == "PUT"]
    names = [request.path.partition("?")[0] for request in puts]
    assert names == (["/out.preview.json"] if task == "track" else ["/out.mp4", "/out.preview.json"])
    assert puts[-1].headers["content-type"] == "application/json"
    preview = Preview.model_validate(json.loads(store.objects["/out.preview.json"]))
    assert preview.version == 1
    times_s = [still.time_sec for still in preview.stills]
    assert (len(times_s), times_s[0], times_s[-1]) == (8, 0.0, 0.96)
    for still in preview.stills:
        assert number_in(still.source) == round(still.time_sec * 25)
        assert (still.output is None) == (task == "track")
        if still.output is not None:
            assert still.output_time_sec == still.time_sec
            assert number_in(still.output) == number_in(still.source)


@pytest.mark.parametrize("task", ["upscale", "export"])
def test_results_have_the_fidelity_report(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, task: str
) -> None:
    output = done(worker, runpod, store, task)["output"]
    report = output["fidelity"]
    assert (report["frames_read"], report["frames_in_output"]) == (25, 25)
    assert len(report["pictures"]) == 8
    assert 30 < report["psnr_luma_db"]["worst"] <= report["psnr_luma_db"]["mean"]
    stills = json.loads(store.objects["/out.preview.json"])["stills"]
    shown_s = [picture["time_sec"] for picture in report["pictures"]]
    assert [still["output_time_sec"] for still in stills] == shown_s, "each still has its figures"
    assert not {"source", "output"} & set(report)
    assert "://" not in json.dumps(report)


@pytest.mark.parametrize("task", ["upscale", "track"])
def test_a_job_without_an_address_for_it_has_no_preview(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, task: str
) -> None:
    output = done(worker, runpod, store, task, preview_url=None)["output"]
    assert output.get("preview_url") is None
    assert "/out.preview.json" not in store.objects
    assert not [note for note in output["notes"] if "preview" in note]


@pytest.mark.parametrize("task", ["upscale", "track"])
@pytest.mark.parametrize(
    "script",
    [[drained(403)], [drained(500)] * 9, [reset_after(100)] * 9, [slow_to_answer(30)] * 3],
    ids=["403", "500", "reset", "silent"],
)
def test_a_preview_that_is_not_taken_fails_no_job(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, script: Script, task: str
) -> None:
    before = [whole_first] if task == "track" else [whole_first, taken]
    store.script = [*before, *script]
    output = done(worker, runpod, store, task)["output"]
    assert (output["status"], output.get("preview_url")) == ("completed", None)
    assert [note for note in output["notes"] if "preview" in note] == [
        "the preview could not be uploaded; the output is complete"
    ]
    if task == "upscale":
        assert frames(store.objects["/out.mp4"]) == list(range(25))


def taken(handler: Handler) -> None:
    """Keep the output, and answer 200."""
    handler.server.objects["/out.mp4"] = handler.body()
    handler.answer(200)


@pytest.mark.parametrize("task", ["upscale", "export", "track"])
@pytest.mark.parametrize(
    "url",
    [
        "http://169.254.169.254/latest/meta-data/",
        "http://127.0.0.1:80/x.json",
        "http://[::1]/x.json",
        "http://10.0.0.1/x.json",
        "http://user:pass@127.0.0.2/x.json",
        "file:///etc/x.json",
        "/x.json",
        "ftp://127.0.0.2/x.json",
        "s3://bucket/x.json",
        "",
    ],
)
def test_a_hostile_address_is_refused_before_anything_is_fetched(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, url: str, task: str
) -> None:
    result = done(worker, runpod, store, task, preview_url=url)
    assert_failed(result, "address_refused")
    assert store.requests == []


@pytest.mark.parametrize("value", [5, ["https://example.com/"], {"url": "https://example.com/"}])
def test_an_address_is_text(worker: WorkerProcess, runpod: RunPodServer, store: Server, value: Any) -> None:
    assert_failed(done(worker, runpod, store, preview_url=value), "bad_request", "preview_url")
    assert store.requests == []


@pytest.mark.parametrize(
    "signed", [lambda: lasting(60, ago_s=3600), lambda: lasting(3600, headers="host;x-amz-acl")]
)
def test_an_address_that_cannot_work_is_refused_before_anything_is_fetched(
    worker: WorkerProcess, runpod: RunPodServer, store: Server, signed: Callable[[], str]
) -> None:
    url = f"http://127.0.0.2:{store.server_port}/out.preview.json{SIGNED}{signed()}"
    assert_failed(done(worker, runpod, store, preview_url=url), "output_forbidden")
    assert store.requests == []


def test_http_is_refused_where_the_worker_takes_https_alone(
    tmp_path: Path, worker_models: dict[str, Any]
) -> None:
    with (
        RunPodServer().running() as own,
        working(tmp_path, FRAMEWRIGHT_ALLOW_HTTP=0, **worker_models, **own.environment) as strict,
    ):
        job = {
            "task": "upscale",
            "input_url": "https://example.com/in.mp4",
            "output_url": "https://example.com/out.mp4",
            "preview_url": "http://example.com/preview.json",
        }
        assert_failed(own.result(own.submit(job)), "address_refused")
        strict.idle()


def test_a_preview_that_is_being_uploaded_is_cancelled_with_its_job(
    worker: WorkerProcess, runpod: RunPodServer, store: Server
) -> None:
    store.script = [whole_first, taken, slow_to_answer(30)]
    base = f"http://127.0.0.2:{store.server_port}"
    job = {"input_url": f"{base}/clip.mp4", "output_url": f"{base}/out.mp4", "preview_url": f"{base}/p.json"}
    submitted = runpod.submit({"task": "upscale", **job})
    deadline = time.monotonic() + 60
    while not any(request.path == "/p.json" for request in store.requests):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    runpod.cancel(submitted)
    worker.idle()
    assert frames(store.objects["/out.mp4"]) == list(range(25))
