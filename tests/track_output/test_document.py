"""Tests the JSON document of tracks: its content, its formats, and failures to write it."""

from __future__ import annotations

import gzip
import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from orchestrator.errors import BadRequest, DiskFull, OutputPathRefused
from orchestrator.frames import TrackBoxes
from orchestrator.track_output.document import TrackDocument, bboxes, check_track_format, write_tracks
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector

NAMES = ("person", 'ein "Auto"\n\u2028', "\ud800猫")
"""Quotes, line ends, and text that is not even Unicode."""


def tracks(*, lives: int = 3, frames: int = 5) -> ReportedTracks:
    """Objects that each move one pixel a frame; the second frame of each is interpolated."""
    numbers, places = (values.ravel() for values in np.mgrid[:lives, :frames])
    collected = TrackBoxCollector()
    collected.add(
        TrackBoxes(
            frames=places,
            ids=numbers + 1,
            boxes=np.stack((places, numbers, places + 9.999, numbers + 19.5), axis=1).astype(np.float32),
            scores=(0.90002 - 0.1 * numbers).astype(np.float32),
            classes=numbers % 3,
            interpolated=places == 1,
        ),
        places * 1001,
    )
    return collected.reported(confidence=0, classes=None)


def document(parsed: ReportedTracks, **changed: Any) -> TrackDocument:
    values: dict[str, Any] = {
        "tracks": parsed,
        "classes": NAMES,
        "time_base": Fraction(1, 24000),
        "video": {"width": 100, "height": 80, "frames": 5, "fps": "24000/1001", "duration_sec": 0.208542},
        "stats": {"model": "yolov8n"},
        "notes": ["one", "two"],
    }
    return TrackDocument(**values | changed)


def test_the_document_is_what_is_promised() -> None:
    parsed = json.loads("".join(document(tracks()).json()))
    assert list(parsed) == ["status", "tracks", "video", "stats", "notes"]
    assert parsed["status"] == "completed"
    assert [track["id"] for track in parsed["tracks"]] == [1, 2, 3]
    assert [track["class_name"] for track in parsed["tracks"]] == [*NAMES[:2], "\\ud800猫"]
    second = parsed["tracks"][1]
    assert (second["first_sec"], second["last_sec"]) == (0.0, 0.166833)
    assert second["frames"][0] == {"frame": 0, "bbox": [0, 1, 10, 19.5], "confidence": 0.8}
    assert second["frames"][1] == {
        "frame": 1,
        "bbox": [1, 1, 10, 19.5],
        "confidence": 0.8,
        "interpolated": True,
    }
    assert [box["frame"] for box in second["frames"]] == [0, 1, 2, 3, 4]
    assert parsed["video"]["fps"] == "24000/1001"
    assert parsed["notes"] == ["one", "two"]


def test_no_object_is_a_completed_job() -> None:
    nobody = tracks(lives=0)
    assert json.loads("".join(document(nobody).json()))["tracks"] == []
    assert "".join(document(nobody).ndjson()) == ""


@pytest.mark.parametrize("frames", [4095, 4096, 4097, 8193])
def test_a_long_track_is_reported_in_pieces_and_whole(frames: int) -> None:
    pieces = list(document(tracks(lives=2, frames=frames)).json())
    parsed = json.loads("".join(pieces))["tracks"]
    assert [box["frame"] for box in parsed[1]["frames"]] == list(range(frames))
    assert max(map(len, pieces)) < 500_000


def test_the_name_chooses_the_format(tmp_path: Path) -> None:
    what = document(tracks())
    for name in ("a.json", "b.JSON.GZ", "c.ndjson"):
        write_tracks(tmp_path / name, what, overwrite=False)
    whole = json.loads("".join(what.json()))
    assert json.loads((tmp_path / "a.json").read_bytes()) == whole
    assert json.loads(gzip.decompress((tmp_path / "b.JSON.GZ").read_bytes())) == whole
    lines = (tmp_path / "c.ndjson").read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert [json.loads(line) for line in lines] == whole["tracks"]


def test_the_same_tracks_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.json.gz", "another name.json.gz"):
        write_tracks(tmp_path / name, document(tracks()), overwrite=False)
    first, second = (path.read_bytes() for path in tmp_path.iterdir())
    assert first == second
    assert first[4:8] == bytes(4), "no time in the header"


@pytest.mark.parametrize("name", ["tracks", "tracks.txt", "tracks.gz", "tracks.json.zip", "json"])
def test_other_names_are_refused_with_the_list_of_those_that_go(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadRequest, match=r"\.json, \.json\.gz, \.ndjson"):
        check_track_format(tmp_path / name)
    with pytest.raises(BadRequest):
        write_tracks(tmp_path / name, document(tracks()), overwrite=False)
    assert not list(tmp_path.iterdir())


def test_a_file_that_exists_is_replaced_only_on_request(tmp_path: Path) -> None:
    out = tmp_path / "tracks.json"
    out.write_text("mine")
    with pytest.raises(OutputPathRefused):
        write_tracks(out, document(tracks()), overwrite=False)
    assert out.read_text() == "mine"
    write_tracks(out, document(tracks()), overwrite=True)
    assert json.loads(out.read_text())["status"] == "completed"


def test_what_is_no_number_in_json_is_never_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_tracks(tmp_path / "a.json", document(tracks(), stats={"fps": math.nan}), overwrite=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["a.json", "a.json.gz"])
def test_a_full_disk_is_reported_as_such_and_leaves_nothing(tmp_path: Path, name: str) -> None:
    resource = pytest.importorskip("resource")
    signal = pytest.importorskip("signal")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, before[1]))
        with pytest.raises(DiskFull, match="too large"):
            write_tracks(tmp_path / name, document(tracks(lives=9, frames=2000)), overwrite=False)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)
    assert not list(tmp_path.iterdir())


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(1, 20), st.just(4)), elements=st.floats(-9, 3000, width=32)
    ),
    st.integers(1, 2500),
    st.integers(1, 2500),
)
def test_boxes_as_written_lie_in_the_picture_and_are_not_empty(boxes: Any, width: int, height: int) -> None:
    near, far = np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])
    for (x, y, w, h), (x1, y1, x2, y2) in zip(
        bboxes(np.hstack((near, far)), width=width, height=height).tolist(),
        np.hstack((near, far)).tolist(),
        strict=True,
    ):
        assert all(value == round(value, 2) for value in (x, y, w, h))
        assert "-" not in f"{x} {y}"
        assert 0 <= x < x + w <= width
        assert 0 <= y < y + h <= height
        assert min(w, h) >= 0.01
        assert abs(x - min(max(x1, 0), width)) < 0.0151
        assert abs(y - min(max(y1, 0), height)) < 0.0151
        assert abs(x + w - min(max(x2, 0), width)) < 0.0151
        assert abs(y + h - min(max(y2, 0), height)) < 0.0151


@pytest.mark.parametrize("width", [640, 1000, 1280, 1440, 1920, 3840, 4095, 7680])
def test_a_box_that_ends_at_the_edge_ends_there_in_floating_point_too(width: int) -> None:
    x1 = np.arange(width * 100, dtype=np.float64) / 100
    boxes = np.column_stack((x1, np.zeros_like(x1), np.full_like(x1, width), np.ones_like(x1)))
    parsed = bboxes(boxes.astype(np.float32), width=width, height=1)
    assert np.all(parsed[:, 0] + parsed[:, 2] == width)
