"""Tests `framewright track` with real processes: output, exit codes, and files that remain."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from orchestrator.drawing.picture_files import read_picture
from orchestrator.frames import Pixels
from orchestrator.triton.server import TritonServer
from tests.support.command import (
    Ended,
    assert_bad_inputs_are_refused,
    assert_refused,
    assert_stops,
    framewright,
    peaks_bytes,
)
from tools.fixtures import clips

MODEL = ("--model", "colour-finder", "--side", "320")


def walk(frames: int, width: int = 192, height: int = 108) -> Iterator[Pixels]:
    """A video of a red square that moves to the right."""
    for i in range(frames):
        picture = np.full((height, width, 3), 90, np.uint8)
        left = 10 + (width - 60) * i // frames
        picture[40:70, left : left + 30] = (255, 0, 0)
        yield picture


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return clips.make_clip(tmp_path_factory.mktemp("clip") / "in.mp4", walk(25), audio=[{"seconds": 1.0}])


@pytest.fixture
def served(triton: TritonServer) -> dict[str, str]:
    return {"TRITON_URL": triton.url}


def test_tracks_are_listed_for_a_person(clip: Path, served: dict[str, str]) -> None:
    ended = framewright("track", clip, *MODEL, **served)
    assert ended.code == 0, ended
    assert "1 track in 25 frames, 192x108" in ended.out
    assert any(line.split()[:2] == ["1", "red"] for line in ended.out.splitlines())
    assert "-o tracks.json" in ended.out


def test_who_asks_for_too_much_is_told_that_there_is_more(clip: Path, served: dict[str, str]) -> None:
    ended = framewright("track", clip, *MODEL, "--confidence", "1", **served)
    assert ended.code == 0, ended
    assert "0 tracks in 25 frames" in ended.out
    assert "1 track is not reported" in ended.out
    assert "--confidence" in ended.out
    assert "-o tracks.json" not in ended.out, "there are no boxes to keep"


def test_json_and_file_are_one_document(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    ended = framewright("track", clip, *MODEL, "--json", "-o", tmp_path / "t.json", **served)
    assert ended.code == 0, ended
    answer = json.loads(ended.out)
    assert json.loads((tmp_path / "t.json").read_text()) == answer
    assert list(answer) == ["status", "tracks", "video", "stats", "notes"]
    (one,) = answer["tracks"]
    assert list(one) == ["id", "class_name", "first_sec", "last_sec", "frames"]
    assert list(one["frames"][0]) == ["frame", "bbox", "confidence"]
    assert len(one["frames"]) == 25


def test_everything_at_once(clip: Path, tmp_path: Path, served: dict[str, str]) -> None:
    paths = [tmp_path / name for name in ("t.json.gz", "o.mp4", "t.png")]
    ended = framewright(
        "track", clip, *MODEL, "-o", paths[0], "--overlay", paths[1], "--timeline", paths[2], **served
    )
    assert ended.code == 0, ended
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    assert all(str(path) in ended.out for path in paths)
    assert read_picture(paths[2])[0].size
    assert_refused(framewright("track", clip, *MODEL, "-o", paths[0], **served), 2, "--force")
    assert framewright("track", clip, *MODEL, "-o", paths[0], "--force", **served).code == 0


def test_each_bad_input_is_one_clear_line_and_leaves_nothing(tmp_path: Path, served: dict[str, str]) -> None:
    def run(source: Path, outputs: Path) -> Ended:
        files = ("-o", outputs / "t.json", "--overlay", outputs / "o.mp4")
        return framewright("track", source, *MODEL, *files, **served)

    assert_bad_inputs_are_refused(tmp_path, run)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--confidence", "1.5"], ["confidence"]),
        (["--confidence", "nan"], ["confidence"]),
        (["--confidence", "high"], ["confidence"]),
        (["--classes", ""], ["classes", "at least one"]),
        (["--classes", " , "], ["classes", "at least one"]),
        (["--classes", "red,gren"], ["'gren'", "'green'", "yellow"]),
        (["--stride", "0"], ["stride"]),
        (["--tracker", "sort"], ["bytetrack", "botsort"]),
        (["--side", "10"], ["side"]),
        (["--model", "no-such-model"], ["no-such-model", "colour-finder"]),
        (["--model", "nearest-x4"], ["nearest-x4"]),
        (["-o", "tracks.csv"], [".ndjson"]),
    ],
    ids=" ".join,
)
def test_a_wrong_option_is_one_clear_line(
    clip: Path, served: dict[str, str], arguments: list[str], words: list[str]
) -> None:
    assert_refused(framewright("track", clip, *MODEL, *arguments, **served), 2, *words)


def test_a_detector_that_is_not_built_names_the_command_that_builds_it(clip: Path, tmp_path: Path) -> None:
    ended = framewright("track", clip, "-o", tmp_path / "t.json", MODEL_REPOSITORY=Path("model_repository"))
    if (Path("model_repository") / "yolov8n" / "1").exists():
        pytest.skip("it is built here")
    assert_refused(ended, 2, "framewright models fetch yolov8n`, then `framewright models build yolov8n`")
    assert "FRAMEWRIGHT_DETECTOR" in ended.err
    for free in ("d-fine-n", "rf-detr-nano", "centerface"):
        assert free in ended.err


def test_a_signal_stops_everything_within_seconds_and_leaves_nothing(
    tmp_path: Path, model_repository: Path
) -> None:
    source = clips.make_clip(tmp_path / "in.mp4", walk(600))
    out = tmp_path / "out"
    out.mkdir()
    arguments = ("track", source, *MODEL, "-o", out / "t.json", "--overlay", out / "o.mp4")
    assert_stops(signal.SIGTERM, "tracking", *arguments, MODEL_REPOSITORY=model_repository)
    assert not list(out.iterdir())


@pytest.mark.slow
def test_memory_does_not_grow_with_the_length_of_the_video(tmp_path: Path, model_repository: Path) -> None:
    def peaks(frames: int) -> dict[str, int]:
        source = clips.make_clip(tmp_path / f"{frames}.mp4", walk(frames, 320, 180))
        outputs = ["-o", tmp_path / f"{frames}.json", "--overlay", tmp_path / f"{frames}_o.mp4"]
        return peaks_bytes("track", source, *MODEL, *outputs, MODEL_REPOSITORY=model_repository)

    short, long = peaks(80), peaks(800)
    assert {"framewright", "tritonserver", "triton_python_backend_stub"} <= set(long)
    for name in set(long) & set(short):
        # Triton's threads take memory at their first requests; 720 small gray frames alone would be 40 MB.
        assert long[name] < 1.05 * short[name] + 2**22, name
