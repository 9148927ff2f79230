"""Tests what the S3 door accepts: objects are put, got, deleted and put together, by three signers."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote, unquote, urlsplit

import pytest
import requests

from tests.support.s3_signers import Signer, SpecificationSigner
from tools.stand_ins import s3_door
from tools.stand_ins.bucket import NAME
from tools.stand_ins.s3_door import MIN_PART_BYTES, ServedBucket

BODY = b"twelve bytes"


@pytest.fixture(scope="module")
def bucket() -> Iterator[ServedBucket]:
    with s3_door.serving() as serving:
        yield serving


@pytest.fixture
def url(bucket: ServedBucket, request: pytest.FixtureRequest) -> str:
    """The URL of an object that does not exist yet."""
    return f"{bucket.endpoint}/{NAME}/{quote(request.node.name.replace('/', '_'))}.mp4"


@pytest.fixture
def stored(url: str) -> str:
    """The URL of an object that holds BODY as a video."""
    headers = {"content-type": "video/mp4"}
    put = requests.put(SpecificationSigner().presign("PUT", url, headers), BODY, headers=headers, timeout=60)
    assert put.status_code == 200
    return url


def send(
    signer: Signer, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
) -> requests.Response:
    """Send a presigned request with signed headers."""
    headers = headers or {}
    address = signer.presign(method, url, headers)
    return requests.request(method, address, data=body or None, headers=headers, timeout=60)


def md5(body: bytes) -> str:
    return hashlib.md5(body, usedforsecurity=False).hexdigest()


def test_one_put_stores_an_object_with_its_signed_type_and_length(signer: Signer, url: str) -> None:
    signed = {"content-type": "video/quicktime", "content-length": str(len(BODY))}
    put = send(signer, "PUT", url, BODY, signed)
    assert (put.status_code, put.headers["etag"]) == (200, f'"{md5(BODY)}"')
    got = send(signer, "GET", url)
    assert (got.status_code, got.content, got.headers["etag"]) == (200, BODY, put.headers["etag"])
    head = send(signer, "HEAD", url)
    assert (head.status_code, head.content) == (200, b"")
    assert (head.headers["content-type"], head.headers["content-length"]) == (
        "video/quicktime",
        str(len(BODY)),
    )


@pytest.mark.parametrize("content_type", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_a_put_with_the_type_of_a_form_is_stored_as_it_is(
    content_type: str, signer: Signer, url: str
) -> None:
    put = send(signer, "PUT", url, b"key=1&file=2", {"content-type": content_type})
    assert (put.status_code, send(signer, "GET", url).content) == (200, b"key=1&file=2")


@pytest.mark.parametrize(
    ("wanted", "status", "content", "content_range"),
    [
        ("bytes=0-2", 206, BODY[:3], "bytes 0-2/12"),
        ("bytes=3-", 206, BODY[3:], "bytes 3-11/12"),
        ("bytes=-4", 206, BODY[-4:], "bytes 8-11/12"),
        ("bytes=8-99", 206, BODY[8:], "bytes 8-11/12"),
        ("bytes=0-", 206, BODY, "bytes 0-11/12"),
    ],
)
def test_a_range_is_answered_with_206(
    wanted: str, status: int, content: bytes, content_range: str, signer: Signer, stored: str
) -> None:
    got = requests.get(signer.presign("GET", stored, {}), headers={"range": wanted}, timeout=60)
    assert (got.status_code, got.content, got.headers["content-range"]) == (status, content, content_range)
    assert got.headers["content-length"] == str(len(content))


def test_a_range_behind_the_end_is_refused(signer: Signer, stored: str) -> None:
    got = requests.get(signer.presign("GET", stored, {}), headers={"range": "bytes=12-"}, timeout=60)
    assert (got.status_code, "<Code>InvalidRange</Code>" in got.text) == (416, True)


def test_a_deleted_object_is_gone(signer: Signer, stored: str) -> None:
    assert send(signer, "DELETE", stored).status_code == 204
    assert send(signer, "HEAD", stored).status_code == 404
    got = send(signer, "GET", stored)
    assert (got.status_code, "<Code>NoSuchKey</Code>" in got.text) == (404, True)


def test_a_download_gets_the_name_and_type_that_are_signed(signer: Signer, stored: str) -> None:
    wanted = 'attachment; filename="my film (x4).mp4"'
    query = f"response-content-disposition={quote(wanted)}&response-content-type=application/octet-stream"
    got = send(signer, "GET", f"{stored}?{query}")
    assert (got.status_code, got.content) == (200, BODY)
    assert got.headers["content-disposition"] == wanted
    assert got.headers["content-type"] == "application/octet-stream"


def test_a_download_of_a_missing_object_says_that_it_is_missing(signer: Signer, url: str) -> None:
    got = send(signer, "GET", f"{url}?response-content-disposition=attachment")
    assert (got.status_code, "<Code>NoSuchKey</Code>" in got.text) == (404, True)


@pytest.mark.parametrize(
    "key", ["a b/c.mp4", "\u00fc/\u65e5.mp4", "x?y#z.mp4", "per%41cent", "!'()*", "a//b"]
)
def test_every_key_can_be_signed(key: str, bucket: ServedBucket, signer: Signer) -> None:
    url = f"{bucket.endpoint}/{NAME}/{quote(key)}"
    headers = signer.authorization("PUT", url, {}, key.encode())
    assert requests.put(url, data=key.encode(), headers=headers, timeout=60).status_code == 200
    assert send(signer, "GET", url).content == key.encode()
    assert key in bucket.names()


@pytest.mark.parametrize("hashed", [True, False], ids=["SHA-256", "UNSIGNED-PAYLOAD"])
def test_a_signed_header_stores_an_object(*, hashed: bool, signer: Signer, url: str) -> None:
    signed = signer.authorization("PUT", url, {"content-type": "video/mp4"}, BODY if hashed else None)
    assert requests.put(url, data=BODY, headers=signed, timeout=60).status_code == 200
    got = requests.get(url, headers=signer.authorization("GET", url, {}, b"" if hashed else None), timeout=60)
    assert (got.status_code, got.content, got.headers["content-type"]) == (200, BODY, "video/mp4")


@pytest.mark.parametrize("expires_s", [1, 7 * 24 * 3600])
def test_the_shortest_and_the_longest_lifetime_work(expires_s: int, signer: Signer, stored: str) -> None:
    for _ in range(10):  # a second may end between the two lines
        got = requests.get(signer.presign("GET", stored, {}, expires_s=expires_s), timeout=60)
        if got.status_code == 200:
            break
    assert got.content == BODY


def test_a_conditional_put_stores_an_object_only_once(signer: Signer, url: str) -> None:
    condition = {"if-none-match": "*"}
    assert send(signer, "PUT", url, BODY, condition).status_code == 200
    second = send(signer, "PUT", url, b"other", condition)
    assert (second.status_code, "<Code>PreconditionFailed</Code>" in second.text) == (412, True)
    assert send(signer, "GET", url).content == BODY


def test_one_of_many_conditional_puts_at_once_wins(url: str) -> None:
    signer = SpecificationSigner()
    with ThreadPoolExecutor(16) as pool:
        bodies = [bytes([65 + number]) * 3_000_000 for number in range(16)]
        puts = list(pool.map(lambda body: send(signer, "PUT", url, body, {"if-none-match": "*"}), bodies))
    assert sorted(put.status_code for put in puts) == [200] + [412] * 15
    assert send(signer, "GET", url).content == bodies[[put.status_code for put in puts].index(200)]


class Upload:
    """A multipart upload: presigned URLs take its parts, requests with signed headers do the rest."""

    def __init__(self, signer: Signer, url: str) -> None:
        self._signer = signer
        self._url = url
        self._etags: dict[int, str] = {}
        self._id = self._tag("UploadId", self.request("POST", f"{url}?uploads=").text)

    def put(self, number: int, body: bytes) -> requests.Response:
        answer = send(self._signer, "PUT", f"{self._url}?partNumber={number}&uploadId={self._id}", body)
        self._etags[number] = answer.headers.get("etag", "")
        return answer

    def complete(
        self, headers: dict[str, str] | None = None, numbers: Iterable[int] | None = None
    ) -> requests.Response:
        parts = "".join(
            f"<Part><PartNumber>{number}</PartNumber><ETag>{self._etags[number]}</ETag></Part>"
            for number in numbers or sorted(self._etags)
        )
        document = f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()
        return self.request("POST", f"{self._url}?uploadId={self._id}", document, headers)

    def listed(self) -> list[tuple[int, int]]:
        """Return the numbers of the parts and their sizes in bytes."""
        text = self.request("GET", f"{self._url}?uploadId={self._id}").text
        found = re.findall("<PartNumber>(.*?)</PartNumber>.*?<Size>(.*?)</Size>", text, re.DOTALL)
        return [(int(number), int(size)) for number, size in found]

    def abort(self) -> requests.Response:
        return self.request("DELETE", f"{self._url}?uploadId={self._id}")

    def request(
        self, method: str, url: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> requests.Response:
        signed = self._signer.authorization(method, url, headers or {}, body)
        return requests.request(method, url, data=body, headers=signed, timeout=60)

    @staticmethod
    def _tag(name: str, text: str) -> str:
        found = re.search(f"<{name}>(.*?)</{name}>", text)
        assert found, text
        return found[1]


def test_parts_become_one_object_with_the_etag_of_s3(signer: Signer, url: str) -> None:
    parts = [os.urandom(MIN_PART_BYTES), os.urandom(MIN_PART_BYTES), b"the end"]
    upload = Upload(signer, url)
    assert [upload.put(number, part).headers["etag"] for number, part in enumerate(parts, 1)] == [
        f'"{md5(part)}"' for part in parts
    ]
    assert upload.listed() == [(number, len(part)) for number, part in enumerate(parts, 1)]
    assert upload.complete().status_code == 200
    got = send(signer, "GET", url)
    assert got.content == b"".join(parts)
    assert got.headers["etag"] == f'"{md5(b"".join(bytes.fromhex(md5(part)) for part in parts))}-3"'


FULL = bytes(MIN_PART_BYTES)


@pytest.mark.parametrize(
    ("parts", "code"),
    [
        ([FULL[1:], b"end"], "EntityTooSmall"),
        ([FULL, FULL + b"1", b"end"], "InvalidPart"),
        ([FULL, FULL + b"1"], "InvalidPart"),
        ([FULL + b"1", FULL, b"end"], "InvalidPart"),
    ],
    ids=["below 5 MiB", "unequal", "a last one that is larger", "a smaller one in between"],
)
def test_parts_that_r2_does_not_join_are_refused(parts: list[bytes], code: str, url: str) -> None:
    upload = Upload(SpecificationSigner(), url)
    for number, part in enumerate(parts, 1):
        assert upload.put(number, part).status_code == 200
    refused = upload.complete()
    assert (refused.status_code, f"<Code>{code}</Code>" in refused.text) == (400, True)
    assert send(SpecificationSigner(), "HEAD", url).status_code == 404


def test_a_part_whose_etag_is_wrong_is_refused(signer: Signer, url: str) -> None:
    upload = Upload(signer, url)
    upload.put(1, BODY)
    upload._etags[1] = f'"{md5(b"other")}"'
    refused = upload.complete()
    assert (refused.status_code, "<Code>InvalidPart</Code>" in refused.text) == (400, True)


@pytest.mark.parametrize("numbers", [(2, 1), (1, 1)])
def test_parts_that_do_not_ascend_are_refused(signer: Signer, url: str, numbers: tuple[int, ...]) -> None:
    upload = Upload(signer, url)
    for number in (1, 2):
        upload.put(number, FULL)
    refused = upload.complete(numbers=numbers)
    assert (refused.status_code, "<Code>InvalidPartOrder</Code>" in refused.text) == (400, True)
    assert upload.complete().status_code == 200


def test_a_key_has_at_most_1024_bytes(signer: Signer, url: str) -> None:
    key = unquote(urlsplit(url).path).split("/", 2)[2]
    longest = url + "k" * (1024 - len(key))
    assert send(signer, "PUT", longest, BODY).status_code == 200
    refused = send(signer, "PUT", longest + "k", BODY)
    assert (refused.status_code, "<Code>KeyTooLongError</Code>" in refused.text) == (400, True)


def test_an_upload_that_was_aborted_is_gone(signer: Signer, url: str) -> None:
    upload = Upload(signer, url)
    upload.put(1, BODY)
    assert upload.abort().status_code == 204
    refused = upload.complete()
    assert (refused.status_code, "<Code>NoSuchUpload</Code>" in refused.text) == (404, True)
    late = upload.put(2, BODY)
    assert (late.status_code, "<Code>NoSuchUpload</Code>" in late.text) == (404, True)
    assert upload.abort().status_code == 404


def test_an_upload_belongs_to_one_key(url: str, stored: str) -> None:
    signer = SpecificationSigner()
    upload = Upload(signer, f"{url}.other")
    refused = send(signer, "PUT", f"{stored}?partNumber=1&uploadId={upload._id}", b"other")
    assert (refused.status_code, "<Code>NoSuchUpload</Code>" in refused.text) == (404, True)


def test_an_upload_is_completed_once(signer: Signer, url: str) -> None:
    upload = Upload(signer, url)
    upload.put(1, BODY)
    assert upload.complete().status_code == 200
    assert upload.complete().status_code == 404
    assert send(signer, "GET", url).content == BODY


def test_a_conditional_completion_keeps_an_object_that_exists(signer: Signer, stored: str) -> None:
    upload = Upload(signer, stored)
    upload.put(1, b"other")
    assert upload.complete({"if-none-match": "*"}).status_code == 412
    assert send(signer, "GET", stored).content == BODY
