"""Fixtures: the page in Debian's Chromium, with the API, a bucket and RunPod behind it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.cloud.conftest import Cloud
from tests.support.flow import MODELS
from tools.cloud import service
from tools.cloud.client import ApiUser
from tools.cloud.wrangler_dev import NodeMissing
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.worker_process import WorkerProcess, working

WAIT_MS = 30_000
"""How long an expected state of the page may take to appear; a busy machine is slow."""

expect.set_options(timeout=WAIT_MS)


@pytest.fixture(scope="session")
def cloud() -> Iterator[Cloud]:
    """The page with its API, a bucket and RunPod, but no worker: `cloud.runpod` says what becomes of jobs."""
    try:
        with service.running(RunPodApi(webhook_retry_s=0.2, rates={})) as parts:
            yield Cloud(parts)
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def worker(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[WorkerProcess]:
    """The real worker with its Triton, which runs the jobs for which RunPod does not pretend."""
    with working(tmp_path_factory.mktemp("jobs"), **MODELS | cloud.runpod.worker.environment) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium, or the browser that CHROMIUM names.

    It ends with the tests of a file: while playwright runs, nothing else in this process can start an event
    loop.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    # Chromium's own sandbox cannot be used by root.
    arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        yield browser
        browser.close()


@pytest.fixture(autouse=True)
def real_workers_again(request: pytest.FixtureRequest) -> Iterator[None]:
    """Let real workers get the jobs after each test, whatever it made RunPod pretend."""
    cloud: Cloud | None = request.getfixturevalue("cloud") if "cloud" in request.fixturenames else None
    yield
    if cloud is not None:
        cloud.runpod.pretend = lambda _job: None
        cloud.runpod.faults.clear()


@pytest.fixture
def user(cloud: Cloud) -> ApiUser:
    """A new user with 5 dollars."""
    return cloud.new_user()


@pytest.fixture
def context(cloud: Cloud, browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile. A test fails if a script of the page throws or breaks the page's policy."""
    context = browser.new_context(base_url=cloud.url, accept_downloads=True)
    context.set_default_timeout(WAIT_MS)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "console",
        lambda message: problems.append(message.text) if "Content Security" in message.text else None,
    )
    yield context
    context.close()
    assert [text for text in problems if not text.startswith("Failed to load resource")] == []


@pytest.fixture
def page(context: BrowserContext, user: ApiUser) -> Page:
    """The page, with `user` signed in by the form."""
    page = context.new_page()
    page.goto("/")
    sign_in(page, user)
    return page


def sign_in(page: Page, user: ApiUser) -> None:
    """Sign in with the user's key, and wait until the page shows its header."""
    page.get_by_label("API key").fill(user.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
