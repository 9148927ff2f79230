"""Tests that the page survives a minute without network, a reload at any moment, and a second tab."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Error, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import let_jobs_complete, wait_for_end, wait_until
from tests.page.furnished import Furnished, furnish, run_long, start
from tools.cloud.client import ApiUser, done

WHILE_LOADING = re.compile("^(Framewright|Job|New job)$")
"""The headings of views whose content is not there yet."""

GONE = "You are offline. Running jobs continue, and so does this page when the network is back."


def test_the_page_says_that_the_network_is_gone_and_goes_on_when_it_is_back(
    page: Page, cloud: Cloud, user: ApiUser
) -> None:
    run_long(cloud, percent=17.0, seconds=200)
    job = start(user, "clip.mp4")
    wait_until(user, job, lambda seen: seen["progress"] is not None)
    page.goto("/#/jobs")
    row = page.get_by_role("main").get_by_role("listitem")
    expect(row).to_contain_text("Running 17 %")

    page.context.set_offline(True)
    expect(page.get_by_text(GONE)).to_be_visible()
    # The views that were loaded stay, and a view that was not waits for the network.
    page.get_by_role("link", name="Wallet").click()
    expect(page.get_by_role("heading", level=1, name="Wallet")).to_be_visible()
    page.get_by_role("navigation").get_by_role("link", name="Jobs").click()
    expect(row).to_contain_text("Running 17 %")
    # Meanwhile the job ends.
    cloud.runpod.clock.advance(201)
    ended = wait_for_end(user, job)
    expect(row).to_contain_text("Running 17 %")

    page.context.set_offline(False)
    expect(page.get_by_text(GONE)).to_have_count(0)
    expect(row).to_contain_text("expected")
    expect(row).not_to_contain_text("Running")
    assert ended["charge"] is not None
    page.get_by_role("link", name="Wallet").click()
    expect(page.get_by_role("table").locator("tbody tr")).to_have_count(4)


def test_an_api_that_does_not_answer_counts_as_gone(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.route("**/wallet", lambda route: route.abort("connectionrefused"))
    expect(page.get_by_text(GONE)).to_be_visible()
    page.unroute("**/wallet")
    expect(page.get_by_text(GONE)).to_have_count(0)


def test_a_page_that_is_opened_while_the_api_is_away_opens_when_it_is_back(page: Page) -> None:
    page.route("**/wallet", lambda route: route.abort("connectionrefused"))
    page.evaluate("localStorage.clear()")
    page.goto("/#/jobs")
    page.reload()
    expect(page.get_by_text("Framewright does not answer.")).to_be_visible()
    page.unroute("**/wallet")
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()


@pytest.fixture(scope="module")
def furnished(cloud: Cloud) -> Furnished:
    """A user with jobs in every state."""
    return furnish(cloud, cloud.new_user())


def test_every_view_is_the_same_after_a_reload_and_in_a_second_tab(page: Page, furnished: Furnished) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").fill(furnished.user.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    jobs = [f"#/jobs/{job}" for job in furnished.jobs.values()]
    for fragment in ["#/", f"#/uploads/{furnished.upload}", "#/jobs", *jobs, "#/wallet", "#/nowhere"]:
        page.goto("about:blank")  # or the heading of the last view may still be there
        page.goto(f"/{fragment}")
        before = settled(page)
        page.reload()
        assert settled(page) == before, fragment
        other = page.context.new_page()
        other.goto(f"/{fragment}")
        assert settled(other) == before, fragment
        other.close()


def settled(page: Page) -> tuple[str, str]:
    """Return the address and the heading of a view that has loaded."""
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    heading = page.get_by_role("heading", level=1)
    expect(heading).to_be_visible()
    expect(heading).not_to_have_text(WHILE_LOADING)
    expect(page.locator("main .skeleton")).to_have_count(0)
    return page.url.split("#")[1], heading.inner_text()


def test_a_reload_at_any_moment_of_loading_shows_the_view(page: Page, cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud)
    wait_for_end(user, start(user, "clip.mp4"))
    page.goto("/#/jobs")
    for wait_ms in (0, 5, 20, 50, 100, 200):
        reload_until_committed(page)
        page.wait_for_timeout(wait_ms)
    expect(page.get_by_role("main").get_by_role("listitem")).to_have_count(1)


def reload_until_committed(page: Page) -> None:
    """Reload, and again where Chromium refuses the command while one document replaces another."""
    for _ in range(100):
        try:
            page.reload(wait_until="commit")
        except Error as error:
            if "Not attached to an active page" not in error.message:
                raise
            page.wait_for_timeout(10)
        else:
            return
    raise AssertionError("Chromium refused 100 reloads, one after the other.")


def test_two_tabs_show_the_same_jobs(page: Page, cloud: Cloud, user: ApiUser) -> None:
    page.goto("/#/jobs")
    other = page.context.new_page()
    other.goto("/#/jobs")
    expect(other.get_by_text("No jobs yet")).to_be_visible()
    let_jobs_complete(cloud)
    wait_for_end(user, start(user, "clip.mp4"))
    for tab in (page, other):
        expect(tab.get_by_role("main").get_by_role("listitem")).to_contain_text(["clip.mp4"])
    job = done(user.get("/jobs"))["jobs"][0]
    assert user.delete(f"/jobs/{job['id']}").status_code == 204
    for tab in (page, other):
        expect(tab.get_by_text("No jobs yet")).to_be_visible()
