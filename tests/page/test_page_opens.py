"""Tests that the page opens in a real browser, and that a user signs in and out."""

from __future__ import annotations

import requests
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud


def test_the_page_opens_after_signing_in(page: Page) -> None:
    expect(page.get_by_role("link", name="Wallet")).to_be_visible()


def test_the_document_has_a_strict_policy(cloud: Cloud) -> None:
    answer = requests.get(f"{cloud.url}/", timeout=30)
    assert answer.ok
    policy = dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["connect-src"] == f"'self' {cloud.door.endpoint}"
    assert "unsafe" not in answer.headers["Content-Security-Policy"]


def test_other_paths_stay_the_apis(cloud: Cloud) -> None:
    for method, path, status in [("POST", "/", 404), ("GET", "/wallet", 401), ("GET", "/nothing", 404)]:
        answer = requests.request(method, cloud.url + path, json={} if method == "POST" else None, timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json"), path
