"""The tracks of a video, read back from what the track job writes, and from what others send."""

from __future__ import annotations

import gzip
import json
import tracemalloc
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orchestrator.errors import BadRequest
from orchestrator.frames import TrackBoxes
from orchestrator.framing.subjects import MOST_BYTES, Subjects, parse_subjects, read_subjects
from orchestrator.pipeline.track_file import TrackDocument, write_tracks
from orchestrator.pipeline.track_list import TrackList

if TYPE_CHECKING:
    from pathlib import Path

VIDEO = {"width": 640, "height": 360, "frames": 50, "cuts": [10, 20]}


def box(frame: int, *bbox: float) -> dict[str, Any]:
    return {"frame": frame, "bbox": list(bbox or (10, 20, 30, 40))}


def one(number: Any = 1, *frames: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "class_name": "person", "frames": list(frames or (box(0), box(3)))} | more


def document(*tracks: Any, **video: Any) -> dict[str, Any]:
    return {"status": "completed", "tracks": list(tracks or (one(),)), "video": VIDEO | video, "stats": {}}


def written(path: Path) -> Path:
    """Write two tracks as the track job does."""
    collected = TrackList()
    frames = np.array([0, 1, 5, 2, 3])
    collected.add(
        TrackBoxes(
            frames=frames,
            ids=np.array([1, 1, 1, 2, 2]),
            boxes=np.array([[10 + n, 20, 40.25 + n, 60.5] for n in range(5)], np.float32),
            scores=np.full(5, 0.9, np.float32),
            classes=np.array([0, 0, 0, 1, 1]),
            interpolated=np.array([False, True, False, False, False]),
        ),
        frames * 40,
    )
    told = TrackDocument(
        tracks=collected.reported(confidence=0, classes=None),
        classes=("person", "car"),
        time_base=Fraction(1, 1000),
        video=VIDEO,
        stats={},
        notes=[],
    )
    write_tracks(path, told, overwrite=True)
    return path


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.ndjson"])
def test_what_the_track_job_writes_is_read(tmp_path: Path, name: str) -> None:
    told = read_subjects(written(tmp_path / name).read_bytes())
    assert [(s.id, s.class_name) for s in told.by_id.values()] == [(1, "person"), (2, "car")]
    first, second = told.by_id.values()
    assert first.frames.tolist() == [0, 1, 5]
    assert second.frames.tolist() == [2, 3]
    assert first.boxes.tolist() == [[10, 20, 40.25, 60.5], [11, 20, 41.25, 60.5], [12, 20, 42.25, 60.5]]
    video = (640, 360, 50, [10, 20]) if "nd" not in name else (None, None, None, [])
    assert (told.width, told.height, told.frames, told.cuts.tolist()) == video
    told.check_video(width=640, height=360, frames=50)


def test_inline_and_read_are_the_same() -> None:
    inline, read = parse_subjects(document()), read_subjects(json.dumps(document(), indent=2).encode())
    assert (inline.by_id[1].boxes == read.by_id[1].boxes).all()
    assert (inline.by_id[1].frames == read.by_id[1].frames).all()
    assert inline.cuts.tolist() == read.cuts.tolist()


def test_tracks_of_before_tell_no_cuts() -> None:
    old = document()
    del old["video"]["cuts"]
    assert parse_subjects(old).cuts.tolist() == []


def test_no_tracks_are_no_error_until_somebody_is_followed() -> None:
    assert not parse_subjects({"tracks": []}).by_id
    with pytest.raises(BadRequest, match="no track has id 1; there are none"):
        parse_subjects({"tracks": []}).named(1)


def test_an_id_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    many = parse_subjects({"tracks": [one(number) for number in range(1, 31)]})
    with pytest.raises(
        BadRequest, match=r"no track has id 99; there are 1 \(person\), 2 .*, 20 .* and 10 more"
    ):
        many.named(99)


@pytest.mark.parametrize(
    ("video", "named"),
    [
        ({"width": 1280, "height": 720, "frames": 50}, "theirs is 640x360, this one 1280x720"),
        ({"width": 360, "height": 640, "frames": 50}, "theirs is 640x360, this one 360x640"),
        ({"width": 640, "height": 360, "frames": 49}, "theirs has 50 frames, this one 49"),
    ],
)
def test_tracks_of_another_video_are_refused(video: dict[str, int], named: str) -> None:
    with pytest.raises(BadRequest, match=f"the tracks are of another video: {named}"):
        parse_subjects(document()).check_video(**video)


def test_tracks_that_do_not_tell_their_video_are_told_by_their_boxes() -> None:
    told = read_subjects((json.dumps(one(4, box(7, 600, 300, 40, 60))) + "\n").encode())
    told.check_video(width=640, height=360, frames=8)
    told.check_video(width=640, height=360, frames=None)
    for video in ((639, 358, 8), (640, 360, 7), (360, 640, 8)):
        with pytest.raises(BadRequest, match="of another video: track 4"):
            told.check_video(width=video[0], height=video[1], frames=video[2])
    late = Subjects(by_id={}, width=None, height=None, frames=None, cuts=np.array([9]))
    with pytest.raises(BadRequest, match="a cut at frame 9, this one 9 frames"):
        late.check_video(width=640, height=360, frames=9)


BAD_BOXES = [
    {"frame": 0},
    {"bbox": [1, 2, 3, 4]},
    box(0, 1, 2, 3),
    box(0, 1, 2, 3, 4, 5),
    {"frame": 0.5, "bbox": [1, 2, 3, 4]},
    {"frame": True, "bbox": [1, 2, 3, 4]},
    {"frame": "0", "bbox": [1, 2, 3, 4]},
    {"frame": 10**30, "bbox": [1, 2, 3, 4]},
    {"frame": -1, "bbox": [1, 2, 3, 4]},
    {"frame": 0, "bbox": [1, 2, "3", 4]},
    {"frame": 0, "bbox": [1, 2, None, 4]},
    {"frame": 0, "bbox": [1, 2, 10**400, 4]},
    {"frame": 0, "bbox": "1 2 3 4"},
    box(0, 1, 2, 0, 4),
    box(0, 1, 2, 3, -4),
    box(0, 1e308, 2, 1e308, 4),
    box(0, 630, 2, 30, 4),
    box(0, -5, 2, 30, 4),
    box(50),
    [0, 1, 2, 3, 4],
    7,
    None,
]


@pytest.mark.parametrize("bad", BAD_BOXES, ids=repr)
def test_a_box_that_is_none_is_refused_in_one_line_read_or_inline(bad: Any) -> None:
    told = document(one(1, bad))
    with pytest.raises(BadRequest, match="track") as inline:
        parse_subjects(told)
    with pytest.raises(BadRequest, match="track") as read:
        read_subjects(json.dumps(told).encode())
    for caught in (inline, read):
        assert "\n" not in str(caught.value)
        assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "bad",
    [
        None,
        7,
        "tracks",
        [],
        {},
        {"tracks": None},
        {"tracks": {}},
        {"tracks": [1]},
        {"tracks": [[]]},
        {"tracks": [one(), one()]},
        {"tracks": [one("1")]},
        {"tracks": [one(1.5)]},
        {"tracks": [one(1, frames=[])]},
        {"tracks": [one(1, frames=None)]},
        {"tracks": [one(1, box(3), box(3))]},
        {"tracks": [one(1, box(3), box(2))]},
        {"tracks": [], "video": 7},
        document(width="640"),
        document(width=0),
        document(height=True),
        document(frames=-1),
        document(frames=3),
        document(cuts=[50]),
        document(cuts=[0, 4]),
        document(cuts=[4, 4]),
        document(cuts=[4, 2]),
        document(cuts=[1.5]),
        document(cuts=[10**30]),
        document(cuts="4"),
        document(cuts=None),
        {"status": "failed", "error": "x"},
    ],
    ids=range(31),
)
def test_what_is_no_document_is_refused_in_one_line(bad: Any) -> None:
    with pytest.raises(BadRequest, match="track") as caught:
        parse_subjects(bad)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"\xff\xfe",
        b"not json",
        b'{"tracks": [}',
        b'{"tracks": [{"id": 1, "frames": [{"frame": 0, "bbox": [NaN, 0, 1, 1]}]}]}',
        b'{"tracks": [{"id": 1, "frames": [{"frame": 0, "bbox": [1, 0, Infinity, 1]}]}]}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        gzip.compress(b'{"tracks": []}')[:-9],
        b"\x1f\x8bnothing",
        gzip.compress(b" " * (MOST_BYTES + 1)),
        b"1 2 3",
        b"[]",
    ],
    ids=range(13),
)
def test_text_that_is_none_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadRequest, match="tracks") as caught:
        read_subjects(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_an_empty_file_has_nobody() -> None:
    assert not read_subjects(b"").by_id


def test_boxes_become_rows_while_they_are_read() -> None:
    text = json.dumps(document(one(1, *(box(frame) for frame in range(20_000))), frames=20_000)).encode()
    tracemalloc.start()
    try:
        read_subjects(text)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < len(text) + 200 * 20_000
