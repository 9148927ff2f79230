"""Tests that nobody gets in: every route, without credentials, with wrong ones, and as another user."""

from __future__ import annotations

import hashlib
import json
import random
import re
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.cloud.api_routes import Route, registered_routes
from tests.cloud.conftest import Cloud
from tests.support.node_functions import run_script
from tools.cloud.client import ApiUser, done
from tools.cloud.wrangler_dev import NodeMissing

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
def test_every_route_needs_credentials(cloud: Cloud, route: Route) -> None:
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
def test_an_authorization_header_of_another_form_is_refused(
    cloud: Cloud, user: ApiUser, authorization: str
) -> None:
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


IN_NODE = """
import { timingSafeEqual } from "node:crypto";
crypto.subtle.timingSafeEqual = (a, b) => timingSafeEqual(Buffer.from(a), Buffer.from(b));
const { app } = await import("./api/app.ts");
const [path, method, authorization, adminToken, digest] = process.argv.slice(1);
const row = { key_id: "key_x", secret_sha256: digest, id: "user_x", name: "x" };
const statement = { bind: () => statement, first: async () => row };
const DB = { prepare: () => statement, batch: async () => [{ results: [{}] }] };
const limit = { limit: async () => ({ success: true }) };
const env = { DB, ALLOWED_ORIGINS: "", ADMIN_TOKEN: adminToken, USER_LIMIT: limit, FAILED_AUTH_LIMIT: limit };
console.log = () => {};
const answer = await app.request(path, { method, headers: { Authorization: authorization } }, env);
console.info(JSON.stringify([answer.status, Object.fromEntries(answer.headers)]));
"""


def in_node(*arguments: str) -> tuple[int, dict[str, str]]:
    """Send a request to the code of the API in Node, where https and any settings can be had; see IN_NODE."""
    try:
        status, headers = json.loads(run_script(IN_NODE, *arguments).stdout)
    except NodeMissing as missing:
        pytest.skip(str(missing))
    return status, headers


@pytest.mark.parametrize("token", ["", "x", "a" * 31])
def test_without_a_long_token_the_operators_routes_are_closed(token: str) -> None:
    check = ("https://api.example/admin/ledger/check", "GET")
    assert in_node(*check, f"Bearer {token}", token, "")[0] == 401
    assert in_node(*check, f"Bearer {'a' * 32}", "a" * 32, "")[0] == 200
