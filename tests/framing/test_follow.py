"""Tests the crop that follows a subject: its place, its speed and its smoothness."""

from __future__ import annotations

import itertools
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from orchestrator.errors import BadRequest
from orchestrator.framing.follow import follow_subject
from orchestrator.framing.keyframe_thinning import TOLERANCE_PX, thin_keyframes
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.steady_camera import CROSSING_S, TOP_ACCELERATION, TOP_SPEED
from orchestrator.framing.target import target_of
from orchestrator.framing.target_path import HOLD_AFTER_S, plan_crop_path
from orchestrator.framing.track_file_reader import SubjectTracks, parse_tracks

WIDTH, HEIGHT = 1920, 1080
SIZE = (608, 1080)
RATE = 25

Array = NDArray[np.float64]


def boxes_at(x: Array | float, y: Array | float, n: int, w: float = 150, h: float = 400) -> Array:
    """Return n boxes of one size around centres; they may reach out of the picture."""
    across, down = np.broadcast_to(x, n), np.broadcast_to(y, n)
    return np.stack((across - w / 2, down - h / 2, across + w / 2, down + h / 2), axis=1)


def subjects(boxes: Array, frames: NDArray[np.int64], count: int, cuts: list[int]) -> SubjectTracks:
    """Return the tracks of a video with this number of frames and one subject, whose id is 7."""
    entries = [
        {"frame": frame, "bbox": [x1, y1, x2 - x1, y2 - y1]}
        for frame, (x1, y1, x2, y2) in zip(frames.tolist(), boxes.tolist(), strict=True)
    ]
    return parse_tracks({"tracks": [{"id": 7, "frames": entries}], "video": {"frames": count, "cuts": cuts}})


def followed(
    times: Array, boxes: Array, size: tuple[float, float] = SIZE, cuts_s: list[float] | None = None
) -> CropPath:
    """Return the path of a crop that follows a subject with a box at each time.

    The video has further frames at cuts, and where the subject is absent for longer.
    """
    away = np.flatnonzero(np.diff(times) > HOLD_AFTER_S)
    every = np.union1d(np.union1d(times, cuts_s or []), (times[away] + times[away + 1]) / 2)
    cuts = [cut for cut in np.searchsorted(every, cuts_s or []).tolist() if cut]
    video_tracks = subjects(boxes, np.searchsorted(every, times), len(every), cuts)
    subject = video_tracks.get(7)
    target = target_of(subject.frames, subject.boxes, subject.class_name, height=HEIGHT)
    return plan_crop_path(
        target, cuts=video_tracks.cuts, times_s=every, size=size, width=WIDTH, height=HEIGHT
    )


def centres(rows: Array) -> Array:
    return np.asarray(rows[:, :2] + rows[:, 2:] / 2)


def jerk(points: Array) -> float:
    return float(np.abs(np.diff(points, 3, axis=0)).sum())


@st.composite
def tracks(draw: st.DrawFn) -> tuple[Array, Array, list[float], tuple[float, float]]:
    """Return times, boxes, cuts and a crop's size: any boxes at any times, some smooth, some erratic."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = draw(st.integers(1, 120))
    spans = random.choice(draw(st.sampled_from([(0.04,), (0.02, 0.05), (0.04, 0.04, 3.0), (0.9,)])), n)
    times = np.cumsum(spans) + draw(st.sampled_from([-1, 0, 5000.1]))
    wild = draw(st.sampled_from([0, 3, 100, 2000]))
    points = random.uniform(0, 1, 2) * (WIDTH, HEIGHT) + np.cumsum(random.normal(0, wild, (n, 2)), axis=0)
    x, y = np.clip(points, 0, (WIDTH, HEIGHT)).T
    cuts = sorted(
        set(random.choice(times + draw(st.sampled_from([0, -0.01])), draw(st.integers(0, 3))).tolist())
    )
    shape = draw(
        st.sampled_from([(608, 1080), (1080, 1080), (1920, 1080), (200, 100), (1, 1), (303.5, 540.25)])
    )
    return times, boxes_at(x, y, n), cuts, shape


@given(tracks())
@settings(max_examples=30)
def test_whatever_is_followed_the_crop_keeps_its_size_and_stays_in_the_picture(
    drawn: tuple[Array, Array, list[float], tuple[float, float]],
) -> None:
    times, boxes, cuts, size = drawn
    path = followed(times, boxes, size, cuts_s=cuts)
    rows = path.rows(np.concatenate((times, np.linspace(times[0] - 1, times[-1] + 1, 500))))
    assert (rows[:, 2:] == size).all()
    assert (rows[:, :2] >= 0).all()
    assert (rows[:, :2] + size <= (WIDTH, HEIGHT)).all()


@given(tracks())
@settings(max_examples=20)
def test_the_camera_has_a_top_speed_and_acceleration_and_jumps_at_cuts_only(
    drawn: tuple[Array, Array, list[float], tuple[float, float]],
) -> None:
    times, boxes, cuts, size = drawn
    path = followed(times, boxes, size, cuts_s=cuts)
    edges = sorted({times[0], *(cut for cut in cuts if times[0] < cut <= times[-1]), times[-1] + 0.003})
    for begin, end in itertools.pairwise(edges):
        places = path.rows(np.arange(begin, end - 0.002, 0.05))[:, :2]
        # Eased between knots it is half as fast again, and its speed changes three times as fast. Thinning
        # may move a place by a quarter of a pixel.
        top_px_s = np.maximum(TOP_SPEED * np.array(size), (np.array([WIDTH, HEIGHT]) - size) / CROSSING_S)
        assert (np.abs(np.diff(places, axis=0)) <= 1.5 * top_px_s * 0.05 + 0.5).all()
        most = 3 * TOP_ACCELERATION * 0.05**2 * np.array(size) + 1
        assert (np.abs(np.diff(places, 2, axis=0)) <= most).all()


@given(st.integers(0, 2**32), st.floats(0.2, 0.8), st.floats(0.3, 0.7))
@settings(max_examples=20)
def test_a_steady_subject_has_a_camera_that_does_not_move_at_all(seed: int, x: float, y: float) -> None:
    n = 20 * RATE
    noise = np.random.default_rng(seed).uniform(-0.05, 0.05, (2, n)) * 540
    boxes = boxes_at(x * WIDTH + noise[0], y * HEIGHT + noise[1], n)
    path = followed(np.arange(n) / RATE, boxes, (540, 540))
    rows = path.rows(np.linspace(0, 20, 1000))
    assert (rows == rows[0]).all()
    middle = np.median(boxes[:, :2] + boxes[:, 2:], axis=0) / 2
    assert centres(rows[:1])[0] == pytest.approx(np.clip(middle, 270, (1650, 810)), abs=0.02 * 540)


def walk(seed: int, seconds: float, rate: float = RATE, width: int = WIDTH) -> tuple[Array, Array]:
    """Return times and boxes of somebody who walks back and forth and sometimes stands still."""
    random = np.random.default_rng(seed)
    times = np.arange(int(seconds * rate)) / rate
    stops = np.arange(0, seconds + 6, 3.0)
    places = np.repeat(random.uniform(0.2, 0.8, len(stops)), random.integers(1, 3, len(stops)))[: len(stops)]
    x = np.interp(times, stops, places) * width + random.normal(0, 2, len(times))
    return times, boxes_at(x, 560 + random.normal(0, 2, len(times)), len(times))


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("rate", [10, 30])
def test_a_walker_stays_in_the_middle_half_and_the_camera_has_no_tenth_of_the_jerk(
    seed: int, rate: int
) -> None:
    times, boxes = walk(seed, 40, rate)
    rows = followed(times, boxes).rows(times)
    subject = (boxes[:, :2] + boxes[:, 2:]) / 2
    middle = np.all(np.abs(subject - centres(rows)) <= rows[:, 2:] / 4, axis=1)
    reachable = (subject[:, 0] >= SIZE[0] / 4) & (subject[:, 0] <= WIDTH - SIZE[0] / 4)
    assert middle[reachable].mean() >= 0.95
    assert jerk(centres(rows)) <= 0.1 * jerk(subject)


def test_it_stands_still_before_and_after_a_walk_and_moves_evenly_in_it() -> None:
    times = np.arange(0, 30, 1 / RATE)
    boxes = boxes_at(np.interp(times, [10, 18], [500, 1400]), 540, len(times))
    path = followed(times, boxes)
    x = path.rows(np.arange(0, 30, 0.1))[:, 0]
    assert (x[:80] == x[0]).all()
    assert (x[200:] == x[-1]).all()
    assert (np.diff(x) >= 0).all()
    assert np.abs(np.diff(x, 2)).max() <= TOP_ACCELERATION * SIZE[0] * 0.01
    assert len(path) < 30


def test_it_rises_slowly_by_parts_of_a_pixel() -> None:
    times = np.arange(0, 60, 1 / RATE)
    boxes = boxes_at(np.interp(times, [0, 60], [800, 1200]), 540, len(times))
    steps = np.diff(followed(times, boxes).rows(times)[:, 0])
    assert steps.max() < 0.5
    assert (steps[250:-250] > 0.1).all()


def test_it_holds_its_place_while_the_subject_is_away() -> None:
    times = np.concatenate((np.arange(0, 5, 1 / RATE), np.arange(9, 14, 1 / RATE)))
    there = times >= 9
    boxes = boxes_at(np.where(there, 1500.0, 400 + 80 * times), 540, len(times))
    path = followed(times, boxes)
    away = path.rows(np.linspace(times[~there][-1], 9, 300))
    assert (away == away[0]).all()
    assert away[0, 0] + SIZE[0] / 2 == pytest.approx(800, abs=SIZE[0] / 4)
    assert path.at(13).x + SIZE[0] / 2 == pytest.approx(1500, abs=SIZE[0] / 4)


def test_it_does_not_stop_for_a_few_frames_without_a_box() -> None:
    times = np.arange(0, 6, 1 / RATE)
    seen = (times < 3) | (times > 3.3)
    boxes = boxes_at(400 + 150 * times, 540, len(times))
    x = followed(times[seen], boxes[seen]).rows(np.arange(2.8, 3.5, 0.05))[:, 0]
    assert (np.diff(x) > 4).all()


@pytest.mark.parametrize("first_seen", [4.0, 4.5])
def test_it_jumps_at_the_cut_and_holds_through_shots_without_the_subject(first_seen: float) -> None:
    times = np.concatenate((np.arange(1, 2, 1 / RATE), first_seen + np.arange(25) / RATE))
    boxes = boxes_at(np.where(times < 3, 400.0, 1500.0), 540, len(times))
    path = followed(times, boxes, cuts_s=[2.4, 3.2, 4.0, 7.0])
    x = path.rows(np.array([0, 1, 1.98, 2.4, 3.2, 3.998, 4.0, 4.04, 5, 7, 8]))[:, 0]
    assert x.tolist() == [96] * 6 + [1196] * 5


def test_it_moves_already_where_a_shot_begins_and_still_where_it_ends() -> None:
    times = np.arange(100) / RATE
    first, second = times < 2, times >= 2
    x = np.where(first, 400 + 200 * times, 1500 - 200 * (times - 2))
    path = followed(times, boxes_at(x, 540, len(times)), cuts_s=[2.0])
    steps = np.diff(path.rows(times)[:, 0])
    assert steps[20] > 2
    assert steps[:49] == pytest.approx(np.full(49, steps[20]), abs=0.5)
    assert steps[70] < -2
    assert steps[50:] == pytest.approx(np.full(49, steps[70]), abs=0.5)
    off = path.rows(times)[:, 0] + SIZE[0] / 2 - x
    assert np.abs(off[first]).max() <= SIZE[0] / 4
    assert np.abs(off[second]).max() <= SIZE[0] / 4


def test_nothing_changes_at_the_seams_between_windows_of_the_solver() -> None:
    times, boxes = walk(3, 200)
    path = followed(times, boxes)
    whole = centres(path.rows(times))
    assert np.abs(np.diff(whole, 2, axis=0)).max() <= 2 * TOP_ACCELERATION * SIZE[0] / RATE**2
    late = times >= 50
    part = centres(followed(times[late], boxes[late]).rows(times[late]))
    assert np.abs(part - whole[late])[250:].max() < 0.03 * SIZE[0]


def test_the_clock_of_a_video_may_begin_anywhere() -> None:
    times, boxes = walk(4, 10)
    rows = followed(times, boxes).rows(times)
    later = followed(times + 86_400, boxes).rows(times + 86_400)
    assert np.abs(rows - later).max() < 0.01


def test_a_subject_that_is_seen_once_has_a_crop_that_stands_still_around_it() -> None:
    path = followed(np.array([3.0]), boxes_at(700, 540, 1))
    assert path.at(0) == path.at(3) == path.at(9)
    assert path.at(3).x == 700 - SIZE[0] / 2
    assert len(path) == 2


def test_the_keyframes_sent_back_give_the_same_path() -> None:
    times, boxes = walk(1, 30)
    path = followed(times, boxes)
    again = CropPath.parse(path.keyframes(), width=WIDTH, height=HEIGHT)
    assert (again.rows(times) == path.rows(times)).all()
    assert again.size == SIZE


@given(st.integers(0, 2**32), st.floats(0.5, 200))
@settings(max_examples=25)
def test_a_thinned_path_is_the_full_one_to_half_a_pixel(seed: int, speed: float) -> None:
    random = np.random.default_rng(seed)
    places = np.cumsum(np.cumsum(random.normal(0, speed / 20, (150, 2)), axis=0), axis=0)
    places = np.clip(places + np.array([600, 300]), 0, (WIDTH - 200, HEIGHT - 100))
    crops = np.hstack((places, np.broadcast_to([200.0, 100.0], (150, 2))))
    times = np.linspace(0, 29.8, 150)
    full = CropPath(times, crops, width=WIDTH, height=HEIGHT)
    few = thin_keyframes(times, crops, np.zeros(150, np.bool_), width=WIDTH, height=HEIGHT)
    assert np.abs(few.rows(times) - full.rows(times)).max() <= TOLERANCE_PX
    between = np.linspace(0, 29.8, 4000)
    assert np.abs(few.rows(between) - full.rows(between)).max() <= 0.5
    assert len(few) <= 150


def test_an_even_movement_needs_few_keyframes() -> None:
    times = np.linspace(0, 59.8, 300)
    x = np.interp(times, [10, 50], [100, 900])[:, None]
    crops = np.hstack((x, np.broadcast_to([0.0, 608.0, 1080.0], (300, 3))))
    assert len(thin_keyframes(times, crops, np.zeros(300, np.bool_), width=WIDTH, height=HEIGHT)) < 20


def doc(frames: int, *tracks: dict[str, Any], cuts: list[int] | None = None) -> SubjectTracks:
    video = {"width": WIDTH, "height": HEIGHT, "frames": frames, "cuts": cuts or []}
    return parse_tracks({"tracks": list(tracks), "video": video})


def track(number: int, places: Array | list[float], first: int = 0, **more: Any) -> dict[str, Any]:
    """Return a track of a 100x300 box with this horizontal centre in each frame."""
    frames = [
        {"frame": first + frame, "bbox": [x - 50, 400, 100, 300]} for frame, x in enumerate(list(places))
    ]
    return {"id": number, "class_name": "person", "frames": frames} | more


def asked(video_tracks: SubjectTracks, times_s: Array, **asks: Any) -> CropPath:
    wanted: dict[str, Any] = {"track": "main", "aspect": Fraction(9, 16), "zoom": None} | asks
    return follow_subject(video_tracks, times_s=times_s, width=WIDTH, height=HEIGHT, **wanted).path


TIMES = np.arange(100) / RATE


def test_a_track_is_followed_by_its_id_or_as_the_one_that_matters() -> None:
    video_tracks = doc(100, track(3, np.full(20, 400.0)), track(8, np.full(90, 1500.0), first=5))
    assert asked(video_tracks, TIMES, track=3).at(2).x == 400 - 304
    assert asked(video_tracks, TIMES, track=8).at(2).x == 1500 - 304
    assert asked(video_tracks, TIMES).at(2).x == 1500 - 304


@pytest.mark.parametrize(
    ("aspect", "zoom", "size"),
    [
        (Fraction(9, 16), None, (608, 1080)),
        (Fraction(9, 16), 2.0, (304, 540)),
        (Fraction(1), None, (1080, 1080)),
        (None, None, (960, 540)),
        (Fraction(16, 9), None, (960, 540)),
        (None, 1.0, (1920, 1080)),
        (None, 4.0, (480, 270)),
    ],
)
def test_the_crop_has_the_shape_asked_for_or_that_of_the_picture_and_room_to_move(
    aspect: Fraction | None, zoom: float | None, size: tuple[int, int]
) -> None:
    video_tracks = doc(100, track(1, np.linspace(300, 1600, 100)))
    assert asked(video_tracks, TIMES, aspect=aspect, zoom=zoom).size == size


def test_keyframes_have_the_times_of_the_frames_whatever_those_are() -> None:
    random = np.random.default_rng(0)
    times = np.cumsum(random.uniform(0.01, 0.2, 100))
    video_tracks = doc(100, track(1, np.where(np.arange(100) < 60, 400.0, 1500.0)), cuts=[60])
    path = asked(video_tracks, times)
    assert [frame["t"] for frame in path.keyframes()] == pytest.approx(
        [times[0], times[60] - 0.001, times[60], times[99]], abs=1e-6
    )
    assert path.rows(times)[:, 0] == pytest.approx(np.where(np.arange(100) < 60, 96, 1196), abs=0.01)


def test_of_few_pictures_a_second_every_one_is_followed() -> None:
    for last_s in (60.0, 1800.0, 432_000.0):
        times = np.linspace(0, last_s, 60)
        path = asked(doc(60, track(1, np.linspace(400, 1500, 60))), times)
        off = path.rows(times)[:, 0] + 304 - np.linspace(400, 1500, 60)
        assert np.abs(off).max() <= 0.25 * 608


def test_a_glimpse_after_a_gap_does_not_move_the_camera() -> None:
    glimpse = {"frame": 90, "bbox": [1500, 400, 100, 300]}
    frames = track(1, np.full(50, 400.0))["frames"]
    video_tracks = doc(100, {"id": 1, "frames": [*frames, glimpse]})
    rows = asked(video_tracks, TIMES).rows(TIMES)
    assert (rows == rows[0]).all()


@pytest.mark.parametrize(
    ("asks", "named"),
    [
        ({"track": 4}, r"no track has id 4; there are 3 \(person\), 8 \(person\)"),
        ({"class_name": "face"}, "no track is of the class 'face'; there are 'person'"),
        ({"track": 3, "class_name": "face"}, "no track is of the class 'face'"),
        ({"zoom": 0.5}, "zoom 0.5"),
        ({"zoom": float("nan")}, "zoom nan"),
        ({"zoom": 1e9}, "under 1 pixel"),
        ({"times_s": np.arange(101) / RATE}, "theirs has 100 frames, this one 101"),
        ({"width": 1080, "height": 1920}, "theirs is 1920x1080, this one 1080x1920"),
    ],
)
def test_what_cannot_be_followed_is_refused_in_one_line(asks: dict[str, Any], named: str) -> None:
    video_tracks = doc(100, track(3, np.full(20, 400.0)), track(8, np.full(90, 1500.0)))
    wanted = {"track": "main", "aspect": None, "zoom": None, "times_s": TIMES, "width": WIDTH}
    with pytest.raises(BadRequest, match=named) as caught:
        follow_subject(video_tracks, **wanted | {"height": HEIGHT} | asks)
    assert "\n" not in str(caught.value)


def test_a_class_that_is_named_is_followed_even_where_another_one_matters_more() -> None:
    faces = [
        track(number, np.full(frames, 500.0), class_name="face") for number, frames in ((5, 100), (9, 20))
    ]
    video_tracks = doc(100, track(3, np.full(100, 1000.0)), *faces)
    assert asked(video_tracks, TIMES).at(0.5).x == 1000 - 304
    assert asked(video_tracks, TIMES, class_name="face").at(0.5).x == 500 - 304
    assert asked(video_tracks, TIMES, class_name="person").at(0.5).x == 1000 - 304
    assert asked(video_tracks, TIMES, track=5, class_name="face").at(0.5).x == 500 - 304
    with pytest.raises(BadRequest, match=r"no track has id 3; there are 5 \(face\), 9 \(face\)"):
        asked(video_tracks, TIMES, track=3, class_name="face")


def test_where_there_is_nobody_nobody_is_followed() -> None:
    with pytest.raises(BadRequest, match="there is nobody to follow"):
        asked(doc(100), TIMES)


def test_in_each_shot_the_one_who_matters_there_is_followed() -> None:
    video_tracks = doc(
        100,
        track(1, np.full(40, 400.0)),
        track(2, np.full(20, 900.0), first=5),
        track(3, np.full(100, 50.0), class_name="car"),
        track(4, np.full(20, 1500.0), first=70),
        cuts=[40, 60, 90],
    )
    x = asked(video_tracks, TIMES).rows(TIMES)[:, 0]
    # The car that stands at the edge is followed only where nobody is.
    expected = [96.0] * 40 + [0.0] * 20 + [1196.0] * 30 + [0.0] * 10
    assert x == pytest.approx(expected, abs=0.01)
