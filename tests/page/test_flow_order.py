"""Tests setting up a job: its settings, its price, what the wallet has, and the start."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import requests
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import pretend, wait_for_end
from tests.page.conftest import sign_in
from tests.page.flow_steps import choose_task, job_of, open_order, params_at_runpod, start
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser, done
from tools.stand_ins import runpod_faults as faults
from tools.stand_ins.runpod_job import Job
from tools.stand_ins.runpod_queue import Pretence

BOXES = [{"frame": frame, "bbox": [10.0, 10.0, 40.0, 80.0], "confidence": 0.9} for frame in range(3)]
VIDEO = {"width": 320, "height": 180, "frames": 144, "fps": "24/1", "duration_sec": 6.0, "cuts": []}


@pytest.fixture(autouse=True)
def no_worker(cloud: Cloud) -> None:
    """Let jobs wait in RunPod's queue, unless the test says what becomes of them."""
    pretend(cloud, wait_s=3600)


@pytest.fixture
def upload(user: ApiUser) -> str:
    return user.upload(SAMPLE.read_bytes(), name="sample.mp4")


def jobs_of(user: ApiUser) -> list[dict[str, Any]]:
    return list(done(user.get("/jobs"))["jobs"])


def quotes_of(cloud: Cloud, user: ApiUser) -> list[dict[str, Any]]:
    return cloud.sql("SELECT * FROM quotes WHERE user_id = ? ORDER BY created_at", user.id)


def test_every_setting_reaches_the_worker(cloud: Cloud, page: Page, upload: str) -> None:
    open_order(page, upload)
    page.get_by_role("radio", name="Other").check()
    page.get_by_label("Other scale").fill("1.5")
    page.get_by_label("Quality").select_option("Low: the smallest file")
    page.get_by_text("Advanced").click()
    page.get_by_label("Model").select_option("RealESRGAN_x2plus")
    page.get_by_label("Convert HDR to SDR").check()
    page.get_by_label("Reuse tolerance").fill("3")
    expect(page.get_by_role("region", name="Price")).to_contain_text("RealESRGAN_x2plus")
    assert params_at_runpod(cloud, start(page)) == {
        "scale": 1.5,
        "quality": "low",
        "model": "RealESRGAN_x2plus",
        "tonemap": True,
        "reuse_tolerance": 3,
    }


def test_every_setting_of_tracking_reaches_the_worker(cloud: Cloud, page: Page, upload: str) -> None:
    open_order(page, upload)
    choose_task(page, "Track")
    page.get_by_label("What to track").fill("person,  bird ,")
    page.get_by_text("Advanced").click()
    page.get_by_label("Confidence").fill("0.25")
    page.get_by_label("Stride").fill("2")
    page.get_by_label("Fill gaps").fill("0.5")
    page.get_by_label("Detector size").fill("640")
    page.get_by_label("Tracker").select_option("BoT-SORT")
    page.get_by_label("Model").select_option("yolov8m")
    assert params_at_runpod(cloud, start(page)) == {
        "classes": ["person", "bird"],
        "confidence": 0.25,
        "stride": 2,
        "fill_gaps_sec": 0.5,
        "side": 640,
        "tracker": "botsort",
        "model": "yolov8m",
    }


def test_a_field_that_is_emptied_has_the_default_again(cloud: Cloud, page: Page, upload: str) -> None:
    open_order(page, upload)
    choose_task(page, "Track")
    page.get_by_text("Advanced").click()
    for label, value in [("Confidence", "0.25"), ("Stride", "3"), ("Detector size", "640")]:
        page.get_by_label(label).fill(value)
        page.get_by_label(label).fill("")
    assert params_at_runpod(cloud, start(page)) == {}


def test_a_refused_setting_is_named_as_in_the_form(page: Page, user: ApiUser, upload: str) -> None:
    open_order(page, upload)
    choose_task(page, "Track")
    page.get_by_text("Advanced").click()
    stride = page.get_by_label("Stride")
    stride.fill("99")
    refusal = "Stride 99 is refused: give 30 or less."
    expect(page.get_by_role("region", name="Price").get_by_role("alert")).to_contain_text(refusal)
    expect(stride).to_have_attribute("aria-invalid", "true")
    expect(stride).to_have_accessible_description(re.compile(re.escape(refusal)))
    expect(page.get_by_label("Confidence")).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Start tracking")).to_be_disabled()
    stride.fill("9")
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(stride).not_to_have_attribute("aria-invalid", "true")
    expect(page.get_by_role("button", name="Start tracking")).to_be_enabled()
    assert jobs_of(user) == []
    # Advanced settings that are not the defaults are seen at once.
    page.reload()
    expect(stride).to_have_value("9")
    expect(stride).to_be_visible()
    hint = "The job fails, and costs nothing, if the workers do not have it."
    expect(page.get_by_text(hint)).to_have_count(0)
    model = page.get_by_label("Model")
    model.select_option("yolov8m")
    expect(model).to_have_accessible_description(
        re.compile("AGPL-3.0: a closed product may not use it.*" + hint)
    )
    model.select_option("d-fine-n")
    expect(model).to_have_accessible_description(re.compile("Apache-2.0: a closed product may use it"))
    sample = page.get_by_role("img", name="What centerface makes of a photograph")
    expect(sample).to_have_count(0)
    model.select_option("centerface")
    expect(sample).to_have_js_property("naturalWidth", 424)


def test_typing_asks_for_the_price_once(cloud: Cloud, page: Page, user: ApiUser, upload: str) -> None:
    page.clock.install()
    open_order(page, upload)
    page.reload()
    choose_task(page, "Track")
    page.get_by_text("Advanced").click()
    expect(page.get_by_role("button", name="Start tracking")).to_be_enabled()
    before = len(quotes_of(cloud, user))
    # However slow the machine is, it types without a pause by the clock of the page.
    page.clock.pause_at(page.evaluate("Date.now()") / 1000 + 5)
    page.get_by_label("Confidence").press_sequentially("0.1234567", delay=20)
    expect(page.get_by_role("button", name="Start tracking")).to_be_disabled()
    page.clock.resume()
    expect(page.get_by_role("button", name="Start tracking")).to_be_enabled()
    made = quotes_of(cloud, user)[before:]
    assert len(made) <= 2
    assert json.loads(made[-1]["params"]) == {"confidence": 0.1234567}


def test_a_reload_keeps_what_was_set_up_and_no_url_is_stored(page: Page, upload: str) -> None:
    open_order(page, upload)
    page.get_by_role("radio", name="3×").check()
    page.get_by_label("Quality").select_option("Lossless: a very large file")
    page.reload()
    expect(page.get_by_role("radio", name="3×")).to_be_checked()
    expect(page.get_by_label("Quality")).to_have_value("lossless")
    stored = page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert upload in stored
    assert "http" not in stored
    assert "Amz" not in stored


def test_a_wallet_that_has_too_little_is_told_before(cloud: Cloud, context: BrowserContext) -> None:
    user = cloud.new_user(0.012)
    upload = user.upload(SAMPLE.read_bytes())
    page = context.new_page()
    page.goto("/")
    sign_in(page, user)
    page.goto(f"/#/uploads/{upload}")
    hold = done(user.post("/quote", {"task": "upscale", "upload_id": upload, "params": {"scale": 2}}))["hold"]
    page.get_by_role("radio", name="2×").check()
    price = page.get_by_role("region", name="Price")
    expect(price).to_contain_text(
        re.compile(r"The wallet has 0\.01 \$; this job may cost up to 0\.\d\d \$\.")
    )
    expect(price.get_by_role("button", name="Start upscaling")).to_be_disabled()
    assert hold > 12_000
    # The page sees by itself that the wallet was topped up.
    topup = {"user": user.name, "amount": 3_000_000}
    assert cloud.admin("POST", "/admin/topups", topup, {"Idempotency-Key": user.name}).ok
    expect(price.get_by_role("button", name="Start upscaling")).to_be_enabled()
    assert jobs_of(user) == []


def test_a_wallet_that_was_emptied_meanwhile_is_told(page: Page, user: ApiUser, upload: str) -> None:
    wallet = json.dumps(done(user.get("/wallet")))
    page.route("**/wallet", lambda route: route.fulfill(body=wallet, content_type="application/json"))
    open_order(page, upload)
    source = {"width": 320, "height": 180, "frames": 144}
    while user.debit(task="upscale", upload_id=upload, params={"scale": 2}, source=source).ok:
        pass
    before = len(jobs_of(user))
    page.get_by_role("button", name="Start upscaling").click()
    expect(page.get_by_role("alert")).to_contain_text("The wallet has less than this job may cost.")
    expect(page.get_by_role("alert")).to_contain_text("You were not charged.")
    assert len(jobs_of(user)) == before


def test_pressing_twice_starts_one_job(page: Page, user: ApiUser, upload: str) -> None:
    open_order(page, upload)
    page.get_by_role("button", name="Start upscaling").dblclick()
    page.wait_for_url(re.compile("#/jobs/job_"))
    assert len(jobs_of(user)) == 1


def test_a_second_tab_does_not_start_the_same_job_unasked(page: Page, user: ApiUser, upload: str) -> None:
    open_order(page, upload)
    other = page.context.new_page()
    open_order(other, upload)
    button = other.get_by_role("button", name="Start upscaling")
    expect(button).to_be_enabled()
    first = start(page)
    button.click()
    expect(other.get_by_text("The same job has already been started.")).to_be_visible()
    expect(other.get_by_role("link", name="See how far it is")).to_have_attribute("href", f"#/jobs/{first}")
    assert [job["id"] for job in jobs_of(user)] == [first]
    # Pressed again, the button starts another job, with a price of its own.
    button.click()
    other.wait_for_url(re.compile("#/jobs/job_"))
    assert len(jobs_of(user)) == 2


def test_a_price_is_renewed_before_it_expires(cloud: Cloud, page: Page, user: ApiUser, upload: str) -> None:
    page.clock.install()
    open_order(page, upload)
    page.reload()
    expect(page.get_by_role("button", name="Start upscaling")).to_be_enabled()
    old = quotes_of(cloud, user)[-1]

    def dearer(route: Route) -> None:
        answer = route.fetch()
        terms = answer.json()
        route.fulfill(
            response=answer, json=terms | {"hold": terms["hold"] * 2, "expected": terms["expected"] * 2}
        )

    page.route("**/quote", dearer)
    with page.expect_response("**/quote"):
        page.clock.fast_forward("14:30")
    expect(page.get_by_text("The price has changed.")).to_be_visible()
    new = quotes_of(cloud, user)[-1]
    assert new["id"] != old["id"]
    job = job_of(user, start(page))
    row = cloud.sql("SELECT idempotency_key FROM jobs WHERE id = ?", job["id"])
    assert row == [{"idempotency_key": f"page-{new['id']}"}]


def test_a_job_can_be_started_before_the_upload_is_complete(page: Page, user: ApiUser) -> None:
    held: list[Route] = []
    page.route(
        re.compile("X-Amz-Signature"),
        lambda route: held.append(route) if route.request.method == "PUT" else route.continue_(),
    )
    page.locator("input[type=file]").set_input_files(SAMPLE)
    page.get_by_role("button", name="Start upscaling after the upload").click()
    expect(page.get_by_text("The job starts automatically when the upload is complete.")).to_be_visible()
    page.get_by_role("button", name="Cancel the start").click()
    page.get_by_role("button", name="Start upscaling after the upload").click()
    assert jobs_of(user) == []
    while not held:
        page.wait_for_timeout(50)
    held[0].continue_()
    page.wait_for_url(re.compile("#/jobs/job_"))
    (job,) = jobs_of(user)
    assert page.url.endswith(job["id"])


@pytest.mark.parametrize("stored", [False, True], ids=["in the answer", "in a file"])
def test_an_export_gets_the_tracks_that_it_follows(
    cloud: Cloud, page: Page, user: ApiUser, upload: str, stored: bool
) -> None:
    tracks = [
        {"id": number, "class_name": "person", "first_sec": 0.0, "last_sec": 0.1, "frames": BOXES}
        for number in (1, 2)
    ]

    def tracked(job: Job) -> Pretence:
        result: dict[str, Any] = {
            "status": "completed",
            "video": VIDEO,
            "stats": {},
            "notes": [],
            "tracks": tracks,
        }
        if stored:
            url = job.request["input"]["output_url"]
            assert requests.put(url, json=result, headers={"Content-Type": "application/json"}, timeout=30).ok
            del result["tracks"]
            result |= {"output_url": url.split("?")[0], "json_bytes": 9, "gzip_bytes": None}
        return Pretence(answer={"output": result})

    cloud.runpod.pretend = tracked
    source = {"width": 320, "height": 180, "frames": 144}
    track_job = done(user.debit(task="track", upload_id=upload, params={}, source=source))["id"]
    assert wait_for_end(user, track_job)["state"] == "completed"
    pretend(cloud, wait_s=3600)
    order = {
        "task": "export",
        "upscale": {},
        "track": {},
        "export": {"follow": {"track": 2, "aspect": "9:16"}},
    }
    state = {"state": {"orders": {upload: order | {"followJobId": track_job}}}, "version": 0}
    page.evaluate("(state) => sessionStorage.setItem('framewright', JSON.stringify(state))", state)
    page.goto(f"/#/uploads/{upload}")
    page.reload()
    params = params_at_runpod(cloud, start(page))
    assert params["follow"] == {"track": 2, "aspect": "9:16"}
    if stored:
        document = requests.get(params["tracks"], timeout=30).json()
        assert [track["id"] for track in document["tracks"]] == [1, 2]
    else:
        assert params["tracks"] == {"video": VIDEO, "tracks": [tracks[1]]}
    assert "Amz" not in page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")


def test_a_video_that_is_gone_says_so(page: Page, user: ApiUser, upload: str) -> None:
    assert user.delete(f"/uploads/{upload}").ok
    page.goto(f"/#/uploads/{upload}")
    expect(page.get_by_role("alert")).to_contain_text("This video is no longer there")


def test_a_price_that_the_api_cannot_tell_is_asked_for_again(page: Page, upload: str) -> None:
    page.clock.install()
    answer = {"error": {"code": "database_unavailable", "message": "no answer", "retryable": True}}
    page.route("**/quote", lambda route: route.fulfill(status=503, json=answer))
    page.goto(f"/#/uploads/{upload}")
    page.reload()
    for _ in range(6):
        with page.expect_response("**/quote"):
            page.clock.run_for(11_000)
    expect(page.get_by_role("alert")).to_contain_text("The service does not answer at the moment.")
    page.unroute("**/quote")
    page.get_by_role("button", name="Ask again").click()
    expect(page.get_by_role("button", name="Start upscaling")).to_be_enabled()


def test_workers_that_take_no_more_jobs_cost_nothing(
    cloud: Cloud, page: Page, user: ApiUser, upload: str
) -> None:
    open_order(page, upload)
    cloud.runpod.faults.add("run", faults.refusal(429))
    page.get_by_role("button", name="Start upscaling").click()
    expect(page.get_by_role("alert")).to_contain_text("The workers take no more jobs at the moment.")
    expect(page.get_by_role("alert")).to_contain_text("You were not charged.")
    assert done(user.get("/wallet"))["balance"] == 5_000_000
    assert job_of(user, start(page))["state"] == "queued"


def test_tracks_that_were_deleted_are_told(page: Page, upload: str) -> None:
    order: dict[str, Any] = {"task": "export", "upscale": {}, "track": {}, "export": {"follow": {"track": 2}}}
    state = {"state": {"orders": {upload: order | {"followJobId": f"job_{'0' * 32}"}}}, "version": 0}
    page.evaluate("(state) => sessionStorage.setItem('framewright', JSON.stringify(state))", state)
    page.goto(f"/#/uploads/{upload}")
    page.reload()
    price = page.get_by_role("region", name="Price")
    expect(price.get_by_role("alert")).to_contain_text("The tracks that the crop follows have been deleted.")


def test_the_name_of_a_file_is_shown_as_text(page: Page, user: ApiUser) -> None:
    name = "<img src=x onerror=alert(1)>.mp4"
    upload = user.upload(SAMPLE.read_bytes(), name=name)
    open_order(page, upload)
    expect(page.get_by_role("heading", level=1)).to_contain_text("<img src=x")
    assert page.locator("img[src=x]").count() == 0
