"""Tests the sample clip: its size, tags, sound and tracks, and that its script still makes it."""

from __future__ import annotations

import shutil
from collections import Counter

import av
import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip(
    "skimage", reason="scikit-image, which holds the pictures, is not installed (extra: train)"
)

from pathlib import Path

from examples import make_sample
from examples.cast import SHOTS
from orchestrator.jobs import TrackParams
from orchestrator.pipeline.context import JobContext
from orchestrator.pipeline.link_detections import Tracked
from orchestrator.pipeline.track import TrackOutputs, track
from orchestrator.triton.client import TritonClient
from orchestrator.triton.server import TritonServer
from training.lite_detector import evaluate, evaluate_tracks
from training.lite_detector.matching import Tally, count
from training.lite_detector.scenes import BALL, BOX, CLASSES, GREY, PERSON, Figure

BT709 = 1  # the number of BT.709 among matrices, primaries and transfer functions: ITU-T H.273


def read(path: Path) -> tuple[list[np.ndarray], np.ndarray]:
    """Return the frames, uint8 [H, W, 3] RGB, and the sound, float32 [2, samples]."""
    with av.open(path) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    with av.open(path) as container:
        sound = np.concatenate([block.to_ndarray() for block in container.decode(audio=0)], axis=1)
    return frames, sound


def test_sample_clip_is_small_and_tagged_as_bt709() -> None:
    assert make_sample.OUTPUT.stat().st_size < 400_000
    with av.open(make_sample.OUTPUT) as container:
        video = container.streams.video[0].codec_context
        assert (video.width, video.height, video.pix_fmt) == (320, 180, "yuv420p")
        assert (video.colorspace, video.color_primaries, video.color_trc) == (BT709, BT709, BT709)
        assert container.streams.audio[0].codec_context.name == "aac"
        assert container.streams.video[0].average_rate == 24


@pytest.mark.slow
def test_the_script_makes_the_clip_that_is_carried(tmp_path: Path) -> None:
    result = CliRunner().invoke(make_sample.main, ["--output", str(tmp_path / "sample.mp4")])
    assert result.exit_code == 0, result.output
    made, made_sound = read(tmp_path / "sample.mp4")
    carried, carried_sound = read(make_sample.OUTPUT)
    assert len(made) == len(carried) == 144
    # Another version of x264 or of the AAC encoder may decide a little otherwise.
    assert max(np.abs(a.astype(int) - b).mean() for a, b in zip(made, carried, strict=True)) < 3
    assert made_sound.shape == carried_sound.shape
    assert np.abs(carried_sound).max() > 0.2
    assert np.abs(made_sound - carried_sound).mean() < 0.02


@pytest.fixture(scope="module")
def truth() -> list[tuple[Figure, ...]]:
    return make_sample.truth()


def seen(truth: list[tuple[Figure, ...]], identity: int) -> dict[int, Figure]:
    """Return a figure's labels, by frame."""
    return {
        frame: figure
        for frame, figures in enumerate(truth)
        for figure in figures
        if figure.identity == identity
    }


def overlap(one: Figure, other: Figure) -> float:
    """Return the intersection of two boxes divided by the area of the smaller one."""
    (ax1, ay1, ax2, ay2), (bx1, by1, bx2, by2) = one.box, other.box
    common = max(0, min(ax2, bx2) - max(ax1, bx1)) * max(0, min(ay2, by2) - max(ay1, by1))
    return common / min((ax2 - ax1) * (ay2 - ay1), (bx2 - bx1) * (by2 - by1))


def test_five_people_two_balls_and_a_box_are_in_it_and_nobody_is_on_both_sides_of_the_cut(
    truth: list[tuple[Figure, ...]],
) -> None:
    kinds = {figure.identity: CLASSES[figure.number] for figures in truth for figure in figures}
    assert sorted(kinds.values()) == ["ball", "ball", "box"] + ["person"] * 5
    cut = SHOTS[0].frames
    before = {figure.identity for figures in truth[:cut] for figure in figures}
    after = {figure.identity for figures in truth[cut:] for figure in figures}
    assert not before & after


def test_people_cross_are_hidden_and_leave(truth: list[tuple[Figure, ...]]) -> None:
    cut = SHOTS[0].frames
    people = {figure.identity for figures in truth for figure in figures if figure.number == PERSON}
    paths = {identity: seen(truth, identity) for identity in people}
    crossed = {
        (one, other)
        for one in people
        for other in people
        if one < other
        and any(overlap(paths[one][f], paths[other][f]) > 0.7 for f in paths[one].keys() & paths[other])
    }
    assert crossed >= {(1, 2), (1, 3), (2, 3), (5, 6)}
    # Behind the pillar for a quarter of a second or more, with time before and after.
    hidden = [frame for frame in range(cut) if frame not in paths[3] or paths[3][frame].visible < 0.1]
    assert len(hidden) >= 6
    assert min(hidden) > 12
    assert max(hidden) < cut - 12
    # One leaves the picture well before the cut, and the balls do.
    assert max(paths[1]) < cut - 4
    assert max(seen(truth, 4)) < cut - 4


def test_the_lite_detector_finds_the_figures_of_the_clip(truth: list[tuple[Figure, ...]]) -> None:
    detect = evaluate.onnx_detector(evaluate.MODEL)
    frames, _ = read(make_sample.OUTPUT)
    tallies = [Tally() for _ in CLASSES]
    for frame, figures in zip(frames, truth, strict=True):
        boxes = detect(np.pad(frame, ((6, 6), (0, 0), (0, 0)), constant_values=GREY))
        boxes[:, [1, 3]] -= 6
        count(tallies, boxes, figures)
    for tally in tallies:
        assert tally.recall(0.5) > 0.85
    assert tallies[PERSON].precision(0.5) > 0.95
    assert tallies[BOX].precision(0.5) > 0.9
    assert tallies[BALL].precision(0.5) > 0.7  # an eye of the cat is a ball in some frames, but never a track


@pytest.fixture(scope="module")
def tracked(tmp_path_factory: pytest.TempPathFactory) -> Tracked:
    models = tmp_path_factory.mktemp("models")
    shutil.copytree(evaluate.MODEL.parents[1], models / "lite-detector")
    with TritonServer(models) as server, TritonClient(server.url, infer_timeout_s=60) as client:
        context = JobContext(connect=lambda: client)
        return track(make_sample.OUTPUT, TrackParams(model="lite-detector"), TrackOutputs(), context)


def test_eight_figures_are_eight_tracks_although_they_cross(
    tracked: Tracked, truth: list[tuple[Figure, ...]]
) -> None:
    result = evaluate_tracks.coverage(tracked.tracks, truth)
    assert result == evaluate_tracks.Coverage(figures=8, tracks=8, covered=8)


def test_no_track_passes_from_one_figure_to_another(
    tracked: Tracked, truth: list[tuple[Figure, ...]]
) -> None:
    """The figure whose box is nearest to that of the track is the same in nearly all frames of a track."""
    for found in tracked.tracks:
        nearest: Counter[int] = Counter()
        for frame, box in zip(found.frames.tolist(), found.boxes, strict=True):
            figures = [figure for figure in truth[frame] if figure.number == found.class_number]
            if figures:
                distances = [np.abs(np.subtract(box, figure.box)).sum() for figure in figures]
                nearest[figures[int(np.argmin(distances))].identity] += 1
        ((identity, frames),) = nearest.most_common(1)
        assert frames >= 0.9 * nearest.total(), (identity, nearest)
