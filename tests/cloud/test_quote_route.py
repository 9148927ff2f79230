"""Tests POST /quote against the running API: what it answers, stores, refuses, and for whom."""

from __future__ import annotations

import json
import math
import time
from fractions import Fraction
from typing import Any

import pytest
import requests

from tests.cloud.conftest import Cloud
from tools.cloud.client import ApiUser
from tools.stand_ins import bucket

VIDEO = b"\0" * 306_774
HD = {"width": 1280, "height": 720}
SOURCE = {**HD, "frames": 100}
ESRGAN = {"model": "RealESRGAN_x4plus"}


@pytest.fixture(scope="module")
def user(cloud: Cloud) -> ApiUser:
    """A user with 5 dollars, whom all tests of this module share."""
    return cloud.new_user()


@pytest.fixture(scope="module")
def upload(user: ApiUser) -> str:
    return user.upload(VIDEO)


def quoted(user: ApiUser, **body: Any) -> dict[str, Any]:
    response = user.post("/quote", body)
    assert response.status_code == 201, response.text
    found: dict[str, Any] = response.json()
    return found


def test_a_quote_says_what_the_job_costs_and_what_that_assumes(user: ApiUser, upload: str) -> None:
    before_ms = time.time() * 1000
    found = quoted(user, task="upscale", params=ESRGAN, upload_id=upload, source=SOURCE)
    # RealESRGAN_x4plus on the A40 of wrangler.jsonc: 1.5 frames a second on an RTX 3090, times 1.345.
    seconds = 10 + Fraction(len(VIDEO), 25_000_000) + 100 / Fraction("1.5") * Fraction("1.345")
    assert (found["gpu"], found["price_per_s"]) == ("A40", 325)
    assert found["expected_s"] == math.ceil(seconds)
    assert found["expected"] == found["expected_s"] * 325
    assert found["execution_timeout_s"] == 3 * found["expected_s"]
    assert found["hold"] == found["execution_timeout_s"] * 325
    assert found["ready_in_s"] == found["expected_s"] + found["cold_start_s"]
    assert before_ms + 14 * 60_000 < found["expires_at"] < before_ms + 16 * 60_000
    assert any("VSGAN" in sentence for sentence in found["assumptions"])


def test_a_quote_is_stored_for_its_user_with_what_it_promises(
    cloud: Cloud, user: ApiUser, upload: str
) -> None:
    found = quoted(user, task="upscale", params=ESRGAN, upload_id=upload, source=SOURCE)
    (row,) = cloud.sql("SELECT * FROM quotes WHERE id = ?", found["id"])
    assert (row["user_id"], row["upload_id"], row["task"]) == (user.id, upload, "upscale")
    assert json.loads(row["params"]) == ESRGAN
    assert row["expires_at"] - row["created_at"] == 15 * 60_000
    promised = {name: found[name] for name in found if name not in {"id", "expires_at", "upload_id"}}
    assert json.loads(row["terms"]) == promised


def test_a_job_costs_at_most_what_its_quote_held(cloud: Cloud) -> None:
    user = cloud.new_user()
    upload = user.upload(VIDEO)
    found = quoted(user, task="upscale", params=ESRGAN, upload_id=upload, source=SOURCE)
    response = user.debit(quote_id=found["id"])
    assert response.status_code == 201, response.text
    assert response.json()["hold"] == found["hold"]
    wallet = user.get("/wallet").json()
    assert (wallet["balance"], wallet["held"]) == (5_000_000 - found["hold"], found["hold"])
    (row,) = cloud.sql("SELECT * FROM jobs WHERE id = ?", response.json()["id"])
    assert row["ttl_ms"] == (found["execution_timeout_s"] + 3600) * 1000
    user.post(f"/cancel/{response.json()['id']}")


def test_a_url_of_an_uploaded_object_is_an_input_too(cloud: Cloud, user: ApiUser, upload: str) -> None:
    (row,) = cloud.sql("SELECT object_key FROM uploads WHERE id = ?", upload)
    url = f"{cloud.door.endpoint}/{bucket.NAME}/{row['object_key']}"
    for form in (url, f"{url}?X-Amz-Signature=00"):
        found = quoted(user, task="track", input_url=form)
        assert found["upload_id"] == upload
        assert any("2 Mbit a second is assumed" in sentence for sentence in found["assumptions"])
    elsewhere = user.post("/quote", {"task": "track", "input_url": "https://example.com/in.mp4"})
    assert (elsewhere.status_code, elsewhere.json()["error"]["code"]) == (400, "bad_request")
    assert "input_url" in elsewhere.json()["error"]["message"]


def test_nobody_gets_a_quote_for_somebody_elses_upload(cloud: Cloud, user: ApiUser, upload: str) -> None:
    other = cloud.new_user()
    (row,) = cloud.sql("SELECT object_key FROM uploads WHERE id = ?", upload)
    url = f"{cloud.door.endpoint}/{bucket.NAME}/{row['object_key']}"
    for where in ({"upload_id": upload}, {"input_url": url}, {"upload_id": "up_" + "0" * 32}):
        response = other.post("/quote", {"task": "track", **where})
        assert (response.status_code, response.json()["error"]["code"]) == (404, "upload_not_found")
    found = quoted(user, task="track", upload_id=upload, source=SOURCE)
    stolen = other.debit(quote_id=found["id"])
    assert stolen.status_code == 404
    assert other.get("/wallet").json()["balance"] == 5_000_000


def test_a_quote_may_be_had_before_the_upload_is_complete(user: ApiUser) -> None:
    declared = {"name": "a.mp4", "content_type": "video/mp4", "bytes": 25_000_000}
    started = user.post("/uploads", declared).json()
    found = quoted(user, task="export", params={}, upload_id=started["id"], source=SOURCE)
    assert found["expected_s"] == math.ceil(10 + 1 + Fraction(100 * 1280 * 720, 10 * 1920 * 1080))


def test_a_crop_that_may_become_as_large_as_its_shape_allows_is_quoted_so(user: ApiUser, upload: str) -> None:
    tracks = {"tracks": [{"id": 3, "frames": [{"frame": 0, "bbox": [1, 2, 3, 4]}]}]}
    source = {**HD, "frames": 10_000}
    seconds = {}
    for track, zoom in (("main", 1), ("main", 2), (3, 1), (3, 2)):
        params = {"follow": {"track": track, "aspect": "1:1", "zoom": zoom}, "tracks": tracks}
        found = quoted(user, task="export", params=params, upload_id=upload, source=source)
        seconds[track, zoom] = found["expected_s"]
    assert seconds["main", 2] == seconds["main", 1] == seconds[3, 1] > seconds[3, 2]


@pytest.mark.parametrize("field", ["width", "height", "frames", "duration_sec", "fps"])
@pytest.mark.parametrize("value", ["0", "-1", "1e308", '"24"', "null", "[]", "true", "1e-320", "NaN"])
def test_a_hostile_number_is_refused_by_its_name(user: ApiUser, upload: str, field: str, value: str) -> None:
    source = {**HD, "frames": 100, "duration_sec": 4.0, "fps": 25.0, field: "HERE"}
    body = json.dumps({"task": "track", "upload_id": upload, "source": source}).replace('"HERE"', value)
    headers = {**user.authorization, "Content-Type": "application/json"}
    response = requests.post(f"{user.url}/quote", data=body, headers=headers, timeout=60)
    assert response.status_code == 400, response.text
    error = response.json()["error"]
    assert error["code"] == "bad_request"
    assert value == "NaN" or f"source.{field}" in error["message"]  # NaN is not JSON


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"task": "track", "source": HD}, "source.frames"),
        ({"task": "track", "source": {**HD, "fps": 25}}, "source.frames"),
        ({"task": "track", "source": {**SOURCE, "codec": "h264"}}, "source.codec"),
        ({"task": "cut"}, "task"),
        ({}, "task"),
        ({"task": "track", "params": {"stride": 31}}, "stride"),
        ({"task": "track", "params": {"speed": 1}}, "speed"),
        ({"task": "track", "params": []}, "params"),
        ({"task": "track", "input_url": "https://x"}, "upload_id or input_url"),
        ({"task": "track", "price": 0}, "price"),
        ({"task": "upscale", "params": {"scale": 16}, "source": SOURCE}, "20480x11520"),
    ],
)
def test_a_wrong_request_is_refused_by_its_field(
    user: ApiUser, upload: str, body: dict[str, Any], words: str
) -> None:
    response = user.post("/quote", {"upload_id": upload, **body})
    assert response.status_code == 400, response.text
    assert words in response.json()["error"]["message"]
    assert response.json()["error"]["retryable"] is False


def test_a_quote_needs_a_key_and_an_input(cloud: Cloud, user: ApiUser) -> None:
    stranger = ApiUser(cloud.url, name="x", user_id="x", key="fw_live_" + "0" * 97)
    assert stranger.post("/quote", {"task": "track", "upload_id": "up_1"}).status_code == 401
    response = user.post("/quote", {"task": "track"})
    assert response.status_code == 400
    assert "upload_id or input_url" in response.json()["error"]["message"]
