"""Runs the whole service with a browser before it, and saves what the browser shows as pictures."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import cv2
import numpy as np
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tools.cloud import local_worker, service
from tools.cloud.client import ApiUser, done
from tools.cloud.service import Service
from tools.stand_ins.runpod_api import RunPodApi

ROOT = Path(__file__).resolve().parents[2]
PICTURES = ROOT / "docs" / "images" / "page"
SAMPLE = ROOT / "examples" / "sample.mp4"

WIDTH_PX = 1100
PHONE_PX = (390, 844)
"""The size of a usual phone, in CSS pixels."""

SCALE = 1.25
"""Pixels of a picture per CSS pixel, so that small text stays readable."""

QUALITY = 80
"""The quality of the WebP pictures, 0 to 100."""

OPTIONS = ["--enable-features=OverlayScrollbar"]
"""Without it, an empty column is kept free for a scroll bar that no picture shows."""

WAIT_S = 300.0


class ChromiumMissing(Exception):
    """Chromium is not installed."""


@dataclass
class Studio:
    """The running service, and a browser in which one user is signed in.

    Attributes:
        service: the page with its API, a bucket, RunPod and a worker.
        browser: Chromium.
        user: the user, who can also call the API directly.
        page: the page, signed in, in light colours.
    """

    service: Service
    browser: Browser
    user: ApiUser
    page: Page

    def show(self, fragment: str) -> Page:
        """Go to a view, such as `#/wallet`, with a fresh document."""
        self.page.goto("about:blank")
        self.page.goto(f"{self.service.api.url}/{fragment}")
        expect(self.page.get_by_role("navigation", name="Main")).to_be_visible()
        return self.page

    def upload(self, name: str, content: bytes) -> str:
        """Upload a file through the API; return its id."""
        return self.user.upload(content, name=name)

    def start(self, upload: str, task: str, **params: Any) -> str:
        """Start a job through the API; return its id."""
        source = {"width": 320, "height": 180, "frames": 144}
        return str(done(self.user.debit(task=task, upload_id=upload, params=params, source=source))["id"])

    def until(self, job: str, true: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until something is true of a job; return the job object."""
        deadline = time.monotonic() + WAIT_S
        while True:
            seen: dict[str, Any] = done(self.user.get(f"/status/{job}"))
            if true(seen):
                return seen
            if time.monotonic() > deadline:
                raise TimeoutError(f"{job} is {seen['state']} after {WAIT_S:.0f} s")
            time.sleep(0.5)

    def ended(self, job: str) -> dict[str, Any]:
        """Wait until a job has ended."""
        return self.until(job, lambda seen: seen["ended_at"] is not None)


@contextmanager
def opened() -> Iterator[Studio]:
    """Start the service, the worker and the browser; stop them at the end.

    Raises:
        ChromiumMissing: Chromium is not installed.
    """
    path = os.environ.get("CHROMIUM") or shutil.which("chromium")
    if path is None:
        raise ChromiumMissing("Chromium is not installed: run requirements/chromium.sh")
    runpod = RunPodApi()
    with (
        TemporaryDirectory(prefix="framewright-pictures-") as folder,
        service.running(runpod, variables={"GPU": "cpu", **local_worker.quoted_models()}) as parts,
        local_worker.running(runpod, log_path=Path(folder, "worker.log")),
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=path, args=OPTIONS) as browser,
    ):
        user = parts.operator.new_user("Ada", 5)
        yield Studio(parts, browser, user, signed_in(parts, browser, user))


def signed_in(parts: Service, browser: Browser, user: ApiUser, **options: Any) -> Page:
    """Open the page in a browser profile of its own, and sign the user in.

    Args:
        parts: the running service.
        browser: Chromium.
        user: who signs in.
        options: more options of the profile, such as its size and colours.
    """
    view = {"viewport": {"width": WIDTH_PX, "height": 720}, "device_scale_factor": SCALE, "locale": "en-US"}
    page = browser.new_context(**{**view, "reduced_motion": "reduce", **options}).new_page()
    page.set_default_timeout(60_000)
    page.goto(f"{parts.api.url}/")
    page.get_by_label("API key").fill(user.key)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    return page


def save(page: Page, name: str, *, height_px: int | None = None) -> None:
    """Save what the page shows as docs/images/page/NAME.webp.

    Args:
        page: the page; everything that it loads must have arrived.
        name: the name of the picture.
        height_px: how much of the page is shown from its top, in CSS pixels; None shows all of it.
    """
    page.evaluate("document.activeElement?.blur()")
    page.evaluate("window.scrollTo(0, 0)")
    page.wait_for_timeout(400)
    picture = _decoded(page.screenshot(full_page=True))
    if height_px is not None:
        picture = picture[: round(height_px * page.evaluate("devicePixelRatio"))]
    _write(picture, name)


def save_part(part: Locator, name: str) -> None:
    """Save an element of the page as docs/images/page/NAME.webp."""
    _write(_decoded(part.screenshot()), name)


def _decoded(png: bytes) -> Any:
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)


def _write(picture: Any, name: str) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(PICTURES / f"{name}.webp"), picture, [cv2.IMWRITE_WEBP_QUALITY, QUALITY])
