"""Starts jobs, and recomputes from the rows of the database what each wallet must hold."""

from __future__ import annotations

import contextlib
import json
import sqlite3
import tomllib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import requests

from tools.cloud.client import ApiUser
from tools.stand_ins.runpod_faults import WebhookFault
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

if TYPE_CHECKING:
    from tests.cloud.conftest import Cloud

TRACKS = {"output": {"status": "completed", "tracks": []}}
"""The answer of a worker that has tracked a video: it is whole without an object in the bucket."""

FIVE_DOLLARS = 5_000_000
LOST_WEBHOOK = WebhookFault(copies=0)

SOURCE = {"width": 320, "height": 180, "frames": 100}
TABLE = tomllib.loads((Path(__file__).parents[2] / "orchestrator" / "cost" / "table.toml").read_text())
TIME_LIMIT_S = int(TABLE["quotes"]["min_timeout_s"]["value"])
"""The time limit of a job on SOURCE."""

HOLD = TIME_LIMIT_S * 325
"""What it holds: 0.00025 dollars a second and 30 % more, for all of that time."""

TTL_S = TIME_LIMIT_S + 3600
"""How long RunPod may take for it: its time limit and the longest time in the queue."""


def pretend(cloud: Cloud, **values: Any) -> None:
    """Let the next jobs go like this; by default they complete at once."""
    pretence = Pretence(**({"answer": TRACKS} | values))
    cloud.runpod.pretend = lambda _job: pretence


def debit(user: ApiUser, upload: str, key: str | None = None, **params: Any) -> requests.Response:
    """Ask for a job, with a new key unless one is given."""
    body = {"task": "track", "upload_id": upload, "params": params, "source": SOURCE}
    return user.debit(key, **body)


def start(user: ApiUser, upload: str, key: str | None = None) -> str:
    """Start a job; return its id."""
    response = debit(user, upload, key)
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def job_of(run: Job) -> str:
    """Return the API's id of a job at RunPod, from its webhook: .../webhook/JOB/MAC."""
    return str(run.webhook).split("/")[-2]


def runs_of(cloud: Cloud, job: str) -> list[Job]:
    """Return the jobs that RunPod accepted for a job of the API."""
    return [run for run in list(cloud.runpod.jobs.values()) if job_of(run) == job]


def run_of(cloud: Cloud, job: str) -> Job:
    (run,) = runs_of(cloud, job)
    return run


def row_of(cloud: Cloud, job: str) -> dict[str, Any]:
    (row,) = cloud.sql("SELECT * FROM jobs WHERE id = ?", job)
    return row


def wallet(cloud: Cloud, user: ApiUser) -> tuple[int, int]:
    """Return the balance and what is held."""
    (row,) = cloud.sql("SELECT balance, held FROM wallets WHERE user_id = ?", user.id)
    return row["balance"], row["held"]


def price_of(ms: float, row: dict[str, Any]) -> int:
    """Return what a run of this time costs: a part of a micro-dollar counts as one, up to the hold."""
    price, hold = int(json.loads(row["terms"])["price_per_s"]), int(row["hold"])
    return min(hold, ceil(Fraction(ms) * price / 1000))


def write(cloud: Cloud, statement: str, *values: object) -> None:
    """Change the database beside the API, which must be idle."""
    with contextlib.closing(sqlite3.connect(cloud.api.database, timeout=30)) as connection, connection:
        connection.execute(statement, values)


def make_older(cloud: Cloud, jobs: Iterable[str], seconds: float) -> None:
    """Let these jobs have been created, and asked about, so much earlier."""
    for job in jobs:
        statement = "UPDATE jobs SET created_at = created_at - ?, polled_at = 0 WHERE id = ?"
        write(cloud, statement, round(seconds * 1000), job)


def sweep(cloud: Cloud, jobs: Iterable[str] = ()) -> None:
    """Let the cron event happen, though these jobs were asked about within the last second."""
    for job in jobs:
        write(cloud, "UPDATE jobs SET polled_at = 0 WHERE id = ?", job)
    assert cloud.cron().ok


def problems(cloud: Cloud) -> list[str]:
    """Return what is wrong with the money of all users, by rules that are written down here once more."""
    jobs, entries, wallets = _snapshot(cloud, "jobs", "entries", "wallets")
    balance: Counter[str] = Counter()
    of_job: dict[str, list[tuple[str, int]]] = {row["id"]: [] for row in jobs}
    wrong = []
    for entry in entries:
        balance[entry["user_id"]] += entry["amount"]
        if balance[entry["user_id"]] < 0:
            wrong.append(f"{entry['user_id']}: the balance was negative at entry {entry['id']}")
        if entry["job_id"] is not None:
            of_job[entry["job_id"]].append((entry["kind"], entry["amount"]))
    held: Counter[str] = Counter()
    for row in jobs:
        wrong += _problems_of_job(row, of_job[row["id"]])
        held[row["user_id"]] += row["hold"] if row["ended_at"] is None else 0
    for row in wallets:
        name = row["user_id"]
        if (row["balance"], row["held"]) != (balance[name], held[name]):
            wrong.append(f"{name}: {row} in place of {balance[name]} and {held[name]}")
    return wrong


def _snapshot(cloud: Cloud, *tables: str) -> list[list[dict[str, Any]]]:
    """Return the rows of tables as they are at one moment, though jobs may end meanwhile."""
    uri = f"file:{cloud.api.database}?mode=ro"
    with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("BEGIN")
        return [
            [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY rowid")]  # noqa: S608
            for table in tables
        ]


def _problems_of_job(row: dict[str, Any], entries: list[tuple[str, int]]) -> list[str]:
    expected = [("hold", -row["hold"])]
    if row["state"] in {"completed", "failed", "cancelled"}:
        expected += [("release", row["hold"]), ("capture", -row["charge"])]
        if not 0 <= row["charge"] <= row["hold"]:
            return [f"{row['id']}: the charge {row['charge']} is not between 0 and {row['hold']}"]
    if entries[: len(expected)] != expected or {kind for kind, _ in entries[len(expected) :]} - {"refund"}:
        return [f"{row['id']}, {row['state']}: {entries} in place of {expected}"]
    return []


def unsettled(cloud: Cloud, user: ApiUser) -> list[str]:
    """Return the jobs of a user that have not ended."""
    return [
        row["id"] for row in cloud.sql("SELECT id FROM jobs WHERE ended_at IS NULL AND user_id = ?", user.id)
    ]


def at_once(count: int, *actions: Callable[[], Any]) -> list[Any]:
    """Run each action so many times, all at the same time; return what they returned."""
    with ThreadPoolExecutor(count * len(actions)) as threads:
        futures = [threads.submit(action) for _ in range(count) for action in actions]
        return [future.result() for future in futures]


def status_counts(responses: list[requests.Response]) -> Counter[int]:
    return Counter(response.status_code for response in responses)


def wait_until_ended(cloud: Cloud, job: str) -> None:
    """Wait until a job has ended at RunPod."""
    cloud.runpod.wait(lambda: run_of(cloud, job).is_final)


def assert_settled(cloud: Cloud, job: str, state: str, charge: int) -> None:
    """Check how a job was settled."""
    row = row_of(cloud, job)
    assert (row["state"], row["charge"]) == (state, charge), row
    assert row["ended_at"] is not None


def wait_for_webhook(cloud: Cloud, job: str) -> None:
    """Wait until a webhook of a job was answered with 200."""
    cloud.runpod.wait(lambda: any(delivery.status == 200 for delivery in run_of(cloud, job).deliveries))


def assert_settled_by_webhook(cloud: Cloud, job: str) -> None:
    wait_for_webhook(cloud, job)
    run = run_of(cloud, job)
    assert run.execution_ms is not None
    assert_settled(cloud, job, "completed", price_of(run.execution_ms, row_of(cloud, job)))
