"""Tests of the list of jobs: it shows what the API has, as it changes, and says so if it cannot."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal

from playwright.sync_api import Locator, Page, Route, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import let_jobs_complete, pretend, wait_for_end
from tests.page.furnished import MARKUP, furnish, run_long, start
from tools.cloud.client import ApiUser, done

STATES = {
    "queued": "Waiting",
    "running": "Running",
    "completed": "Completed",
    "failed": "Failed",
    "cancelled": "Cancelled",
}


def rows(page: Page) -> Locator:
    return page.get_by_role("main").get_by_role("listitem")


def cents(micro_dollars: int) -> str:
    """Return an amount as the page rounds it, computed in decimals."""
    dollars = Decimal(micro_dollars) / 1_000_000
    digits = 2 if abs(dollars) >= Decimal("0.01") else 1 - dollars.adjusted()
    text = f"{dollars.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)}"
    whole, fraction = text.split(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')} $"


def test_jobs_have_their_names_states_and_prices(page: Page, cloud: Cloud, user: ApiUser) -> None:
    furnish(cloud, user)
    page.goto("/#/jobs")
    listed = done(user.get("/jobs"))["jobs"]
    assert len(listed) == len(STATES)
    expect(rows(page)).to_have_count(len(listed))
    for row, job in zip(rows(page).all(), listed, strict=True):
        link = row.get_by_role("link")
        expect(link).to_have_text(job["input_name"])
        expect(link).to_have_attribute("href", f"#/jobs/{job['id']}")
        expect(row).to_contain_text(STATES[job["state"]])
        expect(row).to_contain_text(job["task"].capitalize())
        if job["charge"] is None:
            expect(row).to_contain_text(f"about {cents(job['quote']['expected'])}")
        else:
            price = cents(job["charge"]) if job["charge"] else "Not charged"
            expect(row).to_contain_text(price)
            expect(row).to_contain_text(f"about {cents(job['quote']['expected'])} expected,")
            expect(row).to_contain_text("at most ")
        expect(row.locator("time")).to_have_attribute("datetime", re.compile(r"^\d{4}-\d\d-\d\dT.*Z$"))
    expect(rows(page).first).to_contain_text("Running 62 %")


def test_names_with_markup_are_text(page: Page, cloud: Cloud, user: ApiUser) -> None:
    furnish(cloud, user)
    page.goto("/#/jobs")
    expect(page.get_by_role("link", name=MARKUP)).to_have_text(MARKUP)
    assert page.locator("main img, main b").count() == 0


def test_a_row_shows_how_its_job_goes_on_and_ends(page: Page, cloud: Cloud, user: ApiUser) -> None:
    page.goto("/#/jobs")
    expect(page.get_by_text("No jobs yet")).to_be_visible()
    run_long(cloud, percent=41.0, seconds=200)
    job = start(user, "clip.mp4")
    # The list of a tab that is open finds the job by itself.
    expect(rows(page)).to_contain_text(["Running 41 %"])
    cloud.runpod.clock.advance(201)
    ended = wait_for_end(user, job)
    assert (ended["state"], ended["charge"] > 0) == ("completed", True)
    expect(rows(page)).to_contain_text(["Completed"])
    expect(rows(page)).to_contain_text([cents(ended["charge"])])
    expect(rows(page)).not_to_contain_text(["Running"])


def test_older_jobs_come_when_they_are_asked_for(page: Page, cloud: Cloud, user: ApiUser) -> None:
    pretend(cloud, wait_s=3600)
    upload = user.upload(b"a clip")
    source = {"width": 320, "height": 180, "frames": 1}
    made = [
        done(user.debit(task="export", upload_id=upload, source=source, params={}))["id"] for _ in range(43)
    ]
    page.goto("/#/jobs")
    more = page.get_by_role("button", name="Show older jobs")
    for shown in (20, 40):
        expect(rows(page)).to_have_count(shown)
        more.click()
    expect(rows(page)).to_have_count(43)
    expect(more).to_have_count(0)
    links = page.get_by_role("main").get_by_role("listitem").get_by_role("link").all()
    assert [link.get_attribute("href") for link in links] == [f"#/jobs/{job}" for job in reversed(made)]


def test_an_empty_list_leads_to_the_start(page: Page) -> None:
    page.goto("/#/jobs")
    page.get_by_role("link", name="Choose a video").click()
    expect(page).to_have_url(re.compile(r"/#/$"))


def test_a_list_that_fails_says_so_and_is_asked_for_again(page: Page, cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud)
    wait_for_end(user, start(user, "clip.mp4"))

    def refuse(route: Route) -> None:
        error = {"code": "bad_request", "message": "nothing <b>works</b>", "retryable": False}
        route.fulfill(status=400, json={"error": error})

    page.route("**/jobs", refuse)
    page.goto("/#/jobs")
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("The jobs could not be loaded.")
    expect(alert).to_contain_text("nothing <b>works</b>", ignore_case=True)
    page.unroute("**/jobs")
    alert.get_by_role("button", name="Try again").click()
    expect(rows(page)).to_have_count(1)
    expect(alert).to_have_count(0)
