"""Makes jobs that RunPod pretends to have completed, with the files of a test as output and preview."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import av
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import wait_for_end
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".gif": "image/gif",
}


def finished_upscale(
    cloud: Cloud,
    user: ApiUser,
    upload_id: str,
    output: Path,
    *,
    stills: Sequence[Mapping[str, Any]] | None = None,
    fidelity: Mapping[str, Any] | None = None,
    scale: float = 2,
) -> dict[str, Any]:
    """Let an upscale of an upload complete with `output`; return the job object."""
    width, height, frames, duration_s = facts_of(output)
    stats = {
        "frames": frames,
        "duration_sec": duration_s,
        "model": "lite-x4",
        "width": width,
        "height": height,
        "scale": scale,
        "wall_sec": 2.5,
        "fps": frames / 2.5,
        "encoder": "libx264",
        "transport": "grpc",
        "tile": [256, 256],
        "reused": 0,
        "cost": None,
    }
    result = {"stats": stats, "fidelity": fidelity}
    return _finished(cloud, user, "upscale", {}, upload_id, output, result, stills)


def finished_export(
    cloud: Cloud,
    user: ApiUser,
    upload_id: str,
    output: Path,
    *,
    params: Mapping[str, Any] | None = None,
    stills: Sequence[Mapping[str, Any]] | None = None,
    fidelity: Mapping[str, Any] | None = None,
    followed: Sequence[Mapping[str, Any]] | None = None,
) -> dict[str, Any]:
    """Let an export of an upload complete with `output`; return the job object."""
    width, height, frames, duration_s = facts_of(output)
    stats = {"frames": frames, "duration_sec": duration_s, "width": width, "height": height}
    result = {"stats": stats, "fidelity": fidelity, "followed": followed}
    return _finished(cloud, user, "export", params or {}, upload_id, output, result, stills)


def facts_of(path: Path) -> tuple[int, int, int, float]:
    """Return the width, the height, the number of frames and the duration in seconds of a video."""
    with av.open(str(path)) as container:
        video = container.streams.video[0]
        frames = [frame for frame in container.decode(video) if frame.pts is not None]
        rate = float(video.average_rate or 25)
        first, last = float(frames[0].time or 0), float(frames[-1].time or 0)
        return frames[0].width, frames[0].height, len(frames), last - first + 1 / rate


def _finished(
    cloud: Cloud,
    user: ApiUser,
    task: str,
    params: Mapping[str, Any],
    upload_id: str,
    output: Path,
    result: Mapping[str, Any],
    stills: Sequence[Mapping[str, Any]] | None,
) -> dict[str, Any]:
    def pretence(job: Job) -> Pretence:
        order = job.request["input"]
        answer = put_output(order, output)
        if stills is not None:
            document = json.dumps({"version": 1, "stills": stills}).encode()
            _put(order["preview_url"], document, "application/json")
            answer["preview_url"] = order["preview_url"].split("?")[0]
        return Pretence(run_s=0.1, answer={"output": {**answer, **result}})

    cloud.runpod.pretend = pretence
    width, height, frames, _ = facts_of(output)
    source = {"width": max(16, width // 4), "height": max(16, height // 4), "frames": frames}
    response = user.debit(task=task, upload_id=upload_id, params=dict(params), source=source)
    assert response.status_code == 201, response.text
    job = wait_for_end(user, done(response)["id"])
    assert job["state"] == "completed", job
    return job


def put_output(order: Mapping[str, Any], output: Path) -> dict[str, Any]:
    """Put a file where a job's output belongs; return the beginning of the worker's result."""
    url = order["output_url"].split("?")[0]
    _put(order["output_url"], output.read_bytes(), CONTENT_TYPES[Path(url).suffix])
    return {"status": "completed", "output_url": url, "notes": []}


def _put(url: str, content: bytes, content_type: str) -> None:
    put = requests.put(url, data=content, headers={"Content-Type": content_type}, timeout=60)
    assert put.status_code == 200, put.text
