"""Tests tracking from signing in to the downloaded tracks, with all real parts behind the page."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from playwright.sync_api import Page

from tests.cloud.conftest import Cloud
from tests.page.flow_steps import (
    at_runpod,
    by_command,
    choose_task,
    choose_video,
    downloaded,
    job_of,
    params_at_runpod,
    start,
)
from tests.support.flow import SAMPLE
from tools.cloud.client import ApiUser


@pytest.mark.timeout(600)
@pytest.mark.usefixtures("worker")
def test_objects_are_tracked(cloud: Cloud, page: Page, user: ApiUser, tmp_path: Path) -> None:
    choose_video(page, SAMPLE)
    choose_task(page, "Track")
    page.get_by_text("Advanced").click()
    page.get_by_label("Confidence").fill("0.3")
    page.get_by_label("Fill gaps").fill("0.5")
    page.get_by_label("Tracker").select_option("BoT-SORT")
    job_id = start(page)
    name, content = downloaded(page, "Download the tracks")

    assert params_at_runpod(cloud, job_id) == {"confidence": 0.3, "fill_gaps_sec": 0.5, "tracker": "botsort"}
    assert name == "sample-track.json"
    tracks = json.loads(content)
    assert tracks == at_runpod(cloud, job_id).answer["output"], "the file is what the worker has answered"
    options = (
        "--model",
        "lite-detector",
        "--confidence",
        "0.3",
        "--fill-gaps",
        "0.5",
        "--tracker",
        "botsort",
    )
    expected = json.loads(by_command(tmp_path, "track", SAMPLE, *options, suffix=".json"))
    assert len(expected["tracks"]) > 1
    assert tracks["tracks"] == expected["tracks"]
    assert job_of(user, job_id)["charge"] > 0
