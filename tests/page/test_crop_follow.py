"""Tests how the export form shows a track that the crop follows, and a source that cannot be played."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import pretend, wait_for_end
from tests.page.crop_steps import FRAMES, HEIGHT, WIDTH, ExportForm, started
from tests.page.page_checks import axe_findings
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser, done
from tools.fixtures.clips import make_clip

MARKUP = "<img src=x onerror=alert(1)>"


def tracked(cloud: Cloud, user: ApiUser, upload_id: str) -> str:
    """Let a track job find one track, which moves by 2 pixels a frame; return the id of the job."""
    frames = [{"frame": frame, "bbox": [10 + 2 * frame, 40, 30, 80]} for frame in range(50)]
    video = {"width": WIDTH, "height": HEIGHT, "frames": FRAMES, "cuts": []}
    track = {"id": 7, "class_name": MARKUP, "confidence": 0.9, "frames": frames}
    pretend(cloud, answer={"output": {"status": "completed", "video": video, "tracks": [track]}})
    job = done(user.debit(task="track", upload_id=upload_id, params={}))
    assert wait_for_end(user, job["id"])["state"] == "completed"
    return str(job["id"])


def test_a_track_that_is_followed_is_shown_and_sent(cloud: Cloud, page: Page, user: ApiUser) -> None:
    upload_id = user.upload(SAMPLE.read_bytes())
    job_id = tracked(cloud, user, upload_id)
    export = {"follow": {"track": 7, "aspect": "9:16", "zoom": None}}
    order = {"task": "export", "upscale": {}, "track": {}, "export": export, "followJobId": job_id}
    state = json.dumps({"state": {"orders": {upload_id: order}}, "version": 0})
    page.evaluate("(state) => sessionStorage.setItem('framewright', state)", state)
    page.reload()
    page.set_viewport_size({"width": 1280, "height": 1600})
    page.goto(f"/#/uploads/{upload_id}")
    expect(page.get_by_text(f"The crop follows {MARKUP} 7.")).to_be_visible()
    expect(page.get_by_text("The output has 102 × 180 pixels")).to_be_visible()
    page.wait_for_function("() => document.querySelector('.stage video')?.readyState >= 2")
    box = page.locator(".followed-box")
    for frame in (0, 21, 49):
        page.get_by_role("slider", name="Position").fill(str(frame))
        expect(box).to_have_attribute("x", str(10 + 2 * frame))
        expect(box).to_have_attribute("height", "80")
    page.get_by_role("slider", name="Position").fill("50")
    expect(box).to_have_count(0)

    form = ExportForm(page, upload_id)
    form.choose("1:1")
    page.get_by_label("Zoom").fill("1.5")
    expect(page.get_by_text("The output has 120 × 120 pixels")).to_be_visible()
    form.choose("Same as the source")
    expect(page.get_by_text("The output has 214 × 120 pixels")).to_be_visible()
    form.choose("1:1")
    with started(cloud) as params:
        form.start()
    (sent,) = params
    assert sent["follow"] == {"track": 7, "aspect": "1:1", "zoom": 1.5}
    assert "crop" not in sent
    tracks: dict[str, Any] = sent["tracks"]
    assert [track["id"] for track in tracks["tracks"]] == [7]


@pytest.mark.parametrize(
    ("choice", "share", "sent"),
    [
        ("The bottom fifth", None, {"bottom": 0.2}),
        ("Another part", 35, {"bottom": 0.35}),
        ("Another part", 20, {"bottom": 0.2}),
        ("Nothing", None, None),
    ],
)
def test_captions_have_a_zone_that_is_sent(
    cloud: Cloud,
    page: Page,
    user: ApiUser,
    choice: str,
    share: int | None,
    sent: dict[str, float] | None,
) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    tracked(cloud, user, form.upload_id)
    page.reload()
    form.wait()
    form.choose("Follow a person")
    page.get_by_role("button", name="Follow the main subject").click()
    zone = page.get_by_role("group", name="Captions cover")
    expect(zone.get_by_role("radio", name="Nothing")).to_be_checked()
    if choice == "Nothing":
        zone.get_by_role("radio", name="The bottom fifth").check()
    zone.get_by_role("radio", name=choice).check()
    slider = page.get_by_role("slider", name="Covered at the bottom")
    if share is None:
        expect(slider).to_have_count(0)
    else:
        slider.fill(str(share))
        expect(page.get_by_text(f"Covered at the bottom: {share} %")).to_be_visible()
        expect(zone.get_by_role("radio", name=choice)).to_be_checked()
    assert axe_findings(page) == []
    with started(cloud) as params:
        form.start()
    assert params[0]["follow"].get("safe") == sent
    covers = page.get_by_text(f"captions cover bottom {share or 20} %")
    expect(covers).to_have_count(0 if sent is None else 1)


def test_following_ends(cloud: Cloud, page: Page, user: ApiUser) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    tracked(cloud, user, form.upload_id)
    page.reload()
    form.wait()
    form.choose("Follow a person")
    page.get_by_role("button", name="Follow the main subject").click()
    expect(page.get_by_text("The crop follows the main subject of each shot.")).to_be_visible()
    page.get_by_role("button", name="Stop following").click()
    form.shows(0, 0, WIDTH, HEIGHT)
    with started(cloud) as params:
        form.start()
    assert params == [{}]


def test_an_export_that_follows_nobody_yet_cannot_be_started(cloud: Cloud, page: Page, user: ApiUser) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    tracked(cloud, user, form.upload_id)
    page.reload()
    form.wait()
    start = page.get_by_role("button", name="Start the export")
    missing = page.get_by_text("Choose a person first.", exact=True)
    expect(start).to_be_enabled()
    form.choose("Follow a person")
    expect(missing).to_be_visible()
    expect(start).to_be_disabled()
    page.reload()
    expect(page.get_by_role("radio", name="Follow a person")).to_be_checked()
    expect(missing).to_be_visible()
    expect(start).to_be_disabled()

    form.choose("Fixed")
    expect(missing).to_have_count(0)
    expect(start).to_be_enabled()
    form.choose("Follow a person")
    expect(start).to_be_disabled()
    page.get_by_role("button", name="Follow the main subject").click()
    expect(missing).to_have_count(0)
    with started(cloud) as params:
        form.start()
    (sent,) = params
    assert sent["follow"]["track"] == "main"


def test_without_tracks_the_form_leads_to_tracking(page: Page, user: ApiUser) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    form.choose("Follow a person")
    page.get_by_role("button", name="Track this video").click()
    expect(page.get_by_role("radio", name="Track", exact=True)).to_be_checked()


def test_a_source_that_cannot_be_played_is_cropped_all_the_same(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    options = {"x265-params": "log-level=error"}
    clip = make_clip(tmp_path / "hevc.mp4", 12, codec="libx265", options=options)
    upload_id = user.upload(clip.read_bytes())
    page.goto(f"/#/uploads/{upload_id}")
    form = ExportForm(page, upload_id)
    form.choose("Export")
    expect(page.get_by_text("cannot play").first).to_be_visible()
    form.shows(0, 0, 96, 64)
    form.choose("1:1")
    form.shows(16, 0, 64, 64)
    form.crop.focus()
    page.keyboard.press("ArrowLeft")
    form.handle("end").focus()
    page.keyboard.press("ArrowLeft")
    with started(cloud) as params:
        form.start()
    assert params == [{"crop": {"x": 15, "y": 0, "w": 64, "h": 64}, "end": 11 / 25}]
