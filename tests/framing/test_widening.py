"""Tests that a crop shows as much of the picture as its shape allows where nobody is in view."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from orchestrator.framing.follow import Following, follow_subject
from orchestrator.framing.keyframes import CropPath
from orchestrator.framing.safe_zones import SafeZones
from orchestrator.framing.track_file_reader import parse_tracks
from tools.fixtures.follow_scenes import HEIGHT, RATE, WIDTH, Scene, figure, scenes, times_s
from tools.follow_quality import measure_follow

LEAVES = next(scene for scene in scenes() if "nobody is there for 10 s" in scene.name)
"""Person 1 is in view until about 14 s, person 2 from about 26 s on, and a couch all the time."""
TALL = Fraction(9, 16)

Array = NDArray[np.float64]


def followed(scene: Scene, **asks: Any) -> tuple[Following, Array]:
    """Return the crop that follows, and its places at each frame: x, y, w, h."""
    wanted: dict[str, Any] = {"track": "main", "aspect": None, "zoom": None} | asks
    seconds = times_s(scene)
    following = follow_subject(
        parse_tracks(scene.document()), times_s=seconds, width=WIDTH, height=HEIGHT, **wanted
    )
    return following, following.path.rows(seconds)


def scene_of(seconds: int, *figures: Any, cuts: tuple[int, ...] = ()) -> Scene:
    return Scene(name="", frames=seconds * RATE, figures=figures, subjects=(), cuts=cuts)


@pytest.mark.parametrize("zoom", [None, 2.0, 3.0])
def test_where_nobody_is_the_whole_picture_is_shown(zoom: float | None) -> None:
    following, crops = followed(LEAVES, zoom=zoom)
    assert [stretch.track for stretch in following.stretches] == [1, None, 2]
    assert following.stretches[1].reason == "nobody is in view: the whole picture"
    assert (crops[18 * RATE : 23 * RATE] == (0, 0, WIDTH, HEIGHT)).all()
    narrow = np.array((WIDTH, HEIGHT)) / (zoom or 2)
    for seconds in (slice(0, 14 * RATE), slice(26 * RATE, None)):
        assert np.abs(crops[seconds, 2:] - narrow).max() <= 1


def test_where_the_whole_picture_does_not_fit_the_shape_the_largest_crop_in_the_middle_is_shown() -> None:
    following, crops = followed(LEAVES, aspect=TALL, zoom=2.0)
    assert following.stretches[1].reason == "nobody is in view: as much of the picture as the shape allows"
    assert crops[20 * RATE] == pytest.approx(((WIDTH - 608) / 2, 0, 608, HEIGHT), abs=0.1)


def test_it_waits_a_second_and_glides_in_and_out_without_a_snap() -> None:
    following, crops = followed(LEAVES, aspect=TALL, zoom=2.0)
    left, enters = following.stretches[1].start, following.stretches[1].end
    waits = slice(round(left * RATE), round((left + 0.9) * RATE))
    assert (crops[waits, 2] == 304).all()
    assert crops[round(enters * RATE), 2] == pytest.approx(304, abs=1)
    sizes = np.log2(crops[:, 2])
    assert np.abs(np.diff(sizes)).max() * RATE <= 1.6, "smoothstep at its fastest is 1.5 doublings a second"
    assert np.abs(np.diff(sizes, 2)).max() * RATE**2 <= 8
    shapes = crops[:, 2] / crops[:, 3]
    assert np.abs(shapes / float(Fraction(304, 540)) - 1).max() <= 0.001
    ends = crops[:, :2] + crops[:, 2:]
    assert crops.min() >= 0
    assert (ends <= (WIDTH, HEIGHT)).all()


def test_those_who_leave_and_enter_are_seen_as_well_as_before() -> None:
    for aspect, zoom in ((None, None), (TALL, 1.5), (TALL, 2.0)):
        _, crops = followed(LEAVES, aspect=aspect, zoom=zoom)
        tracks = parse_tracks(LEAVES.document())
        quality = measure_follow(LEAVES.truth(), crops, tracks=tracks, times_s=times_s(LEAVES))
        assert quality.share >= 0.98
        assert quality.longest_empty_s <= 1.0


def test_a_short_absence_does_not_widen_the_crop() -> None:
    scene = scene_of(
        20,
        figure(1, "person", [(0, 700), (8, 700)]),
        figure(2, "person", [(11, 1200), (20, 1200)]),
    )
    following, crops = followed(scene)
    assert [stretch.track for stretch in following.stretches] == [1, None, 2]
    assert following.stretches[1].reason.endswith("the middle of the picture")
    assert (crops[:, 2] == WIDTH / 2).all()


def test_it_is_wide_from_the_cut_on_in_a_shot_without_anybody_and_narrow_from_the_next_cut_on() -> None:
    scene = scene_of(
        30,
        figure(1, "person", [(0, 700), (10, 700)]),
        figure(2, "person", [(20, 1200), (30, 1200)]),
        cuts=(10 * RATE, 20 * RATE),
    )
    following, crops = followed(scene)
    assert [stretch.track for stretch in following.stretches] == [1, None, 2]
    wide = crops[:, 2] == WIDTH
    assert np.flatnonzero(np.diff(wide)).tolist() == [10 * RATE - 1, 20 * RATE - 1]
    assert wide[10 * RATE]
    assert set(crops[:, 2].tolist()) == {WIDTH / 2, WIDTH}


def test_it_is_wide_before_the_first_one_enters_and_after_the_last_one_has_left() -> None:
    scene = scene_of(30, figure(1, "person", [(10, 700), (18, 1200)]))
    _, crops = followed(scene)
    assert (crops[: 8 * RATE, 2] == WIDTH).all()
    assert crops[10 * RATE, 2] == pytest.approx(WIDTH / 2, abs=1)
    assert (crops[21 * RATE :, 2] == WIDTH).all()


def test_after_the_last_one_has_left_a_crop_that_cannot_widen_goes_to_the_middle_until_the_end() -> None:
    """Nobody enters at the end of a shot, so the crop need not be anywhere else there."""
    for cuts in ((), (11 * RATE,)):
        scene = scene_of(
            13 if cuts else 11,
            figure(1, "person", [(0, 900), (8, 2000)]),
            *([figure(2, "person", [(11, 300), (13, 300)])] if cuts else []),
            cuts=cuts,
        )
        _, crops = followed(scene, aspect=TALL)
        left = crops[8 * RATE, 0]
        assert left > 1100
        assert crops[11 * RATE - 1, 0] == pytest.approx((WIDTH - 608) / 2, abs=0.1 * 608)


def test_a_crop_that_captions_made_smaller_becomes_large_again() -> None:
    low = figure(1, "person", [(0, 500), (10, 500)], size=(240, 330), bottom=1075)
    _, crops = followed(scene_of(20, low), aspect=TALL, safe=SafeZones(bottom=0.25))
    assert crops[0, 2] < 608
    assert crops[18 * RATE] == pytest.approx(((WIDTH - 606) / 2, 0, 606, HEIGHT), abs=1)


def test_a_crop_that_follows_an_id_keeps_its_size() -> None:
    _, crops = followed(LEAVES, track=1)
    assert (crops[:, 2] == WIDTH / 2).all()


def test_the_keyframes_sent_back_give_the_same_path() -> None:
    following, crops = followed(LEAVES, aspect=TALL, zoom=2.0)
    again = CropPath.parse(following.path.keyframes(), width=WIDTH, height=HEIGHT)
    assert (again.rows(times_s(LEAVES)) == crops).all()
    assert again.size == following.path.size == pytest.approx((608, HEIGHT), abs=0.5)


def test_where_things_are_followed_the_reason_does_not_speak_of_people() -> None:
    robot = figure(1, "robot", [(0, 300), (10, 1700)])
    following, _ = followed(scene_of(20, robot))
    assert following.stretches[0].reason == "nothing else is in view"
    assert following.stretches[1].reason == "nothing to follow is in view: the whole picture"


def test_the_shape_stays_that_of_the_crop_in_a_tiny_picture() -> None:
    """An even width and height of a small crop have another shape than those of the largest one."""
    document = scene_of(20, figure(1, "person", [(0, 700), (8, 900)])).document()
    del document["video"]
    for box in document["tracks"][0]["frames"]:
        box["bbox"] = [side * 64 / WIDTH for side in box["bbox"]]
    seconds = np.arange(20 * RATE) / RATE
    for zoom in (1.3, 2.0, 3.0):
        following = follow_subject(
            parse_tracks(document), track="main", aspect=TALL, zoom=zoom, times_s=seconds, width=64, height=36
        )
        widths = following.path.rows(seconds)[:, 2]
        assert widths[-1] > 1.2 * widths[0]
