"""Tests the sessions of web pages: the cookie, its end, and pages of foreign origins."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import pytest
import requests

from tests.cloud.conftest import ORIGIN, Cloud
from tests.cloud.money import write
from tests.cloud.test_access import DECLARED, address, in_node
from tools.cloud.client import ApiUser, done


@pytest.fixture
def cookie(cloud: Cloud, user: ApiUser) -> dict[str, str]:
    """The header that carries a session of the user."""
    answer = requests.post(f"{cloud.url}/session", json={"key": user.key}, timeout=60)
    assert answer.status_code == 201
    return {"Cookie": answer.headers["Set-Cookie"].split(";")[0], **address()}


def test_a_session_acts_for_its_user_until_logout(cloud: Cloud, cookie: dict[str, str]) -> None:
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).json()["balance"] == 5_000_000
    logout = requests.delete(f"{cloud.url}/session", headers={**cookie, "Origin": cloud.url}, timeout=60)
    assert logout.status_code == 204
    assert "Max-Age=0" in logout.headers["Set-Cookie"]
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(cloud: Cloud, user: ApiUser) -> None:
    answer = requests.post(f"{cloud.url}/session", headers=user.authorization, timeout=60)
    value, *attributes = answer.headers["Set-Cookie"].split("; ")
    assert set(attributes) == {"Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict"}
    token = value.partition("=")[2]
    assert len(bytes.fromhex(token)) == 32
    assert token not in answer.text
    rows = cloud.sql("SELECT * FROM sessions")
    assert hashlib.sha256(token.encode()).hexdigest() in {row["token_sha256"] for row in rows}
    assert token not in str(rows)


def test_a_session_ends_with_its_key(cloud: Cloud, user: ApiUser, cookie: dict[str, str]) -> None:
    assert cloud.admin("DELETE", f"/admin/keys/key_{user.key.split('_')[2]}").status_code == 204
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401


@pytest.mark.parametrize(
    "origin",
    [
        None,
        "null",
        "",
        "https://evil.example",
        f"{ORIGIN}.evil.example",
        f"{ORIGIN}:81",
        ORIGIN.replace("http:", "https:"),
        ORIGIN.upper(),
        f"{ORIGIN}/",
        f"{ORIGIN} https://evil.example",
        "http://127.0.0.1:1",
    ],
)
def test_a_foreign_page_cannot_act_by_cookie(
    cloud: Cloud, user: ApiUser, cookie: dict[str, str], origin: str | None
) -> None:
    headers = cookie | ({} if origin is None else {"Origin": origin})
    for method, path in (
        ("POST", "/uploads"),
        ("POST", "/cancel/x"),
        ("DELETE", "/jobs/x"),
        ("DELETE", "/session"),
    ):
        body = DECLARED if path == "/uploads" else None
        answer = requests.request(method, cloud.url + path, json=body, headers=headers, timeout=60)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "foreign_origin"), path
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).ok, "the session has not ended"
    assert done(user.get("/uploads"))["uploads"] == []
    if origin:
        login = requests.post(
            f"{cloud.url}/session", json={"key": user.key}, headers={"Origin": origin}, timeout=60
        )
        assert login.status_code == 403


def test_the_apis_own_page_and_listed_pages_act_by_cookie(cloud: Cloud, cookie: dict[str, str]) -> None:
    for origin in (cloud.url, ORIGIN):
        headers = {**cookie, "Origin": origin}
        assert (
            requests.post(f"{cloud.url}/uploads", json=DECLARED, headers=headers, timeout=60).status_code
            == 201
        )


@pytest.mark.parametrize(
    "altered",
    [
        lambda cookie: f"{cookie}; {cookie}",
        lambda cookie: f"{cookie}; framewright=",
        lambda cookie: cookie + "0",
        lambda cookie: cookie[:-1],
        lambda cookie: cookie.upper(),
        lambda cookie: f"x{cookie}",
        lambda cookie: cookie.replace("=", '="') + '"',
        lambda _: "framewright=",
        lambda _: "framewright=" + "0" * 64,
        lambda _: "framewright=%00",
        lambda _: "=; ;; ,",
    ],
)
def test_a_cookie_of_another_form_is_refused(
    cloud: Cloud, cookie: dict[str, str], altered: Callable[[str], str]
) -> None:
    headers = {**cookie, "Cookie": altered(cookie["Cookie"])}
    assert requests.get(f"{cloud.url}/wallet", headers=headers, timeout=60).status_code == 401


def test_a_wrong_key_is_not_made_good_by_a_cookie(cloud: Cloud, cookie: dict[str, str]) -> None:
    headers = {**cookie, "Authorization": "Bearer x"}
    assert requests.get(f"{cloud.url}/wallet", headers=headers, timeout=60).status_code == 401


def test_a_session_made_while_its_key_is_revoked_is_refused(
    cloud: Cloud, user: ApiUser, cookie: dict[str, str]
) -> None:
    write(cloud, "UPDATE keys SET revoked_at = 1 WHERE id = ?", f"key_{user.key.split('_')[2]}")
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401


def test_an_expired_session_is_refused(cloud: Cloud, cookie: dict[str, str]) -> None:
    digest = hashlib.sha256(cookie["Cookie"].partition("=")[2].encode()).hexdigest()
    assert cloud.sql("SELECT 1 FROM sessions WHERE token_sha256 = ?", digest)
    write(cloud, "UPDATE sessions SET expires_at = 1 WHERE token_sha256 = ?", digest)
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401


def test_a_key_has_twenty_sessions_at_most(cloud: Cloud, user: ApiUser, cookie: dict[str, str]) -> None:
    for _ in range(19):
        assert user.request("POST", "/session").status_code == 201
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).ok
    assert user.request("POST", "/session").status_code == 201
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401
    key_id = f"key_{user.key.split('_')[2]}"
    assert cloud.sql("SELECT COUNT(*) AS n FROM sessions WHERE key_id = ?", key_id) == [{"n": 20}]


def test_over_https_the_cookie_is_secure_and_bound_to_the_host() -> None:
    key = f"fw_live_{'0' * 32}_{'1' * 64}"
    digest = hashlib.sha256(key.encode()).hexdigest()
    status, headers = in_node("https://api.example/session", "POST", f"Bearer {key}", "", digest)
    assert status == 201
    name_and_value, *attributes = headers["set-cookie"].split("; ")
    assert name_and_value.startswith("__Host-framewright=")
    assert set(attributes) == {"Path=/", "Max-Age=43200", "HttpOnly", "SameSite=Strict", "Secure"}
    assert headers["strict-transport-security"] == "max-age=31536000"
