"""Tests transfers with a real S3 endpoint, with presigned URLs and with the credentials of the worker."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from orchestrator.errors import AddressRefused, BadRequest, InputNotFound, OutputForbidden
from orchestrator.jobs import OutputParts
from orchestrator.settings import Settings
from orchestrator.storage.client import StorageClient
from orchestrator.storage.fetch import fetch_rest
from orchestrator.storage.retrying_transfer import RetryingTransfer
from orchestrator.storage.s3_presigning import S3Presigner
from tests.support.transfers import QUICK, Mover
from tests.support.web import CONTENT, drained, serving, status, stored
from tools.stand_ins import s3_door

MIB = 2**20
KEYS = {"editor": "editor-secret", "worker": "worker-secret"}
KEY = "users/7/a b/\u00fc?x#y+z%41.mp4"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    with s3_door.serving(keys=KEYS) as bucket:
        yield bucket.endpoint


@pytest.fixture(scope="module")
def s3(endpoint: str) -> Any:
    """Return the editor's client, set up for R2 as in Cloudflare's documentation."""
    client = boto3.client(
        "s3",
        endpoint_url=endpoint,
        aws_access_key_id="editor",
        aws_secret_access_key=KEYS["editor"],
        region_name="auto",
        config=Config(signature_version="s3v4", request_checksum_calculation="when_required"),
    )
    client.create_bucket(Bucket="media", CreateBucketConfiguration={"LocationConstraint": "auto"})
    return client


def presigner_of(endpoint: str) -> S3Presigner:
    return S3Presigner(
        endpoint=endpoint,
        key_id="worker",
        secret=KEYS["worker"],
        region="auto",
        expires_s=60,
    )


@pytest.fixture(scope="module")
def presigner(endpoint: str) -> S3Presigner:
    return presigner_of(endpoint)


@pytest.fixture
def mover(tmp_path: Path, presigner: S3Presigner) -> Mover:
    return Mover(tmp_path, presigner=presigner)


def presigned(s3: Any, operation: str, key: str = KEY, **parameters: object) -> str:
    params = {"Bucket": "media", "Key": key, **parameters}
    return str(s3.generate_presigned_url(operation, Params=params, ExpiresIn=600))


def stored_at(s3: Any, key: str) -> tuple[bytes, str]:
    found = s3.get_object(Bucket="media", Key=key)
    return found["Body"].read(), found["ContentType"]


def uploads(s3: Any) -> list[object]:
    return list(s3.list_multipart_uploads(Bucket="media").get("Uploads", []))


def parts_for(s3: Any, key: str, count: int) -> OutputParts:
    """Create a multipart upload as docs/storage.md describes."""
    upload = s3.create_multipart_upload(Bucket="media", Key=key, ContentType="video/mp4")["UploadId"]
    return OutputParts(
        part_bytes=5 * MIB,
        urls=tuple(
            presigned(s3, "upload_part", key, UploadId=upload, PartNumber=number)
            for number in range(1, count + 1)
        ),
        complete_url=presigned(s3, "complete_multipart_upload", key, UploadId=upload),
        abort_url=presigned(s3, "abort_multipart_upload", key, UploadId=upload),
    )


def test_presigned_put_and_get(mover: Mover, s3: Any) -> None:
    mover.publish(CONTENT, presigned(s3, "put_object", ContentType="video/mp4"))
    assert stored_at(s3, KEY) == (CONTENT, "video/mp4")
    assert mover.fetch(presigned(s3, "get_object")) == CONTENT


def test_a_download_of_s3_is_resumed(mover: Mover, s3: Any) -> None:
    s3.put_object(Bucket="media", Key="clip.mp4", Body=CONTENT)
    url = presigned(s3, "get_object", "clip.mp4")
    broken = mover.folder / "broken"
    broken.write_bytes(CONTENT[:1_234_567])
    file = os.open(broken, os.O_RDWR | os.O_APPEND)
    with RetryingTransfer(
        guard=mover.guard, limits=QUICK, stop=threading.Event(), on_retry=print
    ) as transfer:
        fetch_rest(url, file, transfer=transfer, on_progress=lambda *_: None)
    os.close(file)
    assert broken.read_bytes() == CONTENT


def test_presigned_parts(mover: Mover, s3: Any) -> None:
    whole = os.urandom(12 * MIB + 5)
    mover.publish(whole, parts_for(s3, "parts.mp4", count=5))
    assert stored_at(s3, "parts.mp4") == (whole, "video/mp4")
    assert uploads(s3) == []


def test_presigned_parts_that_are_too_few_are_aborted(mover: Mover, s3: Any) -> None:
    with pytest.raises(Exception, match="3 parts"):
        mover.publish(bytes(12 * MIB), parts_for(s3, "few.mp4", count=2))
    assert uploads(s3) == []
    with pytest.raises(s3.exceptions.NoSuchKey):
        stored_at(s3, "few.mp4")


def test_an_object_that_is_not_there(mover: Mover, s3: Any) -> None:
    with pytest.raises(InputNotFound, match="404 NoSuchKey"):
        mover.fetch(presigned(s3, "get_object", "none.mp4"))


def test_by_credentials_in_one_put(mover: Mover, s3: Any) -> None:
    mover.publish(CONTENT, f"s3://media/{KEY}", "out.json.gz")
    assert stored_at(s3, KEY) == (CONTENT, "application/gzip")
    assert mover.fetch(f"s3://media/{KEY}") == CONTENT


def test_by_credentials_in_parts_when_one_put_is_too_small(mover: Mover, s3: Any) -> None:
    mover.limits = replace(QUICK, single_put_bytes=6 * MIB, part_bytes=5 * MIB)
    whole = os.urandom(12 * MIB + 5)
    mover.publish(whole, "s3://media/large.mov", "large.mov")
    assert stored_at(s3, "large.mov") == (whole, "video/quicktime")
    assert s3.head_object(Bucket="media", Key="large.mov")["ETag"].endswith('-3"')
    assert uploads(s3) == []
    assert mover.fetch("s3://media/large.mov") == whole


def test_an_upload_by_credentials_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with serving() as server:
        mover = Mover(tmp_path, presigner=presigner_of(f"http://127.0.0.1:{server.server_port}"))
        mover.limits = replace(QUICK, single_put_bytes=6 * MIB, part_bytes=5 * MIB)
        created = drained(200, b"<R><UploadId>an&amp;id</UploadId></R>")
        server.script = [created, stored, drained(403)]
        with pytest.raises(OutputForbidden):
            mover.publish(bytes(12 * MIB), "s3://media/out.mp4")
        assert [request.method for request in server.requests] == ["POST", "PUT", "PUT", "DELETE"]
        assert "uploadId=an%26id" in server.requests[-1].path


def test_a_bucket_that_is_not_there(mover: Mover, s3: Any) -> None:
    assert s3
    with pytest.raises(InputNotFound, match="NoSuchBucket"):
        mover.fetch("s3://nobody/clip.mp4")
    with pytest.raises(OutputForbidden, match="NoSuchBucket"):
        mover.publish(b"x", "s3://nobody/clip.mp4")


@pytest.mark.parametrize(
    "address",
    [
        "s3://media",
        "s3://media/",
        "s3:///key",
        "s3:///",
        "s3://Media/key",
        "s3://m/key",
        "s3://" + "m" * 64 + "/key",
        "s3://me..dia/key",
        "s3://me.-dia/key",
        "s3://-media/key",
        "s3://media-/key",
        "s3://m%65dia/key",
        "s3://m\u00e9dia/key",
        "s3://media\x00/key",
        "s3://media:80/key",
        "s3://user@media/key",
        "s3://[::1]/key",
        "s3://arn:aws:s3:us-east-1:1:accesspoint/a/key",
        "s3://media/a\nb",
        "s3://media/a\x00b",
        "s3://media/\ud800",
        "s3://media/..",
        "s3://media/../other/key",
        "s3://media/a/./b",
        "s3://media/" + "k" * 1025,
        "s3://media/" + "\u00fc" * 513,
    ],
    ids=ascii,
)
def test_what_is_no_bucket_and_key_is_refused(mover: Mover, address: str) -> None:
    for refuse in (mover.client.check, mover.fetch, lambda address: mover.publish(b"x", address)):
        with pytest.raises(AddressRefused) as refused:
            refuse(address)
        assert "\n" not in str(refused.value)
        assert len(str(refused.value)) < 250


@pytest.mark.parametrize(
    "key",
    [
        "%",
        "%2e%2e/x",
        "?versionId=1",
        "#fragment",
        "..a/b..",
        " ",
        "\u202e\u2028",
        "[x",
        "k" * 255 + "/" + "\u00fc" * 100,
    ],
    ids=ascii,
)
def test_an_odd_key_is_the_object_of_that_name(mover: Mover, s3: Any, key: str) -> None:
    content = key.encode()
    mover.publish(content, f"s3://media/{key}")
    assert s3.get_object(Bucket="media", Key=key)["Body"].read() == content
    assert mover.fetch(f"s3://media/{key}") == content


def test_a_redirect_of_the_store_stays_on_its_scheme_host_and_port(tmp_path: Path) -> None:
    """A redirect to another port of the machine is refused; one to another object of the server is not."""
    with serving() as server, serving() as other:
        mover = Mover(tmp_path, presigner=presigner_of(f"http://127.0.0.1:{server.server_port}"))
        for location in (
            f"http://127.0.0.1:{other.server_port}/x",
            f"http://127.0.0.2:{server.server_port}/x",
            f"http://localhost:{server.server_port}/x",
            f"https://127.0.0.1:{server.server_port}/x",
            f"//127.0.0.1:{other.server_port}/x",
            "http://169.254.169.254/",
        ):
            server.script = [status(307, Location=location)]
            with pytest.raises(AddressRefused):
                mover.fetch("s3://media/clip.mp4")
        assert other.requests == []
        server.script = [status(307, Location="/media/elsewhere.mp4")]
        assert mover.fetch("s3://media/clip.mp4") == CONTENT
        assert server.requests[-1].path == "/media/elsewhere.mp4"


def test_without_credentials_s3_is_refused(tmp_path: Path) -> None:
    mover = Mover(tmp_path)
    with pytest.raises(AddressRefused, match="FRAMEWRIGHT_S3_ENDPOINT"):
        mover.client.check("s3://media/clip.mp4")
    with pytest.raises(AddressRefused):
        mover.publish(b"x", "s3://media/clip.mp4")


def test_the_settings_make_a_client(
    endpoint: str, s3: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {
        "ALLOW_HTTP": "1",
        "ALLOW_PRIVATE_NETWORKS": "127.0.0.0/8, ::1/128",
        "ALLOWED_HOSTS": "127.0.0.1, .Example.com",
        "MAX_INPUT_BYTES": "4000000",
        "MIN_FREE_DISK_BYTES": "0",
        "CONNECT_TIMEOUT_S": "2",
        "READ_TIMEOUT_S": "2",
        "TRANSFER_TIMEOUT_S": "20",
        "S3_ENDPOINT": endpoint,
        "S3_ACCESS_KEY_ID": "worker",
        "S3_SECRET_ACCESS_KEY": "worker-secret",
    }.items():
        monkeypatch.setenv(f"FRAMEWRIGHT_{name}", value)
    settings = Settings.from_env()
    assert "worker-secret" not in repr(settings)
    assert settings.allowed_hosts == ("127.0.0.1", "example.com")
    client = StorageClient.from_settings(settings)
    client.check("http://media.example.com/clip.mp4")
    with pytest.raises(AddressRefused):
        client.check("https://media.example.org/clip.mp4")

    class Moved(Mover):
        client = StorageClient.from_settings(settings)

    mover = Moved(tmp_path)
    mover.publish(CONTENT, "s3://media/set.mp4")
    assert mover.fetch(presigned(s3, "get_object", "set.mp4")) == CONTENT
    s3.put_object(Bucket="media", Key="large", Body=bytes(4_000_001))
    with pytest.raises(Exception, match="4000001 bytes"):
        mover.fetch(presigned(s3, "get_object", "large"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALLOW_HTTP", "yes"),
        ("ALLOW_PRIVATE_NETWORKS", "1"),
        ("ALLOW_PRIVATE_NETWORKS", "127.0.0.1/8"),
        ("MAX_INPUT_BYTES", "10GB"),
        ("MAX_INPUT_BYTES", "-1"),
        ("CONNECT_TIMEOUT_S", "0"),
    ],
)
def test_a_setting_that_makes_no_sense_is_refused(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"FRAMEWRIGHT_{name}", value)
    with pytest.raises(BadRequest, match=f"FRAMEWRIGHT_{name}"):
        Settings.from_env()


def test_an_endpoint_without_credentials_is_refused() -> None:
    with pytest.raises(BadRequest, match="FRAMEWRIGHT_S3_ACCESS_KEY_ID"):
        StorageClient.from_settings(Settings(s3_endpoint="https://abc.r2.cloudflarestorage.com"))


def test_nothing_private_is_reached_by_default() -> None:
    client = StorageClient.from_settings(Settings())
    client.check("https://abc.r2.cloudflarestorage.com/media/clip.mp4?X-Amz-Signature=abc")
    for address in ("http://media.example.com/clip.mp4", "https://127.0.0.1/clip.mp4", "s3://media/clip.mp4"):
        with pytest.raises(AddressRefused):
            client.check(address)
