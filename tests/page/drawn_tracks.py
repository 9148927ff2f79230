"""Runs pretended track jobs with known documents, and reads what the page draws of them.

The source shows the number of each frame in its lower half; all boxes are in its upper half.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import requests
from playwright.sync_api import Locator, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import wait_for_end
from tests.page.videos_on_screen import WAIT_S
from tests.support.flow import PATIENT
from tools.cloud.client import ApiUser, done
from tools.fixtures.clips import number_of, numbered
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

WIDTH, HEIGHT, FRAMES, RATE = 320, 180, 60, 25
TRAIL_S = 1.5

SHOWN = """
() => {
  const video = document.querySelector("video") ?? document.querySelector(".stage-picture img");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [96, 64];
  const pen = canvas.getContext("2d");
  pen.drawImage(video, 0, 0, 96, 64);
  const numbers = (element, ...names) => names.map((name) => Number(element.getAttribute(name)));
  const boxes = [...document.querySelectorAll(".track-box")].map((box) => {
    const edge = box.querySelector("rect.edge");
    return [Number(box.dataset.track), numbers(edge, "x", "y", "width", "height"),
            edge.getAttribute("stroke-dasharray") !== null];
  });
  const trails = [...document.querySelectorAll(".track-trail")].map((trail) => [
    Number(trail.dataset.track),
    [...trail.querySelectorAll("polyline.edge")].map((line) => line.getAttribute("points")),
  ]);
  return { pixels: [...pen.getImageData(0, 0, 96, 64).data], boxes, trails };
}
"""
"""Returns the picture of the <video> element or of the still, scaled to 96x64, and what is drawn over it."""

Boxes = dict[int, tuple[list[float], bool]]


class Shown:
    """What the page shows at one moment.

    Attributes:
        number: the number that the video's picture shows.
        boxes: the drawn boxes by track, as in a document, and whether their edge is dashed.
        trails: the corners of the drawn trails by track, the oldest first.
    """

    def __init__(self, answer: dict[str, Any]) -> None:
        self.number = number_of(np.array(answer["pixels"], np.uint8).reshape(64, 96, 4)[..., :3])
        self.boxes: Boxes = {track: (box, dashed) for track, box, dashed in answer["boxes"]}
        self.trails = {track: _joined(pieces) for track, pieces in answer["trails"]}


def _joined(pieces: list[str]) -> list[tuple[float, float]]:
    """Return the corners of a line that was drawn in pieces, each of which begins where the last one ends."""
    lines = [[tuple(map(float, point.split(","))) for point in piece.split()] for piece in pieces]
    assert all(one[-1] == following[0] for one, following in pairwise(lines))
    return [lines[0][0], *(corner for line in lines for corner in line[1:])]  # type: ignore[list-item]


def track_of(
    number: int, frames: list[int], name: str = "person", interpolated: range = range(0)
) -> dict[str, Any]:
    boxes = [
        {
            "frame": frame,
            "bbox": [round(30 * number + 2.37 * frame, 2), round(5 + 0.31 * frame, 2), 24.5, 40.25],
            "confidence": 0.9,
            **({"interpolated": True} if frame in interpolated else {}),
        }
        for frame in frames
    ]
    return {
        "id": number,
        "class_name": name,
        "first_sec": frames[0] / RATE,
        "last_sec": frames[-1] / RATE,
        "frames": boxes,
    }


def document_of(tracks: list[dict[str, Any]], **video: Any) -> dict[str, Any]:
    """Return the result of a track job."""
    return {
        "status": "completed",
        "tracks": tracks,
        "video": {
            "width": WIDTH,
            "height": HEIGHT,
            "frames": FRAMES,
            "fps": f"{RATE}/1",
            "duration_sec": FRAMES / RATE,
            "cuts": [],
        }
        | video,
        "stats": {
            "model": "yolov8n",
            "tracks": len(tracks),
            "boxes": sum(len(track["frames"]) for track in tracks),
            "unreported_tracks": 3,
            "cuts": 0,
            "detector_input": [384, 640],
            "wall_sec": 1.0,
            "fps": 60.0,
            "transport": "grpc",
            "reused": 0.0,
        },
        "notes": [],
    }


TRACKS = [
    track_of(1, [*range(50)], interpolated=range(20, 25)),
    track_of(2, [*range(10, 30), *range(40, 60)]),
    track_of(3, [*range(35, 60)], "car"),
]


def boxes_at(document: dict[str, Any], frame: int) -> Boxes:
    """Return the boxes of a frame as the document has them."""
    return {
        track["id"]: (box["bbox"], box.get("interpolated", False))
        for track in document["tracks"]
        for box in track["frames"]
        if box["frame"] == frame
    }


def trails_at(
    document: dict[str, Any], frame: int, time_of: Callable[[int], float]
) -> dict[int, list[tuple[float, float]]]:
    """Return the middles of the lower edges in the last 1.5 s, of tracks with a box in a frame."""
    trails = {}
    for track in document["tracks"]:
        past = [
            box["bbox"]
            for box in track["frames"]
            if box["frame"] <= frame and time_of(box["frame"]) >= time_of(frame) - TRAIL_S - 1e-6
        ]
        if track["id"] in boxes_at(document, frame) and len(past) > 1:
            trails[track["id"]] = [(x + w / 2, y + h) for x, y, w, h in past]
    return trails


def start(
    cloud: Cloud, user: ApiUser, video: bytes, answer: Callable[[Job], dict[str, Any]], **params: Any
) -> str:
    """Run a track job on a video that ends with what `answer` returns; return the job's id."""
    cloud.runpod.pretend = lambda job: Pretence(run_s=0.05, answer={"output": answer(job)})
    body = {"task": "track", "upload_id": user.upload(video), "params": params, "source": PATIENT}
    job = wait_for_end(user, done(user.debit(**body))["id"])
    assert job["state"] == "completed", job
    return str(job["id"])


def stored(document: dict[str, Any], content: bytes | None = None) -> Callable[[Job], dict[str, Any]]:
    """Return the answer of a worker that stores the document, or other content, in the bucket."""

    def answer(job: Job) -> dict[str, Any]:
        url = job.request["input"]["output_url"]
        data = json.dumps(document, separators=(",", ":")).encode() if content is None else content
        put = requests.put(url, data=data, headers={"Content-Type": "application/json"}, timeout=60)
        assert put.ok, put.text
        figures = {name: value for name, value in document.items() if name != "tracks"}
        return figures | {"output_url": url.split("?")[0], "json_bytes": len(data), "gzip_bytes": None}

    return answer


def with_stills(document: dict[str, Any], frames: list[int]) -> Callable[[Job], dict[str, Any]]:
    """Return the answer of a worker that makes pictures of these frames of the source."""
    stills: list[Any] = []
    for frame in frames:
        encoded, jpeg = cv2.imencode(".jpg", numbered(frame, WIDTH, HEIGHT)[..., ::-1])
        assert encoded
        source = "data:image/jpeg;base64," + base64.b64encode(jpeg.tobytes()).decode()
        stills.append({"time_sec": frame / RATE, "source": source, "output": None, "output_time_sec": None})

    def answer(job: Job) -> dict[str, Any]:
        url = job.request["input"]["preview_url"]
        put = requests.put(url, json={"version": 1, "stills": stills}, timeout=60)
        assert put.ok, put.text
        return document | {"preview_url": url.split("?")[0]}

    return answer


def show(page: Page, job_id: str) -> None:
    """Open a job, and wait until its video shows a picture."""
    page.goto(f"/#/jobs/{job_id}")
    expect(page.get_by_role("list", name="Tracks")).to_be_visible()
    page.wait_for_function("() => document.querySelector('video')?.readyState >= 2")


def is_at(page: Page, frame: int) -> None:
    """Wait until the video shows a frame."""
    expect(page.locator(".transport-time")).to_have_text(re.compile(rf"frame {frame}$"))


def shown_at(page: Page, frame: int) -> Shown:
    """Wait until a frame is shown, and its picture; return what is shown then."""
    is_at(page, frame)
    return shown_when(page, lambda shown: shown.number == frame)


def shown_when(page: Page, true: Callable[[Shown], bool]) -> Shown:
    """Wait until something is true of what is shown; return what is shown then."""
    deadline = time.monotonic() + WAIT_S
    while not true(shown := Shown(page.evaluate(SHOWN))):
        assert time.monotonic() < deadline, (shown.number, shown.boxes.keys())
        page.wait_for_timeout(20)
    return shown


def go_to(page: Page, frame: int) -> Shown:
    """Move the video to a frame; return what is shown then."""
    page.get_by_role("slider", name="Position").fill(str(frame))
    return shown_at(page, frame)


def agrees(shown: Shown, document: dict[str, Any], time_of: Callable[[int], float]) -> None:
    """Check that what is drawn belongs to the picture that is shown, and nothing else is drawn."""
    assert shown.boxes == boxes_at(document, shown.number)
    trails = trails_at(document, shown.number, time_of)
    assert shown.trails.keys() == trails.keys()
    for track, corners in trails.items():
        np.testing.assert_allclose(shown.trails[track], corners, atol=0.006)


def row_button(page: Page, name: str) -> Locator:
    """Return the button of a row that shows the first frame of its track."""
    return page.get_by_role("button", name=re.compile(rf"^{name} ?\d+:\d\d"))


def spans(page: Page, track: int, kind: str) -> list[tuple[float, float]]:
    """Return the bars of a row, as positions from 0 to 1."""
    path = page.locator(f'.track-row[data-track="{track}"] path.{kind}').get_attribute("d") or ""
    return [(float(a), float(b)) for a, b in re.findall(r"M([\d.e-]+) [\d.]+H([\d.e-]+)V", path)]
