"""Tests the routes of the operator (keys, top-ups, refunds, the check of the ledger), and the wallet."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from tests.cloud.conftest import Cloud
from tests.cloud.money import pretend, start, write
from tools.cloud.client import ApiUser, done


def top_up(cloud: Cloud, user: str, amount: Any, key: str | None = None, **more: Any) -> requests.Response:
    headers = {"Idempotency-Key": key or uuid.uuid4().hex}
    return cloud.admin("POST", "/admin/topups", {"user": user, "amount": amount} | more, headers)


def pages(user: ApiUser, limit: int) -> list[list[dict[str, Any]]]:
    """Return the wallet's entries, page by page."""
    found, cursor = [], ""
    while True:
        page = done(user.get(f"/wallet?limit={limit}{cursor}"))
        found.append(page["entries"])
        if page["next"] is None:
            return found
        cursor = f"&cursor={page['next']}"


def job_that_cost(cloud: Cloud, user: ApiUser, charge: int) -> str:
    """Put a job that has ended, and what it cost, into the database; return its id."""
    job, upload = f"job_{uuid.uuid4().hex}", f"up_{uuid.uuid4().hex}"
    write(
        cloud,
        "INSERT INTO uploads (id, user_id, name, object_key, content_type, bytes, state, created_at, "
        "completed_at) VALUES (?, ?, 'a.mp4', ?, 'video/mp4', 1, 'complete', 0, 0)",
        *(upload, user.id, upload),
    )
    write(
        cloud,
        "INSERT INTO jobs (id, user_id, body_sha256, upload_id, task, params, terms, hold, ttl_ms, "
        "output_key, state, created_at) "
        "VALUES (?, ?, '', ?, 'upscale', '{}', '{}', ?, 1, '', 'running', 0)",
        *(job, user.id, upload, charge + 1),
    )
    for kind, amount in (("hold", -charge - 1), ("release", charge + 1), ("capture", -charge)):
        write(
            cloud,
            "INSERT INTO entries (user_id, kind, amount, job_id, created_at) VALUES (?, ?, ?, ?, 0)",
            *(user.id, kind, amount, job),
        )
    write(cloud, "UPDATE jobs SET state = 'completed', charge = ?, ended_at = 0 WHERE id = ?", charge, job)
    return job


def test_a_key_is_shown_once_and_opens_the_wallet(cloud: Cloud) -> None:
    name = f"user-{uuid.uuid4().hex}"
    made = done(cloud.admin("POST", "/admin/keys", {"user": name, "label": "laptop"}))
    second = done(cloud.admin("POST", "/admin/keys", {"user": name}))
    assert made["user"] == second["user"]
    assert made["key"] != second["key"]
    listed = done(cloud.admin("GET", f"/admin/keys?user={name}"))
    assert {key["id"]: key["label"] for key in listed["keys"]} == {made["id"]: "laptop", second["id"]: ""}
    assert made["key"].split("_")[3] not in str(listed)
    for key in (made["key"], second["key"]):
        wallet = done(ApiUser(cloud.url, name=name, user_id="", key=key).get("/wallet"))
        assert wallet == {"balance": 0, "held": 0, "entries": [], "next": None}


def test_fifty_keys_for_a_new_user_make_one_user(cloud: Cloud) -> None:
    name = f"user-{uuid.uuid4().hex}"
    with ThreadPoolExecutor(10) as pool:
        made = list(pool.map(lambda _: done(cloud.admin("POST", "/admin/keys", {"user": name})), range(50)))
    assert len({key["key"] for key in made}) == 50
    assert len({key["user"]["id"] for key in made}) == 1
    assert cloud.sql("SELECT COUNT(*) AS n FROM users WHERE name = ?", name) == [{"n": 1}]


@pytest.mark.parametrize(
    "name", ["", "a b", "a\n", "\u00e4", "a" * 101, "-a", "'; DROP TABLE users; --", None, 1, ["a"]]
)
def test_an_odd_user_name_is_refused(cloud: Cloud, name: object) -> None:
    answer = cloud.admin("POST", "/admin/keys", {"user": name})
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("user: ")


def test_fifty_top_ups_with_one_key_are_one(cloud: Cloud) -> None:
    user, key = cloud.new_user(0), uuid.uuid4().hex
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: top_up(cloud, user.name, 1_000_000, key), range(50)))
    assert sorted(answer.status_code for answer in answers) == [200] * 49 + [201]
    assert len({answer.text for answer in answers}) == 1
    wallet = done(user.get("/wallet"))
    assert wallet["balance"] == 1_000_000
    assert wallet["entries"] == [answers[0].json()]


def test_a_key_of_a_top_up_belongs_to_its_body(cloud: Cloud) -> None:
    user, other, key = cloud.new_user(0), cloud.new_user(0), uuid.uuid4().hex
    assert top_up(cloud, user.name, 7, key, note="gift").status_code == 201
    for answer in (
        top_up(cloud, user.name, 8, key, note="gift"),
        top_up(cloud, user.name, 7, key),
        top_up(cloud, other.name, 7, key, note="gift"),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (422, "idempotency_key_reused")
    assert top_up(cloud, user.name, 7, key, note="gift").status_code == 200
    assert [done(one.get("/wallet"))["balance"] for one in (user, other)] == [7, 0]


@pytest.mark.parametrize("amount", [0, -1, 10_000_000_001, 1.5, "5", True, None, 2**63, -(2**63)])
def test_an_amount_is_a_whole_number_in_its_range(cloud: Cloud, user: ApiUser, amount: object) -> None:
    answer = top_up(cloud, user.name, amount)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("amount: ")
    assert done(user.get("/wallet"))["balance"] == 5_000_000


@pytest.mark.parametrize("key", [None, "", "a b", "a,b", "\u00e4", "a" * 201])
def test_a_top_up_needs_a_key_of_one_form(cloud: Cloud, user: ApiUser, key: str | None) -> None:
    headers: dict[str, Any] = {} if key is None else {"Idempotency-Key": key.encode()}
    answer = cloud.admin("POST", "/admin/topups", {"user": user.name, "amount": 1}, headers)
    assert answer.status_code == 400
    assert "idempotency-key" in answer.json()["error"]["message"].lower()


def test_a_top_up_for_nobody_is_refused(cloud: Cloud) -> None:
    assert top_up(cloud, f"user-{uuid.uuid4().hex}", 1).status_code == 404


def test_amounts_at_the_ends_of_the_range_are_exact(cloud: Cloud) -> None:
    user = cloud.new_user(0)
    for amount in (1, 10_000_000_000):
        assert done(top_up(cloud, user.name, amount))["amount"] == amount
    assert done(user.get("/wallet"))["balance"] == 10_000_000_001


def test_a_refund_is_made_once_and_at_most_what_a_job_cost(cloud: Cloud, user: ApiUser) -> None:
    job = job_that_cost(cloud, user, 700)

    def refund(amount: int, note: str = "sorry") -> requests.Response:
        return cloud.admin("POST", "/admin/refunds", {"job": job, "amount": amount, "note": note})

    too_much = refund(701)
    assert (too_much.status_code, too_much.json()["error"]["code"]) == (422, "refund_too_large")
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: refund(300), range(30)))
    assert sorted(answer.status_code for answer in answers) == [200] * 29 + [201]
    other = refund(200)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "already_refunded")
    wallet = done(user.get("/wallet"))
    assert wallet["balance"] == 5_000_000 - 700 + 300
    assert (wallet["entries"][0]["kind"], wallet["entries"][0]["job_id"]) == ("refund", job)


def test_a_refund_waits_for_the_end_of_the_job(cloud: Cloud, user: ApiUser) -> None:
    pretend(cloud, run_s=3600)
    job = start(user, user.upload(b"1234"))
    answer = cloud.admin("POST", "/admin/refunds", {"job": job, "amount": 1})
    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "job_not_ended")
    assert done(user.post(f"/cancel/{job}"))["state"] == "cancelled"


def test_a_refund_of_no_job_is_refused(cloud: Cloud) -> None:
    answer = cloud.admin("POST", "/admin/refunds", {"job": "job_" + "0" * 32, "amount": 1})
    assert answer.status_code == 404
    assert cloud.admin("POST", "/admin/refunds", {"job": "x", "amount": 1}).status_code == 400


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 200])
def test_the_pages_of_a_wallet_have_each_entry_once_the_newest_first(cloud: Cloud, limit: int) -> None:
    user, other = cloud.new_user(0), cloud.new_user(0)
    for amount in range(1, 7):
        done(top_up(cloud, user.name, amount, note=f"number {amount}"))
        done(top_up(cloud, other.name, amount))
    found = pages(user, limit)
    assert [len(page) for page in found] == [limit] * (6 // limit) + ([6 % limit] if 6 % limit else [])
    entries = [entry for page in found for entry in page]
    assert [entry["amount"] for entry in entries] == [6, 5, 4, 3, 2, 1]
    assert [entry["note"] for entry in entries] == [f"number {amount}" for amount in (6, 5, 4, 3, 2, 1)]
    assert set(entries[0]) == {"id", "kind", "amount", "job_id", "note", "created_at"}


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=1e1",
        "limit=%2B5",
        "limit=",
        "limit=1&limit=2",
        "cursor=0",
        "cursor=-1",
        "cursor=1%20OR%201",
        "cursor=" + "9" * 20,
        "page=2",
    ],
)
def test_a_malformed_page_of_the_wallet_is_refused(user: ApiUser, query: str) -> None:
    assert user.get(f"/wallet?{query}").status_code == 400


def test_the_ledger_is_sound_and_the_check_finds_a_micro_dollar(cloud: Cloud, user: ApiUser) -> None:
    check = done(cloud.admin("GET", "/admin/ledger/check"))
    assert check["ok"], check["problems"]
    (count,) = cloud.sql("SELECT COUNT(*) AS n FROM entries")
    assert check["entries"] <= count["n"]
    change_balance(cloud, user, 1)
    try:
        check = done(cloud.admin("GET", "/admin/ledger/check"))
    finally:
        change_balance(cloud, user, -1)
    problem = {"problem": "the balance of a wallet is not the sum of its entries", "subject": user.id}
    assert (check["ok"], check["problems"]) == (False, [problem])


def change_balance(cloud: Cloud, user: ApiUser, by: int) -> None:
    write(cloud, "UPDATE wallets SET balance = balance + ? WHERE user_id = ?", by, user.id)
