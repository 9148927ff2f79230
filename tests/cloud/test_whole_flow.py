"""Tests whole jobs with the real API and the real worker: the upload, progress, download and the charge."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
from collections.abc import Iterator
from datetime import datetime, timedelta, tzinfo
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import cv2
import numpy as np
import psutil
import pytest
import requests

from orchestrator.jobs import Preview
from tests.cloud.conftest import Cloud
from tests.support.flow import MODELS, SAMPLE, Flow, download, start
from tools.cloud.client import done
from tools.fixtures import clips
from tools.stand_ins import s3_signature
from tools.stand_ins.processes import COMMAND
from tools.stand_ins.worker_process import WorkerProcess, wait, working

COMPARED = [0, 3, 7, 10, 14, 17, 21, 24]
"""The frames of the clip that are compared with the output, and shown as stills."""
AT_TIMES = [0, 3, 6, 10, 13, 17, 20, 24]
"""The frames of the clip that are shown at eight evenly spread times."""


@pytest.fixture(scope="module")
def worker(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """A worker whose answers have at most 5,000 bytes, so that the tracks of the sample are uploaded."""
    settings = MODELS | {"FRAMEWRIGHT_MAX_RESULT_BYTES": "5000"} | cloud.runpod.worker.environment
    with working(tmp_path_factory.mktemp("jobs"), **settings) as running:
        yield running


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """25 numbered pictures of 96 by 64, and sound."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    return clips.make_clip(path, 25, audio=[{"seconds": 1.0}]).read_bytes()


def number_in(url: str | None) -> int:
    """Return the number in the picture of a still, a `data:` URL of a JPEG."""
    data = np.frombuffer(base64.b64decode((url or "").partition(",")[2]), np.uint8)
    return clips.number_of(np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR_RGB), np.uint8))


def by_command(folder: Path, task: str, content: bytes, *options: str, suffix: str = ".mp4") -> bytes:
    """Run the same job by the command, without the API and the worker."""
    source, output = folder / "source.mp4", folder / f"output{suffix}"
    source.write_bytes(content)
    target = ["-o", str(output)] if task == "track" else [str(output)]
    subprocess.run([COMMAND, task, str(source), *target, *options], check=True, capture_output=True)
    return output.read_bytes()


def test_a_video_is_upscaled(cloud: Cloud, worker: WorkerProcess, clip: bytes, tmp_path: Path) -> None:
    flow = start(cloud.runpod, cloud.new_user(), "upscale", clip)
    job = flow.ended()
    assert (job["state"], job["error"]) == ("completed", None)
    assert job["result"]["stats"]["frames"] == 25
    assert "?" not in job["result"]["output_url"]
    flow.is_charged(flow.costs)
    assert flow.costs > 0
    assert download(flow) == by_command(tmp_path, "upscale", clip)
    worker.idle()


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_sample_is_upscaled_and_its_progress_is_seen(
    cloud: Cloud, worker: WorkerProcess, tmp_path: Path
) -> None:
    flow = start(cloud.runpod, cloud.new_user(), "upscale", SAMPLE.read_bytes())
    job = flow.ended()
    assert job["state"] == "completed"
    updates = [seen["progress"] for seen in flow.seen if seen["state"] == "running" and seen["progress"]]
    working_on = [update for update in updates if update["stage"] == "upscaling" and update["frames"] > 1]
    assert working_on
    assert all(update["total"] == 144 and update["eta_s"] > 0 for update in working_on)
    percents = [update["percent"] for update in working_on]
    assert percents == sorted(percents)
    assert 0 < percents[0] <= percents[-1] <= 100
    flow.is_charged(flow.costs)
    expected = by_command(tmp_path, "upscale", SAMPLE.read_bytes())
    assert hashlib.sha256(download(flow)).digest() == hashlib.sha256(expected).digest()
    worker.idle()


def test_objects_are_tracked(cloud: Cloud, worker: WorkerProcess, tmp_path: Path) -> None:
    flow = start(cloud.runpod, cloud.new_user(), "track", SAMPLE.read_bytes(), {"confidence": 0.3})
    job = flow.ended()
    assert job["state"] == "completed"
    options = ("--model", "lite-detector", "--confidence", "0.3")
    expected = json.loads(by_command(tmp_path, "track", SAMPLE.read_bytes(), *options, suffix=".json"))
    assert len(expected["tracks"]) > 1
    assert "tracks" not in job["result"], "they are longer than an answer of this worker may be"
    assert json.loads(download(flow))["tracks"] == expected["tracks"]
    flow.is_charged(flow.costs)
    worker.idle()


def test_few_tracks_are_in_the_answer(cloud: Cloud, worker: WorkerProcess, clip: bytes) -> None:
    flow = start(cloud.runpod, cloud.new_user(), "track", clip)
    job = flow.ended()
    assert (job["state"], job["links"]["output"]) == ("completed", None)
    assert job["result"] == flow.at_runpod.answer["output"]
    assert job["result"]["video"]["frames"] == 25
    assert {"tracks", "stats", "notes"} <= set(job["result"])
    flow.is_charged(flow.costs)
    worker.idle()


def test_a_part_is_exported(cloud: Cloud, worker: WorkerProcess, tmp_path: Path) -> None:
    # 192 pixels wide: x264 decides differently from run to run about pictures that are 160 wide (its mbtree).
    crop = {"x": 64, "y": 20, "w": 192, "h": 128}
    flow = start(
        cloud.runpod,
        cloud.new_user(),
        "export",
        SAMPLE.read_bytes(),
        {"crop": crop, "start": 1.5, "end": 2.5},
    )
    job = flow.ended()
    assert job["state"] == "completed"
    assert job["result"]["stats"]["crop"] == [64, 20, 192, 128]
    options = ("--crop", "64,20,192,128", "--start", "1.5", "--end", "2.5")
    assert download(flow) == by_command(tmp_path, "export", SAMPLE.read_bytes(), *options)
    flow.is_charged(flow.costs)
    worker.idle()


@pytest.mark.parametrize("task", ["upscale", "track", "export"])
def test_stills_come_with_the_job(cloud: Cloud, worker: WorkerProcess, clip: bytes, task: str) -> None:
    """The page shows them where a browser cannot play the source."""
    params = {"crop": {"x": 0, "y": 0, "w": 96, "h": 64}} if task == "export" else {}
    flow = start(cloud.runpod, cloud.new_user(), task, clip, params)
    job = flow.ended()
    assert (job["state"], job["error"]) == ("completed", None)
    link = job["links"]["preview"]
    assert job["result"]["preview_url"] == link.split("?")[0]
    stills = Preview.model_validate(requests.get(link, timeout=60).json()).stills
    numbers = [round(still.time_sec * 25) for still in stills]
    assert numbers == (AT_TIMES if task == "track" else COMPARED)
    for still in stills:
        assert number_in(still.source) == round(still.time_sec * 25)
        if task == "track":
            assert still.output is None
        else:
            assert number_in(still.output) == number_in(still.source)
    if task != "track":
        assert [picture["frame"] for picture in job["result"]["fidelity"]["pictures"]] == COMPARED
    (listed,) = done(flow.user.get("/jobs"))["jobs"]
    assert not {"tracks", "keyframes", "fidelity"} & set(listed["result"])
    assert flow.user.delete(f"/jobs/{job['id']}").status_code == 204
    assert job["id"] not in "".join(cloud.door.names())
    worker.idle()


def test_debit_takes_the_url_of_an_upload(cloud: Cloud, worker: WorkerProcess, clip: bytes) -> None:
    """/debit with the URL of the object in place of a quote."""
    user = cloud.new_user()
    user.upload(clip)
    (key,) = (name for name in cloud.door.names() if f"/{user.id}/" in f"/{name}")
    body = {
        "task": "export",
        "input_url": f"{cloud.door.endpoint}/videos/{key}",
        "params": {"end": 0.4, "crop": {"x": 0, "y": 0, "w": 32, "h": 32}},
    }
    job = done(user.debit(**body))
    flow = Flow(cloud.runpod, user, job["quote"], job)
    assert flow.ended()["state"] == "completed"
    flow.is_charged(flow.costs)
    assert job["quote"]["is_speed_known"] in {True, False}
    assert len(download(flow)) > 100
    worker.idle()


@pytest.mark.parametrize(
    ("content", "task", "params", "code"),
    [
        (b"This is no video. " * 100, "upscale", {}, "bad_media"),
        (None, "export", {"crop": {"x": 200, "y": 100, "w": 32, "h": 32}}, "bad_request"),
    ],
    ids=["text that is declared as video", "a crop outside of a picture that is smaller than declared"],
)
def test_what_the_caller_is_at_fault_for_costs_what_ran(
    cloud: Cloud,
    worker: WorkerProcess,
    clip: bytes,
    content: bytes | None,
    task: str,
    params: dict[str, Any],
    code: str,
) -> None:
    flow = start(cloud.runpod, cloud.new_user(), task, content or clip, params)
    job = flow.ended()
    assert job["state"] == "failed"
    answer = flow.at_runpod.answer
    assert job["error"] == {
        "code": code,
        "message": answer["error"].removeprefix(f"{code}: "),
        "retryable": False,
        "fault": "caller",
    }
    assert (job["result"], job["links"]["output"]) == (None, None)
    flow.is_charged(flow.costs)
    assert flow.costs > 0
    worker.idle()


def test_a_cancelled_job_costs_what_ran_and_ends_at_the_worker(cloud: Cloud, worker: WorkerProcess) -> None:
    worker.idle()
    flow = start(cloud.runpod, cloud.new_user(), "upscale", SAMPLE.read_bytes())
    flow.at_work()
    process = worker.jobs[0]
    cancelled = done(flow.user.post(f"/cancel/{flow.job['id']}"))
    assert cancelled["state"] in {"cancelling", "cancelled"}
    job = flow.job if flow.look()["ended_at"] else flow.ended()
    assert (job["state"], job["error"], job["links"]["output"]) == ("cancelled", None, None)
    flow.is_charged(flow.costs)
    assert flow.costs > 0
    wait(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE, 30)
    worker.idle()
    assert job["id"] not in "".join(cloud.door.names()), "nothing was uploaded"


def test_links_expire_and_a_deleted_job_leaves_nothing(
    cloud: Cloud, worker: WorkerProcess, clip: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    flow = start(
        cloud.runpod,
        cloud.new_user(),
        "export",
        clip,
        {"end": 0.4, "crop": {"x": 0, "y": 0, "w": 32, "h": 32}},
    )
    links = flow.ended()["links"]
    for name in ("input", "output"):
        assert re.search(r"X-Amz-Expires=3600&", links[name] + "&")
        assert requests.get(links[name], timeout=60).status_code == 200
    disposition = requests.get(links["output"], timeout=60).headers["Content-Disposition"]
    assert disposition.startswith("attachment;")
    assert "clip-export.mp4" in disposition
    assert requests.put(links["output"], b"x", timeout=60).status_code == 403, "the link is for reading"
    with monkeypatch.context() as later:
        later.setattr(s3_signature, "datetime", AnHourLater)
        for name in ("input", "output"):
            assert requests.get(links[name], timeout=60).status_code == 403
    assert {name.split("/")[0] for name in cloud.door.names() if flow.user.id in name} == {"in", "out"}
    assert flow.user.delete(f"/jobs/{flow.job['id']}").status_code == 204
    assert flow.user.get(f"/status/{flow.job['id']}").status_code == 404
    assert not requests.get(links["output"], timeout=60).ok
    assert flow.user.delete(f"/uploads/{flow.job['upload_id']}").status_code == 204
    assert not [name for name in cloud.door.names() if flow.user.id in name]
    worker.idle()


class AnHourLater(datetime):
    """The clock of the bucket, after the links have expired."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> AnHourLater:
        return super().now(tz) + timedelta(seconds=3601)


def test_a_killed_job_costs_nothing(cloud: Cloud, worker: WorkerProcess) -> None:
    worker.idle()
    flow = start(cloud.runpod, cloud.new_user(), "upscale", SAMPLE.read_bytes())
    flow.at_work()
    worker.jobs[0].kill()
    job = flow.ended()
    assert job["state"] == "failed"
    assert (job["error"]["code"], job["error"]["fault"]) == ("job_killed", "worker")
    assert job["error"]["retryable"]
    flow.is_charged(0)
    worker.idle()


def test_neither_log_has_a_signature_a_mac_or_a_key(cloud: Cloud, worker: WorkerProcess, clip: bytes) -> None:
    secrets = set()
    for content, state in ((clip, "completed"), (b"no video at all", "failed")):
        flow = start(cloud.runpod, cloud.new_user(), "upscale", content)
        assert flow.ended()["state"] == state
        sent = flow.at_runpod.request
        secrets |= {flow.user.key.split("_")[3], sent["webhook"].rpartition("/")[2]}
        links = [flow.job["links"]["input"], flow.job["links"]["output"]]
        urls = [sent["input"]["input_url"], sent["input"]["output_url"], *filter(None, links)]
        secrets |= {parse_qs(urlsplit(url).query)["X-Amz-Signature"][0] for url in urls}
    worker.idle()
    assert flow.at_runpod.id in worker.log, "the worker logs its jobs"
    assert flow.job["id"] in cloud.api.log
    assert not [secret for secret in secrets if secret in worker.log + cloud.api.log]
