"""Tests how the tracker's benchmarks choose constants and rules by leaving one data set out."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from benchmarks.tracker import constants, peers, report_rules, scenes
from benchmarks.tracker.score import Scores
from orchestrator.track_output.report_rule import is_reported


def test_a_data_set_has_no_part_in_the_choice_that_it_judges() -> None:
    def score(value: float) -> Scores:
        return Scores(mota=value, idf1=value, hota=value, switches=0)

    scores: dict[constants.Values, dict[str, Scores]] = {
        (1.0,): {"first": score(90), "second": score(40), "third": score(50)},
        (2.0,): {"first": score(10), "second": score(60), "third": score(60)},
    }
    assert constants.chosen_without(scores, "first") == (2.0,)
    assert constants.chosen_without(scores, "second") == (1.0,)
    assert constants.chosen_without(scores, "third") == (1.0,)


@pytest.mark.parametrize("choice", constants.CHOICES, ids=lambda choice: choice.names[0])
def test_other_values_change_the_tracks_and_are_taken_back(choice: constants.Choice) -> None:
    scene = scenes.crowd(rate=10, seed=0)
    detections = scenes.detect(scene, seed=0)
    for rows in detections:  # squared odds: a detector so sure that the thresholds rise
        rows[:, 4] = 1 / (1 + (1 / rows[:, 4] - 1) ** 2)

    def tracked() -> list[bytes]:
        result = peers.track(peers.Ours, detections, scene)
        return [ids.tobytes() + boxes.tobytes() for ids, boxes in result]

    before, in_use = tracked(), choice.in_use
    with choice.applied(choice.values[0]):
        assert choice.in_use == choice.values[0]
        first = tracked()
    with choice.applied(choice.values[-1]):
        last = tracked()
    assert first != last
    assert choice.in_use == in_use
    assert tracked() == before


def test_the_rule_that_is_called_in_use_is_the_one_that_jobs_use() -> None:
    rng = np.random.default_rng(0)
    rule = report_rules.RULES[report_rules.IN_USE]
    decisions = set()
    for _ in range(500):
        scores = np.clip(rng.normal(0.5, 0.1) + rng.normal(0, 0.15, rng.integers(1, 40)), 0, 1).round(3)
        decisions.add(is_reported(scores, 0.5))
        assert rule(scores, 0.5) == is_reported(scores, 0.5)
    assert decisions == {False, True}


def test_rules_are_judged_by_the_data_set_that_they_were_not_chosen_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    mean, other = "mean of the track", report_rules.IN_USE
    errors = {
        mean: {"first": (10.0, 10.0), "second": (30.0, 30.0)},
        other: {"first": (20.0, 22.0), "second": (20.0, 21.0)},
    }
    report_rules.print_left_out([mean, other], errors)
    lines = capsys.readouterr().out.splitlines()
    assert lines[2] == f"| first | {other} | 20.0 22.0 | 20.0 22.0 | 10.0 10.0 | 10.0 10.0 ({mean}) |"
    assert lines[3] == f"| second | {mean} | 30.0 30.0 | 20.0 21.0 | 30.0 30.0 | 20.0 21.0 ({other}) |"


def test_made_clips_hold_the_figures_that_the_detector_is_judged_by() -> None:
    (clip,) = report_rules.made_clips(1)
    assert clip.data_set == "made clips"
    assert clip.scene.rate > Fraction(1)
    truth = np.concatenate(clip.scene.boxes)
    assert len(clip.detections) == len(clip.scene.boxes) > 10
    assert (truth[:, 2:] > truth[:, :2]).all()
    found = np.concatenate(clip.detections)
    assert len(found) > len(truth) / 2, "the detector sees most of the figures"
