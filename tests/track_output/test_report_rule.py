"""Tests the rule that decides which tracks are reported."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.frames import TrackBoxes
from orchestrator.track_output.report_rule import SHORTEST, is_reported
from orchestrator.track_output.reported_tracks import TrackBoxCollector
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker

CAR = np.array(
    [*np.linspace(0.2, 0.42, 13), *[0.45, 0.6, 0.7, 0.75, 0.78, 0.72, 0.7, 0.66, 0.6, 0.5]] + [0.25] * 14
)
"""37 frames: small and far away at first, then close, then half behind another car; its mean is 0.38."""
MARKING = np.array([0.42, 0.31, 0.55, 0.44, 0.58, 0.36, 0.62, 0.3, 0.41, 0.52, 0.47, 0.28])
"""12 frames of a road marking; single detections score over 0.5, and its mean is 0.44."""

scores = st.lists(st.integers(0, 64).map(lambda part: part / 64), min_size=1, max_size=24)
confidences = st.integers(0, 1000).map(lambda part: part / 1000)


def brute_force(of_track: list[float], confidence: float) -> bool:
    """Look at every stretch, in exact numbers."""
    parts = [Fraction(score) for score in of_track]
    least = Fraction(str(confidence)) - Fraction(1, 20000)
    ends = combinations(range(len(parts) + 1), 2)
    stretches = [parts[begin:end] for begin, end in ends if end - begin >= 8]
    clear = any(sum(stretch) / len(stretch) >= least + Fraction(1, 20) for stretch in stretches)
    return sum(parts) / len(parts) >= least or clear


def test_a_car_that_is_clear_for_a_while_is_found_and_a_road_marking_is_not() -> None:
    assert (len(CAR), len(MARKING)) == (37, 12)
    assert max(CAR.mean(), MARKING.mean()) < 0.5
    assert is_reported(CAR, 0.5)
    assert not is_reported(MARKING, 0.5)
    assert MARKING.max() > 0.5, "one detection that is sure is not enough"


@pytest.mark.parametrize("sure_frames", [1, 2, 4])
def test_a_few_strong_frames_do_not_report_a_track(sure_frames: int) -> None:
    weak = [0.2] * 20
    assert not is_reported(np.array(weak + [0.9] * sure_frames + weak), 0.7)
    assert is_reported(np.array(weak + [0.9] * SHORTEST + weak), 0.7)


def test_a_false_track_that_scores_about_as_much_as_the_confidence_is_not_reported() -> None:
    around = np.tile([0.44, 0.5, 0.53, 0.54, 0.53, 0.55, 0.52, 0.54, 0.51, 0.45, 0.4, 0.41], 5)
    assert around.mean() < 0.5 < around[2:10].mean()
    assert not is_reported(around, 0.5)


def test_of_a_short_track_the_mean_alone_decides() -> None:
    assert is_reported(np.array([0.3, 0.7]), 0.5)
    assert not is_reported(np.array([0.2] + [0.9] * 7), 0.82)
    assert not is_reported(np.array([0.3, 0.7]), 0.51)
    assert is_reported(np.array([0.9], np.float32), 0.9), "as float32 it is a little less"


@given(scores, confidences)
def test_it_agrees_with_looking_at_every_stretch(of_track: list[float], confidence: float) -> None:
    assert is_reported(np.array(of_track), confidence) == brute_force(of_track, confidence)


@given(scores, confidences)
def test_what_the_mean_of_the_whole_track_reports_is_always_reported(
    of_track: list[float], confidence: float
) -> None:
    mean = round(sum(of_track) / len(of_track), 4)
    assert is_reported(np.array(of_track), confidence) >= (mean >= confidence)


@given(st.lists(scores, max_size=6), confidences, confidences)
def test_a_higher_confidence_never_reports_more_tracks(
    of_tracks: list[list[float]], one: float, other: float
) -> None:
    found = TrackBoxCollector()
    for number, of_track in enumerate(of_tracks, start=1):
        frames = np.arange(len(of_track))
        boxes = TrackBoxes(
            frames=frames,
            ids=np.full(len(of_track), number),
            boxes=np.full((len(of_track), 4), number, np.float32),
            scores=np.array(of_track, np.float32),
            classes=np.zeros(len(of_track), np.int64),
            interpolated=np.zeros(len(of_track), np.bool_),
        )
        found.add(boxes, frames)
    low, high = (
        {int(track.boxes[0, 0]) for track in found.reported(confidence=confidence, classes=None)}
        for confidence in sorted((one, other))
    )
    assert high <= low


def test_the_tracker_reports_the_whole_car_and_not_the_marking() -> None:
    tracker = Tracker(TrackerSettings(), width=640, height=360, time_base=Fraction(1, 25))
    found = TrackBoxCollector()
    for frame, score in enumerate(CAR):
        rows = [(20 + 8 * frame, 200, 80 + 8 * frame, 240, score, 2)]
        if 10 <= frame < 22:
            rows.append((500, 300, 560, 330, MARKING[frame - 10], 2))
        boxes = tracker.update(np.array(rows, np.float32), frame=frame, pts=frame)
        found.add(boxes, boxes.frames)
    rest = tracker.finish()
    found.add(rest, rest.frames)
    (car,) = found.reported(confidence=0.5, classes=None)
    assert car.boxes[0, 1] < 280
    assert car.frames[-1] == 36
    assert len(found.reported(confidence=0.4, classes=None)) == 2
