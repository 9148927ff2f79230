"""Tests what classes change: a thing under two names is one track, and an id stays with its thing."""

from __future__ import annotations

import numpy as np
import pytest

from orchestrator.frames import Detections
from orchestrator.tracking.duplicate_boxes import merge_boxes
from tests.tracking.test_tracker import found, lives, make, play

PERSON, BICYCLE, CAR, BUS, TRUCK, SUITCASE, FRIDGE = 0, 1, 2, 5, 7, 28, 72


@pytest.mark.parametrize("swaps", [False, True])
def test_a_thing_under_two_names_is_one_track(*, swaps: bool) -> None:
    rng = np.random.default_rng(1)
    video = []
    for frame in range(30):
        bus, suitcase = (0.5, 0.6) if swaps and frame % 3 else (0.7, 0.45)
        jitter = rng.uniform(-1.5, 1.5, 8)
        video.append(
            found(
                (100 + 3 * frame + jitter[0], 80 + jitter[1], 200 + jitter[2], 120 + jitter[3], bus, BUS),
                (
                    100 + 3 * frame + jitter[4],
                    80 + jitter[5],
                    200 + jitter[6],
                    120 + jitter[7],
                    suitcase,
                    SUITCASE,
                ),
            )
        )
    assert lives(play(video)) == {1: list(range(30))}


def test_the_better_of_two_boxes_at_one_place_is_kept_and_both_vote() -> None:
    rows = found((100, 80, 200, 120, 0.4, BUS), (300, 80, 20, 20), (101, 80, 200, 121, 0.6, SUITCASE))
    merged = merge_boxes(rows.astype(np.float64))
    np.testing.assert_array_equal(merged.detections, rows[1:].astype(np.float64))
    assert merged.rows.tolist() == [1]
    assert merged.classes.tolist() == [BUS]
    video = [found((100, 80, 200, 120, 0.9, BUS))] * 2
    video += [found((100, 80, 200, 120, 0.5, BUS), (100, 80, 200, 120, 0.6, SUITCASE))] * 15
    assert play(video).classes[-1] == BUS


def test_a_man_and_his_upper_part_are_one_track_from_the_start() -> None:
    """IoU 0.66: the smaller box is inside the larger one; two people of that IoU stay two (below)."""
    video = [found((20, 60, 170, 130, 0.8, PERSON), (24, 61, 114, 128, 0.55, PERSON))] * 30
    assert lives(play(video)) == {1: list(range(30))}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((200, 60, 80, 200, 0.9, PERSON), (190, 150, 100, 130, 0.7, BICYCLE)),  # IoU 0.49
        ((200, 60, 80, 200, 0.9, PERSON), (195, 105, 90, 160, 0.7, BICYCLE)),  # IoU 0.71
        ((200, 60, 80, 200, 0.9, PERSON), (222, 60, 80, 200, 0.9, PERSON)),  # IoU 0.57
        ((200, 60, 80, 200, 0.9, PERSON), (216, 60, 80, 200, 0.8, PERSON)),  # IoU 0.67
    ],
)
def test_two_who_overlap_from_the_start_are_two_tracks(
    one: tuple[float, ...], other: tuple[float, ...]
) -> None:
    assert lives(play([found(one, other)] * 20)) == {1: list(range(20)), 2: list(range(20))}


def walk_past_a_fridge(*, both_seen: bool) -> list[Detections | None]:
    """A person walks in front of a refrigerator, which is not detected while the person hides it."""
    video: list[Detections | None] = []
    for frame in range(90):
        x = 20 + 6 * frame
        person, fridge = (x, 100, 70, 170, 0.85, PERSON), (300, 90, 90, 180, 0.8, FRIDGE)
        hidden = 260 < x < 350
        near = 240 < x < 380
        rows = [person] if hidden or both_seen or not near else []
        video.append(found(*rows, *([] if hidden else [fridge])))
    return video


@pytest.mark.parametrize("both_seen", [True, False])
def test_no_id_passes_from_a_refrigerator_to_a_person(*, both_seen: bool) -> None:
    video = walk_past_a_fridge(both_seen=both_seen)
    result = play(video)
    for track in np.unique(result.ids):
        rows = result.ids == track
        seen = set()
        for frame, box in zip(result.frames[rows], result.boxes[rows], strict=True):
            detections = video[frame]
            assert detections is not None
            seen.add(int(detections[np.abs(detections[:, :4] - box).sum(axis=1).argmin(), 5]))
        assert len(seen) == 1


def test_a_person_who_takes_the_place_of_a_lost_thing_is_new() -> None:
    fridge, person = (300, 90, 90, 180, 0.8, FRIDGE), (310, 95, 65, 175, 0.85, PERSON)  # IoU 0.7
    result = play([found(fridge)] * 20 + [found()] * 3 + [found(person)] * 20)
    assert lives(result) == {1: list(range(20)), 2: list(range(23, 43))}
    assert result.classes[[0, -1]].tolist() == [FRIDGE, PERSON]


def test_a_class_that_flickers_does_not_break_a_track() -> None:
    rng = np.random.default_rng(2)
    kinds = rng.choice([CAR, TRUCK, BUS], 60, p=[0.6, 0.25, 0.15])
    video = [
        found((20 + 6 * frame + rng.normal(0, 2), 100, 120, 80, rng.uniform(0.4, 0.9), kind))
        for frame, kind in enumerate(kinds)
    ]
    result = play(video)
    assert lives(result) == {1: list(range(60))}
    assert result.classes[-1] == CAR


def test_a_thing_that_gets_another_class_for_good_stays_one_track() -> None:
    rng = np.random.default_rng(3)
    video = [
        found((20 + 6 * frame + rng.normal(0, 2), 100, 120, 80, 0.8, CAR if frame < 30 else TRUCK))
        for frame in range(60)
    ]
    assert lives(play(video)) == {1: list(range(60))}


def test_no_id_leaps_to_a_box_of_another_size() -> None:
    whole, part = (200, 60, 100, 200, 0.9), (200, 60, 50, 92, 0.9)  # an IoU and a share of the area of 0.23
    assert lives(play([found(whole)] * 20 + [found(part)] * 20)) == {
        1: list(range(20)),
        2: list(range(20, 40)),
    }


def test_the_upper_half_of_a_person_is_no_second_track() -> None:
    whole, half = (200, 60, 80, 200, 0.9), (202, 60, 76, 134, 0.6)  # IoU 0.64
    video = [found(whole)] * 5 + [found(whole, half)] * 20
    assert lives(play(video)) == {1: list(range(25))}


def test_only_boxes_that_start_tracks_keep_others_from_it() -> None:
    row = [(200 + 8 * place, 60, 80, 200, 0.9 - place / 100) for place in range(5)]  # neighbours: IoU 0.82
    assert lives(play([found(*row)] * 10)) == {track: list(range(10)) for track in (1, 2, 3)}


def test_one_box_given_twice_is_one_track() -> None:
    assert lives(play([found((200, 60, 80, 200, 0.9), (202, 60, 80, 200, 0.9))] * 20)) == {1: list(range(20))}


@pytest.mark.parametrize("speed_px", [2, 5, 12])
def test_a_person_who_passes_in_front_of_another_and_both_are_seen_is_not_removed(speed_px: int) -> None:
    frames = 240 // speed_px
    video = [
        found((40 + 2 * speed_px * frame, 60, 80, 200, 0.9), (280, 64, 84, 204, 0.8))
        for frame in range(frames)
    ]
    assert lives(play(video, make())) == {1: list(range(frames)), 2: list(range(frames))}
