"""Tests the page on a host of its own, as on Cloudflare Pages: built for an API at another origin."""

from __future__ import annotations

import fnmatch
import functools
import os
import re
import subprocess
import threading
from collections.abc import Iterator
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import requests
from playwright.sync_api import Browser, Page, expect

from tests.cloud.conftest import Cloud
from tests.page.conftest import sign_in
from tools.cloud import service, wrangler_dev
from tools.cloud.client import ApiUser, done
from tools.cloud.ports import free_port
from tools.cloud.wrangler_dev import PROJECT, NodeMissing
from tools.stand_ins.runpod_api import RunPodApi
from tools.stand_ins.worker_process import wait

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "sample.mp4"


class PagesHost(SimpleHTTPRequestHandler):
    """Serves a folder with the headers of its file `_headers`, adding up all rules as Pages does."""

    def end_headers(self) -> None:
        found: dict[str, list[str]] = {}
        applies = False
        for line in Path(self.directory, "_headers").read_text().splitlines():
            if line.startswith("/"):
                applies = fnmatch.fnmatchcase(self.path, line.strip())
            elif applies and line.strip():
                name, value = line.strip().split(": ", 1)
                found.setdefault(name.lower(), []).append(value)
        for name, values in found.items():
            self.send_header(name, ", ".join(values))
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  named by the base class
        pass


@pytest.fixture(scope="module")
def origin() -> str:
    return f"http://127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def cloud(origin: str) -> Iterator[Cloud]:
    """The API and a bucket that allow the page's origin."""
    try:
        with service.running(RunPodApi(webhook_retry_s=0.2, rates={}), origins=[origin]) as parts:
            yield Cloud(parts)
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def host(cloud: Cloud, origin: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The page at `origin`, built with the commands of docs/cloud.md."""
    folder = tmp_path_factory.mktemp("pages")
    node, bucket = str(wrangler_dev.node()), cloud.door.endpoint
    for command in (
        ["node_modules/vite/bin/vite.js", "build", "page", "--outDir", str(folder), "--emptyOutDir"],
        ["scripts/pages_headers.ts", str(folder), cloud.url, bucket],
    ):
        environment = os.environ | {"VITE_API_URL": cloud.url}
        subprocess.run([node, *command], cwd=PROJECT, env=environment, check=True, capture_output=True)
    address = ("127.0.0.1", int(origin.rsplit(":", 1)[1]))
    with ThreadingHTTPServer(address, functools.partial(PagesHost, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield origin
        server.shutdown()
        thread.join()


@pytest.fixture
def page(host: str, browser: Browser, user: ApiUser) -> Iterator[Page]:
    """The page on its own host, with the user signed in; no script of it breaks the policy."""
    context = browser.new_context(base_url=host)
    problems: list[str] = []
    context.on("weberror", lambda error: problems.append(str(error.error)))
    context.on(
        "console",
        lambda message: (
            problems.append(message.text)
            if "Content Security" in message.text or "CORS" in message.text
            else None
        ),
    )
    page = context.new_page()
    page.goto("/")
    sign_in(page, user)
    yield page
    context.close()
    assert problems == []


def test_the_host_sends_the_headers_that_the_worker_sends(cloud: Cloud, host: str) -> None:
    own, workers = requests.get(f"{host}/", timeout=30), requests.get(f"{cloud.url}/", timeout=30)
    for name in ("Cache-Control", "Cross-Origin-Opener-Policy", "Permissions-Policy", "Referrer-Policy"):
        assert own.headers[name] == workers.headers[name]
    policy, of_worker = (
        dict(part.split(" ", 1) for part in answer.headers["Content-Security-Policy"].split("; "))
        for answer in (own, workers)
    )
    assert policy["connect-src"] == f"'self' {cloud.url} {cloud.door.endpoint}"
    assert policy["script-src"] == policy["style-src"] == "'self'"
    assert {name: text for name, text in policy.items() if "http" not in text} == {
        name: text for name, text in of_worker.items() if "http" not in text
    }
    unknown = requests.get(f"{host}/any/path", timeout=30)
    assert unknown.headers["Content-Security-Policy"] == own.headers["Content-Security-Policy"]


def test_a_user_signs_in_and_sees_the_wallet(page: Page, cloud: Cloud, user: ApiUser) -> None:
    page.get_by_role("link", name="Wallet").click()
    expect(page.get_by_role("main")).to_contain_text("5.00")
    (cookie,) = page.context.cookies(cloud.url)
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert user.key not in page.evaluate("JSON.stringify({...localStorage, ...sessionStorage})")


def test_a_file_is_uploaded(page: Page, cloud: Cloud, user: ApiUser) -> None:
    page.goto("/#/")
    page.locator("input[type=file]").set_input_files(SAMPLE)
    expect(page).to_have_url(re.compile(r"#/uploads/up_[0-9a-f]{32}$"))
    wait(lambda: done(user.get("/uploads"))["uploads"][0]["state"] == "complete")
    (name,) = (name for name in cloud.door.names() if user.id in name)
    assert cloud.door.get(name) == SAMPLE.read_bytes()


def test_the_api_takes_no_session_from_another_page(cloud: Cloud, user: ApiUser) -> None:
    foreign = {"Origin": "http://127.0.0.1:1"}
    refused = requests.post(f"{cloud.url}/session", json={"key": user.key}, headers=foreign, timeout=30)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "foreign_origin")
