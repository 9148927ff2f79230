"""Compares what the page reads from containers of videos with what PyAV and the worker read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.media.read.probe import probe
from tests.support.node_functions import run_script
from tools.cloud.wrangler_dev import PROJECT, NodeMissing
from tools.fixtures.clips import make_clip
from tools.stand_ins import bucket, s3_door

MEDIA = PROJECT / "page" / "src" / "media"
SCRIPT = """
import { openAsBlob } from "node:fs";
const { probe } = await import(`${process.argv[1]}/probe.ts`);
const { loadFrameTimes } = await import(`${process.argv[1]}/frame_times.ts`);
const { readMovieIndex } = await import(`${process.argv[1]}/movie_index.ts`);
const answers = {};
for (const name of JSON.parse(process.argv[2])) {
  const source = /^http/.test(name) ? name : await openAsBlob(name);
  const times = await loadFrameTimes(source);
  const facts = await probe(source);
  const isMovie = (await readMovieIndex(source)) !== null;
  answers[name] = { facts, isMovie, starts: times && [...times.startsS] };
}
console.log(JSON.stringify(answers));
"""

SOUND = [{"seconds": 1.0}]
X265 = {"codec": "libx265", "options": {"x265-params": "log-level=none"}}
CLIPS: dict[str, tuple[str, dict[str, Any]]] = {
    "plain.mp4": ("avc", {"pictures": 37, "audio": SOUND}),
    "index_first.mp4": ("avc", {"container_options": {"movflags": "faststart"}}),
    "fragmented.mp4": ("avc", {"container_options": {"movflags": "frag_keyframe+empty_moov"}}),
    "quarter.mp4": ("avc", {"rotation": 90}),
    "three_quarters.mp4": ("avc", {"rotation": -90}),
    "half.mov": ("avc", {"rotation": 180}),
    "mirrored.mp4": ("avc", {"hflip": True}),
    "wide.mp4": ("avc", {"aspect": Fraction(4, 3)}),
    "narrow.mp4": ("avc", {"aspect": Fraction(8, 9)}),
    "wide_quarter.mov": ("avc", {"aspect": Fraction(4, 3), "rotation": 90}),
    "variable.mp4": ("avc", {"pictures": 5, "pts": [0, 1, 5, 6, 20], "time_base": Fraction(1, 25)}),
    "variable.mkv": ("avc", {"pictures": 5, "pts": [0, 40, 200, 240, 800], "time_base": Fraction(1, 1000)}),
    "late.mp4": ("avc", {"pts": [125 + number for number in range(12)], "time_base": Fraction(1, 25)}),
    "ntsc.mp4": ("avc", {"pictures": 60, "rate": Fraction(30000, 1001)}),
    "ntsc.mkv": ("avc", {"pictures": 400, "rate": Fraction(30000, 1001)}),
    "hevc.mp4": ("hevc", X265),
    "hevc.mkv": ("hevc", X265),
    "prores.mov": ("prores", {"codec": "prores_ks", "pix_fmt": "yuv422p10le"}),
    "vp9.webm": ("vp9", {"codec": "libvpx-vp9"}),
    "mpeg4.mp4": ("mp4v", {"codec": "mpeg4"}),
    "mpeg2.mkv": ("V_MPEG2", {"codec": "mpeg2video"}),
    "broadcast.ts": ("avc", {"pictures": 50, "aspect": Fraction(16, 11)}),
}
UNREAD: dict[str, dict[str, Any]] = {
    "clip.avi": {"codec": "mpeg4"},
    "clip.flv": {},
    "clip.mxf": {"codec": "mpeg2video"},
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("clips")
    for name, how in ({name: how for name, (_, how) in CLIPS.items()} | UNREAD).items():
        make_clip(folder / name, **({"pictures": 12} | how))
    return folder


def read(*names: str) -> dict[str, Any]:
    """Read files and URLs with the page's code."""
    try:
        return dict(json.loads(run_script(SCRIPT, MEDIA.as_uri(), json.dumps(names)).stdout))
    except NodeMissing as missing:
        pytest.skip(str(missing))


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Any]:
    """What the page's code finds in each clip, by name."""
    paths = [str(folder / name) for name in [*CLIPS, *UNREAD]]
    return {Path(path).name: answer for path, answer in read(*paths).items()}


def decoded_times(path: Path) -> list[float]:
    """Return when each frame is shown, in seconds from the first, as PyAV decodes them."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        times = [float((frame.pts or 0) * (frame.time_base or 0)) for frame in container.decode(stream)]
    return [moment - min(times) for moment in sorted(times)]


@pytest.mark.parametrize("name", CLIPS)
def test_size_and_codec_are_the_workers(folder: Path, found: dict[str, Any], name: str) -> None:
    facts = found[name]["facts"]
    info = probe(folder / name)
    assert (facts["width"], facts["height"]) == (round(info.width * info.sample_aspect_ratio), info.height)
    assert facts["codec"] == CLIPS[name][0]


@pytest.mark.parametrize("name", CLIPS)
def test_frames_and_duration_are_those_that_are_decoded(
    folder: Path, found: dict[str, Any], name: str
) -> None:
    facts, times = found[name]["facts"], decoded_times(folder / name)
    assert facts["frames"] == len(times)
    last = times[-1] - times[-2]
    steps = {round(later - earlier, 6) for earlier, later in pairwise(times)}
    if "variable" in name:
        last = 1 / 25
    elif max(steps) - min(steps) < 0.002:
        assert facts["fps"] == pytest.approx((len(times) - 1) / times[-1], rel=1e-4)
    assert facts["durationS"] == pytest.approx(times[-1] + last, abs=0.002)


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_is_shown_when_it_is_decoded_to_be(
    folder: Path, found: dict[str, Any], name: str
) -> None:
    assert found[name]["starts"] == pytest.approx(decoded_times(folder / name), abs=1e-6)


@pytest.mark.parametrize("name", UNREAD)
def test_other_containers_are_left_to_the_worker(found: dict[str, Any], name: str) -> None:
    assert found[name] == {"facts": None, "isMovie": False, "starts": None}


def test_the_small_reader_does_for_common_movies(found: dict[str, Any]) -> None:
    movies = {name for name in CLIPS if name.endswith((".mp4", ".mov"))} - {"fragmented.mp4"}
    assert {name for name, answer in found.items() if answer["isMovie"]} == movies


@pytest.fixture
def stored(folder: Path) -> Iterator[dict[str, str]]:
    """The clips in a bucket: their presigned URLs by name."""
    with s3_door.serving() as served:
        urls = {}
        for name in ("plain.mp4", "index_first.mp4", "hevc.mkv", "prores.mov"):
            served.client.put_object(Bucket=bucket.NAME, Key=name, Body=(folder / name).read_bytes())
            where = {"Bucket": bucket.NAME, "Key": name}
            urls[name] = served.client.generate_presigned_url("get_object", where)
        yield urls


def test_a_url_says_the_same_as_the_file(found: dict[str, Any], stored: dict[str, str]) -> None:
    answers = read(*stored.values())
    assert {name: answers[url] for name, url in stored.items()} == {name: found[name] for name in stored}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_damaged_movies_neither_hang_nor_throw(
    folder: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    whole = (folder / "plain.mp4").read_bytes()
    index = whole.index(b"moov")
    damaged = []
    for number in range(20):
        content = bytearray(whole)
        for _ in range(data.draw(st.integers(1, 4))):
            at = data.draw(st.integers(0, 40) | st.integers(index - 4, len(whole) - 1))
            content[at] = data.draw(st.sampled_from([0, 1, 0x7F, 0x80, 0xFF]))
        path = tmp_path_factory.getbasetemp() / f"damaged{number}.mp4"
        path.write_bytes(content[: data.draw(st.integers(0, len(whole)) | st.just(len(whole)))])
        damaged.append(str(path))
    for answer in read(*damaged).values():
        facts = answer["facts"]
        assert facts is None or (facts["width"] > 0 and facts["durationS"] > 0)
