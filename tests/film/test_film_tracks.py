"""Tests that a film tracked in pieces has the very tracks of the ordinary job, whatever the segments are."""

from __future__ import annotations

import json
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.errors import BadMedia, DiskFull, PlanRefused, SourceChanged
from orchestrator.film.associate import associate
from orchestrator.film.document import document, hash_of
from orchestrator.film.plan import plan_film
from orchestrator.film.read_pieces import merged_notes
from orchestrator.film.track_segment import detect_segment
from orchestrator.inference.detector import DetectedFrame
from orchestrator.jobs.film import TrackFilm, UpscaleFilm
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.detect import load_detector
from orchestrator.pipeline.link_detections import DetectionLinker
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.tracking.shot_cuts import HEIGHT, CutDetector, reduced_picture
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from tests.support.small_disk import small_disk
from tests.support.track_film import (
    LocalPieces,
    assert_same_boxes,
    assert_same_tracks,
    cuttings,
    made_up_film,
    no_triton,
    planned,
    track_at_once,
    track_in_pieces,
    track_params,
    write_piece,
)
from tools.fixtures.clips import make_clip

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from numpy.typing import NDArray

    from orchestrator.frames import Detections, Pixels

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"

OPEN = "open-gop=1:b-pyramid=normal:keyint=12:min-keyint=12:scenecut=0"
CRA = "log-level=none:keyint=12:min-keyint=12:open-gop=1:bframes=4"
VARIABLE = [0, *np.cumsum(np.random.default_rng(5).integers(1, 9000, 59)).tolist()]
KINDS: dict[str, dict[str, Any]] = {
    "closed.mp4": {"options": {"g": "10", "bf": "3", "sc_threshold": "0"}},
    "open.mp4": {"options": {"bf": "3", "x264-params": OPEN}},
    "open.mkv": {"options": {"bf": "3", "x264-params": OPEN}},
    "cra.mp4": {"codec": "libx265", "options": {"x265-params": CRA}},
    "variable.mp4": {"options": {"g": "7", "bf": "2"}, "pts": VARIABLE, "time_base": Fraction(1, 90_000)},
    "hdr.mp4": {
        "codec": "libx265",
        "pix_fmt": "yuv420p10le",
        "options": {"x265-params": "log-level=none:keyint=15:min-keyint=15"},
        "matrix": 9,
        "primaries": 9,
        "transfer": 16,
    },
    "sound.ts": {"options": {"g": "12", "bf": "2"}, "audio": [{"codec": "mp2", "seconds": 4.0}]},
    "lossless.mkv": {"codec": "ffv1", "pix_fmt": "bgr0"},
}


ODD: dict[str, dict[str, Any]] = {
    "mpeg2.ts": {"codec": "mpeg2video", "options": {"g": "12", "bf": "2"}},
    "vp9.webm": {"codec": "libvpx-vp9", "options": {"g": "12", "deadline": "realtime", "cpu-used": "8"}},
    "turned.mp4": {"options": {"g": "12", "bf": "2"}, "rotation": 90},
    "wide.mp4": {"options": {"g": "12", "bf": "2"}, "aspect": Fraction(4, 3)},
    "late.mkv": {"options": {"g": "12", "bf": "2"}, "audio": [{"seconds": 4.0, "start": 0.7}]},
    "early.mp4": {"options": {"g": "12", "bf": "3"}, "pts": range(-9, 51)},
    "refresh.ts": {"options": {"x264-params": "intra-refresh=1:keyint=6:scenecut=0:bframes=0"}},
    "cut.ts": {"options": {"bf": "3", "x264-params": OPEN}},
}
"""Sources for films that are planned, not cut by the test. Of cut.ts, the first fifth is missing."""


@pytest.fixture(scope="module")
def lite() -> Iterator[TritonClient]:
    """A client of a server that has the detector of the repository."""
    repository = ROOT / "model_repository"
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=60) as connected:
        yield connected


@pytest.fixture(scope="module")
def pictures() -> list[Pixels]:
    """60 pictures of the sample, with its cut in the middle, at a quarter of its size."""
    with VideoReader(SAMPLE, probe(SAMPLE)) as reader:
        frames = [frame.pixels for frame in reader.frames()]
    small = [cv2.resize(picture, (320, 180), interpolation=cv2.INTER_AREA) for picture in frames[54:114]]
    return [np.asarray(picture, np.uint8) for picture in small]


@pytest.fixture
def clip(written_once: Callable[..., Path], pictures: list[Pixels]) -> Callable[[str], Path]:
    def clip(name: str) -> Path:
        return written_once(f"tracked-{name}", lambda path: make_clip(path, pictures, **KINDS[name]))

    return clip


@pytest.mark.parametrize("stride", [1, 3])
def test_the_sample_cut_where_it_has_a_keyframe(lite: TritonClient, tmp_path: Path, stride: int) -> None:
    params = track_params(stride=stride)
    ordinary = track_at_once(SAMPLE, params, lite)
    assert ordinary.result.video.cuts
    assert len(ordinary.tracks) > 2
    film = track_in_pieces(SAMPLE, planned(SAMPLE, params, lite, cuttings(SAMPLE)), tmp_path, lite)
    assert_same_tracks(film, ordinary)


@pytest.mark.parametrize("kind", list(KINDS))
@pytest.mark.parametrize(
    "options",
    [{}, {"stride": 3, "fill_gaps_sec": 1}, {"tracker": "botsort", "stride": 2, "batch": 3}],
    ids=["plain", "stride", "botsort"],
)
def test_a_film_has_the_tracks_of_the_ordinary_job(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path, kind: str, options: dict[str, Any]
) -> None:
    source, params = clip(kind), track_params(**options)
    ordinary = track_at_once(source, params, lite)
    assert len(ordinary.tracks)
    assert ordinary.result.video.frames == 60
    places = cuttings(source)
    assert len(places) >= 3
    few = sorted(np.random.default_rng(len(kind)).choice(places, 2, replace=False).tolist())
    for number, starts in enumerate([few] if options else [few, places[:12]]):
        plan = planned(source, params, lite, starts)
        backwards = list(reversed(range(len(starts) + 1)))
        film = track_in_pieces(source, plan, tmp_path / str(number), lite, backwards)
        assert_same_tracks(film, ordinary)
        lives = [(one.frames[0], one.frames[-1]) for one in film.tracks]
        assert any(first < start <= last for first, last in lives for start in starts)


@pytest.mark.parametrize("kind", list(ODD))
def test_a_film_of_an_odd_video_as_it_is_planned(
    lite: TritonClient, pictures: list[Pixels], tmp_path: Path, kind: str
) -> None:
    source = make_clip(tmp_path / kind, pictures, **ODD[kind])
    if kind == "cut.ts":
        data = source.read_bytes()
        source.write_bytes(data[len(data) // 5 // 188 * 188 :])  # a packet of MPEG-TS has 188 bytes
    params = track_params(tracker="botsort", stride=2)
    ordinary = track_at_once(source, params, lite)
    film = TrackFilm(task="track", params=params, segments=5)
    plan = plan_film(source, film, JobContext(connect=lambda: lite), etag=None)
    if kind == "refresh.ts":
        assert any(segment.decode_pts < segment.first_pts for segment in plan.segments)
    else:
        assert len(plan.segments) >= 3
    assert_same_tracks(track_in_pieces(source, plan, tmp_path / "pieces", lite), ordinary)
    noted = [note for note in ordinary.result.notes if "cannot be decoded" in note]
    assert bool(noted) == (kind == "cut.ts")


def test_pictures_that_stay_the_same_over_a_boundary(
    lite: TritonClient, pictures: list[Pixels], tmp_path: Path
) -> None:
    shown = [pictures[i // 6] for i in range(36)]
    source = make_clip(tmp_path / "in.mkv", shown, codec="ffv1", pix_fmt="bgr0")
    params = track_params()
    ordinary = track_at_once(source, params, lite)
    assert ordinary.result.stats.reused == pytest.approx(30 / 36, abs=1e-4)
    film = track_in_pieces(source, planned(source, params, lite, [8, 12, 13, 14]), tmp_path / "pieces", lite)
    assert_same_tracks(film, ordinary)
    assert film.result.stats.reused == pytest.approx(27 / 36, abs=1e-4), "three were inferred again"


def test_notes_that_count_pictures_count_those_of_the_film(client: TritonClient, tmp_path: Path) -> None:
    crowded = [np.full((128, 128, 3), (255, 45, 7), np.uint8)] * 7
    source = make_clip(tmp_path / "in.mkv", crowded, codec="ffv1", pix_fmt="bgr0", options={"g": "1"})
    params = track_params(model="detector", confidence=0)
    ordinary = track_at_once(source, params, client)
    assert ordinary.result.notes[0].startswith("in 7 pictures the detector gave 300 boxes")
    film = track_in_pieces(source, planned(source, params, client, [1, 4]), tmp_path / "pieces", client)
    assert_same_tracks(film, ordinary)


@pytest.mark.parametrize("stride", [1, 2])
def test_what_the_detector_finds_does_not_depend_on_the_batch(
    lite: TritonClient, clip: Callable[[str], Path], stride: int
) -> None:
    source = clip("closed.mp4")
    info = probe(source)
    found = []
    for batch in (1, 2, 3, 4, 8):
        context = JobContext(connect=lambda: lite)
        loaded = load_detector(info, track_params(batch=batch, stride=stride), context)
        with VideoReader(source, info, letterbox=loaded.box) as reader, loaded.detector:
            items = list(loaded.detector.run(reader.frames()))
        found.append([None if item.detections is None else item.detections.tobytes() for item in items])
    assert sum(rows is not None for rows in found[0]) == 60 // stride
    assert all(one == found[0] for one in found)


def test_the_same_segment_gives_the_same_payload(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path
) -> None:
    source = clip("closed.mp4")
    plan = planned(source, track_params(), lite, cuttings(source)[:1])
    context = JobContext(connect=lambda: lite)
    hashes = {
        detect_segment(source, plan, 1, tmp_path / f"{run}", context, plan_hash="0" * 64).payload_sha256
        for run in range(3)
    }
    assert len(hashes) == 1


def test_a_piece_is_opened_by_numpy(lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path) -> None:
    source = clip("closed.mp4")
    params = track_params(tracker="botsort")
    plan = planned(source, params, lite, cuttings(source)[:1])
    path = tmp_path / "0.npz"
    manifest = detect_segment(
        source, plan, 0, path, JobContext(connect=lambda: lite), plan_hash=hash_of(document(plan))
    )
    path.write_bytes(path.read_bytes()[: manifest.payload_bytes])
    info = probe(source)
    loaded = load_detector(info, params, JobContext(connect=lambda: lite))
    with VideoReader(source, info, letterbox=loaded.box) as reader, loaded.detector:
        items = list(loaded.detector.run(reader.frames()))[: manifest.frames]
    with np.load(path, allow_pickle=False) as arrays:
        rows, counts = arrays["detections_00000"], arrays["counts_00000"]
        grays = np.cumsum(arrays["grays_00000"], axis=0, dtype=np.uint8)
        about = json.loads(arrays["about"].tobytes())
    assert counts.tolist() == [len(item.detections if item.detections is not None else []) for item in items]
    assert rows.tobytes() == b"".join(np.asarray(item.detections).tobytes() for item in items)
    assert np.array_equal(grays, [item.gray for item in items])
    assert about["classes"] == ["person", "ball", "box"]


def test_cuts_are_found_in_the_reduced_pictures_as_in_the_whole_ones(pictures: list[Pixels]) -> None:
    shown = [cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY) for picture in pictures]
    shown += [np.zeros_like(shown[0])] * 2 + shown[::7]
    for size in ((320, 180), (97, 53), (96, 54), (40, 30), (1, 1), (320, 2)):
        whole, reduced = CutDetector(), CutDetector()
        sized = [np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_AREA), np.uint8) for gray in shown]
        expected = [whole.is_cut(gray) for gray in sized]
        assert [reduced.is_cut(reduced_picture(gray)) for gray in sized] == expected
        assert any(expected) == (min(size) > 2)


@given(seed=st.integers(0, 2**32), width=st.integers(1, 320), height=st.integers(1, 320))
def test_a_reduced_picture_is_all_that_cuts_depend_on(seed: int, width: int, height: int) -> None:
    gray = np.random.default_rng(seed).integers(0, 256, (height, width), np.uint8)
    whole, reduced = CutDetector(), CutDetector()
    whole.is_cut(gray)
    reduced.is_cut(reduced_picture(gray))
    if whole._last is None:  # too flat to be compared, as noise of a few pixels is
        assert reduced._last is None
        assert min(width, height) < HEIGHT // 2
    else:
        assert reduced._last is not None
        assert np.array_equal(whole._last, reduced._last)


def test_a_worker_with_other_weights_refuses_the_plan(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path
) -> None:
    source = clip("closed.mp4")
    plan = planned(source, track_params(), lite, [])
    assert plan.model is not None
    for change in ({"weights_sha256": "1" * 64}, {"precision": "fp16"}):
        other = plan.model_copy(update={"model": plan.model.model_copy(update=change)})
        with pytest.raises(PlanRefused, match="lite-detector"):
            detect_segment(
                source, other, 0, tmp_path / "0", JobContext(connect=lambda: lite), plan_hash="0" * 64
            )
    assert list(tmp_path.iterdir()) == []


def test_a_source_whose_frames_are_at_other_times_is_refused_and_leaves_no_piece(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path
) -> None:
    plan = planned(clip("closed.mp4"), track_params(), lite, cuttings(clip("closed.mp4"))[:2])
    context = JobContext(connect=lambda: lite)
    for number in range(3):
        with pytest.raises((SourceChanged, BadMedia)):
            detect_segment(clip("variable.mp4"), plan, number, tmp_path / "0", context, plan_hash="0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_a_plan_for_another_task_is_refused(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path
) -> None:
    plan = planned(clip("closed.mp4"), track_params(), lite, [])
    other = plan.model_copy(update={"film": UpscaleFilm(task="upscale")})
    with pytest.raises(PlanRefused, match="upscale, not for tracking"):
        track_in_pieces(clip("closed.mp4"), other, tmp_path, lite)
    with pytest.raises(PlanRefused, match="no segment 7"):
        detect_segment(
            clip("closed.mp4"), plan, 7, tmp_path / "7", JobContext(connect=lambda: lite), plan_hash="0" * 64
        )


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_detections_in_any_segments_are_linked_as_in_one_video(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("pieces")
    frames = data.draw(st.integers(1, 200), label="frames")
    starts = data.draw(st.sets(st.integers(1, max(frames - 1, 1)), max_size=8), label="starts") - {frames}
    stride = data.draw(st.integers(1, 7), label="stride")
    tracker = data.draw(st.sampled_from(["bytetrack", "botsort"]), label="tracker")
    fill_gaps = data.draw(st.sampled_from([0, 0.3, 5]), label="fill_gaps_sec")
    chance = np.random.default_rng(data.draw(st.integers(0, 2**32), label="seed"))
    params = track_params(
        model="none",
        stride=stride,
        tracker=tracker,
        fill_gaps_sec=fill_gaps,
        confidence=float(chance.random()),
    )
    pts = (np.cumsum(chance.integers(1, 90, frames)) - 500).tolist()
    plan = made_up_film(params, pts, sorted(starts), last_duration=13)
    items = [
        DetectedFrame(index=index, pts=pts[index], duration=13, gray=gray, detections=detections)
        for index, (detections, gray) in enumerate(_made_up(frames, stride, chance))
    ]
    linker = DetectionLinker(plan.source.info, params, model="none", classes=("person", "ball"))
    for item in items:
        linker.add(item)
    expected = linker.finish()
    for segment in plan.segments:
        own = items[segment.first_frame : segment.first_frame + segment.frames]
        shown = [
            (one.detections, one.gray if tracker == "botsort" else reduced_picture(one.gray)) for one in own
        ]
        write_piece(plan, segment.number, folder / f"{segment.number}.piece", shown)
    film = associate(
        plan, LocalPieces(folder), JobContext(connect=no_triton), plan_hash=hash_of(document(plan))
    )
    assert_same_boxes(film.tracks, expected)
    assert film.result.video == linker.video
    assert film.result.video.duration_sec == pytest.approx((pts[-1] - pts[0] + 13) / 1000)


def _made_up(
    frames: int, stride: int, chance: np.random.Generator
) -> Iterator[tuple[Detections | None, NDArray[np.uint8]]]:
    """Yield detections of things that move, come and go, and pictures of shots."""
    places, speeds = chance.uniform(0, 70, (6, 2)), chance.normal(0, 1, (6, 2))
    shot = chance.integers(0, 256, (90, 160), np.uint8)
    for index in range(frames):
        if chance.random() < 0.02:
            shot = chance.integers(0, 256, (90, 160), np.uint8)
        places = places + speeds
        seen = places[chance.random(6) < 0.8]
        rows = np.column_stack(
            (seen, seen + 20, chance.uniform(0.1, 1, len(seen)), chance.integers(0, 2, len(seen)))
        )
        gray = np.roll(shot, index % 3, axis=1)
        yield (None if index % stride else rows.astype(np.float32)), gray


def test_notes_of_pieces_are_merged() -> None:
    assert merged_notes([]) == ()
    assert merged_notes(["a", "b", "a"]) == ("a", "b")
    assert merged_notes(["1 picture of it was lost", "x", "1 picture of it was lost"]) == (
        "2 pictures of it was lost",
        "x",
    )
    counted = ["in 3 pictures there were 300 boxes", "in 1 picture there were 300 boxes"]
    assert merged_notes([*counted, "2 pictures moved"]) == (
        "in 4 pictures there were 300 boxes",
        "2 pictures moved",
    )
    assert merged_notes(["1 picture moved"]) == ("1 picture moved",)


def test_a_full_disk_is_reported_and_leaves_no_piece(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path
) -> None:
    source = clip("closed.mp4")
    plan = planned(source, track_params(tracker="botsort"), lite, [])
    with small_disk(tmp_path / "small", "size=32k") as small:
        with pytest.raises(DiskFull, match="free some space"):
            detect_segment(
                source, plan, 0, small / "0.piece", JobContext(connect=lambda: lite), plan_hash="0" * 64
            )
        assert list(small.iterdir()) == []


def test_a_segment_that_is_too_large_for_a_zip_file_is_refused(
    lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = clip("closed.mp4")
    plan = planned(source, track_params(tracker="botsort"), lite, [])
    monkeypatch.setattr("zipfile.ZIP64_LIMIT", 10_000)
    with pytest.raises(PlanRefused, match="more segments"):
        detect_segment(
            source, plan, 0, tmp_path / "0.piece", JobContext(connect=lambda: lite), plan_hash="0" * 64
        )
    assert list(tmp_path.iterdir()) == []


def test_a_preview_shows_the_film(lite: TritonClient, clip: Callable[[str], Path], tmp_path: Path) -> None:
    source, params = clip("closed.mp4"), track_params()
    plan = planned(source, params, lite, cuttings(source)[:2])
    track_in_pieces(source, plan, tmp_path / "pieces", lite)
    texts = []
    for number in range(2):
        context = JobContext(connect=lambda: lite, preview=tmp_path / f"{number}.json")
        if number:
            track(source, params, TrackOutputs(), context)
        else:
            film = associate(
                plan,
                LocalPieces(tmp_path / "pieces"),
                context,
                plan_hash=hash_of(document(plan)),
                source=source,
            )
            assert film.result.notes == ()
        texts.append((tmp_path / f"{number}.json").read_text())
    assert texts[0] == texts[1]
    assert len(json.loads(texts[0])["stills"]) == 8
