"""The page of a finished upscale, with before and after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.page.finished_jobs import CONTENT_TYPES, finished_upscale
from tests.page.videos_on_screen import screenshot
from tools.cloud.client import ApiUser

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]


class Comparison:
    """A finished upscale that the page shows."""

    def __init__(self, cloud: Cloud, page: Page, user: ApiUser, folder: Path) -> None:
        self.cloud, self.page, self.user, self.folder = cloud, page, user, folder
        self.stage = page.get_by_role("group", name="Before and after")
        self.pictures = page.locator(".comparison")
        self.divider = page.get_by_role("slider", name="Divider between before and after")
        self.position = page.get_by_role("slider", name="Position")

    def show(self, source: Path, output: Path, **more: Any) -> None:
        """Open the page of an upscale from one file to the other, and wait until it can be operated."""
        upload = self.user.upload(source.read_bytes(), CONTENT_TYPES[source.suffix], name=source.name)
        job = finished_upscale(self.cloud, self.user, upload, output, **more)
        self.page.goto(f"/#/jobs/{job['id']}")
        expect(self.stage).to_have_attribute("aria-busy", "false")

    def zoom(self, name: str) -> None:
        self.page.get_by_role("radio", name=name, exact=True).check(force=True)

    def shown(self) -> Pixels:
        """Return the device pixels of the two pictures."""
        self.page.wait_for_timeout(300)
        self.page.evaluate(
            "() => new Promise((resolve) => requestAnimationFrame(() => requestAnimationFrame(resolve)))"
        )
        return screenshot(self.page, self.pictures)
