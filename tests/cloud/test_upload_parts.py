"""Tests uploads in parts, against an S3 server that checks each request."""

from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from orchestrator.settings import Settings
from tests.cloud.conftest import Cloud
from tests.cloud.upload_steps import (
    BIG_BYTES,
    SINGLE_PUT_BYTES,
    complete_upload,
    put_parts,
    refusal,
    start_upload,
    stored_sha256,
    upload_row,
)
from tools.cloud.client import ApiUser
from tools.stand_ins.bucket import NAME


def test_a_large_file_is_put_in_parts_and_joined_byte_for_byte(
    cloud: Cloud, user: ApiUser, big: bytes
) -> None:
    upload = start_upload(user, BIG_BYTES, "video/x-matroska", "film.mkv")
    assert (upload["method"], upload["next"], upload["uploaded"]) == ("parts", None, [])
    assert sum(part["bytes"] for part in upload["parts"]) == BIG_BYTES
    etags = put_parts(upload, big)
    answer = complete_upload(user, upload, dict(reversed(etags.items())))
    assert answer.status_code == 200, answer.text
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()
    head = cloud.door.head(upload_row(cloud, upload)["object_key"])
    assert (head["ContentType"], head["ContentLength"]) == ("video/x-matroska", BIG_BYTES)


def test_the_largest_single_put_has_no_parts(user: ApiUser) -> None:
    assert start_upload(user, SINGLE_PUT_BYTES)["method"] == "put"
    assert start_upload(user, SINGLE_PUT_BYTES + 1)["method"] == "parts"


def test_an_upload_goes_on_after_a_reload(cloud: Cloud, user: ApiUser, big: bytes) -> None:
    upload = start_upload(user, BIG_BYTES)
    put_parts(upload, big, only={1, 3, 6})
    again = user.get(f"/uploads/{upload['id']}").json()
    assert again["uploaded"] == [1, 3, 6]
    assert [part["number"] for part in again["parts"]] == [2, 4, 5]
    answer = complete_upload(user, upload)
    assert refusal(answer) == (409, "upload_incomplete")
    assert "2, 4, 5 of 6" in answer.json()["error"]["message"]
    put_parts(again, big)
    assert complete_upload(user, upload).status_code == 200
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()


def test_parts_that_are_swapped_missing_or_invented_are_refused(
    cloud: Cloud, user: ApiUser, big: bytes
) -> None:
    upload = start_upload(user, BIG_BYTES)
    etags = put_parts(upload, big)
    swapped = etags | {1: etags[2], 2: etags[1]}
    assert refusal(complete_upload(user, upload, swapped)) == (422, "parts_refused")
    invented = etags | {2: '"00000000000000000000000000000000"'}
    assert refusal(complete_upload(user, upload, invented)) == (422, "parts_refused")
    missing = {number: etag for number, etag in etags.items() if number != 2}
    assert refusal(complete_upload(user, upload, missing)) == (409, "upload_incomplete")
    assert refusal(complete_upload(user, upload, etags | {7: etags[1]})) == (422, "parts_refused")
    assert refusal(complete_upload(user, upload, etags | {1: "</ETag><x>"})) == (422, "parts_refused")
    assert stored_sha256(cloud, upload) is None
    assert upload_row(cloud, upload)["state"] == "open"
    assert complete_upload(user, upload, etags).status_code == 200
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()


def test_the_url_of_a_part_accepts_only_that_part(user: ApiUser, big: bytes) -> None:
    upload = start_upload(user, BIG_BYTES)
    first, last = upload["parts"][0], upload["parts"][-1]
    data = big[: first["bytes"]]
    assert requests.put(first["url"], data=data + b"x", timeout=60).status_code == 403
    assert requests.put(last["url"], data=data, timeout=60).status_code == 403
    other = first["url"].replace("partNumber=1&", "partNumber=2&")
    assert requests.put(other, data=data, timeout=60).status_code == 403
    assert user.get(f"/uploads/{upload['id']}").json()["uploaded"] == []


def test_joining_at_once_gives_the_same_answer(cloud: Cloud, user: ApiUser, big: bytes) -> None:
    upload = start_upload(user, BIG_BYTES)
    etags = put_parts(upload, big)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda n: complete_upload(user, upload, etags if n % 2 else None), range(6)))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers]
    assert len({answer.text for answer in answers}) == 1
    assert stored_sha256(cloud, upload) == hashlib.sha256(big).hexdigest()


@pytest.mark.parametrize("ask", ["complete", "look"])
def test_parts_that_were_joined_without_an_answer_are_complete(
    cloud: Cloud, user: ApiUser, big: bytes, ask: str
) -> None:
    upload = start_upload(user, BIG_BYTES)
    etags = put_parts(upload, big)
    row = upload_row(cloud, upload)
    cloud.door.client.complete_multipart_upload(
        Bucket=NAME,
        Key=row["object_key"],
        UploadId=row["multipart_id"],
        MultipartUpload={"Parts": [{"PartNumber": number, "ETag": etag} for number, etag in etags.items()]},
    )
    answer = complete_upload(user, upload) if ask == "complete" else user.get(f"/uploads/{upload['id']}")
    assert (answer.status_code, answer.json()["state"]) == (200, "complete")
    assert upload_row(cloud, upload)["state"] == "complete"


def test_an_upload_whose_parts_are_gone_is_lost(cloud: Cloud, user: ApiUser) -> None:
    upload = start_upload(user, BIG_BYTES)
    row = upload_row(cloud, upload)
    where = {"Bucket": NAME, "Key": row["object_key"], "UploadId": row["multipart_id"]}
    cloud.door.client.abort_multipart_upload(**where)
    assert refusal(user.get(f"/uploads/{upload['id']}")) == (409, "upload_lost")
    assert refusal(complete_upload(user, upload)) == (409, "upload_lost")
    etags = {part["number"]: '"00000000000000000000000000000000"' for part in upload["parts"]}
    assert refusal(complete_upload(user, upload, etags)) == (409, "upload_lost")
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204


def test_the_urls_of_many_parts_come_in_pages(user: ApiUser) -> None:
    total = Settings().max_input_bytes
    upload = start_upload(user, total)
    pages = [upload]
    while (following := pages[-1]["next"]) is not None:
        pages.append(user.get(f"/uploads/{upload['id']}?from={following}").json())
    parts = [part for page in pages for part in page["parts"]]
    assert max(len(page["parts"]) for page in pages) == 100
    assert [part["number"] for part in parts] == list(range(1, len(parts) + 1))
    assert sum(part["bytes"] for part in parts) == total
    assert {part["bytes"] for part in parts[:-1]} == {upload["part_bytes"]}
    assert user.delete(f"/uploads/{upload['id']}").status_code == 204
