"""Tests the list of models: licences, speeds and what is there."""

from __future__ import annotations

import json
import shlex
import tomllib
from pathlib import Path

import pytest

from export_onnx.licence_terms import closed_product
from orchestrator.drawing.picture_files import read_picture
from orchestrator.settings import PROJECT_ROOT, Settings
from tests.support.command import framewright
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


def built_lite(repository: Path, **facts: str) -> None:
    """Copy the record of the built lite-x4 into a repository, with other facts about its weights."""
    record = json.loads((PROJECT_ROOT / "model_repository/lite-x4/1/build.json").read_text(encoding="utf-8"))
    record["model"] |= facts
    folder = repository / "lite-x4" / "1"
    folder.mkdir(parents=True)
    (folder / "build.json").write_text(json.dumps(record), encoding="utf-8")


def test_a_catalog_model_built_from_other_weights_has_their_licence(tmp_path: Path) -> None:
    places = {"WEIGHTS_DIR": str(tmp_path), "MODEL_REPOSITORY": str(tmp_path)}
    built_lite(tmp_path, weights_source="custom", licence="CC-BY-NC-4.0")
    row = json.loads(framewright_models("list", "--json", **places).stdout)[0]
    assert (row["name"], row["licence"], row["closed_product"]) == ("lite-x4", "CC-BY-NC-4.0", "no")


def test_the_list_has_the_command_that_draws_what_a_built_model_does(tmp_path: Path) -> None:
    places = {"WEIGHTS_DIR": str(tmp_path), "MODEL_REPOSITORY": str(PROJECT_ROOT / "model_repository")}
    rows = {row["name"]: row for row in json.loads(framewright_models("list", "--json", **places).stdout)}
    unbuilt = [row for row in rows.values() if row["built"] is None]
    assert {row["sample"] for row in unbuilt} <= {None}
    program, *arguments, picture = shlex.split(rows["lite-x4"]["sample"])
    assert program == "framewright"
    drawn = framewright(*arguments, tmp_path / picture, **places)
    assert drawn.code == 0, drawn.err
    assert read_picture(tmp_path / picture)[0].shape[2] == 3
    assert "models sample" in framewright_models("list", **places).stdout.splitlines()[-1]
