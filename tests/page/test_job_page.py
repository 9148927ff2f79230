"""Tests what the page shows of a job: waiting, progress, cancelling, failures, results, and costs."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import let_jobs_complete, pretend, start_job, wait_until
from tests.page.flow_steps import downloaded, job_of, open_order, params_at_runpod, start
from tools.cloud.client import ApiUser, done
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence


@pytest.fixture(autouse=True)
def no_worker(cloud: Cloud) -> None:
    """Let jobs wait in RunPod's queue, unless the test says what becomes of them."""
    pretend(cloud, wait_s=3600)


def updates(*percents: int) -> tuple[dict[str, Any], ...]:
    return tuple(
        {"stage": "upscaling", "percent": percent, "eta_s": 100 - percent, "frames": percent * 2}
        | {"total": 200, "fps": 9.5}
        for percent in percents
    )


def open_job(page: Page, job: dict[str, Any]) -> None:
    page.goto(f"/#/jobs/{job['id']}")


def dollars(micro_dollars: int) -> str:
    """Return an amount of less than a cent with two digits, as the page shows it."""
    amount = Decimal(micro_dollars) / 1_000_000
    digits = amount.quantize(Decimal(1).scaleb(amount.adjusted() - 1), rounding=ROUND_HALF_UP)
    return f"{digits.normalize():f} $"


def test_a_job_that_waits_costs_nothing_when_it_is_cancelled(page: Page, user: ApiUser) -> None:
    job = start_job(user)
    open_job(page, job)
    expect(page.get_by_role("progressbar", name="Waiting for a free worker")).to_be_visible()
    minutes = job["quote"]["cold_start_s"] // 60
    takes = f"A worker may have to start first, which takes about {minutes} min."
    expect(page.get_by_text(takes)).to_be_visible()
    page.get_by_role("button", name="Cancel the job").click()
    dialog = page.get_by_role("dialog", name="Cancel this job?")
    expect(dialog).to_contain_text("cancelling costs nothing")
    expect(dialog.get_by_role("button", name="Keep it running")).to_be_focused()
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text("The job was cancelled.")).to_be_visible()
    expect(page.get_by_text("You were not charged.").first).to_be_visible()
    assert (job_of(user, job["id"])["state"], job_of(user, job["id"])["charge"]) == ("cancelled", 0)
    assert done(user.get("/wallet"))["balance"] == 5_000_000


def test_a_job_can_be_kept(page: Page, user: ApiUser) -> None:
    job = start_job(user)
    open_job(page, job)
    page.get_by_role("button", name="Cancel the job").click()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_role("button", name="Cancel the job")).to_be_focused()
    assert job_of(user, job["id"])["state"] == "queued"


def test_progress_is_shown_and_said_politely(cloud: Cloud, page: Page, user: ApiUser) -> None:
    pretend(cloud, run_s=36, progress=updates(*range(3, 100, 4)), answer={"error": "bad_media: no"})
    job = start_job(user)
    open_job(page, job)
    bar = page.get_by_role("progressbar", name="Upscaling")
    expect(bar).to_be_visible()
    said = page.evaluate_handle(
        """() => {
          const region = [...document.querySelectorAll('main .visually-hidden [role=status]')][0];
          const said = [region.textContent];
          new MutationObserver(() => said.push(region.textContent)).observe(
            region, { childList: true, characterData: true, subtree: true });
          return said;
        }"""
    )
    expect(page).to_have_title(re.compile(r"^\d+ % Upscaling – Upscale clip\.mp4 · Framewright$"))
    now = int(bar.get_attribute("aria-valuenow") or -1)
    expect(
        page.get_by_text(re.compile(r"\d+ of 200 frames, 9\.5 frames per second, .* left"))
    ).to_be_visible()
    assert 0 < now <= 100
    for _ in range(10):  # three times as fast, now that the beginning was seen
        page.wait_for_timeout(1000)
        cloud.runpod.clock.advance(2)
    expect(page.get_by_text("The file is not a video that can be read")).to_be_visible()
    spoken = said.json_value()
    assert spoken.pop() == "", "the failure is announced by its own message"
    assert all(re.fullmatch(r"Upscaling: \d*0 percent\.", text) for text in spoken), spoken
    assert len(spoken) == len(set(spoken))
    expect(page).to_have_title("Upscale clip.mp4 · Framewright")


def test_cancelling_a_job_that_runs_says_what_it_costs(cloud: Cloud, page: Page, user: ApiUser) -> None:
    pretend(cloud, run_s=600, progress=updates(1))
    job = start_job(user)
    open_job(page, job)
    wait_until(user, job["id"], lambda seen: seen["state"] == "running")
    page.wait_for_timeout(2000)
    page.get_by_role("button", name="Cancel the job").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(re.compile(r"has run for [\d.]+ s\. .* about 0\.00\d+ \$"))
    dialog.get_by_role("button", name="Cancel the job").click()
    expect(page.get_by_text("The job was cancelled.")).to_be_visible()
    charge = job_of(user, job["id"])["charge"]
    assert charge >= 2 * 325
    expect(page.get_by_text(f"You were charged {dollars(charge)} for ").first).to_be_visible()


@pytest.mark.parametrize(
    ("answer", "what", "to_do", "again", "charged"),
    [
        pytest.param(
            "bad_media: <img src=x onerror=alert(1)> is no video",
            "The file is not a video that can be read: it may be damaged or incomplete.",
            "Check that it plays on your machine, and upload it again.",
            "Run again with changes",
            True,
            id="the caller is at fault",
        ),
        pytest.param(
            "model_out_of_memory: 80 GiB were not enough",
            "The GPU had too little memory.",
            "Start the job again, or ask for a smaller scale.",
            "Try again",
            False,
            id="the worker is at fault, and it may work again",
        ),
        pytest.param(
            "segmentation fault",
            "The worker failed.",
            "Start the job again.",
            "Try again",
            False,
            id="the worker gives no code",
        ),
    ],
)
def test_a_failure_is_told_in_plain_words(
    cloud: Cloud, page: Page, user: ApiUser, answer: str, what: str, to_do: str, again: str, charged: bool
) -> None:
    pretend(cloud, run_s=1.2, answer={"error": answer})
    job = start_job(user)
    open_job(page, job)
    alert = page.get_by_role("alert").filter(has_text=what)
    expect(alert).to_contain_text(to_do)
    ended = job_of(user, job["id"])
    assert (ended["charge"] > 0) == charged
    money = f"You were charged {dollars(ended['charge'])} for " if charged else "You were not charged."
    expect(alert).to_contain_text(money)
    expect(alert.get_by_role("button", name=again)).to_be_visible()
    alert.get_by_text("What the worker reported").click()
    expect(alert).to_contain_text(ended["error"]["message"][1:])
    assert page.locator("img[src=x]").count() == 0


def test_a_failed_job_is_set_up_again(cloud: Cloud, page: Page, user: ApiUser) -> None:
    pretend(cloud, answer={"error": "job_killed: no memory"})
    job = start_job(user, "upscale", scale=3, quality="low", model="lite-x4", reuse_tolerance=2)
    open_job(page, job)
    page.get_by_role("button", name="Try again").click()
    expect(page.get_by_role("radio", name="3×")).to_be_checked()
    expect(page.get_by_label("Quality")).to_have_value("low")
    pretend(cloud, wait_s=3600)
    new_job = start(page)
    assert new_job != job["id"]
    assert params_at_runpod(cloud, new_job) == job["params"]


def test_a_result_is_shown_and_downloaded(cloud: Cloud, page: Page, user: ApiUser) -> None:
    stats = {"frames": 48, "duration_sec": 2.0, "model": "lite-x4", "width": 640, "height": 360, "scale": 2.0}
    stats |= {"wall_sec": 4.0, "fps": 12.0, "encoder": "libx264", "transport": "grpc", "tile": [180, 320]}

    def completed(job: Job) -> Pretence:
        url = job.request["input"]["output_url"]
        put = requests.put(url, data=b"the output", headers={"Content-Type": "video/mp4"}, timeout=30)
        assert put.ok
        notes = ["<b>One</b> stream was dropped."]
        result = {"status": "completed", "output_url": url.split("?")[0], "notes": notes, "stats": stats}
        return Pretence(run_s=1.0, answer={"output": result | {"stats": stats | {"reused": 0, "cost": None}}})

    cloud.runpod.pretend = completed
    job = start_job(user, scale=2)
    open_job(page, job)
    assert downloaded(page, "Download the video") == ("clip-upscale.mp4", b"the output")
    result = page.get_by_role("region", name="Result")
    for text in ["640 × 360", "2×", "48", "lite-x4", "12 frames per second"]:
        expect(result.get_by_text(text, exact=True)).to_be_visible()
    expect(page.get_by_text("<b>One</b> stream was dropped.")).to_be_visible()
    charge = job_of(user, job["id"])["charge"]
    expect(page.get_by_role("region", name="Price")).to_contain_text(f"You were charged {dollars(charge)}")


def test_the_link_of_a_tab_that_was_open_for_hours_is_renewed(
    cloud: Cloud, page: Page, user: ApiUser
) -> None:
    let_jobs_complete(cloud)
    job = start_job(user)
    page.clock.install()
    open_job(page, job)
    expect(page.get_by_role("button", name="Download the video")).to_be_visible()
    page.clock.fast_forward("02:00:00")
    with page.expect_response(re.compile(f"/status/{job['id']}$")):
        _, content = downloaded(page, "Download the video")
    assert content == b"the output"


def test_a_job_is_deleted(cloud: Cloud, page: Page, user: ApiUser) -> None:
    let_jobs_complete(cloud)
    job = start_job(user)
    open_job(page, job)
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete the job").click()
    page.wait_for_url(re.compile("#/jobs$"))
    assert user.get(f"/status/{job['id']}").status_code == 404
    assert not [name for name in cloud.door.names() if job["id"] in name]


def test_the_page_goes_on_after_the_network_was_gone(
    cloud: Cloud, context: BrowserContext, page: Page, user: ApiUser
) -> None:
    let_jobs_complete(cloud, run_s=8)
    job = start_job(user)
    open_job(page, job)
    expect(page.get_by_role("button", name="Cancel the job")).to_be_visible()
    context.set_offline(True)
    expect(page.get_by_text("The job keeps running.")).to_be_visible()
    wait_until(user, job["id"], lambda seen: seen["ended_at"] is not None)
    context.set_offline(False)
    expect(page.get_by_role("button", name="Download the video")).to_be_visible()


def test_a_job_that_is_not_there_says_so(page: Page) -> None:
    page.goto(f"/#/jobs/job_{'0' * 32}")
    expect(page.get_by_role("alert")).to_contain_text("There is no such job. It may have been deleted.")


def test_a_job_is_the_same_in_two_tabs(context: BrowserContext, page: Page, user: ApiUser) -> None:
    job = start_job(user)
    open_job(page, job)
    other = context.new_page()
    open_job(other, job)
    other.get_by_role("button", name="Cancel the job").click()
    other.get_by_role("dialog").get_by_role("button", name="Cancel the job").click()
    for tab in (page, other):
        expect(tab.get_by_text("The job was cancelled.")).to_be_visible()


def test_a_path_that_was_followed_is_edited_as_keyframes(cloud: Cloud, page: Page, user: ApiUser) -> None:
    keyframes = [{"x": 0.0, "y": 0.0, "w": 90.0, "h": 160.0, "t": 0.0}]
    keyframes.append({"x": 40.0, "y": 0.0, "w": 90.0, "h": 160.0, "t": 1.5})

    def completed(job: Job) -> Pretence:
        url = job.request["input"]["output_url"]
        assert requests.put(url, data=b"x", headers={"Content-Type": "video/mp4"}, timeout=30).ok
        result = {"status": "completed", "output_url": url.split("?")[0], "notes": [], "keyframes": keyframes}
        return Pretence(answer={"output": result})

    cloud.runpod.pretend = completed
    tracks = {"tracks": [{"id": 1, "frames": [{"frame": 0, "bbox": [0, 0, 9, 9]}]}]}
    job = start_job(user, "export", follow={"track": 1, "aspect": "9:16"}, tracks=tracks, quality="low")
    open_job(page, job)
    pretend(cloud, wait_s=3600)
    page.get_by_role("button", name="Run again with changes").click()
    expect(page.get_by_role("radio", name="Export")).to_be_checked()
    sent = params_at_runpod(cloud, start(page))
    assert sent["crop"] == keyframes
    assert (sent["quality"], "follow" in sent, "tracks" in sent) == ("low", False, False)


def test_open_order_shows_the_price_of_the_api(page: Page, user: ApiUser) -> None:
    upload = user.upload(b"a video, as far as the API can tell", name="x.mp4")
    open_order(page, upload)
    quote = done(user.post("/quote", {"task": "upscale", "upload_id": upload, "params": {"scale": 4}}))
    price = page.get_by_role("region", name="Price")
    expect(price).to_contain_text(f"{quote['hold'] / 1e6:.2f} $")
    (day,) = re.findall(r"\d{4}-\d\d-\d\d", quote["figures_from"])
    expect(price).to_contain_text(re.compile(rf"Figures from an? [a-z ,]+ {day}\."))
    expect(price).not_to_contain_text(quote["figures_from"], use_inner_text=True)
    price.get_by_text("Assumptions").click()
    expect(price.get_by_role("list")).to_contain_text(quote["figures_from"])
