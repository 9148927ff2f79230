"""Tests how long uploads are kept: deleting, limits, lists, and a storage that fails."""

from __future__ import annotations

import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.money import write
from tests.cloud.upload_steps import (
    BIG_BYTES,
    complete_upload,
    open_multiparts,
    put_file,
    put_parts,
    refusal,
    start_upload,
    stored_sha256,
    upload_row,
)
from tools.cloud.client import ApiUser, done

OTHER_ID = "up_" + "0" * 32


def test_deleting_removes_the_object_and_can_be_repeated(cloud: Cloud, user: ApiUser) -> None:
    upload = start_upload(user, 4)
    put_file(upload, b"data")
    complete_upload(user, upload)
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
    assert stored_sha256(cloud, upload) is None
    assert refusal(user.get(f"/uploads/{upload['id']}")) == (404, "upload_not_found")
    assert refusal(complete_upload(user, upload)) == (404, "upload_not_found")
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204


def test_deleting_an_open_upload_removes_its_parts(cloud: Cloud, big: bytes) -> None:
    user = cloud.new_user()
    upload = start_upload(user, BIG_BYTES)
    put_parts(upload, big, only={1})
    assert open_multiparts(cloud, user) == [upload_row(cloud, upload)["object_key"]]
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
    assert open_multiparts(cloud, user) == []
    assert requests.put(upload["parts"][1]["url"], data=b"", timeout=60).status_code >= 400


def test_an_upload_deleted_while_it_is_completed_leaves_no_object(cloud: Cloud, user: ApiUser) -> None:
    for _ in range(10):
        upload = start_upload(user, 4)
        put_file(upload, b"data")
        with ThreadPoolExecutor(2) as pool:
            completing = pool.submit(complete_upload, user, upload)
            deleting = pool.submit(user.delete, f"/uploads/{upload['id']}")
        assert deleting.result().status_code == 204
        assert completing.result().status_code in {200, 404, 409}
        assert stored_sha256(cloud, upload) is None
        assert upload_row(cloud, upload)["state"] == "deleted"


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
    upload = start_upload(user, 4)["id"] if flaw == "open" else user.upload(b"data")
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
    upload = start_upload(user, 4)
    put_file(upload, b"data")
    path = f"/uploads/{upload['id']}"
    for response in (other.get(path), complete_upload(other, upload), other.delete(path)):
        assert refusal(response) == (404, "upload_not_found")
    unknown = other.get(f"/uploads/{OTHER_ID}")
    assert unknown.text == other.get(path).text, "an id of somebody else answers as one that does not exist"
    assert other.get("/uploads").json() == {"uploads": [], "next": None}
    assert complete_upload(user, upload).status_code == 200
    for response in (other.get(path), complete_upload(other, upload), other.delete(path)):
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
    put_file(second, b"data")
    assert complete_upload(user, second).status_code == 200
    assert [user.post("/uploads", body).status_code for _ in range(3)] == [201, 201, 409]


def test_the_list_has_every_upload_once_with_the_newest_first(cloud: Cloud) -> None:
    user = cloud.new_user()
    made = []
    for number in range(103):
        upload = start_upload(user, 4, name=f"{number}.mp4")
        made.append(upload["id"])
        if number % 2:
            put_file(upload, b"data")
            complete_upload(user, upload)
    user.delete(f"/uploads/{made.pop(50)}")
    pages = [user.get("/uploads").json()]
    while (cursor := pages[-1]["next"]) is not None:
        pages.append(user.get(f"/uploads?cursor={cursor}").json())
    uploads = [upload for page in pages for upload in page["uploads"]]
    assert len(pages) == 6
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


def test_one_failure_of_the_storage_is_not_noticed(cloud: Cloud, user: ApiUser) -> None:
    upload = start_upload(user, 4)
    put_file(upload, b"data")
    cloud.door.door.faults.extend([503])
    assert complete_upload(user, upload).status_code == 200
    assert not cloud.door.door.faults


@pytest.mark.parametrize("status", [500, 503, 429])
def test_a_storage_that_keeps_failing_leaves_nothing_half_done(cloud: Cloud, status: int) -> None:
    user = cloud.new_user()
    upload = start_upload(user, 4)
    put_file(upload, b"data")

    cloud.door.door.faults.extend([status] * 3)
    answer = user.post("/uploads", {"name": "clip.mp4", "content_type": "video/mp4", "bytes": BIG_BYTES})
    assert refusal(answer) == (503, "storage_unavailable")
    assert answer.json()["error"]["retryable"]
    assert int(answer.headers["Retry-After"]) > 0
    assert [entry["id"] for entry in user.get("/uploads").json()["uploads"]] == [upload["id"]]

    cloud.door.door.faults.extend([status] * 3)
    assert refusal(complete_upload(user, upload)) == (503, "storage_unavailable")
    assert upload_row(cloud, upload)["state"] == "open"
    assert complete_upload(user, upload).status_code == 200

    cloud.door.door.faults.extend([status] * 3)
    assert refusal(user.delete(f"/uploads/{upload['id']}")) == (503, "storage_unavailable")
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
    assert stored_sha256(cloud, upload) is None


def test_a_storage_that_refuses_our_key_is_not_retried(cloud: Cloud, user: ApiUser) -> None:
    upload = start_upload(user, 4)
    cloud.door.door.faults.append(403)
    assert refusal(complete_upload(user, upload)) == (502, "storage_refused")
    assert not cloud.door.door.faults


@pytest.mark.slow
def test_a_storage_that_does_not_answer_is_given_up(
    cloud: Cloud, user: ApiUser, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload = start_upload(user, 4)
    put_file(upload, b"data")
    monkeypatch.setattr(cloud.door.door, "_delay_s", 25.0)
    assert refusal(complete_upload(user, upload)) == (503, "storage_unavailable")
    assert upload_row(cloud, upload)["state"] == "open"
    monkeypatch.undo()
    assert complete_upload(user, upload).status_code == 200
