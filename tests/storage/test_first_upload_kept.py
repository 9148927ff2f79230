"""Tests uploads that keep an object which is already there, with the S3 stand-in and a faulty server."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from orchestrator.errors import OutputForbidden, OutputTooLarge
from orchestrator.storage.client import StorageClient
from orchestrator.storage.retrying_transfer import TransferLimits
from orchestrator.storage.s3_presigning import S3Presigner
from tests.support.transfers import LOOPBACK, QUICK
from tests.support.web import Server, drained, kept_without_answer
from tools.stand_ins.bucket import KEY_ID, NAME, SECRET, Bucket

LIMITS = replace(QUICK, answer_s=5.0)


def client_of(bucket: Bucket, limits: TransferLimits = LIMITS) -> StorageClient:
    presigner = S3Presigner(
        endpoint=bucket.endpoint, key_id=KEY_ID, secret=SECRET, region="auto", expires_s=600
    )
    return StorageClient(guard=LOOPBACK, limits=limits, presigner=presigner)


def publish(client: StorageClient, folder: Path, content: bytes, destination: str, **more: Any) -> bool:
    path = folder / f"{threading.get_ident()}.piece"
    path.write_bytes(content)
    return client.publish(
        path, destination, stop=threading.Event(), on_progress=lambda *_: None, keep_existing=True, **more
    )


def signed_if_none_match(bucket: Bucket, key: str) -> str:
    """Return a URL for PUT that is valid for a request with `If-None-Match: *` alone."""
    params = {"Bucket": NAME, "Key": key, "IfNoneMatch": "*"}
    url = str(bucket.client.generate_presigned_url("put_object", Params=params, ExpiresIn=600))
    assert "if-none-match" in parse_qs(urlsplit(url).query)["X-Amz-SignedHeaders"][0].split(";")
    return url


@pytest.mark.parametrize("kind", ["presigned", "presigned with the header", "s3"])
def test_the_first_object_is_kept(bucket: Bucket, tmp_path: Path, kind: str) -> None:
    key = f"first/{kind.replace(' ', '-')}.piece"
    address = {
        "presigned": bucket.put_url(key),
        "presigned with the header": signed_if_none_match(bucket, key),
        "s3": f"s3://{NAME}/{key}",
    }[kind]
    client = client_of(bucket)
    client.check_output(address, needed_s=60, keep_existing=True)
    assert publish(client, tmp_path, b"first", address) is True
    assert publish(client, tmp_path, b"second", address) is False
    assert bucket.get(key) == b"first"


def test_a_url_that_is_signed_for_that_header_is_refused_for_other_uploads(bucket: Bucket) -> None:
    url = signed_if_none_match(bucket, "other.piece")
    with pytest.raises(OutputForbidden, match="if-none-match"):
        client_of(bucket).check_output(url, needed_s=60)


def test_one_of_many_uploads_at_once_is_stored(bucket: Bucket, tmp_path: Path) -> None:
    client, url = client_of(bucket), bucket.put_url("race.piece")
    contents = [bytes([number]) * 100_000 for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        stored = list(threads.map(lambda content: publish(client, tmp_path, content, url), contents))
    assert stored.count(True) == 1
    assert bucket.get("race.piece") == contents[stored.index(True)]


def test_a_conflict_of_two_uploads_is_tried_again(bucket: Bucket, tmp_path: Path, server: Server) -> None:
    conflict = drained(409, b"<Error><Code>ConditionalRequestConflict</Code></Error>")
    server.script = [conflict, drained(412)]
    url = f"http://127.0.0.1:{server.server_port}/out.piece"
    assert publish(client_of(bucket), tmp_path, b"x", url) is False
    assert [request.headers["if-none-match"] for request in server.requests] == ["*", "*"]


def test_an_upload_whose_answer_was_lost_counts_as_there(
    bucket: Bucket, tmp_path: Path, server: Server
) -> None:
    server.script = [kept_without_answer, drained(412)]
    url = f"http://127.0.0.1:{server.server_port}/out.piece"
    assert publish(client_of(bucket), tmp_path, b"x", url) is False
    assert server.objects == {"/out.piece": b"x"}


def test_412_refuses_an_upload_that_may_replace(tmp_path: Path, bucket: Bucket, server: Server) -> None:
    server.script = [drained(412)]
    path = tmp_path / "out.mp4"
    path.write_bytes(b"x")
    url = f"http://127.0.0.1:{server.server_port}/out.mp4"
    with pytest.raises(OutputForbidden, match="412"):
        client_of(bucket).publish(path, url, stop=threading.Event(), on_progress=lambda *_: None)
    assert "if-none-match" not in server.requests[0].headers


def test_a_file_that_needs_parts_is_refused(bucket: Bucket, tmp_path: Path) -> None:
    client = client_of(bucket, replace(LIMITS, single_put_bytes=10))
    with pytest.raises(OutputTooLarge):
        publish(client, tmp_path, b"x" * 11, f"s3://{NAME}/large.piece")
