"""Uses the export form as a person does, and reads the params that have reached RunPod."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import FloatRect, Locator, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import pretend
from tools.cloud.client import ApiUser
from tools.stand_ins.runpod_job import Job

WIDTH, HEIGHT = 320, 180
"""The size of the picture of SAMPLE, in pixels."""
FRAMES, FPS = 144, 24


class ExportForm:
    """The export form of an upload in a browser."""

    def __init__(self, page: Page, upload_id: str) -> None:
        self.page = page
        self.upload_id = upload_id
        self.crop = page.get_by_role("application")

    @classmethod
    def open(cls, page: Page, user: ApiUser, clip: bytes | Path) -> ExportForm:
        """Upload a clip, open its order, choose to export, and wait until the picture can be used."""
        width = page.evaluate("window.innerWidth")
        page.set_viewport_size({"width": width, "height": 1600})  # all of it can be reached without scrolling
        content = clip if isinstance(clip, bytes) else clip.read_bytes()
        form = cls(page, user.upload(content))
        page.goto(f"/#/uploads/{form.upload_id}")
        form.choose("Export")
        form.wait()
        return form

    def wait(self) -> None:
        """Wait until the crop box and the first picture are there."""
        expect(self.crop).to_be_visible()
        stage = self.page.get_by_role("group", name="Source with the crop")
        expect(stage.locator("video")).to_have_count(1)
        self.page.wait_for_function(
            "() => [...document.querySelectorAll('video')].every((video) => video.readyState >= 2)"
        )

    def choose(self, name: str) -> None:
        """Choose a radio button; its own box is invisible under its label."""
        self.page.get_by_role("radio", name=name, exact=True).first.dispatch_event("click")

    @property
    def picture(self) -> FloatRect:
        """Where the picture is in the window, in CSS pixels."""
        rect = self.page.get_by_role("group", name="Source with the crop").locator("video").bounding_box()
        assert rect is not None
        return rect

    def point(self, x: float, y: float, width: int = WIDTH) -> tuple[float, float]:
        """Return the place in the window of a point of the picture, which is `width` pixels wide."""
        rect = self.picture
        scale = rect["width"] / width
        return rect["x"] + x * scale, rect["y"] + y * scale

    def drag(self, start: tuple[float, float], end: tuple[float, float], width: int = WIDTH) -> None:
        """Drag with the mouse from one point of the picture to another."""
        (x0, y0), (x1, y1) = self.point(*start, width), self.point(*end, width)
        self.drag_in_window(x0, y0, x1, y1)

    def drag_in_window(self, x0: float, y0: float, x1: float, y1: float) -> None:
        mouse = self.page.mouse
        mouse.move(x0, y0)
        mouse.down()
        mouse.move((x0 + x1) / 2, (y0 + y1) / 2)
        mouse.move(x1, y1)
        mouse.up()

    def numbers(self) -> list[float]:
        """Return what the four fields of the crop show: x, y, w, h."""
        fields = [self.page.get_by_label(name, exact=True) for name in ("Left", "Top", "Width", "Height")]
        return [float(field.input_value()) for field in fields]

    def shows(self, *numbers: float) -> None:
        """Wait until the four fields show x, y, w and h."""
        for name, number in zip(("Left", "Top", "Width", "Height"), numbers, strict=True):
            expect(self.page.get_by_label(name, exact=True)).to_have_value(f"{number:g}")

    def handle(self, edge: str) -> Locator:
        """Return the handle of the timeline at the start or at the end of the part."""
        return self.page.get_by_role("slider", name=f"{edge.capitalize()} of the part")

    def show_frame(self, frame: int) -> None:
        """Show a frame by the slider under the picture."""
        stage = self.page.get_by_role("group", name="Source with the crop")
        stage.get_by_role("slider", name="Position").fill(str(frame))
        self.is_at(frame)

    def is_at(self, frame: int) -> None:
        """Wait until a frame is shown."""
        stage = self.page.get_by_role("group", name="Source with the crop")
        expect(stage.get_by_text(re.compile(rf"^frame {frame}$"))).to_be_visible()

    def start(self) -> None:
        """Start the job at its quoted price."""
        button = self.page.get_by_role("button", name="Start the export")
        expect(button).to_be_enabled()
        button.click()
        self.page.wait_for_url(re.compile(r"#/jobs/job_"))


@contextmanager
def started(cloud: Cloud) -> Iterator[list[dict[str, Any]]]:
    """Let jobs wait in RunPod's queue; the list gets the params of those that the block has started."""
    before = set(cloud.runpod.jobs)
    pretend(cloud, wait_s=3600)
    params: list[dict[str, Any]] = []
    try:
        yield params
        params += [params_of(job) for name, job in cloud.runpod.jobs.items() if name not in before]
    finally:
        cloud.runpod.pretend = lambda _job: None


def params_of(job: Job) -> dict[str, Any]:
    """Return the params that RunPod got for a job."""
    return dict(job.request["input"]["params"])
