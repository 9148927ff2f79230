"""Tests that a user signs in and out, that the page keeps no key, and that tabs agree about the session."""

from __future__ import annotations

import json
import re

import pytest
import requests
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from tests.cloud.conftest import Cloud
from tests.page.conftest import sign_in
from tests.page.page_checks import kept_by
from tools.cloud.client import ApiUser

_WATCH_FORM = """
  window.formSeen = false;
  window.headerSeen = null;
  new MutationObserver(() => {
    if (document.querySelector("input[type=password]")) window.formSeen = true;
    const header = document.querySelector("header");
    if (header !== null && window.headerSeen === null) window.headerSeen = header.innerText;
  }).observe(document, { childList: true, subtree: true });
"""


def key_field(page: Page) -> Locator:
    return page.get_by_label("API key")


def test_the_page_opens_after_signing_in(page: Page) -> None:
    expect(page.get_by_role("link", name="Wallet")).to_contain_text("5.00 $")


def test_other_paths_stay_the_apis(cloud: Cloud) -> None:
    for method, path, status in [("POST", "/", 404), ("GET", "/wallet", 401), ("GET", "/nothing", 404)]:
        answer = requests.request(method, cloud.url + path, json={} if method == "POST" else None, timeout=30)
        assert (answer.status_code, answer.headers["Content-Type"]) == (status, "application/json"), path


def test_a_wrong_key_is_refused_in_plain_words(context: BrowserContext, user: ApiUser) -> None:
    page = context.new_page()
    page.goto("/#/wallet")
    key_field(page).fill(f"{user.key[:-1]}x")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text(re.compile("^This key is not valid. Check"))
    expect(key_field(page)).to_have_attribute("aria-invalid", "true")
    expect(key_field(page)).to_have_accessible_description(re.compile("This key is not valid"))
    sign_in(page, user)
    expect(page.get_by_role("heading", name="Wallet")).to_be_visible()


def test_too_many_attempts_say_when_to_try_again(context: BrowserContext, user: ApiUser) -> None:
    def refuse(route: Route) -> None:
        error = {"code": "too_many_requests", "message": "try again later", "retryable": True}
        route.fulfill(status=429, headers={"Retry-After": "42"}, json={"error": error})

    page = context.new_page()
    page.goto("/")
    page.route("**/session", refuse)
    key_field(page).fill(user.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_have_text(
        "Too many attempts came from your network. Try again in 42 seconds."
    )
    page.unroute("**/session")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()


def test_the_page_keeps_the_key_nowhere(page: Page, user: ApiUser) -> None:
    secret = user.key.rsplit("_", 1)[1]
    for _ in range(2):
        assert [place for place, text in kept_by(page).items() if secret in text] == []
        page.reload()
        expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert [cookie for cookie in page.context.cookies() if not cookie.get("httpOnly")] == []
    assert secret not in json.dumps(page.context.cookies())


def test_a_reload_never_shows_the_form_or_an_empty_header(page: Page) -> None:
    page.add_init_script(_WATCH_FORM)
    for fragment in ["#/", "#/jobs", "#/wallet"]:
        page.goto("about:blank")
        page.goto(f"/{fragment}")
        expect(page.get_by_role("link", name="Wallet")).to_contain_text("5.00 $")
        assert page.evaluate("window.formSeen") is False
        assert {"New", "Jobs", "Wallet", "Sign out"} <= set(page.evaluate("window.headerSeen").split("\n"))


def test_a_visitor_never_sees_the_header(context: BrowserContext) -> None:
    page = context.new_page()
    page.add_init_script(_WATCH_FORM)
    page.goto("/")
    expect(key_field(page)).to_be_focused()
    assert page.evaluate("window.headerSeen") is None


def test_who_signs_in_again_is_back_in_the_same_view(page: Page, user: ApiUser) -> None:
    page.goto("/#/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    page.context.clear_cookies()
    # The list asks for news by itself.
    expect(page.get_by_text("Your session has ended.")).to_be_visible()
    sign_in(page, user)
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
    assert page.url.endswith("/#/jobs")


def test_a_revoked_key_ends_the_session(page: Page, cloud: Cloud, user: ApiUser) -> None:
    key = user.key.split("_")[2]
    assert cloud.admin("DELETE", f"/admin/keys/key_{key}").ok
    page.goto("/#/wallet")
    expect(page.get_by_text("Your session has ended.")).to_be_visible()


def test_all_tabs_notice_that_one_signs_out_or_in(page: Page, cloud: Cloud, user: ApiUser) -> None:
    other = page.context.new_page()
    other.goto("/#/wallet")
    expect(other.get_by_role("heading", name="Available")).to_have_count(0)
    expect(other.get_by_text("Available")).to_be_visible()
    page.get_by_role("button", name="Sign out").click()
    expect(key_field(page)).to_be_visible()
    expect(key_field(other)).to_be_visible()
    expect(other.get_by_text("Your session has ended.")).to_have_count(0)

    rich = cloud.new_user(dollars=77)
    sign_in(page, rich)
    expect(other.get_by_role("link", name="Wallet")).to_contain_text("77.00 $")
    expect(other.get_by_role("rowheader", name="Top-up")).to_be_visible()
    # The session has ended at the API, too, so only the new one is left.
    assert cloud.sql(
        "SELECT COUNT(*) AS n FROM sessions JOIN keys ON keys.id = key_id WHERE user_id = ?", user.id
    ) == [{"n": 0}]


def test_a_failed_sign_out_is_said(page: Page) -> None:
    page.route("**/session", lambda route: route.abort())
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("alert")).to_contain_text("You are still signed in.")
    page.unroute("**/session")
    page.get_by_role("button", name="Sign out").click()
    expect(key_field(page)).to_be_visible()


def test_the_next_user_of_a_tab_sees_nothing_of_the_one_before(
    page: Page, cloud: Cloud, user: ApiUser
) -> None:
    name = "private.mp4"
    user.upload(b"x", name=name)
    page.goto("/#/")
    page.reload()
    expect(page.get_by_text(name)).to_be_visible()
    page.context.clear_cookies()
    page.reload()
    sign_in(page, cloud.new_user())
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.get_by_text(name)).to_have_count(0)


@pytest.mark.parametrize("status", [404, 0])
def test_a_part_that_cannot_be_loaded_asks_for_a_reload(page: Page, user: ApiUser, status: int) -> None:
    """After a deployment, the files of the version that a tab shows are no longer there."""
    upload = user.upload(b"not a video")

    def refuse(route: Route) -> None:
        route.abort() if status == 0 else route.fulfill(status=status, json={"error": {}})

    loaded = re.compile(r"/assets/.*\.js$")
    page.route(loaded, refuse)
    page.goto(f"/#/uploads/{upload}")
    page.get_by_role("radio", name=re.compile("Export")).check()
    reload = page.get_by_role("button", name="Reload")
    expect(reload).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("A part of this page is missing")
    page.unroute(loaded)
    reload.click()
    expect(page.get_by_role("radio", name=re.compile("Export"))).to_be_checked()
    expect(page.get_by_role("button", name="Reload")).to_have_count(0)
