"""Tests the list of models: licences, speeds and what is there."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from export_onnx.licence_terms import closed_product
from orchestrator.settings import Settings
from tests.support.model_builds import framewright_models


@pytest.mark.parametrize(
    ("licence", "allowed"),
    [
        ("Apache-2.0", "yes"),
        ("BSD-3-Clause", "yes"),
        ("CC-BY-4.0", "yes"),
        ("mit", "yes"),
        ("AGPL-3.0", "no"),
        ("agpl-3.0-only", "no"),
        ("CC-BY-NC-SA-4.0", "no"),
        ("unknown", "unknown"),
        ("LicenseRef-mine", "unknown"),
    ],
)
def test_a_licence_says_whether_a_closed_product_may_use_the_weights(licence: str, allowed: str) -> None:
    assert closed_product(licence) == allowed


def test_the_list_says_who_may_use_a_model_and_how_fast_it_is_with_the_source(tmp_path: Path) -> None:
    places = {"WEIGHTS_DIR": str(tmp_path), "MODEL_REPOSITORY": str(tmp_path)}
    rows = {row["name"]: row for row in json.loads(framewright_models("list", "--json", **places).stdout)}
    assert (rows["lite-x4"]["closed_product"], rows["yolov8n"]["closed_product"]) == ("yes", "no")
    table = tomllib.loads(Settings().cost_table.read_text(encoding="utf-8"))["speeds"]
    expected = [row for row in table if row["model"] == "RealESRGAN_x4plus"]
    listed = rows["RealESRGAN_x4plus"]["speeds"]
    assert [(row["gpu"], row["fps"]) for row in listed] == [(row["gpu"], row["fps"]) for row in expected]
    assert all(row["source"] in speed["origin"] for row, speed in zip(expected, listed, strict=True))


def test_the_table_shows_the_fastest_speed(tmp_path: Path) -> None:
    places = {"WEIGHTS_DIR": str(tmp_path), "MODEL_REPOSITORY": str(tmp_path)}
    text = framewright_models("list", **places).stdout
    (line,) = [line for line in text.splitlines() if line.startswith("realesr-animevideov3 ")]
    assert "BSD-3-Clause  yes " in line
    assert "56 fps of 1280x720, RTX 4090" in line
