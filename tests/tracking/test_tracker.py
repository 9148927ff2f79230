"""Tests the tracks that a `Tracker` makes of whole videos of drawn boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from itertools import zip_longest
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.errors import BadRequest, InferenceFailed
from orchestrator.frames import Detections, TrackBoxes
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker
from tests.tracking.test_shot_cuts import shot, texture

hypothesis_settings.register_profile("no deadline")
hypothesis_settings.load_profile("no deadline")

WIDTH, HEIGHT = 640, 360


def make(rate: int = 30, **settings: Any) -> Tracker:
    return Tracker(TrackerSettings(**settings), width=WIDTH, height=HEIGHT, time_base=Fraction(1, rate))


def found(*rows: Sequence[float]) -> Detections:
    """Rows: x, y, width, height, and score and class where they are not 0.9 and 0."""
    whole = [
        (x, y, x + w, y + h, *(rest or (0.9,)), *(() if len(rest) > 1 else (0,)))
        for x, y, w, h, *rest in rows
    ]
    return np.array(whole, np.float32).reshape(-1, 6)


def joined(result: list[TrackBoxes]) -> TrackBoxes:
    return TrackBoxes(
        **{
            field.name: np.concatenate([getattr(one, field.name) for one in result])
            for field in fields(TrackBoxes)
        }
    )


def play(
    video: Sequence[Detections | None],
    tracker: Tracker | None = None,
    *,
    pts: Sequence[int] | None = None,
    grays: Sequence[NDArray[np.uint8]] | None = None,
) -> TrackBoxes:
    tracker = tracker or make()
    result = [
        tracker.update(
            detections,
            frame=frame,
            pts=frame if pts is None else pts[frame],
            gray=None if grays is None else grays[frame],
        )
        for frame, detections in enumerate(video)
    ]
    return joined([*result, tracker.finish()])


def lives(result: TrackBoxes) -> dict[int, list[int]]:
    return {int(track): result.frames[result.ids == track].tolist() for track in np.unique(result.ids)}


def test_two_who_walk_are_two_tracks_from_the_first_frame_on() -> None:
    result = play([found((10 + 4 * i, 100, 40, 90), (400 - 4 * i, 200, 40, 90)) for i in range(20)])
    assert lives(result) == {1: list(range(20)), 2: list(range(20))}
    assert not result.interpolated.any()


def test_two_who_cross_keep_their_ids() -> None:
    result = play([found((10 + 8 * i, 100, 40, 90), (490 - 8 * i, 104, 44, 94)) for i in range(60)])
    assert lives(result) == {1: list(range(60)), 2: list(range(60))}
    centres = result.boxes[:, [0, 2]].mean(axis=1)
    assert (np.diff(centres[result.ids == 1]) > 0).all()
    assert (np.diff(centres[result.ids == 2]) < 0).all()


@pytest.mark.parametrize("rate", [10, 60])
@pytest.mark.parametrize(("away_s", "tracks"), [(1.8, 1), (2.3, 2)])
def test_the_lost_are_waited_for_by_the_clock_not_by_frames(rate: int, away_s: float, tracks: int) -> None:
    here, away = [found((300, 100, 60, 120))] * rate, [found()] * int(away_s * rate)
    result = play([*here, *away, *here], make(rate))
    assert len(lives(result)) == tracks


def test_what_is_not_a_number_is_left_out() -> None:
    rows = found((10, 10, 50, 50), (200, 10, 50, 50), (400, 10, 50, 50))
    rows[1, 2] = np.nan
    rows[2, 4] = np.inf
    assert lives(play([rows] * 3)) == {1: [0, 1, 2]}


def test_a_video_of_one_frame_has_its_tracks() -> None:
    result = play([found((10, 10, 50, 50), (200, 10, 50, 50))])
    assert lives(result) == {1: [0], 2: [0]}


def test_nothing_found_is_no_track() -> None:
    assert not len(play([found()] * 10))
    assert not len(play([]))


def test_detections_of_another_shape_are_refused() -> None:
    with pytest.raises(InferenceFailed, match=r"\(3, 5\), not \[N, 6\]"):
        make().update(np.zeros((3, 5), np.float32), frame=0, pts=0)


@pytest.mark.parametrize(
    "bad",
    [
        {"method": "sort"},
        {"low_score": 0.5, "high_score": 0.4},
        {"new_score": 1.5},
        {"high_score": float("nan")},
        {"lost_s": -1},
        {"interpolate_s": float("inf")},
    ],
)
def test_settings_out_of_range_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        TrackerSettings(**bad)


def test_one_sighting_alone_is_no_track() -> None:
    video = [found((300, 100, 60, 90))] * 10
    video[4] = found((300, 100, 60, 90), (50, 50, 60, 60))
    assert lives(play(video)) == {1: list(range(10))}


def test_low_scores_go_on_with_tracks_but_begin_none() -> None:
    video = [
        found((300, 100, 60, 90, 0.9 if frame < 5 else 0.15), (50, 50, 60, 60, 0.35)) for frame in range(20)
    ]
    assert lives(play(video)) == {1: list(range(20))}


def test_three_hundred_boxes_are_three_hundred_tracks() -> None:
    grid = [(20 * (i % 30) + 2, 30 * (i // 30) + 2, 15, 24) for i in range(300)]
    video = [found(*((x + frame, y, w, h) for x, y, w, h in grid)) for frame in range(5)]
    assert lives(play(video)) == {track: list(range(5)) for track in range(1, 301)}


def test_the_class_is_what_most_score_votes_for() -> None:
    kinds = [(0.9, 2), (0.9, 2), (0.5, 7), (0.5, 7), (0.5, 7)]
    result = play([found((300, 100, 60, 90, score, kind)) for score, kind in kinds])
    assert set(result.ids.tolist()) == {1}
    assert result.classes[-1] == 2


def test_a_cut_ends_all_tracks_and_ids_go_on() -> None:
    tracker = make()
    here = [found((300, 100, 60, 90))] * 12
    result = play(here, tracker, grays=[shot(1)] * 6 + [shot(2)] * 6)
    assert lives(result) == {1: list(range(6)), 2: list(range(6, 12))}
    assert tracker.cuts == [6]
    assert lives(play(here, make(end_at_cuts=False), grays=[shot(1)] * 6 + [shot(2)] * 6)) == {
        1: list(range(12))
    }


def test_a_shot_of_one_frame_has_its_tracks() -> None:
    result = play([found((300, 100, 60, 90))] * 3, grays=[shot(1), shot(2), shot(3)])
    assert lives(result) == {1: [0], 2: [1], 3: [2]}


def test_frames_that_were_not_looked_at_are_filled() -> None:
    walk = [found((10 + 5 * i, 100, 60, 90)) for i in range(20)]
    result = play([rows if frame % 4 == 0 else None for frame, rows in enumerate(walk)])
    assert lives(result) == {1: list(range(20))}
    assert result.interpolated.tolist() == [frame % 4 != 0 for frame in range(20)]
    np.testing.assert_allclose(result.boxes[12:, 0], 10 + 5 * np.arange(12, 20), atol=3)


def test_frames_not_looked_at_after_a_cut_are_not_filled_from_before_it() -> None:
    walk: list[Detections | None] = [found((10 + 5 * i, 100, 60, 90)) for i in range(12)]
    walk[6] = walk[7] = None
    result = play(walk, grays=[shot(1)] * 6 + [shot(2)] * 6)
    assert lives(result) == {1: list(range(6)), 2: list(range(8, 12))}


@pytest.mark.parametrize(("interpolate_s", "filled"), [(0.0, False), (0.2, False), (0.5, True)])
def test_gaps_are_filled_up_to_the_length_that_is_asked_for(interpolate_s: float, *, filled: bool) -> None:
    walk = [found((10 + 5 * i, 100, 60, 90)) for i in range(40)]
    gap = range(20, 30)
    result = play(
        [found() if frame in gap else rows for frame, rows in enumerate(walk)],
        make(interpolate_s=interpolate_s),
    )
    assert lives(result) == {1: [frame for frame in range(40) if filled or frame not in gap]}
    assert result.frames[result.interpolated].tolist() == (list(gap) if filled else [])
    np.testing.assert_allclose(result.boxes[:, 0], 10 + 5 * result.frames, atol=4)


def test_motion_is_by_the_clock_where_frames_come_irregularly() -> None:
    rng = np.random.default_rng(0)
    pts = np.cumsum(rng.choice([10, 33, 40, 200], 80)).tolist()  # milliseconds
    walk: list[Detections | None] = [found((10 + 0.1 * (at - pts[0]), 100, 40, 90)) for at in pts]
    walk[30] = walk[31] = None
    tracker = Tracker(TrackerSettings(), width=WIDTH, height=HEIGHT, time_base=Fraction(1, 1000))
    result = play(walk, tracker, pts=pts)
    seen = [frame for frame in range(80) if 0.1 * (pts[frame] - pts[0]) < WIDTH - 50]
    assert lives(result)[1][: len(seen)] == seen
    of_first = result.boxes[result.ids == 1][:, 0][30:32]
    np.testing.assert_allclose(of_first, [10 + 0.1 * (pts[frame] - pts[0]) for frame in (30, 31)], atol=4)


def test_times_that_stand_still_or_turn_back_do_no_harm() -> None:
    pts = [0, 1, 1, 1, 2, 1, 3, 3, 4, 5]
    result = play([found((10 + 3 * i, 100, 60, 90)) for i in range(10)], pts=pts)
    assert lives(result) == {1: list(range(10))}


def test_a_camera_that_shakes_loses_bytetrack_but_not_botsort() -> None:
    world = texture(1, width=2560)
    place = 800 + np.cumsum(np.resize([0, 0, 90, -90, -90, 90, 0, 90, 0, -90], 60))
    things = [(900, 120, 50, 90), (1010, 180, 50, 90), (1120, 120, 50, 90)]
    video = [found(*((x - left, y, w, h) for x, y, w, h in things)) for left in place]
    grays = [np.ascontiguousarray(world[:, left : left + WIDTH]) for left in place]
    kept = lives(play(video, make(method="botsort"), grays=grays))
    assert kept == {track: list(range(60)) for track in (1, 2, 3)}
    assert len(lives(play(video, make(method="bytetrack"), grays=grays))) > 3


videos = st.builds(
    lambda seed, frames, stride: random_video(seed, frames=frames, stride=stride),
    st.integers(0, 2**32 - 1),
    st.integers(1, 30),
    st.integers(1, 3),
)


def random_video(seed: int, *, frames: int, stride: int) -> list[Detections | None]:
    """Objects that move through the picture and out of it, with misses and false alarms."""
    rng = np.random.default_rng(seed)
    place = rng.uniform(-50, [WIDTH, HEIGHT], (6, 2))
    velocity, size = rng.uniform(-30, 30, (6, 2)), rng.uniform(1, 150, (6, 2))
    video: list[Detections | None] = []
    for frame in range(frames):
        place = place + velocity
        alarms = rng.uniform(-100, 800, (3, 2))
        corners = np.concatenate((place, alarms)) + rng.normal(0, 2, (9, 2))
        sizes = np.concatenate((size, rng.uniform(-5, 200, (3, 2))))
        rows = np.column_stack((corners, corners + sizes, rng.uniform(0, 1, 9), rng.integers(0, 3, 9)))
        video.append(None if frame % stride else rows[rng.random(9) > 0.2].astype(np.float32))
    return video


@given(videos, st.sampled_from(["bytetrack", "botsort"]), st.sampled_from([0.0, 0.3]))
def test_what_is_reported_is_in_order_inside_the_picture_and_once(
    video: list[Detections | None], method: str, interpolate_s: float
) -> None:
    tracker = make(method=method, interpolate_s=interpolate_s)
    result, known, settled = [], set(), 0
    for frame, rows in enumerate([*video, None]):
        last = frame == len(video)
        result.append(tracker.finish() if last else tracker.update(rows, frame=frame, pts=frame))
        assert (result[-1].frames >= settled).all()
        assert settled <= tracker.first_open_frame or last
        settled = tracker.first_open_frame
    boxes = joined(result)
    known = set(zip(boxes.ids.tolist(), boxes.frames.tolist(), strict=True))
    assert len(known) == len(boxes)
    for track in np.unique(boxes.ids):
        assert (np.diff(boxes.frames[boxes.ids == track]) > 0).all()
    first_seen = [boxes.frames[boxes.ids == track].min() for track in np.unique(boxes.ids)]
    assert first_seen == sorted(first_seen)
    assert np.unique(boxes.ids).tolist() == list(range(1, len(first_seen) + 1))
    assert (boxes.boxes >= 0).all()
    assert (boxes.boxes <= [WIDTH, HEIGHT, WIDTH, HEIGHT]).all()
    assert (boxes.boxes[:, :2] < boxes.boxes[:, 2:]).all()
    assert ((boxes.scores >= 0) & (boxes.scores <= 1)).all()


def assert_same(one: TrackBoxes, other: TrackBoxes) -> None:
    for field in fields(TrackBoxes):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name))


@given(videos, videos)
def test_two_trackers_side_by_side_report_what_each_reports_alone(
    left: list[Detections | None], right: list[Detections | None]
) -> None:
    one, two = make(), make()
    result: tuple[list[TrackBoxes], list[TrackBoxes]] = ([], [])
    for frame, (mine, yours) in enumerate(zip_longest(left, right)):
        result[0].append(one.update(mine, frame=frame, pts=frame))
        result[1].append(two.update(yours, frame=frame, pts=frame))
    for tracker, parts, video in ((one, result[0], left), (two, result[1], right)):
        padded = [*video, *[None] * (max(len(left), len(right)) - len(video))]
        assert_same(joined([*parts, tracker.finish()]), play(padded))
