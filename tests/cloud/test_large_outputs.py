"""Tests that outputs which may be too large for one PUT get the addresses of a multipart upload."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.film_workers import FilmWorkers, deliver, start_film
from tests.cloud.job_steps import wait_for_end
from tests.cloud.test_films import steps_of
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

pytestmark = pytest.mark.usefixtures("queue")

MOST_PUT_BYTES = 5 * 2**30 - 5 * 2**20


def sent(cloud: Cloud, user: ApiUser, frames: int, **params: Any) -> dict[str, Any]:
    """Start an export of a video of 1080p; return what the worker gets."""
    source = {"width": 1920, "height": 1080, "frames": frames, "fps": 25.0}
    body = {"task": "export", "upload_id": user.upload(b"a video"), "params": params, "source": source}
    job = done(user.debit(**body))
    assert job["quote"]["film"] is None
    (run,) = (run for run in list(cloud.runpod.jobs.values()) if f"/webhook/{job['id']}/" in str(run.webhook))
    return dict(run.input)


@pytest.mark.parametrize(
    ("params", "pixels", "bytes_per_pixel"),
    [
        ({}, 1920 * 1080, 0.5),
        ({"quality": "lossless"}, 1920 * 1080, 3),
        ({"quality": "lossless", "size": "2560x1440"}, 2560 * 1440, 3),
    ],
)
def test_the_frames_and_the_size_of_the_output_decide(
    cloud: Cloud, params: dict[str, Any], pixels: int, bytes_per_pixel: float
) -> None:
    user = cloud.new_user(100)
    frames = int(MOST_PUT_BYTES / bytes_per_pixel / pixels)
    small, large = (sent(cloud, user, count, **params) for count in (frames, frames + 1))
    assert "output_parts" not in small
    assert "output_url" not in large
    parts = large["output_parts"]
    assert parts["part_bytes"] * len(parts["urls"]) >= 2 * MOST_PUT_BYTES
    queries = [parse_qs(urlsplit(url).query) for url in parts["urls"]]
    assert [query["partNumber"] for query in queries] == [[str(number + 1)] for number in range(len(queries))]


def test_a_film_is_delivered_in_parts(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    workers = FilmWorkers(cloud)
    content = os.urandom(6 * 2**20)
    pretence: Callable[[Job], Pretence] = workers.pretence

    def in_two_parts(job: Job) -> Pretence:
        if job.input["task"] != "assemble":
            return pretence(job)
        url = deliver(job.input, content, part_bytes=5 * 2**20)
        return Pretence(answer={"output": {"status": "completed", "output_url": url, "notes": []}})

    cloud.runpod.pretend = in_two_parts
    film = wait_for_end(user, start_film(user)["id"])
    assert film["state"] == "completed", film["error"]
    (assembly,) = (run.input for run in steps_of(cloud, film["id"]) if run.input["task"] == "assemble")
    assert "output_url" not in assembly
    response = requests.get(film["links"]["output"], timeout=30)
    assert response.content == content
    assert response.headers["Content-Type"] == "video/mp4"


def test_parts_that_a_failed_worker_leaves_can_be_deleted(cloud: Cloud) -> None:
    user = cloud.new_user(100)
    parts = sent(cloud, user, 2000, quality="lossless")["output_parts"]
    assert requests.put(parts["urls"][0], data=b"a part", timeout=30).status_code == 200
    assert requests.delete(parts["abort_url"], timeout=30).status_code == 204
    assert requests.put(parts["urls"][0], data=b"a part", timeout=30).status_code == 404
