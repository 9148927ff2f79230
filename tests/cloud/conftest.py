"""Fixtures: the API under `wrangler dev` with a bucket and RunPod's API on loopback, and users with money."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from tests.cloud import money
from tests.cloud.upload_steps import BIG_BYTES
from tests.support.documented_answers import Documentation, checked_answers
from tests.support.s3_signers import Aws4fetchSigner, BotocoreSigner, Signer, SpecificationSigner
from tools.cloud import service
from tools.cloud.client import ApiUser
from tools.cloud.wrangler_dev import NodeMissing, WranglerDev
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.runpod_queue import Pretence
from tools.stand_ins.s3_door import ServedBucket

ORIGIN = "http://page.example"
"""The origin of a web page that may use the API and the bucket."""


class Cloud:
    """The running API, shared by all tests of a process: each test makes its own users.

    Attributes:
        url: the address of the API.
        api: the process that serves it.
        door: the bucket, and the door before it in `door.door`.
        runpod: RunPod, to which no worker is connected unless a test starts one.
    """

    def __init__(self, parts: service.Service) -> None:
        self.url = parts.api.url
        self.api: WranglerDev = parts.api
        self.door: ServedBucket = parts.bucket
        self.runpod: RunPodApi = parts.runpod
        self._operator = parts.operator

    def admin(
        self, method: str, path: str, json: Any = None, headers: dict[str, str] | None = None
    ) -> requests.Response:
        """Send a request with the operator's token."""
        return self._operator.request(method, path, json, headers)

    def new_user(self, dollars: float = 5) -> ApiUser:
        """Make a user with a key and a wallet of so many dollars."""
        return self._operator.new_user(f"user-{uuid.uuid4().hex}", dollars)

    def cron(self) -> requests.Response:
        """Let a cron event happen, and wait until it has been handled."""
        return requests.get(f"{self.url}/cdn-cgi/handler/scheduled", timeout=300)

    def sql(self, query: str, *values: object) -> list[dict[str, Any]]:
        """Read the database."""
        return self.api.sql(query, *values)

    def restart(self) -> None:
        """End the API and start it again with the same database."""
        self.api.restart()

    def kill(self, *, wait: bool = True) -> None:
        """Kill workerd with SIGKILL, and wait until the API answers again."""
        self.api.kill9(wait=wait)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The API, with a bucket and RunPod, but no worker: `cloud.runpod` says what becomes of jobs.

    Every response that a test gets from it must be as the OpenAPI document says.
    """
    try:
        with service.running(
            RunPodApi(webhook_retry_s=0.2, rates={}), origins=[ORIGIN], variables={"FILM_WAIT_S": "2"}
        ) as parts:
            document = requests.get(f"{parts.api.url}/openapi.json", timeout=60).json()
            with checked_answers(parts.api.url, Documentation(document)):
                yield Cloud(parts)
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def user(cloud: Cloud) -> ApiUser:
    """A new user with 5 dollars."""
    return cloud.new_user()


@pytest.fixture(scope="session")
def aws4fetch() -> Iterator[Aws4fetchSigner]:
    try:
        signer = Aws4fetchSigner()
    except NodeMissing as missing:
        pytest.skip(str(missing))
    yield signer
    signer.close()


@pytest.fixture(params=["specification", "botocore", "aws4fetch"])
def signer(request: pytest.FixtureRequest) -> Signer:
    """Three signers of S3 requests, one after the other."""
    if request.param == "aws4fetch":
        found: Signer = request.getfixturevalue("aws4fetch")
        return found
    return BotocoreSigner() if request.param == "botocore" else SpecificationSigner()


@pytest.fixture
def upload(user: ApiUser) -> str:
    """An upload of the user's; the API never looks into it."""
    return user.upload(b"a video, as far as the API can tell")


@pytest.fixture(scope="session")
def big() -> bytes:
    """A file of six parts."""
    return (os.urandom(1_000_003) * 42)[:BIG_BYTES]


@pytest.fixture
def queue(cloud: Cloud) -> Iterator[None]:
    """Let jobs wait in RunPod's queue, unless the test says what becomes of them."""
    cloud.runpod.pretend = lambda _job: Pretence(wait_s=3600)
    yield
    cloud.runpod.pretend = lambda _job: None


@pytest.fixture
def sound_money(cloud: Cloud) -> Iterator[None]:
    """Let RunPod complete jobs at once until the test asks for more, and check all money after it."""
    money.pretend(cloud)
    cloud.runpod.faults.clear()
    yield
    cloud.runpod.pretend = lambda _job: None
    cloud.runpod.faults.clear()
    assert not money.problems(cloud)
    assert cloud.admin("GET", "/admin/ledger/check").json()["problems"] == []
