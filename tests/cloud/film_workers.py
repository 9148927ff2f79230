"""Pretends to be the workers that make films: they plan, make pieces, and assemble them, all in a moment."""

from __future__ import annotations

import hashlib
import html
import json
import threading
from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import requests

from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

if TYPE_CHECKING:
    from tests.cloud.conftest import Cloud

SOURCE = {"width": 1280, "height": 720, "frames": 24_000, "fps": 24.0}
"""A video of 1,000 s, which one worker upscales in more than FILM_SECONDS."""

PARAMS = {"model": "RealESRGAN_x4plus"}
"""A model whose speed the price table knows."""

SEGMENTS = 10


class FilmWorkers:
    """Workers that answer at once, with pieces that are named after their segment.

    Attributes:
        frames: the frames of each segment; they may be others than the quote counts.
        hardest: the segment to preview.
        made: how many times each segment was computed, by plan hash and number.
        held: the segments whose runs do not end.
        content: the piece of each segment.
        unsplit: why the video is not split; None if it is.
        planned: how many plans were made.
        fail: decides whether a run fails, by its input: the worker's answer, or None.
        run_s: how long each run takes.
    """

    def __init__(self, cloud: Cloud, segments: int = SEGMENTS, frames: int | None = None) -> None:
        total = frames or int(SOURCE["frames"])
        rest = total - total // segments * (segments - 1)
        self.frames = [total // segments] * (segments - 1) + [rest]
        self.hardest = segments // 2
        self.made: Counter[int] = Counter()
        self.planned = 0
        self.run_s = 0.0
        self.unsplit: str | None = None
        self.fail: Any = lambda _input: None
        self.held: set[int] = set()
        self.content: Callable[[int], bytes] = piece
        self._lock = threading.Lock()
        cloud.runpod.pretend = self.pretence

    def pretence(self, job: Job) -> Pretence:
        """Do what a worker does, and say how the run goes."""
        if job.input["params"].get("number") in self.held:
            return Pretence(run_s=3600, progress=({"stage": "upscaling", "frames": 600},))
        answer = self.fail(job.input) or {"output": self._do(job.input)}
        update = {"stage": "upscaling", "frames": 10, "total": 100}
        return Pretence(run_s=self.run_s, answer=answer, progress=(update,))

    def _do(self, job: dict[str, Any]) -> dict[str, Any]:
        task = {"plan": self._plan, "segment": self._segment, "assemble": self._assemble}
        return task.get(job["task"], self._whole)(job)

    def _plan(self, job: dict[str, Any]) -> dict[str, Any]:
        self.planned += 1
        if self.unsplit is not None:
            return {"status": "completed", "output_url": None, "plan_hash": None, "unsplit": self.unsplit}
        document = json.dumps([job["params"], self.frames]).encode()
        put(job["output_url"], document, "application/json")
        starts = [sum(self.frames[:number]) / 24 for number in range(len(self.frames) + 1)]
        segments = [
            {"number": number, "frames": count, "start_sec": starts[number], "end_sec": starts[number + 1]}
            for number, count in enumerate(self.frames)
        ]
        return {
            "status": "completed",
            "output_url": job["output_url"].split("?")[0],
            "plan_hash": hashlib.sha256(document).hexdigest(),
            "unsplit": None,
            "segments": segments,
            "hardest": self.hardest,
        }

    def _segment(self, job: dict[str, Any]) -> dict[str, Any]:
        plan = requests.get(job["plan_url"], timeout=30).content
        assert hashlib.sha256(plan).hexdigest() == job["params"]["plan_hash"]
        number = job["params"]["number"]
        already = requests.get(job["piece_url"], timeout=30).status_code == 200
        if not already:
            with self._lock:
                self.made[number] += 1
            put(job["output_url"], self.content(number), "video/mp4", {"If-None-Match": "*"}, {200, 412})
        return {"status": "completed", "output_url": job["output_url"].split("?")[0], "already": already}

    def _assemble(self, job: dict[str, Any]) -> dict[str, Any]:
        pieces = [requests.get(url, timeout=30).content for url in job["piece_urls"]]
        return {"status": "completed", "output_url": deliver(job, b"".join(pieces)), "notes": ["whole"]}

    def _whole(self, job: dict[str, Any]) -> dict[str, Any]:
        return {"status": "completed", "output_url": deliver(job, b"unsplit"), "notes": ["one job"]}


def piece(number: int) -> bytes:
    """Return the content of a piece."""
    return f"<piece {number}>".encode()


def film_of(workers: FilmWorkers) -> bytes:
    """Return the film that the pieces make."""
    return b"".join(piece(number) for number in range(len(workers.frames)))


def deliver(job: dict[str, Any], content: bytes, part_bytes: int | None = None) -> str:
    """Store the output of a job as its addresses say, in parts of the announced size; return its address."""
    if "output_url" in job:
        put(job["output_url"], content, "video/mp4")
        return str(job["output_url"]).split("?")[0]
    parts = job["output_parts"]
    size = part_bytes or parts["part_bytes"]
    etags = []
    for url, start in zip(parts["urls"], range(0, len(content), size), strict=False):
        response = requests.put(url, data=content[start : start + size], timeout=30)
        assert response.status_code == 200, response.text
        etags.append(response.headers["ETag"])
    listed = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{html.escape(etag, quote=False)}</ETag></Part>"
        for number, etag in enumerate(etags, start=1)
    )
    document = f"<CompleteMultipartUpload>{listed}</CompleteMultipartUpload>"
    headers = {"Content-Type": "application/xml"}
    response = requests.post(parts["complete_url"], data=document, headers=headers, timeout=30)
    assert response.status_code == 200, response.text
    assert "CompleteMultipartUploadResult" in response.text
    return str(parts["complete_url"]).split("?")[0]


def put(
    url: str,
    content: bytes,
    content_type: str,
    headers: dict[str, str] | None = None,
    accepted: set[int] | None = None,
) -> None:
    """Store an object."""
    response = requests.put(
        url, data=content, headers={"Content-Type": content_type} | (headers or {}), timeout=30
    )
    assert response.status_code in (accepted or {200}), response.text


def start_film(
    user: ApiUser, upload: str | None = None, source: dict[str, Any] | None = None, **more: Any
) -> dict[str, Any]:
    """Start an upscale of a long video; return the job object."""
    body = {
        "task": "upscale",
        "upload_id": upload or user.upload(b"a long video"),
        "params": PARAMS,
        "source": source or SOURCE,
    }
    response = user.debit(**body | more)
    assert response.status_code == 201, response.text
    return dict(done(response))
