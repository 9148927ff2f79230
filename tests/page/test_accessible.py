"""Tests that every view can be used by keyboard and screen reader, on a phone, in light and dark."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.cloud.conftest import Cloud
from tests.page.conftest import WAIT_MS, sign_in
from tests.page.furnished import Furnished, furnish_with_results
from tests.page.page_checks import (
    axe_findings,
    count_layout_shifts,
    hidden_at_the_side,
    layout_shift,
    low_controls,
)

PHONE = {"width": 360, "height": 740}
DESK = {"width": 1280, "height": 800}


@pytest.fixture(scope="module")
def furnished(cloud: Cloud) -> Furnished:
    """A user with jobs in every state, and with results of every task."""
    return furnish_with_results(cloud, cloud.new_user(dollars=100))


def addresses(furnished: Furnished) -> dict[str, str]:
    """Return the fragments of all views, by their names."""
    jobs = {f"job, {state}": f"#/jobs/{job}" for state, job in furnished.jobs.items()}
    return jobs | {
        "start": "#/",
        "order": f"#/uploads/{furnished.upload}",
        "jobs": "#/jobs",
        "wallet": "#/wallet",
        "unknown": "#/nowhere",
        "no such job": f"#/jobs/job_{'0' * 32}",
        "no such upload": f"#/uploads/up_{'0' * 32}",
    }


def show(page: Page, fragment: str) -> None:
    """Show a view, and wait until all it needs has come."""
    page.goto(f"/{fragment}")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    expect(page.locator("main .skeleton")).to_have_count(0)


@pytest.fixture(params=["desk", "phone"])
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def new_context(
    cloud: Cloud, browser: Browser, size: str, scheme: Literal["light", "dark"]
) -> BrowserContext:
    """Open a browser profile with a window of a size, with a mouse or a finger."""
    context = browser.new_context(
        base_url=cloud.url,
        color_scheme=scheme,
        viewport=PHONE if size == "phone" else DESK,  # type: ignore[arg-type]
        has_touch=size == "phone",
        is_mobile=size == "phone",
        reduced_motion="reduce",
    )
    context.set_default_timeout(WAIT_MS)
    count_layout_shifts(context)
    return context


@pytest.fixture
def visitor(cloud: Cloud, browser: Browser, size: str, scheme: Literal["light", "dark"]) -> Iterator[Page]:
    """The page before anybody has signed in."""
    context = new_context(cloud, browser, size, scheme)
    page = context.new_page()
    page.goto("/")
    yield page
    context.close()


def test_views_have_no_serious_findings_and_fit_their_window(
    visitor: Page, furnished: Furnished, size: str
) -> None:
    page = visitor
    expect(page.get_by_label("API key")).to_be_visible()
    problems: dict[str, list[object]] = {"sign in": [*axe_findings(page), *wrong_sizes(page, size)]}
    sign_in(page, furnished.user)
    for name, fragment in addresses(furnished).items():
        show(page, fragment)
        problems[name] = [*axe_findings(page), *wrong_sizes(page, size)]
    show(page, f"#/uploads/{furnished.upload}")
    for task in ("Track", "Export"):
        page.get_by_role("radio", name=re.compile(task)).check()
        expect(page.locator("main .skeleton")).to_have_count(0)
        problems[f"order, {task}"] = [*axe_findings(page), *wrong_sizes(page, size)]
    problems = {name: found for name, found in problems.items() if found}
    assert not problems, json.dumps(problems, indent=1)


def wrong_sizes(page: Page, size: str) -> list[object]:
    """Return how far a view is too wide, and on a phone what is too low for a finger."""
    wide = hidden_at_the_side(page)
    return [f"{wide} px too wide"] * (wide > 0) + (low_controls(page) if size == "phone" else [])


@pytest.mark.parametrize("scheme", ["light"])
def test_nothing_jumps_while_a_view_loads(visitor: Page, furnished: Furnished) -> None:
    page = visitor
    sign_in(page, furnished.user)
    answer_late(page)
    shifts = {}
    for name, fragment in addresses(furnished).items():
        page.goto("about:blank")
        show(page, fragment)
        page.wait_for_timeout(300)
        shifts[name] = round(layout_shift(page), 3)
    # 0.1 counts as good (web.dev/articles/cls); what is left comes from names and pictures of unusual sizes.
    jumps = {name: shift for name, shift in shifts.items() if shift > 0.05}
    assert not jumps, str(jumps)


def answer_late(page: Page, latency_ms: int = 150) -> None:
    """Let each answer take a while longer, so that a view is seen while it loads."""
    conditions = {"offline": False, "latency": latency_ms, "downloadThroughput": -1, "uploadThroughput": -1}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", conditions)


@pytest.mark.parametrize(("scheme", "size"), [("dark", "desk")])
def test_nothing_moves_for_those_who_want_less_motion(visitor: Page, furnished: Furnished) -> None:
    sign_in(visitor, furnished.user)
    for fragment in ["#/jobs", f"#/jobs/{furnished.jobs['running']}"]:
        show(visitor, fragment)
        assert visitor.evaluate("document.getAnimations().map(({ animationName }) => animationName)") == []


def focused(page: Page) -> str:
    """Return the name of what has the focus; fail if the focus cannot be seen."""
    name, outline, width = page.evaluate(
        """() => {
          const element = document.activeElement;
          const all = [element, element.closest("label")].filter((e) => e !== null);
          const styles = all.flatMap((e) => [getComputedStyle(e), getComputedStyle(e, "::after")]);
          const seen = styles.find(({ outlineStyle }) => outlineStyle !== "none");
          const name = element.ariaLabel ?? element.innerText ?? element.name;
          return [name, seen?.outlineStyle, seen?.outlineWidth];
        }"""
    )
    assert (outline, width) == ("solid", "3px"), name
    return " ".join(str(name).split())


def test_the_keyboard_reaches_everything_in_its_order(page: Page, cloud: Cloud, furnished: Furnished) -> None:
    del cloud
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("API key")).to_be_focused()
    page.keyboard.type(furnished.user.key)
    page.keyboard.press("Enter")
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    page.get_by_role("link", name="Jobs", exact=True).click()
    expect(page.get_by_role("listitem")).to_have_count(len(furnished.jobs))
    page.reload()
    expect(page.get_by_role("listitem")).to_have_count(len(furnished.jobs))
    expect(page.get_by_role("link", name="Wallet")).to_contain_text("$")
    seen = []
    for _ in range(8):
        page.keyboard.press("Tab")
        seen.append(focused(page))
    balance = page.get_by_role("link", name="Wallet").inner_text().split()[-2]
    assert seen == [
        "Skip to the content",
        "Framewright, start",
        "New",
        "Jobs",
        f"Wallet {balance} $",
        "Sign out",
        "New job",
        "clip.mp4",
    ]
    page.keyboard.press("Enter")
    expect(page).to_have_url(f"{page.url.split('#')[0]}#/jobs/{furnished.jobs['tracked']}")


def test_the_first_control_skips_the_header(page: Page) -> None:
    page.goto("/#/wallet")
    page.reload()
    expect(page.get_by_role("table")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Skip to the content")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Wallet")).to_be_focused()
    page.evaluate("document.activeElement.blur()")
    expect(page.get_by_role("button", name="Skip to the content")).not_to_be_in_viewport()


def test_a_change_of_view_moves_the_focus_to_its_heading_and_names_the_tab(page: Page) -> None:
    for link, heading in [("Jobs", "Jobs"), ("Wallet", "Wallet")]:
        page.get_by_role("navigation").get_by_role("link", name=link).click()
        expect(page.get_by_role("heading", level=1, name=heading)).to_be_focused()
        expect(page).to_have_title(f"{heading} · Framewright")
        current = page.get_by_role("navigation").locator("[aria-current=page]")
        expect(current).to_have_count(1)
        expect(current).to_contain_text(link)
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_focused()
    expect(page).to_have_title("Jobs · Framewright")


def test_escape_closes_a_question_and_returns_the_focus(
    page: Page, cloud: Cloud, furnished: Furnished
) -> None:
    del cloud
    page.get_by_role("button", name="Sign out").click()
    sign_in(page, furnished.user)
    show(page, f"#/jobs/{furnished.jobs['running']}")
    cancel = page.get_by_role("button", name="Cancel")
    cancel.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_be_visible()
    for _ in range(5):
        page.keyboard.press("Tab")
        assert dialog.evaluate(
            "(dialog) => document.activeElement === document.body || dialog.contains(document.activeElement)"
        )
    assert axe_findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(cancel).to_be_focused()
    job = furnished.user.get(f"/status/{furnished.jobs['running']}").json()
    assert job["state"] == "running"
