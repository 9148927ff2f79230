"""Tests whom `--follow main` follows, in made scenes in which that is known, and how well they are seen."""

from __future__ import annotations

import dataclasses
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.framing.appearances import find_appearances
from orchestrator.framing.class_order import ClassGroup, group_of
from orchestrator.framing.follow import Following, follow_subject
from orchestrator.framing.safe_zones import NO_SAFE_ZONES, SafeZones
from orchestrator.framing.steady_camera import TOP_SPEED
from orchestrator.framing.target import heads_of
from orchestrator.framing.track_file_reader import SubjectTracks, parse_tracks
from orchestrator.jobs.crop import MOST_BESIDE
from tools.fixtures.follow_scenes import HEIGHT, RATE, WIDTH, Figure, Scene, figure, scenes, times_s
from tools.follow_quality import measure_follow

SCENES = {scene.name: scene for scene in scenes()}
TALL = Fraction(9, 16)
CROP_PX = 608

Array = NDArray[np.float64]


def followed(scene: Scene, **asks: Any) -> tuple[SubjectTracks, Following, Array]:
    """Return the tracks, the crop that follows, and its places at each frame."""
    tracks, seconds = parse_tracks(scene.document()), times_s(scene)
    wanted: dict[str, Any] = {"track": "main", "aspect": TALL, "zoom": None} | asks
    following = follow_subject(tracks, times_s=seconds, width=WIDTH, height=HEIGHT, **wanted)
    return tracks, following, following.path.rows(seconds)


def whom(scene: Scene, **asks: Any) -> list[int | None]:
    return [stretch.track for stretch in followed(scene, **asks)[1].stretches]


def scene_of(seconds: int, *figures: Figure, cuts: tuple[int, ...] = ()) -> Scene:
    return Scene(name="", frames=seconds * RATE, figures=figures, subjects=(), cuts=cuts)


@pytest.mark.parametrize("aspect", [TALL, Fraction(4, 5), Fraction(1)], ids=str)
@pytest.mark.parametrize("name", SCENES)
def test_whoever_should_be_seen_lies_in_a_quiet_crop(name: str, aspect: Fraction) -> None:
    scene = SCENES[name]
    tracks, _, crops = followed(scene, aspect=aspect)
    quality = measure_follow(scene.truth(), crops, tracks=tracks, times_s=times_s(scene))
    assert quality.share >= 0.98
    assert quality.longest_empty_s <= 1.0
    assert quality.jerk <= 0.1 * quality.raw_jerk


@pytest.mark.parametrize("zoom", [1.25, 1.5, 2.0])
@pytest.mark.parametrize("aspect", [TALL, Fraction(4, 5), Fraction(1), None], ids=str)
def test_a_smaller_crop_is_never_empty_for_long(aspect: Fraction | None, zoom: float) -> None:
    """Computed here from the true boxes, not by tools/follow_quality.py: somebody's head is in the crop."""
    for scene in SCENES.values():
        _, _, crops = followed(scene, aspect=aspect, zoom=zoom)
        truth = scene.truth()
        seen, shown = (np.zeros(scene.frames, np.bool_) for _ in range(2))
        for number, (frames, boxes) in truth.items():
            (name,) = {each.class_name for each in scene.figures if each.number == number}
            head = heads_of(boxes, name)
            middle = (head[:, :2] + head[:, 2:]) / 2
            near = crops[frames, :2]
            seen[frames] = True
            shown[frames] |= ((middle >= near) & (middle <= near + crops[frames, 2:])).all(axis=1)
        runs = "".join("x" if empty else " " for empty in seen & ~shown).split()
        assert max(map(len, runs), default=0) <= RATE


@pytest.mark.parametrize(
    ("places", "most"),
    [
        ([(0, 300), (3, 300), (4.5, 1500), (7, 1500), (8, 900), (12, 900)], 16.0),
        ([(0, 300), (2, 500), (3, 1100), (4, 1200), (6, 1300), (7, 700), (9, 600), (12, 1500)], 8.0),
    ],
)
def test_a_glide_starts_and_ends_gently_when_the_subject_runs(
    places: list[tuple[float, float]], most: float
) -> None:
    """With a fifth of the cost of jerk the sums of its third differences are 19.5 and 9.3 pixels."""
    scene = scene_of(12, figure(1, "person", places))
    tracks, _, crops = followed(scene)
    assert np.abs(np.diff(crops[:, 0], 3)).sum() <= most
    boxes = tracks.by_id[1].boxes
    inside = (boxes[:, 0] >= crops[:, 0] - 1) & (boxes[:, 2] <= crops[:, 0] + crops[:, 2] + 1)
    assert inside.mean() >= 0.98


def test_in_all_scenes_together_a_subject_lies_in_the_crop_in_98_of_100_frames() -> None:
    qualities = []
    for scene in SCENES.values():
        tracks, _, crops = followed(scene)
        qualities.append(measure_follow(scene.truth(), crops, tracks=tracks, times_s=times_s(scene)))
    assert sum(qualities[1:], qualities[0]).share >= 0.98


def test_people_come_before_a_larger_refrigerator() -> None:
    assert whom(SCENES["a walker and a large refrigerator"]) == [2]


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("person", ClassGroup.PERSON),
        ("Face", ClassGroup.PERSON),
        ("dog", ClassGroup.ANIMAL),
        ("car", ClassGroup.MOVER),
        ("sports ball", ClassGroup.MOVER),
        ("my robot", ClassGroup.MOVER),
        ("refrigerator", ClassGroup.STILL),
        ("dining_table", ClassGroup.STILL),
    ],
)
def test_classes_have_an_order_and_unknown_ones_may_move(name: str, group: ClassGroup) -> None:
    assert group_of(name) is group


def test_what_never_moves_is_followed_only_where_nothing_else_was_tracked() -> None:
    vase = figure(1, "vase", [(0, 400), (10, 400)])
    glimpse = figure(2, "person", [(0, 1500), (2, 1500)])
    assert whom(scene_of(10, vase)) == [1]
    assert whom(scene_of(10, vase, glimpse)) == [2, None]


def test_motion_counts_and_area_does_not() -> None:
    large = figure(1, "person", [(0, 500), (20, 500)], size=(400, 1000), bottom=1060)
    small = figure(2, "person", [(0, 1500), (10, 1200), (20, 1500)])
    assert whom(scene_of(20, large, small)) == [2]
    assert whom(scene_of(20, large, dataclasses.replace(small, boxes=small.boxes * 0 + small.boxes[0]))) == [
        1
    ]


def test_a_robot_that_moves_comes_before_a_larger_crate_and_a_parked_car_is_nobody() -> None:
    assert whom(SCENES["classes that nobody has listed: a robot moves, a crate does not"]) == [2]
    car = figure(1, "car", [(0, 300), (20, 300)], size=(500, 250))
    walker = figure(2, "person", [(0, 900), (8, 2050)])
    assert whom(scene_of(20, car, walker)) == [2, None]
    assert whom(scene_of(20, car)) == [1]


def test_boxes_that_the_detector_doubts_count_less() -> None:
    sure, doubted = figure(1, "person", [(0, 300), (9, 300)]), figure(2, "person", [(0, 1300), (9, 1300)])
    scene = scene_of(9, sure, doubted)
    document = scene.document()
    asks: dict[str, Any] = {"track": "main", "aspect": TALL, "zoom": None, "width": WIDTH, "height": HEIGHT}
    for confidence, expected in ((0.8, 2), (0.1, 1)):
        for box in document["tracks"][1]["frames"]:
            box["confidence"] = confidence
        following = follow_subject(parse_tracks(document), times_s=times_s(scene), **asks)
        assert following.stretches[0].track == expected


@pytest.mark.parametrize("seconds", [4, 8, 20])
def test_a_person_who_enters_comes_before_a_dog_or_a_car_that_is_followed(seconds: int) -> None:
    """Both lie in different halves of the picture, so that the crop shows only one of them."""
    dog = figure(1, "dog", [(0, 400), (40, 400)], size=(300, 200))
    car = figure(1, "car", [(0, 300), (20, 600), (40, 300)], size=(400, 250))
    person = figure(2, "person", [(10, 1300), (10 + seconds, 1500)])
    for other in (dog, car):
        _, following, crops = followed(scene_of(40, other, person))
        assert [stretch.track for stretch in following.stretches] == [1, 2, 1]
        assert "its class comes before all others in view" in following.stretches[1].reason
        boxes, shown = person.boxes, crops[person.first : person.first + len(person.boxes)]
        inside = (boxes[:, 0] >= shown[:, 0] - 1) & (boxes[:, 2] <= shown[:, 0] + CROP_PX + 1)
        assert inside[RATE:-RATE].all(), (
            "it is seen, but for the second in which the camera glides to it or back"
        )


@pytest.mark.parametrize(("walk_s", "pause_s"), [(4, 1.5), (8, 2), (8, 3)])
def test_the_crop_does_not_wait_for_walkers_while_somebody_stands_there(
    walk_s: float, pause_s: float
) -> None:
    """Somebody stands at the left all the time; walkers who would be worth more leave at the right."""
    stands, walkers, begin_s = figure(1, "person", [(0, 300), (40, 300)]), list[Figure](), 0.0
    while begin_s + walk_s <= 40:
        places = [(begin_s, 700), (begin_s + walk_s, 1995)]
        walkers.append(figure(len(walkers) + 2, "person", places))
        begin_s += walk_s + pause_s
    scene = scene_of(40, stands, *walkers)
    _, _, crops = followed(scene)
    empty = np.ones(scene.frames, np.bool_)
    for each in scene.figures:
        middles = (each.boxes[:, 0] + each.boxes[:, 2]) / 2
        frames = slice(each.first, each.first + len(middles))
        empty[frames] &= (middles < crops[frames, 0]) | (middles > crops[frames, 0] + CROP_PX)
    runs = "".join("x" if each else " " for each in empty).split()
    assert max(map(len, runs), default=0) <= RATE


def test_when_one_leaves_the_camera_glides_to_the_next_one_and_never_jumps() -> None:
    _, following, crops = followed(SCENES["one leaves, the next one enters, then a third"])
    assert [stretch.track for stretch in following.stretches] == [1, 2, 3]
    assert all("has left" in stretch.reason for stretch in following.stretches[1:])
    assert np.abs(np.diff(crops[:, 0])).max() <= 1.5 * TOP_SPEED * CROP_PX / RATE


def test_somebody_in_a_video_of_one_frame_or_in_shots_of_one_frame_is_followed() -> None:
    one = Scene(name="", frames=1, figures=[figure(1, "person", [(0, 400), (0.04, 400)])], subjects=())
    (stretch,) = followed(one)[1].stretches
    assert (stretch.track, stretch.start) == (1, 0)
    assert stretch.end > 0
    three = Scene(
        name="", frames=3, figures=[figure(1, "person", [(0, 400), (0.12, 400)])], subjects=(), cuts=(1, 2)
    )
    assert whom(three) == [1, 1, 1]


def test_no_more_than_twenty_are_kept_beside_somebody() -> None:
    crowd = [figure(number, "person", [(0, 500 + number), (4, 500 + number)]) for number in range(1, 40)]
    (stretch,) = followed(scene_of(4, *crowd))[1].stretches
    assert len(stretch.beside) == MOST_BESIDE == 20


def test_boxes_of_no_size_have_a_weight_all_the_same() -> None:
    document = scene_of(4, figure(1, "person", [(0, 400), (4, 400)])).document()
    for number, box in enumerate(document["tracks"][0]["frames"]):
        box["bbox"] = [number, 0, 1e-300, 1e-300]
    tracks = parse_tracks(document | {"video": {}})
    for appearance in find_appearances(tracks, times_s=np.arange(100) / RATE, width=WIDTH, height=HEIGHT):
        assert 0 <= appearance.weight <= 1


def test_it_jumps_only_at_the_cuts() -> None:
    scene = SCENES["three shots, each with another person"]
    _, following, crops = followed(scene)
    assert [(stretch.start, stretch.track) for stretch in following.stretches] == [(0, 1), (12, 2), (24, 3)]
    jumps = np.flatnonzero(np.abs(np.diff(crops[:, 0])) > 1.5 * TOP_SPEED * CROP_PX / RATE) + 1
    assert jumps.tolist() == list(scene.cuts)


def test_where_nobody_is_the_crop_goes_to_the_middle_of_the_picture() -> None:
    _, following, crops = followed(SCENES["one leaves, nobody is there for 10 s, another one enters"])
    assert [stretch.track for stretch in following.stretches] == [1, None, 2]
    middle = crops[18 * RATE : 22 * RATE, 0] + CROP_PX / 2
    assert np.abs(middle - WIDTH / 2).max() <= 0.1 * CROP_PX
    empty = scene_of(8, figure(1, "person", [(0, 300), (4, 300)]), cuts=(4 * RATE,))
    _, _, crops = followed(empty)
    assert crops[4 * RATE :, 0] == pytest.approx(np.full(4 * RATE, (WIDTH - CROP_PX) / 2), abs=0.1)


def test_a_short_absence_and_a_glimpse_do_not_move_the_camera() -> None:
    away = figure(1, "person", [(0, 500), (9, 500)])
    boxes = np.delete(away.boxes, np.s_[80:100], axis=0)
    assert len(boxes) < len(away.boxes)
    document = scene_of(9, away, figure(2, "person", [(3.3, 1700), (3.8, 1700)])).document()
    document["tracks"][0]["frames"] = [
        box for box in document["tracks"][0]["frames"] if not 80 <= box["frame"] < 100
    ]
    tracks, seconds = parse_tracks(document), np.arange(9 * RATE) / RATE
    following = follow_subject(
        tracks, track="main", aspect=TALL, zoom=None, times_s=seconds, width=WIDTH, height=HEIGHT
    )
    rows = following.path.rows(seconds)
    assert [stretch.track for stretch in following.stretches] == [1]
    assert (rows == rows[0]).all()


def test_two_side_by_side_are_both_kept_where_the_shape_allows() -> None:
    scene = SCENES["two side by side"]
    tracks, following, crops = followed(scene)
    assert (following.stretches[0].track, following.stretches[0].beside) == (1, (2,))
    for subject in tracks.by_id.values():
        if subject.class_name == "person":
            assert (subject.boxes[:, 0] >= crops[subject.frames, 0]).all()
            assert (subject.boxes[:, 2] <= crops[subject.frames, 0] + CROP_PX).all()
    # In a crop half as wide only one of them has room.
    _, narrow, _ = followed(scene, zoom=2)
    assert narrow.stretches[0].beside == ()


def test_somebody_beside_who_moves_up_out_of_the_crop_is_no_longer_kept() -> None:
    """Together they are at first 700 high, then 800, in a crop of 720."""
    main = figure(1, "person", [(0, 900), (6, 1000), (12, 900), (20, 900)])
    other = figure(2, "person", [(0, 1150), (20, 1150)])
    up = np.interp(np.arange(20 * RATE) / RATE, [0, 4, 8, 20], [280, 280, 380, 380])
    other = dataclasses.replace(other, boxes=other.boxes - up[:, None] * (0, 1, 0, 1))
    tracks, following, crops = followed(scene_of(20, main, other), aspect=Fraction(1), zoom=1.5)
    assert (following.stretches[0].track, following.stretches[0].beside) == (1, (2,))
    boxes = tracks.by_id[1].boxes
    inside = (boxes[:, :2] >= crops[:, :2] - 1) & (boxes[:, 2:] <= crops[:, :2] + crops[:, 2:] + 1)
    assert inside.all(axis=1).mean() >= 0.95


@pytest.mark.parametrize("high", [580, 760, 900])
@pytest.mark.parametrize("share", [1.0, 0.85])
def test_two_who_are_higher_than_the_crop_are_both_kept(high: int, share: float) -> None:
    """The crop is 960x540, wide enough for both; the second one may be smaller."""
    size, bottom = (0.3 * high, high), min(1060, high + 300)
    main = figure(1, "person", [(0, 900), (10, 850), (20, 900)], size=size, bottom=bottom, swing=0.05)
    other = figure(
        2, "person", [(0, 1250), (20, 1250)], size=(share * size[0], share * high), bottom=bottom, swing=0.05
    )
    _, following, crops = followed(scene_of(20, main, other), aspect=None, zoom=2.0)
    assert [(stretch.track, stretch.beside) for stretch in following.stretches] == [(1, (2,))]
    for each in (main, other):
        heads = heads_of(each.boxes, "person")
        assert (heads[:, :2] >= crops[:, :2] - 1).all()
        assert (heads[:, 2:] <= crops[:, :2] + crops[:, 2:] + 1).all()
        assert (each.boxes[:, 0] >= crops[:, 0] - 1).all()
        assert (each.boxes[:, 2] <= crops[:, 0] + crops[:, 2] + 1).all()


def test_of_a_figure_that_is_hardly_higher_than_the_crop_hardly_anything_is_cut_off() -> None:
    """It is 545 high, and the crop 540; with a headroom of a tenth its feet were cut off."""
    scene = scene_of(20, figure(1, "person", [(0, 500), (20, 1400)], size=(180, 545), bottom=950))
    _, _, crops = followed(scene, aspect=None, zoom=2.0)
    boxes = scene.figures[0].boxes
    top, bottom = np.maximum(boxes[:, 1], crops[:, 1]), np.minimum(boxes[:, 3], crops[:, 1] + crops[:, 3])
    assert ((bottom - top) / (boxes[:, 3] - boxes[:, 1])).min() >= 0.96


def test_of_two_who_do_not_fit_the_one_who_moves_is_kept_or_the_one_nearest_the_middle() -> None:
    _, moving, _ = followed(SCENES["two far apart, of whom one moves"])
    _, still, _ = followed(SCENES["two far apart who stand still"])
    assert [(stretch.track, stretch.beside) for stretch in moving.stretches] == [(2, ())]
    assert "moves more" in moving.stretches[0].reason
    assert [(stretch.track, stretch.beside) for stretch in still.stretches] == [(2, ())]
    assert "nearer the middle" in still.stretches[0].reason


def low_heads(crops: Array, boxes: Array, bottom: float) -> float:
    """Return the share of frames in which the lower edge of the head is in the covered part of the crop."""
    heads = heads_of(boxes, "person")
    limit = crops[:, 1] + (1 - bottom) * crops[:, 3]
    return float((heads[:, 3] > limit + 1).mean())


def test_a_safe_zone_keeps_a_head_out_from_under_captions() -> None:
    """The figure sits low in the picture: without the zone its head is where captions are."""
    low = figure(1, "person", [(0, 500), (10, 1300), (20, 1300)], size=(240, 330), bottom=1075)
    scene = scene_of(20, low)
    _, free, crops = followed(scene)
    tracks, safe, clear = followed(scene, safe=SafeZones(bottom=0.25))
    boxes = tracks.by_id[1].boxes
    assert low_heads(crops, boxes, 0.25) > 0.5
    assert low_heads(clear, boxes, 0.25) <= 0.02
    assert safe.path.size < free.path.size, "only a smaller crop can do that"
    inside = (clear[:, 0] <= boxes[:, 0] + 1) & (clear[:, 0] + clear[:, 2] >= boxes[:, 2] - 1)
    assert inside.mean() >= 0.98


@pytest.mark.parametrize("name", ["person", "bear", "bus"])
def test_of_whatever_is_higher_than_the_crop_the_top_is_shown(name: str) -> None:
    """A bear that rises to its feet must not lose its head."""
    scene = scene_of(10, figure(1, name, [(0, 700), (10, 1200)], size=(420, 800), bottom=1000))
    tracks, _, crops = followed(scene, aspect=None, zoom=2.0)
    top, room = tracks.by_id[1].boxes[:, 1], crops[:, 3]
    assert (crops[:, 1] <= top + 0.01 * room).all()
    assert (crops[:, 1] >= top - 0.2 * room).all()


@pytest.mark.parametrize(
    ("name", "box", "zoom"),
    [
        ("person", (200, 600), 2.0),
        ("person", (840, 900), 1.5),  # the head is about 420 high
        ("person", (1060, 980), 1.25),
        ("face", (300, 400), 1.75),
        ("bear", (400, 600), 1.25),
        ("car", (300, 200), 2.0),
    ],
)
def test_a_crop_of_the_pictures_shape_has_room_for_heads_that_are_close(
    name: str, box: tuple[int, int], zoom: float
) -> None:
    scene = scene_of(10, figure(1, name, [(0, 800), (10, 1100)], size=box, bottom=1000))
    _, following, crops = followed(scene, aspect=None)
    assert following.path.size == pytest.approx((WIDTH / zoom, HEIGHT / zoom), abs=2)
    asked = followed(scene, aspect=None, zoom=3.0)[1]
    assert asked.path.size == (WIDTH / 3, HEIGHT / 3), "what is asked for counts"
    assert np.abs(crops[:, 2:] - following.path.size).max() < 1


@pytest.mark.parametrize("track", ["main", 1])
def test_a_close_up_is_shown_whole_and_the_other_shots_have_room_to_move(track: int | str) -> None:
    """A crop of 0.8 of the height cut off the chin of a head that fills the picture."""
    close = figure(1, "person", [(0, 1000), (8, 1100)], size=(1100, 1000), bottom=1080)
    far = figure(2, "person", [(8, 600), (16, 1400)])
    only = followed(scene_of(8, close), aspect=None, track=track)[2]
    assert np.abs(only - (0, 0, WIDTH, HEIGHT)).max() == 0
    again = dataclasses.replace(far, number=1, first=0, boxes=np.vstack((close.boxes, far.boxes)))
    figures = [again] if track == 1 else [close, far]
    _, following, crops = followed(scene_of(16, *figures, cuts=(8 * RATE,)), aspect=None, track=track)
    assert np.abs(crops[: 8 * RATE] - (0, 0, WIDTH, HEIGHT)).max() < 0.5
    assert np.abs(crops[8 * RATE :, 2:] - (WIDTH / 2, HEIGHT / 2)).max() < 0.5
    assert following.path.size == pytest.approx((WIDTH, HEIGHT))
    later = crops[8 * RATE :]
    inside = (later[:, 0] <= far.boxes[:, 0]) & (far.boxes[:, 2] <= later[:, 0] + later[:, 2])
    assert inside.mean() >= 0.98


@pytest.mark.parametrize(
    ("size", "bottom"),
    [((1100, 1000), 1030), ((1100, 900), 1080), ((700, 1000), 1080)],
    ids=["not cut off", "with room above", "narrow"],
)
def test_a_figure_that_is_no_close_up_is_not_shown_whole(size: tuple[int, int], bottom: int) -> None:
    scene = scene_of(8, figure(1, "person", [(0, 900), (8, 1100)], size=size, bottom=bottom))
    assert followed(scene, aspect=None)[1].path.size[0] < WIDTH


@pytest.mark.parametrize("name", ["person", "face", "dog"])
def test_of_a_head_that_does_not_fit_above_captions_as_much_as_possible_is_shown(name: str) -> None:
    """The box is 450 high, as a person's head would be; captions leave 0.75 of 540, 405 pixels."""
    size = (900, 900) if name == "person" else (450, 450)
    scene = scene_of(10, figure(1, name, [(0, 800), (10, 1100)], size=size, bottom=1000))
    tracks, _, crops = followed(scene, aspect=None, zoom=2.0, safe=SafeZones(bottom=0.25))
    above = tracks.by_id[1].boxes[:, 1] - crops[:, 1]
    assert abs(np.median(above)) <= 0.03 * 540, "as without captions, a tenth of the crop would be lost"


def test_a_safe_zone_at_the_top_moves_a_crop_that_has_room_up() -> None:
    scene = scene_of(20, figure(1, "person", [(0, 500), (20, 1300)], size=(160, 320), bottom=800))
    heads = heads_of(followed(scene)[0].by_id[1].boxes, "person")
    covered = {}
    for share in (0.0, 0.3):
        _, _, crops = followed(scene, zoom=2.0, safe=SafeZones(top=share))
        covered[share] = float((heads[:, 1] < crops[:, 1] + 0.3 * crops[:, 3] - 1).mean())
    assert covered[0.0] > 0.9
    assert covered[0.3] <= 0.02


def test_a_safe_zone_at_the_side_moves_the_subject_away_from_it() -> None:
    scene = scene_of(10, figure(1, "person", [(0, 960), (10, 960)]))
    places = {}
    for name, safe in (
        ("none", NO_SAFE_ZONES),
        ("left", SafeZones(left=0.4)),
        ("right", SafeZones(right=0.4)),
    ):
        places[name] = followed(scene, safe=safe, zoom=1.0)[2][0, 0]
    assert places["none"] == pytest.approx(960 - CROP_PX / 2, abs=5)
    assert places["left"] == pytest.approx(960 - 0.7 * CROP_PX, abs=5)
    assert places["right"] == pytest.approx(960 - 0.3 * CROP_PX, abs=5)


def test_who_comes_later_is_not_left_out_of_the_reason() -> None:
    first = figure(1, "person", [(0, 700), (10, 1100)])
    ball = figure(2, "ball", [(0, 300), (10, 300)], size=(60, 60))
    late = figure(3, "person", [(1, 1700), (10, 1700)])
    reasons = []
    for figures in ((first,), (first, ball), (first, late), (first, ball, late)):
        _, following, _ = followed(scene_of(10, *figures))
        assert following.stretches[0].track == 1
        reasons.append(following.stretches[0].reason)
    alone, above, early = (
        "nobody else is in view",
        "its class comes before all others in view",
        "it is in view first",
    )
    assert reasons == [alone, above, early, early]


def test_the_stretches_say_whom_and_why_at_every_moment() -> None:
    for scene in SCENES.values():
        for asks in ({}, {"track": 1}):
            _, following, _ = followed(scene, **asks)
            times = [time for stretch in following.stretches for time in (stretch.start, stretch.end)]
            assert times[0] == 0
            assert times[-1] == scene.frames / RATE
            assert times[1:-1:2] == times[2::2]
            assert all(stretch.reason and stretch.start < stretch.end for stretch in following.stretches)
        for stretch in following.stretches:
            said = "names this track" if stretch.track == 1 else "track 1 is not in view: the camera stays"
            assert said in stretch.reason


def test_a_short_time_without_a_subject_is_a_stretch_of_its_own() -> None:
    """The truth is written out here: who is in view when, and where the cuts are."""
    figures = [
        figure(1, "person", [(0, 400), (4, 500)]),
        figure(2, "person", [(5.2, 900), (9, 900)]),
        figure(3, "person", [(9.2, 300), (9.5, 300)]),  # a glimpse
        figure(4, "person", [(10.6, 1500), (14, 1500)]),
        figure(5, "person", [(14.4, 1000), (18, 1000)]),
    ]
    _, following, _ = followed(scene_of(19, *figures, cuts=(9 * RATE, 14 * RATE)))
    assert [(each.start, each.end, each.track) for each in following.stretches] == [
        (0, 4, 1),
        (4, 5.2, None),
        (5.2, 9, 2),
        (9, 10.6, None),
        (10.6, 14, 4),
        (14, 18, 5),  # the detector may need the first 0.4 s
        (18, 19, None),
    ]
    reasons = [each.reason for each in following.stretches if each.track is None]
    assert reasons == [
        "nobody is in view: the camera goes on to the next one",
        "whoever is in view is there too briefly to be followed: the camera waits for the next one",
        "nobody is in view: the camera stays",
    ]


def test_the_stretches_of_a_named_track_say_when_it_is_away() -> None:
    document = scene_of(12, figure(1, "person", [(1, 400), (10, 900)])).document()
    (track,) = document["tracks"]
    away = [*range(75, 81), *range(125, 165)]  # 0.24 s, which the camera does not notice, and 1.6 s
    track["frames"] = [box for box in track["frames"] if box["frame"] not in away]
    document["video"]["cuts"] = [270, 280]
    following = follow_subject(
        parse_tracks(document),
        track=1,
        aspect=TALL,
        zoom=None,
        times_s=np.arange(12 * RATE) / RATE,
        width=WIDTH,
        height=HEIGHT,
    )
    assert [(each.start, each.end, each.track) for each in following.stretches] == [
        (0, 1, None),
        (1, 5, 1),
        (5, 6.6, None),
        (6.6, 10, 1),
        (10, 12, None),
    ]
