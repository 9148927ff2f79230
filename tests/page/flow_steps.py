"""Uses the page as a person does: chooses a video, sets up a job, starts it, downloads the result."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from playwright.sync_api import Locator, Page, expect

from tools.cloud.client import done
from tools.stand_ins.bucket import NAME
from tools.stand_ins.processes import COMMAND

if TYPE_CHECKING:
    from tests.cloud.conftest import Cloud
    from tools.cloud.client import ApiUser
    from tools.stand_ins.runpod_job import Job

JOB_MS = 300_000
"""How long a real job may take on a busy machine."""


def choose_video(page: Page, path: Path) -> str:
    """Choose a video on the first view, wait until it is there and has a price; return the upload's id."""
    page.locator("input[type=file]").set_input_files(path)
    wait_for_price(page, path.name)
    return page.url.rsplit("/", 1)[1]


def wait_for_price(page: Page, name: str) -> None:
    """Wait until the video of that name is there and has a price."""
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    expect(start_button(page)).to_be_enabled()
    expect(start_button(page)).not_to_have_text(re.compile("after the upload"))


def drop_video(page: Page, path: Path) -> None:
    """Drop a video on the page, as from a folder."""
    content = base64.b64encode(path.read_bytes()).decode()
    transfer = page.evaluate_handle(
        """([content, name]) => {
          const bytes = Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
          const transfer = new DataTransfer();
          transfer.items.add(new File([bytes], name, { type: "video/mp4" }));
          return transfer;
        }""",
        [content, path.name],
    )
    for event in ("dragenter", "dragover", "drop"):
        page.dispatch_event("main", event, {"dataTransfer": transfer})
    wait_for_price(page, path.name)


def open_order(page: Page, upload_id: str) -> None:
    """Go to the view that sets up a job, and wait until it shows a price."""
    page.goto(f"/#/uploads/{upload_id}")
    expect(start_button(page)).to_be_enabled()


def start_button(page: Page) -> Locator:
    """Return the button that starts the job."""
    return page.get_by_role("region", name="Price").get_by_role("button", name=re.compile("^Start "))


def choose_task(page: Page, task: str) -> None:
    """Choose a task by its card."""
    page.get_by_role("radio", name=task, exact=True).check()


def start(page: Page) -> str:
    """Press the button that starts the job, once its price is there; return the job's id."""
    button = start_button(page)
    expect(button).to_be_enabled()
    button.click()
    page.wait_for_url(re.compile(r"#/jobs/job_[0-9a-f]{32}$"))
    return page.url.rsplit("/", 1)[1]


def downloaded(page: Page, button: str) -> tuple[str, bytes]:
    """Wait until the job is done, and press a button; return the name and the bytes of the file."""
    expect(page.get_by_role("button", name=button)).to_be_visible(timeout=JOB_MS)
    with page.expect_download() as download:
        page.get_by_role("button", name=button).click()
    return download.value.suggested_filename, Path(download.value.path()).read_bytes()


def job_of(user: ApiUser, job_id: str) -> dict[str, Any]:
    """Return the job object of the API."""
    return dict(done(user.get(f"/status/{job_id}")))


def at_runpod(cloud: Cloud, job_id: str) -> Job:
    """Return RunPod's record of a job."""
    (job,) = (job for job in list(cloud.runpod.jobs.values()) if f"/webhook/{job_id}/" in str(job.webhook))
    return job


def params_at_runpod(cloud: Cloud, job_id: str) -> dict[str, Any]:
    """Return the params that the worker has got."""
    return dict(at_runpod(cloud, job_id).request["input"]["params"])


def stored_output(cloud: Cloud, job_id: str) -> bytes:
    """Return the file that the worker has put into the bucket."""
    path = urlsplit(at_runpod(cloud, job_id).request["input"]["output_url"]).path
    content = cloud.door.get(path.removeprefix(f"/{NAME}/"))
    assert content is not None
    return bytes(content)


def by_command(folder: Path, task: str, source: Path, *options: str, suffix: str = ".mp4") -> bytes:
    """Run the same job by the command, without the page, the API and the worker; return its output.

    The bytes of a lossless encoding are always the same; x264 decides differently now and then about others.
    """
    output = folder / f"by-command{suffix}"
    target = ["-o", str(output)] if task == "track" else [str(output)]
    subprocess.run([COMMAND, task, str(source), *target, *options], check=True, capture_output=True)
    return output.read_bytes()
