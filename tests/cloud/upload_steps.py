"""Sends files through the API, step by step, and finds what became of them."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import requests

from tools.cloud.client import ApiUser
from tools.stand_ins.bucket import NAME

if TYPE_CHECKING:
    from tests.cloud.conftest import Cloud

SINGLE_PUT_BYTES = 8 * 2**20
"""The largest file that is sent in one PUT; also the size of parts."""
BIG_BYTES = 5 * SINGLE_PUT_BYTES + 1
"""A file of six parts, the last of which has one byte."""


def start_upload(
    user: ApiUser, size: int, content_type: str = "video/mp4", name: str = "clip.mp4"
) -> dict[str, Any]:
    """Declare a file of `size` bytes; return the upload, with the URLs to send it to."""
    response = user.post("/uploads", {"name": name, "content_type": content_type, "bytes": size})
    assert response.status_code == 201, response.text
    return dict(response.json())


def put_file(upload: dict[str, Any], data: bytes, **headers: str) -> requests.Response:
    """Send a file in one PUT."""
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


def complete_upload(
    user: ApiUser, upload: dict[str, Any], etags: dict[int, str] | None = None
) -> requests.Response:
    """Complete an upload, with these ETags of its parts by number if there are any."""
    parts = [{"number": number, "etag": etag} for number, etag in (etags or {}).items()]
    body = {"parts": parts} if etags is not None else {}
    return user.post(f"/uploads/{upload['id']}/complete", body)


def refusal(response: requests.Response) -> tuple[int, str]:
    """Return the status and the code of an error."""
    return response.status_code, response.json()["error"]["code"]


def upload_row(cloud: Cloud, upload: dict[str, Any]) -> dict[str, Any]:
    (row,) = cloud.sql("SELECT * FROM uploads WHERE id = ?", upload["id"])
    return dict(row)


def stored_sha256(cloud: Cloud, upload: dict[str, Any]) -> str | None:
    data = cloud.door.get(upload_row(cloud, upload)["object_key"])
    return None if data is None else hashlib.sha256(data).hexdigest()


def open_multiparts(cloud: Cloud, user: ApiUser) -> list[str]:
    client = cloud.door.client
    answer = client.list_multipart_uploads(Bucket=NAME, Prefix=f"in/{user.id}/")
    return [entry["Key"] for entry in answer.get("Uploads", ())]
