"""Tests the track job through a real tritonserver, on drawn videos and on real ones if they exist."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from PIL import Image, ImageSequence

from orchestrator.drawing.picture_files import read_picture
from orchestrator.errors import BadMedia, BadRequest, InferenceFailed, OutputPathRefused
from orchestrator.frames import Pixels
from orchestrator.framing.follow import follow_subject
from orchestrator.framing.track_file_reader import parse_tracks
from orchestrator.jobs import TrackParams, parse
from orchestrator.jobs.task_table import TASKS
from orchestrator.media.read.frame_times import frame_times
from orchestrator.media.read.probe import probe
from orchestrator.media.read.reader import VideoReader
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.link_detections import Tracked
from orchestrator.pipeline.progress import Progress
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.settings import Settings
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from orchestrator.worker import Worker
from tests.media.test_tonemap import FROM_BT709, signal
from tools.camera_quality import measure_camera
from tools.fixtures import clips, detectors

ROOT = Path(__file__).resolve().parents[2]
REAL = ROOT.parent / "shared" / "real"
needs_real = pytest.mark.skipif(not REAL.exists(), reason="../shared/real is not there")

WIDTH, HEIGHT = 192, 108
RED, GREEN, BLUE, YELLOW = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 0)
Place = tuple[float, float, float, float]


def drawn(*things: tuple[Place, tuple[int, int, int]], background: Pixels | None = None) -> Pixels:
    """Return a picture with coloured rectangles (x, y, width, height), the last in front."""
    picture = texture() if background is None else background.copy()
    for (x, y, width, height), colour in things:
        picture[round(y) : round(y + height), round(x) : round(x + width)] = colour
    return picture


def texture(seed: int = 0) -> Pixels:
    """Return a picture without objects, with enough texture to recognise a shot."""
    coarse = np.random.default_rng(seed).integers(60, 140, (9, 16, 1))
    return np.kron(coarse, np.ones((12, 12, 3), np.int64)).astype(np.uint8)


def walks(frames: int) -> Iterator[Pixels]:
    """A video in which a red box moves right and a blue one left behind it, so that they cross."""
    for i in range(frames):
        share = i / (frames - 1)
        yield drawn(((150 - 130 * share, 44, 24, 40), BLUE), ((10 + 130 * share, 40, 24, 40), RED))


def make(path: Path, pictures: Iterator[Pixels] | list[Pixels], **options: Any) -> Path:
    return clips.make_clip(path, pictures, pix_fmt="yuv444p", options={"crf": "10"}, **options)


@pytest.fixture
def run(client: TritonClient) -> Callable[..., Tracked]:
    def run(
        source: Path, outputs: TrackOutputs | None = None, *, on_progress: Any = None, **params: Any
    ) -> Tracked:
        return track(
            source,
            parse(TrackParams, {"model": "colour-finder", "side": 320} | params),
            outputs or TrackOutputs(),
            JobContext(connect=lambda: client, on_progress=on_progress or (lambda _: None)),
        )

    return run


def parsed_document(tracked: Tracked) -> dict[str, Any]:
    """Return the document as a program reads it."""
    text = "".join(tracked.document().json())
    answer = json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert isinstance(answer, dict)
    return answer


def lives(tracked: Tracked) -> dict[str, list[int]]:
    return {
        f"{one['id']} {one['class_name']}": [frame["frame"] for frame in one["frames"]]
        for one in parsed_document(tracked)["tracks"]
    }


def without_stats(tracked: Tracked) -> dict[str, Any]:
    return {key: value for key, value in parsed_document(tracked).items() if key != "stats"}


def test_a_moving_thing_is_one_track_where_it_is(run: Callable[..., Tracked], tmp_path: Path) -> None:
    places = [(20.0 + 4 * i, 30.0 + i, 30.0, 20.0) for i in range(30)]
    source = make(tmp_path / "in.mp4", [drawn((place, RED)) for place in places])
    answer = parsed_document(run(source))
    assert answer["status"] == "completed"
    (one,) = answer["tracks"]
    assert (one["id"], one["class_name"], one["first_sec"]) == (1, "red", 0)
    assert one["last_sec"] == pytest.approx(29 / 25)
    assert [frame["frame"] for frame in one["frames"]] == list(range(30))
    for frame, place in zip(one["frames"], places, strict=True):
        assert set(frame) == {"frame", "bbox", "confidence"}
        assert frame["bbox"] == pytest.approx(place, abs=1.5)
        assert frame["confidence"] == pytest.approx(0.9)
    video = {"width": WIDTH, "height": HEIGHT, "frames": 30, "fps": "25/1", "duration_sec": 1.2}
    assert answer["video"] == video | {"cuts": []}
    stats = answer["stats"]
    assert (stats["model"], stats["tracks"], stats["boxes"], stats["cuts"]) == ("colour-finder", 1, 30, 0)
    assert stats["detector_input"] == [192, 320]


def test_two_things_that_cross_keep_their_ids(run: Callable[..., Tracked], tmp_path: Path) -> None:
    found = lives(run(make(tmp_path / "in.mp4", walks(50))))
    assert set(found) == {"1 red", "2 blue"}
    assert found["1 red"] == list(range(50))
    assert found["2 blue"][0] == 0
    assert found["2 blue"][-1] == 49
    assert len(found["2 blue"]) > 35, "it is hidden for a while"


def test_the_answer_depends_on_neither_batch_nor_time(run: Callable[..., Tracked], tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", walks(30))
    answers = [without_stats(run(source, batch=batch)) for batch in (1, 8, 8, 3)]
    assert answers[0]["tracks"]
    assert all(answer == answers[0] for answer in answers)


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_boxes_are_in_the_picture_as_it_is_displayed(
    run: Callable[..., Tracked], tmp_path: Path, rotation: int
) -> None:
    place = (20, 30, 40, 16)
    upright = drawn((place, RED))
    coded = np.ascontiguousarray(np.rot90(upright, -rotation // 90))
    source = make(tmp_path / "in.mp4", [coded] * 5, rotation=rotation)
    answer = parsed_document(run(source))
    assert (answer["video"]["width"], answer["video"]["height"]) == (WIDTH, HEIGHT)
    (one,) = answer["tracks"]
    assert one["frames"][2]["bbox"] == pytest.approx(place, abs=1)


def test_boxes_end_at_the_edge_of_the_picture(run: Callable[..., Tracked], tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", [drawn(((WIDTH - 30 + i, -5, 60, 40), RED)) for i in range(20)])
    for one in parsed_document(run(source))["tracks"]:
        for frame in one["frames"]:
            x, y, width, height = frame["bbox"]
            assert x >= 0 < width
            assert y >= 0 < height
            assert round(x + width, 2) <= WIDTH
            assert round(y + height, 2) <= HEIGHT


@pytest.mark.parametrize(("transfer", "name"), [(16, "PQ"), (18, "HLG")])
def test_hdr_is_tone_mapped_for_the_detector_and_in_the_overlay(
    run: Callable[..., Tracked], tmp_path: Path, transfer: int, name: str
) -> None:
    light = FROM_BT709 @ np.array([400.0, 4, 4])
    r, g, b = (int(level) for level in np.rint(signal(light, transfer) * 255))
    assert r < 230
    assert min(g, b) > 50
    places = [(20.0 + 4 * i, 30.0, 40.0, 30.0) for i in range(8)]
    source = make(
        tmp_path / "in.mp4",
        [drawn((place, (r, g, b))) for place in places],
        matrix=9,
        primaries=9,
        transfer=transfer,
    )
    tracked = run(source, TrackOutputs(overlay=tmp_path / "o.mp4"))
    assert f"the source is HDR ({name}): it was tone-mapped to SDR" in tracked.result.notes
    (one,) = parsed_document(tracked)["tracks"]
    assert one["class_name"] == "red"
    for frame, place in zip(one["frames"], places, strict=True):
        assert frame["bbox"] == pytest.approx(place, abs=2)
    overlay = probe(tmp_path / "o.mp4")
    assert (overlay.colour.matrix, overlay.colour.primaries, overlay.colour.is_hdr) == (1, 1, False)
    x, y, width, height = (round(value) for value in places[4])
    inside = list(frames_of(tmp_path / "o.mp4"))[4][y + 8 : y + height - 8, x + 8 : x + width - 8]
    assert (inside[..., 0] > inside[..., 1:].max(axis=-1) + 80).mean() > 0.5


def test_nothing_seen_is_a_completed_job(run: Callable[..., Tracked], tmp_path: Path) -> None:
    outputs = TrackOutputs(
        tracks=tmp_path / "t.json", overlay=tmp_path / "o.mp4", timeline=tmp_path / "t.png"
    )
    answer = parsed_document(run(make(tmp_path / "in.mp4", [drawn()] * 10), outputs))
    assert (answer["status"], answer["tracks"]) == ("completed", [])
    assert json.loads((tmp_path / "t.json").read_text()) == answer
    assert probe(tmp_path / "o.mp4").frames == 10
    assert read_picture(tmp_path / "t.png")[0].size


def test_a_video_of_one_frame_has_tracks_too(run: Callable[..., Tracked], tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", [drawn(((50, 40, 20, 20), GREEN))])
    outputs = TrackOutputs(overlay=tmp_path / "o.mp4", timeline=tmp_path / "t.png")
    tracked = run(source, outputs)
    assert lives(tracked) == {"1 green": [0]}
    assert parsed_document(tracked)["video"]["frames"] == 1
    assert probe(tmp_path / "o.mp4").frames == 1


def test_ids_are_counted_over_what_is_reported(run: Callable[..., Tracked], tmp_path: Path) -> None:
    things = [((10, 10, 20, 20), YELLOW), ((60, 10, 20, 20), RED), ((110, 10, 20, 20), BLUE)]
    source = make(tmp_path / "in.mp4", [drawn(*things[: 1 + i // 5]) for i in range(15)])
    assert lives(run(source, classes=["blue"])) == {"1 blue": list(range(10, 15))}
    assert set(lives(run(source))) == {"1 red", "2 blue"}
    tracked = run(source, classes=["blue", "red"], confidence=0.8)
    assert set(lives(tracked)) == {"1 red"}
    assert tracked.result.stats.unreported_tracks == 1
    assert lives(run(source, confidence=0.95)) == {}
    assert lives(run(source, confidence=0.3))["1 yellow"] == list(range(15))
    assert set(lives(run(source, confidence=0.7))) == {"1 red", "2 blue"}


def test_frames_between_those_looked_at_are_interpolated(run: Callable[..., Tracked], tmp_path: Path) -> None:
    places = [(20.0 + 3 * i, 40.0, 30.0, 20.0) for i in range(32)]
    source = make(tmp_path / "in.mp4", [drawn((place, RED)) for place in places])
    (one,) = parsed_document(run(source, stride=4))["tracks"]
    assert [frame["frame"] for frame in one["frames"]] == list(range(32))
    for frame, place in zip(one["frames"], places, strict=True):
        assert frame.get("interpolated", False) == bool(frame["frame"] % 4)
        assert frame["bbox"] == pytest.approx(place, abs=2.5)


def test_short_gaps_are_filled_when_asked(run: Callable[..., Tracked], tmp_path: Path) -> None:
    pictures = [drawn(*([] if 10 <= i < 16 else [((20 + 2 * i, 40, 30, 20), RED)])) for i in range(30)]
    source = make(tmp_path / "in.mp4", pictures)
    assert lives(run(source)) == {"1 red": [*range(10), *range(16, 30)]}
    (one,) = parsed_document(run(source, fill_gaps_sec=0.5))["tracks"]
    assert [frame["frame"] for frame in one["frames"]] == list(range(30))
    marked = [frame["frame"] for frame in one["frames"] if frame.get("interpolated")]
    assert marked == list(range(10, 16))
    assert one["frames"][13]["bbox"] == pytest.approx((46, 40, 30, 20), abs=3)


def test_a_cut_ends_all_tracks(run: Callable[..., Tracked], tmp_path: Path) -> None:
    shots = [drawn(((60, 40, 30, 30), RED), background=texture(seed)) for seed in (1, 2)]
    tracked = run(make(tmp_path / "in.mp4", [shots[0]] * 12 + [shots[1]] * 12))
    assert lives(tracked) == {"1 red": list(range(12)), "2 red": list(range(12, 24))}
    assert tracked.result.stats.cuts == 1
    assert parsed_document(tracked)["video"]["cuts"] == [12]


def test_what_is_not_square_is_reported_and_drawn_as_it_is_displayed(
    run: Callable[..., Tracked], tmp_path: Path
) -> None:
    place = (60.0, 40.0, 30.0, 20.0)
    source = make(tmp_path / "in.mp4", [drawn((place, RED))] * 6, aspect=Fraction(2))
    outputs = TrackOutputs(overlay=tmp_path / "out.mp4", timeline=tmp_path / "out.png")
    answer = parsed_document(run(source, outputs))
    assert (answer["video"]["width"], answer["video"]["height"]) == (2 * WIDTH, HEIGHT)
    for frame in answer["tracks"][0]["frames"]:
        assert frame["bbox"] == pytest.approx((120, 40, 60, 20), abs=2.5)
    info = probe(tmp_path / "out.mp4")
    assert (info.width, info.height, info.sample_aspect_ratio) == (WIDTH, HEIGHT, Fraction(2))
    with VideoReader(tmp_path / "out.mp4", info) as reader:
        picture = next(reader.frames()).pixels.astype(int)
    changed = np.abs(picture - drawn((place, RED))).max(axis=2) > 60
    assert np.flatnonzero(changed[50]).min() == pytest.approx(60, abs=4)
    assert np.flatnonzero(changed[50]).max() == pytest.approx(90, abs=4)


def test_botsort_follows_a_shaking_camera(run: Callable[..., Tracked], tmp_path: Path) -> None:
    wide = np.kron(np.random.default_rng(3).integers(60, 140, (9, 24, 1)), np.ones((12, 12, 3), np.int64))
    wide[30:60, 100:112] = RED
    shake = np.random.default_rng(4).integers(0, 12, 40)
    pictures = [np.ascontiguousarray(wide[:, x : x + WIDTH].astype(np.uint8)) for x in shake]
    source = make(tmp_path / "in.mp4", pictures)
    assert lives(run(source, tracker="botsort")) == {"1 red": list(range(40))}
    assert lives(run(source, tracker="bytetrack")) != {"1 red": list(range(40))}


def test_irregular_times_are_reported_in_seconds(run: Callable[..., Tracked], tmp_path: Path) -> None:
    pts = [0, 3000, 3001, 9000, 12345, 30000, 31000, 45000]
    picture = drawn(((60, 40, 30, 30), RED))
    source = make(tmp_path / "in.mp4", [picture] * 8, pts=pts, time_base=Fraction(1, 90_000))
    answer = parsed_document(run(source))
    (one,) = answer["tracks"]
    assert (one["first_sec"], one["last_sec"]) == (0, 0.5)
    assert answer["video"]["duration_sec"] >= 0.5


def test_the_file_says_what_the_answer_says(run: Callable[..., Tracked], tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", walks(20))
    tracked = run(source, TrackOutputs(tracks=tmp_path / "t.json"))
    answer = parsed_document(tracked)
    assert json.loads((tmp_path / "t.json").read_text()) == answer
    run(source, TrackOutputs(tracks=tmp_path / "t.json.gz"))
    packed = json.loads(gzip.decompress((tmp_path / "t.json.gz").read_bytes()))
    assert packed["tracks"] == answer["tracks"]
    run(source, TrackOutputs(tracks=tmp_path / "t.ndjson"))
    lines = (tmp_path / "t.ndjson").read_text().splitlines()
    assert [json.loads(line) for line in lines] == answer["tracks"]


def test_the_overlay_is_the_video_with_boxes_and_its_sound(
    run: Callable[..., Tracked], tmp_path: Path
) -> None:
    source = make(tmp_path / "in.mp4", walks(40), audio=[{"seconds": 1.6}])
    stages: list[str] = []

    def report(moment: Progress) -> None:
        stages.append(moment.stage)

    run(source, TrackOutputs(overlay=tmp_path / "o.mp4"), on_progress=report)
    assert list(dict.fromkeys(stages)) == ["starting", "tracking", "drawing", "finishing"]
    before, after = ([*frames_of(path)] for path in (source, tmp_path / "o.mp4"))
    assert len(after) == 40
    changed = np.abs(after[5].astype(int) - before[5].astype(int)).max(axis=2) > 60
    assert changed[38:42, 20:50].any(), "an edge of the box around red"
    assert not changed[95:, :].any(), "where nothing is"
    assert sound_of(source) == sound_of(tmp_path / "o.mp4")


def test_an_overlay_that_is_a_gif_is_played_in_time(run: Callable[..., Tracked], tmp_path: Path) -> None:
    tracked = run(make(tmp_path / "in.mp4", walks(30), rate=60), TrackOutputs(overlay=tmp_path / "o.gif"))
    assert tracked.result.video.frames == 30
    with Image.open(tmp_path / "o.gif") as image:
        delays = [frame.info["duration"] for frame in ImageSequence.Iterator(image)]
    assert delays == [20] * 25
    assert any(note.startswith("5 pictures were left out") for note in tracked.result.notes)


def test_the_timeline_shows_each_track(run: Callable[..., Tracked], tmp_path: Path) -> None:
    run(make(tmp_path / "in.mp4", walks(20)), TrackOutputs(timeline=tmp_path / "t.png"))
    picture = read_picture(tmp_path / "t.png")[0]
    assert min(picture.shape[:2]) > 100
    red = (picture.astype(int) - RED).__abs__().sum(axis=2) < 90
    assert red.any(), "the thumbnail of the red thing"


@pytest.mark.parametrize(
    ("outputs", "words"),
    [
        ({"tracks": "t.txt"}, ".ndjson"),
        ({"overlay": "o.avi"}, ".mkv"),
        ({"timeline": "t.gif"}, ".png"),
        ({"tracks": "none/t.json"}, "does not exist"),
        ({"overlay": "in.mp4"}, "--force"),
        ({"overlay": "in.mp4", "overwrite": True}, "the input itself"),
        ({"overlay": "link.mp4", "overwrite": True}, "the input itself"),
        ({"tracks": "here.json"}, "--force"),
    ],
    ids=str,
)
def test_an_output_that_cannot_be_is_refused_before_work(
    run: Callable[..., Tracked], tmp_path: Path, outputs: dict[str, Any], words: str
) -> None:
    source = make(tmp_path / "in.mp4", walks(3))
    (tmp_path / "link.mp4").hardlink_to(source)
    (tmp_path / "here.json").write_text("precious")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    paths: dict[str, Any] = {
        name: value if value is True else tmp_path / value for name, value in outputs.items()
    }

    def no_progress(_: Progress) -> None:
        pytest.fail("work was begun")

    with pytest.raises((OutputPathRefused, BadRequest), match=words):
        run(source, TrackOutputs(**paths), on_progress=no_progress)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_class_that_is_not_known_names_the_nearest_and_all(
    run: Callable[..., Tracked], tmp_path: Path
) -> None:
    source = make(tmp_path / "in.mp4", walks(3))
    with pytest.raises(BadRequest, match=r"'gren'.*'green'.*red, green, blue, yellow"):
        run(source, classes=["red", "gren"])


@pytest.fixture(scope="module")
def odd_names(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonClient]:
    """A client of a detector that has a class name with a comma, and two classes of one name."""
    repository = tmp_path_factory.mktemp("odd")
    folder = detectors.write_colour_finder(repository)
    config = (folder / "config.pbtxt").read_text()
    named = config.replace('\\"red\\", \\"green\\", \\"blue\\"', '\\"red, dark\\", \\"thing\\", \\"thing\\"')
    assert named != config
    (folder / "config.pbtxt").write_text(named)
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=30) as connected:
        yield connected


@pytest.mark.parametrize(
    ("classes", "colours"),
    [
        (["red, dark"], ["red, dark"]),
        (["red, dark", "yellow"], ["red, dark", "yellow"]),
        (["thing,yellow"], ["thing", "thing", "yellow"]),
        (["thing", " yellow "], ["thing", "thing", "yellow"]),
    ],
)
def test_a_class_is_named_with_its_comma_and_of_two_with_one_name_both_are_reported(
    odd_names: TritonClient, tmp_path: Path, classes: list[str], colours: list[str]
) -> None:
    boxes = [((10.0 + 40 * i, 40, 24, 40), colour) for i, colour in enumerate((RED, GREEN, BLUE, YELLOW))]
    tracked = track(
        make(tmp_path / "in.mp4", [drawn(*boxes)] * 4),
        TrackParams(model="colour-finder", side=320, classes=tuple(classes), confidence=0.2),
        TrackOutputs(),
        JobContext(connect=lambda: odd_names),
    )
    assert sorted(one["class_name"] for one in parsed_document(tracked)["tracks"]) == sorted(colours)


@pytest.mark.parametrize("classes", [",", "red", "dark", "red, darker", ""])
def test_a_class_with_a_comma_is_refused_where_there_is_none(
    odd_names: TritonClient, tmp_path: Path, classes: str
) -> None:
    with pytest.raises(BadRequest, match=r"knows no class .*It knows: 'red, dark', thing, thing, yellow"):
        track(
            make(tmp_path / "in.mp4", walks(3)),
            TrackParams(model="colour-finder", classes=(classes,)),
            TrackOutputs(),
            JobContext(connect=lambda: odd_names),
        )


@pytest.mark.parametrize(
    "wrong",
    [
        {"confidence": -0.1},
        {"confidence": 1.01},
        {"confidence": float("nan")},
        {"classes": []},
        {"classes": "red"},
        {"stride": 0},
        {"batch": 0},
        {"tracker": "sort"},
        {"side": 16},
        {"fill_gaps_sec": -1},
        {"speed": 9},
    ],
    ids=str,
)
def test_a_wrong_parameter_is_named(wrong: dict[str, Any]) -> None:
    (name,) = wrong
    with pytest.raises(BadRequest, match=name):
        parse(TrackParams, wrong)


def test_300_boxes_in_a_frame_are_tracked(run: Callable[..., Tracked], tmp_path: Path) -> None:
    picture = np.full((128, 128, 3), (255, 45, 7), np.uint8)
    source = clips.make_clip(tmp_path / "in.mkv", [picture] * 6, codec="ffv1", pix_fmt="bgr0")
    tracked = run(source, model="detector", confidence=0)
    assert tracked.result.stats.tracks > 40, "boxes of one class that overlap are one thing"
    assert {one["class_name"] for one in parsed_document(tracked)["tracks"]} == {"7"}
    (note,) = tracked.result.notes
    assert note == (
        "in 6 pictures the detector gave 300 boxes, the most that it was built for: there may be more to be "
        "found; build it again with a larger --max-detections"
    )


def test_fewer_boxes_than_the_most_are_no_note(run: Callable[..., Tracked], tmp_path: Path) -> None:
    picture = np.full((128, 128, 3), (250, 49, 7), np.uint8)
    source = clips.make_clip(tmp_path / "in.mkv", [picture] * 2, codec="ffv1", pix_fmt="bgr0")
    assert run(source, model="detector", confidence=0).result.notes == ()


def test_boxes_that_are_no_numbers_fail_the_job_by_the_models_name(
    run: Callable[..., Tracked], tmp_path: Path
) -> None:
    pictures = [np.full((128, 128, 3), (2, 0, 255 if i == 9 else 1), np.uint8) for i in range(12)]
    source = clips.make_clip(tmp_path / "in.mkv", pictures, codec="ffv1", pix_fmt="bgr0")
    outputs = TrackOutputs(tracks=tmp_path / "t.json", overlay=tmp_path / "o.mp4")
    with pytest.raises(InferenceFailed, match="'detector'"):
        run(source, outputs, model="detector")
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


def test_a_model_that_is_no_detector_is_refused_by_name(run: Callable[..., Tracked], tmp_path: Path) -> None:
    with pytest.raises(BadRequest, match="identity"):
        run(make(tmp_path / "in.mp4", walks(3)), model="identity")


def test_a_detector_that_breaks_its_contract_is_refused_by_name(tmp_path: Path) -> None:
    source = make(tmp_path / "in.mp4", walks(3))
    repository = tmp_path / "repository"
    folder = detectors.write_detector(repository, "wrong-shape", rows=100)
    config = folder / "config.pbtxt"
    config.write_text(config.read_text().replace("dims: [ 300, 6 ]", "dims: [ 100, 6 ]"))
    detectors.write_detector(repository, "wrong-in-truth", rows=100)
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=30) as client:
        for name in ("wrong-shape", "wrong-in-truth"):
            with pytest.raises(InferenceFailed, match=name):
                track(
                    source,
                    TrackParams(model=name),
                    TrackOutputs(tracks=tmp_path / "t.json"),
                    JobContext(connect=lambda: client),
                )
    assert not (tmp_path / "t.json").exists()


def test_a_video_that_is_cut_short_leaves_nothing(run: Callable[..., Tracked], tmp_path: Path) -> None:
    source = clips.truncate(make(tmp_path / "in.mkv", walks(60)), 0.6)
    with pytest.raises(BadMedia):
        run(source, TrackOutputs(tracks=tmp_path / "t.json", overlay=tmp_path / "o.mp4"))
    assert [path.name for path in tmp_path.iterdir()] == ["in.mkv"]


@pytest.fixture(scope="module")
def yolov8n(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonClient]:
    """A client of a server that has the real YOLOv8n, built as a user builds it."""
    repository = tmp_path_factory.mktemp("real")
    weights = REAL / "weights" / "yolov8n.pt"
    subprocess.run(
        [sys.executable, "-m", "export_onnx", "build", "yolov8n", "--weights", weights],
        env=os.environ | {"MODEL_REPOSITORY": str(repository)},
        check=True,
        timeout=300,
    )
    with TritonServer(repository) as server, TritonClient(server.url, infer_timeout_s=120) as connected:
        yield connected


@pytest.fixture
def run_real(yolov8n: TritonClient) -> Callable[..., Tracked]:
    def run_real(source: Path, **params: Any) -> Tracked:
        return track(
            source,
            parse(TrackParams, {"model": "yolov8", "classes": ["person"]} | params),
            TrackOutputs(),
            JobContext(connect=lambda: yolov8n, resolve=Settings().resolved),
        )

    return run_real


CROSSINGS = REAL / "media" / "one-by-one-person-detection.mp4"


@pytest.mark.slow
@needs_real
def test_six_people_who_cross_are_six_tracks(run_real: Callable[..., Tracked]) -> None:
    answer = parsed_document(run_real(CROSSINGS))
    assert [one["id"] for one in answer["tracks"]] == [1, 2, 3, 4, 5, 6]
    assert all(len(one["frames"]) > 100 for one in answer["tracks"])
    times = [(one["first_sec"], one["last_sec"]) for one in answer["tracks"]]
    assert all(before[1] < after[0] for before, after in itertools.pairwise(times)), "one by one, none split"
    assert answer["video"] == {
        "width": 768,
        "height": 432,
        "frames": 1394,
        "fps": "10/1",
        "duration_sec": pytest.approx(139.4),
        "cuts": [],
    }
    # A crop that follows them, in the shape of a phone, has them in its middle half.
    subjects, times_s = parse_tracks(answer), frame_times(CROSSINGS, probe(CROSSINGS))
    results = []
    for subject in subjects.by_id.values():
        path = follow_subject(
            subjects,
            track=subject.id,
            aspect=Fraction(9, 16),
            zoom=None,
            times_s=times_s,
            width=768,
            height=432,
        ).path
        results.append(measure_camera(subject, path.rows(times_s[subject.frames]), width=768, height=432))
        assert results[-1].jerk <= 0.1 * results[-1].raw_jerk
        assert results[-1].middle >= 0.95 * results[-1].possible, "further out a crop cannot be"
    total = sum(results[1:], results[0])
    assert total.middle >= 0.95 * total.frames


@pytest.mark.slow
@needs_real
def test_real_people_get_the_same_ids_at_any_batch(run_real: Callable[..., Tracked], tmp_path: Path) -> None:
    excerpt = tmp_path / "excerpt.mp4"
    with av.open(str(CROSSINGS)) as source, av.open(str(excerpt), "w") as target:
        stream = target.add_stream_from_template(source.streams.video[0])
        for packet in itertools.islice(source.demux(video=0), 300):
            packet.stream = stream
            target.mux(packet)
    answers = [run_real(excerpt, batch=batch) for batch in (1, 8, 8)]
    assert [len(tracked.tracks) for tracked in answers] == [2, 2, 2]
    assert lives(answers[0]) == lives(answers[1])
    assert without_stats(answers[1]) == without_stats(answers[2])


def frames_of(path: Path) -> Iterator[Pixels]:
    with VideoReader(path, probe(path)) as reader:
        for frame in reader.frames():
            yield frame.pixels


def sound_of(path: Path) -> list[bytes]:
    with av.open(str(path)) as container:
        return [bytes(packet) for packet in container.demux(audio=0) if packet.size]


def test_a_job_that_names_no_detector_gets_the_default_and_yolov8_keeps_its_meaning(
    client: TritonClient, tmp_path: Path
) -> None:
    settings = Settings(detector="colour-finder", yolov8="lite-detector")
    with Worker(settings) as worker:
        context = replace(worker.context(lambda _: None), connect=lambda: client)
    clip = make(tmp_path / "in.mp4", walks(3))
    for params, model in (
        ({}, "colour-finder"),
        ({"model": "colour-finder"}, "colour-finder"),
    ):
        tracked = track(clip, parse(TrackParams, params), TrackOutputs(), context)
        assert tracked.result.stats.model == model
    assert context.resolve("yolov8") == "lite-detector"
    assert TASKS["track"].default_model(settings) == "colour-finder"
    assert TASKS["track"].default_model(Settings(yolov8="yolov8m")) == "yolov8m"
