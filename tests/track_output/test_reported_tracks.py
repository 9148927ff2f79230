"""Tests the selection of tracks to report: ids, order, classes, scores and memory."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.frames import TrackBoxes
from orchestrator.track_output.report_rule import is_reported
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector

Row = tuple[int, int, float, int, bool]
"""Frame, id, score, class, interpolated."""


def track_boxes(rows: Iterable[Row]) -> TrackBoxes:
    """Boxes whose left side encodes the frame and whose top encodes the id."""
    listed = list(rows)
    frames, ids, scores, classes, interpolated = zip(*listed, strict=True) if listed else ((),) * 5
    return TrackBoxes(
        frames=np.array(frames, np.int64),
        ids=np.array(ids, np.int64),
        boxes=np.array([(frame, number, frame + 10, number + 10) for frame, number, *_ in listed]).reshape(
            -1, 4
        ),
        scores=np.array(scores, np.float32),
        classes=np.array(classes, np.int64),
        interpolated=np.array(interpolated, np.bool_),
    )


def filled(*batches: Iterable[Row]) -> TrackBoxCollector:
    """A track list that has received the batches; a frame lasts 40 pts, from 1000 on."""
    tracks = TrackBoxCollector()
    for rows in batches:
        boxes = track_boxes(rows)
        tracks.add(boxes, 1000 + 40 * boxes.frames)
    return tracks


def reported(
    *batches: Iterable[Row], confidence: float = 0.5, classes: frozenset[int] | None = None
) -> ReportedTracks:
    return filled(*batches).reported(confidence=confidence, classes=classes)


def origins(tracks: ReportedTracks) -> list[int]:
    """The tracker's ids, read from the boxes."""
    return [int(track.boxes[0, 1]) for track in tracks]


def test_ids_count_from_one_in_order_of_first_appearance_whatever_the_tracker_called_them() -> None:
    tracks = reported([(3, 9, 0.9, 0, False), (3, 4, 0.9, 0, False)], [(5, 2, 0.9, 0, False)])
    assert [track.id for track in tracks] == [1, 2, 3]
    assert origins(tracks) == [4, 9, 2]


def test_a_sighting_that_comes_late_takes_its_place_in_time() -> None:
    tracks = reported(
        [(6, 1, 0.9, 0, False)], [(5, 2, 0.8, 0, False), (4, 2, 0.7, 0, False)], [(2, 1, 0.6, 0, False)]
    )
    assert origins(tracks) == [1, 2]
    assert tracks[0].frames.tolist() == [2, 6]
    assert tracks[0].boxes[:, 0].tolist() == [2, 6]
    assert tracks[0].pts.tolist() == [1080, 1240]
    assert tracks[0].scores.tolist() == pytest.approx([0.6, 0.9])
    assert tracks[1].frames.tolist() == [4, 5]


def test_the_mean_of_the_detections_decides_and_what_was_interpolated_does_not_count() -> None:
    rows: list[Row] = [
        (0, 1, 0.3, 0, False),
        (1, 1, 0.7, 0, False),
        (0, 2, 0.4, 0, False),
        (1, 2, 0.9, 0, True),
        (0, 3, 0.6, 0, True),
    ]
    assert origins(reported(rows, confidence=0.5)) == [1]
    assert origins(reported(rows, confidence=0.4)) == [1, 2]
    assert origins(reported(rows, confidence=0)) == [1, 2]
    assert origins(reported(rows, confidence=0.51)) == []
    assert origins(reported([(0, 1, 0.9, 0, False)], confidence=0.9)) == [1], "as float32 it is a little less"
    first, second = reported(rows, confidence=0)
    assert first.best == 1
    assert (first.mean_score, second.mean_score) == pytest.approx((0.5, 0.4))


def test_the_last_box_has_the_final_word_on_the_class() -> None:
    rows: list[Row] = [(7, 1, 0.9, 2, False), (1, 1, 0.9, 0, False), (0, 2, 0.9, 0, False)]
    assert [(track.id, track.class_number) for track in reported(rows)] == [(1, 0), (2, 2)]
    assert [(track.id, track.class_number) for track in reported(rows, classes=frozenset({2}))] == [(1, 2)]
    assert len(reported(rows, classes=frozenset({5}))) == 0
    assert reported(rows, classes=frozenset({2})).left_out == 1


def test_boxes_are_found_by_frame() -> None:
    tracks = reported([(0, 5, 0.9, 0, False), (2, 5, 0.9, 0, False), (2, 3, 0.9, 0, False)])
    assert [[(track.id, row) for track, row in tracks.by_frame(frame)] for frame in range(-1, 4)] == [
        [],
        [(1, 0)],
        [],
        [(1, 1), (2, 0)],
        [],
    ]


@pytest.mark.parametrize("tracks", [TrackBoxCollector(), filled([])], ids=["untouched", "empty"])
def test_no_object_at_all_is_an_empty_list(tracks: TrackBoxCollector) -> None:
    none = tracks.reported(confidence=0, classes=None)
    assert list(none) == []
    assert none.by_frame(0) == []
    assert none.boxes == len(tracks) == 0


def test_times_that_do_not_belong_to_the_boxes_and_what_is_no_number_are_refused() -> None:
    with pytest.raises(ValueError, match="length"):
        TrackBoxCollector().add(track_boxes([(0, 1, 0.9, 0, False)]), np.array([1, 2]))
    with pytest.raises(ValueError, match="finite"):
        filled([(0, 1, np.nan, 0, False)])


@given(
    st.dictionaries(
        st.tuples(st.integers(0, 30), st.integers(1, 6)),
        st.tuples(st.integers(0, 64).map(lambda part: part / 64), st.integers(0, 3), st.booleans()),
        max_size=60,
    ),
    st.randoms(use_true_random=False),
    st.integers(0, 1000).map(lambda part: part / 1000),
)
def test_it_agrees_with_doing_it_one_box_at_a_time(
    boxes: dict[tuple[int, int], tuple[float, int, bool]], random: object, confidence: float
) -> None:
    rows: list[Row] = [(*place, *what) for place, what in boxes.items()]
    random.shuffle(rows)  # type: ignore[attr-defined]
    middle = len(rows) // 2
    expected = []
    for number in {row[1] for row in rows}:
        of_track = sorted(row for row in rows if row[1] == number)
        seen = [score for _, _, score, _, interpolated in of_track if not interpolated]
        if seen and is_reported(np.array(seen), confidence):
            expected.append((of_track[0][0], number, of_track))
    tracks = reported(rows[:middle], rows[middle:], confidence=confidence)
    assert [track.frames.tolist() for track in tracks] == [
        [row[0] for row in of_track] for _, _, of_track in sorted(expected)
    ]
    assert [track.class_number for track in tracks] == [of_track[-1][3] for *_, of_track in sorted(expected)]
    assert sum(len(tracks.by_frame(frame)) for frame in range(31)) == tracks.boxes
    assert all(track.frames[row] == frame for frame in range(31) for track, row in tracks.by_frame(frame))


def test_a_box_takes_less_than_fifty_bytes() -> None:
    boxes = track_boxes((0, number, 0.9, 0, False) for number in range(1, 21))
    pts = np.zeros(20, np.int64)
    tracemalloc.start()
    try:
        tracks = TrackBoxCollector()
        for _ in range(2000):
            tracks.add(boxes, pts)
        taken_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(tracks) == 40000
    assert taken_bytes < 50 * len(tracks)
