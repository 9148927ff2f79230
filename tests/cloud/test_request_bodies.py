"""Tests how the API answers hostile bodies of requests."""

from __future__ import annotations

import contextlib
import gzip
import json
import uuid
from collections.abc import Iterator

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud.api_routes import openapi_document
from tests.cloud.test_access import DECLARED, address
from tools.cloud.client import ApiUser
from tools.cloud.wrangler_dev import NodeMissing

MIB = 2**20
LARGEST_BODY = 256 * 1024


def send(
    user: ApiUser, body: bytes | Iterator[bytes], path: str = "/uploads", **headers: str
) -> requests.Response:
    """Send a body as it is, as JSON unless a header says otherwise; names of headers have `_` for `-`."""
    own = {**user.authorization, "Content-Type": "application/json"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(user.url + path, data=body, headers=own | more, timeout=60)


def assert_refused(answer: requests.Response, status: int, says: str = "") -> None:
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert set(error) == {"code", "message", "retryable"}
    assert says in error["message"]


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (b"", ""),
        (b"{", "not JSON"),
        (b"{'name': 1}", "not JSON"),
        (b'{"name": NaN}', "not JSON"),
        (b'{"name": Infinity}', "not JSON"),
        (b'{"name": "a"} {}', "not JSON"),
        (b'{"name": 01}', "not JSON"),
        (b"\xef\xbb\xbf{}", "not JSON in UTF-8"),
        (b'{"name": "\xff"}', "not JSON in UTF-8"),
        (b'{"name": "\xed\xa0\x80"}', "not JSON in UTF-8"),
        (json.dumps(DECLARED).encode("utf-16"), "not JSON in UTF-8"),
        (b"null", ""),
        (b"[]", "the body"),
        (b'"text"', "the body"),
        (b"1e999", "the body"),
        (b"[" * 100_000 + b"]" * 100_000, "nests deeper"),
        (b'{"a":' * 40_000 + b"1" + b"}" * 40_000, "nests deeper"),
        (b'{"name": "\\ud800"}', "surrogate"),
        (b'{"\\udfff": 1}', "surrogate"),
        (b'{"name": "a\\u0000b"}', "NUL"),
        (b'{"__proto__": {"bytes": 1}}', "__proto__"),
        (b'{"constructor": {"prototype": {"bytes": 1}}}', ""),
    ],
    ids=lambda value: repr(value[:24]) if isinstance(value, bytes) else None,
)
def test_a_body_that_is_no_plain_json_is_refused(user: ApiUser, body: bytes, says: str) -> None:
    assert_refused(send(user, body), 400, says)


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("bytes", "10", "bytes: give a number"),
        ("bytes", 1.5, "bytes: give a whole number"),
        ("bytes", 0, "bytes: give at least 1"),
        ("bytes", 2**40, "bytes: give at most 10737418240"),
        ("bytes", ..., "bytes: this field is missing"),
        ("name", "", "name: give at least 1 character"),
        ("name", "a" * 1025, "name: give at most 1024 characters"),
        ("name", ["a.mp4"], "name: give a text"),
        ("content_type", "text/html", "content_type: give one of video/mp4, video/x-m4v"),
        ("size", 1, "size: there is no such field"),
    ],
)
def test_the_refusal_of_a_field_says_what_to_give(
    user: ApiUser, field: str, value: object, says: str
) -> None:
    declared = {name: given for name, given in (DECLARED | {field: value}).items() if given is not ...}
    assert_refused(user.post("/uploads", declared), 400, says)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("bytes", "10"),
        ("bytes", 1.5),
        ("bytes", 0),
        ("bytes", -1),
        ("bytes", 2**53),
        ("bytes", 10**400),
        ("bytes", True),
        ("bytes", None),
        ("bytes", [10]),
        ("bytes", {"$gt": 0}),
        ("name", ""),
        ("name", 1),
        ("name", ["a.mp4"]),
        ("content_type", "text/html"),
        ("content_type", "VIDEO/MP4"),
        ("content_type", "video/mp4\r\nx: y"),
    ],
)
def test_the_wrong_field_is_named(user: ApiUser, field: str, value: object) -> None:
    assert_refused(send(user, json.dumps({**DECLARED, field: value}).encode()), 400, f"{field}: ")


@pytest.mark.parametrize(
    "field", ["id", "object_key", "user_id", "state", "toString", "hasOwnProperty", "", "näme"]
)
def test_an_unknown_field_is_refused(user: ApiUser, field: str) -> None:
    assert_refused(
        send(user, json.dumps({**DECLARED, field: "x"}).encode()), 400, f"{field}: there is no such field"
    )


def test_every_schema_of_a_request_is_closed_and_every_body_required() -> None:
    try:
        document = openapi_document()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    components = document["components"]["schemas"]
    optional = set()
    for path, methods in document["paths"].items():
        for operation in methods.values():
            body = operation.get("requestBody")
            if body is None:
                continue
            assert set(body["content"]) == {"application/json"}, path
            schema = body["content"]["application/json"]["schema"]
            schema = components[schema["$ref"].rpartition("/")[2]] if "$ref" in schema else schema
            assert schema.get("additionalProperties") is False, path
            if not body.get("required"):
                optional.add(path)
    # Without a body these take nothing from it.
    assert optional == {"/session", "/uploads/{id}/complete"}


def test_a_larger_body_is_not_read(user: ApiUser) -> None:
    within, beyond = (
        b'{"a": "' + b"x" * (LARGEST_BODY - 9) + b'"}',
        b'{"a": "' + b"x" * (LARGEST_BODY - 8) + b'"}',
    )
    assert (len(within), len(beyond)) == (LARGEST_BODY, LARGEST_BODY + 1)
    assert_refused(send(user, within), 400)
    assert_refused(send(user, beyond), 413)
    assert_refused(send(user, iter([beyond[:1000], beyond[1000:]])), 413)
    assert_refused(send(user, b" " * 15 * MIB), 413)
    with contextlib.suppress(requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
        assert_refused(send(user, b" " * 64 * MIB), 413)  # or the connection ends before all is sent


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/jsonp",
        "application/json, text/plain",
        "application/json; charset=latin-1",
        "application/vnd.api+json",
        "x application/json",
    ],
)
def test_a_body_of_another_type_is_refused(user: ApiUser, content_type: str) -> None:
    assert_refused(
        send(user, json.dumps(DECLARED).encode(), Content_Type=content_type), 415, "application/json"
    )


@pytest.mark.parametrize("content_type", ["application/json", "Application/JSON; charset=UTF-8"])
def test_the_content_type_may_name_utf_8(user: ApiUser, content_type: str) -> None:
    assert send(user, json.dumps(DECLARED).encode(), Content_Type=content_type).status_code == 201


@pytest.mark.parametrize("path", ["/health", "/wallet", "/jobs"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_get_or_head_request_with_a_body_is_refused(user: ApiUser, method: str, path: str) -> None:
    assert user.request(method, path, json={}).status_code == 400
    assert user.request(method, path, headers={"Content-Length": "0"}).status_code == 200


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "br", "identity"])
def test_a_compressed_body_is_refused(user: ApiUser, encoding: str) -> None:
    body = gzip.compress(json.dumps(DECLARED).encode())
    assert_refused(send(user, body, Content_Encoding=encoding), 415, "Content-Encoding")
    bomb = gzip.compress(b" " * 100 * MIB)
    assert_refused(send(user, bomb, Content_Encoding=encoding), 415, "Content-Encoding")


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    body=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.sampled_from(list(DECLARED)), inner),
        max_leaves=20,
    )
    | st.binary(),
    path=st.sampled_from(["/uploads", "/quote", "/debit", "/session", "/uploads/x/complete", "/cancel/x"]),
)
def test_no_body_is_an_unexpected_error(user: ApiUser, body: object, path: str) -> None:
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    answer = send(user, data, path, Idempotency_Key=uuid.uuid4().hex, **address())
    assert 400 <= answer.status_code < 500, answer.text
    assert set(answer.json()["error"]) == {"code", "message", "retryable"}
