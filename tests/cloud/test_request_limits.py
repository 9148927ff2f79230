"""Tests that a user who calls too often must wait: with a low limit, as a test cannot reach the real one."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests

from tools.cloud.client import Operator
from tools.cloud.ports import free_port
from tools.cloud.wrangler_dev import PROJECT, NodeMissing, WranglerDev

LIMIT = 5


def configuration() -> dict[str, Any]:
    """Return wrangler.jsonc, whose comments stand on lines of their own."""
    text = re.sub(r"^\s*//.*$", "", (PROJECT / "wrangler.jsonc").read_text(), flags=re.MULTILINE)
    return dict(json.loads(text))


def limits(configured: dict[str, Any]) -> dict[str, dict[str, int]]:
    return {limit["name"]: limit["simple"] for limit in configured["ratelimits"]}


class LowLimit(WranglerDev):
    """The API with a limit of LIMIT requests a user in 60 s."""

    @property
    def _configuration(self) -> Path:
        configured = configuration()
        limits(configured)["USER_LIMIT"] |= {"limit": LIMIT, "period": 60}
        configured["main"] = str(PROJECT / configured["main"])
        configured["assets"]["directory"] = str(PROJECT / configured["assets"]["directory"])
        configured["d1_databases"][0]["migrations_dir"] = str(PROJECT / "migrations")
        path = self.folder / "wrangler.json"
        path.write_text(json.dumps(configured))
        return path


@pytest.fixture
def operator(tmp_path: Path) -> Iterator[Operator]:
    """The operator of an API of its own, with a low limit."""
    token = secrets.token_hex(32)
    try:
        api = LowLimit(
            tmp_path,
            port=free_port(),
            variables={},
            secrets={"ADMIN_TOKEN": token},
            log_path=tmp_path / "api.log",
        )
    except NodeMissing as missing:
        pytest.skip(str(missing))
    api.start()
    yield Operator(api.url, token)
    api.stop()


def test_a_user_who_calls_too_often_must_wait(operator: Operator) -> None:
    eager, calm = (operator.new_user(name, 0) for name in ("eager", "calm"))
    answers = [eager.get("/wallet") for _ in range(3 * LIMIT)]
    # A period may end while the test runs.
    assert LIMIT <= sum(answer.ok for answer in answers) <= 2 * LIMIT
    refused = next(answer for answer in answers if not answer.ok)
    assert refused.status_code == 429
    assert refused.headers["Retry-After"] == "10"
    assert refused.json()["error"] == {
        "code": "too_many_requests",
        "message": "too many requests: wait and try again",
        "retryable": True,
    }
    assert calm.get("/wallet").ok, "the limit is each user's own"
    assert eager.get("/status/job_0").status_code == 404, "looks at jobs have a limit of their own"
    login = requests.post(f"{operator.url}/session", json={"key": eager.key}, timeout=60)
    assert login.status_code == 429


def test_a_thousand_looks_at_a_job_stay_within_the_limit() -> None:
    assert limits(configuration()) == {
        "USER_LIMIT": {"limit": 3000, "period": 10},
        "STATUS_LIMIT": {"limit": 20_000, "period": 10},
        "FAILED_AUTH_LIMIT": {"limit": 100, "period": 60},
    }
