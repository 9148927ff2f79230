"""Tests how the API answers hostile requests: their paths, methods, headers and origins."""

from __future__ import annotations

import socket
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
import requests
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.cloud.conftest import ORIGIN, Cloud
from tests.cloud.test_access import DECLARED, address
from tools.cloud.client import ApiUser

ADDRESSES = """
    GET /uploads/{}
    POST /uploads/{}/complete
    DELETE /uploads/{}
    GET /status/{}
    POST /cancel/{}
    GET /jobs/{}/playlist
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
def test_an_odd_spelling_of_a_path_does_not_avoid_the_check_of_access(cloud: Cloud, path: str) -> None:
    status, answer = raw(cloud, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert status == 401, answer


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "POST", "TRACE", "PROPFIND", "get"])
def test_a_method_that_the_path_does_not_have_is_refused(cloud: Cloud, method: str) -> None:
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
def test_a_page_that_is_not_listed_gets_no_cors_headers(cloud: Cloud, user: ApiUser, origin: str) -> None:
    asks = {"Origin": origin, "Access-Control-Request-Method": "POST"}
    for answer in (
        user.get("/wallet", {"Origin": origin}),
        requests.options(f"{cloud.url}/debit", headers=asks, timeout=60),
    ):
        assert not [name for name in answer.headers if name.lower().startswith("access-control-")]
