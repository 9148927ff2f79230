"""Tests GET /models of the running API against the list that the command prints."""

from __future__ import annotations

import json
import subprocess

from tests.cloud.conftest import Cloud
from tools.stand_ins.processes import COMMAND, environment

FACTS = ("name", "task", "scale", "good_for", "licence", "closed_product", "speeds")


def test_the_api_says_of_each_model_what_the_command_says(cloud: Cloud) -> None:
    response = cloud.new_user().get("/models")
    assert response.status_code == 200
    listed = {row["name"]: row for row in response.json()["models"]}
    command = subprocess.run(
        [COMMAND, "models", "list", "--json"], env=environment(), capture_output=True, check=True
    )
    rows = [row for row in json.loads(command.stdout) if row["name"] in listed]
    assert len(rows) == len(listed)
    for row in rows:
        assert listed[row["name"]] == {fact: row[fact] for fact in FACTS}
    assert listed["yolov8n"]["closed_product"] == "no"
    assert listed["rf-detr-nano"]["closed_product"] == "yes"
    speeds = listed["realesr-animevideov3"]["speeds"]
    assert ("RTX 4090", 1280, 720, 56.0) in [
        (one["gpu"], one["width"], one["height"], one["fps"]) for one in speeds
    ]
