"""Tests the OpenAPI document: it is current, valid and complete, and the API answers as it says.

All tests of this folder help: the fixture `cloud` checks each response that they get (documented_answers.py).
"""

from __future__ import annotations

import copy
import json
import re
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openapi_spec_validator
import pytest
import requests

from tests.cloud.api_routes import registered_routes
from tests.cloud.conftest import Cloud
from tests.support.documented_answers import Documentation
from tools.cloud.client import ApiUser
from tools.cloud.wrangler_dev import PROJECT, NodeMissing, node

FILE = PROJECT / "openapi.json"
DOCUMENT: dict[str, Any] = json.loads(FILE.read_text())


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def test_the_file_is_made_of_the_code(tmp_path: Path) -> None:
    try:
        command = [str(node()), str(PROJECT / "scripts" / "openapi.ts"), str(tmp_path / "openapi.json")]
    except NodeMissing as missing:
        pytest.skip(str(missing))
    subprocess.run(command, check=True, timeout=120)
    assert FILE.read_text() == (tmp_path / "openapi.json").read_text(), "run `make docs`"


def test_the_document_is_valid_openapi_3_1() -> None:
    assert DOCUMENT["openapi"] == "3.1.0"
    openapi_spec_validator.validate(DOCUMENT)


def patterns(value: Any) -> Iterator[str]:
    """Find all regular expressions of the document, which are strings without slashes and flags."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    if isinstance(value, dict) and isinstance(value.get("pattern"), str):
        yield value["pattern"]
    for member in inner:
        yield from patterns(member)


def test_a_note_and_a_label_match_their_patterns() -> None:
    assert not [pattern for pattern in patterns(DOCUMENT) if re.search(r"[$]/[a-z]*$", pattern)]
    for path, field in (("/admin/keys", "label"), ("/admin/topups", "note"), ("/admin/refunds", "note")):
        body = DOCUMENT["paths"][path]["post"]["requestBody"]["content"]["application/json"]["schema"]
        pattern = re.compile(body["properties"][field]["pattern"])
        assert pattern.search("Grüße, 5 $")
        assert not pattern.search("two\nlines")


def test_the_running_api_serves_the_file(cloud: Cloud) -> None:
    response = requests.get(f"{cloud.url}/openapi.json", timeout=60)
    assert response.status_code == 200
    assert response.json() == DOCUMENT


def test_every_route_of_the_code_is_described() -> None:
    try:
        routes = {str(route) for route in registered_routes()}
    except NodeMissing as missing:
        pytest.skip(str(missing))
    assert routes == {name for name, _ in operations()}


def test_every_route_says_who_may_use_it_and_what_it_answers() -> None:
    for name, operation in operations():
        assert operation["summary"], name
        assert operation["tags"], name
        assert "security" in operation, name
        assert any(status.startswith("2") for status in operation["responses"]), name
        for status, response in operation["responses"].items():
            assert response["description"].endswith("."), (name, status)
        for parameter in operation.get("parameters", []):
            assert parameter.get("description") or parameter["schema"].get("description"), (name, parameter)


def fields(schema: dict[str, Any], place: str) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the fields of a schema and of those in it, with their places."""
    for name, inner in schema.get("properties", {}).items():
        yield f"{place}.{name}", inner
        yield from fields(inner, f"{place}.{name}")
    for inner in [schema.get("items"), *schema.get("allOf", []), *schema.get("anyOf", [])]:
        if isinstance(inner, dict):
            yield from fields(inner, place)


def test_every_field_is_described() -> None:
    schemas = dict(DOCUMENT["components"]["schemas"])
    for name, operation in operations():
        for part in [operation.get("requestBody", {}), *operation["responses"].values()]:
            for content in part.get("content", {}).values():
                schemas[f"{name} {len(schemas)}"] = content["schema"]
    for name, schema in schemas.items():
        for place, field in fields(schema, name):
            assert field.get("description") or "$ref" in field, place


class OneAnswer:
    """A response with one member more, another status, or another type than the API gave."""

    def __init__(self, response: requests.Response, status: int | None = None, **members: Any) -> None:
        self.answer = copy.copy(response)
        self.answer.status_code = status or response.status_code
        self.answer._content = json.dumps(response.json() | members).encode()


def test_an_answer_that_is_not_described_is_noticed(user: ApiUser) -> None:
    documentation = Documentation(DOCUMENT)
    wallet = user.get("/wallet")
    documentation.check(wallet)
    for wrong in (
        OneAnswer(wallet, more=1),
        OneAnswer(wallet, balance="5"),
        OneAnswer(wallet, balance=None),
        OneAnswer(wallet, entries=[{"id": 1}]),
        OneAnswer(wallet, status=206),
        OneAnswer(wallet, status=404),
    ):
        with pytest.raises(AssertionError):
            documentation.check(wrong.answer)
    refused = user.get("/status/job_1")
    documentation.check(refused)
    with pytest.raises(AssertionError):
        documentation.check(OneAnswer(refused, error=refused.json()["error"] | {"code": "odd"}).answer)


VIDEO = {"name": "a.mp4", "content_type": "video/mp4", "bytes": 1000}
TRACK = {"task": "track", "params": {}, "source": {"width": 320, "height": 180, "frames": 144}}


def test_every_route_answers_as_described(cloud: Cloud, user: ApiUser) -> None:
    """Each route succeeds, and fails in the ways that a client can cause; the fixture checks the answers."""
    key = {"Idempotency-Key": uuid.uuid4().hex}
    upload = user.upload(b"\0" * 1000)
    opened = user.post("/uploads", VIDEO).json()["id"]
    job = {**TRACK, "upload_id": upload}
    quote = user.post("/quote", job).json()["id"]
    started = user.post("/debit", {"quote_id": quote}, key).json()["id"]
    poor = cloud.new_user(dollars=0)
    poor_job = {**TRACK, "upload_id": poor.upload(b"\0" * 1000)}
    none = "job_" + "0" * 32
    gone = user.post("/uploads", VIDEO).json()["id"]
    statuses = {
        "GET /health": [user.get("/health")],
        "GET /openapi.json": [user.get("/openapi.json")],
        "POST /uploads": [user.post("/uploads", VIDEO), user.post("/uploads", {**VIDEO, "bytes": 0})],
        "GET /uploads": [user.get("/uploads"), user.get("/uploads?cursor=x")],
        "GET /uploads/{id}": [user.get(f"/uploads/{opened}"), poor.get(f"/uploads/{opened}")],
        "POST /uploads/{id}/complete": [
            user.post(f"/uploads/{upload}/complete"),
            poor.post(f"/uploads/{upload}/complete"),
            user.post(f"/uploads/{opened}/complete"),
        ],
        "DELETE /uploads/{id}": [
            user.delete(f"/uploads/{gone}"),
            poor.delete(f"/uploads/{opened}"),
            user.delete(f"/uploads/{upload}"),
        ],
        "POST /quote": [
            user.post("/quote", job),
            user.post("/quote", {**job, "params": []}),
            poor.post("/quote", job),
        ],
        "POST /debit": [
            user.post("/debit", {"quote_id": quote}, key),
            user.post("/debit", job),
            poor.post("/debit", poor_job, key),
            user.post("/debit", {"quote_id": "quote_" + "0" * 32}, {"Idempotency-Key": "1"}),
            user.post("/debit", {**job, "upload_id": opened}, {"Idempotency-Key": "2"}),
            user.post("/debit", job, key),
        ],
        "GET /status/{id}": [user.get(f"/status/{started}"), poor.get(f"/status/{started}")],
        "GET /jobs": [user.get("/jobs"), user.get("/jobs?cursor=x")],
        "POST /cancel/{id}": [user.post(f"/cancel/{started}"), poor.post(f"/cancel/{started}")],
        "GET /jobs/{id}/playlist": [poor.get(f"/jobs/{started}/playlist")],
        "DELETE /jobs/{id}": [poor.delete(f"/jobs/{started}")],
        "GET /models": [user.get("/models")],
        "GET /wallet": [user.get("/wallet"), user.get("/wallet?limit=0")],
        "POST /session": [
            requests.post(f"{cloud.url}/session", json={"key": user.key}, timeout=60),
            requests.post(f"{cloud.url}/session", json={"key": "x"}, timeout=60),
            requests.post(
                f"{cloud.url}/session", json={"key": "x"}, headers={"Origin": "http://odd"}, timeout=60
            ),
        ],
        "DELETE /session": [requests.delete(f"{cloud.url}/session", timeout=60)],
        "POST /webhook/{id}/{mac}": [requests.post(f"{cloud.url}/webhook/{none}/00", json={}, timeout=60)],
        "POST /admin/keys": [
            cloud.admin("POST", "/admin/keys", {"user": user.name, "label": "second"}),
            cloud.admin("POST", "/admin/keys", {"user": ""}),
            user.post("/admin/keys", {"user": user.name}),
        ],
        "GET /admin/keys": [cloud.admin("GET", f"/admin/keys?user={user.name}")],
        "DELETE /admin/keys/{id}": [cloud.admin("DELETE", f"/admin/keys/key_{'0' * 32}")],
        "POST /admin/topups": [
            cloud.admin("POST", "/admin/topups", {"user": user.name, "amount": 1}, key),
            cloud.admin("POST", "/admin/topups", {"user": user.name, "amount": 1}, key),
            cloud.admin("POST", "/admin/topups", {"user": user.name, "amount": 2}, key),
            cloud.admin("POST", "/admin/topups", {"user": user.name, "amount": 1}),
            cloud.admin("POST", "/admin/topups", {"user": "nobody", "amount": 1}, key),
        ],
        "POST /admin/refunds": [cloud.admin("POST", "/admin/refunds", {"job": none, "amount": 1})],
        "GET /admin/ledger/check": [cloud.admin("GET", "/admin/ledger/check")],
    }
    assert statuses.keys() == {name for name, _ in operations()}
    seen = {name: [answer.status_code for answer in answers] for name, answers in statuses.items()}
    assert seen["POST /debit"] == [200, 400, 402, 404, 409, 422]
    assert seen["POST /quote"] == [201, 400, 404]
    assert seen["POST /session"] == [201, 401, 403]
    assert seen["POST /admin/keys"] == [201, 400, 401]
    assert seen["POST /admin/topups"] == [201, 200, 422, 400, 404]
    assert seen["POST /uploads/{id}/complete"] == [200, 404, 409]
    assert seen["DELETE /uploads/{id}"] == [204, 404, 409]
    for path in ("/nowhere", "/wallet/more"):
        assert user.get(path).status_code in {401, 404}
    assert user.delete("/wallet").status_code == 405
    assert requests.get(f"{cloud.url}/wallet", timeout=60).status_code == 401
    assert requests.head(f"{cloud.url}/health", timeout=60).status_code == 200
