"""POST /uploads and its companions, against the running API and an S3 server that checks each request."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from orchestrator.media_containers import CONTAINERS
from orchestrator.settings import Settings
from tests.cloud.conftest import Cloud
from tests.cloud.money import write
from tools.cloud.client import ApiUser, done
from tools.stand_ins.bucket import NAME
from tools.stand_ins.runpod_queue import Pretence

BIG_BYTES = 100_000_001
"""One byte more than is sent in one PUT."""
Request = tuple[str, bytes, dict[str, str]]
"""The URL, the body and the headers of a PUT."""
OTHER_ID = "up_" + "0" * 32


@pytest.fixture(scope="module")
def big() -> bytes:
    return (os.urandom(1_000_003) * 101)[:BIG_BYTES]


@pytest.fixture
def queue(cloud: Cloud) -> Iterator[None]:
    """Let all jobs wait in RunPod's queue."""
    cloud.runpod.pretend = lambda _job: Pretence(wait_s=3600)
    yield
    cloud.runpod.pretend = lambda _job: None


def start(
    user: ApiUser, size: int, content_type: str = "video/mp4", name: str = "clip.mp4"
) -> dict[str, Any]:
    response = user.post("/uploads", {"name": name, "content_type": content_type, "bytes": size})
    assert response.status_code == 201, response.text
    return dict(response.json())


def put(upload: dict[str, Any], data: bytes, **headers: str) -> requests.Response:
    return requests.put(upload["url"], data=data, headers=upload["headers"] | headers, timeout=60)


def put_parts(upload: dict[str, Any], data: bytes, *, only: set[int] | None = None) -> dict[int, str]:
    """Send the parts that `upload` gives URLs for; return their ETags by number."""
    etags = {}
    for part in upload["parts"]:
        if only is None or part["number"] in only:
            begin = (part["number"] - 1) * upload["part_bytes"]
            response = requests.put(part["url"], data=data[begin : begin + part["bytes"]], timeout=60)
            assert response.status_code == 200, response.text
            etags[part["number"]] = response.headers["ETag"]
    return etags


def complete(user: ApiUser, upload: dict[str, Any], etags: dict[int, str] | None = None) -> requests.Response:
    parts = [{"number": number, "etag": etag} for number, etag in (etags or {}).items()]
    body = {"parts": parts} if etags is not None else {}
    response: requests.Response = user.post(f"/uploads/{upload['id']}/complete", body)
    return response


def refusal(response: requests.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


def row_of(cloud: Cloud, upload: dict[str, Any]) -> dict[str, Any]:
    (row,) = cloud.sql("SELECT * FROM uploads WHERE id = ?", upload["id"])
    return dict(row)


def stored_sha256(cloud: Cloud, upload: dict[str, Any]) -> str | None:
    data = cloud.door.get(row_of(cloud, upload)["object_key"])
    return None if data is None else hashlib.sha256(data).hexdigest()


def open_multiparts(cloud: Cloud, user: ApiUser) -> list[str]:
    client = cloud.door.client
    answer = client.list_multipart_uploads(Bucket=NAME, Prefix=f"in/{user.id}/")
    return [entry["Key"] for entry in answer.get("Uploads", ())]


# --- one PUT -----------------------------------------------------------------------------------------------


def test_a_file_is_put_completed_and_stored_byte_for_byte(cloud: Cloud, user: ApiUser) -> None:
    data = os.urandom(300_000)
    upload = start(user, len(data), "video/quicktime", "Ferien.MOV")
    assert (upload["state"], upload["method"]) == ("open", "put")
    assert upload["headers"] == {"Content-Type": "video/quicktime"}
    assert put(upload, data).status_code == 200
    answer = complete(user, upload)
    assert answer.status_code == 200
    assert answer.json()["state"] == "complete"
    assert "url" not in answer.json()
    assert stored_sha256(cloud, upload) == hashlib.sha256(data).hexdigest()
    head = cloud.door.head(row_of(cloud, upload)["object_key"])
    assert head["ContentType"] == "video/quicktime"


def test_the_object_lies_where_the_lifecycle_rules_look(cloud: Cloud, user: ApiUser) -> None:
    upload = start(user, 10, "image/gif", "a.gif")
    assert row_of(cloud, upload)["object_key"] == f"in/{user.id}/{upload['id']}.gif"


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
    upload = start(user, 1000)
    url, data, headers = change(upload["url"], os.urandom(1000), upload["headers"])
    assert requests.put(url, data=data, headers=headers, timeout=60).status_code == 403
    assert stored_sha256(cloud, upload) is None
    assert refusal(complete(user, upload)) == (409, "upload_incomplete")
    assert put(upload, os.urandom(1000)).status_code == 200
    assert complete(user, upload).status_code == 200


def test_the_url_does_not_read_or_delete(user: ApiUser) -> None:
    upload = start(user, 4)
    assert put(upload, b"data").status_code == 200
    assert requests.get(upload["url"], headers=upload["headers"], timeout=60).status_code == 403
    assert requests.delete(upload["url"], headers=upload["headers"], timeout=60).status_code == 403


@pytest.mark.parametrize(
    ("stored", "stored_type"),
    [(b"x" * 999, "video/mp4"), (b"x" * 1001, "video/mp4"), (b"x" * 1000, "text/html")],
)
def test_a_file_that_differs_from_what_was_declared_is_deleted(
    cloud: Cloud, user: ApiUser, stored: bytes, stored_type: str
) -> None:
    upload = start(user, 1000)
    # R2 may not check a signed length, so the object is made as if it had not.
    key = row_of(cloud, upload)["object_key"]
    cloud.door.client.put_object(Bucket=NAME, Key=key, Body=stored, ContentType=stored_type)
    answer = complete(user, upload)
    assert refusal(answer) == (422, "upload_mismatch")
    message = answer.json()["error"]["message"]
    assert f"{len(stored)} bytes of type {stored_type}" in message
    assert "1000 bytes of type video/mp4" in message
    assert stored_sha256(cloud, upload) is None
    assert row_of(cloud, upload)["state"] == "deleted"
    assert refusal(complete(user, upload)) == (404, "upload_not_found")


def test_completing_twice_and_at_once_gives_the_same_answer(cloud: Cloud, user: ApiUser) -> None:
    upload = start(user, 4)
    put(upload, b"data")
    with ThreadPoolExecutor(10) as pool:
        answers = list(pool.map(lambda _: complete(user, upload), range(20)))
    answers.append(complete(user, upload))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert row_of(cloud, upload)["completed_at"] is not None


def test_an_open_upload_gets_a_new_url(user: ApiUser) -> None:
    upload = start(user, 4)
    again = user.get(f"/uploads/{upload['id']}").json()
    assert again["state"] == "open"
    assert put(again, b"data").status_code == 200
    assert complete(user, upload).status_code == 200
    assert "url" not in user.get(f"/uploads/{upload['id']}").json()


def test_parts_are_refused_for_a_single_put(user: ApiUser) -> None:
    assert refusal(complete(user, start(user, 4), {1: '"abc"'})) == (400, "bad_request")


# --- parts -------------------------------------------------------------------------------------------------


def test_a_large_file_is_put_in_parts_and_joined_byte_for_byte(
    cloud: Cloud, user: ApiUser, big: bytes
) -> None:
    upload = start(user, BIG_BYTES, "video/x-matroska", "film.mkv")
    assert (upload["method"], upload["next"], upload["uploaded"]) == ("parts", None, [])
    assert sum(part["bytes"] for part in upload["parts"]) == BIG_BYTES
    etags = put_parts(upload, big)
    answer = complete(user, upload, dict(reversed(etags.items())))
    assert answer.status_code == 200, answer.text
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()
    head = cloud.door.head(row_of(cloud, upload)["object_key"])
    assert (head["ContentType"], head["ContentLength"]) == ("video/x-matroska", BIG_BYTES)


def test_the_largest_single_put_has_no_parts(user: ApiUser) -> None:
    assert start(user, 100_000_000)["method"] == "put"


def test_an_upload_goes_on_after_a_reload(cloud: Cloud, user: ApiUser, big: bytes) -> None:
    upload = start(user, BIG_BYTES)
    put_parts(upload, big, only={1, 3, 6})
    again = user.get(f"/uploads/{upload['id']}").json()
    assert again["uploaded"] == [1, 3, 6]
    assert [part["number"] for part in again["parts"]] == [2, 4, 5]
    answer = complete(user, upload)
    assert refusal(answer) == (409, "upload_incomplete")
    assert "2, 4, 5 of 6" in answer.json()["error"]["message"]
    put_parts(again, big)
    assert complete(user, upload).status_code == 200
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()


def test_parts_that_are_swapped_missing_or_invented_are_refused(
    cloud: Cloud, user: ApiUser, big: bytes
) -> None:
    upload = start(user, BIG_BYTES)
    etags = put_parts(upload, big)
    swapped = etags | {1: etags[2], 2: etags[1]}
    assert refusal(complete(user, upload, swapped)) == (422, "parts_refused")
    invented = etags | {2: '"00000000000000000000000000000000"'}
    assert refusal(complete(user, upload, invented)) == (422, "parts_refused")
    missing = {number: etag for number, etag in etags.items() if number != 2}
    assert refusal(complete(user, upload, missing)) == (409, "upload_incomplete")
    assert refusal(complete(user, upload, etags | {7: etags[1]})) == (422, "parts_refused")
    assert refusal(complete(user, upload, etags | {1: "</ETag><x>"})) == (422, "parts_refused")
    assert stored_sha256(cloud, upload) is None
    assert row_of(cloud, upload)["state"] == "open"
    assert complete(user, upload, etags).status_code == 200
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()


def test_the_url_of_a_part_accepts_only_that_part(user: ApiUser, big: bytes) -> None:
    upload = start(user, BIG_BYTES)
    first, last = upload["parts"][0], upload["parts"][-1]
    data = big[: first["bytes"]]
    assert requests.put(first["url"], data=data + b"x", timeout=60).status_code == 403
    assert requests.put(last["url"], data=data, timeout=60).status_code == 403
    other = first["url"].replace("partNumber=1&", "partNumber=2&")
    assert requests.put(other, data=data, timeout=60).status_code == 403
    assert user.get(f"/uploads/{upload['id']}").json()["uploaded"] == []


def test_joining_at_once_gives_the_same_answer(cloud: Cloud, user: ApiUser, big: bytes) -> None:
    upload = start(user, BIG_BYTES)
    etags = put_parts(upload, big)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: complete(user, upload, etags if n % 2 else None), range(6)))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert len({answer.text for answer in answers}) == 1
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()


@pytest.mark.parametrize("ask", ["complete", "look"])
def test_parts_that_were_joined_although_the_answer_was_lost(
    cloud: Cloud, user: ApiUser, big: bytes, ask: str
) -> None:
    upload = start(user, BIG_BYTES)
    etags = put_parts(upload, big)
    row = row_of(cloud, upload)
    cloud.door.client.complete_multipart_upload(
        Bucket=NAME,
        Key=row["object_key"],
        UploadId=row["multipart_id"],
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in etags.items()]},
    )
    answer = complete(user, upload) if ask == "complete" else user.get(f"/uploads/{upload['id']}")
    assert (answer.status_code, answer.json()["state"]) == (200, "complete")
    assert row_of(cloud, upload)["state"] == "complete"


def test_parts_that_the_storage_has_dropped(cloud: Cloud, user: ApiUser) -> None:
    upload = start(user, BIG_BYTES)
    row = row_of(cloud, upload)
    where = {"Bucket": NAME, "Key": row["object_key"], "UploadId": row["multipart_id"]}
    cloud.door.client.abort_multipart_upload(**where)
    assert refusal(user.get(f"/uploads/{upload['id']}")) == (409, "upload_lost")
    assert refusal(complete(user, upload)) == (409, "upload_lost")
    etags = {part["number"]: '"00000000000000000000000000000000"' for part in upload["parts"]}
    assert refusal(complete(user, upload, etags)) == (409, "upload_lost")
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204


def test_the_urls_of_many_parts_come_in_pages(user: ApiUser) -> None:
    total = Settings().max_input_bytes
    upload = start(user, total)
    pages = [upload]
    while (following := pages[-1]["next"]) is not None:
        pages.append(user.get(f"/uploads/{upload['id']}?from={following}").json())
    parts = [part for page in pages for part in page["parts"]]
    assert max(len(page["parts"]) for page in pages) == 100
    assert [part["number"] for part in parts] == list(range(1, len(parts) + 1))
    assert sum(part["bytes"] for part in parts) == total
    assert {part["bytes"] for part in parts[:-1]} == {upload["part_bytes"]}
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204


# --- deleting, other users, limits -------------------------------------------------------------------------


def test_deleting_removes_the_object_and_can_be_repeated(cloud: Cloud, user: ApiUser) -> None:
    upload = start(user, 4)
    put(upload, b"data")
    complete(user, upload)
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
    assert stored_sha256(cloud, upload) is None
    assert refusal(user.get(f"/uploads/{upload['id']}")) == (404, "upload_not_found")
    assert refusal(complete(user, upload)) == (404, "upload_not_found")
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204


def test_deleting_an_open_upload_removes_its_parts(cloud: Cloud, big: bytes) -> None:
    user = cloud.new_user()
    upload = start(user, BIG_BYTES)
    put_parts(upload, big, only={1})
    assert open_multiparts(cloud, user) == [row_of(cloud, upload)["object_key"]]
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
    assert open_multiparts(cloud, user) == []
    assert requests.put(upload["parts"][1]["url"], data=b"", timeout=60).status_code >= 400


def test_an_upload_deleted_while_it_is_completed_leaves_no_object(cloud: Cloud, user: ApiUser) -> None:
    for _ in range(10):
        upload = start(user, 4)
        put(upload, b"data")
        with ThreadPoolExecutor(2) as pool:
            completing = pool.submit(complete, user, upload)
            deleting = pool.submit(user.delete, f"/uploads/{upload['id']}")
        assert deleting.result().status_code == 204
        assert completing.result().status_code in {200, 404, 409}
        assert stored_sha256(cloud, upload) is None
        assert row_of(cloud, upload)["state"] == "deleted"


@pytest.mark.usefixtures("queue")
def test_an_upload_in_use_is_deleted_only_after_its_job_has_ended(cloud: Cloud, user: ApiUser) -> None:
    upload = user.upload(b"data")
    body = {"task": "upscale", "upload_id": upload, "source": {"width": 320, "height": 180, "frames": 48}}
    job = user.debit(**body).json()
    assert refusal(user.delete(f"/uploads/{upload}")) == (409, "upload_in_use")
    assert stored_sha256(cloud, {"id": upload}) is not None
    user.post(f"/cancel/{job['id']}")
    deadline = time.monotonic() + 60
    while user.get(f"/status/{job['id']}").json()["ended_at"] is None and time.monotonic() < deadline:
        time.sleep(0.1)
    assert user.delete(f"/uploads/{upload}").status_code == 204


@pytest.mark.usefixtures("queue")
def test_a_job_and_the_deletion_of_its_upload_do_not_both_succeed(cloud: Cloud, user: ApiUser) -> None:
    source = {"width": 320, "height": 180, "frames": 48}
    for number in range(20):
        upload = user.upload(b"data")
        body = {"task": "upscale", "upload_id": upload, "source": source}
        headers = {"Idempotency-Key": upload}
        with ThreadPoolExecutor(2) as pool:
            calls = [
                lambda: user.post("/debit", body, headers),  # noqa: B023  runs within this round
                lambda: user.delete(f"/uploads/{upload}"),  # noqa: B023
            ]
            first, second = (pool.submit(call) for call in (calls if number % 2 else calls[::-1]))
        job, deletion = (first, second) if number % 2 else (second, first)
        codes = (job.result().status_code, deletion.result().status_code)
        assert codes in {(201, 409), (404, 204)}, (job.result().text, deletion.result().text)
        assert (stored_sha256(cloud, {"id": upload}) is not None) == (codes[0] == 201)
        if codes[0] == 201:
            user.post(f"/cancel/{job.result().json()['id']}")


@pytest.mark.parametrize("flaw", ["open", "deleted", "of another user"])
def test_the_database_refuses_a_job_without_a_complete_upload(cloud: Cloud, user: ApiUser, flaw: str) -> None:
    upload = start(user, 4)["id"] if flaw == "open" else user.upload(b"data")
    if flaw == "deleted":
        user.delete(f"/uploads/{upload}")
    owner = cloud.new_user().id if flaw == "of another user" else user.id
    insert = (
        "INSERT INTO jobs (id, user_id, body_sha256, upload_id, task, params, terms, hold, ttl_ms, "
        "output_key, state, created_at) "
        "VALUES (?, ?, '', ?, 'track', '{}', '{}', 0, 1, '', 'submitting', 0)"
    )
    with pytest.raises(sqlite3.IntegrityError, match="a job needs a complete upload of its user"):
        write(cloud, insert, f"job_{upload}", owner, upload)


def test_another_user_sees_and_changes_nothing(cloud: Cloud, user: ApiUser) -> None:
    other = cloud.new_user()
    upload = start(user, 4)
    put(upload, b"data")
    path = f"/uploads/{upload['id']}"
    for response in (other.get(path), complete(other, upload), other.delete(path)):
        assert refusal(response) == (404, "upload_not_found")
    unknown = other.get(f"/uploads/{OTHER_ID}")
    assert unknown.text == other.get(path).text, "an id of somebody else answers as one that does not exist"
    assert other.get("/uploads").json() == {"uploads": [], "next": None}
    assert complete(user, upload).status_code == 200
    for response in (other.get(path), complete(other, upload), other.delete(path)):
        assert refusal(response) == (404, "upload_not_found")
    assert stored_sha256(cloud, upload) is not None


def test_nobody_without_a_key_gets_in(cloud: Cloud) -> None:
    for method, path in [
        ("POST", "/uploads"),
        ("GET", "/uploads"),
        ("GET", f"/uploads/{OTHER_ID}"),
        ("POST", f"/uploads/{OTHER_ID}/complete"),
        ("DELETE", f"/uploads/{OTHER_ID}"),
    ]:
        assert requests.request(method, cloud.url + path, timeout=60).status_code == 401


def test_a_user_keeps_at_most_200_gib(user: ApiUser) -> None:
    largest = {"name": "clip.mp4", "content_type": "video/mp4", "bytes": 10 * 2**30}
    ids = [done(user.post("/uploads", largest))["id"] for _ in range(20)]
    small = largest | {"bytes": 1}
    assert refusal(user.post("/uploads", small)) == (409, "too_many_uploads")
    assert user.delete(f"/uploads/{ids[0]}").status_code == 204
    assert user.post("/uploads", small).status_code == 201
    assert refusal(user.post("/uploads", largest)) == (409, "too_many_uploads")


def test_a_user_has_at_most_100_open_uploads_however_fast_they_ask(cloud: Cloud) -> None:
    user = cloud.new_user()
    body = {"name": "clip.mp4", "content_type": "video/mp4", "bytes": 4}
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: user.post("/uploads", body), range(120)))
    assert sorted(answer.status_code for answer in answers) == [201] * 100 + [409] * 20
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refusal(refused) == (409, "too_many_uploads")
    assert "100" in refused.json()["error"]["message"]
    assert refusal(user.post("/uploads", body | {"bytes": BIG_BYTES})) == (409, "too_many_uploads")
    first, second = [answer.json() for answer in answers if answer.status_code == 201][:2]
    assert user.delete(f"/uploads/{first['id']}").status_code == 204
    put(second, b"data")
    assert complete(user, second).status_code == 200
    assert [user.post("/uploads", body).status_code for _ in range(3)] == [201, 201, 409]


def test_the_list_has_every_upload_once_with_the_newest_first(cloud: Cloud) -> None:
    user = cloud.new_user()
    made = []
    for number in range(103):
        upload = start(user, 4, name=f"{number}.mp4")
        made.append(upload["id"])
        if number % 2:
            put(upload, b"data")
            complete(user, upload)
    user.delete(f"/uploads/{made.pop(50)}")
    pages = [user.get("/uploads").json()]
    while (cursor := pages[-1]["next"]) is not None:
        pages.append(user.get(f"/uploads?cursor={cursor}").json())
    uploads = [upload for page in pages for upload in page["uploads"]]
    assert len(pages) == 3
    assert sorted(upload["id"] for upload in uploads) == sorted(made)
    times = [upload["created_at"] for upload in uploads]
    assert times == sorted(times, reverse=True)
    assert {upload["state"] for upload in uploads} == {"open", "complete"}
    assert not any("url" in upload for upload in uploads)


def test_an_upload_of_six_days_is_gone(cloud: Cloud, user: ApiUser) -> None:
    young, old = user.upload(b"young"), user.upload(b"older")
    for upload, days in ((young, 5.9), (old, 6.0)):
        write(
            cloud,
            "UPDATE uploads SET created_at = created_at - ? WHERE id = ?",
            int(days * 86_400_000),
            upload,
        )
    assert [entry["id"] for entry in user.get("/uploads").json()["uploads"]] == [young]
    assert user.get(f"/uploads/{young}").status_code == 200
    assert refusal(user.get(f"/uploads/{old}")) == (404, "upload_not_found")
    debit = user.debit(task="track", upload_id=old, params={})
    assert refusal(debit) == (404, "upload_not_found")
    assert user.delete(f"/uploads/{old}").status_code == 204


def test_a_document_of_tracks_is_no_video(user: ApiUser) -> None:
    tracks = user.upload(b"[]", "application/json")
    job = {"task": "track", "upload_id": tracks, "params": {}}
    assert refusal(user.post("/quote", job)) == (400, "bad_request")
    assert refusal(user.debit(**job)) == (400, "bad_request")


# --- what may be uploaded ----------------------------------------------------------------------------------

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
    upload = start(user, BIG_BYTES)
    assert refusal(user.get(f"/uploads/{upload['id']}?from={start_at}")) == (400, "bad_request")
    user.delete(f"/uploads/{upload['id']}")


@pytest.mark.parametrize("media_type", [row.media_type for row in CONTAINERS] + ["application/json"])
def test_every_container_that_the_worker_writes_can_be_uploaded(user: ApiUser, media_type: str) -> None:
    start(user, 4, media_type)


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
    assert start(user, 4, name=name)["name"] == kept


# --- a storage that fails ----------------------------------------------------------------------------------


def test_one_failure_of_the_storage_is_not_noticed(cloud: Cloud, user: ApiUser) -> None:
    upload = start(user, 4)
    put(upload, b"data")
    cloud.door.door.faults.extend([503])
    assert complete(user, upload).status_code == 200
    assert not cloud.door.door.faults


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_storage_that_keeps_failing_leaves_nothing_half_done(cloud: Cloud, status: int) -> None:
    user = cloud.new_user()
    upload = start(user, 4)
    put(upload, b"data")

    cloud.door.door.faults.extend([status] * 3)
    answer = user.post("/uploads", GOOD | {"bytes": BIG_BYTES})
    assert refusal(answer) == (503, "storage_unavailable")
    assert answer.json()["error"]["retryable"]
    assert int(answer.headers["Retry-After"]) > 0
    assert [entry["id"] for entry in user.get("/uploads").json()["uploads"]] == [upload["id"]]

    cloud.door.door.faults.extend([status] * 3)
    assert refusal(complete(user, upload)) == (503, "storage_unavailable")
    assert row_of(cloud, upload)["state"] == "open"
    assert complete(user, upload).status_code == 200

    cloud.door.door.faults.extend([status] * 3)
    assert refusal(user.delete(f"/uploads/{upload['id']}")) == (503, "storage_unavailable")
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
    assert stored_sha256(cloud, upload) is None


def test_a_storage_that_refuses_our_key_is_not_retried(cloud: Cloud, user: ApiUser) -> None:
    upload = start(user, 4)
    cloud.door.door.faults.append(403)
    assert refusal(complete(user, upload)) == (502, "storage_refused")
    assert not cloud.door.door.faults


@pytest.mark.slow
def test_a_storage_that_does_not_answer_is_given_up(
    cloud: Cloud, user: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = start(user, 4)
    put(upload, b"data")
    monkeypatch.setattr(cloud.door.door, "_delay_s", 25.0)
    assert refusal(complete(user, upload)) == (503, "storage_unavailable")
    assert row_of(cloud, upload)["state"] == "open"
    monkeypatch.undo()
    assert complete(user, upload).status_code == 200
