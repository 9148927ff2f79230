"""Tests the ledger's tables and triggers: whatever is tried, in any order, no money appears or vanishes.

D1 is SQLite: the database is made from the migrations, with foreign keys enforced as D1 does.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import subprocess
import sys
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, initialize, invariant, rule

CLOUDFLARE = Path(__file__).resolve().parents[2] / "deploy" / "cloudflare"
FINAL = ("completed", "failed", "cancelled")
OPEN = ("submitting", "queued", "running", "cancelling")
KINDS = ("topup", "hold", "release", "capture", "refund")

MONEY = st.integers(0, 20_000_000)
ANY_AMOUNT = st.integers(-30_000_000, 30_000_000)


@cache
def image() -> bytes:
    """Return a database after all migrations."""
    with contextlib.closing(sqlite3.connect(":memory:")) as database:
        for migration in sorted((CLOUDFLARE / "migrations").glob("*.sql")):
            database.executescript(migration.read_text())
        return database.serialize()


def empty_database() -> sqlite3.Connection:
    """Return a new database in memory, after all migrations."""
    database = sqlite3.connect(":memory:", isolation_level=None)
    database.deserialize(image())
    database.execute("PRAGMA foreign_keys = ON")
    return database


def transaction(database: sqlite3.Connection, *statements: tuple[str, tuple[object, ...]]) -> str | None:
    """Run statements as D1's batch() does: all of them or none.

    Returns:
        None if they were done, else the message of the constraint that failed.
    """
    database.execute("BEGIN IMMEDIATE")
    try:
        for statement, values in statements:
            database.execute(statement, values)
    except sqlite3.Error as failure:
        database.execute("ROLLBACK")
        return str(failure)
    database.execute("COMMIT")
    return None


def entry(user: str, kind: str, amount: int, job: str | None = None) -> tuple[str, tuple[object, ...]]:
    insert = "INSERT INTO entries (user_id, kind, amount, job_id, created_at) VALUES (?, ?, ?, ?, 0)"
    return insert, (user, kind, amount, job)


def make_user(database: sqlite3.Connection, user: str) -> None:
    upload = "INSERT INTO uploads VALUES (?, ?, 'a', ?, 'video/mp4', 1, NULL, NULL, 'complete', 0, 0)"
    failure = transaction(
        database,
        ("INSERT INTO wallets (user_id) VALUES (?)", (user,)),
        ("INSERT INTO users VALUES (?, ?, 0)", (user, user)),
        (upload, (f"up_{user}", user, f"u/{user}/in/a.mp4")),
    )
    assert failure is None


def submission(job: str, user: str, hold: int, held: int) -> list[tuple[str, tuple[object, ...]]]:
    """Return the statements that take a job: its row, and an entry that holds `held`."""
    insert = (
        "INSERT INTO jobs (id, user_id, idempotency_key, body_sha256, upload_id, task, params, terms, hold, "
        "ttl_ms, output_key, state, created_at) "
        "VALUES (?, ?, ?, '', ?, 'upscale', '{}', '{}', ?, 1, '', 'submitting', 0)"
    )
    return [(insert, (job, user, job, f"up_{user}", hold)), entry(user, "hold", -held, job)]


def settlement(
    job: str, user: str, hold: int, charge: int, state: str
) -> list[tuple[str, tuple[object, ...]]]:
    """Return the statements that end a job."""
    end = "UPDATE jobs SET state = ?, charge = ?, ended_at = 1 WHERE id = ?"
    return [
        entry(user, "release", hold, job),
        entry(user, "capture", -charge, job),
        (end, (state, charge, job)),
    ]


@dataclass
class Job:
    """What the test knows of a job, from its own arithmetic."""

    id: str
    user: str
    hold: int
    charge: int | None = None
    refund: int | None = None


@dataclass
class Model:
    """What each wallet must hold."""

    balance: dict[str, int] = field(default_factory=dict)
    jobs: dict[str, Job] = field(default_factory=dict)

    def held(self, user: str) -> int:
        return sum(job.hold for job in self.jobs.values() if job.user == user and job.charge is None)


class Ledger(RuleBasedStateMachine):
    """Moves money as the API does, and tries what it never should."""

    users = Bundle("users")
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.database = empty_database()
        self.model = Model()
        self.entries: list[tuple[object, ...]] = []
        self.submitted = 0

    def teardown(self) -> None:
        self.database.close()

    @initialize(target=users, number=st.sampled_from([1, 2]))
    def start(self, number: int) -> str:
        for name in ("user_a", "user_b"):
            make_user(self.database, name)
            self.model.balance[name] = 0
        return f"user_{'ab'[number - 1]}"

    @rule(target=users, name=st.sampled_from(["user_a", "user_b"]))
    def other_user(self, name: str) -> str:
        return name

    @rule(user=users, amount=ANY_AMOUNT)
    def top_up(self, user: str, amount: int) -> None:
        failure = transaction(self.database, entry(user, "topup", amount))
        assert (failure is None) == (amount >= 0), failure
        if failure is None:
            self.model.balance[user] += amount

    @rule(target=jobs, user=users, hold=MONEY, off_by=st.sampled_from([0, 0, 0, 0, 1, -1]))
    def submit(self, user: str, hold: int, off_by: int) -> Job:
        self.submitted += 1
        job = Job(f"job_{self.submitted}", user, hold)
        failure = transaction(self.database, *submission(job.id, user, hold, hold + off_by))
        accepted = off_by == 0 and hold <= self.model.balance[user]
        assert (failure is None) == accepted, failure
        if accepted:
            self.model.balance[user] -= hold
            self.model.jobs[job.id] = job
        return job

    @rule(job=jobs, charge=MONEY, state=st.sampled_from(FINAL))
    def settle(self, job: Job, charge: int, state: str) -> None:
        known = self.model.jobs.get(job.id)
        failure = transaction(self.database, *settlement(job.id, job.user, job.hold, charge, state))
        accepted = known is job and job.charge is None and charge <= job.hold
        assert (failure is None) == accepted, failure
        if accepted:
            job.charge = charge
            self.model.balance[job.user] += job.hold - charge

    @rule(job=jobs, amount=MONEY)
    def refund(self, job: Job, amount: int) -> None:
        failure = transaction(self.database, entry(job.user, "refund", amount, job.id))
        accepted = (
            self.model.jobs.get(job.id) is job
            and job.charge is not None
            and job.refund is None
            and amount <= job.charge
        )
        assert (failure is None) == accepted, failure
        if accepted:
            job.refund = amount
            self.model.balance[job.user] += amount

    @rule(user=users, job=jobs, kind=st.sampled_from(KINDS), amount=ANY_AMOUNT)
    def entry_out_of_order(self, user: str, job: Job, kind: str, amount: int) -> None:
        """One entry by itself, followed by a statement that fails: the batch leaves nothing behind."""
        failure = transaction(
            self.database,
            entry(user, kind, amount, job.id),
            ("INSERT INTO wallets VALUES (NULL, 'x', 0)", ()),
        )
        assert failure is not None

    @rule(
        job=jobs, state=st.sampled_from(FINAL + OPEN), charge=st.none() | MONEY, ended=st.none() | st.just(7)
    )
    def end_without_settling(self, job: Job, state: str, charge: int | None, ended: int | None) -> None:
        """No job ends unless its money has moved, and an ended one stays as it is."""
        change = "UPDATE jobs SET state = ?, charge = ?, ended_at = ? WHERE id = ?"
        if self.model.jobs.get(job.id) is not job or (state in OPEN and ended is None and job.charge is None):
            return
        assert transaction(self.database, (change, (state, charge, ended, job.id))) is not None

    @rule(change=st.sampled_from(["UPDATE entries SET amount = amount + 1", "DELETE FROM entries"]))
    def rewrite_history(self, change: str) -> None:
        failure = transaction(self.database, (change, ()))
        assert (failure is not None) == bool(self.entries)

    @rule(job=consumes(jobs))
    def delete_job(self, job: Job) -> None:
        if self.model.jobs.get(job.id) is job:
            assert transaction(self.database, ("DELETE FROM jobs WHERE id = ?", (job.id,))) is not None

    @invariant()
    def wallets_are_right(self) -> None:
        found = {
            user: (balance, held)
            for user, balance, held in self.database.execute("SELECT user_id, balance, held FROM wallets")
        }
        assert found == {user: (self.model.balance[user], self.model.held(user)) for user in found}

    @invariant()
    def balance_is_the_sum(self) -> None:
        sums: dict[str, int] = {}
        for user, amount in self.database.execute("SELECT user_id, amount FROM entries"):
            sums[user] = sums.get(user, 0) + amount
        for user, balance in self.database.execute("SELECT user_id, balance FROM wallets"):
            assert balance == sums.get(user, 0) >= 0

    @invariant()
    def entries_only_grow(self) -> None:
        entries = list(self.database.execute("SELECT * FROM entries ORDER BY id"))
        assert entries[: len(self.entries)] == self.entries
        self.entries = entries

    @invariant()
    def jobs_are_right(self) -> None:
        for id_, hold, charge, ended in self.database.execute("SELECT id, hold, charge, ended_at FROM jobs"):
            job = self.model.jobs[id_]
            assert (hold, charge, ended is not None) == (job.hold, job.charge, job.charge is not None)


TestLedger = Ledger.TestCase
TestLedger.settings = settings(max_examples=300, stateful_step_count=40, deadline=None)


# Each breaks a sound ledger in one way, behind the back of the triggers.
CORRUPTIONS = {
    "UPDATE wallets SET balance = balance + 1 WHERE user_id = 'ada'": {
        ("the balance of a wallet is not the sum of its entries", "ada")
    },
    "UPDATE wallets SET held = held - 1 WHERE user_id = 'ada'": {
        ("held is not what the holds of unfinished jobs sum to", "ada")
    },
    "UPDATE jobs SET state = 'running' WHERE id = 'done'": {
        ("the state of a job and the time of its end do not fit", "done")
    },
    "UPDATE jobs SET charge = charge - 1 WHERE id = 'done'": {
        ("an ended job has no capture of its charge", "done")
    },
    "UPDATE entries SET amount = amount - 1 WHERE job_id = 'open' AND kind = 'hold'": {
        ("the balance of a wallet is not the sum of its entries", "ada"),
        ("a job has no hold, or another than its quote promised", "open"),
    },
    "DELETE FROM entries WHERE job_id = 'done' AND kind = 'release'": {
        ("the balance of a wallet is not the sum of its entries", "ada"),
        ("an ended job has no release of its whole hold", "done"),
    },
    "UPDATE entries SET kind = 'release' WHERE job_id = 'done' AND kind = 'refund'": {
        ("a job has two entries of one kind", "done")
    },
    "UPDATE entries SET job_id = 'open' WHERE job_id = 'done' AND kind = 'refund'": {
        ("a job that has not ended has a release or a capture", "open"),
        ("more was refunded than a job has cost", "open"),
    },
    "UPDATE entries SET amount = -1001 WHERE job_id = 'done' AND kind = 'capture'": {
        ("the balance of a wallet is not the sum of its entries", "ada"),
        ("a job costs more than its hold", "done"),
        ("an ended job has no capture of its charge", "done"),
    },
    "UPDATE entries SET amount = 701 WHERE job_id = 'done' AND kind = 'refund'": {
        ("the balance of a wallet is not the sum of its entries", "ada"),
        ("more was refunded than a job has cost", "done"),
    },
    "UPDATE entries SET user_id = 'nobody' WHERE id = 1": {
        ("the balance of a wallet is not the sum of its entries", "ada"),
        ("an entry belongs to no wallet", "1"),
    },
    "UPDATE jobs SET user_id = 'bob' WHERE id = 'free'": {
        ("an entry belongs to no job of its user", str(entry)) for entry in (7, 8, 9)
    },
    "UPDATE jobs SET is_film = 1 WHERE id = 'done'": {("a film costs more than its steps", "done")},
    """INSERT INTO film_steps (job_id, kind, number, state, upload_id, plan_hash, done_at, charge)
       VALUES ('done', 'segment', 3, 'done', 'up', 'plan', 1, 10),
         ('free', 'segment', 3, 'done', 'up', 'plan', 1, 20)""": {
        ("a piece of a film is paid for twice", "done")
    },
    "DELETE FROM users WHERE id = 'bob'": {("a wallet belongs to no user", "bob")},
    "DELETE FROM wallets WHERE user_id = 'bob'": {("a user has no wallet", "bob")},
    "UPDATE wallets SET balance = -1 WHERE user_id = 'bob'": {
        ("the balance of a wallet is negative", "bob"),
        ("the balance of a wallet is not the sum of its entries", "bob"),
    },
}


@pytest.fixture(scope="module")
def rules() -> list[str]:
    """The queries of the check that operators run, as the script prints them."""
    node = shutil.which("node", path=Path(sys.executable).parent)
    if node is None:
        pytest.skip("Node is not installed: run make cloud-env")
    script = CLOUDFLARE / "scripts" / "print_ledger_check.ts"
    printed = subprocess.run([node, script], stdout=subprocess.PIPE, text=True, timeout=60, check=True).stdout
    return [query for query in printed.split(";") if query.strip()]


def problems(database: sqlite3.Connection, rules: list[str]) -> set[tuple[str, str]]:
    return {(problem, str(subject)) for rule in rules for problem, subject in database.execute(rule)}


def ledger_with_jobs() -> sqlite3.Connection:
    """Return a sound ledger: ada has a job that runs, one that cost 700 of 1000, and one that was free."""
    database = empty_database()
    for user in ("ada", "bob"):
        make_user(database, user)
    batches = [
        [entry("ada", "topup", 10_000)],
        submission("open", "ada", 500, 500),
        submission("done", "ada", 1000, 1000),
        settlement("done", "ada", 1000, 700, "completed"),
        [entry("ada", "refund", 100, "done")],
        submission("free", "ada", 800, 800),
        settlement("free", "ada", 800, 0, "failed"),
    ]
    for batch in batches:
        assert transaction(database, *batch) is None
    return database


def test_the_check_finds_nothing_wrong_with_a_sound_ledger(rules: list[str]) -> None:
    with contextlib.closing(ledger_with_jobs()) as database:
        assert problems(database, rules) == set()


@pytest.mark.parametrize("corruption", CORRUPTIONS)
def test_the_check_names_what_is_wrong(rules: list[str], corruption: str) -> None:
    with contextlib.closing(ledger_with_jobs()) as database:
        database.execute("PRAGMA foreign_keys = OFF")
        database.execute("PRAGMA ignore_check_constraints = ON")
        for (trigger,) in database.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall():
            database.execute(f"DROP TRIGGER {trigger}")
        if "kind = 'release' WHERE" in corruption:
            drop_the_unique_constraint(database)
        if "film_steps" in corruption:
            with pytest.raises(sqlite3.IntegrityError, match=r"film_steps\.upload_id"):
                database.execute(corruption)
            database.execute("DROP INDEX paid_pieces")
        database.execute(corruption)
        found = problems(database, rules)
    assert found >= CORRUPTIONS[corruption], found


def test_every_rule_of_the_check_is_broken_by_a_corruption(rules: list[str]) -> None:
    broken = {problem for found in CORRUPTIONS.values() for problem, _ in found}
    assert {rule.split("'")[1] for rule in rules} == broken


def drop_the_unique_constraint(database: sqlite3.Connection) -> None:
    database.executescript(
        "CREATE TABLE copy AS SELECT * FROM entries; DROP TABLE entries; ALTER TABLE copy RENAME TO entries;"
    )
