"""Tests of the wallet's view: its amounts are those of the ledger, to the last micro-dollar."""

from __future__ import annotations

import re
import uuid
from decimal import Decimal

from playwright.sync_api import Locator, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import let_jobs_complete, pretend, wait_for_end
from tests.page.furnished import fail, start
from tools.cloud.client import ApiUser, done

MINUS = "\N{MINUS SIGN}"


def entry_rows(page: Page) -> Locator:
    return page.get_by_role("table", name="Entries").locator("tbody tr")


def micro_dollars(text: str) -> int:
    """Return the micro-dollars of an amount such as `+0.082361 $`."""
    found = re.fullmatch(rf"([+{MINUS}]?)(\d+\.\d+) \$", text)
    assert found, text
    return int(Decimal(found[2]) * 1_000_000) * (-1 if found[1] == MINUS else 1)


def exact(micro_dollars: int) -> str:
    """Return an amount in dollars with the digits that it needs, such as `0.082361`."""
    return f"{Decimal(micro_dollars) / 1_000_000:.6f}".rstrip("0")


def amounts(page: Page, column: int) -> list[int]:
    """Return a column of the table, the oldest first. All its amounts have the same number of decimals."""
    texts = [row.locator("td").nth(column).inner_text() for row in entry_rows(page).all()]
    assert len({len(text.partition(".")[2]) for text in texts}) == 1
    return [micro_dollars(text) for text in reversed(texts)]


def test_the_entries_are_those_of_the_ledger(page: Page, cloud: Cloud, user: ApiUser) -> None:
    let_jobs_complete(cloud, run_s=1.234)
    upscaled = start(user, "a.mp4")
    wait_for_end(user, upscaled)
    fail(cloud, "bad_media: damaged")
    wait_for_end(user, start(user, "b.mp4", "track"))
    refund = {"job": upscaled, "amount": 1, "note": "<b>sorry</b>"}
    done(cloud.admin("POST", "/admin/refunds", refund, {"Idempotency-Key": uuid.uuid4().hex}))
    pretend(cloud, wait_s=3600)
    waiting = start(user, "c.mp4", "export")

    page.goto("/#/wallet")
    expect(entry_rows(page)).to_have_count(9)
    ledger = cloud.sql("SELECT * FROM entries WHERE user_id = ? ORDER BY id", user.id)
    assert amounts(page, 0) == [entry["amount"] for entry in ledger]
    sums = [sum(entry["amount"] for entry in ledger[: count + 1]) for count in range(len(ledger))]
    assert amounts(page, 1) == sums

    words = [
        row.get_by_role("rowheader").inner_text().split("\n") for row in reversed(entry_rows(page).all())
    ]
    assert [(what, *detail.split(" · ")[1:]) for what, detail in words] == [
        ("Top-up",),
        ("Held for upscaling",),
        ("Released from upscaling", "completed"),
        ("Charged for upscaling", "completed"),
        ("Held for tracking",),
        ("Released from tracking", "failed"),
        ("Charged for tracking", "failed"),
        ("Refunded", "<b>sorry</b>"),
        ("Held for export",),
    ]
    assert page.locator("main b").count() == 0
    expect(entry_rows(page).nth(0).get_by_role("link")).to_have_attribute("href", f"#/jobs/{waiting}")
    expect(entry_rows(page).nth(1).get_by_role("link")).to_have_attribute("href", f"#/jobs/{upscaled}")

    wallet = done(user.get("/wallet"))
    held = page.get_by_role("main").locator("dd.total").nth(1)
    # The sums come with an answer of their own, which may be later than that of the entries.
    expect(held).to_have_attribute("title", re.compile(rf"^{re.escape(exact(wallet['held']))}"))
    assert micro_dollars(held.get_attribute("title") or "") == wallet["held"] > 0
    to_spend = page.get_by_role("main").locator("dd.total").nth(0)
    assert micro_dollars(to_spend.get_attribute("title") or "") == wallet["balance"] == sums[-1]
    # What is shown in cents is never more than there is.
    assert 0 <= wallet["balance"] - micro_dollars(to_spend.inner_text()) < 10_000


def test_older_entries_come_when_they_are_asked_for(page: Page, cloud: Cloud, user: ApiUser) -> None:
    for number in range(60):
        topup = {"user": user.name, "amount": 1000 + number}
        done(cloud.admin("POST", "/admin/topups", topup, {"Idempotency-Key": uuid.uuid4().hex}))
    page.goto("/#/wallet")
    expect(entry_rows(page)).to_have_count(50)
    page.get_by_role("button", name="Show older entries").click()
    expect(entry_rows(page)).to_have_count(61)
    assert amounts(page, 0) == [5_000_000, *range(1000, 1060)]
    assert amounts(page, 1)[0] == 5_000_000


def test_a_topup_appears_by_itself(page: Page, cloud: Cloud, user: ApiUser) -> None:
    page.goto("/#/wallet")
    expect(entry_rows(page)).to_have_count(1)
    topup = {"user": user.name, "amount": 2_500_000, "note": "cheque"}
    done(cloud.admin("POST", "/admin/topups", topup, {"Idempotency-Key": uuid.uuid4().hex}))
    expect(entry_rows(page)).to_have_count(2)
    expect(page.get_by_role("link", name="Wallet")).to_contain_text("7.50 $")
    expect(entry_rows(page).first).to_contain_text("+2.50 $")


def test_a_new_wallet_is_empty_and_says_how_it_is_filled(page: Page, cloud: Cloud) -> None:
    page.get_by_role("button", name="Sign out").click()
    page.get_by_label("API key").fill(cloud.new_user(dollars=0).key)
    page.keyboard.press("Enter")
    page.get_by_role("link", name="Wallet").click()
    expect(page.get_by_role("heading", name="The wallet is empty")).to_be_visible()
    expect(page.get_by_role("table")).to_have_count(0)
