"""Starts many jobs at once while RunPod errs at random and workerd is killed; then checks all money.

Every request is repeated until it gets a clear answer, as a good client does, with the same Idempotency-Key.
"""

from __future__ import annotations

import contextlib
import json
import random
import sqlite3
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import requests

from tests.cloud import money
from tests.cloud.conftest import Cloud
from tools.cloud.client import ApiUser
from tools.stand_ins import runpod_faults as faults
from tools.stand_ins.runpod_faults import Fault, Route, WebhookFault
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

ANSWERS: tuple[dict[str, Any], ...] = (
    money.TRACKS,
    {"error": "bad_media: this is no video", "output": {"code": "bad_media"}},
    {"error": "job_crashed: it crashed", "output": {"code": "job_crashed"}},
)
THREADS = 24
CLIENT_S = 240
"""How long a client repeats a request."""

REQUEST_S = 5
"""How long it waits for an answer: wrangler never answers some of the requests that a kill interrupts."""


class Storm:
    """Jobs of several users, one of whom has money for three jobs at a time.

    Attributes:
        users: the users.
        jobs: the ids of the jobs that each key has brought, in order.
        unpaid: the jobs that RunPod accepted without a hold in the database.
        kills: how many times workerd was killed.
    """

    def __init__(self, cloud: Cloud, seed: int) -> None:
        self.cloud = cloud
        self.users = [cloud.new_user(5), cloud.new_user(5), cloud.new_user(3.5 * money.HOLD / 1e6)]
        self.jobs: dict[str, list[str]] = {}
        self.unpaid: list[str] = []
        self.kills = 0
        self._uploads = {user.id: user.upload(b"a video") for user in self.users}
        self._random = random.Random(seed)
        self._lock = threading.Lock()
        self._asked = threading.Event()
        cloud.runpod.pretend = self._pretend
        cloud.runpod.faults.choose = self._fault
        cloud.runpod.faults.choose_webhook = self._webhook_fault

    def rage(self, count: int, kills: int = 0) -> None:
        """Start so many jobs, evenly spread over so many kills."""
        stop = threading.Event()
        with ThreadPoolExecutor(THREADS + 2) as threads:
            killer = threads.submit(self._kill, kills, stop)
            sweeper = threads.submit(self._sweep, stop)
            clients = [
                threads.submit(self._client, number, number * kills // count, stop) for number in range(count)
            ]
            try:
                for client in clients:
                    client.result()
                killer.result()
            finally:
                stop.set()
            sweeper.result()

    def calm(self) -> list[str]:
        """Let RunPod's jobs end without faults, sweep, and let what is left outlive its ttl.

        Returns:
            The jobs that the sweep did not settle though RunPod's id of them is known.
        """
        cloud, runpod = self.cloud, self.cloud.runpod
        runpod.faults.clear()
        runs = [run for job in self.rows for run in money.runs_of(cloud, job)]
        runpod.clock.advance(60)
        runpod.wait(lambda: all(run.is_final and not run.webhooks_to_come for run in runs), 120)
        money.sweep(cloud, self.unsettled)
        money.sweep(cloud, self.unsettled)
        rest = self.unsettled
        known = [job for job in rest if money.row_of(cloud, job)["runpod_id"] is not None]
        money.make_older(cloud, rest, money.TTL_S + 120)
        money.sweep(cloud)
        return known

    @property
    def rows(self) -> dict[str, dict[str, Any]]:
        """The rows of all jobs of these users, by id."""
        query = "SELECT * FROM jobs WHERE user_id = ?"
        return {row["id"]: row for user in self.users for row in self.cloud.sql(query, user.id)}

    @property
    def unsettled(self) -> list[str]:
        return [job for user in self.users for job in money.unsettled(self.cloud, user)]

    def problems(self) -> list[str]:
        """Return what is wrong with these jobs, compared with RunPod's record of them."""
        rows = self.rows
        wrong = [f"{job} ran without a hold" for job in self.unpaid]
        wrong += [f"{job} is {row['state']}" for job, row in rows.items() if row["ended_at"] is None]
        for row in rows.values():
            runs = money.runs_of(self.cloud, row["id"])
            expected = _expected(row, runs[0] if runs else None)
            if len(runs) > 1:
                wrong.append(f"{row['id']} was sent to RunPod {len(runs)} times")
            if (row["state"], row["charge"]) not in expected:
                wrong.append(f"{row['id']}: {row['state']} for {row['charge']} in place of {expected}")
        for key, jobs in self.jobs.items():
            live = {job for job in jobs if rows[job]["idempotency_key"] is not None}
            if live - set(jobs[-1:]):
                wrong.append(f"the key {key} brought {jobs}, of which {live} live")
        return wrong

    def _chance(self) -> float:
        with self._lock:
            return self._random.random()

    def _pretend(self, run: Job) -> Pretence:
        self._note_hold(money.job_of(run))
        with self._lock:
            answer = self._random.choices(ANSWERS, (6, 2, 2))[0]
            return Pretence(
                wait_s=self._random.choice((0, 0.3)), run_s=self._random.uniform(0, 1), answer=answer
            )

    def _note_hold(self, job: str) -> None:
        """Look for the hold of a job at the moment in which RunPod accepts it."""
        uri = f"file:{self.cloud.api.database}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=30)) as database:
            query = "SELECT COUNT(*) FROM entries WHERE job_id = ? AND kind = 'hold'"
            if database.execute(query, (job,)).fetchone() != (1,):
                self.unpaid.append(job)

    def _fault(self, route: Route, _run: str) -> Fault | None:
        self._asked.set()
        chance = self._chance()
        if route == "run":
            kinds = [faults.refusal(429), faults.refusal(500), faults.lost_answer(), faults.silence()]
            return kinds[int(chance * 20)] if chance < 0.2 else faults.late_answer(chance * 0.2)
        return faults.refusal(500) if chance < 0.1 else None

    def _webhook_fault(self, _run: str) -> WebhookFault | None:
        chance = self._chance()
        return WebhookFault(copies=0) if chance < 0.2 else WebhookFault(copies=2) if chance < 0.4 else None

    def _client(self, number: int, after_kills: int, stop: threading.Event) -> None:
        while self.kills < after_kills:
            if stop.wait(0.02):
                return
        user, key = self.users[number % len(self.users)], uuid.uuid4().hex
        body = {
            "task": "track",
            "upload_id": self._uploads[user.id],
            "params": {},
            "source": money.SOURCE,
        }
        self.jobs[key] = []
        job = self._start(user, body, key)
        if job is not None and self._chance() < 0.3:
            time.sleep(self._chance())
            self._clear(user, "POST", f"/cancel/{job}")
        elif job is not None and self._chance() < 0.5:
            self._clear(user, "GET", f"/status/{job}")

    def _start(self, user: ApiUser, body: dict[str, Any], key: str) -> str | None:
        deadline = time.monotonic() + CLIENT_S
        while time.monotonic() < deadline:
            response = self._clear(user, "POST", "/debit", body, key)
            if response.status_code == 402:
                return None
            if response.ok:
                job = str(response.json()["id"])
                if job not in self.jobs[key]:
                    self.jobs[key].append(job)
                if response.json()["state"] != "failed" or response.status_code == 200:
                    return job
            time.sleep(0.1)
        raise AssertionError(f"no clear answer within {CLIENT_S} s: {response.status_code} {response.text}")

    def _clear(
        self, user: ApiUser, method: str, path: str, body: Any = None, key: str = ""
    ) -> requests.Response:
        """Repeat a request until the API answers it, and not with an error of its own."""
        headers = {**user.authorization, "Idempotency-Key": key}
        deadline = time.monotonic() + CLIENT_S
        while True:
            with contextlib.suppress(requests.RequestException):
                response = requests.request(
                    method, self.cloud.url + path, json=body, headers=headers, timeout=REQUEST_S
                )
                if response.status_code < 500 or _is_refusal(response):
                    return response
            assert time.monotonic() < deadline, f"no answer within {CLIENT_S} s"
            time.sleep(0.05 + 0.1 * self._chance())

    def _kill(self, kills: int, stop: threading.Event) -> None:
        """Kill workerd at random moments, half of them just when it has asked RunPod something."""
        try:
            while self.kills < kills and not stop.is_set():
                if self._chance() < 0.5:
                    self._asked.clear()
                    self._asked.wait(1)
                    time.sleep(self._chance() * 0.02)
                else:
                    time.sleep(self._chance() * 0.8)
                self.cloud.kill()
                self.kills += 1
        except BaseException:
            stop.set()  # the clients wait for kills that would never come
            raise

    def _sweep(self, stop: threading.Event) -> None:
        while not stop.wait(1 + self._chance()):
            with contextlib.suppress(requests.RequestException):
                self.cloud.cron()


def _is_refusal(response: requests.Response) -> bool:
    with contextlib.suppress(ValueError):
        return bool(response.json()["error"]["code"] == "no_worker_available")
    return False


def _expected(row: dict[str, Any], run: Job | None) -> set[tuple[str, int]]:
    """Return the states and charges that a job may have, by RunPod's record of its run."""
    error = json.loads(row["error"] or "{}")
    lost = ("cancelled" if row["cancel_requested_at"] else "failed", 0)
    if run is None:
        return {lost, ("failed", 0)}  # refused, or never heard of
    price = money.price_of(run.execution_ms or 0, row)
    ends = {"COMPLETED": ("completed", price), "CANCELLED": ("cancelled", price)}
    is_the_callers = run.answer.get("output", {}).get("code") == "bad_media"
    end = ends.get(run.state, ("failed", price if is_the_callers else 0))
    was_told = row["runpod_id"] is not None or any(delivery.status == 200 for delivery in run.deliveries)
    if was_told or error.get("code") == "submission_refused":
        return {end}
    return {end, lost}
