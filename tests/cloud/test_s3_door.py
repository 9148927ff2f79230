"""Tests what the S3 door refuses; three signers sign the requests, and botocore judges them."""

from __future__ import annotations

import base64
import hashlib
import http.client
import re
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from urllib.parse import quote, urlsplit

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.support.s3_signers import Signer, SpecificationSigner
from tools.stand_ins import s3_door
from tools.stand_ins.bucket import KEY_ID, NAME, SECRET
from tools.stand_ins.s3_door import MAX_PART_BYTES, MAX_PUT_BYTES, ServedBucket

VIDEO = {"content-type": "video/mp4"}
BODY = b"ten bytes."


@pytest.fixture(scope="module")
def bucket() -> Iterator[ServedBucket]:
    with s3_door.serving() as serving:
        yield serving


@pytest.fixture
def kept(bucket: ServedBucket) -> Iterator[str]:
    """The URL of an object that no refused request may change."""
    url = f"{bucket.endpoint}/{NAME}/kept.mp4"
    put(SpecificationSigner().presign("PUT", url, {}), BODY)
    names = bucket.names()
    yield url
    assert bucket.get("kept.mp4") == BODY
    assert bucket.names() == names


def put(url: str, body: bytes, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.put(url, data=body, headers=headers, timeout=60)


def get(url: str, headers: dict[str, str] | None = None) -> requests.Response:
    return requests.get(url, headers=headers, timeout=60)


def code_of(response: requests.Response) -> str:
    found = re.search("<Code>(.*)</Code>", response.text)
    return found[1] if found else ""


class Refusal(NamedTuple):
    send: Callable[[Signer, str], requests.Response]
    status: int
    code: str


def put_signed_for_video(signer: Signer, url: str, body: bytes, headers: dict[str, str]) -> requests.Response:
    """PUT with a URL that is signed for BODY as a video."""
    signed = VIDEO | {"content-length": str(len(BODY))}
    return put(signer.presign("PUT", url, signed), body, headers)


REFUSED = {
    "a signature that was altered": Refusal(
        lambda signer, url: get(
            re.sub("(X-Amz-Signature=)(.)", _other_digit, signer.presign("GET", url, {}))
        ),
        403,
        "SignatureDoesNotMatch",
    ),
    "another content type than signed": Refusal(
        lambda signer, url: put_signed_for_video(signer, url, BODY, {"content-type": "text/html"}),
        403,
        "SignatureDoesNotMatch",
    ),
    "no content type where one is signed": Refusal(
        lambda signer, url: put_signed_for_video(signer, url, BODY, {}), 403, "SignatureDoesNotMatch"
    ),
    "a longer body than signed": Refusal(
        lambda signer, url: put_signed_for_video(signer, url, BODY + b"1", VIDEO),
        403,
        "SignatureDoesNotMatch",
    ),
    "a shorter body than signed": Refusal(
        lambda signer, url: put_signed_for_video(signer, url, BODY[1:], VIDEO), 403, "SignatureDoesNotMatch"
    ),
    "a signed header that is not sent": Refusal(
        lambda signer, url: put(signer.presign("PUT", url, {"if-none-match": "*"}), b"new"),
        403,
        "SignatureDoesNotMatch",
    ),
    "a PUT with a URL for GET": Refusal(
        lambda signer, url: put(signer.presign("GET", url, {}), b"new"), 403, "SignatureDoesNotMatch"
    ),
    "a DELETE with a URL for GET": Refusal(
        lambda signer, url: requests.delete(signer.presign("GET", url, {}), timeout=60),
        403,
        "SignatureDoesNotMatch",
    ),
    "a GET with a URL for PUT": Refusal(
        lambda signer, url: get(signer.presign("PUT", url, {})), 403, "SignatureDoesNotMatch"
    ),
    "another key than signed": Refusal(
        lambda signer, url: get(signer.presign("GET", url, {}).replace("kept", "other")),
        403,
        "SignatureDoesNotMatch",
    ),
    "a query that was added": Refusal(
        lambda signer, url: get(signer.presign("GET", url, {}) + "&response-content-type=text/html"),
        403,
        "SignatureDoesNotMatch",
    ),
    "a query that was changed": Refusal(
        lambda signer, url: get(
            signer.presign("GET", f"{url}?partNumber=1", {}).replace("Number=1", "Number=2")
        ),
        403,
        "SignatureDoesNotMatch",
    ),
    "a lifetime that was made longer": Refusal(
        lambda signer, url: get(signer.presign("GET", url, {}).replace("Expires=600", "Expires=6000")),
        403,
        "SignatureDoesNotMatch",
    ),
    "an x-amz header that is not signed": Refusal(
        lambda signer, url: put(signer.presign("PUT", url, {}), b"new", {"x-amz-meta-user": "7"}),
        403,
        "AccessDenied",
    ),
    "a lifetime over 7 days": Refusal(
        lambda signer, url: get(signer.presign("GET", url, {}, expires_s=7 * 24 * 3600 + 1)),
        400,
        "AuthorizationQueryParametersError",
    ),
    "a lifetime below 1 second": Refusal(
        lambda signer, url: get(signer.presign("GET", url, {}, expires_s=0)),
        400,
        "AuthorizationQueryParametersError",
    ),
    "another hash of the body than signed": Refusal(
        lambda signer, url: put(url, b"TEN BYTES.", signer.authorization("PUT", url, {}, BODY)),
        400,
        "XAmzContentSHA256Mismatch",
    ),
    "another key than signed in the header": Refusal(
        lambda signer, url: put(f"{url}4", BODY, signer.authorization("PUT", url, {}, BODY)),
        403,
        "SignatureDoesNotMatch",
    ),
    "another MD5 than the body has": Refusal(
        lambda signer, url: put(signer.presign("PUT", url, {}), b"new", {"content-md5": _md5(BODY)}),
        400,
        "BadDigest",
    ),
    "a checksum in a trailer": Refusal(
        lambda signer, url: put(
            url, BODY, signer.authorization("PUT", url, {"x-amz-trailer": "x-amz-checksum-crc32"}, None)
        ),
        501,
        "NotImplemented",
    ),
}
"""What each signer signs well, and what is then done with it, which must fail."""


def _other_digit(found: re.Match[str]) -> str:
    return found[1] + ("0" if found[2] != "0" else "1")


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()


@pytest.mark.parametrize("name", REFUSED)
def test_what_was_not_signed_is_refused(name: str, signer: Signer, kept: str) -> None:
    refusal = REFUSED[name]
    response = refusal.send(signer, kept)
    assert (response.status_code, code_of(response)) == (refusal.status, refusal.code)


UNSIGNED: dict[str, Callable[[str], requests.Response]] = {
    "GET": get,
    "PUT": lambda url: put(url, b"new"),
    "DELETE": lambda url: requests.delete(url, timeout=60),
    "list": lambda url: get(url.rpartition("/")[0]),
    "version 2 in the query": lambda url: get(
        f"{url}?AWSAccessKeyId={KEY_ID}&Expires=9999999999&Signature=x"
    ),
}


@pytest.mark.parametrize("name", UNSIGNED)
def test_a_request_without_a_signature_is_refused(name: str, kept: str) -> None:
    response = UNSIGNED[name](kept)
    assert (response.status_code, code_of(response)) == (403, "AccessDenied")


def test_a_signature_of_version_2_is_refused(kept: str) -> None:
    response = get(kept, {"authorization": f"AWS {KEY_ID}:frJIUN8DYpKDtOLCwo//yllqDzg="})
    assert (response.status_code, code_of(response)) == (400, "InvalidRequest")


def test_a_signature_in_the_query_and_another_in_the_header_are_refused(signer: Signer, kept: str) -> None:
    url = signer.presign("GET", kept, {})
    response = get(url, signer.authorization("GET", url, {}, b""))
    assert (response.status_code, code_of(response)) == (400, "InvalidArgument")


@pytest.mark.parametrize(
    ("wrong", "status", "code"),
    [
        (SpecificationSigner(secret="x" * 40), 403, "SignatureDoesNotMatch"),
        (SpecificationSigner(key_id="AKIA0000000000UNKNOWN"), 403, "InvalidAccessKeyId"),
        (SpecificationSigner(scope="eu-central-1/s3"), 400, "InvalidRegionName"),
        (SpecificationSigner(scope="auto/ec2"), 400, "Authorization"),
    ],
    ids=["another secret", "an unknown key", "another region", "another service"],
)
def test_another_signer_or_scope_is_refused(wrong: Signer, status: int, code: str, kept: str) -> None:
    in_query = get(wrong.presign("GET", kept, {}))
    in_header = get(kept, wrong.authorization("GET", kept, {}, b""))
    assert in_query.status_code == in_header.status_code == status
    assert code_of(in_query).startswith(code)
    assert code_of(in_header).startswith(code)


@pytest.mark.parametrize("signature", ["", "\u00fc", "0" * 64])
def test_a_malformed_signature_is_refused(signature: str, kept: str) -> None:
    url = re.sub("(?<=X-Amz-Signature=).*", quote(signature), SpecificationSigner().presign("GET", kept, {}))
    response = get(url)
    assert (response.status_code, code_of(response)) == (403, "SignatureDoesNotMatch")


@pytest.mark.parametrize("number", ["0", "10001", "one", ""])
def test_a_part_number_out_of_bounds_is_refused(number: str, signer: Signer, kept: str) -> None:
    response = put(signer.presign("PUT", f"{kept}?partNumber={number}&uploadId=x", {}), BODY)
    assert (response.status_code, code_of(response)) == (400, "InvalidArgument")


def test_another_method_is_refused(signer: Signer, kept: str) -> None:
    response = requests.patch(signer.presign("PATCH", kept, {}), BODY, timeout=60)
    assert (response.status_code, code_of(response)) == (405, "MethodNotAllowed")


def test_a_signature_that_leaves_the_host_out_is_refused(kept: str) -> None:
    careless = SpecificationSigner(signs_host=False)
    in_query = get(careless.presign("GET", kept, {"accept": "*/*"}))
    in_header = get(kept, careless.authorization("GET", kept, {}, b""))
    for response in (in_query, in_header):
        assert (response.status_code, code_of(response)) == (403, "SignatureDoesNotMatch")


MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize("signer", ["specification", "aws4fetch"], indirect=True)
@pytest.mark.parametrize(
    ("signed_ago", "lifetime_s", "message"),
    [
        (11 * MINUTE, 600, "Request has expired"),
        (9 * MINUTE, 600, None),
        (timedelta(days=7, minutes=1), 7 * 24 * 3600, "Request has expired"),
        (timedelta(days=7, minutes=-5), 7 * 24 * 3600, None),
        (-16 * MINUTE, 600, "Request is not yet valid"),
        (-14 * MINUTE, 600, None),
    ],
)
def test_a_presigned_url_works_from_its_date_to_its_end(
    signed_ago: timedelta, lifetime_s: int, message: str | None, signer: Signer, kept: str
) -> None:
    at = datetime.now(UTC) - signed_ago
    response = get(signer.presign("GET", kept, {}, expires_s=lifetime_s, at=at))
    if message is None:
        assert (response.status_code, response.content) == (200, BODY)
    else:
        assert (response.status_code, code_of(response)) == (403, "AccessDenied")
        assert f"<Message>{message}</Message>" in response.text


@pytest.mark.parametrize("signer", ["specification", "aws4fetch"], indirect=True)
@pytest.mark.parametrize(("minutes_off", "works"), [(-16, False), (-14, True), (14, True), (16, False)])
def test_the_date_of_a_signed_header_is_at_most_15_minutes_off(
    *, minutes_off: int, works: bool, signer: Signer, kept: str
) -> None:
    at = datetime.now(UTC) + minutes_off * MINUTE
    response = get(kept, signer.authorization("GET", kept, {}, b"", at=at))
    assert (response.status_code, code_of(response)) == (
        (200, "") if works else (403, "RequestTimeTooSkewed")
    )


@pytest.mark.parametrize(
    ("headers", "body", "status", "code"),
    [
        ({"content-length": str(MAX_PUT_BYTES + 1)}, b"", 400, "EntityTooLarge"),
        ({"content-length": "11"}, BODY, 400, "IncompleteBody"),
        ({"transfer-encoding": "chunked"}, b"1\r\nx\r\n0\r\n\r\n", 411, "MissingContentLength"),
        ({}, b"", 411, "MissingContentLength"),
        ({"content-length": "ten"}, b"", 400, "InvalidArgument"),
    ],
    ids=["above 5 GiB less 5 MiB", "ends early", "chunked", "no length", "no number"],
)
def test_an_impossible_length_is_refused(
    headers: dict[str, str], body: bytes, status: int, code: str, signer: Signer, kept: str
) -> None:
    assert send_raw("PUT", signer.presign("PUT", kept, {}), headers, body) == (status, code)


def test_a_part_may_be_larger_than_a_single_put_but_not_above_5_gib(kept: str) -> None:
    url = SpecificationSigner().presign("PUT", f"{kept}?partNumber=1&uploadId=x", {})
    too_large = {"content-length": str(MAX_PART_BYTES + 1)}
    assert send_raw("PUT", url, too_large, b"") == (400, "EntityTooLarge")
    assert send_raw("PUT", url, {"content-length": str(MAX_PART_BYTES)}, b"") == (400, "IncompleteBody")


@pytest.mark.usefixtures("kept")
def test_a_form_is_refused(bucket: ServedBucket) -> None:
    form = bucket.client.generate_presigned_post(NAME, "kept.mp4")
    response = requests.post(form["url"], data=form["fields"], files={"file": b"new"}, timeout=60)
    assert (response.status_code, code_of(response)) == (501, "NotImplemented")


@pytest.mark.usefixtures("kept")
def test_the_checksums_that_boto3_sends_by_default_are_refused(bucket: ServedBucket) -> None:
    client = boto3.client(
        "s3",
        endpoint_url=bucket.endpoint,
        region_name="auto",
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
        config=Config(retries={"max_attempts": 0}),
    )
    with pytest.raises(ClientError, match="NotImplemented"):
        client.put_object(Bucket=NAME, Key="kept.mp4", Body=b"new")


def send_raw(method: str, url: str, headers: dict[str, str], body: bytes) -> tuple[int, str]:
    """Send exactly these headers and bytes, then no more; return the status and the code of the error."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.netloc, timeout=60)
    connection.putrequest(method, f"{parts.path}?{parts.query}", skip_accept_encoding=True)
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders(body)
    connection.sock.shutdown(socket.SHUT_WR)
    response = connection.getresponse()
    found = re.search(rb"<Code>(.*)</Code>", response.read())
    connection.close()
    return response.status, found[1].decode() if found else ""
