"""Tests how the API answers hostile requests: their bodies, headers, paths and origins."""

from __future__ import annotations

import contextlib
import gzip
import json
import socket
import uuid
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud.api_routes import openapi_document
from tests.cloud.conftest import ORIGIN, Cloud
from tests.cloud.test_access import DECLARED, address
from tools.cloud.client import ApiUser
from tools.cloud.wrangler_dev import NodeMissing

MIB = 2**20
LARGEST_BODY = 256 * 1024
ADDRESSES = """
    GET /uploads/{}
    POST /uploads/{}/complete
    DELETE /uploads/{}
    GET /status/{}
    POST /cancel/{}
    DELETE /jobs/{}
    POST /webhook/{}/x
    POST /webhook/x/{}
    GET /wallet?{}={}
    GET /wallet?limit={}
    GET /jobs?cursor={}
    GET /uploads?cursor={}
    GET /uploads/{}?from={}
""".strip().splitlines()
HEADERS = [
    *(
        "Authorization",
        "Cookie",
        "Origin",
        "Idempotency-Key",
        "Content-Type",
        "Content-Encoding",
        "Accept",
        "Range",
    ),
    *("CF-Connecting-IP", "X-Forwarded-For", "X-Forwarded-Proto", "Access-Control-Request-Method"),
]


def send(
    user: ApiUser, body: bytes | Iterator[bytes], path: str = "/uploads", **headers: str
) -> requests.Response:
    """Send a body as it is, as JSON unless a header says otherwise; names of headers have `_` for `-`."""
    own = {"Authorization": f"Bearer {user.key}", "Content-Type": "application/json"}
    more = {name.replace("_", "-"): value for name, value in headers.items()}
    return requests.post(user.url + path, data=body, headers=own | more, timeout=60)


def raw(cloud: Cloud, request: bytes) -> tuple[int, bytes]:
    """Send bytes over a connection of their own; return the status of the answer (0: none) and all of it."""
    where = urlsplit(cloud.url)
    assert where.hostname is not None
    with socket.create_connection((where.hostname, where.port or 80), timeout=30) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        try:
            while chunk := connection.recv(65536):
                answer += chunk
        except (ConnectionResetError, TimeoutError):
            pass
    return (int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/") else 0), answer


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
def test_json_has_two_spellings(user: ApiUser, content_type: str) -> None:
    assert send(user, json.dumps(DECLARED).encode(), Content_Type=content_type).status_code == 201


@pytest.mark.parametrize("path", ["/health", "/wallet", "/jobs"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_request_to_read_has_no_body(user: ApiUser, method: str, path: str) -> None:
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


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    route=st.sampled_from(ADDRESSES),
    text=st.text(min_size=1) | st.binary(min_size=1),
)
def test_no_address_is_an_unexpected_error(user: ApiUser, route: str, text: str | bytes) -> None:
    method, path = route.strip().replace("{}", quote(text, safe="")).split(" ", 1)
    answer = user.request(method, path)
    assert answer.status_code in {200, 400, 404, 405}, answer.text
    if answer.status_code != 200:
        assert set(answer.json()["error"]) == {"code", "message", "retryable"}


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(HEADERS),
    value=st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=200),
    method=st.sampled_from(["GET", "POST", "OPTIONS", "DELETE"]),
)
def test_no_header_is_an_unexpected_error(user: ApiUser, name: str, value: str, method: str) -> None:
    path = {"GET": "/wallet", "POST": "/debit", "OPTIONS": "/debit", "DELETE": "/session"}[method]
    headers: dict[str, Any] = {**address(), name: value.strip().encode("latin-1")}
    answer = user.request(method, path, {} if method == "POST" else None, headers)
    assert answer.status_code < 500, answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "//wallet",
        "/wallet/",
        "/wallet//",
        "/./wallet/.",
        "/WALLET",
        "/wallet%2f",
        "/wallet%00",
        "/wallet;x",
        "/wallet%3Flimit=1",
        "/health/../admin",
        "/webhook/..%2fwallet",
        "/admin",
        "/admin/",
        "/admin//keys",
        "/.git/config",
        "/index.html",
        "/cdn-cgi",
        "/%ff",
        "/%",
        "/__proto__",
        "/constructor",
        "/" + "a" * 8000,
    ],
)
def test_a_path_that_is_no_route_is_not_found(cloud: Cloud, user: ApiUser, path: str) -> None:
    request = (
        f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.key}\r\nConnection: close\r\n\r\n"
    )
    status, answer = raw(cloud, request.encode())
    assert status == 404
    assert b'"code":"not_found"' in answer


@pytest.mark.parametrize(
    "path",
    [
        "/webhook/../wallet",
        "/webhook/%2e%2e/wallet",
        "/webhook/x/../../wallet",
        "/health/../wallet",
        "/health/%2E%2E/wallet",
        "/%77allet",
        "/session/..\\wallet",
        "/./wallet",
        "/wallet?/health",
        "/wallet?x=/webhook/",
        "/webhook/../%61dmin/ledger/check",
        "/%61dmin/ledger/check",
        "/health/../admin/ledger/check",
    ],
)
def test_a_detour_to_a_route_leads_past_its_check(cloud: Cloud, path: str) -> None:
    status, answer = raw(cloud, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert status == 401, answer


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "TRACE", "PROPFIND", "get"])
def test_a_method_that_the_path_has_not_is_refused(cloud: Cloud, method: str) -> None:
    request = f"{method} /wallet HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    status, answer = raw(cloud, request.encode())
    if method in {"PUT", "PATCH", "DELETE", "POST"}:
        assert status == 405
        assert b"Allow: GET, HEAD, OPTIONS\r\n" in answer
        assert b'"code":"method_not_allowed"' in answer
    else:
        assert status in {0, 400, 405, 501}, answer


def test_a_method_cannot_be_overridden(cloud: Cloud, user: ApiUser) -> None:
    for name in ("X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "_method"):
        assert user.post("/uploads", DECLARED, {name: "GET"}).status_code == 201
        assert user.get("/wallet?_method=DELETE", {name: "DELETE"}).status_code in {200, 400}
    for name in ("X-Original-URL", "X-Rewrite-URL", "X-Forwarded-Path"):
        assert requests.get(f"{cloud.url}/health", headers={name: "/wallet"}, timeout=60).json() == {
            "ok": True
        }
        answer = requests.get(f"{cloud.url}/wallet", headers={name: "/health"} | address(), timeout=60)
        assert answer.status_code == 401


@pytest.mark.parametrize(
    "lines",
    [
        ["Content-Length: 5", "Transfer-Encoding: chunked"],
        ["Content-Length: 5", "Content-Length: 6"],
        ["Content-Length: 5, 6"],
        ["Content-Length: -1"],
        ["Content-Length: 0x5"],
        ["Transfer-Encoding: chunked, identity"],
        ["Transfer-Encoding: xchunked"],
        ["Transfer-Encoding : chunked"],
        ["Authorization: Bearer a", "Authorization: Bearer {key}"],
        ["Authorization: Bearer {key}", "Authorization: Bearer {key}"],
        ["Authorization: Bearer {key}\x00"],
        ["Authorization:\x0bBearer {key}"],
        ["Authorization: Bearer", " {key}"],
        ["X: a\rAuthorization: Bearer {key}"],
        [f"X: {'a' * 200_000}", "Authorization: Bearer x"],
    ],
    ids=lambda lines: " | ".join(lines)[:60],
)
def test_ambiguous_headers_open_nothing(cloud: Cloud, user: ApiUser, lines: list[str]) -> None:
    headers = "\r\n".join(line.format(key=user.key) for line in lines)
    smuggled = f"GET /uploads HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {user.key}\r\n\r\n"
    request = (
        f"POST /uploads HTTP/1.1\r\nHost: x\r\n{headers}\r\nConnection: close\r\n\r\n0\r\n\r\n{smuggled}"
    )
    status, answer = raw(cloud, request.encode("latin-1"))
    assert status == 0 or 400 <= status < 500, answer
    assert b'"uploads"' not in answer


def test_every_answer_carries_the_headers_that_protect_it(cloud: Cloud, user: ApiUser) -> None:
    answers = [
        user.get("/health"),
        user.get("/wallet"),
        user.get("/nothing"),
        user.post("/wallet"),
        user.post("/uploads", {}),
        requests.get(f"{cloud.url}/wallet", headers=address(), timeout=60),
        requests.options(f"{cloud.url}/wallet", timeout=60),
        requests.head(f"{cloud.url}/health", timeout=60),
    ]
    assert [answer.status_code for answer in answers] == [200, 200, 404, 405, 400, 401, 204, 200]
    for answer in answers:
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Vary"] == "Origin"
        assert "Access-Control-Allow-Origin" not in answer.headers
        assert not {"Server", "X-Powered-By"} & set(answer.headers)


def test_a_listed_page_may_call_and_read(cloud: Cloud, user: ApiUser) -> None:
    for answer in (user.get("/wallet", {"Origin": ORIGIN}), user.get("/nothing", {"Origin": ORIGIN})):
        assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
        assert answer.headers["Access-Control-Allow-Credentials"] == "true"
        assert answer.headers["Vary"] == "Origin"
    asks = {
        "Origin": ORIGIN,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type,idempotency-key",
    }
    preflight = requests.options(f"{cloud.url}/debit", headers=asks, timeout=60)
    assert preflight.status_code == 204
    assert preflight.headers["Access-Control-Allow-Origin"] == ORIGIN
    assert preflight.headers["Access-Control-Allow-Credentials"] == "true"
    assert set(preflight.headers["Access-Control-Allow-Methods"].split(", ")) == {"GET", "POST", "DELETE"}
    allowed = set(preflight.headers["Access-Control-Allow-Headers"].lower().split(", "))
    assert allowed == {"authorization", "content-type", "idempotency-key"}
    assert preflight.text == ""


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        f"{ORIGIN}.evil.example",
        f"{ORIGIN}:8080",
        f"x{ORIGIN}",
        "*",
        f"{ORIGIN}/",
        "",
    ],
)
def test_another_page_may_not(cloud: Cloud, user: ApiUser, origin: str) -> None:
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        user.get("/wallet", {"Origin": origin}),
        requests.options(f"{cloud.url}/debit", headers=asks, timeout=60),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
