"""Tests uploads in one PUT, and what may be uploaded, against an S3 server that checks each request."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from orchestrator.media_containers import CONTAINERS
from orchestrator.settings import Settings
from tests.cloud.conftest import Cloud
from tests.cloud.upload_steps import (
    BIG_BYTES,
    complete_upload,
    put_file,
    refusal,
    start_upload,
    stored_sha256,
    upload_row,
)
from tools.cloud.client import ApiUser
from tools.stand_ins.bucket import NAME

Request = tuple[str, bytes, dict[str, str]]
"""The URL, the body and the headers of a PUT."""
OTHER_ID = "up_" + "0" * 32


def test_a_file_is_put_completed_and_stored_byte_for_byte(cloud: Cloud, user: ApiUser) -> None:
    data = os.urandom(300_000)
    upload = start_upload(user, len(data), "video/quicktime", "Ferien.MOV")
    assert (upload["state"], upload["method"]) == ("open", "put")
    assert upload["headers"] == {"Content-Type": "video/quicktime"}
    assert put_file(upload, data).status_code == 200
    answer = complete_upload(user, upload)
    assert answer.status_code == 200
    assert answer.json()["state"] == "complete"
    assert "url" not in answer.json()
    assert stored_sha256(cloud, upload) == hashlib.sha256(data).hexdigest()
    head = cloud.door.head(upload_row(cloud, upload)["object_key"])
    assert head["ContentType"] == "video/quicktime"


def test_the_object_lies_where_the_lifecycle_rules_look(cloud: Cloud, user: ApiUser) -> None:
    upload = start_upload(user, 10, "image/gif", "a.gif")
    assert upload_row(cloud, upload)["object_key"] == f"in/{user.id}/{upload['id']}.gif"


@pytest.mark.parametrize(
    "change",
    [
        lambda url, data, headers: (url, data + b"x", headers),
        lambda url, data, headers: (url, data[:-1], headers),
        lambda url, data, _: (url, data, {"Content-Type": "video/webm"}),
        lambda url, data, _: (url, data, {}),
        lambda url, data, headers: (url.replace(".mp4?", ".mp3?"), data, headers),
        lambda url, data, headers: (url.replace("X-Amz-Expires=3600", "X-Amz-Expires=36000"), data, headers),
        lambda url, data, headers: (url.partition("?")[0], data, headers),
    ],
    ids=["longer", "shorter", "other type", "no type", "other key", "longer validity", "unsigned"],
)
def test_the_url_accepts_nothing_else_than_was_declared(
    cloud: Cloud,
    user: ApiUser,
    change: Callable[[str, bytes, dict[str, str]], Request],
) -> None:
    upload = start_upload(user, 1000)
    url, data, headers = change(upload["url"], os.urandom(1000), upload["headers"])
    assert requests.put(url, data=data, headers=headers, timeout=60).status_code == 403
    assert stored_sha256(cloud, upload) is None
    assert refusal(complete_upload(user, upload)) == (409, "upload_incomplete")
    assert put_file(upload, os.urandom(1000)).status_code == 200
    assert complete_upload(user, upload).status_code == 200


def test_the_url_does_not_read_or_delete(user: ApiUser) -> None:
    upload = start_upload(user, 4)
    assert put_file(upload, b"data").status_code == 200
    assert requests.get(upload["url"], headers=upload["headers"], timeout=60).status_code == 403
    assert requests.delete(upload["url"], headers=upload["headers"], timeout=60).status_code == 403


@pytest.mark.parametrize(
    ("stored", "stored_type"),
    [(b"x" * 999, "video/mp4"), (b"x" * 1001, "video/mp4"), (b"x" * 1000, "text/html")],
)
def test_a_file_that_differs_from_what_was_declared_is_deleted(
    cloud: Cloud, user: ApiUser, stored: bytes, stored_type: str
) -> None:
    upload = start_upload(user, 1000)
    # R2 may not check a signed length, so the object is made as if it had not.
    key = upload_row(cloud, upload)["object_key"]
    cloud.door.client.put_object(Bucket=NAME, Key=key, Body=stored, ContentType=stored_type)
    answer = complete_upload(user, upload)
    assert refusal(answer) == (422, "upload_mismatch")
    message = answer.json()["error"]["message"]
    assert f"{len(stored)} bytes of type {stored_type}" in message
    assert "1000 bytes of type video/mp4" in message
    assert stored_sha256(cloud, upload) is None
    assert upload_row(cloud, upload)["state"] == "deleted"
    assert refusal(complete_upload(user, upload)) == (404, "upload_not_found")


def test_completing_twice_and_at_once_gives_the_same_answer(cloud: Cloud, user: ApiUser) -> None:
    upload = start_upload(user, 4)
    put_file(upload, b"data")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: complete_upload(user, upload), range(20)))
    answers.append(complete_upload(user, upload))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert upload_row(cloud, upload)["completed_at"] is not None


def test_an_open_upload_gets_a_new_url(user: ApiUser) -> None:
    upload = start_upload(user, 4)
    again = user.get(f"/uploads/{upload['id']}").json()
    assert again["state"] == "open"
    assert put_file(again, b"data").status_code == 200
    assert complete_upload(user, upload).status_code == 200
    assert "url" not in user.get(f"/uploads/{upload['id']}").json()


def test_parts_are_refused_for_a_single_put(user: ApiUser) -> None:
    assert refusal(complete_upload(user, start_upload(user, 4), {1: '"abc"'})) == (400, "bad_request")


GOOD = {"name": "clip.mp4", "content_type": "video/mp4", "bytes": 4}


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"content_type": "text/html"}, "content_type"),
        ({"content_type": "video/mp4; codecs=avc1"}, "content_type"),
        ({"content_type": "VIDEO/MP4"}, "content_type"),
        ({"content_type": "constructor"}, "content_type"),
        ({"content_type": None}, "content_type"),
        ({"bytes": 0}, "bytes"),
        ({"bytes": -1}, "bytes"),
        ({"bytes": 1.5}, "bytes"),
        ({"bytes": "4"}, "bytes"),
        ({"bytes": True}, "bytes"),
        ({"bytes": 2**53}, "bytes"),
        ({"bytes": Settings().max_input_bytes + 1}, "bytes"),
        ({"name": ""}, "name"),
        ({"name": "x" * 1025}, "name"),
        ({"name": ["x"]}, "name"),
        ({"object_key": "in/x"}, "object_key"),
        ({"__proto__": {"bytes": 1}}, "__proto__"),
    ],
)
def test_a_wrong_field_is_named(cloud: Cloud, user: ApiUser, change: dict[str, Any], field: str) -> None:
    before = len(cloud.door.door.requests)
    answer = user.post("/uploads", GOOD | change)
    assert refusal(answer) == (400, "bad_request")
    assert field in answer.json()["error"]["message"]
    assert len(cloud.door.door.requests) == before


@pytest.mark.parametrize(
    "path", ["/uploads/x", "/uploads/up_", f"/uploads/{OTHER_ID}x", "/uploads/%27%20OR%201=1"]
)
def test_a_malformed_id_is_refused(user: ApiUser, path: str) -> None:
    assert user.get(path).status_code == 400
    assert user.delete(path).status_code == 400
    assert user.post(f"{path}/complete", {}).status_code == 400


@pytest.mark.parametrize(
    "query", ["cursor=", "cursor=1", "cursor=1.up_x", f"cursor=x.{OTHER_ID}", f"cursor={'9' * 30}.{OTHER_ID}"]
)
def test_a_malformed_cursor_is_refused(user: ApiUser, query: str) -> None:
    assert refusal(user.get(f"/uploads?{query}")) == (400, "bad_request")


@pytest.mark.parametrize("start_at", ["0", "-1", "x", "1.5", "10001"])
def test_a_malformed_first_part_is_refused(user: ApiUser, start_at: str) -> None:
    upload = start_upload(user, BIG_BYTES)
    assert refusal(user.get(f"/uploads/{upload['id']}?from={start_at}")) == (400, "bad_request")
    user.delete(f"/uploads/{upload['id']}")


@pytest.mark.parametrize("media_type", [row.media_type for row in CONTAINERS] + ["application/json"])
def test_every_container_that_the_worker_writes_can_be_uploaded(user: ApiUser, media_type: str) -> None:
    start_upload(user, 4, media_type)


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("C:\\Users\\me\\film.mp4", "film.mp4"),
        ("../../etc/passwd", "passwd"),
        ("..", "download"),
        ("a\r\nSet-Cookie: x.mp4", "aSet-Cookie: x.mp4"),
        ("<script>alert(1)</script>.mp4", "script>.mp4"),
        ("Ferien \U0001f3d6 ä.mp4", "Ferien \U0001f3d6 ä.mp4"),
        ("ä" * 300 + ".mp4", "ä" * 125 + ".mp4"),
    ],
)
def test_a_name_is_stored_safe_to_save_under(user: ApiUser, name: str, kept: str) -> None:
    assert start_upload(user, 4, name=name)["name"] == kept
