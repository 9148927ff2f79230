"""Tests that the real worker exports what was dragged in the page, frame by frame."""

from __future__ import annotations

import io
import json
import subprocess
import time
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect

from orchestrator.frames import Crop
from orchestrator.framing.keyframes import CropPath
from tests.cloud.conftest import Cloud
from tests.page.crop_steps import FPS, FRAMES, HEIGHT, WIDTH, ExportForm
from tests.page.flow_steps import JOB_MS, downloaded, job_of, params_at_runpod
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser
from tools.stand_ins.processes import COMMAND

Pixels = NDArray[np.uint8]
NEARLY_EQUAL_DB = 33
"""Frames of this clip that x264 has encoded at high quality are at least as near to those before."""

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.usefixtures("worker")]


def frames_of(video: Path | bytes, form: str = "rgb24") -> list[Pixels]:
    """Return the frames of a video as uint8: [H, W, 3] RGB, or the planes of yuv420p as PyAV stacks them."""
    with av.open(io.BytesIO(video) if isinstance(video, bytes) else str(video), "r") as container:
        return [np.asarray(frame.to_ndarray(format=form), np.uint8) for frame in container.decode(video=0)]


def cut_out(frame: Pixels, crop: Crop, width: int, height: int) -> Pixels:
    """Return a crop of a frame, resampled to a size by OpenCV."""
    across, down = width / crop.w, height / crop.h
    # Pixels have their centres at halves.
    matrix = np.array(
        [
            [across, 0, (0.5 - crop.x) * across - 0.5],
            [0, down, (0.5 - crop.y) * down - 0.5],
        ]
    )
    resampled = cv2.warpAffine(
        frame, matrix, (width, height), flags=cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(resampled, np.uint8)


def psnr_db(one: Pixels, other: Pixels) -> float:
    """Return how near two pictures are in their luma; chroma is stored for two pixels at once."""
    first, second = (
        np.asarray(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), np.uint8) for picture in (one, other)
    )
    return float(cv2.PSNR(first, second))


def job_id(page: Page) -> str:
    return page.url.rsplit("/", 1)[1]


def test_a_dragged_crop_and_part_are_exported(cloud: Cloud, page: Page, user: ApiUser) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    form.drag((WIDTH - 1, HEIGHT - 1), (WIDTH - 101, HEIGHT - 41))
    form.drag((60, 60), (103, 71))
    form.shows(43, 11, 220, 140)
    form.show_frame(30)
    page.get_by_role("button", name="Start here").click()
    form.show_frame(53)
    page.get_by_role("button", name="End here").click()
    form.start()
    _, content = downloaded(page, "Download the video")
    assert params_at_runpod(cloud, job_id(page))["crop"] == {"x": 43, "y": 11, "w": 220, "h": 140}

    exported, source = frames_of(content), frames_of(SAMPLE)
    assert len(exported) == 24
    for number, frame in enumerate(exported):
        assert frame.shape == (140, 220, 3)
        expected = source[30 + number][11:151, 43:263]
        assert psnr_db(frame, expected) > NEARLY_EQUAL_DB, number
    right = psnr_db(exported[0], source[30][11:151, 43:263])
    assert psnr_db(exported[0], source[29][11:151, 43:263]) < right - 3, "another frame"
    assert psnr_db(exported[0], source[30][11:151, 44:264]) < right - 3, "a pixel off"
    the_output_is_in_step(page, exported)


def test_a_lossless_crop_has_the_sources_samples(page: Page, user: ApiUser) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    for name, value in (("Width", 120), ("Height", 90), ("Left", 44), ("Top", 12)):
        page.get_by_label(name, exact=True).fill(str(value))
        page.keyboard.press("Enter")
    page.get_by_label("Quality").select_option("lossless")
    form.show_frame(140)
    page.get_by_role("button", name="Start here").click()
    form.start()
    _, content = downloaded(page, "Download the video")
    exported, source = (frames_of(video, "yuv420p") for video in (content, SAMPLE))
    assert len(exported) == 4
    for frame, whole in zip(exported, source[140:], strict=True):
        assert np.array_equal(frame[:90], whole[12:102, 44:164])


def the_output_is_in_step(page: Page, exported: list[Pixels]) -> None:
    """Check the pixels of the output beside the source, at moments in the part and outside of it."""
    stage = page.get_by_role("group", name="Source with the crop")
    position = stage.get_by_role("slider", name="Position")
    for frame, shown in ((40, 10), (53, 23), (0, 0), (31, 1)):
        position.fill(str(frame))
        expect(stage.get_by_text(f"frame {frame}", exact=True)).to_be_visible()
        wait_for_output(page, exported, shown)
        outside = page.get_by_text("The source is at a moment that is not in the output.")
        expect(outside).to_have_count(0 if 30 <= frame <= 53 else 1)


def wait_for_output(page: Page, exported: list[Pixels], number: int) -> None:
    """Wait until the output in the browser shows a frame: it is nearer to it than to all others."""
    deadline = time.monotonic() + 60
    while (shown := nearest(exported, output_pixels(page))) != number:
        assert time.monotonic() < deadline, f"the output shows frame {shown}, not {number}"
        time.sleep(0.2)


def nearest(exported: list[Pixels], picture: Pixels | None) -> int | None:
    if picture is None:
        return None
    off = [np.abs(frame.astype(int) - picture).mean() for frame in exported]
    return int(np.argmin(off))


def output_pixels(page: Page) -> Pixels | None:
    """Return the frame of the output that the browser shows, uint8 [H, W, 3]; None while it seeks."""
    pixels = page.evaluate(
        """() => {
          const video = document.querySelector("video[aria-label=Output]");
          if (video === null || video.seeking || video.readyState < 2) return null;
          const { videoWidth: width, videoHeight: height } = video;
          const context = new OffscreenCanvas(width, height).getContext("2d");
          context.drawImage(video, 0, 0);
          return [width, height, Array.from(context.getImageData(0, 0, width, height).data)];
        }"""
    )
    if pixels is None:
        return None
    width, height, values = pixels
    return np.array(values, np.uint8).reshape(height, width, 4)[..., :3]


def test_an_edited_path_is_exported_and_edited_again(cloud: Cloud, page: Page, user: ApiUser) -> None:
    form = ExportForm.open(page, user, SAMPLE)
    form.choose("1:1")
    form.choose("Move along a path")
    form.page.get_by_label("Width", exact=True).fill("120")
    page.keyboard.press("Enter")
    form.drag((130, 60), (70, 40))
    form.show_frame(70)
    form.drag((170, 60), (235, 80))
    form.show_frame(FRAMES - 1)
    page.get_by_role("button", name="End here").click()
    form.start()
    _, content = downloaded(page, "Download the video")
    first = job_id(page)
    params = params_at_runpod(cloud, first)
    path = CropPath.parse(params["crop"], width=WIDTH, height=HEIGHT)
    assert len(path) == 3

    exported, source = frames_of(content), frames_of(SAMPLE)
    assert len(exported) == FRAMES
    height, width, _ = exported[0].shape
    off = [
        psnr_db(frame, cut_out(source[number], path.at(number / FPS), width, height))
        for number, frame in enumerate(exported)
    ]
    assert min(off) > 30, off  # two different resamplers
    late = [
        psnr_db(frame, cut_out(source[number], path.at((number + 3) / FPS), width, height))
        for number, frame in enumerate(exported)
    ]
    assert np.mean(off) > np.mean(late) + 3

    keyframes = job_of(user, first)["result"]["keyframes"]
    expect(page.locator("[data-keyframe]")).to_have_count(3)
    page.get_by_role("button", name="Run again with changes").click()
    form.wait()
    expect(page.get_by_text("Keyframe 1 of 3", exact=True)).to_be_visible()
    form.show_frame(70)
    page.get_by_role("button", name="Delete keyframe").click()
    form.start()
    again = params_at_runpod(cloud, job_id(page))
    assert again["crop"] == [keyframes[0], keyframes[2]]
    assert "follow" not in again


def test_the_path_of_a_followed_subject_is_previewed_and_edited(
    cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path
) -> None:
    upload_id = user.upload(SAMPLE.read_bytes())
    page.set_viewport_size({"width": 1280, "height": 1600})
    page.goto(f"/#/uploads/{upload_id}")
    form = ExportForm(page, upload_id)
    form.choose("Track")
    page.get_by_role("button", name="Start tracking").click()
    expect(page.get_by_role("button", name="Download the tracks")).to_be_visible(timeout=JOB_MS)
    page.goto(f"/#/uploads/{upload_id}")
    form.choose("Export")
    form.wait()
    form.choose("Follow a person")
    page.get_by_role("button", name="Follow the main subject").click()
    offer = page.get_by_role("button", name="Preview the path (about")
    expect(offer).to_be_enabled()
    before = set(cloud.runpod.jobs)
    offer.click()
    expect(page.get_by_role("button", name="Edit the path")).to_be_visible(timeout=JOB_MS)
    (preview,) = (job for name, job in cloud.runpod.jobs.items() if name not in before)
    sent: dict[str, Any] = preview.request["input"]["params"]
    assert {name: sent[name] for name in ("quality", "size", "end")} == {
        "quality": "low",
        "size": "102x180",
        "end": 1,
    }
    found = preview.answer["output"]["keyframes"]
    expect(page.locator("[data-keyframe]")).to_have_count(min(len(found), 60))
    assert found == followed_by_command(tmp_path, sent["tracks"]), "the path is that of the whole video"

    page.get_by_role("button", name="Edit the path").click()
    expect(page.get_by_role("radio", name="Move along a path")).to_be_checked()
    expect(page.get_by_role("radio", name="9:16")).to_be_checked()
    form.show_frame(FRAMES - 1)
    form.crop.focus()
    page.keyboard.press("ArrowLeft")
    form.start()
    params = params_at_runpod(cloud, job_id(page))
    assert list(params) == ["crop"]
    assert params["crop"][: len(found) - 1] == found[:-1]
    assert CropPath.parse(params["crop"], width=WIDTH, height=HEIGHT).size == (102, 180)


def followed_by_command(folder: Path, tracks: object) -> list[dict[str, float]]:
    """Return the path with which the command follows the main subject of the whole video."""
    document = folder / "tracks.json"
    document.write_text(json.dumps(tracks))
    options = ["--follow", "main", "--tracks", str(document), "--aspect", "9:16", "--json"]
    run = subprocess.run(
        [COMMAND, "export", str(SAMPLE), str(folder / "followed.mp4"), *options],
        check=True,
        capture_output=True,
        text=True,
    )
    keyframes: list[dict[str, float]] = json.loads(run.stdout)["keyframes"]
    return keyframes
