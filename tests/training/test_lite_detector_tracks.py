"""Tests that tracks are compared with figures correctly, and lite-detector's tracks in held-out clips."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip(
    "skimage", reason="scikit-image, which holds the pictures, is not installed (extra: train)"
)

from examples.cast import SHOTS
from training.lite_detector import clips, evaluate_tracks
from training.lite_detector.evaluate import MODEL, onnx_detector
from training.lite_detector.evaluate_tracks import Coverage, coverage, follow, judge
from training.lite_detector.scenes import BALL, PERSON, Figure

if TYPE_CHECKING:
    from training.lite_detector.scenes import Scene

FRAMES = 24


def walker(frame: int, *, start: float = 20, speed: float = 3, identity: int = 1) -> Figure:
    left = start + speed * frame
    return Figure(number=PERSON, box=(left, 60, left + 30, 140), visible=1.0, identity=identity)


def boxes(*figures: Figure) -> np.ndarray:
    """Return detections that lie exactly on figures."""
    return np.array([(*figure.box, 0.9, figure.number) for figure in figures], np.float32).reshape(-1, 6)


TRUTH = [(walker(frame), walker(frame, start=280, speed=-3, identity=2)) for frame in range(FRAMES)]


def tracked(detections: list[np.ndarray]) -> Coverage:
    """Follow given detections, and compare the tracks with TRUTH."""
    answers = iter(detections)
    pictures = [np.zeros((180, 320, 3), np.uint8)] * len(detections)
    return coverage(follow(pictures, lambda _: next(answers)), TRUTH)


def test_true_boxes_are_a_track_for_each_figure() -> None:
    result = tracked([boxes(*figures) for figures in TRUTH])
    assert result == Coverage(figures=2, tracks=2, covered=2)
    assert result.exact


def test_a_false_box_that_stays_is_a_track_too_many() -> None:
    post = Figure(number=PERSON, box=(150, 20, 170, 60), visible=1.0)
    result = tracked([boxes(*figures, post) for figures in TRUTH])
    assert result == Coverage(figures=2, tracks=3, covered=2)
    assert not result.exact


def test_a_figure_of_another_class_or_that_is_missed_is_not_covered() -> None:
    assert tracked([boxes(figures[0]) for figures in TRUTH]) == Coverage(figures=2, tracks=1, covered=1)
    wrong = [
        boxes(figures[0], Figure(number=BALL, box=figures[1].box, visible=1.0, identity=2))
        for figures in TRUTH
    ]
    assert tracked(wrong) == Coverage(figures=2, tracks=2, covered=1)


def test_a_track_of_less_than_half_of_a_figure_does_not_cover_it() -> None:
    late = [boxes(*figures) if frame >= 15 else boxes(figures[0]) for frame, figures in enumerate(TRUTH)]
    assert tracked(late) == Coverage(figures=2, tracks=2, covered=1)


def test_the_clips_are_the_same_in_every_run_and_their_people_are_not_those_of_the_sample() -> None:
    one, again = (next(clips.held_out_clips(1)) for _ in range(2))
    assert [scene.figures for scene in one] == [scene.figures for scene in again]
    np.testing.assert_array_equal(one[40].picture, again[40].picture)
    sample = {actor.look for shot in SHOTS for actor in shot.cast}
    photograph = np.zeros((300, 450, 3), np.uint8)
    shots = [clips.shot_of(photograph, number) for number in range(24)]
    assert not sample & {actor.look for shot in shots for actor in shot.cast}
    assert sum(len([a for a in shot.cast if a.identity]) for shot in shots) > 70


@pytest.fixture(scope="module")
def few_clips() -> list[list[Scene]]:
    return list(clips.held_out_clips(8))


@pytest.mark.slow
def test_lite_detector_keeps_the_people_of_held_out_clips_apart(few_clips: list[list[Scene]]) -> None:
    results = judge(onnx_detector(MODEL), few_clips)
    figures = sum(result.figures for result in results)
    assert figures == 25
    assert sum(result.covered for result in results) >= 0.8 * figures
    assert sum(result.tracks for result in results) <= 1.3 * figures


@pytest.mark.slow
def test_the_command_prints_the_sums() -> None:
    result = CliRunner().invoke(evaluate_tracks.main, ["--clips", "1"])
    assert result.exit_code == 0, result.output
    assert "1 clips" in result.output
    assert "figures covered" in result.output
