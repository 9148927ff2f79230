"""Tests the timeline picture: bars, gaps, colours and thumbnails."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.frames import TrackBoxes
from orchestrator.track_output.reported_tracks import ReportedTracks, TrackBoxCollector
from orchestrator.track_output.timeline import MOST_ROWS, WIDTH_PX, Thumbnails, draw_timeline

Life = tuple[list[int], set[int]]
"""The frames of a track, and those of them that are interpolated."""

DURATION_S = 40.0


def tracks(*lives: Life, classes: list[int] | None = None) -> ReportedTracks:
    """Tracks in a video of ten frames a second; each has its best score in the middle of its life."""
    collected = TrackBoxCollector()
    for number, (frames, interpolated) in enumerate(lives):
        count, where = len(frames), np.array(frames)
        scores = np.full(count, 0.5, np.float32)
        scores[count // 2] = 0.9
        collected.add(
            TrackBoxes(
                frames=where,
                ids=np.full(count, number + 1),
                boxes=np.tile(np.array([[20 * number, 10, 20 * number + 16, 40]], np.float32), (count, 1)),
                scores=scores,
                classes=np.full(count, classes[number] if classes else 0),
                interpolated=np.isin(where, sorted(interpolated)),
            ),
            where * 100,
        )
    return collected.reported(confidence=0, classes=None)


def picture(reported: ReportedTracks, thumbnails: Thumbnails | None = None, **changed: Any) -> Any:
    values: dict[str, Any] = {
        "thumbnails": thumbnails or Thumbnails(reported),
        "classes": ("person", "猫", "car\n"),
        "time_base": Fraction(1, 1000),
        "start_s": 0.0,
        "duration_s": DURATION_S,
    }
    return draw_timeline(reported, **values | changed)


def bars(pixels: Any) -> Any:
    """Where a strong colour is, right of names and under the legend, bool [H, W]: only bars have one."""
    values = pixels.astype(int)
    coloured = values.max(axis=2) - values.min(axis=2) > 60
    coloured[:, :240] = False
    coloured[:90] = False
    return coloured


def rows(pixels: Any) -> list[Any]:
    """The bars of each track, bool [h, W], from top to bottom."""
    coloured = bars(pixels)
    filled = np.flatnonzero(coloured.any(axis=1))
    return [coloured[group] for group in np.split(filled, np.flatnonzero(np.diff(filled) > 1) + 1)]


def ends(row: Any) -> tuple[int, int]:
    columns = np.flatnonzero(row.any(axis=0))
    return int(columns[0]), int(columns[-1]) + 1


def test_bars_lie_where_their_times_are() -> None:
    whole, part = rows(picture(tracks((list(range(401)), set()), (list(range(100, 201)), set()))))
    left, right = ends(whole)
    begin, end = ends(part)
    assert begin == pytest.approx(left + 0.25 * (right - left), abs=2)
    assert end == pytest.approx(left + 0.5 * (right - left), abs=2)


def test_time_begins_with_the_video() -> None:
    (early,) = rows(picture(tracks((list(range(100, 201)), set()))))
    (late,) = rows(picture(tracks((list(range(100, 201)), set())), start_s=10.0))
    assert ends(late)[0] < ends(early)[0] - 200


def test_a_gap_is_thin_where_boxes_were_interpolated_and_thinner_where_there_were_none() -> None:
    present = [*range(200), *range(300, 401)]
    (row,) = rows(picture(tracks((present, set(range(100, 200))))))
    left, right = ends(row)
    thick = [int(row[:, left + round(share * (right - left))].sum()) for share in (0.1, 0.35, 0.62, 0.9)]
    seen, interpolated, away, again = thick
    assert seen == again > 2 * interpolated
    assert interpolated > 2 * away > 0


def test_what_a_stride_leaves_out_is_no_gap() -> None:
    (row,) = rows(picture(tracks((list(range(401)), {frame for frame in range(401) if frame % 3}))))
    left, right = ends(row)
    assert len(set(row[:, left + 10 : right - 10].sum(axis=0).tolist())) == 1


def test_a_glimpse_is_seen_too() -> None:
    (row,) = rows(picture(tracks(([7], set())), duration_s=36000.0))
    begin, end = ends(row)
    assert end - begin >= 2


def test_classes_have_their_colours() -> None:
    lives: list[Life] = [(list(range(401)), set())] * 3
    pixels = picture(tracks(*lives, classes=[0, 1, 0]))
    middles = np.flatnonzero(bars(pixels)[:, 800])
    groups = np.split(middles, np.flatnonzero(np.diff(middles) > 1) + 1)
    inks = [tuple(pixels[group[len(group) // 2], 800].tolist()) for group in groups]
    assert inks[0] == inks[2] != inks[1]
    legend = {tuple(ink) for ink in pixels[69, :300].tolist()}
    assert set(inks) <= legend


def test_of_many_tracks_the_longest_are_shown_in_order_and_the_rest_is_counted() -> None:
    lives: list[Life] = [(list(range(300, 302 + number)), set()) for number in range(90)]
    reported = tracks(*lives)
    pixels = picture(reported)
    shown = rows(pixels)
    assert len(shown) == MOST_ROWS
    lengths = [end - begin for begin, end in map(ends, shown)]
    assert lengths == sorted(lengths)
    assert lengths[0] > 60
    fewer = picture(tracks(*lives[:MOST_ROWS]))
    assert pixels.shape[0] > fewer.shape[0], "a line says that there are more"


def test_no_tracks_give_a_picture_that_says_so() -> None:
    pixels = picture(tracks())
    assert pixels.shape[1:] == (WIDTH_PX, 3)
    assert not bars(pixels).any()
    assert (pixels[120:170, 600:1100] < 150).any()


def test_a_thumbnail_is_the_box_in_its_best_frame() -> None:
    reported = tracks((list(range(10)), set()), (list(range(4, 9)), set()))
    thumbnails = Thumbnails(reported)
    assert thumbnails.frames == {5, 6}
    for frame in range(10):
        pixels = np.zeros((60, 80, 3), np.uint8)
        pixels[8:42, :18, 0] = 25 * frame  # around the first box
        pixels[8:42, 18:40, 2] = 25 * frame  # around the second
        thumbnails.take(frame, pixels)
    first, second = (thumbnails.of(track) for track in reported)
    assert first is not None
    assert second is not None
    assert first[40, 20].tolist() == [125, 0, 0]
    assert second[40, 40].tolist() == [0, 0, 150]
    shown = picture(reported, thumbnails)[:, 36:84].reshape(-1, 3).tolist()
    assert [125, 0, 0] in shown
    assert [0, 0, 150] in shown


def test_a_video_of_one_frame_and_one_without_a_length_are_drawn() -> None:
    reported = tracks(([0], set()))
    for duration_s in (0.04, 0.0):
        assert len(rows(picture(reported, duration_s=duration_s))) == 1


@settings(max_examples=25)
@given(st.floats(0.001, 1e6), st.floats(-100, 1e5))
def test_any_length_can_be_drawn(duration_s: float, start_s: float) -> None:
    assert picture(tracks(), duration_s=duration_s, start_s=start_s).shape[1] == WIDTH_PX


@given(st.integers(1, 50), st.integers(1, 50), st.lists(st.floats(0, 1), min_size=4, max_size=4))
def test_a_thumbnail_of_any_box_can_be_taken(width: int, height: int, shares: list[float]) -> None:
    x1, x2, y1, y2 = *sorted(shares[:2]), *sorted(shares[2:])
    collected = TrackBoxCollector()
    collected.add(
        TrackBoxes(
            frames=np.zeros(1, np.int64),
            ids=np.ones(1, np.int64),
            boxes=np.array([[x1 * width, y1 * height, x2 * width, y2 * height]], np.float32),
            scores=np.ones(1, np.float32),
            classes=np.zeros(1, np.int64),
            interpolated=np.zeros(1, np.bool_),
        ),
        np.zeros(1, np.int64),
    )
    reported = collected.reported(confidence=0, classes=None)
    thumbnails = Thumbnails(reported)
    thumbnails.take(0, np.full((height, width, 3), 77, np.uint8))
    taken = thumbnails.of(reported[0])
    assert taken is not None
    assert (taken == 77).all()
