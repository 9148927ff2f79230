"""Tests the thresholds that follow from the scores of a detector."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.tracking.score_scale import ScoreScale
from orchestrator.tracking.settings import TrackerSettings
from tests.tracking.test_shot_cuts import shot
from tests.tracking.test_tracker import found, lives, make, play

settings.register_profile("no deadline")
settings.load_profile("no deadline")

frames_of_scores = st.lists(st.lists(st.floats(0, 1), max_size=20).map(np.array), max_size=10)


@given(frames_of_scores)
def test_thresholds_stay_between_those_of_the_settings_and_in_order(
    frames: list[NDArray[np.float64]],
) -> None:
    chosen = TrackerSettings()
    scale = ScoreScale(chosen)
    for scores in frames:
        scale.add(scores.astype(np.float64))
        assert chosen.high_score <= scale.high_score <= chosen.raised_high_score
        assert chosen.new_score <= scale.new_score <= chosen.raised_new_score
        assert scale.high_score <= scale.new_score


@given(st.floats(0.2, 0.999), st.floats(0, 1))
def test_surer_scores_never_lower_the_thresholds(score: float, more: float) -> None:
    below, above = ScoreScale(TrackerSettings()), ScoreScale(TrackerSettings())
    for _ in range(20):
        below.add(np.full(10, score))
        above.add(np.full(10, score + more * (1 - score)))
    assert below.high_score <= above.high_score
    assert below.new_score <= above.new_score


@pytest.mark.parametrize(("sure", "new_score"), [(0.8, 0.4), (0.9, 0.4), (0.95, 0.88), (0.99, 0.97)])
def test_thresholds_rise_by_four_times_the_log_odds_that_the_sure_score_exceeds_2_3(
    sure: float, new_score: float
) -> None:
    scale = ScoreScale(TrackerSettings())
    for _ in range(20):
        scale.add(np.full(10, sure))
    assert scale.new_score == pytest.approx(new_score, abs=0.005)


@pytest.mark.parametrize(("sure", "tracks"), [(0.85, 2), (0.995, 1)])
def test_a_doubtful_box_starts_a_track_only_beside_moderate_scores(sure: float, tracks: int) -> None:
    video = [found((300, 100, 60, 90, sure))] * 20
    video += [found((300, 100, 60, 90, sure), (50, 50, 60, 60, 0.6))] * 20
    assert len(lives(play(video))) == tracks


SURE, DOUBTFUL = (300, 100, 60, 90, 0.995), (50, 50, 60, 60, 0.6)


@pytest.mark.parametrize("first", [0, 20])
def test_a_doubtful_box_that_stays_is_a_track_from_its_first_frame_on(first: int) -> None:
    """At 30 frames a second. Whether the thresholds have risen before it appears makes no difference."""
    video = [found(SURE)] * first + [found(SURE, DOUBTFUL)] * 60
    sure, doubtful = list(range(first + 60)), list(range(first, first + 60))
    assert sorted(lives(play(video)).values()) == [sure, doubtful]


def test_a_doubtful_box_that_is_often_missing_is_no_track() -> None:
    video = [found(SURE)] * 20 + ([found(SURE, DOUBTFUL)] * 20 + [found(SURE)]) * 5
    assert len(lives(play(video))) == 1


def test_frames_that_were_skipped_are_filled_for_a_doubtful_box_too() -> None:
    video = [found(SURE), None] * 10 + [found(SURE, DOUBTFUL), None] * 30
    result = play(video)
    assert lives(result)[2] == list(range(20, 80))
    second = result.ids == 2
    assert result.frames[second & result.interpolated].tolist() == list(range(21, 80, 2))
    np.testing.assert_allclose(result.boxes[second], np.tile([50, 50, 110, 110], (60, 1)), atol=0.01)


def test_thresholds_that_may_not_rise_keep_doubtful_boxes() -> None:
    video = [found((300, 100, 60, 90, 0.995))] * 20
    video += [found((300, 100, 60, 90, 0.995), (50, 50, 60, 60, 0.6))] * 20
    kept = make(raised_high_score=0, raised_new_score=0)
    assert len(lives(play(video, kept))) == 2


def test_what_was_learned_outlasts_a_cut() -> None:
    video = [found((300, 100, 60, 90, 0.995))] * 30 + [found((50, 50, 60, 60, 0.6))] * 5
    grays = [shot(1)] * 30 + [shot(2)] * 5
    assert lives(play(video, grays=grays)) == {1: list(range(30))}
