"""Tests how much script the page loads before the first job, and records how soon something is seen."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import BrowserContext, Page, Response, expect

from tests.page.conftest import sign_in
from tools.cloud.client import ApiUser
from tools.fixtures.clips import make_clip

LIMIT_BYTES = 150_000
"""How many bytes of gzipped script may be loaded before the first job."""

_PAINT = """() => new Promise((resolve) => {
  new PerformanceObserver((list) => resolve(list.getEntriesByName("first-contentful-paint")[0].startTime))
    .observe({ type: "paint", buffered: true });
})"""


@pytest.mark.parametrize(
    ("task", "container"), [("Upscale", "mp4"), ("Track", "mp4"), ("Export", "mp4"), ("Upscale", "mkv")]
)
def test_less_than_150_kb_of_script_are_loaded_before_the_first_job(
    context: BrowserContext, user: ApiUser, tmp_path: Path, task: str, container: str
) -> None:
    """From signing in to the button that starts the job, with a video that the page has read."""
    clip = tmp_path / f"clip.{container}"
    make_clip(clip, pictures=12)
    scripts: dict[str, Response] = {}

    def count(response: Response) -> None:
        if response.request.resource_type == "script":
            scripts[response.url] = response

    page = context.new_page()
    page.on("response", count)
    page.goto("/")
    sign_in(page, user)
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    page.locator("input[type=file]").set_input_files(clip)
    page.wait_for_url(re.compile(r"#/uploads/up_"))
    page.get_by_role("radio", name=re.compile(task)).check()
    expect(
        page.get_by_role("button", name=re.compile("^Start (upscaling|tracking|the export)$"))
    ).to_be_enabled()
    expect(page.locator("main .skeleton")).to_have_count(0)
    sizes = {url: len(gzip.compress(response.body(), 6)) for url, response in scripts.items()}
    assert sizes
    assert sum(sizes.values()) < LIMIT_BYTES, sizes


def test_how_soon_the_page_is_seen(page: Page, record_property: Callable[[str, object], None]) -> None:
    """Record the median of the first paints; how long they take depends on the machine."""
    paints = []
    for _ in range(5):
        page.goto("about:blank")
        page.goto("/#/jobs")
        expect(page.get_by_role("heading", level=1, name="Jobs")).to_be_visible()
        paints.append(float(page.evaluate(_PAINT)))
    record_property("first_contentful_paints_ms", paints)
    record_property("median_first_contentful_paint_ms", median(paints))
