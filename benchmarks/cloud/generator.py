"""Sends requests to the API on a schedule, as a process of its own that reads a plan and writes what it saw.

Requests start when the schedule says so, whether or not earlier ones have been answered (an open loop), and a
time is counted from the moment at which the request should have started. So a slow API gets no fewer
requests, and waiting behind others counts.

usage: python -m benchmarks.cloud.generator < PLAN > SAMPLES        (one JSON object each)
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
import uuid
from collections import deque
from typing import TYPE_CHECKING, Any

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

VIDEO = b"0123456789abcdef" * 64
TIMEOUT_S = 60.0
SOURCE = {"width": 1280, "height": 720, "fps": 30, "duration_sec": 10}
PARAMS: dict[str, dict[str, Any]] = {
    "upscale": {"scale": 2},
    "track": {"classes": ["person"]},
    "export": {"format": "mp4"},
}
MIX = {"status": 31, "upload": 3, "quote": 3, "debit": 3, "jobs": 3, "wallet": 3, "cancel": 1}
"""How often an action comes among 47 of them: a job is looked at ten times. An upload is two requests, so 47
actions are 50 requests to the API; the webhooks of the jobs come on top."""


class Generator:
    """Sends the requests of all users.

    Attributes:
        samples: a row for each request: route, status or the kind of error, milliseconds, round trips to D1.
    """

    def __init__(self, plan: dict[str, Any], session: aiohttp.ClientSession) -> None:
        self.samples: list[tuple[str, str, float, int | None]] = []
        self._plan = plan
        self._session = session
        self._random = random.Random(plan["seed"])
        self._quotes: deque[tuple[dict[str, Any], str]] = deque()
        self._jobs: deque[tuple[dict[str, Any], str]] = deque(
            ((user, job) for user in plan["users"] for job in user["jobs"]), maxlen=200
        )
        self._actions: dict[str, Callable[[dict[str, Any], float], Coroutine[Any, Any, None]]] = {
            "status": self._status,
            "upload": self._upload,
            "quote": self._quote,
            "debit": self._debit,
            "jobs": lambda user, due: self._read("GET /jobs", user, "/jobs", due),
            "wallet": lambda user, due: self._read("GET /wallet", user, "/wallet", due),
            "cancel": self._cancel,
        }

    async def run(self) -> float:
        """Send everything; return how late the last action started, in seconds."""
        names = [name for name, weight in self._plan["mix"].items() for _ in range(weight)]
        rate, seconds = (
            self._plan["rate"] * len(names) / (len(names) + names.count("upload")),
            self._plan["seconds"],
        )
        began = time.monotonic() + 0.1
        late_s = 0.0
        tasks: list[asyncio.Task[None]] = []
        order: list[str] = []
        for number in range(round(rate * seconds)):
            if not order:
                order = self._random.sample(names, len(names))
            due = began + number / rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            late_s = max(late_s, time.monotonic() - due)
            user = self._random.choice(self._plan["users"])
            tasks.append(asyncio.create_task(self._actions[order.pop()](user, due)))
        await asyncio.gather(*tasks)
        return late_s

    async def _status(self, _user: dict[str, Any], due: float) -> None:
        user, job = self._random.choice(self._jobs)
        await self._api("GET /status", user, "GET", f"/status/{job}", due)

    async def _cancel(self, _user: dict[str, Any], due: float) -> None:
        user, job = self._random.choice(self._jobs)
        await self._api("POST /cancel", user, "POST", f"/cancel/{job}", due)

    async def _read(self, route: str, user: dict[str, Any], path: str, due: float) -> None:
        await self._api(route, user, "GET", path, due)

    async def _quote(self, user: dict[str, Any], due: float) -> None:
        body = self._job(user)
        quote = await self._api("POST /quote", user, "POST", "/quote", due, body=body)
        if quote is not None:
            self._quotes.append((user, quote["id"]))

    async def _debit(self, user: dict[str, Any], due: float) -> None:
        """Start a job: every other time with a quote, if there is one."""
        body = self._job(user)
        if self._quotes and self._random.random() < 0.5:
            user, quote = self._quotes.popleft()
            body = {"quote_id": quote}
        key = {"Idempotency-Key": uuid.uuid4().hex}
        job = await self._api("POST /debit", user, "POST", "/debit", due, body=body, headers=key)
        if job is not None:
            self._jobs.append((user, job["id"]))

    async def _upload(self, user: dict[str, Any], due: float) -> None:
        """Upload a file: declare it, PUT it into the bucket, complete it."""
        declared = {"name": "clip.mp4", "content_type": "video/mp4", "bytes": len(VIDEO)}
        upload = await self._api("POST /uploads", user, "POST", "/uploads", due, body=declared)
        if upload is None:
            return
        put = await self._send(
            "PUT to the bucket", time.monotonic(), "PUT", upload["url"], data=VIDEO, headers=upload["headers"]
        )
        if put is None:
            return
        path = f"/uploads/{upload['id']}/complete"
        if await self._api("POST complete", user, "POST", path, time.monotonic()) is not None:
            user["uploads"].append(upload["id"])

    def _job(self, user: dict[str, Any]) -> dict[str, Any]:
        task = self._random.choice(list(PARAMS))
        upload = self._random.choice(user["uploads"])
        return {"task": task, "upload_id": upload, "params": PARAMS[task], "source": SOURCE}

    async def _api(
        self,
        route: str,
        user: dict[str, Any],
        method: str,
        path: str,
        due: float,
        *,
        body: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Any:
        """Send a request to the API; return the JSON of its answer, or None if it is an error."""
        credentials = {"Authorization": f"Bearer {user['key']}"}
        json_body = {} if body is None and method == "POST" else body
        return await self._send(
            route,
            due,
            method,
            self._plan["url"] + path,
            json=json_body,
            headers=credentials | (headers or {}),
        )

    async def _send(self, route: str, due: float, method: str, url: str, **more: Any) -> Any:
        trips, value = None, None
        try:
            async with self._session.request(method, url, **more) as answer:
                content = await answer.read()
                outcome = str(answer.status)
                trips = int(counted) if (counted := answer.headers.get("X-D1-Round-Trips")) else None
                if answer.ok:
                    value = json.loads(content) if answer.content_type == "application/json" else True
                elif answer.content_type == "application/json":
                    outcome += f" {json.loads(content)['error']['code']}"
        except (TimeoutError, aiohttp.ClientError) as error:
            outcome = type(error).__name__
        self.samples.append((route, outcome, (time.monotonic() - due) * 1000, trips))
        return value


async def main() -> None:
    """Read the plan, run it, write the samples."""
    plan = json.load(sys.stdin)
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0)) as session:
        generator = Generator(plan, session)
        began = time.monotonic()
        late_s = await generator.run()
        took_s = time.monotonic() - began
    used = time.process_time()
    json.dump({"samples": generator.samples, "late_s": late_s, "took_s": took_s, "cpu_s": used}, sys.stdout)


if __name__ == "__main__":
    asyncio.run(main())
