"""Tests GET /models of the running API against the list that the command prints."""

from __future__ import annotations

import json
import subprocess
import urllib.request

from orchestrator.settings import PROJECT_ROOT
from tests.cloud.conftest import Cloud
from tools.stand_ins.processes import COMMAND, environment

FACTS = ("name", "task", "scale", "good_for", "licence", "closed_product", "speeds")

SAMPLES = PROJECT_ROOT / "deploy" / "cloudflare" / "page" / "public" / "samples"


def test_the_api_says_of_each_model_what_the_command_says(cloud: Cloud) -> None:
    response = cloud.new_user().get("/models")
    assert response.status_code == 200
    listed = {row["name"]: row for row in response.json()["models"]}
    command = subprocess.run(
        [COMMAND, "models", "list", "--json"], env=environment(), capture_output=True, check=True
    )
    rows = [row for row in json.loads(command.stdout) if row["name"] in listed]
    assert len(rows) == len(listed)
    shown = set()
    for row in rows:
        sample = listed[row["name"]].pop("sample")
        assert listed[row["name"]] == {fact: row[fact] for fact in FACTS}
        if sample is not None:
            # The page serves it, so the API's document does not describe it; `requests` would compare them.
            with urllib.request.urlopen(cloud.url + sample, timeout=30) as picture:  # noqa: S310  ours
                assert picture.headers["Content-Type"] == "image/webp"
                assert picture.read() == (SAMPLES / f"{row['name']}.webp").read_bytes()
            shown.add(row["name"])
    assert {"lite-x4", "realesr-animevideov3", "RealESRGAN_x4plus", "centerface", "yolov8n"} <= shown
    assert listed["yolov8n"]["closed_product"] == "no"
    assert listed["rf-detr-nano"]["closed_product"] == "yes"
    speeds = listed["realesr-animevideov3"]["speeds"]
    assert ("RTX 4090", 1280, 720, 56.0) in [
        (one["gpu"], one["width"], one["height"], one["fps"]) for one in speeds
    ]
