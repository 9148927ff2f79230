"""Tests that nobody gets in: every route, without credentials, with wrong ones, and as another user."""

from __future__ import annotations

import contextlib
import hashlib
import random
import re
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from tests.cloud.api_routes import Route, registered_routes
from tests.cloud.conftest import ORIGIN, Cloud
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.runpod_queue import Pretence

OPEN = {
    Route("GET", "/health"),
    Route("GET", "/openapi.json"),
    Route("POST", "/session"),
    Route("DELETE", "/session"),
    Route("POST", "/webhook/{id}/{mac}"),
}
DECLARED: dict[str, str | int] = {"name": "a.mp4", "content_type": "video/mp4", "bytes": 10}
SOURCE = {"width": 320, "height": 180, "frames": 48}


def address() -> dict[str, str]:
    """Return the header by which Cloudflare names the address of a client: one that is new to the API."""
    return {"CF-Connecting-IP": f"2001:db8:{random.getrandbits(16):x}:{random.getrandbits(16):x}::1"}


def call(
    cloud: Cloud, route: Route, headers: dict[str, str] | None = None, **values: str
) -> requests.Response:
    """Send a request to a route, with these or made-up ids in its path."""
    made_up = {"id": "job_" + "0" * 32, "mac": "0" * 64} | values
    path = re.sub(r"\{(\w+)\}", lambda name: made_up[name.group(1)], route.path)
    body: dict[str, str] | None = {} if route.method == "POST" else None
    return requests.request(
        route.method, cloud.url + path, json=body, headers=address() | (headers or {}), timeout=60
    )


def routes() -> list[Route]:
    try:
        return sorted(registered_routes())
    except NodeMissing:
        return []


@pytest.mark.parametrize("route", [route for route in routes() if route not in OPEN], ids=str)
def test_a_route_wants_credentials(cloud: Cloud, route: Route) -> None:
    bodies = {call(cloud, route).text}
    user, stranger = cloud.new_user(0), f"fw_live_{uuid.uuid4().hex}_{'0' * 64}"
    wrong = [stranger, user.key[:-1], user.key[:-64] + "0" * 64, user.key + "0", user.key.upper(), "", "null"]
    if route.path.startswith("/admin/"):
        wrong.append(user.key)
    for key in wrong:
        response = call(cloud, route, {"Authorization": f"Bearer {key}"})
        assert response.status_code == 401, key
        assert response.headers["WWW-Authenticate"] == 'Bearer realm="framewright"'
        bodies.add(response.text)
    assert len(bodies) == 1, "the answer does not tell why"


def test_the_operators_token_is_no_users_key(cloud: Cloud) -> None:
    for path in ("/wallet", "/jobs", "/uploads"):
        assert cloud.admin("GET", path).status_code == 401


@pytest.mark.parametrize(
    "authorization",
    [
        "{key}",
        "Basic {key}",
        "Bearer",
        "Bearer  ",
        "Bearer {key} {key}",
        "Bearer {key}, Bearer {key}",
        "Bearer {key},",
        'Bearer "{key}"',
        "Bearer {key}\u00a0",
        "Bearer \u00e4",
        "Bearer {key}%00",
        "Bearer {key}'--",
        "Token {key}",
    ],
)
def test_the_header_has_one_form(cloud: Cloud, user: ApiUser, authorization: str) -> None:
    value = authorization.format(key=user.key).encode()
    headers: dict[str, str | bytes] = {"Authorization": value, **address()}
    assert requests.get(f"{cloud.url}/wallet", headers=headers, timeout=60).status_code == 401


def test_the_scheme_is_not_case_sensitive(user: ApiUser) -> None:
    for scheme in ("bearer", "BEARER", "Bearer "):
        assert user.get("/wallet", {"Authorization": f"{scheme} {user.key}"}).ok


def test_a_key_in_the_address_or_the_body_opens_nothing(cloud: Cloud, user: ApiUser) -> None:
    for name in ("key", "token", "access_token", "api_key", "Authorization"):
        answer = requests.get(f"{cloud.url}/wallet", {name: user.key}, headers=address(), timeout=60)
        assert answer.status_code == 401


def test_the_database_has_the_hash_of_a_key_alone(cloud: Cloud, user: ApiUser) -> None:
    id_, secret = user.key.removeprefix("fw_live_").split("_")
    (row,) = cloud.sql("SELECT secret_sha256 FROM keys WHERE id = ?", f"key_{id_}")
    assert row["secret_sha256"] == hashlib.sha256(user.key.encode()).hexdigest()
    assert len(bytes.fromhex(secret)) == 32


def test_a_revoked_key_is_refused_at_once(cloud: Cloud, user: ApiUser) -> None:
    key_id = f"key_{user.key.split('_')[2]}"
    second = done(cloud.admin("POST", "/admin/keys", {"user": user.name, "label": "second"}))
    assert user.get("/wallet").ok
    assert cloud.admin("DELETE", f"/admin/keys/{key_id}").status_code == 204
    assert user.get("/wallet", address()).status_code == 401
    assert user.post("/session", {"key": user.key}, address()).status_code == 401
    assert user.get("/wallet", {"Authorization": f"Bearer {second['key']}"}).ok
    assert cloud.admin("DELETE", f"/admin/keys/{key_id}").status_code == 204, "it can be repeated"
    states = {
        key["id"]: key["revoked_at"]
        for key in done(cloud.admin("GET", f"/admin/keys?user={user.name}"))["keys"]
    }
    assert states[key_id] is not None
    assert states[second["id"]] is None
    assert cloud.admin("DELETE", "/admin/keys/key_" + "0" * 32).status_code == 404


@dataclass
class Property:
    """What a user has."""

    owner: ApiUser
    upload: str
    open_upload: str
    quote: str
    job: str
    input_url: str


@pytest.fixture
def ada(cloud: Cloud) -> Iterator[Property]:
    """A user with an upload that is complete, one that is not, a quote, and a job that waits."""
    cloud.runpod.pretend = lambda _job: Pretence(wait_s=3600)
    owner = cloud.new_user()
    upload = owner.upload(b"a video of ada")
    open_upload = done(owner.post("/uploads", DECLARED))["id"]
    task = {"task": "upscale", "upload_id": upload, "params": {}, "source": SOURCE}
    quote = done(owner.post("/quote", task))["id"]
    job = done(owner.post("/debit", task, {"Idempotency-Key": uuid.uuid4().hex}))
    yield Property(owner, upload, open_upload, quote, job["id"], job["links"]["input"])
    cloud.runpod.pretend = lambda _job: None


Try = Callable[[ApiUser, Property], list[requests.Response]]


def new_job(user: ApiUser, **body: Any) -> requests.Response:
    return user.post("/debit", body, {"Idempotency-Key": uuid.uuid4().hex})


ATTEMPTS: dict[Route, Try] = {
    Route("GET", "/uploads/{id}"): lambda bob, ada: [
        bob.get(f"/uploads/{ada.upload}"),
        bob.get(f"/uploads/{ada.open_upload}"),
    ],
    Route("POST", "/uploads/{id}/complete"): lambda bob, ada: [
        bob.post(f"/uploads/{ada.upload}/complete"),
        bob.post(f"/uploads/{ada.open_upload}/complete"),
    ],
    Route("DELETE", "/uploads/{id}"): lambda bob, ada: [
        bob.delete(f"/uploads/{ada.upload}"),
        bob.delete(f"/uploads/{ada.open_upload}"),
    ],
    Route("POST", "/quote"): lambda bob, ada: [
        bob.post("/quote", {"task": "upscale", "upload_id": ada.upload, "params": {}}),
        bob.post("/quote", {"task": "upscale", "input_url": ada.input_url, "params": {}}),
    ],
    Route("POST", "/debit"): lambda bob, ada: [
        new_job(bob, quote_id=ada.quote),
        new_job(bob, task="upscale", upload_id=ada.upload, params={}),
        new_job(bob, task="upscale", input_url=ada.input_url, params={}),
        new_job(bob, task="upscale", input_url=ada.input_url.split("?")[0], params={}),
    ],
    Route("GET", "/status/{id}"): lambda bob, ada: [bob.get(f"/status/{ada.job}")],
    Route("POST", "/cancel/{id}"): lambda bob, ada: [bob.post(f"/cancel/{ada.job}")],
    Route("DELETE", "/jobs/{id}"): lambda bob, ada: [bob.delete(f"/jobs/{ada.job}")],
}
"""What a second user tries with what belongs to the first, route by route: each answer must be 404."""

OWN = {
    Route("GET", "/uploads"): lambda user: user.get("/uploads").json()["uploads"],
    Route("GET", "/jobs"): lambda user: user.get("/jobs").json()["jobs"],
    Route("GET", "/wallet"): lambda user: user.get("/wallet").json()["entries"],
}
"""The routes that list what belongs to a user."""

CREATES = {Route("POST", "/uploads")}
"""The routes that take nothing that could be another user's."""


def test_each_route_is_tried_by_a_second_user() -> None:
    try:
        found = registered_routes()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    of_users = {route for route in found if route not in OPEN and not route.path.startswith("/admin/")}
    assert of_users == set(ATTEMPTS) | set(OWN) | CREATES


@pytest.mark.parametrize("route", ATTEMPTS, ids=str)
def test_a_second_user_finds_nothing(cloud: Cloud, ada: Property, route: Route) -> None:
    bob = cloud.new_user()
    nothing = Property(
        *(bob, "up_" + "0" * 32, "up_" + "0" * 32, "quote_" + "0" * 32, "job_" + "0" * 32),
        input_url=ada.input_url.replace(ada.upload, "up_" + "0" * 32),
    )
    before = state_of(cloud, ada)
    for answer, of_nothing in zip(ATTEMPTS[route](bob, ada), ATTEMPTS[route](bob, nothing), strict=True):
        assert answer.status_code == 404, answer.text
        assert answer.text == of_nothing.text, "the answer tells that it exists"
    assert state_of(cloud, ada) == before
    assert done(bob.get("/wallet"))["balance"] == 5_000_000


def state_of(cloud: Cloud, ada: Property) -> list[Any]:
    return [
        cloud.sql("SELECT * FROM uploads WHERE user_id = ?", ada.owner.id),
        cloud.sql("SELECT id, state, cancel_requested_at, deleted_at FROM jobs WHERE id = ?", ada.job),
        cloud.sql("SELECT * FROM entries WHERE user_id = ?", ada.owner.id),
        cloud.sql("SELECT * FROM wallets WHERE user_id = ?", ada.owner.id),
    ]


@pytest.mark.parametrize("route", OWN, ids=str)
def test_a_list_has_what_is_the_users_own(cloud: Cloud, ada: Property, route: Route) -> None:
    assert OWN[route](ada.owner)
    assert OWN[route](cloud.new_user(0)) == []


def test_object_keys_are_under_the_users_own_prefix(cloud: Cloud, ada: Property) -> None:
    rows = cloud.sql("SELECT object_key FROM uploads WHERE user_id = ?", ada.owner.id)
    rows += cloud.sql("SELECT output_key AS object_key FROM jobs WHERE user_id = ?", ada.owner.id)
    assert {row["object_key"].split("/")[1] for row in rows} == {ada.owner.id}
    assert not [row for row in rows if "a.mp4" in row["object_key"]], (
        "no key has the client's name of the file"
    )


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
    answer = requests.post(
        f"{cloud.url}/session", headers={"Authorization": f"Bearer {user.key}"}, timeout=60
    )
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


def test_the_own_page_and_listed_ones_act_by_cookie(cloud: Cloud, cookie: dict[str, str]) -> None:
    for origin in (cloud.url, ORIGIN):
        headers = {**cookie, "Origin": origin}
        assert (
            requests.post(f"{cloud.url}/uploads", json=DECLARED, headers=headers, timeout=60).status_code
            == 201
        )


@pytest.mark.parametrize(
    "change",
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
def test_a_cookie_has_one_form(cloud: Cloud, cookie: dict[str, str], change: Callable[[str], str]) -> None:
    headers = {**cookie, "Cookie": change(cookie["Cookie"])}
    assert requests.get(f"{cloud.url}/wallet", headers=headers, timeout=60).status_code == 401


def test_a_wrong_key_is_not_made_good_by_a_cookie(cloud: Cloud, cookie: dict[str, str]) -> None:
    headers = {**cookie, "Authorization": "Bearer x"}
    assert requests.get(f"{cloud.url}/wallet", headers=headers, timeout=60).status_code == 401


def test_an_expired_session_is_refused(cloud: Cloud, cookie: dict[str, str]) -> None:
    digest = hashlib.sha256(cookie["Cookie"].partition("=")[2].encode()).hexdigest()
    assert cloud.sql("SELECT 1 FROM sessions WHERE token_sha256 = ?", digest)
    with contextlib.closing(sqlite3.connect(cloud.api.database, timeout=60)) as database, database:
        database.execute("UPDATE sessions SET expires_at = 1 WHERE token_sha256 = ?", (digest,))
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401


def test_a_key_has_twenty_sessions_at_most(cloud: Cloud, user: ApiUser, cookie: dict[str, str]) -> None:
    for _ in range(19):
        assert user.request("POST", "/session").status_code == 201
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).ok
    assert user.request("POST", "/session").status_code == 201
    assert requests.get(f"{cloud.url}/wallet", headers=cookie, timeout=60).status_code == 401
    key_id = f"key_{user.key.split('_')[2]}"
    assert cloud.sql("SELECT COUNT(*) AS n FROM sessions WHERE key_id = ?", key_id) == [{"n": 20}]


def test_failed_authentications_are_limited_by_address(cloud: Cloud, user: ApiUser) -> None:
    attacker = address()

    def guess(_: int) -> requests.Response:
        return requests.get(
            f"{cloud.url}/wallet", headers={"Authorization": "Bearer x", **attacker}, timeout=60
        )

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(guess, range(130)))
    assert {answer.status_code for answer in answers} == {401, 429}
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.headers["Retry-After"] == "60"
    assert refused.json()["error"]["code"] == "too_many_requests"
    assert requests.get(f"{cloud.url}/wallet", headers=address(), timeout=60).status_code == 401
    assert user.get("/wallet", attacker).ok, "a valid key from the same address passes"
