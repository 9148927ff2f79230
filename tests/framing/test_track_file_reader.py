"""Tests reading tracks that the track job has written, and refusing tracks with errors."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestrator.errors import BadRequest
from orchestrator.frames import TrackBoxes
from orchestrator.framing.track_file_reader import SubjectTracks, parse_tracks, read_tracks
from orchestrator.track_output.document import TrackDocument, write_tracks
from orchestrator.track_output.reported_tracks import TrackBoxCollector

VIDEO = {"width": 640, "height": 360, "frames": 50, "cuts": [10, 20]}


def box(frame: int, *bbox: float) -> dict[str, Any]:
    return {"frame": frame, "bbox": list(bbox or (10, 20, 30, 40))}


def one(number: Any = 1, *frames: Any, **more: Any) -> dict[str, Any]:
    return {"id": number, "class_name": "person", "frames": list(frames or (box(0), box(3)))} | more


def document(*tracks: Any, **video: Any) -> dict[str, Any]:
    return {"status": "completed", "tracks": list(tracks or (one(),)), "video": VIDEO | video, "stats": {}}


def written(path: Path) -> Path:
    """Write two tracks as the track job does."""
    collected = TrackBoxCollector()
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
    parsed = TrackDocument(
        tracks=collected.reported(confidence=0, classes=None),
        classes=("person", "car"),
        time_base=Fraction(1, 1000),
        video=VIDEO,
        stats={},
        notes=[],
    )
    write_tracks(path, parsed, overwrite=True)
    return path


@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.ndjson"])
def test_what_the_track_job_writes_is_read(tmp_path: Path, name: str) -> None:
    parsed = read_tracks(written(tmp_path / name).read_bytes())
    assert [(s.id, s.class_name) for s in parsed.by_id.values()] == [(1, "person"), (2, "car")]
    first, second = parsed.by_id.values()
    assert first.frames.tolist() == [0, 1, 5]
    assert second.frames.tolist() == [2, 3]
    assert first.boxes.tolist() == [[10, 20, 40.25, 60.5], [11, 20, 41.25, 60.5], [12, 20, 42.25, 60.5]]
    video = (640, 360, 50, [10, 20]) if "nd" not in name else (None, None, None, [])
    assert (parsed.width, parsed.height, parsed.frames, parsed.cuts.tolist()) == video
    parsed.check_video(width=640, height=360, frames=50)


def test_inline_and_read_are_the_same() -> None:
    inline, read = parse_tracks(document()), read_tracks(json.dumps(document(), indent=2).encode())
    assert (inline.by_id[1].boxes == read.by_id[1].boxes).all()
    assert (inline.by_id[1].frames == read.by_id[1].frames).all()
    assert inline.cuts.tolist() == read.cuts.tolist()


def test_tracks_of_before_tell_no_cuts() -> None:
    old = document()
    del old["video"]["cuts"]
    assert parse_tracks(old).cuts.tolist() == []


def test_no_tracks_are_no_error_until_somebody_is_followed() -> None:
    assert not parse_tracks({"tracks": []}).by_id
    with pytest.raises(BadRequest, match="no track has id 1; there are none"):
        parse_tracks({"tracks": []}).get(1)


def test_an_id_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    many = parse_tracks({"tracks": [one(number) for number in range(1, 31)]})
    with pytest.raises(
        BadRequest, match=r"no track has id 99; there are 1 \(person\), 2 .*, 20 .* and 10 more"
    ):
        many.get(99)


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
        parse_tracks(document()).check_video(**video)


def test_tracks_that_do_not_name_their_video_are_recognised_by_their_boxes() -> None:
    parsed = read_tracks((json.dumps(one(4, box(7, 600, 300, 40, 60))) + "\n").encode())
    parsed.check_video(width=640, height=360, frames=8)
    parsed.check_video(width=640, height=360, frames=None)
    for video in ((639, 358, 8), (640, 360, 7), (360, 640, 8)):
        with pytest.raises(BadRequest, match="of another video: track 4"):
            parsed.check_video(width=video[0], height=video[1], frames=video[2])
    late = SubjectTracks(by_id={}, width=None, height=None, frames=None, cuts=np.array([9]))
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
    parsed = document(one(1, bad))
    with pytest.raises(BadRequest, match="track") as inline:
        parse_tracks(parsed)
    with pytest.raises(BadRequest, match="track") as read:
        read_tracks(json.dumps(parsed).encode())
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
        parse_tracks(bad)
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
        b"1 2 3",
        b"[]",
    ],
    ids=range(12),
)
def test_text_that_is_none_is_refused_in_one_line(data: bytes) -> None:
    with pytest.raises(BadRequest, match="tracks") as caught:
        read_tracks(data)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 250


@pytest.mark.parametrize("named", [{}, {"class_name": None}])
def test_a_track_without_a_class_is_a_thing(named: dict[str, None]) -> None:
    track = {"id": 1, "frames": [{"frame": 0, "bbox": [1, 2, 3, 4]}], **named}
    read = read_tracks(json.dumps({"tracks": [track]}).encode())
    assert read.by_id[1].class_name == parse_tracks({"tracks": [track]}).by_id[1].class_name == "thing"


def test_an_empty_file_has_nobody() -> None:
    assert not read_tracks(b"").by_id


@pytest.mark.parametrize(
    ("text", "frames"),
    [
        ('{"id": 1, "frames": [%s]}', 1),
        ('{"frames": [%s], "class_name": "person", "id": 1}\n', 1),
        ('{"stats": {"deep": [[{}], "]}"]}, "tracks": [{"frames": [%s], "id": 1, "tracks": [{}]}]}', 1),
        ('\ufeff{"tracks": [{"id": 1, "frames": [%s]}], "frames": [1, 2]}', 1),
        (" [] ".replace("[]", '{"tracks":[{"more":[%s],"id":1,"frames":[%s]}]}'), 2),
    ],
    ids=["a track", "keys in another order", "more that is skipped", "a byte order mark", "two lists"],
)
def test_what_else_is_in_the_text_and_its_order_do_not_matter(text: str, frames: int) -> None:
    entry = '{"more": {"a": "}"}, "bbox": [1, 2, 3.5, 4], "frame": 7}'
    subject = read_tracks((text % ((entry,) * frames)).encode()).by_id[1]
    assert subject.frames.tolist() == [7]
    assert subject.boxes.tolist() == [[1, 2, 4.5, 6]]


@pytest.mark.parametrize("space", ["", " ", "\n" * 300_000], ids=["none", "one", "300,000"])
def test_a_text_of_many_windows_is_read_to_the_box(space: str) -> None:
    """Read two MiB of boxes, with a number across every border between windows and reads."""
    boxes = [[n % 600 + 0.25, n % 300 + 0.5, 1 + n % 7, 1.125] for n in range(40_000)]
    entries = [f'{{"frame":{n},"bbox":{json.dumps(bbox)},"note":"\u00fc"}}' for n, bbox in enumerate(boxes)]
    text = '{"id":1,"frames":[' + f",{space if len(space) < 2 else ''}".join(entries) + f"{space}]{space}}}"
    subject = read_tracks(text.encode()).by_id[1]
    assert subject.frames.tolist() == list(range(40_000))
    expected = np.array(boxes)
    assert (subject.boxes == np.hstack((expected[:, :2], expected[:, :2] + expected[:, 2:]))).all()


def test_text_in_many_gzip_members_is_one(tmp_path: Path) -> None:
    whole = written(tmp_path / "a.json").read_bytes()
    members = b"".join(gzip.compress(whole[start : start + 50]) for start in range(0, len(whole), 50))
    assert read_tracks(members).by_id[2].frames.tolist() == [2, 3]


BOX = '{"frame":%d,"bbox":[0,0,1,1]}'
LONG_ID = '{"id":1%04000d,"frames":[%s]}'
MIB = 2**20


def track_of(number: int, boxes: int) -> str:
    return f'{{"id":{number},"frames":[{",".join(BOX % frame for frame in range(boxes))}]}}'


def packed(*pieces: tuple[str, int]) -> bytes:
    """Compress texts, each repeated so many times; repetitions become equal gzip members, which is fast."""
    return b"".join(
        gzip.compress((text * min(count, 1000)).encode()) * -(-count // 1000) for text, count in pieces
    )


BOMBS: dict[str, tuple[Callable[[], bytes], str]] = {
    "small values": (lambda: packed(('{"tracks":[{"id":1,"frames":[', 1), ("[],", 20_000_000)), "a box is"),
    "values that are skipped": (lambda: packed(('{"x":[', 1), ("[],{},", 5_000_000)), "more than 3000000"),
    "values in one box": (
        lambda: packed(('{"tracks":[{"id":1,"frames":[{"x":[', 1), ("[],{},", 5_000_000)),
        "longer than 1 MiB",
    ),
    "one string": (lambda: packed(('{"x":"', 1), ("a" * 1000, 100_000)), "longer than 1 MiB"),
    "digits": (lambda: packed(('{"x":', 1), ("1" * 1000, 100_000)), "tracks are no JSON"),
    "digits of a box": (
        lambda: packed(('{"tracks":[{"id":1,"frames":[{"frame":', 1), ("1" * 1000, 100), ("}", 1)),
        "tracks are no JSON",
    ),
    "arrays in each other": (lambda: packed(("[", 20_000_000)), "nested too deeply"),
    "skipped arrays in each other": (lambda: packed(('{"x":', 1), ("[", 20_000_000)), "nested too deeply"),
    "objects in each other": (lambda: packed(('{"tracks":[{"a":', 1), ('{"a":', 9_000_000)), "nested too"),
    "tracks in each other": (lambda: packed(('{"tracks":[', 9_000_000)), "nested too deeply"),
    "tracks without boxes": (
        lambda: packed(('{"tracks":[', 1), ('{"id":1,"frames":[]},', 9_000_000)),
        "no box",
    ),
    "many tracks": (
        lambda: gzip.compress("\n".join(track_of(n, 1) for n in range(100_001)).encode(), 1),
        "more than 100000 tracks",
    ),
    "the same boxes again": (
        lambda: packed(('{"tracks":[{"id":1,"frames":[', 1), (BOX % 1 + ",", 9_000_000)),
        "frame 1 comes after 1",
    ),
    "ids of 4,000 digits": (
        lambda: gzip.compress("\n".join(LONG_ID % (n, BOX % 0) for n in range(20_000)).encode(), 1),
        "an id is 1000",
    ),
    "the same track again": (lambda: packed((track_of(1, 1000) + "\n", 2000)), "two of id 1"),
    "spaces": (lambda: gzip.compress(b" " * 16 * MIB) * 33, "longer than 512 MiB"),
    "spaces in a document": (
        lambda: packed(("{", 1)) + gzip.compress(b"\n" * MIB) * 513,
        "longer than 512 MiB",
    ),
    "gzip in gzip": (lambda: gzip.compress(gzip.compress(b" " * MIB) * 513), "not UTF-8"),
}
"""What takes up to 25 times its length where it is made into Python's values at once."""

MEASURED = """
import sys
from pathlib import Path
from orchestrator.errors import BadRequest
from orchestrator.framing.track_file_reader import read_tracks

try:
    with Path(sys.argv[1]).open("rb") as file:
        read = read_tracks(file)
    print(sum(len(subject.frames) for subject in read.by_id.values()))
except BadRequest as exc:
    print(exc)
status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
print(int(status["VmHWM"].split()[0]) / 1000)
"""


def read_in_a_process(file: Path) -> tuple[str, float]:
    """Read tracks as the process of a job does; return the boxes or the error, and the peak memory in MB."""
    ran = subprocess.run(
        [sys.executable, "-c", MEASURED, file], capture_output=True, text=True, timeout=120, check=True
    )
    said, peak_mb = ran.stdout.splitlines()
    return said, float(peak_mb)


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] * (name == "values that are skipped")) for name in BOMBS],
)
def test_a_bomb_is_refused_while_it_is_read_and_takes_less_than_200_mb(tmp_path: Path, name: str) -> None:
    make, reason = BOMBS[name]
    file = tmp_path / "tracks.json.gz"
    file.write_bytes(make())
    said, peak_mb = read_in_a_process(file)
    assert reason in said
    assert len(said) < 250
    assert peak_mb < 200


@pytest.mark.slow
def test_twenty_people_in_every_frame_of_an_hour_are_read_in_less_than_200_mb(tmp_path: Path) -> None:
    file = tmp_path / "tracks.json"
    with file.open("w") as text:
        text.write('{"status":"completed","tracks":[')
        boxes = ",".join(
            f'{{"frame":{n},"bbox":[{n % 1800}.25,120.5,60.25,120.75],"confidence":0.9123}}'
            for n in range(108_000)
        )
        for number in range(1, 21):
            text.write("," * (number > 1) + f'{{"id":{number},"class_name":"person","frames":[{boxes}]}}')
        text.write('],"video":{"width":1920,"height":1080,"frames":108000,"cuts":[]}}\n')
    said, peak_mb = read_in_a_process(file)
    assert said == "2160000"
    assert peak_mb < 200
