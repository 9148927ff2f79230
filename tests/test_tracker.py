"""What a `Tracker` tells of detections: whole videos of drawn boxes go in, tracks come out."""

from __future__ import annotations

from dataclasses import fields
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from orchestrator.errors import BadRequest, InferenceFailed
from orchestrator.frames import TrackBoxes
from orchestrator.tracking.settings import TrackerSettings
from orchestrator.tracking.tracker import Tracker

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from orchestrator.frames import Detections

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


def joined(told: list[TrackBoxes]) -> TrackBoxes:
    return TrackBoxes(
        **{
            field.name: np.concatenate([getattr(one, field.name) for one in told])
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
    """Take a whole video through a tracker."""
    tracker = tracker or make()
    told = [
        tracker.update(
            detections,
            frame=frame,
            pts=frame if pts is None else pts[frame],
            gray=None if grays is None else grays[frame],
        )
        for frame, detections in enumerate(video)
    ]
    return joined([*told, tracker.finish()])


def lives(told: TrackBoxes) -> dict[int, list[int]]:
    """Return the frames of each track."""
    return {int(track): told.frames[told.ids == track].tolist() for track in np.unique(told.ids)}


def test_two_who_walk_are_two_tracks_from_the_first_frame_on() -> None:
    told = play([found((10 + 4 * i, 100, 40, 90), (400 - 4 * i, 200, 40, 90)) for i in range(20)])
    assert lives(told) == {1: list(range(20)), 2: list(range(20))}
    assert not told.interpolated.any()


def test_two_who_cross_keep_their_ids() -> None:
    told = play([found((10 + 8 * i, 100, 40, 90), (490 - 8 * i, 104, 44, 94)) for i in range(60)])
    assert lives(told) == {1: list(range(60)), 2: list(range(60))}
    centres = told.boxes[:, [0, 2]].mean(axis=1)
    assert (np.diff(centres[told.ids == 1]) > 0).all()
    assert (np.diff(centres[told.ids == 2]) < 0).all()


@pytest.mark.parametrize("rate", [10, 60])
@pytest.mark.parametrize(("away_s", "tracks"), [(1.3, 1), (1.8, 2)])
def test_the_lost_are_waited_for_by_the_clock_not_by_frames(rate: int, away_s: float, tracks: int) -> None:
    here, away = [found((300, 100, 60, 120))] * rate, [found()] * int(away_s * rate)
    told = play([*here, *away, *here], make(rate))
    assert len(lives(told)) == tracks


def test_what_is_not_a_number_is_left_out_and_counted() -> None:
    tracker = make()
    rows = found((10, 10, 50, 50), (200, 10, 50, 50), (400, 10, 50, 50))
    rows[1, 2] = np.nan
    rows[2, 4] = np.inf
    assert lives(play([rows] * 3, tracker)) == {1: [0, 1, 2]}
    assert tracker.not_finite == 6


def test_a_video_of_one_frame_has_its_tracks() -> None:
    told = play([found((10, 10, 50, 50), (200, 10, 50, 50))])
    assert lives(told) == {1: [0], 2: [0]}


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
