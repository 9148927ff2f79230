"""Tests the view of tracks: boxes and trails over the video, the timeline, and following a person."""

from __future__ import annotations

import random
import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import requests
from playwright.sync_api import BrowserContext, Page, Route, expect

from tests.cloud.conftest import Cloud
from tests.cloud.job_steps import wait_for_end
from tests.page.drawn_tracks import (
    FRAMES,
    HEIGHT,
    RATE,
    SHOWN,
    TRACKS,
    WIDTH,
    Shown,
    agrees,
    boxes_at,
    document_of,
    go_to,
    is_at,
    row_button,
    show,
    shown_at,
    shown_when,
    spans,
    start,
    stored,
    track_of,
    with_stills,
)
from tests.page.page_checks import (
    axe_findings,
    count_layout_shifts,
    count_violations,
    hidden_at_the_side,
    layout_shift,
    policy_violations,
    presigned_urls,
)
from tests.support.flow import PATIENT, SAMPLE
from tools.cloud.client import ApiUser, done
from tools.fixtures.clips import make_clip, numbered
from tools.stand_ins.runpod_queue import Pretence
from tools.stand_ins.worker_process import WorkerProcess

MARKUP = '<img src=x onerror="window.broken=1"><script>window.broken=1</script>'


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A video whose frames show their numbers."""
    path = tmp_path_factory.mktemp("clips") / "numbered.mp4"
    pictures = [numbered(number, WIDTH, HEIGHT) for number in range(FRAMES)]
    return make_clip(path, pictures, rate=RATE, options={"crf": "16"}).read_bytes()


def test_boxes_and_trails_belong_to_the_frame_on_the_screen(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    document = document_of(TRACKS)
    show(page, start(cloud, user, clip, lambda _job: document))
    for frame in [0, 20, 24, 25, 30, 39, 40, 59, *random.sample(range(FRAMES), 10)]:
        shown = go_to(page, frame)
        assert shown.number == frame
        agrees(shown, document, lambda number: number / RATE)


def test_boxes_belong_to_the_frame_that_is_presented_while_the_video_plays(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    document = document_of(TRACKS)
    show(page, start(cloud, user, clip, lambda _job: document))
    page.get_by_role("button", name="Play").click()
    answers = page.evaluate(
        f"""async () => {{
          const video = document.querySelector("video");
          const shown = {SHOWN};
          const answers = [];
          // On a busy machine a pass through the video may present fewer frames than are needed.
          video.addEventListener("ended", () => video.play());
          while (answers.length < 15) {{
            const mediaTime = await new Promise((resolve) =>
              video.requestVideoFrameCallback((_now, frame) => resolve(frame.mediaTime)));
            answers.push({{ ...shown(), mediaTime }});
          }}
          return answers;
        }}"""
    )
    frames = [round(answer["mediaTime"] * RATE) for answer in answers]
    assert len(set(frames)) > 3
    for frame, answer in zip(frames, answers, strict=True):
        shown = Shown(answer)
        # Until the canvas has copied the picture, the video may have gone on.
        assert shown.number >= frame
        shown.number = frame
        agrees(shown, document, lambda number: number / RATE)


def test_a_variable_frame_rate_is_exact(cloud: Cloud, user: ApiUser, page: Page, tmp_path: Path) -> None:
    times_ms = np.cumsum([0, *(random.Random(5).choice([20, 40, 120]) for _ in range(FRAMES - 1))]).tolist()
    pictures = [numbered(number, WIDTH, HEIGHT) for number in range(FRAMES)]
    video = make_clip(
        tmp_path / "vfr.mp4", pictures, pts=times_ms, time_base=Fraction(1, 1000), options={"crf": "16"}
    )
    document = document_of(TRACKS, duration_sec=times_ms[-1] / 1000 + 0.04)
    show(page, start(cloud, user, video.read_bytes(), lambda _job: document))
    for frame in [0, 23, 41, 59, *random.sample(range(FRAMES), 6)]:
        shown = go_to(page, frame)
        assert shown.number == frame
        agrees(shown, document, lambda number: times_ms[number] / 1000)


def test_tracks_of_a_document_in_the_bucket_are_drawn(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    document = document_of(TRACKS)
    show(page, start(cloud, user, clip, stored(document)))
    agrees(go_to(page, 45), document, lambda number: number / RATE)


def test_boxes_are_drawn_over_pictures_of_a_source_that_cannot_be_played(
    cloud: Cloud, user: ApiUser, page: Page, tmp_path: Path
) -> None:
    pictures = [numbered(number, WIDTH, HEIGHT) for number in range(FRAMES)]
    options = {"x265-params": "log-level=none", "crf": "16"}
    hevc = make_clip(tmp_path / "hevc.mp4", pictures, codec="libx265", rate=RATE, options=options)
    document = document_of(TRACKS)
    job_id = start(cloud, user, hevc.read_bytes(), with_stills(document, [5, 22, 45]))
    page.goto(f"/#/jobs/{job_id}")
    expect(page.get_by_role("img", name="The source at")).to_be_visible()
    for frame in (5, 22, 45):
        shown = shown_at(page, frame)
        agrees(shown, document, lambda number: number / RATE)
        page.get_by_role("button", name="Forward one picture").click()


def test_boxes_have_the_pixels_of_the_result(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    """The picture of the result may be larger than the video that is played, as with a stand-in."""
    larger = [
        track | {"frames": [box | {"bbox": [12 * side for side in box["bbox"]]} for box in track["frames"]]}
        for track in TRACKS
    ]
    document = document_of(larger, width=12 * WIDTH, height=12 * HEIGHT)
    show(page, start(cloud, user, clip, lambda _job: document))
    go_to(page, 12)
    picture = page.locator("video").bounding_box()
    box = page.locator('.track-box[data-track="1"] rect.edge').bounding_box()
    assert picture is not None
    assert box is not None
    scale = picture["width"] / WIDTH
    x, y, w, h = TRACKS[0]["frames"][12]["bbox"]
    # The edge is drawn along the box, half of it outside.
    middle = [box["x"] + box["width"] / 2 - picture["x"], box["y"] + box["height"] / 2 - picture["y"]]
    np.testing.assert_allclose(middle, [scale * (x + w / 2), scale * (y + h / 2)], atol=1)
    np.testing.assert_allclose([box["width"], box["height"]], [scale * w, scale * h], atol=6)


def test_bars_cuts_and_playhead_stand_where_their_frames_are(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    show(page, start(cloud, user, clip, lambda _job: document_of(TRACKS, cuts=[15, 33])))
    expected = {
        (1, "whole"): [(0, 50)],
        (1, "boxes"): [(0, 50)],
        (1, "detected"): [(0, 20), (25, 50)],
        (2, "whole"): [(10, 60)],
        (2, "boxes"): [(10, 30), (40, 60)],
        (3, "detected"): [(35, 60)],
    }
    for (track, kind), frames in expected.items():
        np.testing.assert_allclose(spans(page, track, kind), np.array(frames) / FRAMES, atol=1e-6)
    cuts = page.locator(".track-marks .cuts").get_attribute("d") or ""
    np.testing.assert_allclose(
        [float(x) for x in re.findall(r"M([\d.]+)", cuts)], np.array([15, 33]) / FRAMES, atol=1e-6
    )
    lane = page.locator(".track-lane").first.bounding_box()
    assert lane is not None
    for frame in (0, 33, 59):
        go_to(page, frame)
        playhead = page.locator(".playhead").bounding_box()
        assert playhead is not None
        middle = playhead["x"] + playhead["width"] / 2 - lane["x"]
        assert middle == pytest.approx(lane["width"] * (frame + 0.5) / FRAMES, abs=1.5)


def test_a_click_in_a_lane_shows_that_frame(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    show(page, start(cloud, user, clip, lambda _job: document_of(TRACKS)))
    lane = page.locator(".track-lane").nth(1)
    box = lane.bounding_box()
    assert box is not None
    for frame in (7, 44):
        lane.click(position={"x": box["width"] * (frame + 0.5) / FRAMES, "y": 20})
        shown_at(page, frame)


def test_rows_work_by_the_keyboard(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    show(page, start(cloud, user, clip, lambda _job: document_of(TRACKS)))
    row_button(page, "person 1").focus()
    page.keyboard.press("ArrowDown")
    expect(row_button(page, "person 2")).to_be_focused()
    expect(page.locator(".track-row.on")).to_have_attribute("data-track", "2")
    page.keyboard.press("Enter")
    is_at(page, 10)
    expect(page.locator(".track-box.on")).to_have_attribute("data-track", "2")
    page.keyboard.press("End")
    expect(row_button(page, "car 3")).to_be_focused()
    page.keyboard.press("f")
    expect(page.get_by_role("dialog", name="Follow car 3")).to_be_visible()
    page.keyboard.press("Escape")
    expect(row_button(page, "car 3")).to_be_focused()


def test_a_track_stands_out_in_both_places(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    show(page, start(cloud, user, clip, lambda _job: document_of(TRACKS)))
    go_to(page, 45)
    page.locator('.track-box[data-track="3"]').hover()
    expect(page.locator(".track-row.on")).to_have_attribute("data-track", "3")
    page.locator('.track-row[data-track="1"]').hover()
    expect(page.locator(".track-box.on")).to_have_attribute("data-track", "1")


def test_classes_can_be_hidden_and_rows_sorted(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    show(page, start(cloud, user, clip, lambda _job: document_of(TRACKS)))
    go_to(page, 45)
    rows = page.get_by_role("list", name="Tracks").get_by_role("listitem")
    ids = "rows => rows.map(row => row.dataset.track)"
    page.get_by_role("radio", name="Longest").check()
    expect(rows.first).to_have_attribute("data-track", "1")
    assert rows.evaluate_all(ids) == ["1", "2", "3"]
    persons = page.get_by_role("button", name="person 2", exact=True)
    expect(persons).to_have_attribute("aria-pressed", "true")
    persons.click()
    expect(rows).to_have_count(1)
    assert rows.evaluate_all(ids) == ["3"]
    shown_when(page, lambda shown: shown.boxes.keys() == {3})


def test_markup_in_the_name_of_a_class_is_text(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    tracks = [track_of(1, [*range(50)], MARKUP), *TRACKS[1:]]
    show(page, start(cloud, user, clip, lambda _job: document_of(tracks)))
    go_to(page, 20)
    row = page.locator('.track-row[data-track="1"]')
    expect(row).to_contain_text(MARKUP)
    expect(page.locator(".track-label").filter(has_text="<img src=x onerror")).to_be_visible()
    row.get_by_role("button", name="Follow").click()
    expect(page.get_by_role("dialog")).to_contain_text(MARKUP)
    assert page.evaluate("[window.broken, document.querySelectorAll('img[src=x], main script').length]") == [
        None,
        0,
    ]


def test_a_click_on_a_box_leads_to_an_export_that_follows_it(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    job_id = start(cloud, user, clip, lambda _job: document_of(TRACKS))
    show(page, job_id)
    go_to(page, 45)
    page.locator('.track-box[data-track="2"]').click()
    page.get_by_role("dialog", name="Follow person 2").get_by_role("button", name="9:16").click()
    page.wait_for_url("**/#/uploads/up_*")
    (order,) = page.evaluate("JSON.parse(sessionStorage.getItem('framewright')).state.orders").values()
    assert order["task"] == "export"
    assert order["followJobId"] == job_id
    assert order["export"] == {"follow": {"track": 2, "aspect": "9:16", "zoom": None}}
    cloud.runpod.pretend = lambda _job: Pretence(wait_s=3600)
    page.get_by_role("button", name=re.compile("^Start")).click()
    page.wait_for_url("**/#/jobs/job_*")
    export = page.url.rsplit("/", 1)[-1]
    (sent,) = (job for job in cloud.runpod.jobs.values() if f"/webhook/{export}/" in str(job.webhook))
    params = sent.request["input"]["params"]
    assert (params["follow"]["track"], params["follow"]["aspect"]) == (2, "9:16")


def test_the_main_subject_can_be_followed(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    show(page, start(cloud, user, clip, lambda _job: document_of(TRACKS)))
    page.get_by_role("button", name="Follow the main subject").click()
    page.get_by_role("dialog").get_by_role("button", name="1:1").click()
    page.wait_for_url("**/#/uploads/up_*")
    (order,) = page.evaluate("JSON.parse(sessionStorage.getItem('framewright')).state.orders").values()
    assert order["export"]["follow"] == {"track": "main", "aspect": "1:1", "zoom": None}


def test_the_view_is_accessible_and_does_not_jump(
    cloud: Cloud, user: ApiUser, context: BrowserContext, page: Page, clip: bytes
) -> None:
    job_id = start(cloud, user, clip, stored(document_of(TRACKS, cuts=[15])))
    count_layout_shifts(context)
    count_violations(context)
    page.set_viewport_size({"width": 360, "height": 740})
    page.goto(f"/#/jobs/{job_id}")
    page.reload()
    show(page, job_id)
    go_to(page, 45)
    assert hidden_at_the_side(page) <= 0
    assert layout_shift(page) < 0.1
    for scheme in ("light", "dark"):
        # A dialog that is still fading in has little contrast.
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        assert axe_findings(page) == []
    page.get_by_role("button", name="Follow person 2").click()
    assert axe_findings(page) == []
    assert presigned_urls(page) == []
    assert policy_violations(page) == []
    names = page.locator(".track-timeline button, .follow-shape")
    assert min(names.evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")) >= 44


def test_nothing_found_says_what_to_change(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    job_id = start(cloud, user, clip, lambda _job: document_of([]), confidence=0.8)
    page.goto(f"/#/jobs/{job_id}")
    expect(page.get_by_role("heading", name="Nothing was found")).to_be_visible()
    expect(page.get_by_text("Try a lower confidence than 0.8")).to_be_visible()
    page.get_by_role("link", name="Change the settings").click()
    page.wait_for_url("**/#/uploads/up_*")
    (order,) = page.evaluate("JSON.parse(sessionStorage.getItem('framewright')).state.orders").values()
    assert (order["task"], order["track"]["confidence"]) == ("track", 0.8)


def test_a_document_that_did_not_arrive_is_fetched_again_with_a_new_link(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    job_id = start(cloud, user, clip, stored(document_of(TRACKS)))
    asked: list[str] = []
    output = re.compile(re.escape(cloud.door.endpoint) + r"/.*\.json\?")

    def fail(route: Route) -> None:
        asked.append(route.request.url)
        route.abort()

    page.route(output, fail)
    page.goto(f"/#/jobs/{job_id}")
    expect(page.get_by_role("alert")).to_contain_text("The tracks could not be fetched")
    page.unroute(output)
    # A link is signed for the second in which it is made.
    page.wait_for_timeout(1100)
    with page.expect_request(output) as request:
        page.get_by_role("button", name="Try again").click()
    assert request.value.url not in asked
    expect(page.get_by_role("list", name="Tracks")).to_be_visible()


@pytest.mark.parametrize(
    "content", [b"", b"no JSON", b'{"tracks": [{"id": 1}', b'{"tracks": []}', b"[]", b"\xff\xfe"]
)
def test_a_damaged_document_is_reported(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes, content: bytes
) -> None:
    job_id = start(cloud, user, clip, stored(document_of(TRACKS), content))
    page.goto(f"/#/jobs/{job_id}")
    expect(page.get_by_role("alert")).to_contain_text("The document of tracks is damaged")


def test_invalid_boxes_are_left_out_and_counted(cloud: Cloud, user: ApiUser, page: Page, clip: bytes) -> None:
    wrong = [{"frame": 52, "bbox": [1, 2, None, 4]}, {"frame": 53, "bbox": [1e308, 0, 1e308, 1]}, 7]
    tracks = [TRACKS[0] | {"frames": [*TRACKS[0]["frames"], *wrong]}, *TRACKS[1:], {"id": "x", "frames": []}]
    show(page, start(cloud, user, clip, lambda _job: document_of(tracks)))
    expect(page.get_by_text("1 track and 3 boxes of the document are not shown")).to_be_visible()
    shown = go_to(page, 52)
    assert shown.boxes == boxes_at(document_of(TRACKS), 52)


def test_two_hundred_thousand_boxes_can_be_played_and_scrolled(
    cloud: Cloud, user: ApiUser, page: Page, clip: bytes
) -> None:
    tracks = [track_of(number, [*range(50)]) for number in range(1, 4001)]
    for track in tracks:
        for box in track["frames"]:
            box["bbox"] = [
                float(track["id"] % 70 * 4),
                float(track["id"] // 70),
                10.0 + track["id"] / 1000,
                10.0,
            ]
    show(page, start(cloud, user, clip, stored(document_of(tracks))))
    shown = go_to(page, 30)
    # The 300 largest boxes are drawn, and few rows are made of 4,000.
    assert shown.boxes.keys() == {track["id"] for track in tracks[-300:]}
    for track in tracks[-300:]:
        np.testing.assert_allclose(shown.boxes[track["id"]][0], track["frames"][30]["bbox"], atol=0.006)
    assert page.locator(".track-row").count() < 25
    row_button(page, "person 1").focus()
    page.keyboard.press("End")
    expect(row_button(page, "person 4000")).to_be_focused()
    expect(page.locator('.track-row[data-track="4000"]')).to_be_in_viewport()
    page.get_by_role("button", name="Play").click()
    page.wait_for_function("() => document.querySelector('video').currentTime > 2")


@pytest.mark.slow
def test_the_real_workers_tracks_are_drawn(user: ApiUser, page: Page, worker: WorkerProcess) -> None:
    assert worker.folder.exists()
    body = {
        "task": "track",
        "upload_id": user.upload(SAMPLE.read_bytes()),
        "params": {"model": "lite-detector"},
    }
    job = wait_for_end(user, done(user.debit(**body, source=PATIENT))["id"])
    document = (
        job["result"]
        if "tracks" in job["result"]
        else requests.get(job["links"]["output"], timeout=60).json()
    )
    show(page, job["id"])
    assert len(document["tracks"]) > 1
    for frame in (12, 60, 100):
        page.get_by_role("slider", name="Position").fill(str(frame))
        is_at(page, frame)
        shown_when(page, lambda shown: shown.boxes == boxes_at(document, frame))  # noqa: B023  runs now
