"""A plan has the frames of the ordinary job, and segments that begin at keyframes."""

from __future__ import annotations

import io
import json
import struct
import threading
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO, Literal

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from orchestrator.cost.price_table import PriceTable
from orchestrator.errors import BadMedia, BadRequest, CallerError
from orchestrator.film.document import FilmModel, FilmPlan, document, hash_of, read_plan
from orchestrator.film.frame_pts import expand, segment_pts
from orchestrator.film.plan import Unsplit, plan_film
from orchestrator.film.segment_frames import planned_frames, selection_of
from orchestrator.film.segments import fewer_segments
from orchestrator.framing.track_file_reader import read_tracks
from orchestrator.jobs import UpscaleParams
from orchestrator.jobs.film import MOST_SEGMENTS, ExportFilm, TrackFilm, UpscaleFilm
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.media.write.encoder_selection import choose
from orchestrator.media_containers import MP4
from orchestrator.pipeline.context import JobContext
from orchestrator.storage.client import StorageClient
from orchestrator.triton.client import TritonClient
from orchestrator.triton.contract import UpscaleContract
from tests.support.exports import export_video
from tests.support.range_server import serving_ranges
from tests.support.transfers import LOOPBACK
from tests.support.transfers import QUICK as QUICK_TRANSFER
from tests.support.unusual_indexes import changed
from tools.fixtures.clips import make_clip, numbered, truncate

QUICK = settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
)
SOUND = {"seconds": 2.4}
X264 = {"g": "8", "bf": "2", "sc_threshold": "0"}
OPEN_X264 = {"g": "8", "bf": "2", "x264-params": "open-gop=1:scenecut=0"}
OPEN_X265 = {"x265-params": "log-level=none:open-gop=1:keyint=8:min-keyint=8:scenecut=0:bframes=3"}
VP9 = {"g": "8", "deadline": "realtime", "cpu-used": "8"}


def no_triton() -> Any:
    raise AssertionError("a plan without a model connects to no Triton")


CONTEXT = JobContext(connect=no_triton)


def planned(path: Any, *, segments: int | None = 5, subjects: Any = None, **params: Any) -> FilmPlan:
    film = ExportFilm.model_validate({"task": "export", "segments": segments, "params": params})
    return plan_film(path, film, CONTEXT, etag=None, subjects=subjects)


def read(path: Path, start_s: Fraction | None = None, end_s: Fraction | None = None) -> list[tuple[int, int]]:
    """Return pts and duration of each frame of the ordinary job."""
    with VideoReader(path, probe(path), start_s=start_s, end_s=end_s) as reader:
        return [(frame.pts, frame.duration) for frame in reader.frames()]


def check(path: Path, plan: FilmPlan, frames: list[tuple[int, int]]) -> None:
    """Compare a plan with the frames of the ordinary job, and with the packets of the file."""
    pts = expand(plan.pts).tolist()
    assert pts == [each for each, _ in frames]
    assert plan.last_duration == frames[-1][1]
    assert [segment.number for segment in plan.segments] == list(range(len(plan.segments)))
    parts = [segment_pts(plan, segment.number).tolist() for segment in plan.segments]
    assert list(chain.from_iterable(parts)) == pts
    assert all(part for part in parts)
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    for segment, part in zip(plan.segments, parts, strict=True):
        assert segment.last_pts == part[-1]
        assert segment.first_pts == part[0] or (segment.number == 0 and segment.first_pts < part[0])
        assert segment.decode_pts <= segment.first_pts
        begin = next(n for n, packet in enumerate(packets) if packet.pts == segment.first_pts)
        assert segment.number == 0 or packets[begin].is_keyframe
        start = next(n for n, packet in enumerate(packets) if packet.pts == segment.decode_pts)
        assert packets[start].is_keyframe
        last = max(n for n, packet in enumerate(packets) if packet.pts in part)
        places = [(packet.pos or 0, packet.size) for packet in packets[start : last + 1]]
        assert segment.first_byte <= min(place for place, _ in places)
        is_mp4 = path.suffix in {".mp4", ".mov"}
        assert segment.end_byte >= max(place + size * is_mp4 for place, size in places)
        assert segment.end_byte <= plan.source.bytes
        # Nothing of an earlier packet is shown in this segment or later.
        assert all((packet.pts or 0) < segment.first_pts for packet in packets[:start])


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mp4", "libx264", X264),
        ("b.mp4", "libx264", OPEN_X264),
        ("c.mp4", "libx265", OPEN_X265),
        ("d.mp4", "libsvtav1", {"preset": "12", "g": "8"}),
        ("e.mp4", "libvpx-vp9", VP9),
        ("f.mp4", "mpeg4", {"g": "8", "bf": "2"}),
        ("a.mov", "libx264", X264),
        ("b.mov", "mpeg2video", {"g": "8", "bf": "2"}),
        ("a.mkv", "libx264", OPEN_X264),
        ("b.mkv", "libx265", OPEN_X265),
        ("a.webm", "libvpx-vp9", VP9),
        ("a.ts", "libx264", X264),
        ("b.ts", "libx265", OPEN_X265),
        ("c.ts", "mpeg2video", {"g": "8", "bf": "2"}),
    ],
)
def test_a_plan_has_the_frames_of_the_ordinary_job(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    sound = {"codec": "libopus"} if name.endswith("webm") else {}
    path = make_clip(tmp_path / name, 60, codec=codec, options=options, audio=[SOUND | sound])
    plan = planned(path)
    check(path, plan, read(path))
    assert 3 <= len(plan.segments) <= 6
    assert plan.source.bytes == path.stat().st_size
    assert plan.source.info == probe(path)


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv", "a.ts"])
def test_sound_that_begins_late_or_early_changes_no_frame(tmp_path: Path, name: str) -> None:
    for start in (0.5, 0.0):
        path = make_clip(
            tmp_path / f"{start}{name}",
            50,
            options=X264,
            pts=[20 + n for n in range(50)],
            time_base=Fraction(1, 25),
            audio=[{"seconds": 2, "start": start}],
        )
        check(path, planned(path), read(path))


@QUICK
@given(
    gaps=st.lists(st.integers(180, 9000), min_size=24, max_size=60),
    first=st.integers(-20, 100),
    name=st.sampled_from(["a.mp4", "a.mkv", "a.mov"]),
    start=st.one_of(st.none(), st.fractions(0, 2, max_denominator=100)),
    length=st.one_of(st.none(), st.fractions(Fraction(1, 2), 3, max_denominator=100)),
)
def test_any_variable_rate_and_any_time_range(
    tmp_path: Path,
    gaps: list[int],
    first: int,
    name: str,
    start: Fraction | None,
    length: Fraction | None,
) -> None:
    pts = [first * 900 + sum(gaps[:n]) for n in range(len(gaps) + 1)]
    path = make_clip(
        tmp_path / name,
        len(pts),
        pts=pts,
        time_base=Fraction(1, 90_000),
        options={"g": "4", "bf": "2"},
        last_duration=5000,
    )
    end = None if length is None else (start or 0) + length
    asked: dict[str, Any] = {
        name: float(value) for name, value in (("start", start), ("end", end)) if value is not None
    }
    exact = {name: Fraction(str(value)) for name, value in asked.items()}
    try:
        frames = read(path, exact.get("start"), exact.get("end"))
    except BadRequest:
        with pytest.raises(BadRequest):
            planned(path, **asked)
        return
    try:
        plan = planned(path, **asked)
    except Unsplit:
        assert len(frames) < 12
        return
    check(path, plan, frames)


def test_a_long_still_at_the_start_of_the_range_is_shortened(tmp_path: Path) -> None:
    pts = [0, *(100 + n for n in range(40))]
    path = make_clip(tmp_path / "a.mp4", 41, pts=pts, time_base=Fraction(1, 25), options=X264)
    plan = planned(path, start=2.0)
    check(path, plan, read(path, Fraction(2)))
    tick = plan.source.info.time_base
    assert expand(plan.pts)[0] * tick == 2
    assert plan.segments[0].first_pts == 0


def test_what_an_edit_list_hides_is_no_frame(tmp_path: Path) -> None:
    path = make_clip(
        tmp_path / "a.mp4", 50, pts=list(range(-10, 40)), time_base=Fraction(1, 25), options=X264
    )
    plan = planned(path)
    assert sum(segment.frames for segment in plan.segments) == 40
    check(path, plan, read(path))


def test_decoding_starts_a_keyframe_earlier_where_h264_has_intra_refresh(tmp_path: Path) -> None:
    closed = make_clip(tmp_path / "a.mp4", 60, options=X264)
    opened = make_clip(tmp_path / "b.mp4", 60, options=OPEN_X264)
    for path in (closed, opened):
        assert len(plan := planned(path).segments) > 3
        assert all(segment.decode_pts == segment.first_pts for segment in plan)
    refreshed = make_clip(tmp_path / "c.mp4", 150, options={"x264-params": "intra-refresh=1:keyint=6"})
    keys = _keyframe_pts(refreshed)
    plan = planned(refreshed, segments=3).segments
    assert len(plan) == 3
    for segment in plan[1:]:
        assert segment.decode_pts == keys[keys.index(segment.first_pts) - 1]


def test_where_a_segment_needs_the_group_before_it_has_at_least_five_times_its_bytes(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 300, options={"x264-params": "intra-refresh=1:keyint=10"})
    with av.open(str(path)) as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    plan = planned(path, segments=30).segments
    assert 3 <= len(plan) <= 7
    for segment in plan[1:]:
        before = sum(
            packet.size for packet in packets if _from(packet, segment.decode_pts, segment.first_pts - 1)
        )
        own = sum(packet.size for packet in packets if _from(packet, segment.first_pts, segment.last_pts))
        assert 0 < before <= 0.2 * own
    with pytest.raises(Unsplit, match="too few keyframes"):
        planned(make_clip(tmp_path / "b.mp4", 40, options={"x264-params": "intra-refresh=1:keyint=10"}))


def _from(packet: Any, first_pts: int, last_pts: int) -> bool:
    return first_pts <= (packet.pts or 0) <= last_pts


@pytest.mark.parametrize(
    ("name", "codec", "options"), [("a.mp4", "libx264", OPEN_X264), ("a.mkv", "libx265", OPEN_X265)]
)
def test_a_part_has_the_last_pictures_that_follow_the_keyframe_after_its_end_in_the_file(
    tmp_path: Path, name: str, codec: str, options: dict[str, str]
) -> None:
    path = make_clip(tmp_path / name, 60, codec=codec, options=options)
    for end in (0.93, 0.94, 0.97, 1.0, 1.25, 1.6):
        check(path, planned(path, segments=3, end=end), read(path, end_s=Fraction(str(end))))


def test_decoding_starts_at_a_cra_picture_of_hevc(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mkv", 60, codec="libx265", options=OPEN_X265)
    plan = planned(path)
    assert len(plan.segments) > 2
    assert all(segment.decode_pts == segment.first_pts for segment in plan.segments)


def _keyframe_pts(path: Path) -> list[int]:
    with av.open(str(path)) as container:
        return [packet.pts or 0 for packet in container.demux(video=0) if packet.is_keyframe and packet.size]


class _Counting:
    """A video source that counts the bytes that are read."""

    def __init__(self, path: Path) -> None:
        self._path, self.places = path, np.zeros(path.stat().st_size, np.bool_)
        self.name, self.exists, self.is_file, self.stat = path.name, path.exists, path.is_file, path.stat

    def open(self, mode: Literal["rb"]) -> io.BufferedReader:
        return io.BufferedReader(_CountingFile(self._path.open(mode), self.places), 512)


class _CountingFile(io.RawIOBase):
    def __init__(self, file: BinaryIO, places: Any) -> None:
        super().__init__()
        self._file, self._places = file, places

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def readinto(self, buffer: Any) -> int:
        place, view = self._file.tell(), memoryview(buffer).cast("B")
        data = self._file.read(len(view))
        view[: len(data)] = data
        self._places[place : place + len(data)] = True
        return len(data)


@pytest.mark.parametrize("options", [{}, {"movflags": "faststart"}])
def test_of_an_mp4_little_more_than_the_index_is_read(tmp_path: Path, options: dict[str, str]) -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (240, 320, 3), np.uint8) for _ in range(10)]
    path = make_clip(
        tmp_path / "a.mp4",
        (noise[n % 10] for n in range(400)),
        options={"g": "40", "crf": "8", "preset": "ultrafast"},
        container_options=options,
    )
    source = _Counting(path)
    plan = planned(source, segments=4)
    assert plan == planned(path, segments=4)
    assert path.stat().st_size > 20_000_000
    assert source.places.sum() < 1_500_000
    # The data of each segment's keyframe were looked at, and hardly more.
    middle = source.places[plan.segments[1].first_byte : plan.segments[1].end_byte]
    assert 0 < middle.sum() < 100_000


def test_a_plan_of_a_file_behind_a_url_is_that_of_the_file_and_fetches_its_index(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (240, 320, 3), np.uint8) for _ in range(10)]
    path = make_clip(
        tmp_path / "a.mp4",
        (noise[n % 10] for n in range(600)),
        options={"g": "60", "crf": "8", "preset": "ultrafast"},
        audio=[{"seconds": 24}],
    )
    with serving_ranges(path.read_bytes()) as server:
        client = StorageClient(guard=LOOPBACK, limits=replace(QUICK_TRANSFER, max_bytes=10**9))
        file = client.ranged(server.url, stop=threading.Event())
        assert planned(file, segments=4) == planned(path, segments=4)
    assert path.stat().st_size > 30_000_000
    assert file.fetched_bytes < 3_000_000


def test_a_plan_is_the_same_each_time_and_is_read_back_as_it_was(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 60, options=X264)
    plan = planned(path)
    assert document(plan) == document(planned(path))
    assert read_plan(document(plan), expected_hash=hash_of(document(plan))) == plan


def test_frames_of_a_video_that_begins_with_pictures_that_cannot_be_decoded(tmp_path: Path) -> None:
    whole = make_clip(tmp_path / "a.ts", 100, options={"g": "25", "bf": "2"})
    data = whole.read_bytes()
    path = tmp_path / "b.ts"
    path.write_bytes(data[: 3 * 188] + data[len(data) // 188 // 5 * 188 :])
    plan = planned(path, segments=3)
    assert plan.source.info.skipped_frames
    assert expand(plan.pts).tolist() == [pts for pts, _ in read(path)]


def _x264(path: Path, count: int = 60, **more: Any) -> Path:
    return make_clip(path, count, options=X264, **more)


def _edited(path: Path, edits: list[tuple[int, int]]) -> Path:
    """Write a clip whose edit list shows parts, each from a tick of the video on for some milliseconds."""
    _x264(path, 100)
    entries = b"".join(struct.pack(">IiI", length, start, 1 << 16) for start, length in edits)
    listed = bytes(4) + len(edits).to_bytes(4) + entries
    path.write_bytes(changed(path.read_bytes(), b"elst", lambda _: listed))
    return path


def test_a_video_that_begins_late_or_whose_start_is_hidden_is_split(tmp_path: Path) -> None:
    for edits in ([(1024 + 512 * 13, 3000)], [(-1, 400), (1024 + 512 * 13, 3000)]):
        path = _edited(tmp_path / "a.mp4", edits)
        plan = planned(path)
        assert len(plan.segments) > 2
        check(path, plan, read(path))


UNSPLIT: dict[str, tuple[str, Callable[[Path], Path], dict[str, Any], str]] = {
    "short": ("a.mp4", _x264, {"segments": None}, "too short"),
    "one keyframe": (
        "a.mp4",
        lambda path: make_clip(path, 300, options={"g": "999", "sc_threshold": "0"}),
        {},
        "too few keyframes",
    ),
    "gif": ("a.mp4", _x264, {"format": "gif"}, "a gif is short"),
    "interlaced": (
        "a.mp4",
        lambda path: make_clip(path, 60, options={"g": "8"}, fields="tff"),
        {},
        "interlaced",
    ),
    "no cues": ("a.mkv", lambda path: _x264(path, container_options={"live": "1"}), {}, "no index"),
    "fragments": (
        "a.mp4",
        lambda path: _x264(path, container_options={"movflags": "frag_keyframe+empty_moov"}),
        {},
        "no index",
    ),
    "two parts": (
        "a.mp4",
        lambda path: _edited(path, [(1024 + 512 * 20, 1200), (1024 + 512 * 70, 1000)]),
        {},
        "edit",
    ),
    "two parts with a pause": (
        "a.mov",
        lambda path: _edited(path, [(-1, 200), (1024, 1200), (-1, 300), (1024 + 512 * 70, 1000)]),
        {},
        "several parts",
    ),
    "vp8": (
        "a.webm",
        lambda path: make_clip(path, 60, codec="libvpx", options={"g": "8"}),
        {},
        "only known when they are decoded",
    ),
    "avi": ("a.avi", lambda path: make_clip(path, 60, codec="mpeg4", options={"g": "8"}), {}, "its start"),
    "flv": ("a.flv", _x264, {}, "its start"),
    "animation": (
        "a.gif",
        lambda path: make_clip(path, 30, codec="gif", pix_fmt="rgb8", rate=10),
        {},
        "its start",
    ),
    "one segment": ("a.mp4", _x264, {"segments": 1}, "one segment is asked for"),
}


@pytest.mark.parametrize("case", UNSPLIT)
def test_a_video_that_cannot_or_need_not_be_split_stays_one_job(tmp_path: Path, case: str) -> None:
    name, make, params, reason = UNSPLIT[case]
    with pytest.raises(Unsplit) as caught:
        planned(make(tmp_path / name), **params)
    assert reason in caught.value.reason
    assert caught.value.reason.endswith(": it is processed as one job")


def test_fragments_with_an_index_are_split(tmp_path: Path) -> None:
    options = {"movflags": "frag_keyframe+empty_moov+global_sidx+default_base_moof"}
    path = _x264(tmp_path / "a.mp4", container_options=options)
    check(path, planned(path), read(path))


def test_a_clock_that_jumps_keeps_a_video_whole(tmp_path: Path) -> None:
    one, other = (make_clip(tmp_path / f"{n}.ts", 60, options=X264) for n in range(2))
    joined = tmp_path / "joined.ts"
    joined.write_bytes(one.read_bytes() + other.read_bytes())
    with pytest.raises(Unsplit, match="the clock of the video jumps"):
        planned(joined)


def test_a_video_with_transparency_stays_one_job_as_webm(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    pictures = [
        av.VideoFrame.from_ndarray(rng.integers(0, 256, (64, 96, 4), np.uint8), "rgba").reformat(
            format="yuva420p"
        )
        for _ in range(30)
    ]
    path = make_clip(tmp_path / "a.mkv", pictures, codec="ffv1", pix_fmt="yuva420p", container_options={})
    with pytest.raises(Unsplit, match="transparency"):
        planned(path, format="webm")
    assert len(planned(path, format="mp4").segments) > 1


@pytest.mark.parametrize("name", ["a.mp4", "a.mkv"])
def test_a_file_that_is_cut_short_or_empty_is_refused(tmp_path: Path, name: str) -> None:
    path = truncate(_x264(tmp_path / name), 0.6)
    with pytest.raises(BadMedia):
        planned(path)
    path.write_bytes(b"")
    with pytest.raises(BadMedia):
        planned(path)
    with pytest.raises(CallerError):
        planned(tmp_path / "none.mp4")


def test_ten_thousand_keyframes_make_few_segments(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 10_000, options={"g": "1", "preset": "ultrafast", "crf": "40"})
    plan = planned(path, segments=None)
    assert [segment.frames for segment in plan.segments if segment.number != plan.hardest] == pytest.approx(
        [1500] * (len(plan.segments) - 1), rel=0.25
    )
    seconds = plan.segments[plan.hardest].frames / 25
    assert 5 <= seconds <= 20
    assert not any(segment.begins_shot for segment in plan.segments)


def test_a_plan_says_why_it_has_fewer_segments_than_were_asked_for(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 60, options={"g": "30", "sc_threshold": "0"})
    plan = planned(path, segments=3)
    assert len(plan.segments) == 2
    (note,) = fewer_segments(plan)
    assert "3 segments are asked for, and the film has 2" in note
    assert "keyframe" in note
    assert "hardest" not in note
    assert not fewer_segments(planned(path, segments=2))
    assert not fewer_segments(planned(_x264(tmp_path / "b.mp4", 3100), segments=None))
    path = make_clip(tmp_path / "c.mp4", 1000, options={"g": "5", "preset": "ultrafast"})
    plan = planned(path, segments=100)
    assert len(plan.segments) < 100
    assert "the hardest part" in fewer_segments(plan)[0]


def test_a_crop_that_follows_a_track_is_stored_as_its_path(tmp_path: Path) -> None:
    path = _x264(tmp_path / "a.mp4")
    boxes = [{"frame": n, "bbox": [10 + n / 2, 20, 16, 30], "confidence": 0.9} for n in range(60)]
    track = {"id": 1, "class_name": "person", "first_sec": 0, "last_sec": 2, "frames": boxes}
    video = {"width": 96, "height": 64, "frames": 60, "fps": "25/1", "duration_sec": 2.4}
    tracks = {"status": "completed", "tracks": [track], "video": video}
    subjects = read_tracks(json.dumps(tracks).encode())
    follow = {"track": 1, "aspect": "9:16"}
    plan = planned(path, subjects=subjects, follow=follow, tracks=tracks)
    # Lossless, as the bits of x264's other qualities differ now and then (film_encoder).
    ordinary = export_video(
        path,
        tmp_path / "out.mp4",
        more={"subjects": subjects},
        follow=follow,
        tracks=tracks,
        quality="lossless",
    )
    assert plan.film.task == "export"
    params = plan.film.params
    assert (params.follow, params.tracks) == (None, None)
    assert isinstance(params.crop, tuple)
    assert params.crop == ordinary.keyframes
    assert plan.followed == ordinary.followed
    assert [stretch.track for stretch in plan.followed or ()] == [1]
    # The stored keyframes give the very same path.
    again = planned(path, crop=[keyframe.model_dump() for keyframe in params.crop])
    assert again.film.task == "export"
    assert again.film.params.crop == params.crop
    exported = export_video(
        path,
        tmp_path / "again.mp4",
        crop=[keyframe.model_dump() for keyframe in params.crop],
        quality="lossless",
    )
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()
    assert exported.keyframes == ordinary.keyframes


TABLE = PriceTable.model_validate(
    {
        "speeds": [
            {
                "task": "export",
                "model": "",
                "gpu": "cpu",
                "width": 96,
                "height": 64,
                "fps": 10,
                "source": "a test",
                "date": "2026-01-01",
                "measured": True,
            }
        ]
    }
)


def test_segments_are_of_about_the_work_that_is_asked_for(tmp_path: Path) -> None:
    path = _x264(tmp_path / "a.mp4", 200)
    film = ExportFilm.model_validate({"task": "export", "work_sec": 4})
    plan = plan_film(path, film, CONTEXT, etag='"a"', table=TABLE, gpu="cpu")
    assert [segment.frames for segment in plan.segments] == [40] * 5
    assert [segment.work_sec for segment in plan.segments] == [4.0] * 5
    assert plan.source.etag == '"a"'
    # A quarter of the picture is a quarter of the work.
    film = ExportFilm.model_validate(
        {"task": "export", "work_sec": 1, "params": {"crop": {"x": 0, "y": 0, "w": 48, "h": 32}}}
    )
    plan = plan_film(path, film, CONTEXT, etag=None, table=TABLE, gpu="cpu")
    assert sum(segment.work_sec or 0 for segment in plan.segments) == pytest.approx(5)
    assert len(plan.segments) == 5
    # Without a known speed the work is unknown.
    with pytest.raises(Unsplit, match="too short"):
        plan_film(path, film, CONTEXT, etag=None, table=TABLE, gpu="RTX 4090")


def test_a_film_of_very_much_work_has_a_bounded_number_of_segments(tmp_path: Path) -> None:
    path = make_clip(tmp_path / "a.mp4", 4000, options={"g": "1", "preset": "ultrafast", "crf": "40"})
    film = ExportFilm.model_validate({"task": "export", "work_sec": 1})
    slow = TABLE.model_copy(update={"speeds": (TABLE.speeds[0].model_copy(update={"fps": 1.0}),)})
    plan = plan_film(path, film, CONTEXT, etag=None, table=slow, gpu="cpu")
    assert 1000 < len(plan.segments) <= MOST_SEGMENTS


@pytest.mark.parametrize(
    ("name", "codec", "options", "params"),
    [
        ("a.mp4", "libx264", OPEN_X264, {}),
        ("b.mp4", "mpeg4", {"g": "8", "bf": "2"}, {}),
        ("a.ts", "mpeg2video", {"g": "8", "bf": "2"}, {}),
        ("b.ts", "libx264", OPEN_X264, {"start": 1.0}),
        ("a.mkv", "libx265", OPEN_X265, {"start": 1.0, "end": 2.2}),
        ("c.mp4", "libx264", X264, {"start": 0.7}),
    ],
)
def test_each_segment_is_decoded_on_its_own_as_in_the_ordinary_job(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], params: dict[str, Any]
) -> None:
    path = make_clip(tmp_path / name, 60, codec=codec, options=options)
    _compare_pictures(path, planned(path, segments=4, **params), **params)


def test_each_segment_of_an_edited_video_is_decoded_on_its_own(tmp_path: Path) -> None:
    for hidden in (3, 10):
        path = make_clip(
            tmp_path / f"{hidden}.mp4",
            50,
            pts=list(range(-hidden, 50 - hidden)),
            time_base=Fraction(1, 25),
            options=X264,
        )
        _compare_pictures(path, planned(path))


def _compare_pictures(path: Path, plan: FilmPlan, **span: float) -> None:
    asked: dict[str, Any] = {f"{name}_s": Fraction(str(value)) for name, value in span.items()}
    with VideoReader(path, plan.source.info, **asked) as reader:
        whole = [frame.pixels for frame in reader.frames()]
    parts = []
    for segment in plan.segments:
        selection = selection_of(plan, segment.number)
        with VideoReader(path, plan.source.info, selection=selection, **asked) as part:
            parts += [frame.pixels for frame in planned_frames(part.frames(), plan, segment.number)]
    assert len(parts) == len(whole)
    assert all(np.array_equal(one, other) for one, other in zip(parts, whole, strict=True))


def test_the_first_segment_of_a_late_part_reads_nothing_before_it(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    noise = [rng.integers(0, 256, (120, 160, 3), np.uint8) for _ in range(10)]
    options = {"g": "25", "crf": "8", "preset": "ultrafast"}
    path = make_clip(tmp_path / "a.mp4", (noise[n % 10] for n in range(800)), options=options)
    plan = planned(path, segments=3, start=24.0)
    source: Any = _Counting(path)
    with VideoReader(
        source, plan.source.info, selection=selection_of(plan, 0), start_s=Fraction(24)
    ) as reader:
        assert sum(1 for _ in reader.frames()) == plan.segments[0].frames
    assert plan.segments[0].first_byte > 0.7 * path.stat().st_size
    assert source.places.sum() < 0.25 * path.stat().st_size


def test_a_film_of_an_upscale_has_the_weights_of_its_model_and_the_size_of_its_output(
    tmp_path: Path, client: TritonClient
) -> None:
    path = _x264(tmp_path / "a.mp4")
    context = JobContext(connect=lambda: client, default_model="nearest-x4")
    film = UpscaleFilm.model_validate({"task": "upscale", "segments": 4})
    plan = plan_film(path, film, context, etag=None)
    contract = client.contract("nearest-x4", UpscaleContract)
    assert plan.film.task == "upscale"
    assert plan.film.params.model == "nearest-x4"
    assert plan.model == FilmModel(
        name="nearest-x4",
        weights_sha256=contract.weights_sha256,
        precision=contract.precision,
        tensors="planes",
    )
    assert plan.encoder is not None
    choice = choose(MP4, width=384, height=256, quality="high")
    assert (plan.encoder.encoder, plan.encoder.pixel_format) == (choice.encoder, choice.pixel_format)
    # HEVC for what H.264 cannot hold, as in the ordinary job.
    large = choose(MP4, width=8192, height=1024, quality="high")
    film = film.model_copy(update={"params": UpscaleParams(scale=16)})
    wide = make_clip(tmp_path / "b.mp4", [numbered(n, 512, 64) for n in range(40)], options=X264)
    planned_large = plan_film(wide, film, context, etag=None)
    assert planned_large.encoder is not None
    assert planned_large.encoder.encoder == large.encoder != choice.encoder


def test_a_class_that_the_detector_does_not_know_is_refused_before_any_segment(
    tmp_path: Path, client: TritonClient
) -> None:
    path = _x264(tmp_path / "a.mp4")
    context = JobContext(connect=lambda: client)
    params = {"model": "colour-finder", "classes": ["unicorn"]}
    film = TrackFilm.model_validate({"task": "track", "segments": 4, "params": params})
    with pytest.raises(BadRequest, match="unicorn"):
        plan_film(path, film, context, etag=None)
